//! The generator against servers on real sockets. Latencies and lateness are tested with a clock that is moved by hand, by
//! the server itself, so that no result depends on how fast the machine is.

use std::num::NonZeroU32;

use holdfast_core::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::*;
use crate::floor;
use crate::trial_platform::{self, Dialect};

const APPROVED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const DECLINED: &[u8] = b"HTTP/1.1 402 Payment Required\r\ncontent-length: 2\r\n\r\n{}";
const REFUSED: &[u8] = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
const LAST_ONE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

fn load(address: SocketAddr, clock: Clock, connections: usize) -> Rc<Load> {
    Rc::new(Load {
        clock,
        address,
        callbacks: trial_platform::callbacks(Dialect::PlainKeys, 10, Timestamp::EPOCH),
        recognition: Recognition::ByStatus { approve: 200, declines: vec![402] },
        patience: Patience { deadline: Duration::from_millis(200), give_up: Duration::from_secs(60) },
        connections: NonZeroUsize::new(connections).unwrap(),
        next: Cell::new(0),
        stopping: Cell::new(false),
    })
}

fn schedule(rate: u32, seconds: u32) -> Schedule {
    Schedule::new(NonZeroU32::new(rate).unwrap(), NonZeroU32::new(seconds).unwrap())
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Reads one request; `false` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut received = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        if read == 0 {
            return false;
        }
        received.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return true;
        }
    }
}

/// What a scripted server does with one request.
enum Step {
    /// Answers at once.
    Say(&'static [u8]),
    /// Lets time pass, then answers.
    Stall(Duration, &'static [u8]),
    /// Closes the connection without a word.
    HangUp,
    /// Never answers.
    Silence,
}

/// One connection after another: the requests meet the steps in turn, then the last one for ever.
async fn scripted(listener: TcpListener, clock: Clock, steps: Vec<Step>) {
    let mut turn = 0_usize;
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        while read_request(&mut stream).await {
            let step = steps.get(turn).or(steps.last()).unwrap();
            turn = turn.saturating_add(1);
            match step {
                Step::Say(answer) => stream.write_all(answer).await.unwrap(),
                Step::Stall(pause, answer) => {
                    clock.advance(*pause);
                    stream.write_all(answer).await.unwrap();
                }
                Step::HangUp => break,
                Step::Silence => {}
            }
            if matches!(step, Step::Say(answer) if *answer == LAST_ONE) {
                break;
            }
        }
    }
}

async fn open_against(steps: Vec<Step>, rate: u32, seconds: u32) -> Tally {
    let (listener, address) = listen().await;
    let clock = Clock::by_hand();
    LocalSet::new()
        .run_until(async {
            let server = tokio::task::spawn_local(scripted(listener, clock.clone(), steps));
            let load = load(address, clock, 1);
            let tally = open(&Run::start(&load).unwrap(), schedule(rate, seconds)).await;
            server.abort();
            tally
        })
        .await
}

#[tokio::test]
async fn every_request_to_the_floor_is_counted_once() {
    let (listener, address) = listen().await;
    let floor = tokio::spawn(floor::serve(listener));
    let load = load(address, Clock::start(), 8);
    let (open_tally, closed_tally) = LocalSet::new()
        .run_until(async {
            let opened = open(&Run::start(&load).unwrap(), schedule(3000, 1)).await;
            (opened, closed(&Run::start(&load).unwrap(), Duration::from_millis(20)).await)
        })
        .await;
    floor.abort();
    // Numbers 0..3000 of the mix: every answer of the floor is 200, so its amounts are all counted as approved.
    assert_eq!((open_tally.due, open_tally.approved, open_tally.missing), (3000, 3000, 0));
    assert_eq!(open_tally.latency.len(), 3000);
    assert_eq!((closed_tally.answered(), closed_tally.missing), (closed_tally.due, 0));
    assert_eq!(load.next.get(), open_tally.due + closed_tally.due);
}

#[tokio::test]
async fn answers_are_told_apart_and_their_amounts_added() {
    // The fourth number of the trial mix asks for 1.00 again.
    let steps = vec![Step::Say(APPROVED), Step::Say(DECLINED), Step::Say(REFUSED), Step::Say(APPROVED)];
    let tally = open_against(steps, 4, 1).await;
    assert_eq!((tally.approved, tally.declined, tally.refused, tally.missing), (2, 1, 1, 0));
    assert_eq!(tally.approved_minor, 200);
}

#[tokio::test]
async fn a_stall_is_seen_by_every_request_that_it_delays() {
    // 100 a second; the first answer takes 500 ms. The requests due at 10, 20 … 490 ms are sent late and have waited for
    // 490, 480 … 10 ms; the ones after are in time.
    let steps = vec![Step::Stall(Duration::from_millis(500), APPROVED), Step::Say(APPROVED)];
    let tally = open_against(steps, 100, 1).await;
    assert_eq!((tally.due, tally.approved), (100, 100));
    assert!(tally.latency.equivalent(tally.latency.max(), 500_000_000), "{}", tally.latency.max());
    assert_eq!(tally.latency.count_between(9_900_000, LATENCY_NANOS_MAX), 50);
    // 250 ms, the 26th longest of a hundred: three quarters of the requests were faster.
    assert!(tally.latency.equivalent(tally.latency.value_at_percentile(75.0), 250_000_000));
    // The deadline is 200 ms: 500, 490 … 210 are late.
    assert_eq!(tally.late, 30);
}

#[tokio::test]
async fn only_what_is_later_than_the_deadline_is_late() {
    let steps = vec![
        Step::Stall(Duration::from_millis(200), APPROVED),
        Step::Stall(Duration::from_micros(200_001), DECLINED),
        Step::Stall(Duration::from_millis(300), REFUSED),
        Step::Say(APPROVED),
    ];
    let tally = open_against(steps, 1, 4).await;
    assert_eq!((tally.late, tally.answered()), (2, 4));
}

#[tokio::test]
async fn a_closed_connection_leaves_an_answer_missing_and_is_opened_again() {
    let tally = open_against(vec![Step::Say(APPROVED), Step::HangUp, Step::HangUp, Step::Say(DECLINED)], 5, 1).await;
    assert_eq!((tally.due, tally.approved, tally.missing, tally.declined), (5, 1, 2, 2));
    assert!(tally.first_missing.unwrap().contains("closed"));
    assert_eq!(tally.latency.len(), 3);
}

#[tokio::test]
async fn a_connection_that_the_server_announced_to_close_loses_nothing() {
    let tally = open_against(vec![Step::Say(LAST_ONE), Step::Say(LAST_ONE), Step::Say(APPROVED)], 6, 1).await;
    assert_eq!((tally.due, tally.approved, tally.missing), (6, 6, 0));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up() {
    let (listener, address) = listen().await;
    let clock = Clock::by_hand();
    let tally = LocalSet::new()
        .run_until(async {
            let server = tokio::task::spawn_local(scripted(listener, clock.clone(), vec![Step::Silence]));
            let patient = load(address, clock, 1);
            let hasty = Load { patience: Patience { give_up: Duration::from_millis(1), ..patient.patience }, ..take(patient) };
            let tally = open(&Run::start(&Rc::new(hasty)).unwrap(), schedule(2, 1)).await;
            server.abort();
            tally
        })
        .await;
    assert_eq!((tally.due, tally.missing, tally.answered()), (2, 2, 0));
}

#[tokio::test]
async fn a_server_that_is_not_there_ends_a_closed_loop() {
    let (listener, address) = listen().await;
    drop(listener);
    let load = load(address, Clock::start(), 3);
    let run = Run::start(&load).unwrap();
    let tally = LocalSet::new().run_until(closed(&run, Duration::from_secs(3600))).await;
    assert_eq!((tally.due, tally.missing), (3, 3));
    assert!(tally.first_missing.unwrap().starts_with("connecting to"));
}

fn take(load: Rc<Load>) -> Load {
    Rc::try_unwrap(load).unwrap_or_else(|_| panic!("somebody else has it"))
}
