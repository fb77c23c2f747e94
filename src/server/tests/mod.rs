//! The server over real sockets: a responder that does what the path says, and a caller that speaks raw bytes.
//!
//! Nothing here sleeps. Reads give up after ten seconds, so that a server that says nothing fails a test; counters are read
//! once the server has been drained, when nothing moves any more.

mod crossing;
mod drain;
mod http;
mod limits;
mod operators;
mod tls;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_adapters::{Refused, Reply, RouteMethod};
use tokio::sync::Semaphore;

use super::*;
use crate::clock;
use crate::metrics::Metrics;

/// How long a caller waits for a server that may never answer.
const PATIENCE: Duration = Duration::from_secs(10);

const ECHO: u8 = 0;
const GATED: u8 = 1;
const PANIC: u8 = 2;
const SILENCE: u8 = 3;
const SEGMENT: u8 = 4;
const CAPACITY: u8 = 5;
const WORKER: u8 = 6;

/// Does what the route says.
struct Scripted {
    /// One permit lets one gated callback be answered.
    gate: Semaphore,
    /// Told of every callback that has come to the gate.
    at_gate: Sender<()>,
    /// Callbacks whose answer was made.
    answered: AtomicUsize,
    /// When each echoed callback was received, as its responder was told.
    received: Mutex<Vec<clock::Instant>>,
}

impl Respond for Scripted {
    async fn attend(&self, _: usize) {}

    fn turn_ended(&self) {}

    async fn respond(&self, call: Call<'_>, mut body: Vec<u8>) -> Answered {
        let mut reply = Reply::json(200);
        match call.route {
            ECHO => {
                self.received.lock().unwrap().push(call.received.instant);
                body.extend_from_slice(call.body);
            }
            GATED => {
                self.at_gate.send(()).unwrap();
                self.gate.acquire().await.unwrap().forget();
                body.extend_from_slice(call.body);
            }
            PANIC => panic!("as the path says"),
            SILENCE => return Answered::Silence,
            SEGMENT => {
                let agent = call.headers.get("user-agent").map_or("-", |agent| agent.to_str().unwrap());
                let line = format!("{} {} {} {agent}", call.mount, call.segment, call.query);
                body.extend_from_slice(line.as_bytes());
                reply.status = 402;
                reply.headers.push(("x-signature".parse().unwrap(), "abc".parse().unwrap()));
            }
            CAPACITY => {
                let text = if body.capacity() > 0 { "used again" } else { "new" };
                body.extend_from_slice(text.as_bytes());
            }
            WORKER => body.extend_from_slice(call.worker.to_string().as_bytes()),
            other => panic!("no script for route {other}"),
        }
        self.answered.fetch_add(1, Ordering::SeqCst);
        Answered::Said { reply, body }
    }

    fn refuse_stranger(&self, of_head: Call<'_>) -> Option<Answered> {
        let is_one = of_head.headers.contains_key("x-stranger");
        is_one.then(|| Answered::Said { reply: Reply::json(401), body: b"who are you?".to_vec() })
    }

    fn refuse(&self, mount: usize, refused: &Refused, mut body: Vec<u8>) -> Answered {
        body.extend_from_slice(format!("{{\"mount\":{mount}}}").as_bytes());
        Answered::Said { reply: Reply::json(refused.status()), body }
    }
}

/// A server on a port of its own.
struct Harness {
    addr: SocketAddr,
    responder: Arc<Scripted>,
    at_gate: Receiver<()>,
    metrics: Arc<Metrics>,
    running: Option<Running>,
}

fn routes() -> RouteTable {
    let paths = ["/echo", "/gated", "/panic", "/silence", "/thing/{id}/part", "/capacity", "/worker"];
    let entries: Vec<RouteEntry> = (0_u8..)
        .zip(paths)
        .map(|(route, path)| {
            let method = if route == SEGMENT { RouteMethod::Get } else { RouteMethod::Post };
            RouteEntry { method, path: path.to_owned(), mount: 7, route }
        })
        .collect();
    RouteTable::new(&entries).unwrap().with_mounts(std::iter::once(("/thing".to_owned(), 7)))
}

impl Harness {
    fn start(limits: Limits) -> Harness {
        Harness::start_with(limits, None, 1)
    }

    fn start_with(limits: Limits, tls: Option<Arc<Tls>>, workers: usize) -> Harness {
        Harness::start_beside(limits, tls, workers, None)
    }

    fn start_beside(limits: Limits, tls: Option<Arc<Tls>>, workers: usize, bridge: Option<Bridge>) -> Harness {
        Harness::serve(bind("127.0.0.1:0".parse().unwrap()).unwrap(), limits, tls, workers, bridge)
    }

    fn serve(bound: Bound, limits: Limits, tls: Option<Arc<Tls>>, workers: usize, bridge: Option<Bridge>) -> Harness {
        let metrics = Metrics::new(&[]).unwrap();
        let (sender, at_gate) = channel();
        let responder = Arc::new(Scripted {
            gate: Semaphore::new(0),
            at_gate: sender,
            answered: AtomicUsize::new(0),
            received: Mutex::default(),
        });
        let addr = bound.addr;
        let serving = Serving {
            responder: Arc::clone(&responder),
            routes: Arc::new(routes()),
            bridge,
            limits,
            tls,
            metrics: metrics.server.clone(),
            workers: NonZeroUsize::new(workers).unwrap(),
            first_worker: 0,
            say: |_| {},
        };
        Harness { addr, responder, at_gate, metrics, running: Some(bound.serve(serving).unwrap()) }
    }

    fn caller(&self) -> Caller {
        Caller::connect(self.addr)
    }

    /// Waits until a callback has come to the gate.
    fn wait_for_gated(&self) {
        self.at_gate.recv_timeout(PATIENCE).expect("a callback comes to the gate");
    }

    fn begin_drain(&self) {
        self.running.as_ref().unwrap().begin_drain();
    }

    /// Drains; returns how, and what `/metrics` shows then.
    fn drain(mut self) -> (Drained, String) {
        let drained = self.running.take().unwrap().drain();
        (drained, self.metrics.render())
    }

    /// Drains, and checks the counters (without their common prefix) that are not zero.
    fn drain_and_expect(self, expected: &[(&str, &str)]) {
        let (_, text) = self.drain();
        for family in ["http_refusals_total", "connections_refused_total", "panics_total", "connections"] {
            let prefix = format!("holdfast_{family}");
            let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
            for (series, value) in lines.filter(|(series, _)| series.split('{').next() == Some(&prefix)) {
                let wanted =
                    expected.iter().find(|(name, _)| series == format!("holdfast_{name}")).map_or("0", |(_, value)| value);
                assert_eq!(value, wanted, "{series}");
            }
        }
    }
}

/// Who calls: raw bytes out, answers in.
struct Caller {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Heard {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Caller {
    fn connect(addr: SocketAddr) -> Caller {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Caller { stream, unread: Vec::new() }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    fn post(&mut self, path: &str, body: &str) -> Heard {
        self.send(post(path, body));
        self.hear().unwrap().expect("an answer, not the connection's end")
    }

    fn get(&mut self, path: &str) -> Heard {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: h\r\nuser-agent: tester\r\n\r\n"));
        self.hear().unwrap().expect("an answer, not the connection's end")
    }

    /// The next answer; `None` if the connection has ended cleanly, with no byte of another answer.
    fn hear(&mut self) -> io::Result<Option<Heard>> {
        let (unread, stream) = (&mut self.unread, &mut self.stream);
        hear(unread, |buffer| stream.read(buffer))
    }

    /// The connection has ended cleanly: no byte, no reset.
    fn expect_end(mut self) {
        assert_eq!(self.hear().unwrap(), None);
    }
}

fn hear(unread: &mut Vec<u8>, mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<Heard>> {
    loop {
        if let Some((heard, length)) = parse(unread) {
            unread.drain(..length);
            return Ok(Some(heard));
        }
        let mut buffer = [0; 4096];
        match read(&mut buffer)? {
            0 if unread.is_empty() => return Ok(None),
            0 => return Err(io::Error::other(format!("cut off after {:?}", String::from_utf8_lossy(unread)))),
            count => unread.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The first answer in the bytes, if it is complete, and its length.
fn parse(bytes: &[u8]) -> Option<(Heard, usize)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<(String, String)> =
        lines.map(|line| line.split_once(": ").unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let body = rest.get(..length)?.to_owned();
    let whole = head.len().checked_add(4)?.checked_add(length)?;
    Some((Heard { status, headers, body }, whole))
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
