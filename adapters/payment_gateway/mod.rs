//! A payment door of ours: `POST …/auth` as a gateway's clients call it, with receipts, and what they may do with a payment
//! afterwards. The trait, nothing else; what the interface says, and what of it is our own choice, is in this folder's README.
//!
//! Reading order: [`options`], [`ask`], [`fields`], [`lasting`], [`authenticated`], [`order`], [`answer`], [`told`],
//! [`shown`], [`standing`], [`bill`], [`receipt`], [`reasons`].

mod answer;
mod ask;
mod authenticated;
mod bill;
mod fields;
mod lasting;
mod names;
mod not_done;
mod options;
mod order;
mod reasons;
mod receipt;
mod sample;
mod shown;
mod standing;
#[cfg(test)]
mod tests;
mod told;

use std::time::Duration;

use holdfast_core::{AuthorizationId, IdempotencyKey, MerchantId, Money, PaymentRef, Timestamp};
use http::HeaderMap;

use crate::adapter::{
    Adapter, Budget, BudgetStart, Credentials, DecisionEvent, InFlightDuplicate, Platform, Route, RouteMethod, Use,
};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::payment::{Authentication, OrderCall, PaymentCall, Slip};
use crate::proof::{Authentic, Keyring, Refusal, prove_basic, verify_basic, verify_basic_for};
use crate::settings::{SettingError, Settings};
use crate::strict::no_number_around;

use options::Options;

pub(crate) use ask::{checkout, hold_to_constraints};
pub(crate) use fields::amount;

/// The door as the registry knows it. Its documents name no budget; see the one of `authorizations`.
pub const PLATFORM: Platform = Platform {
    name: "payment_gateway",
    routes: &[
        Route { id: AUTH, method: RouteMethod::Post, path: "/auth" },
        Route { id: SALE, method: RouteMethod::Post, path: "/sale" },
        Route { id: AUTHENTICATED, method: RouteMethod::Post, path: "/3ds" },
        Route { id: CAPTURE, method: RouteMethod::Post, path: "/capture" },
        Route { id: VOID, method: RouteMethod::Post, path: "/void" },
        Route { id: REFUND, method: RouteMethod::Post, path: "/refund" },
        Route { id: SHOW, method: RouteMethod::Get, path: "/{id}" },
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
        bypass: Use::Possible,
    },
    message_name: |key| key,
    payment_of_message: |_| None,
    payment_of_token: PaymentRef::of,
    texts: Use::Needed,
    card_number_routes: &[],
    decision_event: Some(DecisionEvent { name: "PAYMENT_AUTH", body: answer::event }),
    build,
};

/// The member of a slip with the metadata as it was written, where that is not what its value would be written as.
const METADATA_AS_WRITTEN: &str = "metadata_as_written";

const AUTH: u8 = 0;
const SALE: u8 = 1;
const CAPTURE: u8 = 2;
const VOID: u8 = 3;
const REFUND: u8 = 4;
const SHOW: u8 = 5;
const AUTHENTICATED: u8 = 6;

/// What a payment of this door is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Held now, captured or voided later.
    Auth,
    /// Authorized and captured at once.
    Sale,
}

impl Kind {
    /// As slips and echoes carry it.
    const fn number(self) -> u8 {
        match self {
            Kind::Auth => 0,
            Kind::Sale => 1,
        }
    }

    const fn of_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Kind::Auth),
            1 => Some(Kind::Sale),
            _ => None,
        }
    }
}

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    Ok(Box::new(PaymentGateway { options: Options::parse(settings)? }))
}

/// One mount's adapter.
struct PaymentGateway {
    options: Options,
}

impl Adapter for PaymentGateway {
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
            AUTH => ask::decode(callback.body, callback.headers, (Kind::Auth, authentic.bypass()), self.options),
            SALE => ask::decode(callback.body, callback.headers, (Kind::Sale, authentic.bypass()), self.options),
            CAPTURE | VOID | REFUND => order::decode(callback.body, callback.headers, callback.route),
            AUTHENTICATED => authenticated::decode(callback.body),
            SHOW => Ok(order::decode_one(callback.segment)?),
            _ => Err(Malformed::field("", "came to a route that this door does not have")),
        }
    }

    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "was fetched, and nothing was asked for"))
    }

    fn resume(
        &self,
        payment: AuthorizationId,
        slip: &Slip,
        authentication: &Authentication,
    ) -> Result<PaymentCall<'static>, Malformed> {
        ask::resume(payment, slip, authentication)
    }

    fn key_of_order(&self, asked: &OrderCall<'_>, merchant: &MerchantId) -> IdempotencyKey {
        order::key_of(asked, self.options.names, merchant)
    }

    fn encode(&self, echo: &Echo<'_>, answer: &Answer<'_>, _: &Keyring, _: Timestamp, body: &mut Vec<u8>) -> Reply {
        answer::encode(echo, answer, body)
    }

    fn refuse(&self, refused: &Refused, body: &mut Vec<u8>) -> Reply {
        answer::refuse(refused, body)
    }

    fn prove(&self, _: u8, headers: &mut HeaderMap, _: &mut Vec<u8>, keyring: &Keyring, _: Timestamp) {
        prove_basic(headers, keyring);
    }

    fn sample_authorization(&self, variation: u64, card: &str, _: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        sample::write(variation, card, amount, body);
        AUTH
    }
}
