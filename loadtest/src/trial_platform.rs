//! A platform for this package's own tests: it proves and samples, and its dialect decides whether its requests can be
//! copied. It verifies nobody and answers nothing; it must never be in a build that is not a test.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use holdfast_adapters::{
    Adapter, Answer, Authentic, BasicCredential, Budget, BudgetStart, Callback, Credentials, Echo, InFlightDuplicate, Inbound,
    Keyring, Malformed, Platform, Refusal, Refused, Reply, Route, RouteMethod, Secret, Use,
};
use holdfast_core::{Currency, Money, PaymentRef, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::callbacks::{Callbacks, Caller, Mix, Population};

/// What the platform's requests depend on.
#[derive(Debug, Clone, Copy)]
pub enum Dialect {
    /// Keys as they are, and Basic.
    PlainKeys,
    /// A header that depends on the body.
    SignedBody,
    /// Keys that only the adapter can make.
    ScrambledKeys,
}

struct TrialAdapter(Dialect);

static PLATFORM: Platform = Platform {
    card_number_routes: &[],
    name: "trial",
    routes: &[Route { id: 4, method: RouteMethod::Post, path: "/authorize" }],
    budget: Budget {
        default: Duration::from_secs(1),
        min: Duration::from_secs(1),
        max: Duration::from_secs(1),
        start: BudgetStart::Receipt,
    },
    in_flight_duplicate: InFlightDuplicate::Join,
    credentials: Credentials {
        basic: Use::Possible,
        headers: Use::Possible,
        signing: Use::Possible,
        answering: Use::Never,
        bypass: Use::Never,
    },
    message_name: |key| key,
    payment_of_message: |_| None,
    payment_of_token: PaymentRef::of,
    texts: Use::Never,
    decision_event: None,
    build: |_| Ok(Box::new(TrialAdapter(Dialect::PlainKeys))),
};

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl Adapter for TrialAdapter {
    fn verify<'a>(&self, _: Callback<'a>, _: &Keyring, _: Timestamp) -> Result<Authentic<'a>, Refusal> {
        Err(Refusal::Missing)
    }

    fn verify_head(&self, _: &Callback<'_>, _: &Keyring, _: Timestamp) -> Result<(), Refusal> {
        Err(Refusal::Missing)
    }

    fn decode<'a>(&self, _: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "is for nobody"))
    }

    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "is for nobody"))
    }

    fn encode(&self, _: &Echo<'_>, _: &Answer<'_>, _: &Keyring, _: Timestamp, _: &mut Vec<u8>) -> Reply {
        Reply::json(500)
    }

    fn refuse(&self, refused: &Refused, _: &mut Vec<u8>) -> Reply {
        Reply::json(refused.status())
    }

    fn prove(&self, _: u8, headers: &mut HeaderMap, body: &mut Vec<u8>, keyring: &Keyring, _: Timestamp) {
        headers.insert(AUTHORIZATION, keyring.basic[0].header().parse().unwrap());
        match self.0 {
            Dialect::SignedBody => {
                headers.insert("signature", hash(body).to_string().parse().unwrap());
            }
            Dialect::PlainKeys | Dialect::ScrambledKeys => {}
        }
    }

    fn sample_authorization(&self, variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        let key = match self.0 {
            Dialect::PlainKeys | Dialect::SignedBody => variation,
            Dialect::ScrambledKeys => hash(&variation.to_le_bytes()),
        };
        let text = format!(
            "{{\"token\":\"00000000-0000-4000-8000-{key:012x}\",\"id\":{key},\"split\":\"{:08x}-0001-4f5e-8a7b-0000{:08x}\",\"card\":\"{card}\",\"user\":\"{cardholder}\",\
             \"amount\":{}}}",
            key >> 32,
            key & 0xffff_ffff,
            amount.minor()
        );
        body.extend_from_slice(text.as_bytes());
        4
    }
}

/// Callbacks of the trial platform, 95 % of them for an amount that is approved.
pub fn callbacks(dialect: Dialect, cards: u64, now: Timestamp) -> Callbacks {
    let basic = vec![BasicCredential::new("user", &Secret::new(*b"word"))];
    let caller = Caller {
        platform: &PLATFORM,
        adapter: Box::new(TrialAdapter(dialect)),
        keyring: Keyring { basic, ..Keyring::default() },
        host: "localhost".into(),
        mount: "/mount".into(),
        route: None,
    };
    let population = Population { cards, card: "card-".into(), cardholder: "user-".into() };
    let mix =
        Mix { currency: Currency::USD, approved_minor: vec![100, 250, 399], declined_minor: 90_000, approve_per_mille: 950 };
    Callbacks::prepare(caller, population, mix, now).unwrap()
}
