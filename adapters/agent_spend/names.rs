//! Names that are made of a processor and of what it says, so that no two processors' ever meet.

use holdfast_core::agent::OrganizationId;
use holdfast_core::{AuthorizationId, IdempotencyKey};
use sha2::{Digest, Sha256};

use crate::proof::hex;

/// The platform's name in the journal and in metrics.
pub const NAME: &str = "agent_spend";

/// What a payment is called that has no name of its platform's: made of who asked and of our name for the decision, so that nobody else's
/// messages reach it.
#[must_use]
pub fn payment_of(processor: &OrganizationId, request_id: &str) -> Option<AuthorizationId> {
    // Made here: digits of a digest are no card's number, whatever they look like.
    AuthorizationId::try_from(digest(&["payment", processor.as_str(), request_id]).as_str()).ok()
}

/// The key of a question or a message.
pub(super) fn key_of(parts: &[&str]) -> Option<IdempotencyKey> {
    IdempotencyKey::try_from(digest(parts).as_str()).ok()
}

/// The digest of the text by which a caller follows its request, without what is around it; nothing of an empty one.
#[must_use]
pub fn correlation_of(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    (!text.is_empty()).then(|| Sha256::digest(text).into())
}

/// 32 hexadecimal digits.
fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        // No part has a zero byte, so that they cannot run into each other.
        digest.update(part);
        digest.update([0]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    hex(digest.first_chunk::<16>().map_or(&[], <[u8; 16]>::as_slice))
}

/// What a name that is none of ours is told apart by, behind those that came before it.
pub(super) fn digest_of(before: &[u8; 16], path: &str, name: &str) -> [u8; 16] {
    let digest = Sha256::new().chain_update(before).chain_update(path).chain_update([0]).chain_update(name).finalize();
    digest.first_chunk().copied().unwrap_or_default()
}
