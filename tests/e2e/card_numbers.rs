//! Card numbers: taken on one listener and matched to a card there, refused everywhere else, and nowhere to be found afterwards: not on
//! the disk, in what is told, nor in the process's memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::support::http::demo_authorization;
use crate::support::server::{HOLDFAST, Server};
use crate::support::{BackOffice, Workplace};

const CHECK: &str = "/transaction-monitoring/pre-auth";

/// A Visa number that is in no program and no document: fifteen digits and their check digit.
fn number(fifteen: &str) -> String {
    let sum: u32 = fifteen
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = if place % 2 == 0 { digit * 2 } else { digit };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    format!("{fifteen}{}", (10 - sum % 10) % 10)
}

fn grouped(number: &str, between: &str) -> String {
    [&number[..4], &number[4..8], &number[8..12], &number[12..]].join(between)
}

/// A place whose server takes card numbers, and the certificate of that listener.
fn workplace() -> (Workplace, String) {
    let workplace = Workplace::demo();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    for (file, text) in [
        ("certificate.pem", certificate.clone()),
        ("key.pem", made.signing_key.serialize_pem()),
        ("card_number_key", "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef0123456789abcdef\n".to_owned()),
    ] {
        std::fs::write(workplace.path("config").join(file), text).unwrap();
    }
    workplace.edit("holdfast.toml", |text| {
        format!(
            "{text}\n[telemetry]\nfile = \"telemetry.jsonl\"\n\n[card_numbers]\nlisten = \"127.0.0.1:0\"\nkey = \"file:card_number_key\"\n\
             [card_numbers.tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n"
        )
    });
    // Who is found is told by what was verified of the card.
    workplace.edit("rules/demo.toml", |rules| {
        format!("{rules}\n[[rule]]\nid = \"verified\"\naddress_verification = {{ allow = [\"POSTAL_CODE_AND_STREET_MATCH\"] }}\n")
    });
    (workplace, certificate)
}

/// What a number's token is, as the command makes it.
fn token_of(workplace: &Workplace, input: &str) -> Result<String, String> {
    let mut command = Command::new(HOLDFAST);
    command.args(["card-token", "--program", "demo", "--config"]).arg(workplace.config());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// One request over TLS on a connection of its own: status and body.
fn over_tls(address: SocketAddr, trusted: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let authorization = demo_authorization();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut answer = Vec::new();
    // Whether it ends with a farewell is not what is looked at.
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Every page that a process could write and that is not empty, by where it is.
fn memory_of(server: &Server) -> Vec<(String, Vec<u8>)> {
    let process = server.child.id();
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let regions = maps.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        let (from, to) = range.split_once('-')?;
        let bound = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let (from, to) = (bound(from), bound(to));
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        let read = rights.starts_with("rw") && memory.read_exact_at(&mut bytes, from).is_ok();
        let written: Vec<u8> = bytes.chunks(4096).filter(|page| *page != [0; 4096]).flatten().copied().collect();
        read.then(|| (line.to_owned(), written))
    });
    regions.collect()
}

fn files_below(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                return files_below(&path);
            }
            std::fs::read(&path).map(|bytes| vec![(path.display().to_string(), bytes)]).unwrap_or_default()
        })
        .collect()
}

/// Where any of these texts is.
fn places(searched: &[(String, Vec<u8>)], texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in searched {
        let text = String::from_utf8_lossy(bytes);
        found.extend(texts.iter().filter(|wanted| text.contains(wanted.as_str())).map(|wanted| format!("{wanted} in {place}")));
    }
    found
}

fn put(office: &mut BackOffice, card: &str, key: &str, body: &Value) -> (u16, String) {
    let headers = [("Idempotency-Key", key), ("Content-Type", "application/json")];
    let answer = office.raw("PUT", &format!("/v1/instruments/{card}"), &headers, &body.to_string());
    (answer.status, answer.body)
}

fn by_number(number: &str) -> Value {
    json!({"transaction_type": "auth", "merchant_id": "merchant-demo", "data": {"card_number": number, "cardholder_name": "John Doe",
        "card_exp": "12/27", "currency_code": "USD", "transaction_amount": "5.50", "ip_address": "100.43.79.254", "cvv": "9137"}})
}

#[test]
fn a_card_is_found_by_its_number_and_the_number_is_nowhere_afterwards() {
    let (workplace, certificate) = workplace();
    let server = workplace.serve_by(&["sh", "-c", "exec \"$0\" \"$@\" 2>stderr.log"]);
    let ready: Value = serde_json::from_str(&server.ready_line).unwrap();
    let address: SocketAddr = ready["card_numbers_listen"].as_str().unwrap().parse().unwrap();
    let numbers: BTreeMap<&str, String> = [
        ("registered", number("453291847305162")),
        ("unknown", number("453291847305170")),
        ("spaced", number("453291847305188")),
        ("dashed", number("453291847305196")),
        ("field", number("453291847305204")),
        ("url", number("453291847305212")),
        ("header", number("453291847305220")),
        ("broken", number("453291847305238")),
        ("input", number("453291847305246")),
    ]
    .into();

    // An instrument has the token in place of the last four digits.
    let token = token_of(&workplace, &format!("{}\n", grouped(&numbers["registered"], " "))).unwrap();
    assert_eq!(Ok(&token), token_of(&workplace, &numbers["registered"]).as_ref());
    let told = token_of(&workplace, &format!("{}1", numbers["input"])).unwrap_err();
    assert!(told.starts_with("standard input: is no card number"), "{told}");
    let mut office = BackOffice::of(&server);
    let verified = |more: Value| {
        let mut body = json!({"brand": "visa", "address_verification": "POSTAL_CODE_AND_STREET_MATCH"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (status, told) = put(&mut office, "PIdemo1", "both", &verified(json!({"last_four": "1111", "number_token": token})));
    assert!(status == 400 && told.contains("not kept beside its digits"), "{told}");
    assert_eq!(put(&mut office, "PIdemo1", "one", &verified(json!({"number_token": token}))).0, 200);
    assert_eq!(office.found("/v1/instruments/PIdemo1")["number_token"], token);
    assert_eq!(put(&mut office, "card_sandbox_demo", "two", &verified(json!({"number_token": token}))).0, 409);

    // The listener that takes numbers.
    let ask = |body: &Value| over_tls(address, &certificate, CHECK, &[], &body.to_string());
    let rules = |(status, body): (u16, String)| {
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        (answer["processing_status"].as_str().unwrap().to_owned(), answer["triggered_rules"][0]["rule"].clone())
    };
    assert_eq!(rules(ask(&by_number(&numbers["registered"]))), ("allow".to_owned(), Value::Null));
    assert_eq!(rules(ask(&by_number(&numbers["unknown"]))), ("decline".to_owned(), json!("verified")));
    let mut by_token = by_number("");
    by_token["data"] = json!({"card_token": "card_sandbox_demo", "transaction_amount": "5.50"});
    assert_eq!(rules(ask(&by_token)).0, "allow");

    // Wherever else a number stands, it is refused and not repeated: on this listener as on the others.
    let with = |name: &str, value: &str| {
        let mut body = by_number(&numbers["registered"]);
        body["data"][name] = json!(value);
        body
    };
    let (spaced, dashed) = (grouped(&numbers["spaced"], " "), grouped(&numbers["dashed"], "-"));
    let mut told = vec![
        ask(&with("cardholder_name", &spaced)),
        ask(&with("reference", &dashed)),
        ask(&with("card_number", &spaced)),
        ask(&json!({"transaction_type": "refund", "id": numbers["field"], "amount": "1.00"})),
        over_tls(
            address,
            &certificate,
            CHECK,
            &[("X-Request-Id", &numbers["header"])],
            &by_number(&numbers["registered"]).to_string(),
        ),
        over_tls(address, &certificate, CHECK, &[], &format!("{{\"data\": {{\"card_number\": \"{}\"", numbers["broken"])),
    ];
    let payment = |field: &str, value: &str| {
        let mut body =
            json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "1.00", "card_token": "card_sandbox_demo"}});
        body["data"][field] = json!(value);
        body.to_string()
    };
    let authorization = |field: &str, value: &str| {
        let mut body = json!({"amount": 100, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1"});
        body[field] = json!(value);
        body.to_string()
    };
    let basic = demo_authorization();
    {
        let mut client = server.client();
        let mut plain = |method: &str, path: &str, header: (&str, &str), body: &str| {
            let answer = client.ask(method, path, &[("Authorization", &basic), header], body);
            told.push((answer.status, answer.body));
        };
        let none = ("X-Nothing", "here");
        plain("POST", CHECK, none, &by_number(&numbers["field"]).to_string());
        for (path, write) in
            [("/api/payment/auth", &payment as &dyn Fn(&str, &str) -> String), ("/payments/na/authorizations", &authorization)]
        {
            for value in [&numbers["field"], &spaced, &dashed] {
                plain("POST", path, none, &write("description", value));
                plain("POST", path, none, &write("card_token", value));
                plain("POST", path, none, &write("source", value));
            }
            plain("POST", path, ("X-Trace", &numbers["header"]), &write("description", "x"));
            plain("POST", path, ("Idempotency-Key", &grouped(&numbers["header"], "-")), &write("description", "x"));
            plain("POST", &format!("{path}?source={}", numbers["url"]), none, &write("description", "x"));
        }
        plain("POST", "/api/payment/auth", none, &payment("cvv", "9137"));
        plain("GET", &format!("/api/payment/{}", numbers["url"]), none, "");
        plain("GET", &format!("/payments/na/authorizations/{}", numbers["url"]), none, "");
        plain("GET", &format!("/payments/na/authorizations?source={}", numbers["url"]), none, "");
        plain("PUT", &format!("/payments/na/authorizations/{}", numbers["url"]), none, "{\"void_me\":true}");
    }
    for (status, body) in &told {
        assert_eq!(*status, 400, "{body}");
    }
    // A moment is no number.
    let mut client = server.client();
    let stamped = client.ask(
        "POST",
        "/api/payment/auth",
        &[("Authorization", &basic), ("X-Sent", "1773500966123")],
        &payment("internal_transaction_id", "1773500966000000"),
    );
    assert_eq!(stamped.json()["auth_response"]["status"], "PASS", "{stamped:?}");
    drop((client, office));

    // And now they are looked for.
    let wanted: Vec<String> =
        numbers.values().flat_map(|number| [number.clone(), grouped(number, " "), grouped(number, "-")]).collect();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().skip(1).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    let answers: Vec<_> = told.into_iter().map(|(_, body)| ("an answer".to_owned(), body.into_bytes())).collect();
    assert_eq!(places(&answers, &wanted), Vec::<String>::new());
    let pages = ["/metrics", "/status"].map(|page| (page.to_owned(), server.ops(page).body.into_bytes()));
    assert_eq!(places(&pages, &wanted), Vec::<String>::new());
    // Connections that were closed are let go of when the server hears of it: what it says of itself tells when.
    assert!((0..100_000).any(|_| server.metric("holdfast_connections ", &[]) < 1.0), "connections stay open");
    let memory = memory_of(&server);
    assert_eq!(places(&memory, &wanted), Vec::<String>::new());
    assert!(!places(&memory, &["PIdemo1".to_owned()]).is_empty() && memory.len() > 5, "the search finds what is there");
    assert!(server.terminate().success());
    let files = files_below(&workplace.path("."));
    assert_eq!(places(&files, &wanted), Vec::<String>::new());
    for (text, file) in
        [("PIdemo1", "data/"), ("unregistered-number", "data/"), ("callbacks on", "stderr.log"), ("pre_auth", "telemetry.jsonl")]
    {
        let found = places(&files, &[text.to_owned()]);
        assert!(found.iter().any(|place| place.contains(file)), "the search finds {text} in {file}: {found:?}");
    }
}

#[test]
fn a_check_says_what_it_means_and_what_is_missing() {
    let (workplace, _) = workplace();
    let output = workplace.run(&["check"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("in scope of PCI DSS"), "{output:?}");
    let without = Workplace::demo().run(&["check"]);
    assert!(!String::from_utf8_lossy(&without.stdout).contains("PCI"), "it is off");
    for (from, to, problem) in [
        ("[card_numbers.tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n", "", "has no [card_numbers.tls]"),
        ("file:card_number_key", "file:demo/secrets/texts_key", "names a secret of the demo"),
        ("file:card_number_key", "file:demo/secrets/enterprise_api_key", "shorter than 32 characters"),
        (
            "[card_numbers]\nlisten = \"127.0.0.1:0\"",
            "[card_numbers]\nlisten = \"127.0.0.1:8080\"",
            "the address of another listener",
        ),
        ("[card_numbers]\nlisten = \"127.0.0.1:0\"", "[card_numbers]\nlisten = \"127.0.0.1:8081\"", "the address of api.listen"),
        ("platform = \"pre_auth\"", "platform = \"payment_gateway\"", "no [[program.mount]] takes card numbers"),
    ] {
        let (workplace, _) = self::workplace();
        workplace.edit("holdfast.toml", |text| text.replace(from, to));
        let output = workplace.run(&["check"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(problem), "{problem}: {told}");
    }
}
