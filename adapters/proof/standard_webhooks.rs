//! Standard Webhooks (specification 1.0.0): HMAC-SHA256 over `id.timestamp.body`, told in three headers, with a time stamp
//! that must be near. Lithic, Increase and others sign with it; the answers of some are signed alike.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use holdfast_core::Timestamp;
use sha2::Sha256;
use subtle::Choice;

use super::{Authentic, Keyring, Refusal, Secret, custom_headers_match, hmac, matches_base64, only_header};
use crate::inbound::Callback;

/// The header with the message's id: the same on every retry.
pub const ID: &str = "webhook-id";
/// The header with the time stamp of this attempt, in whole seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures: `v1,<base64>`, several of them with a blank between.
pub const SIGNATURE: &str = "webhook-signature";
/// How far the time stamp may be from our clock, in either direction, inclusive: what all reference libraries use.
pub const WINDOW: Duration = Duration::from_secs(300);

/// How few bytes a key may have, and how many, as the specification says.
pub const KEY_BYTES: RangeInclusive<usize> = 24..=64;
/// With what a key in its written form begins.
const WRITTEN: &[u8] = b"whsec_";

/// A key to sign with. There is none that cannot: what would go out unsigned is refused when the key is read.
#[derive(Debug, Clone)]
pub struct SigningKey {
    key: Secret,
}

/// Why a secret is no key to sign with. It never has the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// What follows `whsec_` is no base64.
    NotBase64,
    /// Fewer bytes than the specification wants, which could be guessed.
    TooShort,
    /// More bytes than it allows.
    TooLong,
}

impl SigningKey {
    /// The key that a secret is, in either form.
    ///
    /// # Errors
    /// It is none.
    pub fn of(secret: &Secret) -> Result<Self, NoKey> {
        let key = key(secret).ok_or(NoKey::NotBase64)?;
        match key.len() {
            few if few < *KEY_BYTES.start() => Err(NoKey::TooShort),
            many if many > *KEY_BYTES.end() => Err(NoKey::TooLong),
            _ => Ok(SigningKey { key: Secret::new(key.into_owned()) }),
        }
    }

    /// The value of [`SIGNATURE`] for a message.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Option<String> {
        let timestamp = at.unix_seconds().to_string();
        let signed = hmac::<Hmac<Sha256>>(self.key.expose(), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
        signed.map(|mac| signature(&mac.into()))
    }
}

fn signature(mac: &[u8; 32]) -> String {
    format!("v1,{}", STANDARD.encode(mac))
}

/// Verifies a callback by any of the signing keys, and the mount's custom headers.
///
/// # Errors
/// What is missing, unreadable or wrong. Without a signing key every callback is a stranger's.
pub fn verify<'a>(callback: Callback<'a>, keyring: &Keyring, now: Timestamp) -> Result<Authentic<'a>, Refusal> {
    let header = |name| only_header(callback.headers, name);
    let (id, timestamp, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
    let seconds = whole_seconds(timestamp).ok_or(Refusal::Unreadable)?;
    if seconds.abs_diff(now.unix_seconds()) > WINDOW.as_secs() {
        return Err(Refusal::Stale);
    }
    // Every key is compared with every signature, whichever match, so that the time tells nothing of which ones did.
    let mut known = Choice::from(0);
    for secret in &keyring.signing {
        let Some(mac) = mac(secret, id, timestamp, callback.body) else { continue };
        for presented in signatures.split(|byte| *byte == b' ').filter_map(|item| item.strip_prefix(b"v1,")) {
            known |= matches_base64(&mac, presented);
        }
    }
    match (bool::from(known), bool::from(custom_headers_match(&callback, keyring))) {
        (true, true) => Ok(Authentic::accept(callback)),
        (true, false) => Err(Refusal::Wrong),
        (false, _) => Err(Refusal::WrongSignature),
    }
}

/// The value of [`SIGNATURE`] for a message; `None` for a key that is none.
#[must_use]
pub fn sign(secret: &Secret, id: &str, at: Timestamp, body: &[u8]) -> Option<String> {
    let timestamp = at.unix_seconds().to_string();
    let mac = mac(secret, id.as_bytes(), timestamp.as_bytes(), body)?;
    Some(signature(&mac))
}

fn mac(secret: &Secret, id: &[u8], timestamp: &[u8], body: &[u8]) -> Option<[u8; 32]> {
    hmac::<Hmac<Sha256>>(&key(secret)?, &[id, b".", timestamp, b".", body]).map(Into::into)
}

/// `whsec_` and base64 is a key in its written form; anything else is the key itself (as Increase's shared secrets are).
fn key(secret: &Secret) -> Option<Cow<'_, [u8]>> {
    match secret.expose().strip_prefix(WRITTEN) {
        Some(encoded) => STANDARD.decode(encoded).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(secret.expose())),
    }
}

/// Digits alone: no sign, no blank.
fn whole_seconds(timestamp: &[u8]) -> Option<i64> {
    let only_digits = timestamp.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(timestamp).ok().filter(|_| only_digits)?.parse().ok()
}
