//! Nothing that is wrong hides anything else: every fault of a table, alone, with every other one, and all of them together.

use std::fs;

use tempfile::TempDir;

use super::tests::{SURROUNDINGS, directory, load_in};
use super::*;

/// A file's name, what it says, what it says instead, and the message for that. A fault keeps to its line, so that all places
/// stay the same whatever else is wrong.
type Fault = (&'static str, &'static str, &'static str, &'static str);

/// Everything that can be written, on a line of its own.
const CONFIGURATION: &str = r#"[server]
listen = "127.0.0.1:1"
ops_listen = "127.0.0.1:2"
workers = 3
[server.tls]
certificate = "certificate.pem"
key = "key.pem"
[responder]
in_flight_max = 11
told_max = 12
[ledger]
engine = "embedded"
sync = "full"
commit_records_max = 13
[[program]]
id = "one"
currency = "EUR"
environment = "production"
country = "DEU"
time_zone = "Europe/Berlin"
rules = "rules.toml"
import_accounts = "accounts.csv"
import_cards = "cards.csv"
[[program.mount]]
platform = "marqeta"
path = "/m"
budget_ms = 3000
reserve_ms = 400
signing = ["env:PASSWORD"]
answering = ["env:PASSWORD"]
headers = { X-One = "env:PASSWORD", X-Two = "env:PASSWORD" }
settings = { capture_at_authorization = true, sources = { a = "b" } }
[[program.mount.basic]]
user = "u"
password = "env:PASSWORD"
[[program.mount]]
platform = "apto"
path = "/a"
[[program.mount.basic]]
user = "u"
password = "env:PASSWORD"
"#;

const RULES: &str = r#"currency = "EUR"
country = "DEU"
time_zone = "Europe/Berlin"
[[rule]]
id = "amount"
amount = { min = "1.00", max = "750.00" }
[[rule]]
id = "category"
mcc = { deny = ["gambling"] }
[[limit]]
id = "daily"
scope = "card"
window = "day"
amount_max = "100.00"
count_max = 5
"#;

const ACCOUNTS: &str = "account_id,program,currency,balance,credit_line,status\na,one,EUR,1,0,active\nb,one,EUR,1,0,active\n\
    c,one,EUR,1,0,active\n";
const CARDS: &str = "card_token,account_id,cardholder_token,status\nc-1,a,h,active\nc-2,c,h,active\n";

const FAULTS: &[Fault] = &[
    (
        "c.toml",
        "\"127.0.0.1:1\"",
        "\"x\"",
        "2:10: server.listen: must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
    ),
    ("c.toml", "\"127.0.0.1:2\"", "2", "3:14: server.ops_listen: must be a text in quotes"),
    ("c.toml", "workers = 3", "workers = -1", "4:11: server.workers: must be a whole number from 0 to 1024"),
    (
        "c.toml",
        "\"certificate.pem\"",
        "\"password\"",
        "6:15: server.tls.certificate: names password, which holds no PEM certificate",
    ),
    (
        "c.toml",
        "in_flight_max = 11",
        "in_flight_max = 0",
        "9:17: responder.in_flight_max: must be a whole number from 1 to 1000000",
    ),
    (
        "c.toml",
        "told_max = 12",
        "tell_max = 12",
        "10:1: responder.tell_max: is not a key of this table; its keys are in_flight_max, told_max",
    ),
    ("c.toml", "\"embedded\"", "\"x\"", "12:10: ledger.engine: must be \"embedded\" or \"postgres\""),
    (
        "c.toml",
        "\"full\"",
        "\"none\"",
        "13:8: ledger.sync: must be \"full\" while any program is production: \"none\" loses approvals in a crash",
    ),
    ("c.toml", "\"one\"\ncurrency", "\"\"\ncurrency", "16:6: program[0].id: is empty"),
    (
        "c.toml",
        "currency = \"EUR\"",
        "currency = \"x\"",
        "17:12: program[0].currency: must be a code of ISO 4217, such as \"USD\"",
    ),
    ("c.toml", "\"DEU\"", "\"x\"", "19:11: program[0].country: must be a code of ISO 3166-1, such as \"USA\""),
    (
        "c.toml",
        "\"Europe/Berlin\"",
        "\"x\"",
        "20:13: program[0].time_zone: must be a name of the IANA database, such as \"America/New_York\"",
    ),
    (
        "c.toml",
        "budget_ms = 3000",
        "budget_ms = 1",
        "27:13: program[0].mount[0].budget_ms: must be a whole number from 1000 to 7000",
    ),
    (
        "c.toml",
        "reserve_ms = 400",
        "reserve_ms = 0",
        "28:14: program[0].mount[0].reserve_ms: must be a whole number from 20 to 60000",
    ),
    (
        "c.toml",
        "signing = [\"env:PASSWORD\"]",
        "signing = [\"env:ABSENT\"]",
        "29:12: program[0].mount[0].signing[0]: names the environment variable ABSENT, which is not set, or is not UTF-8",
    ),
    (
        "c.toml",
        "answering = [\"env:PASSWORD\"]",
        "answering = []",
        "30:13: program[0].mount[0].answering: is an empty list, which could mean all or nothing; leave the key out, or list something",
    ),
    (
        "c.toml",
        "X-One = \"env:PASSWORD\"",
        "X-One = \"env:EMPTY___\"",
        "31:21: program[0].mount[0].headers.X-One: names the environment variable EMPTY___, which is not set, or is not UTF-8",
    ),
    (
        "c.toml",
        "X-Two = ",
        "Host  = ",
        "31:37: program[0].mount[0].headers.Host: is a header of HTTP itself; platforms prove themselves with one of their own, such as X-Issuer-Key",
    ),
    (
        "c.toml",
        "capture_at_authorization = true",
        "capture_at_authorization = 1000",
        "32:14: program[0].mount[0].settings.capture_at_authorization: must be true or false",
    ),
    ("c.toml", "{ a = \"b\" }", "{ a = 1.5 }", "32:63: program[0].mount[0].settings.sources.a: must be a text in quotes"),
    (
        "c.toml",
        "user = \"u\"\npassword = \"env:PASSWORD\"\n[[program.mount]]",
        "user = \":\"\npassword = \"env:PASSWORD\"\n[[program.mount]]",
        "34:8: program[0].mount[0].basic[0].user: has a colon or a control character, which HTTP Basic cannot carry",
    ),
    (
        "c.toml",
        "password = \"env:PASSWORD\"\n[[program.mount]]",
        "password = \"plain\"\n[[program.mount]]",
        "35:12: program[0].mount[0].basic[0].password: must be \"env:NAME\" or \"file:PATH\": a secret is never written here",
    ),
    (
        "c.toml",
        "\"apto\"",
        "\"x\"",
        "37:12: program[0].mount[1].platform: is not a platform; the platforms are marqeta, apto, signed",
    ),
    ("c.toml", "\"/a\"", "\"a\"", "38:8: program[0].mount[1].path: must begin with /, such as \"/marqeta\""),
    (
        "rules.toml",
        "country = \"DEU\"",
        "country = \"x\"",
        "2:11: country: is not a country of ISO 3166-1; write for example \"USA\"",
    ),
    (
        "rules.toml",
        "\"1.00\"",
        "\"x.00\"",
        "6:18: rule.amount.amount.min: is not a decimal number; amounts are in EUR, such as \"750.00\"",
    ),
    (
        "rules.toml",
        "\"750.00\"",
        "\"750.001\"",
        "6:32: rule.amount.amount.max: has more decimal places than its currency; amounts are in EUR, such as \"750.00\"",
    ),
    (
        "rules.toml",
        "[\"gambling\"]",
        "[]",
        "9:16: rule.category.mcc.deny: is an empty list, which could mean all or nothing; leave the key out, or list something",
    ),
    ("rules.toml", "\"card\"", "\"x\"", "12:9: limit.daily.scope: "),
    (
        "rules.toml",
        "\"100.00\"",
        "\"-\"",
        "14:14: limit.daily.amount_max: is not a decimal number; amounts are in EUR, such as \"750.00\"",
    ),
    ("rules.toml", "count_max = 5", "count_max = 0", "15:13: limit.daily.count_max: must be a whole number from 1 to 4294967295"),
    ("accounts.csv", "c,one,EUR,1,0,active", "c,one,EUR,x,0,active", "4:4: balance: is not a decimal number"),
    (
        "cards.csv",
        "c-2,c,h,active",
        "c-2,c,h,x",
        "3:4: status: must be one of active, unactivated, frozen, lost, stolen, expired, closed",
    ),
];

/// What is wrong only as long as something else is right: an account's program and currency are compared with the program's.
const COMPARED: &[Fault] = &[
    (
        "c.toml",
        "budget_ms = 3000\nreserve_ms = 400",
        "budget_ms = 1\nreserve_ms = 5000",
        "28:14: program[0].mount[0].reserve_ms: must be less than the budget, 1000 ms if that is mended",
    ),
    ("accounts.csv", "a,one,EUR", "a,two,EUR", "2:2: program: is not a program of the configuration"),
    ("accounts.csv", "b,one,EUR", "b,one,USD", "3:3: currency: must be the program's, EUR"),
    ("accounts.csv", "c,one,EUR,1,0,active", "c,one,EUR,x,0,active", "4:4: balance: is not a decimal number"),
    (
        "cards.csv",
        "c-2,c,h,active",
        "c-2,c,h,x",
        "3:4: status: must be one of active, unactivated, frozen, lost, stolen, expired, closed",
    ),
    ("cards.csv", "c-1,a,h", "c-1,z,h", "2:2: account_id: is not an account of the accounts file"),
    ("rules.toml", "currency = \"EUR\"", "currency = \"USD\"", "1:12: currency: must be the program's, EUR"),
    (
        "c.toml",
        "password = \"env:PASSWORD\"\n[[program.mount]]",
        "password = \"plain\"\n[[program.mount]]",
        "35:12: program[0].mount[0].basic[0].password: must be \"env:NAME\" or \"file:PATH\": a secret is never written here",
    ),
];

const FILES: [(&str, &str); 4] =
    [("c.toml", CONFIGURATION), ("rules.toml", RULES), ("accounts.csv", ACCOUNTS), ("cards.csv", CARDS)];

/// The messages for files with these faults.
fn messages(directory: &TempDir, faults: &[&Fault]) -> Vec<String> {
    let text = |file: &str, sound: &str| {
        let mine = faults.iter().filter(|(faulty, ..)| *faulty == file);
        mine.fold(sound.to_owned(), |text, (_, written, instead, _)| {
            let changed = text.replacen(written, instead, 1);
            assert_ne!(text, changed, "{file} does not say {written}");
            changed
        })
    };
    let [(_, configuration), others @ ..] = FILES;
    for (file, sound) in others {
        fs::write(directory.path().join(file), text(file, sound)).unwrap();
    }
    let loaded = load_in(directory, &text("c.toml", configuration), Overrides::default(), &SURROUNDINGS);
    loaded.err().unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Whether the messages are those of these faults and no others, in the order of files and lines.
fn assert_told(directory: &TempDir, faults: &[&Fault]) {
    let told = messages(directory, faults);
    let expected: Vec<_> = faults.iter().map(|(file, _, _, message)| format!("{file}:{message}")).collect();
    let as_expected = told.iter().zip(&expected).all(|(told, expected)| told.starts_with(expected.as_str()));
    assert!(as_expected && told.len() == expected.len(), "told\n{}\nof\n{}", told.join("\n"), expected.join("\n"));
}

#[test]
fn every_fault_is_told_alone_with_every_other_one_and_with_all() {
    let directory = directory();
    assert_told(&directory, &[]);
    for (index, fault) in FAULTS.iter().enumerate() {
        assert_told(&directory, &[fault]);
        for second in &FAULTS[index + 1..] {
            assert_told(&directory, &[fault, second]);
        }
    }
    assert_told(&directory, &FAULTS.iter().collect::<Vec<_>>());
}

#[test]
fn what_is_compared_with_the_program_is_told_beside_what_is_wrong_by_itself() {
    let directory = directory();
    let all: Vec<_> = COMPARED.iter().collect();
    let mut told = messages(&directory, &all);
    let mut expected: Vec<_> = all.iter().map(|(file, _, _, message)| format!("{file}:{message}")).collect();
    expected.push("c.toml:27:13: program[0].mount[0].budget_ms: must be a whole number from 1000 to 7000".to_owned());
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}
