//! What stands for a name where approvals are counted. Nothing leads back from it.

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// 128 bits that stand for a name. Names come from the platform that is asked about; nothing is gained by making two collide. They are kept
/// on disks: the same name has the same ones in every version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint(u64, u64);

impl Fingerprint {
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut hasher = SipHasher13::new();
        for part in parts {
            // No name has a zero byte, so the parts cannot run into each other.
            hasher.write(part.as_bytes());
            hasher.write_u8(0);
        }
        let digest = hasher.finish128();
        Fingerprint(digest.h1, digest.h2)
    }

    /// One of so many places, a power of two.
    pub(super) fn place_in(self, places: usize) -> usize {
        usize::try_from(self.1).unwrap_or(0) & places.saturating_sub(1)
    }
}

impl std::hash::Hash for Fingerprint {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0);
    }
}

/// Fingerprints are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
