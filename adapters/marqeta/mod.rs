//! Marqeta, Gateway JIT Funding: the synchronous request at `/jit`, the notifications at `/webhook`.
//!
//! The facts, limits and settings are in this folder's `README.md`. Reading order: [`wire`], [`method`], [`jit`],
//! [`amounts`], [`family`], [`effect`], [`webhook`], [`answer`], [`reasons`].

mod amounts;
mod answer;
mod chain;
mod effect;
mod family;
mod jit;
mod method;
mod reasons;
mod sample;
mod signature;
#[cfg(test)]
mod tests;
mod webhook;
mod wire;

use std::time::Duration;

use holdfast_core::{Currency, Money, PaymentRef, Timestamp};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use self::answer::{InquiryAmount, Style};
use self::reasons::Vocabulary;
use crate::adapter::{Adapter, Budget, BudgetStart, Credentials, InFlightDuplicate, Platform, Route, RouteMethod, Use};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::proof::{self, Authentic, Keyring, Refusal};
use crate::settings::{SettingError, Settings};

const JIT: u8 = 0;
const WEBHOOK: u8 = 1;

/// Marqeta as the registry knows it.
///
/// The budget is the gateway's `timeout_millis` on Marqeta's side: 1,000 to 7,000 ms, 3,000 unless it is set ("Managing
/// Timeouts"; CoreAPI 3.0.40, `gateway_program_funding_source_model`).
pub const PLATFORM: Platform = Platform {
    name: "marqeta",
    routes: &[
        Route { id: JIT, method: RouteMethod::Post, path: "/jit" },
        Route { id: WEBHOOK, method: RouteMethod::Post, path: "/webhook" },
    ],
    budget: Budget {
        default: Duration::from_secs(3),
        min: Duration::from_secs(1),
        max: Duration::from_secs(7),
        start: BudgetStart::Receipt,
    },
    in_flight_duplicate: InFlightDuplicate::Join,
    credentials: Credentials {
        basic: Use::Needed,
        headers: Use::Possible,
        signing: Use::Possible,
        answering: Use::Never,
        bypass: Use::Never,
    },
    message_name: webhook::transaction_token,
    payment_of_message: webhook::payment_of_message,
    payment_of_token: PaymentRef::by_alias,
    texts: Use::Never,
    card_number_routes: &[],
    decision_event: None,
    build,
};

/// Whether an answer may approve less than was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartialAnswers {
    /// The program has not turned it on at Marqeta.
    Never,
    /// Where the terminal can.
    Allowed,
}

struct Marqeta {
    currency: Currency,
    signature: signature::Accepted,
    style: Style,
    partial: PartialAnswers,
}

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    const KNOWN: &[&str] =
        &["balance_inquiry_in_amount", "extended_decline_reasons", "partial_approvals", "signature_base64", "signature_sha1"];
    let mut errors = Vec::new();
    settings.refuse_unknown(KNOWN, &mut errors);
    let sha1 = settings.switch("signature_sha1", true, &mut errors);
    let base64 = settings.switch("signature_base64", false, &mut errors);
    let extended = settings.switch("extended_decline_reasons", false, &mut errors);
    let in_amount = settings.switch("balance_inquiry_in_amount", false, &mut errors);
    let partial = settings.switch("partial_approvals", false, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Box::new(Marqeta {
        currency: settings.currency,
        signature: signature::Accepted { sha1, base64 },
        style: Style {
            vocabulary: if extended { Vocabulary::Extended } else { Vocabulary::Classic },
            inquiry_amount: if in_amount { InquiryAmount::Available } else { InquiryAmount::AsAsked },
        },
        partial: if partial { PartialAnswers::Allowed } else { PartialAnswers::Never },
    }))
}

impl Adapter for Marqeta {
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, _: Timestamp) -> Result<Authentic<'a>, Refusal> {
        proof::verify_basic(&callback, keyring)?;
        if callback.route == WEBHOOK && !keyring.signing.is_empty() {
            signature::verify(callback.headers, callback.body, &keyring.signing, self.signature)?;
        }
        Ok(Authentic::accept(callback))
    }

    fn verify_head(&self, callback: &Callback<'_>, keyring: &Keyring, _: Timestamp) -> Result<(), Refusal> {
        proof::verify_basic(callback, keyring)
    }

    fn decode<'a>(&self, authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        let callback = authentic.callback();
        match callback.route {
            WEBHOOK => Ok(webhook::decode(callback.body, self.currency)),
            _ => jit::decode(callback.body, self.currency, self.partial),
        }
    }

    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "was not asked for"))
    }

    fn encode(&self, echo: &Echo<'_>, answer: &Answer<'_>, _: &Keyring, _: Timestamp, body: &mut Vec<u8>) -> Reply {
        answer::write(echo, answer, self.style, body)
    }

    fn refuse(&self, refused: &Refused, body: &mut Vec<u8>) -> Reply {
        answer::refuse(refused, body)
    }

    fn prove(&self, route: u8, headers: &mut HeaderMap, body: &mut Vec<u8>, keyring: &Keyring, _: Timestamp) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        proof::prove_basic(headers, keyring);
        let key = keyring.signing.first().filter(|_| route == WEBHOOK);
        let signature = key.and_then(|key| signature::sign(body, key)).and_then(|text| HeaderValue::try_from(text).ok());
        headers.extend(signature.map(|value| (HeaderName::from_static(signature::HEADER), value)));
    }

    fn sample_authorization(&self, variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        sample::authorization(variation, card, cardholder, amount, body);
        JIT
    }
}
