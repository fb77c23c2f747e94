//! What a payment door's server reads besides the benchmark's files: a mount, a shop with instruments, a ruleset, a webhook. It
//! starts nothing.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use crate::figures::bench::{Bench, People, RULES, Speaks};
use crate::problem::Problem;

const CONFIG: &str = include_str!("../../bench/doors.toml");
const WEBHOOK: &str = include_str!("../../bench/doors-webhook.toml");
const PROFILES: &str = include_str!("../../bench/doors-profiles.toml");
const INSTRUMENT: &str = include_str!("../../bench/doors-instrument.toml");

/// Every event that an endpoint can ask for.
pub const EVENTS: [&str; 8] = [
    "authorization.approved",
    "authorization.declined",
    "hold.captured",
    "hold.released",
    "stand_in.entered",
    "stand_in.left",
    "PAYMENT_AUTH",
    "intent.reviewed",
];

/// How many rules a check is to pass.
const RULES_OF_CHECKS: usize = 200;
/// How many the benchmark's ruleset has.
const RULES_OF_ALL: usize = 33;

/// A payment door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// `POST /authorizations`.
    Authorizations,
    /// `POST /api/payment/auth`.
    PaymentGateway,
    /// `POST /transaction-monitoring/pre-auth`: moves nothing.
    PreAuth,
}

impl Door {
    /// All of them.
    pub const ALL: [Door; 3] = [Door::Authorizations, Door::PaymentGateway, Door::PreAuth];

    const fn speaks(self) -> Speaks {
        match self {
            Door::Authorizations => Speaks::Authorizations,
            Door::PaymentGateway => Speaks::PaymentGateway,
            Door::PreAuth => Speaks::PreAuth,
        }
    }
}

/// Who hears of what a door decides.
#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// Nobody.
    Nobody,
    /// Whoever listens there, of every event.
    Receiver(SocketAddr),
}

/// Writes the directory of a door's server.
///
/// # Errors
/// The disk says no.
pub fn write(work_dir: &Path, door: Door, people: People, told: Told) -> Result<Bench, Problem> {
    let mut bench = Bench::write(work_dir, people)?;
    bench.speak(door.speaks());
    let (adapter, path) = door.speaks().place();
    let mut config = CONFIG.replace("DOOR", adapter).replace("PATH", path);
    match told {
        Told::Nobody => {}
        Told::Receiver(address) => {
            let events = EVENTS.map(|event| format!("\"{event}\"")).join(", ");
            config.push_str(&WEBHOOK.replace("RECEIVER", &address.to_string()).replace("EVENTS", &events));
        }
    }
    for (name, text) in [
        ("full.toml", config),
        ("rules.toml", rules(door)),
        ("profiles.toml", profiles(&bench)),
        ("texts_key", "7e".repeat(32)),
        ("webhook_secret", "whsec_bG9hZHRlc3QtcmVjZWl2ZXItc2VjcmV0LTAwMDE=".to_owned()),
    ] {
        let path = bench.path(name);
        fs::write(&path, text).map_err(Problem::doing(path.display()))?;
    }
    Ok(bench)
}

fn profiles(bench: &Bench) -> String {
    let (population, mut text) = (bench.population(), PROFILES.to_owned());
    for number in 0..population.cards {
        let (card, owner) = (population.card_token(number), population.cardholder_token(number));
        text.push_str(&INSTRUMENT.replace("CARD", &card).replace("OWNER", &owner));
    }
    text
}

/// The benchmark's rules; for checks as many more as there should be, of the kinds that payment doors bring, none of which applies.
fn rules(door: Door) -> String {
    let mut text = RULES.to_owned();
    let more = match door {
        Door::Authorizations | Door::PaymentGateway => 0,
        Door::PreAuth => RULES_OF_CHECKS.saturating_sub(RULES_OF_ALL),
    };
    for number in 0..more {
        let check = match number % 5 {
            0 => format!("merchant_id = {{ deny = [\"shop-{number:04}-a\", \"shop-{number:04}-b\", \"shop-{number:04}-c\"] }}"),
            1 => {
                format!("ip_address = {{ deny = [\"198.51.100.{number}\", \"192.0.2.{number}\", \"2001:db8:{number:x}::/48\"] }}")
            }
            2 => format!("amount = {{ max = \"1{number:03}.00\" }}\nwhen = {{ mcc = [\"7{number:03}\"] }}"),
            3 => format!("merchant_name = {{ deny = [\"TRIAL CLUB {number}\", \"GIFT CARDS {number}\"] }}"),
            _ => "address_verification = { deny = [\"NO_MATCH\"] }".to_owned(),
        };
        // Writing to a text does not fail.
        let _ = write!(text, "\n[[rule]]\nid = \"more-{number}\"\n{check}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_have_two_hundred_rules_and_payments_the_benchmarks() {
        let count = |door| rules(door).lines().filter(|line| line.trim() == "[[rule]]").count();
        assert_eq!(Door::ALL.map(count), [33, 33, 200]);
    }

    #[test]
    fn a_door_has_its_mount_an_instrument_for_each_card_and_the_webhook_only_where_it_is_wanted() {
        let work_dir = tempfile::tempdir().unwrap();
        let people = People { accounts: 3, cards: 3 };
        let silent = write(work_dir.path(), Door::PreAuth, people, Told::Nobody).unwrap();
        let config = fs::read_to_string(silent.path("full.toml")).unwrap();
        assert!(config.contains("platform = \"pre_auth\"\npath = \"/transaction-monitoring\""), "{config}");
        assert!(!config.contains("[[webhook]]"));
        let profiles = fs::read_to_string(silent.path("profiles.toml")).unwrap();
        assert_eq!((profiles.matches("[[merchant]]").count(), profiles.matches("[[instrument]]").count()), (1, 3));
        assert!(profiles.contains("card = \"card-bench-000002\"") && profiles.contains("cardholder = \"user-bench-000002\""));
        let receiver = Told::Receiver(SocketAddr::from(([127, 0, 0, 1], 4711)));
        let told = write(work_dir.path(), Door::Authorizations, people, receiver).unwrap();
        let config = fs::read_to_string(told.path("full.toml")).unwrap();
        assert!(config.contains("url = \"http://127.0.0.1:4711/events\"") && config.contains("\"PAYMENT_AUTH\""), "{config}");
    }
}
