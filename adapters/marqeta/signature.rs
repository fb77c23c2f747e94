//! `X-Marqeta-Signature`: HMAC over a webhook's raw body. JIT requests are not signed.
//!
//! Source: Marqeta, "Signature Verification": the digest in lower-case hexadecimal, SHA-256, SHA-1 for older webhooks; after
//! a switch, retries signed the old way come for up to two weeks. Base64 is seen in third parties' code only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::proof::{Refusal, Secret};

/// The header that carries it.
pub(super) const HEADER: &str = "x-marqeta-signature";

/// Which signatures a mount takes besides SHA-256 in hexadecimal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    /// SHA-1 too.
    pub sha1: bool,
    /// Base64 too.
    pub base64: bool,
}

/// Checks the signature of a body by any of the keys.
///
/// # Errors
/// No signature, or none that is ours.
pub(super) fn verify(headers: &HeaderMap, body: &[u8], keys: &[Secret], accepted: Accepted) -> Result<(), Refusal> {
    let presented = headers.get(HEADER).ok_or(Refusal::Missing)?.as_bytes();
    // Every key and every form is compared, whichever matches, so that the time tells nothing of which one did.
    let mut known = Choice::from(0);
    for key in keys {
        known |= matches(presented, digest::<Hmac<Sha256>>(key, body), accepted);
        if accepted.sha1 {
            known |= matches(presented, digest::<Hmac<Sha1>>(key, body), accepted);
        }
    }
    if bool::from(known) { Ok(()) } else { Err(Refusal::WrongSignature) }
}

/// The signature of a body as Marqeta sends it, for those who prove themselves.
pub(super) fn sign(body: &[u8], key: &Secret) -> Option<String> {
    digest::<Hmac<Sha256>>(key, body).map(|digest| hex(&digest))
}

/// None only for a key that the algorithm refuses, which HMAC does not.
fn digest<M: Mac + KeyInit>(key: &Secret, body: &[u8]) -> Option<Vec<u8>> {
    let mac = <M as Mac>::new_from_slice(key.expose()).ok()?;
    Some(mac.chain_update(body).finalize().into_bytes().to_vec())
}

fn matches(presented: &[u8], digest: Option<Vec<u8>>, accepted: Accepted) -> Choice {
    let Some(digest) = digest else { return Choice::from(0) };
    let mut known = presented.ct_eq(hex(&digest).as_bytes());
    if accepted.base64 {
        known |= presented.ct_eq(STANDARD.encode(&digest).as_bytes());
    }
    known
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
