//! Every key's default, every way to be wrong, and the shipped file. Platforms and environment are stand-ins.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use holdfast_adapters::{
    Adapter, Answer, Authentic, Budget, BudgetStart, Callback, Credentials, Echo, InFlightDuplicate, Inbound, Keyring, Malformed,
    Platform, Refusal, Refused, Reply, SettingError, Settings, Use,
};
use holdfast_core::{Money, Timestamp};
use http::HeaderMap;
use proptest::prelude::*;
use tempfile::TempDir;

use super::mount::default_reserve;
use super::*;
use crate::profiles;

/// An adapter that is only ever built.
struct Mute;

impl Adapter for Mute {
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, _: Timestamp) -> Result<Authentic<'a>, Refusal> {
        holdfast_adapters::proof::verify_basic(&callback, keyring).and(Err(Refusal::Stale))
    }
    fn verify_head(&self, _: &Callback<'_>, _: &Keyring, _: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
    fn decode<'a>(&self, _: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        panic!("is only built")
    }
    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        panic!("is only built")
    }
    fn encode(&self, _: &Echo<'_>, _: &Answer<'_>, _: &Keyring, _: Timestamp, _: &mut Vec<u8>) -> Reply {
        panic!("is only built")
    }
    fn refuse(&self, _: &Refused, _: &mut Vec<u8>) -> Reply {
        panic!("is only built")
    }
    fn prove(&self, _: u8, _: &mut HeaderMap, _: &mut Vec<u8>, _: &Keyring, _: Timestamp) {}
    fn sample_authorization(&self, _: u64, _: &str, _: &str, _: Money, _: &mut Vec<u8>) -> u8 {
        0
    }
}

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    let mut errors = Vec::new();
    settings.switch("capture_at_authorization", false, &mut errors);
    settings.table("sources", &mut errors);
    settings.refuse_unknown(&["capture_at_authorization", "sources"], &mut errors);
    if errors.is_empty() { Ok(Box::new(Mute)) } else { Err(errors) }
}

const fn platform(name: &'static str, budget_ms: [u64; 3]) -> Platform {
    let [min, default, max] = budget_ms;
    let budget = Budget {
        default: Duration::from_millis(default),
        min: Duration::from_millis(min),
        max: Duration::from_millis(max),
        start: BudgetStart::Receipt,
    };
    let credentials = Credentials {
        basic: Use::Needed,
        headers: Use::Possible,
        signing: Use::Possible,
        answering: Use::Possible,
        bypass: Use::Never,
    };
    let in_flight_duplicate = InFlightDuplicate::Join;
    Platform {
        name,
        routes: &[],
        budget,
        in_flight_duplicate,
        credentials,
        message_name: |key| key,
        payment_of_message: |_| None,
        payment_of_token: holdfast_core::PaymentRef::of,
        texts: Use::Never,
        card_number_routes: &[],
        decision_event: None,
        build,
    }
}

static PLATFORMS: [Platform; 3] = [
    platform("marqeta", [1000, 3000, 7000]),
    Platform { credentials: holdfast_adapters::apto::PLATFORM.credentials, ..platform("apto", [500, 2000, 5000]) },
    Platform {
        credentials: Credentials {
            basic: Use::Never,
            headers: Use::Never,
            signing: Use::Needed,
            answering: Use::Possible,
            bypass: Use::Never,
        },
        // Its callers' texts are kept.
        texts: Use::Needed,
        ..platform("signed", [500, 2000, 5000])
    },
];

const DEMO_PASSWORD: &str = include_str!("../../config/demo/secrets/platform_password");
const DEMO_AGENTS_KEY: &str = include_str!("../../config/demo/secrets/agents_key");
const DEMO_TOKEN: &str = include_str!("../../config/demo/secrets/management_token");

fn environment(name: &str) -> Option<String> {
    match name {
        "PASSWORD" => Some("secret-of-my-own".into()),
        "SHORT_PASSWORD" => Some("eleven-byte".into()),
        "EMPTY" => Some(String::new()),
        "NEWLINE" => Some("\n".into()),
        "LINES" => Some("secret-a\nsecret-b".into()),
        "LONG" => Some("s".repeat(4097)),
        "WHSEC" => Some("whsec_dGhpcyBpcyBhIHRlc3QgYW5kIG9ubHkgYSB0ZXN0".into()),
        "WHSEC_UNPADDED" => Some("whsec_dGhpcyBpcyBhIHRlc3QgYW5kIG9ubHkgYSB0ZXN0MQ".into()),
        "WHSEC_NO_BASE64" => Some("whsec_this is a secret and no base64, however long".into()),
        // Long enough as it is written, and sixteen bytes as it is meant.
        "WHSEC_SHORT" => Some("whsec_MDEyMzQ1Njc4OWFiY2RlZg==".into()),
        "WHSEC_LONG" => Some("s".repeat(65)),
        "TOO_LONG_FOR_BASIC" => Some("s".repeat(499)),
        "DEMO" => Some(DEMO_PASSWORD.into()),
        "TOKEN" => Some("0123456789abcdef-of-my-own".into()),
        "AGENTS_KEY" => Some("0f".repeat(32)),
        "SHORT_KEY" => Some("0f".repeat(31)),
        "DEMO_AGENTS_KEY" => Some(DEMO_AGENTS_KEY.into()),
        "SMTP" => Some("smtps://user:only-here@mail.example:465".into()),
        "DEMO_TOKEN" => Some(DEMO_TOKEN.into()),
        _ => None,
    }
}

pub(super) const SURROUNDINGS: Surroundings<'static> =
    Surroundings { platforms: &PLATFORMS, environment: &environment, depth: Depth::Everything };

/// Every key that has no default, and no other.
pub(super) const LEAST: &str = r#"[[program]]
id = "one"
currency = "EUR"
environment = "sandbox"
country = "DEU"
time_zone = "Europe/Berlin"
rules = "rules.toml"
[[program.mount]]
platform = "marqeta"
path = "/m"
[[program.mount.basic]]
user = "u"
password = "env:PASSWORD"
"#;

/// A ruleset that fits the program above.
const RULES: &str =
    "currency = \"EUR\"\ntime_zone = \"Europe/Berlin\"\n[[rule]]\nid = \"amount\"\namount = { max = \"750.00\" }\n";

/// A directory with what the configurations of these tests name.
pub(super) fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("rules.toml", RULES);
    write("broken.toml", "a = \n");
    write("agents.toml", "");
    write("password", "from-a-file\r\n");
    write("accounts.csv", "account_id,program,currency,balance,credit_line,status\na,one,EUR,1,0,active\nb,one,USD,1,0,open\n");
    write("cards.csv", "card,account\n");
    write("a.toml", "");
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    write("certificate.pem", &pair.cert.pem());
    write("key.pem", &pair.signing_key.serialize_pem());
    write("other_key.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    directory
}

fn load_with(directory: &TempDir, text: &str, overrides: Overrides) -> Result<Config, String> {
    load_in(directory, text, overrides, &SURROUNDINGS)
}

pub(super) fn load_in(
    directory: &TempDir,
    text: &str,
    overrides: Overrides,
    surroundings: &Surroundings<'_>,
) -> Result<Config, String> {
    let path = directory.path().join("c.toml");
    fs::write(&path, text).unwrap();
    let prefix = format!("{}/", directory.path().display());
    Config::read(&path, overrides, surroundings).map_err(|errors| errors.to_string().replace(&prefix, ""))
}

pub(super) fn load(text: &str) -> Result<Config, String> {
    load_with(&directory(), text, Overrides::default())
}

/// With the platforms that there are.
fn load_for_real(text: &str) -> Result<Config, String> {
    let surroundings = Surroundings { platforms: holdfast_adapters::PLATFORMS, ..SURROUNDINGS };
    load_in(&directory(), text, Overrides::default(), &surroundings)
}

#[test]
fn no_mount_leads_to_where_agents_processors_ask() {
    let agents = "[agents]\nkey = 'env:AGENTS_KEY'\nsandbox = 'one'\n";
    let at = |platform: &str, path: &str| {
        LEAST.replace("\"marqeta\"", &format!("\"{platform}\"")).replace("\"/m\"", &format!("\"{path}\""))
    };
    const TAKEN: &str = "leads to /v1, where processors of agent spend ask ([agents]): choose another path";
    // Apto's own routes begin with /v1 and /v3.
    for (platform, path) in [("marqeta", "/v1"), ("marqeta", "/v1/m"), ("apto", "/")] {
        let refused = load_for_real(&format!("{agents}{}", at(platform, path))).unwrap_err();
        assert!(refused.contains(&format!("program[0].mount[0].path: {TAKEN}")), "{platform} {path}: {refused}");
        assert!(load_for_real(&at(platform, path)).is_ok(), "{platform} {path}");
    }
    for (platform, path) in [("marqeta", "/"), ("apto", "/a"), ("marqeta", "/v10")] {
        assert!(load_for_real(&format!("{agents}{}", at(platform, path))).is_ok(), "{platform} {path}");
    }
}

#[test]
fn no_custom_header_is_where_the_signature_is() {
    let with = |name: &str| load_for_real(&format!("{LEAST}[program.mount.headers]\n{name} = 'env:PASSWORD'\n"));
    let refused = with("X-Marqeta-Signature").unwrap_err();
    let expected = "program[0].mount[0].headers.X-Marqeta-Signature: is where marqeta sends its signature: a fixed value there would never \
                    be right";
    assert!(refused.contains(expected), "{refused}");
    assert!(with("X-Issuer-Key").is_ok());
}

#[test]
fn the_least_that_can_be_written_has_every_default() {
    let config = load(LEAST).unwrap();
    let workers = config.server.workers;
    assert!(workers >= 1);
    let expected = ServerConfig {
        listen: "127.0.0.1:8080".parse().unwrap(),
        ops_listen: "127.0.0.1:9090".parse().unwrap(),
        workers,
        connections_max: 10_000,
        head_bytes_max: 16_384,
        body_bytes_max: 262_144,
        head_read_max: Duration::from_millis(2000),
        body_read_max: Duration::from_millis(500),
        idle_max: Duration::from_secs(300),
        tls_handshake_max: Duration::from_secs(5),
        drain_max: Duration::from_secs(30),
        stop_max: Duration::from_secs(75),
        tls_terminated_upstream: false,
        tls: None,
    };
    assert_eq!(config.server, expected);
    assert_eq!(config.server, ServerConfig::default());
    assert_eq!(config.api, ApiConfig { listen: "127.0.0.1:8081".parse().unwrap(), tokens: Vec::new() });
    assert_eq!(config.responder, ResponderConfig { in_flight_max: 1024, told_max: 100_000 });
    assert_eq!(config.ledger, LedgerConfig::default());
    assert_eq!(
        (config.ledger.data.to_str(), config.ledger.sync, config.ledger.commit_records_max),
        (Some("./data"), LedgerSync::Full, 512)
    );
    let program = &config.programs[0];
    assert_eq!((program.currency.code(), program.country.code()), ("EUR", "DEU"));
    assert_eq!(program.time_zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!((&program.import_accounts, &program.import_cards), (&None, &None));
    let mount = &program.mounts[0];
    assert_eq!((mount.budget, mount.reserve), (Duration::from_millis(3000), Duration::from_millis(500)));
    assert_eq!((mount.keyring.headers.len(), mount.keyring.signing.len(), mount.keyring.answering.len()), (0, 0, 0));
    assert!(mount.settings.values.is_empty() && config.tls.is_none() && config.telemetry.is_none());
    let with_telemetry = load(&format!("[telemetry]\nfile = 'all.jsonl'\n{LEAST}")).unwrap().telemetry;
    assert_eq!(with_telemetry, Some(TelemetryConfig { file: "./data/all.jsonl".into(), file_bytes_max: 104_857_600 }));
}

#[test]
fn records_are_kept_for_ever_or_longer_than_keys_and_holds_last() {
    let kept = |days: &str| {
        let config = load(&LEAST.replace("rules =", &format!("journal_keep_days = {days}\nrules =")));
        config.map(|config| config.programs[0].journal_keep_days)
    };
    assert_eq!(load(LEAST).unwrap().programs[0].journal_keep_days, None);
    assert_eq!((kept("36").unwrap(), kept("36500").unwrap()), (Some(36), Some(36_500)));
    assert!(kept("35").unwrap_err().contains("journal_keep_days: must be at least 36: holds wait 35 days"));
    assert!(kept("36501").unwrap_err().contains("journal_keep_days: must be a whole number from 0 to 36500"));
}

#[test]
fn every_key_is_taken() {
    let directory = directory();
    let text = format!(
        "[server]\nlisten = '0.0.0.0:1'\nops_listen = '127.0.0.1:2'\nworkers = 3\nconnections_max = 4\nhead_bytes_max = 5000\n\
         body_bytes_max = 6000\nhead_read_ms_max = 70\nbody_read_ms_max = 80\nidle_seconds_max = 9\ntls_handshake_ms_max = 95\ndrain_seconds_max = 10\nstop_seconds_max = 20\n\
         tls_terminated_upstream = false\n[server.tls]\ncertificate = 'certificate.pem'\nkey = 'key.pem'\n\
         [api]\nlisten = '127.0.0.1:3'\n[[api.token]]\nname = 'a'\ntoken = 'env:TOKEN'\nprograms = ['one']\n\
         [responder]\nin_flight_max = 11\ntold_max = 12\n\
         [ledger]\nengine = 'embedded'\ndata = 'd'\nsync = 'none'\ncommit_records_max = 13\n\
         [telemetry]\nfile = 't.jsonl'\nfile_bytes_max = 2000000\n{LEAST}\
         [program.mount.headers]\nX-One = 'file:password'\n[program.mount.settings]\ncapture_at_authorization = true\n\
         sources = {{ a = 'b' }}\n"
    )
    .replace(
        "path = \"/m\"",
        "path = '/m'\nbudget_ms = 1400\nreserve_ms = 20\nsigning = ['env:PASSWORD']\nanswering = ['file:password']",
    );
    let config = load_with(&directory, &text, Overrides::default()).unwrap();
    let expected = ServerConfig {
        listen: "0.0.0.0:1".parse().unwrap(),
        ops_listen: "127.0.0.1:2".parse().unwrap(),
        workers: 3,
        connections_max: 4,
        head_bytes_max: 5000,
        body_bytes_max: 6000,
        head_read_max: Duration::from_millis(70),
        body_read_max: Duration::from_millis(80),
        idle_max: Duration::from_secs(9),
        tls_handshake_max: Duration::from_millis(95),
        drain_max: Duration::from_secs(10),
        stop_max: Duration::from_secs(20),
        tls_terminated_upstream: false,
        tls: Some(TlsFiles { certificate: directory.path().join("certificate.pem"), key: directory.path().join("key.pem") }),
    };
    assert_eq!(config.server, expected);
    let digest = <sha2::Sha256 as sha2::Digest>::digest("0123456789abcdef-of-my-own").into();
    let token = ApiToken { name: "a".to_owned(), digest, programs: vec![config.programs[0].id] };
    assert_eq!(config.api, ApiConfig { listen: "127.0.0.1:3".parse().unwrap(), tokens: vec![token] });
    assert_eq!(config.tls.unwrap().alpn_protocols, [b"http/1.1".to_vec()]);
    assert_eq!(config.responder, ResponderConfig { in_flight_max: 11, told_max: 12 });
    assert_eq!(
        (config.ledger.data.to_str(), config.ledger.sync, config.ledger.commit_records_max),
        (Some("d"), LedgerSync::None, 13)
    );
    assert_eq!(config.telemetry, Some(TelemetryConfig { file: "d/t.jsonl".into(), file_bytes_max: 2_000_000 }));
    let mount = &config.programs[0].mounts[0];
    assert_eq!((mount.budget, mount.reserve), (Duration::from_millis(1400), Duration::from_millis(20)));
    assert_eq!(mount.keyring.headers[0].0, "x-one");
    let exposed = |secret: &holdfast_adapters::Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
    assert_eq!(exposed(&mount.keyring.headers[0].1), "from-a-file", "a file's last line end is not part of it");
    assert_eq!(exposed(&mount.keyring.signing[0]), "secret-of-my-own");
    assert_eq!(mount.settings.values.len(), 2);
}

/// The program above with something about its settlement, in front of its mount.
fn settled(text: &str) -> String {
    LEAST.replacen("[[program.mount]]", &format!("{text}\n[[program.mount]]"), 1)
}

#[test]
fn a_settlement_is_what_the_program_says_of_it() {
    use crate::settlement::{FileColumns, Sign};
    use crate::settlement_day::TimeOfDay;
    let program = |text: &str| load(&settled(text)).unwrap().programs.remove(0);
    let plain = program("");
    assert_eq!((plain.settlement_cutoff, plain.settlement_file), (TimeOfDay::DEFAULT, None));
    assert_eq!(program("settlement_cutoff = '24:00'").settlement_cutoff, TimeOfDay::Midnight);
    let early = jiff::civil::Time::constant(0, 1, 0, 0);
    assert_eq!(program("settlement_cutoff = '00:01'").settlement_cutoff, TimeOfDay::At(early));
    let least = FileColumns { payment: "p".into(), amount: "a".into(), currency: None, network: None, sign: Sign::Due };
    assert_eq!(program("[program.settlement_file]\npayment = 'p'\namount = 'a'").settlement_file.as_ref(), Some(&least));
    let whole = "[program.settlement_file]\npayment = 'p'\namount = 'a'\ncurrency = 'c'\nnetwork = 'n'\nsign = 'due_negative'";
    let named = FileColumns { currency: Some("c".into()), network: Some("n".into()), sign: Sign::Ours, ..least };
    assert_eq!(program(whole).settlement_file, Some(named));
}

#[test]
fn what_can_be_wrong_with_a_settlement() {
    const CUTOFF: &str =
        "c.toml:8:21: program[0].settlement_cutoff: must be a time of day from \"00:01\" to \"24:00\", such as \"17:00\"";
    const COLUMN: &str = "is empty; name a column";
    const FILE: &str = "[program.settlement_file]";
    const LEAST_OF_A_FILE: &str = "[program.settlement_file]\npayment = 'p'\namount = 'a'";
    let cases = [
        ("settlement_cutoff = '00:00'".to_owned(), CUTOFF.to_owned()),
        ("settlement_cutoff = '24:01'".to_owned(), CUTOFF.to_owned()),
        ("settlement_cutoff = '5pm'".to_owned(), CUTOFF.to_owned()),
        ("settlement_cutoff = 17".to_owned(), "c.toml:8:21: program[0].settlement_cutoff: must be a text in quotes".to_owned()),
        ("settlement_file = 'f.csv'".to_owned(), "c.toml:8:19: program[0].settlement_file: must be a table".to_owned()),
        (
            FILE.to_owned(),
            "c.toml:8:1: program[0].settlement_file.payment: is missing\n\
             c.toml:8:1: program[0].settlement_file.amount: is missing"
                .to_owned(),
        ),
        (
            format!("{FILE}\npayment = ''\namount = ''"),
            format!(
                "c.toml:9:11: program[0].settlement_file.payment: {COLUMN}\nc.toml:10:10: program[0].settlement_file.amount: {COLUMN}"
            ),
        ),
        (
            format!("{LEAST_OF_A_FILE}\ncurrency = ''\nnetwork = ''"),
            format!(
                "c.toml:11:12: program[0].settlement_file.currency: {COLUMN}\n\
                 c.toml:12:11: program[0].settlement_file.network: {COLUMN}"
            ),
        ),
        (
            format!("{LEAST_OF_A_FILE}\nsign = 'positive'"),
            "c.toml:11:8: program[0].settlement_file.sign: must be \"due_positive\" (a purchase is positive) or \"due_negative\""
                .to_owned(),
        ),
        (
            format!("{LEAST_OF_A_FILE}\ncolumns = 5"),
            "c.toml:11:1: program[0].settlement_file.columns: is not a key of this table; its keys are payment, amount, currency, \
             network, sign"
                .to_owned(),
        ),
    ];
    for (written, expected) in cases {
        assert_eq!(load(&settled(&written)).err(), Some(expected), "{written}");
    }
}

#[test]
fn the_command_line_goes_over_the_file() {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let overrides = Overrides {
        listen: Some(address("127.0.0.1:0")),
        ops_listen: Some(address("127.0.0.1:0")),
        api_listen: Some(address("127.0.0.1:0")),
        data: Some("elsewhere".into()),
    };
    let config = load_with(&directory(), &format!("[server]\nlisten = '127.0.0.1:7'\n{LEAST}"), overrides).unwrap();
    assert_eq!((config.server.listen, config.server.ops_listen), (address("127.0.0.1:0"), address("127.0.0.1:0")));
    assert_eq!(config.api.listen, address("127.0.0.1:0"));
    assert_eq!(config.ledger.data, Path::new("elsewhere"));

    let beyond = Overrides { listen: Some(address("0.0.0.0:80")), ..Overrides::default() };
    let wrong = load_with(&directory(), &format!("[server]\nlisten = '127.0.0.1:7'\n{LEAST}"), beyond).unwrap_err();
    assert_eq!(
        wrong,
        "c.toml:2:10: server.listen: as given by --listen: is plain HTTP beyond loopback; that needs a certificate in \
         [server.tls], or tls_terminated_upstream = true if TLS ends before it"
    );
}

#[test]
fn texts_are_sealed_with_a_key_of_ones_own() {
    let directory = directory();
    let key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    fs::write(directory.path().join("own"), key).unwrap();
    fs::write(directory.path().join("short"), key.get(..40).unwrap()).unwrap();
    fs::write(directory.path().join("demo"), include_str!("../../config/demo/secrets/texts_key")).unwrap();
    let load = |texts: &str, rest: &str| {
        let loaded = load_with(&directory, &format!("[texts]\n{texts}\n{rest}"), Overrides::default());
        loaded.map(|config| config.texts.sealer.has_key())
    };
    assert_eq!(load("key = 'file:own'", LEAST), Ok(true));
    assert_eq!(load("key = 'file:demo'", LEAST), Ok(true));
    assert_eq!(load("", LEAST), Ok(false));
    let production = LEAST.replace("sandbox", "production");
    assert_eq!(load("key = 'file:own'", &production), Ok(true));
    let (mount, _) = production.split_once("[[program.mount.basic]]").unwrap();
    let door = mount.replace("\"marqeta\"", "\"signed\"") + "signing = ['env:PASSWORD']\n";
    assert_ne!(door, production);
    assert_eq!((load("", &production), load("key = 'file:own'", &door)), (Ok(false), Ok(true)));
    let refused = load("", &door).unwrap_err();
    assert!(refused.contains("texts: has no `key`: a production program has a payment door"), "{refused}");
    let refused = load("key = 'file:demo'", &production).unwrap_err();
    assert!(refused.contains("c.toml:2:7: texts.key: is the demo's key, which everybody knows"), "{refused}");
    let beyond = format!("[server]\nlisten = '0.0.0.0:1'\ntls_terminated_upstream = true\n{LEAST}");
    let refused = load("key = 'file:demo'", &beyond).unwrap_err();
    assert!(refused.contains("works only on loopback"), "{refused}");
    let refused = load("key = 'file:short'", LEAST).unwrap_err();
    assert_eq!(
        refused,
        "c.toml:2:7: texts.key: names a secret that must be 64 hexadecimal digits; `openssl rand -hex 32` makes them"
    );
}

/// What is put in front of [`LEAST`], or instead of a part of it, and what is wrong then.
fn assert_wrong(cases: &[(&str, &str, &str)]) {
    for (written, instead, expected) in cases {
        let text = if written.is_empty() { format!("{instead}\n{LEAST}") } else { LEAST.replacen(written, instead, 1) };
        assert_ne!(text, LEAST);
        assert_eq!(load(&text).err().as_deref(), Some(*expected), "{instead}");
    }
}

#[test]
fn what_can_be_wrong_with_the_process() {
    const FILE: &str = "c.toml:2:8: telemetry.file: must be the name of a file that ends in .jsonl, such as \"telemetry.jsonl\"";
    const TLS: &str = "[server]\nlisten = '0.0.0.0:1'\n[server.tls]\n";
    assert_wrong(&[
        (
            "",
            "[sever]",
            "c.toml:1:2: sever: is not a key of this table; its keys are server, responder, ledger, spool, breaker, telemetry, texts, agents, program, api, card_numbers, webhook",
        ),
        ("", "server = 1", "c.toml:1:10: server: must be a table"),
        (
            "",
            "[server]\nlisten = 'localhost:80'",
            "c.toml:2:10: server.listen: must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        ),
        ("", "[server]\nworkers = -1", "c.toml:2:11: server.workers: must be a whole number from 0 to 1024"),
        ("", "[server]\nconnections_max = '1'", "c.toml:2:19: server.connections_max: must be a whole number from 1 to 1000000"),
        (
            "",
            "[server]\nops_listen = '[::]:9090'",
            "c.toml:2:14: server.ops_listen: is plain HTTP beyond loopback; that needs tls_terminated_upstream = true: the \
             operators' listener speaks plain HTTP only",
        ),
        (
            "",
            "[server]\nops_listen = '127.0.0.1:8080'",
            "c.toml:2:14: server.ops_listen: is the address of server.listen too; operators need a port of their own",
        ),
        ("", "[server.tls]\nkey = 'key.pem'", "c.toml:1:1: server.tls.certificate: is missing"),
        (
            "",
            &format!("{TLS}certificate = 'key.pem'\nkey = 'key.pem'"),
            "c.toml:4:15: server.tls.certificate: names key.pem, which holds no PEM certificate",
        ),
        (
            "",
            &format!("{TLS}certificate = 'certificate.pem'\nkey = 'other_key.pem'"),
            "c.toml:5:7: server.tls.key: is not the key of the certificate: keys may not be consistent: KeyMismatch",
        ),
        ("", "[responder]\nin_flight_max = 0", "c.toml:2:17: responder.in_flight_max: must be a whole number from 1 to 1000000"),
        ("", "[ledger]\nengine = 'sqlite'", "c.toml:2:10: ledger.engine: must be \"embedded\" or \"postgres\""),
        ("", "[ledger]\nsync = 'off'", "c.toml:2:8: ledger.sync: must be \"full\", or \"none\" for benchmarks"),
        ("", "[ledger]\ndata = ''", "c.toml:2:8: ledger.data: is empty; name a directory"),
        ("", "[telemetry]", "c.toml:1:1: telemetry.file: is missing"),
        ("", "[telemetry]\nfile = 'journal.sqlite'", FILE),
        ("", "[telemetry]\nfile = '.jsonl'", FILE),
        ("", "[telemetry]\nfile = 'logs/.jsonl'", FILE),
        (
            "",
            "[telemetry]\nfile = 't.jsonl'\nfile_bytes_max = 1000",
            "c.toml:3:18: telemetry.file_bytes_max: must be a whole number of at least 1048576",
        ),
    ]);
    let production = format!("[ledger]\nsync = 'none'\n{LEAST}").replace("sandbox", "production");
    assert_eq!(
        load(&production).unwrap_err(),
        "c.toml:2:8: ledger.sync: must be \"full\" while any program is production: \"none\" loses approvals in a crash"
    );
    assert_eq!(
        load("").unwrap_err(),
        "c.toml:1:1: has no [[program]]: nothing could be answered; the shipped config/holdfast.toml shows one"
    );
}

#[test]
fn what_can_be_wrong_with_a_program() {
    let twice = LEAST.replace("\"/m\"", "\"/n\"");
    assert_wrong(&[
        ("id = \"one\"\n", "", "c.toml:1:1: program[0].id: is missing"),
        ("\"one\"", "\"\"", "c.toml:2:6: program[0].id: is empty"),
        ("\"EUR\"", "\"XAU\"", "c.toml:3:12: program[0].currency: must be a code of ISO 4217, such as \"USD\""),
        ("\"sandbox\"", "\"test\"", "c.toml:4:15: program[0].environment: must be \"sandbox\" or \"production\""),
        ("\"DEU\"", "\"Germany\"", "c.toml:5:11: program[0].country: must be a code of ISO 3166-1, such as \"USA\""),
        (
            "\"Europe/Berlin\"",
            "\"Berlin\"",
            "c.toml:6:13: program[0].time_zone: must be a name of the IANA database, such as \"America/New_York\"",
        ),
        ("rules.toml", "none.toml", "none.toml:1:1: cannot be read: No such file or directory (os error 2)"),
        ("\"rules.toml\"", "\"\"", "c.toml:7:9: program[0].rules: is empty; name a file"),
        (
            "rules = \"rules.toml\"",
            "rules = \"rules.toml\"\nimport_accounts = 'accounts.csv'\nimport_cards = 'cards.csv'",
            "accounts.csv:3:6: status: must be one of active, frozen, closed\n\
             cards.csv:1:1: the first line must be card_token,account_id,cardholder_token,status",
        ),
        ("", &twice, "c.toml:16:6: program[1].id: is the id of an earlier program too; every program has its own"),
    ]);
    let without_mount = LEAST.split("[[program.mount]]").next().unwrap();
    assert_eq!(load(without_mount).unwrap_err(), "c.toml:1:1: program[0]: has no [[program.mount]]: no platform could call it");
}

#[test]
fn what_can_be_wrong_with_a_mount() {
    const PATH: &str = "path = \"/m\"";
    const SYNTAX: &str = "c.toml:10:8: program[0].mount[0].path: must be segments of letters, digits, - _ . ~ with one / before each and none at the end";
    let second = |path: &str| {
        format!(
            "password = \"env:PASSWORD\"\n[[program.mount]]\nplatform = 'signed'\npath = '{path}'\nsigning = ['env:PASSWORD']"
        )
    };
    let settings = |text: &str| format!("password = \"env:PASSWORD\"\n[program.mount.settings]\n{text}");
    const PASSWORD: &str = "password = \"env:PASSWORD\"";
    assert_wrong(&[
        (
            "\"marqeta\"",
            "\"lithic\"",
            "c.toml:9:12: program[0].mount[0].platform: is not a platform; the platforms are marqeta, apto, signed",
        ),
        ("\"/m\"", "\"m\"", "c.toml:10:8: program[0].mount[0].path: must begin with /, such as \"/marqeta\""),
        ("\"/m\"", "\"/m/\"", SYNTAX),
        ("\"/m\"", "\"/m//n\"", SYNTAX),
        ("\"/m\"", "\"/../m\"", SYNTAX),
        ("\"/m\"", "\"/{m}\"", SYNTAX),
        (
            "\"/m\"",
            "\"/healthz\"",
            "c.toml:10:8: program[0].mount[0].path: is the listener's own health check; choose another path",
        ),
        (
            PASSWORD,
            &second("/m"),
            "c.toml:16:8: program[0].mount[1].path: meets the earlier mount at /m/; no mount may be at or below another",
        ),
        (
            PASSWORD,
            &second("/m/n"),
            "c.toml:16:8: program[0].mount[1].path: meets the earlier mount at /m/; no mount may be at or below another",
        ),
        (
            PASSWORD,
            &second("/"),
            "c.toml:16:8: program[0].mount[1].path: meets the earlier mount at /m/; no mount may be at or below another",
        ),
        (
            PATH,
            "path = '/m'\nbudget_ms = 999",
            "c.toml:11:13: program[0].mount[0].budget_ms: must be a whole number from 1000 to 7000",
        ),
        (
            PATH,
            "path = '/m'\nbudget_ms = 1000\nreserve_ms = 1000",
            "c.toml:12:14: program[0].mount[0].reserve_ms: must be less than the budget of 1000 ms, or the ledger is never asked",
        ),
        (
            PATH,
            "path = '/m'\nbudget_ms = 1000\nreserve_ms = 500",
            "c.toml:11:13: program[0].mount[0].budget_ms: leaves 500 ms to read and decide (budget 1000 ms less reserve 500 ms), which \
             server.body_read_ms_max = 500 could use up; lower that, or raise budget_ms",
        ),
        (
            PASSWORD,
            &settings("capture = true"),
            "c.toml:15:1: program[0].mount[0].settings.capture: is unknown; the settings are capture_at_authorization, sources",
        ),
        (
            PASSWORD,
            &settings("capture_at_authorization = 1"),
            "c.toml:15:1: program[0].mount[0].settings.capture_at_authorization: must be true or false",
        ),
        (
            PASSWORD,
            &settings("sources = [1]"),
            "c.toml:15:11: program[0].mount[0].settings.sources: must be a text, a whole number, true or false, or a table of texts",
        ),
        (
            PASSWORD,
            &settings("sources = { a = 1 }"),
            "c.toml:15:17: program[0].mount[0].settings.sources.a: must be a text in quotes",
        ),
    ]);
}

#[test]
fn what_can_be_wrong_with_a_credential() {
    const PASSWORD: &str = "\"env:PASSWORD\"";
    const HERE: &str = "c.toml:13:12: program[0].mount[0].basic[0].password:";
    let third = "\"env:PASSWORD\"\n[[program.mount.basic]]\nuser = 'v'\npassword = 'env:PASSWORD'\n[[program.mount.basic]]\nuser = 'w'\npassword = 'env:PASSWORD'";
    let headers = |text: &str| format!("\"env:PASSWORD\"\n[program.mount.headers]\n{text}");
    assert_wrong(&[
        (PASSWORD, "'hunter2'", &format!("{HERE} must be \"env:NAME\" or \"file:PATH\": a secret is never written here")),
        (PASSWORD, "'vault:hunter2'", &format!("{HERE} must be \"env:NAME\" or \"file:PATH\": a secret is never written here")),
        (PASSWORD, "'env:ABSENT'", &format!("{HERE} names the environment variable ABSENT, which is not set, or is not UTF-8")),
        (PASSWORD, "'env:EMPTY'", &format!("{HERE} names the environment variable EMPTY, which is empty")),
        (PASSWORD, "'env:NEWLINE'", &format!("{HERE} names the environment variable NEWLINE, which is empty")),
        (
            PASSWORD,
            "'env:LINES'",
            &format!("{HERE} names the environment variable LINES, which has more than one line, or a control character"),
        ),
        (PASSWORD, "'env:LONG'", &format!("{HERE} names the environment variable LONG, which is longer than 4096 bytes")),
        (
            PASSWORD,
            "'file:none'",
            &format!("{HERE} names the file none, which cannot be read: No such file or directory (os error 2)"),
        ),
        (
            PASSWORD,
            "'env:TOO_LONG_FOR_BASIC'",
            "c.toml:12:8: program[0].mount[0].basic[0].user: is longer than 500 bytes together with its password",
        ),
        (
            "\"u\"",
            "'a:b'",
            "c.toml:12:8: program[0].mount[0].basic[0].user: has a colon or a control character, which HTTP Basic cannot carry",
        ),
        ("\"u\"", "''", "c.toml:12:8: program[0].mount[0].basic[0].user: is empty"),
        (
            PASSWORD,
            third,
            "c.toml:11:1: program[0].mount[0].basic: has more than two entries with the same permissions and bypass_rules; the old \
             and the new password of a rotation are enough",
        ),
        (
            PASSWORD,
            &headers("Authorization = 'env:PASSWORD'"),
            "c.toml:15:1: program[0].mount[0].headers.Authorization: is a header of HTTP itself; platforms prove themselves with one of \
             their own, such as X-Issuer-Key",
        ),
        (PASSWORD, &headers("'a b' = 'env:PASSWORD'"), "c.toml:15:1: program[0].mount[0].headers.a b: is not a header's name"),
        (
            PASSWORD,
            &headers("X-A = 'plain'"),
            "c.toml:15:7: program[0].mount[0].headers.X-A: must be \"env:NAME\" or \"file:PATH\": a secret is never written here",
        ),
        (
            PASSWORD,
            &headers("A = 'env:PASSWORD'\nB = 'env:PASSWORD'\nC = 'env:PASSWORD'\nD = 'env:PASSWORD'"),
            "c.toml:14:1: program[0].mount[0].headers: has more than three headers, more than any platform sends",
        ),
        (
            PASSWORD,
            &headers("X-A = 'env:PASSWORD'\nx-a = 'env:PASSWORD'"),
            "c.toml:16:1: program[0].mount[0].headers.x-a: is there twice: the case of a header's name does not matter",
        ),
    ]);
    let without = LEAST.split("[[program.mount.basic]]").next().unwrap();
    assert_eq!(
        load(without).unwrap_err(),
        "c.toml:8:1: program[0].mount[0]: has no [[program.mount.basic]], and marqeta needs it: without, nothing is accepted"
    );
}

#[test]
fn a_mount_has_the_credentials_that_its_platform_needs_and_none_that_it_never_looks_at() {
    const BASIC: &str = "[[program.mount.basic]]\nuser = 'u'\npassword = 'env:PASSWORD'\n";
    const SIGNING: &str = "signing = ['env:PASSWORD']\n";
    const ANSWERING: &str = "answering = ['env:PASSWORD']\n";
    const HEADERS: &str = "headers = { X-A = 'env:PASSWORD' }\n";
    let basic_only =
        "c.toml:8:1: program[0].mount[0]: has no [[program.mount.basic]], and apto needs it: without, nothing is accepted";
    let never = |column: usize, key: &str, platform: &str, needs: &str, possible: &str| {
        format!(
            "c.toml:11:{column}: program[0].mount[0].{key}: is never looked at by {platform}, and protects nothing: take it out; {platform} needs \
             {needs} and can have {possible}"
        )
    };
    let with_headers = ("[[program.mount.basic]]", "[program.mount.headers]");
    let marqeta = ("[[program.mount.basic]]", "[program.mount.headers], `signing` keys");
    let proving = ("`signing` keys", "[program.mount.headers], `answering` keys");
    let cases = [
        ("apto", BASIC, String::new()),
        ("apto", &[HEADERS, BASIC].concat(), String::new()),
        ("apto", HEADERS, basic_only.to_owned()),
        ("apto", SIGNING, format!("{basic_only}\n{}", never(11, "signing", "apto", with_headers.0, with_headers.1))),
        ("apto", &[SIGNING, BASIC].concat(), never(11, "signing", "apto", with_headers.0, with_headers.1)),
        ("apto", &[ANSWERING, BASIC].concat(), never(13, "answering", "apto", with_headers.0, with_headers.1)),
        ("marqeta", &[SIGNING, HEADERS, BASIC].concat(), String::new()),
        ("marqeta", SIGNING, basic_only.replace("apto", "marqeta")),
        ("marqeta", &[ANSWERING, BASIC].concat(), never(13, "answering", "marqeta", marqeta.0, marqeta.1)),
        ("proving", &[SIGNING, ANSWERING, HEADERS].concat(), String::new()),
        (
            "proving",
            BASIC,
            "c.toml:8:1: program[0].mount[0]: has no `signing` keys, and proving needs them: without, nothing is accepted\n"
                .to_owned()
                + &never(1, "basic", "proving", proving.0, proving.1),
        ),
    ];
    let real = Surroundings { platforms: holdfast_adapters::PLATFORMS, ..SURROUNDINGS };
    let directory = directory();
    for (platform, credentials, expected) in cases {
        let head = LEAST.split("[[program.mount.basic]]").next().unwrap().replace("marqeta", platform);
        let loaded = load_in(&directory, &format!("{head}{credentials}"), Overrides::default(), &real);
        assert_eq!(loaded.err().unwrap_or_default(), expected, "{platform} with {credentials}");
    }
}

#[test]
fn demo_secrets_stay_at_home() {
    let demo = LEAST.replace("env:PASSWORD", "env:DEMO");
    assert!(load(&demo).is_ok());
    let at_large = [
        demo.replace("sandbox", "production"),
        format!("[server]\nlisten = '0.0.0.0:1'\ntls_terminated_upstream = true\n{demo}"),
        // On loopback too: whoever terminates TLS is reached from elsewhere.
        format!("[server]\ntls_terminated_upstream = true\n{demo}"),
        format!("[server]\nlisten = '0.0.0.0:1'\n[server.tls]\ncertificate = 'certificate.pem'\nkey = 'key.pem'\n{demo}"),
    ];
    for text in at_large {
        let wrong = load(&text).unwrap_err();
        let expected = "program[0].mount[0].basic[0].password: is the demo's secret, which everybody knows: it works only in a sandbox \
                        program on loopback; make your own";
        assert!(wrong.ends_with(expected) && wrong.lines().count() == 1, "{wrong}");
        assert!(load(&text.replace("env:DEMO", "env:PASSWORD")).is_ok());
    }
}

#[test]
fn what_is_wrong_in_a_table_of_settings_is_told_all_at_once() {
    let settings = "[program.mount.settings]\nsources = { a = 5, b = 'c', d = 6 }\nno_such = true\n";
    let wrong = load(&format!("{LEAST}{settings}")).unwrap_err();
    for key in ["sources.a", "sources.d", "no_such"] {
        assert!(wrong.lines().any(|line| line.contains(key)), "{key}: {wrong}");
    }
}

#[test]
fn a_password_that_can_be_guessed_is_for_sandboxes() {
    let short = LEAST.replace("env:PASSWORD", "env:SHORT_PASSWORD");
    assert!(load(&short).is_ok());
    let wrong = load(&short.replace("sandbox", "production")).unwrap_err();
    assert!(
        wrong.contains("mount[0].basic[0].user: has a password of less than 12 bytes") && !wrong.contains("eleven"),
        "{wrong}"
    );
}

#[test]
fn a_stop_lasts_as_long_as_the_answers_that_it_waits_for() {
    let wrong = load(&format!("[server]\nstop_seconds_max = 1\n{LEAST}")).unwrap_err();
    assert!(
        wrong.starts_with("c.toml:2:20: server.stop_seconds_max: ends a stop") && wrong.contains("drain_seconds_max = 30"),
        "{wrong}"
    );
    assert!(load(&format!("[server]\nstop_seconds_max = 1\ndrain_seconds_max = 1\n{LEAST}")).is_ok());
}

const TOKEN: &str = "[[api.token]]\nname = 'a'\ntoken = 'env:TOKEN'\nprograms = ['one']\n";

#[test]
fn what_can_be_wrong_with_the_management_api() {
    let cases = [
        (
            "listen = '0.0.0.0:1'\n".to_owned() + TOKEN,
            "2:10: api.listen: is plain HTTP beyond loopback; that needs \
            tls_terminated_upstream = true in [server]: the management API speaks plain HTTP only",
        ),
        (
            "listen = '127.0.0.1:9090'\n".to_owned() + TOKEN,
            "2:10: api.listen: is the address of server.listen or \
            server.ops_listen too; the management API needs a port of its own",
        ),
        (
            TOKEN.replace("'a'", "'a b'"),
            "3:8: api.token[0].name: must be 1 to 48 visible ASCII characters without blanks: \
            records of operations say who by it",
        ),
        (TOKEN.repeat(2), "7:8: api.token[1].name: is the name of an earlier token too; every token has its own"),
        (
            TOKEN.replace("TOKEN", "PASSWORD"),
            "4:9: api.token[0].token: names a token that is too short, or has other \
            characters than visible ASCII; `openssl rand -hex 32` makes one",
        ),
        (TOKEN.replace("'one'", "'two'"), "5:13: api.token[0].programs[0]: is no [[program]] of this file"),
        (
            TOKEN.replace("'one'", ""),
            "5:12: api.token[0].programs: is an empty list, which could mean all or nothing; leave the \
            key out, or list something",
        ),
    ];
    for (section, expected) in cases {
        assert_eq!(load(&format!("[api]\n{section}{LEAST}")).unwrap_err(), format!("c.toml:{expected}"), "{section}");
    }
    let demo = format!("{}{LEAST}", TOKEN.replace("TOKEN", "DEMO_TOKEN"));
    assert!(load(&demo).is_ok());
    for at_large in [demo.replace("sandbox", "production"), format!("[server]\ntls_terminated_upstream = true\n{demo}")] {
        let wrong = load(&at_large).unwrap_err();
        assert!(wrong.ends_with("it works only for sandbox programs on loopback; make your own"), "{wrong}");
    }
}

#[test]
fn every_error_at_once_in_the_order_of_lines() {
    let text = "[server]\nlisten = 'x'\nbacklog = 1\n[ledger]\nsync = 1\n".to_owned()
        + &LEAST
            .replace("EUR", "nope")
            .replace("sandbox", "nope")
            .replace("env:PASSWORD", "hunter2")
            .replace("rules.toml", "broken.toml");
    assert_eq!(
        load(&text).unwrap_err(),
        "c.toml:2:10: server.listen: must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"\n\
         c.toml:3:1: server.backlog: is not a key of this table; its keys are listen, ops_listen, workers, tls_terminated_upstream, tls, \
         connections_max, head_bytes_max, body_bytes_max, head_read_ms_max, body_read_ms_max, idle_seconds_max, tls_handshake_ms_max, drain_seconds_max, stop_seconds_max\n\
         c.toml:5:8: ledger.sync: must be a text in quotes\n\
         c.toml:8:12: program[0].currency: must be a code of ISO 4217, such as \"USD\"\n\
         c.toml:9:15: program[0].environment: must be \"sandbox\" or \"production\"\n\
         c.toml:18:12: program[0].mount[0].basic[0].password: must be \"env:NAME\" or \"file:PATH\": a secret is never written here\n\
         broken.toml:1:5: is not TOML: string values must be quoted, expected literal string"
    );
}

#[test]
fn no_message_and_no_debug_output_has_a_secret() {
    let config = load(&LEAST.replace("env:PASSWORD", "file:password")).unwrap();
    let debug = format!("{config:?}");
    assert!(!debug.contains("from-a-file") && debug.contains("MountConfig"), "{debug}");
    for reference in ["hunter2", "env:LINES", "env:LONG"] {
        let wrong = load(&LEAST.replace("env:PASSWORD", reference)).unwrap_err();
        assert!(!wrong.contains("hunter2") && !wrong.contains("secret-") && !wrong.contains("sss"), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_default_reserve_always_leaves_something(budget_ms in 200_u64..=60_000) {
        let budget = Duration::from_millis(budget_ms);
        let reserve = default_reserve(budget);
        prop_assert!(reserve < budget && reserve >= Duration::from_millis(20) && reserve <= Duration::from_millis(500));
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = load(&text);
    }
}

#[test]
fn reserves_by_default() {
    for (budget_ms, reserve_ms) in [(3000, 500), (7000, 500), (2000, 500), (1000, 400), (200, 80), (60, 24), (40, 20)] {
        assert_eq!(default_reserve(Duration::from_millis(budget_ms)), Duration::from_millis(reserve_ms), "{budget_ms}");
    }
}

/// Whether a keyring lets a caller with this password in.
fn admits(keyring: &Keyring, password: &str) -> bool {
    let credential = holdfast_adapters::BasicCredential::new("u", &holdfast_adapters::Secret::new(password.as_bytes()));
    let mut headers = HeaderMap::new();
    headers.insert(http::header::AUTHORIZATION, credential.header().parse().unwrap());
    let callback = Callback { route: 0, segment: "", query: "", headers: &headers, body: b"" };
    holdfast_adapters::proof::verify_basic(&callback, keyring).is_ok()
}

#[test]
fn a_reload_takes_credentials_and_names_the_rest() {
    let directory = directory();
    let tls = "[server.tls]\ncertificate = 'certificate.pem'\nkey = 'key.pem'\n";
    let running = load_with(&directory, &format!("{tls}{LEAST}"), Overrides::default()).unwrap();
    assert!(admits(&running.programs[0].mounts[0].keyring, "secret-of-my-own"));

    // Both passwords while the platform changes over; the certificate anew; a budget that has to wait; broken rules that do
    // not matter here.
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    fs::write(directory.path().join("certificate.pem"), pair.cert.pem()).unwrap();
    fs::write(directory.path().join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
    fs::write(directory.path().join("rules.toml"), "broken").unwrap();
    let changed = LEAST.replace("path = \"/m\"", "path = '/m'\nbudget_ms = 4000");
    let text = format!("{tls}{changed}[[program.mount.basic]]\nuser = 'u'\npassword = 'file:password'\n");
    fs::write(&running.path, text).unwrap();
    let surroundings = Surroundings { platforms: holdfast_adapters::PLATFORMS, depth: Depth::Credentials, ..SURROUNDINGS };
    let reloaded = running.reload_in(&surroundings).unwrap();
    let [mount] = reloaded.keyrings.as_slice() else { panic!("{:?}", reloaded.keyrings) };
    assert_eq!((mount.program.as_str(), mount.path.as_str()), ("one", "/m"));
    assert!(
        admits(&mount.keyring, "secret-of-my-own") && admits(&mount.keyring, "from-a-file") && !admits(&mount.keyring, "guess")
    );
    assert!(reloaded.tls.is_some());
    assert_eq!(reloaded.waiting, ["program one, mount /m"]);

    fs::write(&running.path, LEAST.replace("env:PASSWORD", "env:ABSENT")).unwrap();
    assert!(running.reload_in(&surroundings).is_err(), "what is wrong changes nothing");
    fs::write(&running.path, format!("[telemetry]\nfile = 't.jsonl'\n{}", LEAST.replace("/m", "/n"))).unwrap();
    let reloaded = running.reload_in(&surroundings).unwrap();
    assert!(reloaded.keyrings.is_empty());
    assert_eq!(reloaded.waiting, ["[server]", "[telemetry]", "program one, mount /m (gone)", "program one, mount /n (new)"]);
}

#[test]
fn a_reload_takes_what_signs_webhooks_where_they_were() {
    let directory = directory();
    let endpoint = |name: &str, place: &str| {
        format!(
            "[[webhook]]\nname = '{name}'\nprogram = 'one'\nurl = 'https://example.com/{place}'\n\
             events = ['authorization.approved']\nsecrets = ['env:WHSEC']\n"
        )
    };
    let text = format!("{}{}{}{LEAST}", endpoint("kept", "1"), endpoint("moved", "2"), endpoint("gone", "3"));
    let running = load_with(&directory, &text, Overrides::default()).unwrap();
    let text = format!("{}{}{}{LEAST}", endpoint("kept", "1"), endpoint("moved", "4"), endpoint("new", "5"));
    fs::write(&running.path, text).unwrap();
    let surroundings = Surroundings { platforms: holdfast_adapters::PLATFORMS, depth: Depth::Credentials, ..SURROUNDINGS };
    let reloaded = running.reload_in(&surroundings).unwrap();
    assert_eq!(reloaded.webhook_keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["kept"]);
    assert_eq!(reloaded.waiting, ["webhook moved", "webhook gone (gone)", "webhook new (new)"]);
}

const SHIPPED: &str = include_str!("../../config/holdfast.toml");

/// The shipped file, changed, read in its own directory.
fn load_shipped(text: &str) -> Result<Config, String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let document = Document::parse("holdfast.toml", text).map_err(|errors| errors.to_string())?;
    let further = RefCell::default();
    let surroundings = Surroundings { platforms: holdfast_adapters::PLATFORMS, depth: Depth::Credentials, ..SURROUNDINGS };
    let config = read_root(&document, &home.join("holdfast.toml"), Overrides::default(), &surroundings, &further);
    let errors = document.finish();
    if errors.is_empty() { Ok(config.unwrap()) } else { Err(errors.to_string()) }
}

#[test]
fn the_shipped_file_is_the_demo() {
    let config = load_shipped(SHIPPED).unwrap();
    assert_eq!((config.server, config.responder, config.ledger), Default::default());
    assert_eq!(config.api.listen, ApiConfig::default().listen);
    let [token] = config.api.tokens.as_slice() else { panic!("{:?}", config.api) };
    assert_eq!((token.name.as_str(), token.programs[0].as_str()), ("demo-operator", "demo"));
    let program = &config.programs[0];
    assert_eq!((program.id.as_str(), program.currency.code(), program.environment), ("demo", "USD", Environment::Sandbox));
    let mounts: Vec<_> = program.mounts.iter().map(|mount| (mount.platform.name, mount.path.as_str())).collect();
    assert_eq!(
        mounts,
        [
            ("marqeta", "/marqeta"),
            ("apto", "/apto"),
            ("authorizations", "/payments/na"),
            ("payment_gateway", "/api/payment"),
            ("pre_auth", "/transaction-monitoring")
        ]
    );
    assert!(program.mounts.iter().all(|mount| mount.keyring.basic[0].user == "demo"));

    program.check_imports().unwrap();
    let mut portions = imports::Portions::new(program.id, program.import_files());
    let (import, others) = (portions.next_portion().unwrap().unwrap(), portions.next_portion().unwrap().unwrap());
    assert_eq!((import.cards.len(), others.accounts.len(), portions.next_portion().unwrap()), (0, 0, None));
    let accounts: Vec<_> = import.accounts.iter().map(|row| format!("{} {}", row.account, row.balance)).collect();
    assert_eq!(
        accounts,
        ["acct-demo-1 1000.00 USD", "acct-demo-2 500.00 USD", "acct-demo-4 1000.00 USD", "acct-demo-3 1000.00 USD"]
    );
    let cards: Vec<_> = others
        .cards
        .iter()
        .map(|row| format!("{} {} {} {}", row.card, row.account, row.cardholder.unwrap(), row.status.name()))
        .collect();
    assert_eq!(
        cards,
        [
            "card-demo-1 acct-demo-1 user-demo-1 active",
            "card-demo-frozen acct-demo-1 user-demo-1 frozen",
            "crd_demo_1 acct-demo-2 crdhldr_demo_1 active",
            "card_sandbox_demo acct-demo-4 user-demo-4 active",
            "PIdemo1 acct-demo-4 user-demo-4 active",
            "card-demo-2 acct-demo-3 user-demo-2 active"
        ]
    );
    let profiles = program.import_profiles.clone().unwrap();
    let read = profiles::file::read("profiles.toml", &fs::read_to_string(profiles).unwrap(), program.currency).unwrap();
    assert_eq!(read.len(), 3, "a merchant and two instruments");
    assert!(config.texts.sealer.has_key());
    let has = |test: fn(char) -> bool| DEMO_PASSWORD.trim_end().chars().any(test);
    assert!(DEMO_PASSWORD.trim_end().len() >= 20 && has(|c| c.is_ascii_digit()) && has(|c| c.is_ascii_punctuation()));
    assert!(has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase()));
}

#[test]
fn the_defaults_that_the_shipped_file_shows_are_the_defaults() {
    let is_default = |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    assert!(SHIPPED.lines().filter(|line| is_default(line)).count() >= 19);
    let shown: String = SHIPPED
        .lines()
        .map(|line| if is_default(line) { line.replacen('#', "", 1) + "\n" } else { format!("{line}\n") })
        .collect();
    let (shown, left_out) = (load_shipped(&shown).unwrap(), load_shipped(SHIPPED).unwrap());
    assert_eq!((shown.server, shown.responder, shown.ledger), (left_out.server, left_out.responder, left_out.ledger));
    assert_eq!(shown.api, left_out.api);
    for (shown, left_out) in shown.programs[0].mounts.iter().zip(&left_out.programs[0].mounts) {
        assert_eq!((shown.budget, shown.reserve), (left_out.budget, left_out.reserve));
    }
}

#[test]
fn the_shipped_file_names_every_key() {
    let text = format!(
        "zzz = 1\n[server]\nzzz = 1\n[server.tls]\nzzz = 1\n[api]\nzzz = 1\n[[api.token]]\nzzz = 1\n[responder]\nzzz = 1\n[ledger]\nzzz = 1\n[telemetry]\nfile = 'a.jsonl'\nzzz = 1\n[agents]\nzzz = 1\n[agents.smtp]\nzzz = 1\n{}\n",
        LEAST.replace("id =", "zzz = 1\nid =").replace("path =", "zzz = 1\npath =").replace("user =", "zzz = 1\nuser =")
    );
    let wrong = load(&text).unwrap_err();
    let keys: Vec<_> =
        wrong.lines().filter_map(|line| line.split_once("its keys are ")).flat_map(|(_, keys)| keys.split(", ")).collect();
    assert!(keys.len() > 40, "{wrong}");
    for key in keys {
        let named = SHIPPED.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} = ")) || line.contains(&format!("{key}]"))
        });
        assert!(named, "config/holdfast.toml says nothing of `{key}`");
    }
}

#[test]
fn a_shared_database_is_named_by_reference_and_reached_safely() {
    const CONNECTION: &str = "host=db.example,127.0.0.1 port=5432,5433 user=u password=only-here dbname=d \
        target_session_attrs=read-write";
    let directory = directory();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("connection", CONNECTION);
    write("no_connection", "only-here 'and broken");
    write("nowhere", "user=u password=only-here");
    write("required", "host=127.0.0.1 sslmode=require password=only-here");
    write("verified", "host=127.0.0.1 sslmode=verify-full password=only-here");
    write("torn", "postgres://pay:SEC@RET@127.0.0.1:5432/holdfast");
    write("plain", "host=127.0.0.1 sslmode=disable password=only-here");
    write("rooted", "host=127.0.0.1 sslrootcert=/etc/ca.pem password=only-here");
    write("nameless", "hostaddr=127.0.0.1 password=only-here");
    write("bound", "host=127.0.0.1 channel_binding=require password=only-here");
    write("address", "host=localhost hostaddr=10.0.0.1 password=only-here");
    let load = |section: &str, least: &str| {
        load_with(&directory, &format!("[ledger]\nengine = 'postgres'\n{section}\n{least}"), Overrides::default())
    };
    let config = load("[ledger.postgres]\nconnection = 'file:connection'\nnode = 'pay-1'\nconnections_max = 3", LEAST).unwrap();
    let shared = config.ledger.postgres.as_ref().unwrap();
    assert_eq!((config.ledger.engine, shared.node.as_str(), shared.connections_max), (LedgerEngine::Postgres, "pay-1", 3));
    assert_eq!(shared.connection.get_hosts().len(), 2);
    assert!(!format!("{config:?}").contains("only-here"), "no debugging output has a password in it");

    let production = LEAST.replace("sandbox", "production");
    let encrypted = "[ledger.postgres]\nconnection = 'file:connection'\nca = 'certificate.pem'";
    assert_eq!(load(encrypted, &production).unwrap().ledger.postgres.unwrap().roots.len(), 1);

    const PLACE: &str = "c.toml:4:14: ledger.postgres.connection: names";
    let least = LEAST.to_owned();
    for (section, least, expected) in [
        ("", &least, "c.toml:2:10: ledger.engine: needs the section [ledger.postgres], with its connection".to_owned()),
        (
            "[ledger.postgres]\nconnection = 'file:no_connection'",
            &least,
            format!(
                "{PLACE} something that is no connection string of PostgreSQL; write it like \
                 \"host=127.0.0.1 port=5432 dbname=holdfast user=holdfast password=…\""
            ),
        ),
        ("[ledger.postgres]\nconnection = 'file:nowhere'", &least, format!("{PLACE} a connection string without a host")),
        (
            "[ledger.postgres]\nconnection = 'file:connection'",
            &production,
            "c.toml:3:1: ledger.postgres: names another machine while a program is production: name the CA of its certificate \
             in ledger.postgres.ca"
                .to_owned(),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:connection'\nca = 'key.pem'",
            &least,
            "c.toml:5:6: ledger.postgres.ca: names key.pem, which holds no PEM certificate".to_owned(),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:required'",
            &least,
            format!(
                "{PLACE} a connection string that asks for sslmode=require without anybody who could say that it is the server: \
                 name the CA of its certificate in ledger.postgres.ca; then the certificate and its host's name are verified"
            ),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:torn'",
            &least,
            format!(
                "{PLACE} a connection string whose host has a character that no host has: in a postgres:// address, write `@` in a user's \
                 name or password as %40, `:` as %3A, `/` as %2F, `?` as %3F, `#` as %23 and `%` as %25"
            ),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:verified'",
            &least,
            format!(
                "{PLACE} a connection string that asks for sslmode=verify-…, which is what ledger.postgres.ca does: leave sslmode \
                 out, and name the CA there"
            ),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:plain'\nca = 'certificate.pem'",
            &least,
            format!(
                "{PLACE} a connection string that asks for sslmode=disable, and ledger.postgres.ca names a CA to verify the \
                 server by; leave one of them out"
            ),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:rooted'",
            &least,
            format!(
                "{PLACE} a connection string with sslrootcert=…, which is what ledger.postgres.ca does: leave it out, and name the CA there"
            ),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:nameless'\nca = 'certificate.pem'",
            &least,
            format!(
                "{PLACE} a connection string with a hostaddr and no host, and ledger.postgres.ca names a CA: add the host=… whose name or \
                 address the server's certificate has"
            ),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:bound'",
            &least,
            format!(
                "{PLACE} a connection string that asks for channel_binding=require, which there is with TLS only: name the CA of the \
                 server's certificate in ledger.postgres.ca, or leave it out"
            ),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:address'",
            &production,
            "c.toml:3:1: ledger.postgres: names another machine while a program is production: name the CA of its certificate \
             in ledger.postgres.ca"
                .to_owned(),
        ),
        (
            "sync = 'full'\n[ledger.postgres]\nconnection = 'file:plain'",
            &least,
            "c.toml:3:8: ledger.sync: is the embedded ledger's; leave it out: what is durable is up to PostgreSQL's \
             synchronous_commit"
                .to_owned(),
        ),
        (
            "commit_records_max = 5\n[ledger.postgres]\nconnection = 'file:plain'",
            &least,
            "c.toml:3:22: ledger.commit_records_max: is the embedded ledger's; leave it out: each transaction is a commit"
                .to_owned(),
        ),
        (
            "[ledger.postgres]\nconnection = 'file:plain'",
            &LEAST.replace("rules =", "journal_keep_days = 400\nrules ="),
            "c.toml:11:21: program[0].journal_keep_days: is the embedded ledger's: partitions of a shared one are all \
             programs'; write journal_keep_days in [ledger.postgres]"
                .to_owned(),
        ),
    ] {
        assert_eq!(load(section, least).err(), Some(expected), "{section}");
    }
    let embedded = format!("[ledger.postgres]\nconnection = 'file:connection'\n{LEAST}");
    assert_eq!(
        load_with(&directory, &embedded, Overrides::default()).err().as_deref(),
        Some(
            "c.toml:1:1: ledger.postgres: is for the engine \"postgres\"; leave it out, or write engine = \"postgres\" in [ledger]"
        )
    );
}

#[test]
fn a_webhook_has_keys_that_sign() {
    let endpoint = |secret: &str| {
        format!(
            "[[webhook]]\nname = 'w'\nprogram = 'one'\nurl = 'https://example.com/w'\nevents = ['authorization.approved']\n\
             secrets = ['env:{secret}']\n{LEAST}"
        )
    };
    assert_eq!(load(&endpoint("WHSEC")).map(|config| config.webhooks.len()), Ok(1));
    for (secret, problem) in [
        ("WHSEC_UNPADDED", "that is no base64 behind `whsec_`, its `=` at the end included"),
        ("WHSEC_NO_BASE64", "that is no base64 behind `whsec_`, its `=` at the end included"),
        ("WHSEC_SHORT", "of fewer than 24 bytes"),
        ("WHSEC_LONG", "of more than 64 bytes"),
    ] {
        let refused = load(&endpoint(secret)).unwrap_err();
        assert_eq!(
            refused,
            format!(
                "c.toml:6:12: webhook[0].secrets[0]: names a secret {problem}; `openssl rand -base64 32` makes one, with `whsec_` before it"
            )
        );
    }
}

#[test]
fn permissions_are_those_of_payment_doors() {
    let login = "password = \"env:PASSWORD\"";
    let with = |permissions: &str| LEAST.replacen(login, &format!("{login}\npermissions = {permissions}"), 1);
    let refused = load(&with("['refund']")).unwrap_err();
    assert!(refused.contains("permissions: is never looked at by marqeta: only payment doors have permissions"), "{refused}");
    let refused = load(&with("['steal']")).unwrap_err();
    assert!(refused.contains("is none of authorize, capture, void, refund, read, check"), "{refused}");
}

#[test]
fn each_role_has_two_logins_and_a_mount_has_eight() {
    let login =
        |number: usize, role: &str| format!("[[program.mount.basic]]\nuser = 'u{number}'\npassword = 'env:PASSWORD'\n{role}\n");
    let with = |roles: &[&str]| {
        let door = LEAST.replace("\"marqeta\"", "\"payment_gateway\"");
        let logins: String = roles.iter().enumerate().map(|(number, role)| login(number, role)).collect();
        let loaded = load_for_real(&format!("{door}{logins}"));
        loaded.map(|config| config.programs[0].mounts[0].keyring.basic.len())
    };
    let (cashier, reader) = ("permissions = ['authorize']", "permissions = ['read']");
    let bypasses = "bypass_rules = true";
    // The one that is there already may do everything, and bypass nothing.
    assert_eq!(with(&["", cashier, cashier, reader, reader, bypasses, bypasses]), Ok(8));
    for third in [&["", ""][..], &[cashier, cashier, cashier], &[bypasses, "", bypasses, bypasses]] {
        let refused = with(third).unwrap_err();
        assert!(refused.contains("basic: has more than two entries with the same permissions and bypass_rules"), "{refused}");
    }
    let more = with(&["", cashier, cashier, reader, reader, bypasses, bypasses, "permissions = ['void']"]).unwrap_err();
    assert!(more.contains("basic: has more than eight entries"), "{more}");
}
