//! The names of payments: UUIDs of our own making, the same for the same `Idempotency-Key`; and the numbers that answers have, all
//! made of the name, so that they are the same for ever.

use holdfast_core::{AuthorizationId, IdempotencyKey, PaymentRef};
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::Kind;
use crate::answer::DecisionReference;
use crate::inbound::Malformed;
use crate::payment::MakeNames;

const HEADER: &str = "idempotency-key";
/// The longest key that a caller may bring.
const KEY_MAX: usize = 255;

/// What a caller calls its call, if they do.
///
/// # Errors
/// It is there twice, or is no visible ASCII text of at most 255 characters.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Malformed> {
    let mut values = headers.get_all(HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Malformed::field("Idempotency-Key", "is there twice")),
        (Some(value), None) => {
            let text = value.to_str().unwrap_or_default();
            let fits = (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !fits {
                return Err(Malformed::field("Idempotency-Key", "is not 1 to 255 visible ASCII characters"));
            }
            if holdfast_core::card_number::stands_in_text(text) {
                return Err(Malformed::field("Idempotency-Key", "has a card number in it"));
            }
            Ok(Some(text))
        }
    }
}

/// The payment that is made of something.
pub(super) fn of(kind: Kind, what: &[u8], of: &[u8]) -> Result<(IdempotencyKey, PaymentRef), Malformed> {
    let digest = Sha256::new().chain_update([kind.number()]).chain_update(what).chain_update([0]).chain_update(of).finalize();
    let name = DecisionReference::from_digest(digest.first_chunk().copied().unwrap_or_default()).to_string();
    let wrong = |_| Malformed::field("", "has no name that could be given");
    let authorization = AuthorizationId::new(&name).map_err(wrong)?;
    Ok((IdempotencyKey::new(&name).map_err(wrong)?, PaymentRef::of(authorization)))
}

/// One that its caller did not name.
pub(super) fn of_nothing(kind: Kind) -> MakeNames {
    match kind {
        Kind::Auth => |unique| of(Kind::Auth, b"unique", unique),
        Kind::Sale => |unique| of(Kind::Sale, b"unique", unique),
    }
}

/// Whether a text can be the name of a payment.
pub(super) fn is_name(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A number of so many digits that answers have of a payment, under a name of its own.
pub(super) fn digits(payment: &AuthorizationId, what: &str, many: u32) -> String {
    let digest = Sha256::new().chain_update(what).chain_update([0]).chain_update(payment.as_str()).finalize();
    let number = digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    let range = 10_u64.checked_pow(many).unwrap_or(u64::MAX);
    let number = number.checked_rem(range).unwrap_or(0);
    format!("{number:0width$}", width = usize::try_from(many).unwrap_or(1))
}

/// Another UUID of a payment, under a name of its own.
pub(super) fn uuid(payment: &AuthorizationId, what: &str) -> String {
    let digest = Sha256::new().chain_update(what).chain_update([1]).chain_update(payment.as_str()).finalize();
    DecisionReference::from_digest(digest.first_chunk().copied().unwrap_or_default()).to_string()
}
