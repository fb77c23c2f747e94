//! A courier, turn by turn, at moments that the tests name: what operators want where the endpoint is spared.

use std::sync::Arc;

use holdfast_core::{PlatformName, ProgramId, StandInCause};

use super::super::beside::{Beside, Records};
use super::super::event::EventKind;
use super::super::letter::Retried;
use super::super::outbox::Outbox;
use super::super::post::{Address, Keys};
use super::super::signal::Signal;
use super::super::target::Addresses;
use super::*;
use crate::metrics::Metrics;
use crate::profiles::{self, Profiles};
use crate::seal::Sealer;

/// When it happens; by another clock than the machine's.
const START: Timestamp = Timestamp::from_unix_seconds(1_000_000);

fn program() -> ProgramId {
    ProgramId::try_from("demo").unwrap()
}

/// A courier of an endpoint that is told of one program, and what another process has of its letters.
struct House {
    courier: Courier,
    round: Round,
    beside: Outbox,
    _directory: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(directory.path()).unwrap();
        outbox.enter("office", 1).unwrap();
        let subscription = Subscription { program: program(), kinds: vec![EventKind::StandInEntered, EventKind::StandInLeft] };
        let url = "http://127.0.0.1:9/".parse().unwrap();
        let (roots, timeout) = (Vec::new(), Duration::from_secs(1));
        let address = Address { url, addresses: Addresses::Any, keys: Keys::new(Vec::new()), roots, timeout };
        let profiles = Profiles::open(profiles::Store::open(directory.path(), Sealer::default()).unwrap(), None).unwrap();
        let metrics = Metrics::new(&[(program(), PlatformName::try_from("marqeta").unwrap())]).unwrap();
        let (endpoint, outbox) = ("office".to_owned(), Rc::new(outbox));
        let mut courier = Courier {
            name: endpoint.clone(),
            subscription,
            post: Rc::new(Post::new(address).unwrap()),
            in_flight_max: 32,
            store: Store::Beside(Beside { endpoint, outbox, records: Records::Elsewhere, feed: None }),
            reader: Reader { sealer: Sealer::default(), profiles: Arc::new(profiles) },
            metrics: metrics.endpoint("office").0,
            say: |_| {},
        };
        let round = courier.begin().await.unwrap();
        let beside = Outbox::open(directory.path()).unwrap();
        House { courier, round, beside, _directory: directory }
    }

    /// A program is in stand-in, and is not any more: two events, one behind the other.
    fn happens(&self) {
        let entered = Signal::Entered { program: program(), since: START, cause: StandInCause::Switched };
        self.beside.keep(&entered, None).unwrap();
        self.beside.keep(&Signal::Left { program: program(), at: START, exposure_minor: 0 }, None).unwrap();
    }

    /// What is sent when the courier looks.
    async fn sent_at(&mut self, now: Timestamp) -> Vec<Item> {
        // What is read becomes letters, and then they are due.
        for _ in 0..2 {
            self.courier.prepare(&mut self.round, 0, now).await.unwrap();
        }
        let mut sent = Vec::new();
        while let Some(item) = self.courier.next(&mut self.round, now) {
            self.round.out = self.round.out.saturating_add(1);
            sent.push(item);
        }
        sent
    }

    /// The one event that is sent then, and what becomes of it.
    async fn sends_one(&mut self, now: Timestamp, how: Result<(), Refused>) {
        let mut sent = self.sent_at(now).await;
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert!(self.sent_at(now).await.is_empty(), "one at a time");
        self.courier.came_back(&mut self.round, sent.remove(0), &(now, how), now);
    }

    /// The endpoint refuses the first of the two so often; and when that was the last time.
    async fn refuses(&mut self, times: u32) -> Timestamp {
        self.happens();
        let mut now = START;
        for _ in 0..times {
            // Later than any wait.
            now = now.saturating_add(Duration::from_secs(200_000));
            self.sends_one(now, refused()).await;
        }
        assert!(self.sent_at(now).await.is_empty(), "it is spared");
        assert!(matches!(self.round.circuit.passage(now), Passage::Shut(_)));
        now
    }
}

fn refused() -> Result<(), Refused> {
    Err(Refused::Status(500))
}

#[tokio::test]
async fn a_letter_that_an_operator_wants_sent_is_tried_at_once_whatever_the_circuit_says() {
    let mut house = House::new().await;
    let now = house.refuses(5).await;
    let shut = house.round.circuit.passage(now);
    assert_eq!(house.beside.retry(1).unwrap(), Retried::Due);
    house.sends_one(now, refused()).await;
    assert!(house.sent_at(now).await.is_empty(), "once");
    assert_eq!(house.round.circuit.passage(now), shut, "which makes nothing worse");
    assert_eq!(house.beside.all().unwrap()[0].attempts, 1, "its attempts begin anew");
    assert_eq!(house.beside.retry(1).unwrap(), Retried::Due);
    house.sends_one(now, Ok(())).await;
    assert_eq!(house.round.circuit.passage(now), Passage::Free);
    house.sends_one(now, Ok(())).await;
    assert_eq!(house.beside.all().unwrap().len(), 1, "until it is written");
    assert!(house.sent_at(now).await.is_empty());
    assert_eq!(house.beside.all().unwrap(), []);
}

#[tokio::test]
async fn so_is_a_dead_letter() {
    let mut house = House::new().await;
    let now = house.refuses(12).await;
    assert_eq!(house.beside.counts("office").unwrap(), (1, 1));
    assert_eq!(house.beside.retry(1).unwrap(), Retried::Due);
    let sent = house.sent_at(now).await;
    assert!(matches!(&sent[..], [Item::Letter { letter, .. }] if letter.id == 1), "{sent:?}");
}

#[tokio::test]
async fn one_that_waits_behind_another_is_told_to() {
    let mut house = House::new().await;
    let now = house.refuses(5).await;
    assert_eq!(house.beside.retry(2).unwrap(), Retried::Behind(1));
    assert!(house.sent_at(now).await.is_empty());
    assert_eq!(house.beside.retry(3).unwrap(), Retried::Unknown);
}

#[tokio::test]
async fn an_endpoint_that_took_a_test_is_spared_no_longer() {
    let mut house = House::new().await;
    let now = house.refuses(5).await;
    let (first, last) = Replay::OF_NOTHING;
    house.beside.ask_for_replay("office", first, last).unwrap();
    house.sent_at(now).await;
    assert_eq!(house.round.circuit.passage(now), Passage::Free);
    assert_eq!(house.beside.replay("office").unwrap(), None, "it was heard");
}
