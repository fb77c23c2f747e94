//! The names of payments: `AU…` and `TR…`, ours, and the same for the same `idempotency_id`. Both kinds of payment have their keys in one
//! space: the key of a transfer is what an authorization of the same id would be called, so that one id is one payment.

use holdfast_core::{AuthorizationId, IdError, IdempotencyKey, PaymentRef};
use sha2::digest::Output;
use sha2::{Digest, Sha256};

use super::Kind;
use crate::inbound::Malformed;

/// How many letters follow the two: as many as 128 bits need.
const LETTERS: usize = 22;
/// What stands before an id of a caller's, where names are made of it.
const ID: &[u8] = b"id";

/// What stands before the letters of each kind.
const fn head(kind: Kind) -> &'static str {
    match kind {
        Kind::Authorization => "AU",
        Kind::Transfer => "TR",
    }
}

/// The payment that is made of something.
pub(super) fn of(kind: Kind, what: &[u8], of: &[u8]) -> Result<(IdempotencyKey, PaymentRef), Malformed> {
    let letters = letters(&digest(Kind::Authorization, what, of));
    let key = IdempotencyKey::new(&format!("{}{letters}", head(Kind::Authorization))).map_err(nameless)?;
    Ok((key, PaymentRef::of(named(kind, &letters)?)))
}

/// A payment that its caller named.
pub(super) fn of_id(kind: Kind, idempotency_id: &[u8]) -> Result<(IdempotencyKey, PaymentRef), Malformed> {
    of(kind, ID, idempotency_id)
}

/// What versions before this one made of the same id, where that was something else: a key and a name of the transfer's own.
pub(super) fn of_id_formerly(kind: Kind, idempotency_id: &[u8]) -> Result<Option<(IdempotencyKey, PaymentRef)>, Malformed> {
    match kind {
        Kind::Authorization => Ok(None),
        Kind::Transfer => {
            let name = named(kind, &letters(&digest(kind, ID, idempotency_id)))?;
            Ok(Some((IdempotencyKey::new(name.as_str()).map_err(nameless)?, PaymentRef::of(name))))
        }
    }
}

/// One that they did not.
pub(super) fn of_nothing(kind: Kind) -> crate::payment::MakeNames {
    match kind {
        Kind::Authorization => |unique| of(Kind::Authorization, b"unique", unique),
        Kind::Transfer => |unique| of(Kind::Transfer, b"unique", unique),
    }
}

/// The key under which a payment of this name was asked for.
pub(super) fn key_of(payment: &AuthorizationId) -> Option<IdempotencyKey> {
    let name = captured_by(payment).unwrap_or(*payment);
    IdempotencyKey::new(name.as_str()).ok()
}

fn digest(kind: Kind, what: &[u8], of: &[u8]) -> Output<Sha256> {
    Sha256::new().chain_update(head(kind)).chain_update([0]).chain_update(what).chain_update([0]).chain_update(of).finalize()
}

fn named(kind: Kind, letters: &str) -> Result<AuthorizationId, Malformed> {
    AuthorizationId::new(&format!("{}{letters}", head(kind))).map_err(nameless)
}

fn nameless(_: IdError) -> Malformed {
    Malformed::field("", "has no name that could be given")
}

/// The transfer that a capture of an authorization is: there is at most one.
pub(super) fn transfer_of(authorization: &AuthorizationId) -> String {
    match authorization.as_str().strip_prefix(head(Kind::Authorization)) {
        Some(letters) => format!("{}{letters}", head(Kind::Transfer)),
        None => authorization.to_string(),
    }
}

/// The authorization whose capture has the name of this transfer.
pub(super) fn captured_by(transfer: &AuthorizationId) -> Option<AuthorizationId> {
    let letters = transfer.as_str().strip_prefix(head(Kind::Transfer))?;
    AuthorizationId::new(&format!("{}{letters}", head(Kind::Authorization))).ok()
}

/// The key of the order that voids an authorization.
pub(super) fn key_of_void(authorization: &AuthorizationId) -> String {
    format!("void-{authorization}")
}

/// Whether a text can be the name of a payment of a kind.
pub(super) fn is_name(text: &str, kind: Kind) -> bool {
    let letters = text.strip_prefix(head(kind)).unwrap_or_default();
    letters.len() == LETTERS && letters.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The first 128 bits of a digest as letters and digits.
fn letters(digest: &[u8]) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = digest.first_chunk().map_or(0, |first| u128::from_be_bytes(*first));
    (0..LETTERS)
        .map(|_| {
            let place = usize::try_from(rest.checked_rem(62).unwrap_or(0)).unwrap_or(0);
            rest = rest.checked_div(62).unwrap_or(0);
            ALPHABET.get(place).copied().map_or('0', char::from)
        })
        .collect()
}
