//! The projection beside an engine that is driven by hand: no thread, no clock, so that a test says who has come how far.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

mod cold;
mod counted;
mod files;
mod histories;
mod lists;
mod one_name;
mod running;
mod trimmed;

use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::Unrecognized;
use holdfast_adapters::payment::KeyIs;
use holdfast_core::hold::*;
use holdfast_core::rules::*;
use holdfast_core::*;
use tempfile::TempDir;

use super::Follower;
use super::checkpoint::Beginning;
use super::find::Finder;
use crate::clock::{self, Moment};
use crate::journal::{Body, Group, Journal, Sync};
use crate::ledger::embedded::again::Again;
use crate::ledger::embedded::cold::{Cold, Left, Nowhere, Reading};
use crate::ledger::embedded::engine::{Engine, Performed, Warmth};
use crate::ledger::embedded::state::{GoneNames, HoldNumber, NameKey, Picture, State};
use crate::ledger::{Act, Adopt, Answer, Decide, Entry, LedgerError, Ordering, Origin};

/// Far beyond any test.
const LONG: Duration = Duration::from_secs(3600);

/// An engine on a journal, and the follower of that journal.
struct Bench {
    directory: TempDir,
    engine: Option<Engine>,
    follower: Option<Follower>,
    key: NameKey,
    closed_kept: Duration,
    now: Timestamp,
}

impl Bench {
    /// An empty ledger that keeps ended holds for so long.
    fn keeping_closed(closed_kept: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let mut bench = Bench { directory, engine: None, follower: None, key: NameKey(0, 0), closed_kept, now };
        bench.start();
        bench
    }

    /// An empty ledger.
    fn empty() -> Self {
        Bench::keeping_closed(Duration::from_secs(600))
    }

    /// A ledger with an account `a` of so much, and its card `c` of the cardholder `h`.
    fn with(balance: i64) -> Self {
        let mut bench = Bench::empty();
        bench.furnish(balance);
        bench
    }

    fn furnish(&mut self, balance: i64) {
        self.act(&Act::Enter(Origin::of(program()), vec![account("a", balance), card("c", "a", Some("h"))])).unwrap();
        self.commit();
    }

    /// Starts from what is in the directory; what was thrown away for it.
    fn start(&mut self) -> Option<String> {
        let journal = Journal::open(self.directory.path(), Sync::None).unwrap();
        let (mut follower, mut thrown_away) = Follower::open(self.directory.path()).unwrap();
        let (state, damaged) = follower.restore().unwrap();
        thrown_away = thrown_away.or(damaged);
        let mut engine = Engine::new(Box::new(journal), Box::new(state));
        engine.keep_closed(self.closed_kept);
        engine.projected_to(follower.projected());
        engine.rebuild(follower.projected() + 1, &self.finder(), |_| {}).unwrap();
        engine.gone_before(names_kept(&follower.finder().unwrap()));
        self.key = follower.key();
        (self.engine, self.follower) = (Some(engine), Some(follower));
        thrown_away
    }

    /// Stops where everybody is, without finishing anything that is not committed.
    fn stop(&mut self) {
        (self.engine, self.follower) = (None, None);
    }

    fn restart(&mut self) -> Option<String> {
        self.stop();
        self.start()
    }

    fn finder(&self) -> Finder {
        self.follower.as_ref().map_or_else(|| Finder::open(self.directory.path(), Arc::default()), Follower::finder).unwrap()
    }

    fn reader(&self) -> super::read::Reader {
        super::read::Reader::open(self.directory.path()).unwrap()
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    /// Performs an act as the writer and its finder do.
    fn act(&mut self, act: &Act) -> Result<Answer, LedgerError> {
        let now = Moment { instant: clock::instant(), utc: self.now };
        let performed = match self.engine().attend(act, &now, Warmth::Unknown) {
            Performed::Cold(need) => {
                let found = self.finder().find(&need).unwrap();
                self.engine().warm(found, now.utc);
                self.engine().attend(act, &now, Warmth::Found)
            }
            performed @ (Performed::Now(_) | Performed::OnceDurable(_)) => performed,
        };
        match performed {
            Performed::Now(answer) => answer,
            Performed::OnceDurable(answer) => Ok(answer),
            Performed::Cold(need) => panic!("asked twice for {need:?}"),
        }
    }

    /// Performs it and makes it durable.
    fn done(&mut self, act: &Act) -> Result<Answer, LedgerError> {
        let answer = self.act(act);
        self.commit();
        answer
    }

    fn finding(&mut self, act: &Act) -> Option<Finding> {
        match self.done(act) {
            Ok(Answer::Recorded(finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    /// Makes the group durable and lets go of what may go, as the writer does.
    fn commit(&mut self) {
        let (now, projected) = (self.now, self.follower.as_ref().map_or(0, Follower::projected));
        let engine = self.engine();
        engine.commit().unwrap();
        engine.projected_to(projected);
        engine.tidy(now);
    }

    fn recorded(&mut self) -> i64 {
        self.engine().next_record() - i64::from(self.engine().group.records()) - 1
    }

    /// Follows one batch.
    fn follow(&mut self) -> i64 {
        let recorded = self.recorded();
        self.follower.as_mut().unwrap().follow(recorded).unwrap()
    }

    /// Follows everything.
    fn catch_up(&mut self) {
        while self.follow() < self.recorded() {}
    }

    /// Time passes, and the writer looks up.
    fn pass(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
        self.commit();
    }

    /// Memory as it is, without what may be let go of at any time.
    fn memory(&mut self) -> Picture {
        let now = self.now;
        lasting(&mut self.engine().state, now)
    }

    /// Memory as a start would have it now.
    fn restored(&self) -> Picture {
        let (mut follower, thrown_away) = Follower::open(self.directory.path()).unwrap();
        assert_eq!(thrown_away, None);
        let (mut state, thrown_away) = follower.restore().unwrap();
        assert_eq!(thrown_away, None);
        self.replay(&mut state, follower.projected() + 1, &self.finder());
        lasting(&mut state, self.now)
    }

    /// Memory as the journal alone makes it.
    fn replayed(&self) -> Picture {
        let mut state = State::new((self.key.0, self.key.1));
        self.replay(&mut state, 1, &Nowhere);
        lasting(&mut state, self.now)
    }

    /// The same, with every hold that ever was.
    fn replayed_whole(&self) -> Picture {
        let mut state = State::new((self.key.0, self.key.1));
        self.replay(&mut state, 1, &Nowhere);
        state.picture()
    }

    fn replay(&self, state: &mut State, from: i64, cold: &dyn Cold) {
        let (mut undo, engine) = (Vec::new(), self.engine.as_ref().unwrap());
        let mut write = |first: i64, bytes: &[u8]| {
            for (number, record) in (first..).zip(Group::open(bytes).unwrap()) {
                if number >= from {
                    let record = record.unwrap();
                    state.forget_old_keys(record.at, i64::MAX, usize::MAX);
                    let known = record.place.hold.map(HoldNumber).filter(|hold| state.has_placed(*hold));
                    crate::ledger::embedded::rebuild::write_record(state, &record, number, cold, &mut undo)?;
                    // A message is one more step of what was placed before: it was found, and not written as if it were new.
                    if let (Body::Told { outcome: Outcome { step: Some(_), .. }, .. }, Some(hold)) = (&record.body, known) {
                        let steps = state.hold_numbered(hold).and_then(|index| state.hold(index)).map(|row| row.steps.len());
                        assert!(steps > Some(1), "record {number}: {hold:?} lost its steps");
                    }
                }
            }
            Ok(())
        };
        engine.log.read(from, &mut write).unwrap();
    }

    /// Decides every record again, on a memory that follows them: whatever this one has let go of, the same comes out.
    fn assert_decided_again(&self, what: &str) {
        let engine = self.engine.as_ref().unwrap();
        let beginning = Beginning::of(&crate::journal::Reader::open(self.directory.path()).unwrap()).unwrap();
        let mut again = beginning.map_or_else(Again::new, |beginning| Again::beginning_with(&beginning).unwrap());
        let mut decide = |first: i64, bytes: &[u8]| {
            for (number, record) in (first..).zip(Group::open(bytes).unwrap()) {
                let record = record.unwrap();
                let verdict = match &record.body {
                    Body::Decided { verdict, .. } => Some(verdict),
                    Body::Adopted { verdict, .. } => verdict.as_ref(),
                    Body::Told { .. }
                    | Body::Ordered { .. }
                    | Body::Kept { .. }
                    | Body::AccountEntered { .. }
                    | Body::CardEntered { .. }
                    | Body::RulesPublished
                    | Body::Opened
                    | Body::Trimmed { .. }
                    | Body::Joined { .. }
                    | Body::Reassigned { .. } => None,
                };
                let outcome = again.decide(&record, verdict).map(|decided| decided.outcome);
                assert_eq!(outcome.as_ref(), record.body.outcome(), "{what}, record {number}: {:?}", record.body);
                again.follow(&record, number).unwrap();
            }
            Ok(())
        };
        engine.log.read(1, &mut decide).unwrap();
    }
}

/// The names of all that was let go of, as the finder reads them.
fn names_kept(cold: &dyn Cold) -> GoneNames {
    let mut reading = Reading::default();
    while reading.left == Left::Some {
        cold.read_names(&mut reading).unwrap();
    }
    reading.names
}

/// What is not a matter of when memory was tidied.
fn lasting(state: &mut State, now: Timestamp) -> Picture {
    state.forget_old_keys(now, i64::MAX, usize::MAX);
    let mut picture = state.picture().without_ended();
    picture.counters.retain(|_, counter| !counter.is_over(now));
    picture
}

fn id<T: for<'a> TryFrom<&'a str, Error = IdError>>(text: &str) -> T {
    T::try_from(text).unwrap()
}

fn program() -> ProgramId {
    id("demo")
}

fn origin() -> Origin {
    Origin { program: program(), platform: Some(id("marqeta")), operator: None }
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn account(name: &str, balance: i64) -> Entry {
    Entry::Account { account: id(name), balance: usd(balance), credit_line: 0, status: AccountStatus::Active }
}

fn card(name: &str, account: &str, cardholder: Option<&str>) -> Entry {
    Entry::Card { card: id(name), account: id(account), cardholder: cardholder.map(id), status: CardStatus::Active }
}

fn kept(problem: &str) -> Act {
    Act::Keep(origin(), Unrecognized { digest: [1; 32], problem: problem.to_owned(), redacted: "id: 7".to_owned() })
}

fn payment(name: &str) -> PaymentRef {
    PaymentRef::of(id(name))
}

/// A purchase under a key, of a payment of the same name, with the card `c`.
fn purchase(key: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: id(key),
        payment: payment(key),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(id("c")),
        cardholder: None,
        amount: usd(minor),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant::default(),
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::No,
        partial_approval: PartialApproval::NotSupported,
        network: Some(id("VISA")),
        occurred_at: None,
        checkout: None,
    }
}

fn decide(request: AuthorizationRequest, limits: &[LimitCheck], received_at: Timestamp) -> Act {
    let (limits, hold) = (limits.iter().copied().collect(), HoldPolicy::PLAIN);
    let verdict = Verdict::Proceed(Proceed { ceiling: request.amount, limits, hold, ways: None });
    let (digest, not_after) = (request.content_digest(), clock::instant() + LONG);
    Act::Decide(Decide {
        origin: origin(),
        request,
        digest,
        verdict,
        ruleset: [0; 32],
        governed: None,
        received_at,
        not_after,
        choice: None,
        slip: None,
    })
}

fn adopt(request: AuthorizationRequest, told: ToldAnswer, received_at: Timestamp) -> Act {
    let digest = request.content_digest();
    let basis = Basis::StandIn(StandInCause::DeadlinePassed);
    Act::Adopt(Adopt { origin: origin(), request, digest, verdict: None, told, basis, governed: None, received_at, slip: None })
}

fn order(key: &str, name: &str, order: Order) -> Act {
    Act::Order(
        origin(),
        Ordering {
            key: id(key),
            key_is: KeyIs::Callers,
            digest: ContentDigest::from_bytes([3; 16]),
            payment: payment(name),
            hold: None,
            order,
        },
    )
}

/// Tells something of the card `c`.
fn tell(key: &str, fact: Fact) -> Act {
    Act::Tell(origin(), event(key, None, fact))
}

fn event(key: &str, occurred_at: Option<Timestamp>, fact: Fact) -> ToldEvent {
    let subject = Subject { card: Some(id("c")), ..Subject::default() };
    ToldEvent { key: id(key), occurred_at, network: Some(id("VISA")), settlement_day: None, subject, fact }
}

fn captured(name: &str, minor: i64) -> Fact {
    Fact::Captured { payment: Some(payment(name)), amount: usd(minor), finality: Finality::Final }
}

impl Bench {
    fn decide(&mut self, key: &str, minor: i64) -> Decision {
        let act = decide(purchase(key, minor), &[], self.now);
        match self.done(&act) {
            Ok(Answer::Decided { decision, .. }) => decision,
            other => panic!("{other:?}"),
        }
    }
}

fn yes(minor: i64) -> Decision {
    Decision::Approve { amount: usd(minor) }
}
