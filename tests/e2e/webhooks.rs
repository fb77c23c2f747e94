//! Webhooks: signed, in order for each payment, at least once, whatever the endpoint does and however the server ends; and never in
//! anybody's way.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::{Marqeta, Workplace};

const SECRET: &str = "whsec_dGhpcyBpcyBhIHRlc3QgYW5kIG9ubHkgYSB0ZXN0";
/// Longer than anything here takes, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request that the endpoint got.
#[derive(Debug, Clone)]
pub struct Got {
    headers: BTreeMap<String, String>,
    pub body: String,
    answered: u16,
}

impl Got {
    fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether one of its signatures is that of the secret.
    fn is_signed_by(&self, secret: &str) -> bool {
        let key = base64::engine::general_purpose::STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id(), self.headers["webhook-timestamp"], self.body).as_bytes());
        let expected = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()));
        self.headers["webhook-signature"].split(' ').any(|signature| signature == expected)
    }
}

/// How the endpoint answers: a status, or not at all.
const HANGS: u16 = 0;

/// An endpoint that answers as it is told to.
pub struct Endpoint {
    address: SocketAddr,
    answers: Arc<AtomicU16>,
    got: Receiver<Got>,
}

impl Endpoint {
    pub fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, answers) = (listener.local_addr().unwrap(), Arc::new(AtomicU16::new(status)));
        let (send, got) = channel();
        let shared = Arc::clone(&answers);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (answers, send) = (Arc::clone(&shared), send.clone());
                std::thread::spawn(move || serve(&connection.unwrap(), &answers, &send));
            }
        });
        Endpoint { address, answers, got }
    }

    fn answer(&self, status: u16) {
        self.answers.store(status, Ordering::Release);
    }

    pub fn next(&self) -> Got {
        self.got.recv_timeout(PATIENCE).expect("an event within a minute")
    }

    /// Events that were taken, until there are so many different ones.
    fn taken(&self, count: usize) -> Vec<Got> {
        let (mut ids, mut taken) = (BTreeSet::new(), Vec::new());
        while ids.len() < count {
            let got = self.next();
            if got.answered == 200 {
                ids.insert(got.id().to_owned());
                taken.push(got);
            }
        }
        taken
    }
}

fn serve(connection: &TcpStream, answers: &AtomicU16, got: &Sender<Got>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    loop {
        let (mut headers, mut line) = (BTreeMap::new(), String::new());
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let status = answers.load(Ordering::Acquire);
        let _ = got.send(Got { headers, body: String::from_utf8(body).unwrap(), answered: status });
        if status == HANGS {
            // Until the other side gives up.
            let _ = reader.read_line(&mut line);
            return;
        }
        // Something to read that nobody may keep.
        let answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 13\r\n\r\nthe-endpoint!");
        let mut connection = connection;
        if connection.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The demo, telling that endpoint.
pub fn telling(endpoint: &Endpoint, more: &str) -> Workplace {
    let workplace = Workplace::demo();
    std::fs::write(workplace.path("config/webhook-secret"), SECRET).unwrap();
    let section = format!(
        "\n[[webhook]]\nname = \"office\"\nprogram = \"demo\"\nurl = \"http://{}/in\"\nprivate_addresses = \"allowed\"\n\
         events = [\"authorization.approved\", \"authorization.declined\", \"hold.captured\", \"hold.released\", \
         \"stand_in.entered\", \"stand_in.left\"]\nsecrets = [\"file:webhook-secret\"]\n{more}",
        endpoint.address
    );
    workplace.edit("holdfast.toml", |text| text + &section);
    workplace
}

#[test]
fn every_decision_is_told_signed_and_in_the_order_of_its_payment() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("1", "50.00").body()).status, 200);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("2", "5.00").mcc("7995").body()).status, 402);
    // Told before: nothing new happened.
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("1", "50.00").body()).status, 200);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("3", "7.00").body()).status, 200);
    let taken = endpoint.taken(3);
    let told: BTreeSet<_> = taken
        .iter()
        .map(|got| {
            assert!(got.is_signed_by(SECRET), "{got:?}");
            assert_eq!(got.headers["content-type"], "application/json");
            let body = got.json();
            let data = &body["data"];
            (body["type"].to_string(), data["amount"]["minor"].to_string(), data["reason"].to_string())
        })
        .collect();
    let expected = [
        ("\"authorization.approved\"", "5000", "null"),
        ("\"authorization.approved\"", "700", "null"),
        ("\"authorization.declined\"", "500", "\"merchant_category_not_allowed\""),
    ];
    let expected = expected.map(|(kind, minor, reason)| (kind.to_owned(), minor.to_owned(), reason.to_owned()));
    assert_eq!(told, BTreeSet::from(expected));
    assert!(server.terminate().success());
    let listed = workplace.run(&["webhooks", "list", "--json", "--data", workplace.data().to_str().unwrap()]);
    let line: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&line["endpoint"], &line["waiting"], &line["dead"]), (&"office".into(), &0.into(), &0.into()));
    assert!(line["told"].as_i64().unwrap() > 0);
}

#[test]
fn an_endpoint_that_refuses_or_hangs_loses_nothing_and_is_in_nobodys_way() {
    let endpoint = Endpoint::start(503);
    let workplace = telling(&endpoint, "timeout_ms_max = 200\n");
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("1", "1.00").body()).status, 200);
    assert_eq!(endpoint.next().answered, 503);
    endpoint.answer(HANGS);
    for number in 2..=20 {
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase(&number.to_string(), "1.00").body()).status, 200);
    }
    assert_eq!(endpoint.next().answered, HANGS);
    // Killed while nothing of it was told, and started again.
    server.kill();
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("21", "1.00").body()).status, 200);
    endpoint.answer(200);
    let taken = endpoint.taken(21);
    let payments: BTreeSet<_> = taken.iter().map(|got| got.json()["data"]["payment"].to_string()).collect();
    assert_eq!(payments.len(), 21, "each of them");
    assert!(server.terminate().success());
}

#[test]
fn dead_letters_are_listed_and_sent_again_and_records_are_replayed_under_their_ids() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    let data = workplace.data();
    let data = data.to_str().unwrap();
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("1", "1.00").body()).status, 200);
    let first = endpoint.taken(1).remove(0);
    let record = first.json()["data"]["record"].to_string();
    let asked = workplace.run(&["webhooks", "replay", "--endpoint", "office", "--from", &record, "--data", data]);
    assert!(asked.status.success(), "{asked:?}");
    let again = endpoint.next();
    assert_eq!((again.id(), &again.body), (first.id(), &first.body), "the same event, byte for byte");
    let beyond = workplace.run(&["webhooks", "replay", "--endpoint", "office", "--from", "999999", "--data", data]);
    assert!(!beyond.status.success());
    let nobody = workplace.run(&["webhooks", "retry", "4711", "--data", data]);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no letter 4711"), "{nobody:?}");

    endpoint.answer(500);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("2", "1.00").body()).status, 200);
    assert_eq!(endpoint.next().answered, 500);
    let letter = loop {
        let listed = workplace.run(&["webhooks", "list", "--json", "--data", data]);
        let lines = String::from_utf8(listed.stdout).unwrap();
        let letter = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|line| line["letter"].is_i64());
        if let Some(letter) = letter {
            break letter;
        }
    };
    assert_eq!(letter["problem"], "answered 500");
    endpoint.answer(200);
    let retried = workplace.run(&["webhooks", "retry", &letter["letter"].to_string(), "--data", data]);
    assert!(retried.status.success(), "{retried:?}");
    assert_eq!(endpoint.taken(1)[0].id(), letter["event"]);

    let tested = workplace.run(&["webhooks", "test", "--endpoint", "office"]);
    assert!(tested.status.success(), "{tested:?}");
    assert_eq!(endpoint.next().json()["type"], "endpoint.test");
    endpoint.answer(404);
    let refused = workplace.run(&["webhooks", "test", "--endpoint", "office"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("answered 404"), "{refused:?}");
    assert!(server.terminate().success());
    let file = std::fs::read(workplace.data().join("webhooks.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&file).contains("the-endpoint!"), "nothing is kept of what it said");
}

#[test]
fn stand_in_by_hand_is_told_when_it_begins_and_when_it_ends() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    let data = workplace.data();
    let data = data.to_str().unwrap();
    let server = workplace.serve();
    let who = ["--by", "a test", "--why", "to see", "--data", data];
    let on = workplace.run(&[&["stand-in", "on", "--program", "demo", "--for", "1h"], &who[..]].concat());
    assert!(on.status.success(), "{on:?}");
    let entered = endpoint.next().json();
    assert_eq!((&entered["type"], &entered["data"]["cause"]), (&"stand_in.entered".into(), &"switched".into()));
    let off = workplace.run(&[&["stand-in", "off", "--program", "demo"], &who[..]].concat());
    assert!(off.status.success(), "{off:?}");
    let left = endpoint.next().json();
    assert_eq!((&left["type"], &left["data"]["since"]), (&"stand_in.left".into(), &entered["data"]["since"]));
    assert!(server.terminate().success());
}

#[test]
fn a_private_address_that_is_not_meant_is_refused_by_check() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    workplace.edit("holdfast.toml", |text| text.replace("private_addresses = \"allowed\"", "private_addresses = \"refused\""));
    let checked = workplace.run(&["check"]);
    assert!(String::from_utf8_lossy(&checked.stderr).contains("must begin with https://"), "{checked:?}");
    workplace.edit("holdfast.toml", |text| text.replace("http://127", "https://127"));
    let checked = workplace.run(&["check"]);
    assert!(String::from_utf8_lossy(&checked.stderr).contains("private network"), "{checked:?}");
}

#[test]
fn a_gateways_answers_are_told_in_its_own_words_to_whom_asks_for_them() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    workplace.edit("holdfast.toml", |text| text.replace("\"hold.captured\", \"hold.released\"", "\"PAYMENT_AUTH\""));
    let server = workplace.serve();
    let mut client = server.client();
    let pay = |client: &mut crate::support::Client, amount: &str| {
        let body = serde_json::json!({"merchant_id": "merchant-demo", "data": {
            "transaction_amount": amount, "card_token": "card_sandbox_demo", "order_number": "Order124", "currency_code": "USD",
            "description": "Payment for the services", "customer_name": "John Doe", "ip_address": "10.10.10.10", "sales_tax": "10",
            "gateway_id": "gateway-1", "internal_transaction_id": "987654321"}});
        client.post("/api/payment/auth", &body.to_string()).json()
    };
    let answered = [pay(&mut client, "110.00"), pay(&mut client, "5000.00")];
    // What came to another door is told as ever.
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("1", "5.00").body()).status, 200);
    let taken = endpoint.taken(3);
    assert!(taken.iter().all(|got| got.is_signed_by(SECRET)));
    assert_eq!(taken.iter().filter(|got| got.json()["type"] == "authorization.approved").count(), 1);
    for mut answered in answered {
        let of_it = |got: &&Got| got.json()["data"]["payment_id"] == answered["id"];
        let got = taken.iter().find(of_it).unwrap_or_else(|| panic!("{answered} is not told"));
        let mut event = got.json();
        assert_eq!((&event["event"], event["event_uid"].as_str()), (&"PAYMENT_AUTH".into(), got.id().strip_prefix("evt_")));
        let data = event["data"].as_object_mut().unwrap();
        for (field, value) in [("account_id", "APdemo1"), ("gateway_id", "gateway-1"), ("sales_tax", "10")] {
            assert_eq!(data.remove(field), Some(value.into()), "{field}");
        }
        let id = data.remove("payment_id").unwrap();
        let answered = answered.as_object_mut().unwrap();
        assert_eq!(answered.remove("id"), Some(id));
        assert_eq!(data, answered, "the rest is what the caller was answered");
    }
    assert!(server.terminate().success());
    let file = std::fs::read(workplace.data().join("webhooks.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&file).contains("John Doe"), "bodies are made when they are sent");
}
