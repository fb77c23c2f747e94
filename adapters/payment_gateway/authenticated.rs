//! `POST …/3ds`: what became of authenticating the payer of a payment that waits for it.

use holdfast_core::ThreeDSecure;

use super::order;
use crate::inbound::{Inbound, Malformed};
use crate::payment::{AuthenticatedCall, Authentication};
use crate::strict::{Fields, document};

/// The field that says it, of requests and of answers.
pub(super) const RESULT: &str = "three_d_secure";
pub(super) const INDICATOR: &str = "electronic_commerce_indicator";

/// Understands a result. The authentication value is looked at, and goes no further.
pub(super) fn decode<'a>(body: &[u8]) -> Result<Inbound<'a>, Malformed> {
    let members = document(body)?;
    let top = Fields::of(&members, "");
    let id = top.required("id", |fields, name| fields.text(name, 64))?;
    let result = Fields::of(top.required(RESULT, Fields::object)?, RESULT);
    let indicator = result.required(INDICATOR, |fields, name| fields.text(name, 32))?;
    let outcome = match ThreeDSecure::from_name(indicator) {
        Some(outcome @ (ThreeDSecure::Authenticated | ThreeDSecure::Attempted | ThreeDSecure::NotAuthenticated)) => outcome,
        Some(ThreeDSecure::NotTold) | None => {
            return Err(result.wrong(INDICATOR, "is none of AUTHENTICATED, ATTEMPTED and NOT_AUTHENTICATED"));
        }
    };
    let value = result.authentication_value("cardholder_authentication")?;
    if outcome == ThreeDSecure::Authenticated && value.is_none() {
        return Err(result.wrong("cardholder_authentication", "is missing"));
    }
    let transaction = result.required("transaction_id", |fields, name| fields.text(name, 64))?.to_owned();
    let payment = order::payment(id)?;
    let authentication = Authentication { outcome, transaction };
    Ok(Inbound::Authenticated(AuthenticatedCall { payment, authentication, echo: order::echo_of_order(super::AUTHENTICATED) }))
}
