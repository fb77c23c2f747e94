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

use crate::shared::workplace_on;
use crate::support::postgres::Postgres;
use crate::support::server::Server;
use crate::support::{Client, Marqeta, Workplace};

pub const SECRET: &str = "whsec_dGhpcyBpcyBhIHRlc3QgYW5kIG9ubHkgYSB0ZXN0";
/// Longer than anything here takes, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request that the endpoint got.
#[derive(Debug, Clone)]
pub struct Got {
    headers: BTreeMap<String, String>,
    pub body: String,
    pub answered: u16,
}

impl Got {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether one of its signatures is that of the secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
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

    pub fn answer(&self, status: u16) {
        self.answers.store(status, Ordering::Release);
    }

    pub fn next(&self) -> Got {
        self.got.recv_timeout(PATIENCE).expect("an event within a minute")
    }

    /// Events that were taken, until there are so many different ones.
    pub fn taken(&self, count: usize) -> Vec<Got> {
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
    telling_of(Workplace::demo(), endpoint, more)
}

/// A workplace, telling that endpoint.
pub fn telling_of(workplace: Workplace, endpoint: &Endpoint, more: &str) -> Workplace {
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
    assert!(String::from_utf8_lossy(&retried.stdout).contains("is due"), "{retried:?}");
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
fn stand_in_that_outlives_a_restart_is_told_once_and_one_that_does_not_has_ended() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    let data = workplace.data();
    let data = data.to_str().unwrap();
    let who = ["--by", "a test", "--why", "to see", "--data", data];
    let server = workplace.serve();
    let on = workplace.run(&[&["stand-in", "on", "--program", "demo", "--for", "1h"], &who[..]].concat());
    assert!(on.status.success(), "{on:?}");
    let entered = endpoint.next().json();
    assert_eq!(entered["type"], "stand_in.entered");
    assert!(server.terminate().success());
    // It goes on: nothing is told of it before it ends.
    let server = workplace.serve();
    let off = workplace.run(&[&["stand-in", "off", "--program", "demo"], &who[..]].concat());
    assert!(off.status.success(), "{off:?}");
    let left = endpoint.next().json();
    assert_eq!((&left["type"], &left["data"]["since"]), (&"stand_in.left".into(), &entered["data"]["since"]));
    let on = workplace.run(&[&["stand-in", "on", "--program", "demo", "--for", "1h"], &who[..]].concat());
    assert!(on.status.success(), "{on:?}");
    let entered = endpoint.next().json();
    assert_eq!(entered["type"], "stand_in.entered");
    assert_ne!(left["data"]["since"], entered["data"]["since"]);
    assert!(server.terminate().success());
    // It ends while no server runs, and is told when one does.
    let off = workplace.run(&[&["stand-in", "off", "--program", "demo"], &who[..]].concat());
    assert!(off.status.success(), "{off:?}");
    let server = workplace.serve();
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

/// A payment that waits for its payer.
fn waits(client: &mut Client, key: &str) -> Value {
    let body = serde_json::json!({"merchant_id": "merchant-demo", "attempt_3d_secure": true, "data": {
        "transaction_amount": "20.00", "card_token": "card_sandbox_demo", "order_number": key, "customer_name": "John Doe"}});
    let authorization = crate::support::http::demo_authorization();
    let headers = [("Idempotency-Key", key), ("Authorization", authorization.as_str())];
    client.ask("POST", "/api/payment/auth", &headers, &body.to_string()).json()
}

#[test]
fn a_payment_that_waits_is_told_when_it_begins_to_and_when_it_ends_either_way() {
    let endpoint = Endpoint::start(503);
    let workplace = telling(&endpoint, "");
    workplace.edit("holdfast.toml", |text| text.replace("\"hold.captured\", \"hold.released\"", "\"PAYMENT_AUTH\""));
    let server = workplace.serve();
    let mut client = server.client();
    let decided = waits(&mut client, "decided");
    // It is refused, and what comes behind it waits for it.
    let refused = endpoint.next();
    assert_eq!((refused.answered, &refused.json()["data"]["payment_id"]), (503, &decided["id"]));
    let result = serde_json::json!({"id": decided["id"], "three_d_secure": {
        "electronic_commerce_indicator": "ATTEMPTED", "transaction_id": "3ds-1"}});
    let paid = client.post("/api/payment/3ds", &result.to_string());
    assert_eq!(paid.json()["auth_response"]["status"], "PASS", "{paid:?}");
    let in_vain = waits(&mut client, "invain");
    drop(client);
    assert!(server.terminate().success());
    // Sixteen minutes go by.
    let journal = rusqlite::Connection::open(workplace.data().join("journal.sqlite")).unwrap();
    let aged = journal.execute("UPDATE slip SET at = at - 16 * 60 * 1000000 WHERE payment = ?1", [in_vain["id"].as_str()]);
    assert_eq!(aged.unwrap(), 1);
    drop(journal);
    endpoint.answer(200);
    let server = workplace.serve();
    let taken = endpoint.taken(4);
    let of = |payment: &Value| -> Vec<(String, String)> {
        let bodies = taken.iter().map(Got::json).filter(|body| body["data"]["payment_id"] == payment["id"]);
        let word = |body: &Value, name: &str| body["data"]["auth_response"][name].as_str().unwrap_or_default().to_owned();
        bodies.map(|body| (word(&body, "status"), word(&body, "response_code"))).collect()
    };
    let words = |words: &[(&str, &str)]| words.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let pending = decided["auth_response"]["response_code"].as_str().unwrap();
    assert_eq!(of(&decided), words(&[("PENDING_3DSAUTH", pending), ("PASS", "A0000")]), "in their order");
    assert_eq!(of(&in_vain), words(&[("PENDING_3DSAUTH", pending), ("FAIL", "D0082")]));
    let shown = server.client().get(&format!("/api/payment/{}", in_vain["id"].as_str().unwrap())).json();
    let failed = taken.iter().map(Got::json).find(|body| body["data"]["auth_response"]["status"] == "FAIL").unwrap();
    assert_eq!(failed["data"]["auth_response"], shown["auth_response"], "as whoever asks is shown it");
    assert_eq!(failed["data"]["customer_name"], "John Doe");
    assert!(taken.iter().all(|got| got.is_signed_by(SECRET)));
    assert!(server.terminate().success());
    let file = std::fs::read(workplace.data().join("webhooks.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&file).contains("John Doe"), "bodies are made when they are sent");
}

#[test]
fn a_gateways_answers_are_told_in_its_own_words_to_whom_asks_for_them() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    workplace.edit("holdfast.toml", |text| text.replace("\"hold.captured\", \"hold.released\"", "\"PAYMENT_AUTH\""));
    let server = workplace.serve();
    let mut client = server.client();
    let pay = |client: &mut Client, amount: &str| {
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
        assert!(answered.remove("standing").is_some(), "the interface's event has none of it");
        assert_eq!(data, answered, "the rest is what the caller was answered");
    }
    assert!(server.terminate().success());
    let file = std::fs::read(workplace.data().join("webhooks.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&file).contains("John Doe"), "bodies are made when they are sent");
}

/// A responder on that database, telling that endpoint.
pub fn responder_on(postgres: &Postgres, endpoint: &Endpoint) -> Workplace {
    let workplace = telling_of(workplace_on(postgres), endpoint, "timeout_ms_max = 500\n");
    workplace.edit("holdfast.toml", |text| text.replace("\"hold.released\"", "\"PAYMENT_AUTH\""));
    workplace
}

fn delivered(server: &Server) -> f64 {
    server.metric("holdfast_webhook_delivered_total", &["endpoint=\"office\""])
}

/// The payments that events are about, one by one.
fn payments_of(taken: &[Got]) -> BTreeSet<String> {
    taken.iter().map(|got| got.json()["data"]["payment"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn with_the_shared_ledger_one_responder_tells_what_all_decided_and_another_goes_on_where_it_is_killed() {
    let Some(postgres) = Postgres::start() else { return };
    let endpoint = Endpoint::start(200);
    let (here, there) = (responder_on(&postgres, &endpoint), responder_on(&postgres, &endpoint));
    let (one, other) = (here.serve(), there.serve());
    let pay = |client: &mut Client, id: &str| {
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase(id, "1.00").body()).status, 200)
    };
    let (mut at_one, mut at_other) = (one.client(), other.client());
    for number in 0..5 {
        pay(&mut at_one, &format!("one {number}"));
        pay(&mut at_other, &format!("other {number}"));
    }
    let taken = endpoint.taken(10);
    let told: Vec<_> = taken.iter().map(|got| got.json().to_string()).collect();
    assert_eq!((taken.len(), payments_of(&taken).len()), (10, 10), "each once, wherever it was decided: {told:#?}");
    assert!(taken.iter().all(|got| got.is_signed_by(SECRET)));

    // The endpoint fails; a payment is decided at one responder and captured at the other.
    endpoint.answer(503);
    let decided = Marqeta::purchase("in order", "2.00");
    assert_eq!(at_one.post("/marqeta/jit", &decided.body()).status, 200);
    let capture = decided.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "2.00");
    assert_eq!(at_other.post("/marqeta/webhook", &crate::support::callbacks::transactions(&[capture])).status, 200);
    // A payment waits at one for its payer, who is authenticated at the other.
    let begun = waits(&mut at_one, "waits");
    let result = serde_json::json!({"id": begun["id"], "three_d_secure": {
        "electronic_commerce_indicator": "ATTEMPTED", "transaction_id": "3ds-1"}});
    let paid = at_other.post("/api/payment/3ds", &result.to_string());
    assert_eq!(paid.json()["auth_response"]["status"], "PASS", "{paid:?}");
    while endpoint.next().answered != 503 {}
    // Whoever tells it is killed before anything of that is told.
    let (killed, left, mut at_left, workplace) =
        if delivered(&one) > 0.0 { (one, other, at_other, &there) } else { (other, one, at_one, &here) };
    assert_eq!(delivered(&left), 0.0, "one responder tells an endpoint");
    killed.kill();
    pay(&mut at_left, "afterwards");
    endpoint.answer(200);
    // What was told just before may come once more: it is looked for what was not.
    let mut taken: Vec<Got> = Vec::new();
    let of = |taken: &[Got], wanted: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        taken.iter().map(Got::json).filter(|body| wanted(&body["data"])).collect()
    };
    let of_captured = |data: &Value| data["amount"]["minor"] == 200;
    let of_begun = |data: &Value| data["payment_id"] == begun["id"];
    let of_last = |data: &Value| data["payment"] == "jit-afterwards";
    while of(&taken, &of_captured).len() < 2 || of(&taken, &of_begun).len() < 2 || of(&taken, &of_last).is_empty() {
        let got = endpoint.next();
        if got.answered == 200 && taken.iter().all(|other| other.id() != got.id()) {
            taken.push(got);
        }
    }
    let kinds = |bodies: Vec<Value>| bodies.iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(kinds(of(&taken, &of_captured)), ["authorization.approved", "hold.captured"], "in its order");
    let told = of(&taken, &of_begun);
    let status = |body: &Value| body["data"]["auth_response"]["status"].as_str().unwrap_or_default().to_owned();
    assert_eq!(told.iter().map(status).collect::<Vec<_>>(), ["PENDING_3DSAUTH", "PASS"]);
    assert!(told.iter().all(|body| body["data"]["customer_name"] == "John Doe"));

    // Everything is told; somebody wants the last of it once more.
    let last = taken.iter().find(|got| of_last(&got.json()["data"])).unwrap();
    let record = last.json()["data"]["record"].to_string();
    let again = workplace.run(&["webhooks", "replay", "--endpoint", "office", "--from", &record, "--to", &record]);
    assert!(again.status.success(), "{again:?}");
    let replayed = loop {
        let got = endpoint.next();
        if got.id() == last.id() {
            break got;
        }
    };
    assert_eq!(replayed.body, last.body, "the same event, byte for byte");
    assert!(left.terminate().success());
    let listed = workplace.run(&["webhooks", "list", "--json"]);
    let lines = String::from_utf8(listed.stdout).unwrap();
    let line: Value = serde_json::from_str(lines.lines().next().unwrap_or_default()).unwrap();
    assert_eq!((&line["endpoint"], &line["waiting"], &line["dead"]), (&"office".into(), &0.into(), &0.into()), "{lines}");
}

#[test]
fn a_responder_on_the_shared_ledger_tells_of_its_own_stand_in_itself() {
    let Some(postgres) = Postgres::start() else { return };
    let endpoint = Endpoint::start(200);
    let workplace = responder_on(&postgres, &endpoint);
    let server = workplace.serve();
    let who = ["--by", "a test", "--why", "to see"];
    let on = workplace.run(&[&["stand-in", "on", "--program", "demo", "--for", "1h"], &who[..]].concat());
    assert!(on.status.success(), "{on:?}");
    let entered = endpoint.next().json();
    assert_eq!(entered["type"], "stand_in.entered");
    assert!(entered["data"]["node"].is_string(), "{entered}");
    let off = workplace.run(&[&["stand-in", "off", "--program", "demo"], &who[..]].concat());
    assert!(off.status.success(), "{off:?}");
    assert_eq!(endpoint.next().json()["type"], "stand_in.left");
    assert!(server.terminate().success());
}
