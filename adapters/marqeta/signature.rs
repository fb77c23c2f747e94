//! `X-Marqeta-Signature`: HMAC over a webhook's raw body. JIT requests are not signed.
//!
//! Source: Marqeta, "Signature Verification": the digest in hexadecimal (lower case; either is taken), SHA-256, SHA-1 for older webhooks; after
//! a switch, retries signed the old way come for up to two weeks. Base64 is seen in third parties' code only.

use hmac::Hmac;
use http::HeaderMap;
use sha1::Sha1;
use sha2::Sha256;
use subtle::Choice;

use crate::proof::{self, Refusal, Secret, hex};

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
    let presented = proof::only_header(headers, HEADER)?;
    // Every key and every form is compared, whichever matches, so that the time tells nothing of which one did.
    let mut known = Choice::from(0);
    for key in keys {
        known |= is_digest(presented, proof::hmac::<Hmac<Sha256>>(key.expose(), &[body]), accepted);
        if accepted.sha1 {
            known |= is_digest(presented, proof::hmac::<Hmac<Sha1>>(key.expose(), &[body]), accepted);
        }
    }
    if bool::from(known) { Ok(()) } else { Err(Refusal::WrongSignature) }
}

/// The signature of a body as Marqeta sends it, for those who prove themselves; none by an empty key.
pub(super) fn sign(body: &[u8], key: &Secret) -> Option<String> {
    proof::hmac::<Hmac<Sha256>>(key.expose(), &[body]).map(|digest| hex(&digest))
}

fn is_digest(presented: &[u8], digest: Option<impl AsRef<[u8]>>, accepted: Accepted) -> Choice {
    let Some(digest) = digest else { return Choice::from(0) };
    let mut known = proof::matches_hex(digest.as_ref(), presented);
    if accepted.base64 {
        known |= proof::matches_base64(digest.as_ref(), presented);
    }
    known
}
