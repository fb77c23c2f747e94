//! Agent spend's own door: processors ask `POST /v1/authorize` for decisions about what agents pay with, and tell what became of them.
//! The trait, nothing else; the contract is in this folder's README.
//!
//! Who asks is known by its token ([`token`]); which authority a question leads to is looked up by whoever has the objects
//! ([`Lookup`](crate::Lookup)). Reading order: `wire`, `understand`, `faults`, `answer`.

mod answer;
mod faults;
mod names;
mod sample;
#[cfg(test)]
mod tests;
mod understand;
mod wire;

use std::time::Duration;

use holdfast_core::agent::Scope;
use holdfast_core::{Money, PaymentRef, Timestamp};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

pub use self::names::{NAME, correlation_of, payment_of};
pub use self::understand::AMOUNT_MAX;
use crate::adapter::{Adapter, Budget, BudgetStart, Credentials, InFlightDuplicate, Platform, Route, RouteMethod, Use};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::proof::{Authentic, Keyring, Refusal, custom_headers, prove_custom_headers};
use crate::settings::{SettingError, Settings};
use crate::token::{self, TokenFault};

/// Agent spend as the registry knows it.
pub const PLATFORM: Platform = Platform {
    name: NAME,
    routes: &[
        Route { id: AUTHORIZE, method: RouteMethod::Post, path: "/authorize" },
        Route { id: EVENTS, method: RouteMethod::Post, path: "/authorizations/{request_id}/events" },
    ],
    budget: Budget {
        default: Duration::from_secs(2),
        min: Duration::from_millis(200),
        max: Duration::from_secs(10),
        start: BudgetStart::Receipt,
    },
    in_flight_duplicate: InFlightDuplicate::Join,
    credentials: Credentials {
        basic: Use::Never,
        headers: Use::Never,
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

/// A question.
const AUTHORIZE: u8 = 0;
/// What became of one.
const EVENTS: u8 = 1;

/// For how long a token lives with which we prove ourselves: longer than a load test takes, whose requests are made before it begins.
const TOKEN_LIFE: Duration = Duration::from_secs(1800);

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    let mut errors = Vec::new();
    settings.refuse_unknown(&[], &mut errors);
    if errors.is_empty() { Ok(Box::new(AgentSpend)) } else { Err(errors) }
}

/// The adapter of the one mount: it has no settings.
struct AgentSpend;

impl Adapter for AgentSpend {
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, now: Timestamp) -> Result<Authentic<'a>, Refusal> {
        let bearer = keyring.bearer.as_ref().ok_or(Refusal::Token(TokenFault::KeyUnknown))?;
        let caller =
            token::verify_bearer(callback.headers, bearer.keys.as_ref(), Scope::Authorize, now).map_err(Refusal::Token)?;
        custom_headers(&callback, keyring)?;
        Ok(Authentic::accept_from(callback, caller, now))
    }

    fn verify_head(&self, callback: &Callback<'_>, keyring: &Keyring, now: Timestamp) -> Result<(), Refusal> {
        self.verify(*callback, keyring, now).map(drop)
    }

    fn decode<'a>(&self, authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        match authentic.callback().route {
            AUTHORIZE => understand::authorize(authentic),
            EVENTS => understand::event(authentic),
            _ => Err(Malformed::field("", "came to a route that is not there")),
        }
    }

    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "was never asked for"))
    }

    fn encode(&self, echo: &Echo<'_>, answer: &Answer<'_>, _: &Keyring, _: Timestamp, body: &mut Vec<u8>) -> Reply {
        answer::write(echo, answer, body)
    }

    fn refuse(&self, refused: &Refused, body: &mut Vec<u8>) -> Reply {
        answer::write_refused(refused, body)
    }

    fn prove(&self, _: u8, headers: &mut HeaderMap, _: &mut Vec<u8>, keyring: &Keyring, now: Timestamp) {
        let own = keyring.bearer.as_ref().and_then(|bearer| bearer.own.as_ref());
        let token = own.and_then(|(key, secret)| token::sign(key, secret, now, TOKEN_LIFE));
        if let Some(mut login) = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok()) {
            login.set_sensitive(true);
            headers.insert(AUTHORIZATION, login);
        }
        prove_custom_headers(headers, keyring);
    }

    fn sample_authorization(&self, variation: u64, card: &str, _cardholder: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        sample::write(variation, card, amount, body);
        AUTHORIZE
    }
}
