//! What nobody may read from a copy of the store: shared secrets and texts, sealed with the configured key (AES-256-GCM). Each is
//! sealed for one place and opens at no other. Nothing here keeps anything.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::config::SealingKey;
use holdfast_adapters::proof::hex;

/// The form of what is sealed; a newer one gets another number.
const FORM: u8 = 1;

/// Seals and opens.
pub struct Sealer {
    key: LessSafeKey,
    digesting: hmac::Key,
    random: SystemRandom,
}

/// Something does not open: it was sealed with another key, for another place, or was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoesNotOpen;

impl fmt::Display for DoesNotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "does not open: it was sealed with another key, or changed since; is agents.key the one that it was made with?",
        )
    }
}

impl std::error::Error for DoesNotOpen {}

/// The operating system gives no random bytes: nothing that has to be secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gives no random bytes")
    }
}

impl std::error::Error for NoRandomness {}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// With that key.
    #[must_use]
    pub fn new(key: &SealingKey) -> Option<Self> {
        // A key of the right length is one.
        let sealing = UnboundKey::new(&AES_256_GCM, key.expose()).ok()?;
        // Another key than that which seals, made of it: the two never meet in one algorithm.
        let other = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), b"holdfast agents: digests");
        let digesting = hmac::Key::new(hmac::HMAC_SHA256, other.as_ref());
        Some(Sealer { key: LessSafeKey::new(sealing), digesting, random: SystemRandom::new() })
    }

    /// Seals what is to be opened at `place` only, such as `text/…`.
    ///
    /// # Errors
    /// No random bytes.
    pub fn seal(&self, place: &str, clear: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce = self.random::<NONCE_LEN>()?;
        let mut sealed = Vec::with_capacity(clear.len().saturating_add(64));
        sealed.extend_from_slice(clear);
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut sealed)
            .map_err(|_| NoRandomness)?;
        let mut whole = vec![FORM];
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&sealed);
        whole.extend_from_slice(tag.as_ref());
        Ok(whole)
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// It was not, or not with this key.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let (form, rest) = sealed.split_first().ok_or(DoesNotOpen)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
        if *form != FORM {
            return Err(DoesNotOpen);
        }
        let mut bytes = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let clear = self.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut bytes).map_err(|_| DoesNotOpen)?.len();
        bytes.truncate(clear);
        Ok(bytes)
    }

    /// What a text is known by, to whoever has the key: the same text has the same digest, and nobody else can try texts out.
    #[must_use]
    pub fn digest(&self, what: &str, text: &str) -> String {
        let mut context = hmac::Context::with_key(&self.digesting);
        for part in [what, "\0", text] {
            context.update(part.as_bytes());
        }
        hex(context.sign().as_ref())
    }

    /// Random bytes, for names and secrets.
    ///
    /// # Errors
    /// There are none.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&SealingKey::new([byte; 32])).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_at_its_place_with_its_key_and_not_otherwise() {
        let one = sealer(1);
        let sealed = one.seal("text/a", "Ada".as_bytes()).unwrap();
        assert_eq!(one.open("text/a", &sealed), Ok(b"Ada".to_vec()));
        assert_eq!(one.open("text/b", &sealed), Err(DoesNotOpen), "another place");
        assert_eq!(sealer(2).open("text/a", &sealed), Err(DoesNotOpen), "another key");
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(one.open("text/a", &changed), Err(DoesNotOpen), "byte {position}");
            assert_eq!(one.open("text/a", &sealed[..position]), Err(DoesNotOpen), "{position} bytes");
        }
        assert_ne!(one.seal("text/a", b"Ada").unwrap(), sealed, "the same text twice looks different");
    }
}
