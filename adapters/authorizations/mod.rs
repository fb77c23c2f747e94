//! A payment door of ours: authorizations that a merchant's side asks for, captures or voids, and direct transfers. The trait,
//! nothing else; what the interface says, and what of it is our own choice, is in this folder's README.
//!
//! Reading order: [`ask`], [`order`], [`query`], [`answer`], [`shown`], [`reasons`]. Nothing here looks a merchant or an instrument up.

mod answer;
mod ask;
mod names;
mod options;
mod order;
mod query;
mod reasons;
mod sample;
mod shown;
#[cfg(test)]
mod tests;

use std::time::Duration;

use holdfast_core::{AuthorizationId, IdempotencyKey, Money, PaymentRef, Timestamp};
use http::HeaderMap;

use self::options::Options;
use crate::adapter::{Adapter, Budget, BudgetStart, Credentials, InFlightDuplicate, Platform, Route, RouteMethod, Use};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::proof::{Authentic, Keyring, Refusal, prove_basic, verify_basic, verify_basic_for};
use crate::settings::{SettingError, Settings};
use crate::strict::no_number_around;

/// The door as the registry knows it. Its documents name no budget: callers wait as long as people do, and five seconds are what
/// payment clients commonly allow at the least.
pub const PLATFORM: Platform = Platform {
    name: "authorizations",
    routes: &[
        Route { id: CREATE, method: RouteMethod::Post, path: "/authorizations" },
        Route { id: LIST, method: RouteMethod::Get, path: "/authorizations" },
        Route { id: SHOW, method: RouteMethod::Get, path: "/authorizations/{id}" },
        Route { id: UPDATE, method: RouteMethod::Put, path: "/authorizations/{id}" },
        Route { id: TRANSFER, method: RouteMethod::Post, path: "/transfers" },
        Route { id: SHOW_TRANSFER, method: RouteMethod::Get, path: "/transfers/{id}" },
    ],
    budget: Budget {
        default: Duration::from_millis(5_000),
        min: Duration::from_millis(500),
        max: Duration::from_secs(30),
        start: BudgetStart::Receipt,
    },
    in_flight_duplicate: InFlightDuplicate::Join,
    credentials: Credentials {
        basic: Use::Needed,
        headers: Use::Possible,
        signing: Use::Never,
        answering: Use::Never,
        bypass: Use::Never,
    },
    message_name: |key| key,
    payment_of_message: |_| None,
    payment_of_token: PaymentRef::of,
    texts: Use::Needed,
    card_number_routes: &[],
    decision_event: None,
    build,
};

const TAGS: &str = "tags";
const PURCHASE: &str = "additional_purchase_data";
/// What is given back digit by digit, and the member of a slip that has it as it was written, where that is not what its value would
/// be written as.
const AS_WRITTEN: [(&str, &str); 2] = [(TAGS, "tags_as_written"), (PURCHASE, "additional_purchase_data_as_written")];

const CREATE: u8 = 0;
const LIST: u8 = 1;
const SHOW: u8 = 2;
const UPDATE: u8 = 3;
const TRANSFER: u8 = 4;
const SHOW_TRANSFER: u8 = 5;

/// What a payment of this door is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Held now, captured or voided later.
    Authorization,
    /// Authorized and captured at once.
    Transfer,
}

impl Kind {
    /// As slips and echoes carry it.
    const fn number(self) -> u8 {
        match self {
            Kind::Authorization => 0,
            Kind::Transfer => 1,
        }
    }
}

/// Whether an answer is to a new payment, or to anything later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    New,
    Later,
}

/// What an echo's dialect says: the kind of payment, and whether it was asked for now.
const fn dialect(kind: Kind, asked: Asked) -> u8 {
    match (kind, asked) {
        (Kind::Authorization, Asked::New) => 0,
        (Kind::Transfer, Asked::New) => 1,
        (Kind::Authorization, Asked::Later) => 2,
        (Kind::Transfer, Asked::Later) => 3,
    }
}

const fn of_dialect(dialect: u8) -> (Kind, Asked) {
    match dialect {
        0 => (Kind::Authorization, Asked::New),
        1 => (Kind::Transfer, Asked::New),
        3 => (Kind::Transfer, Asked::Later),
        _ => (Kind::Authorization, Asked::Later),
    }
}

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    Ok(Box::new(Authorizations { options: Options::parse(settings)? }))
}

/// One mount's adapter.
struct Authorizations {
    options: Options,
}

impl Adapter for Authorizations {
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, _: Timestamp) -> Result<Authentic<'a>, Refusal> {
        let granted = verify_basic_for(&callback, keyring)?;
        Ok(Authentic::accept(callback).granted(granted))
    }

    fn verify_head(&self, callback: &Callback<'_>, keyring: &Keyring, _: Timestamp) -> Result<(), Refusal> {
        verify_basic(callback, keyring)
    }

    fn decode<'a>(&self, authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        let callback = authentic.callback();
        no_number_around(callback)?;
        match callback.route {
            CREATE => ask::decode(callback.body, Kind::Authorization, self.options.names),
            TRANSFER => ask::decode(callback.body, Kind::Transfer, self.options.names),
            LIST => query::decode(callback.query),
            SHOW => query::decode_one(callback.segment, Kind::Authorization),
            SHOW_TRANSFER => query::decode_one(callback.segment, Kind::Transfer),
            UPDATE => order::decode(callback.segment, callback.body),
            _ => Err(Malformed::field("", "came to a route that this door does not have")),
        }
    }

    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "was fetched, and nothing was asked for"))
    }

    fn key_of(&self, payment: &AuthorizationId) -> Option<IdempotencyKey> {
        names::key_of(payment)
    }

    fn encode(&self, echo: &Echo<'_>, answer: &Answer<'_>, _: &Keyring, _: Timestamp, body: &mut Vec<u8>) -> Reply {
        answer::encode(echo, answer, &self.options, body)
    }

    fn refuse(&self, refused: &Refused, body: &mut Vec<u8>) -> Reply {
        answer::refuse(refused, body)
    }

    fn prove(&self, _: u8, headers: &mut HeaderMap, _: &mut Vec<u8>, keyring: &Keyring, _: Timestamp) {
        prove_basic(headers, keyring);
    }

    fn sample_authorization(&self, variation: u64, card: &str, _: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        sample::write(variation, card, amount, body);
        CREATE
    }
}
