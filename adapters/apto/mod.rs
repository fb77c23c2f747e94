//! Apto Payments "External Auth": the trait, nothing else. The platform's facts, and what of them is our own choice, are in
//! this folder's README.
//!
//! Reading order: [`wire`], [`authorize`], [`answer`], [`reasons`], then [`webhook`] and [`transaction`].

mod answer;
mod authorize;
mod meaning;
mod options;
mod reasons;
mod sample;
#[cfg(test)]
mod tests;
mod transaction;
mod webhook;
mod wire;

use std::time::Duration;

use holdfast_core::{Money, PaymentRef, Timestamp};
use http::HeaderMap;

use self::options::Options;
use crate::adapter::{Adapter, Budget, BudgetStart, Credentials, InFlightDuplicate, Platform, Route, RouteMethod, Use};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::proof::{Authentic, Keyring, Refusal, prove_basic, verify_basic};
use crate::settings::{SettingError, Settings};

/// Apto as the registry knows it.
///
/// The budget is that of a partner's interface file (2,000 ms); Apto's own text names none. What a program agreed with its
/// partner may be as little as a tenth of that.
pub const PLATFORM: Platform = Platform {
    name: "apto",
    routes: &[
        Route { id: AUTHORIZE, method: RouteMethod::Post, path: "/v3/authorize" },
        Route { id: LEGACY_AUTHORIZE, method: RouteMethod::Post, path: "/v1/{custodian_uid}/transactions" },
        Route { id: BALANCES, method: RouteMethod::Get, path: "/v3/balances" },
        Route { id: WEBHOOK, method: RouteMethod::Post, path: "/webhook" },
    ],
    budget: Budget {
        default: Duration::from_millis(2_000),
        min: Duration::from_millis(200),
        max: Duration::from_secs(6),
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
    texts: Use::Never,
    card_number_routes: &[],
    decision_event: None,
    build,
};

const AUTHORIZE: u8 = 0;
const LEGACY_AUTHORIZE: u8 = 1;
const BALANCES: u8 = 2;
const WEBHOOK: u8 = 3;

/// Which kind of answer a callback is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    V3,
    /// V2 and V1, which are answered alike.
    Legacy,
    Balances,
    Webhook,
}

impl Dialect {
    /// As an echo carries it.
    const fn number(self) -> u8 {
        match self {
            Dialect::V3 => 3,
            Dialect::Legacy => 2,
            Dialect::Balances => 0,
            Dialect::Webhook => 1,
        }
    }
}

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    Ok(Box::new(Apto { options: Options::parse(settings)? }))
}

/// One mount's adapter.
struct Apto {
    options: Options,
}

impl Adapter for Apto {
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, _: Timestamp) -> Result<Authentic<'a>, Refusal> {
        verify_basic(&callback, keyring)?;
        Ok(Authentic::accept(callback))
    }

    fn verify_head(&self, callback: &Callback<'_>, keyring: &Keyring, _: Timestamp) -> Result<(), Refusal> {
        verify_basic(callback, keyring)
    }

    fn decode<'a>(&self, authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        let callback = authentic.callback();
        match callback.route {
            AUTHORIZE => authorize::decode(callback.body, "", &self.options),
            LEGACY_AUTHORIZE if self.options.legacy_routes => authorize::decode(callback.body, callback.segment, &self.options),
            LEGACY_AUTHORIZE => Err(Malformed::field("", "came to a route that is switched off")),
            BALANCES => authorize::decode_balance_read(callback.query),
            WEBHOOK => Ok(webhook::decode(callback.body, &self.options)),
            _ => Err(Malformed::field("", "came to a route that this platform does not have")),
        }
    }

    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "was fetched, and nothing was asked for"))
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

    fn sample_authorization(&self, variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        sample::write(variation, card, cardholder, amount, body);
        AUTHORIZE
    }
}
