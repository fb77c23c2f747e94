//! Codes that programs go by, as the description has them: each with what it means. Made of the lists that the code itself goes by, so that none
//! is missing.

use std::borrow::Cow;

use holdfast_core::agent::ReasonCode;
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::api::problem::Code;

/// Codes of refusals that come under a kind of refusal, with its status.
const OF_KINDS: [(&str, &str); 21] = [
    ("token_missing", "401: no bearer token was sent"),
    ("token_unreadable", "401: the token is no JWT with `key_id`, `iat` and `exp`"),
    ("token_algorithm", "401: the token is not signed with HS256"),
    ("key_unknown", "401: nobody has the API key, or it was revoked"),
    ("credential_expired", "401: the credential's time is over"),
    ("token_signature", "401: the token was not signed with the API key's shared secret"),
    ("token_expired", "401: the token's time is over"),
    ("token_not_yet_valid", "401: the token begins in the future"),
    ("token_life_too_long", "401: the token lives longer than an hour"),
    ("scope_missing", "403: the credential has no scope for it"),
    ("owner_needed", "403: an owner's own credential is needed"),
    ("own_intent", "403: whoever asked for an intent does not review it"),
    ("card_not_yours", "403: the operator does not let this enterprise bind the platform's cards"),
    ("door_not_possible", "409: nothing could ever move at the `authoritative_door` that was asked for"),
    ("intent_used", "409: a payment has used the intent"),
    ("intent_expired", "409: the intent's time is over"),
    ("not_reserved", "409: the intent's amount cannot be kept for its payment now"),
    ("event_conflict", "409: the `event_id` told something else before"),
    ("told_by_platform", "409: the payment is told of by its platform, whose name it has"),
    ("currency_mismatch", "409: the event is in another currency than its payment"),
    ("clearing_above_authorized", "409: more would be cleared than was authorized, tolerance included"),
];

/// Why a payment was decided as it was.
pub struct ReasonCodes;

impl PartialSchema for ReasonCodes {
    fn schema() -> RefOr<Schema> {
        let all = ReasonCode::ALL.iter().map(|reason| (reason.code().to_owned(), reason.meaning().to_owned()));
        described("Why.", all.collect())
    }
}

impl ToSchema for ReasonCodes {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ReasonCode")
    }
}

/// Every code of a refusal.
#[must_use]
pub fn of_refusals() -> RefOr<Schema> {
    let kinds = Code::ALL.iter().map(|code| (code.name().to_owned(), format!("{}: {}", code.status().as_u16(), code.title())));
    let own = OF_KINDS.iter().map(|(code, meaning)| ((*code).to_owned(), (*meaning).to_owned()));
    let mut all: Vec<(String, String)> = kinds.chain(own).collect();
    all.sort();
    all.dedup_by(|one, other| one.0 == other.0);
    described("What programs go by.", all)
}

fn described(what: &str, codes: Vec<(String, String)>) -> RefOr<Schema> {
    let meanings = codes.iter().map(|(code, meaning)| format!("\n* `{code}`: {meaning}"));
    let description = std::iter::once(format!("{what}\n")).chain(meanings).collect::<String>();
    let names = codes.into_iter().map(|(code, _)| Value::String(code));
    let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).description(Some(description));
    RefOr::T(Schema::Object(object.build()))
}

#[cfg(test)]
mod tests {
    use holdfast_adapters::token::TokenFault;
    use holdfast_core::agent::Scope;

    use super::*;

    #[test]
    fn no_fault_of_a_token_is_missing() {
        let faults = [
            TokenFault::Missing,
            TokenFault::Unreadable,
            TokenFault::Algorithm,
            TokenFault::KeyUnknown,
            TokenFault::CredentialExpired,
            TokenFault::Signature,
            TokenFault::Expired,
            TokenFault::NotYet,
            TokenFault::LifeTooLong,
            TokenFault::Scope(Scope::Read),
        ];
        for fault in faults {
            let (_, meaning) = OF_KINDS.iter().find(|(code, _)| *code == fault.code()).unwrap();
            assert!(meaning.starts_with(&fault.status().to_string()), "{}", fault.code());
        }
    }
}
