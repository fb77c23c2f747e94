//! What nobody may read from a copy of the store: shared secrets and texts, sealed as all texts are ([`crate::seal`]); and what needs the
//! same key or chance: digests by which addresses are known, and random names. Each is sealed for one place and opens at no other.

use std::fmt;

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore as _;
use hmac::{Hmac, Mac as _};
#[cfg(doc)]
use holdfast_adapters::agent_spend::correlation_of;
use holdfast_adapters::proof::hex;
use holdfast_core::agent::CorrelationDigest;
use sha2::Sha256;

use crate::seal::{self, Form, Sealed, SealingKey};

/// The form of what is sealed; a newer one gets another number.
const FORM: u8 = 2;

/// Seals and opens.
pub struct Sealer {
    sealing: seal::Sealer,
    digesting: Hmac<Sha256>,
}

/// Something does not open: it was sealed with another key, for another place, or was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoesNotOpen;

impl fmt::Display for DoesNotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "does not open: it was sealed with another key, or changed since; is agents.key, or one of agents.old_keys, the one that it \
             was made with?",
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
    /// With the key that seals, and those that did before it. Digests are the oldest one's: an address is known by the same, whatever
    /// seals it now.
    #[must_use]
    pub fn new(key: &SealingKey, old: &[SealingKey]) -> Option<Self> {
        let oldest = old.last().unwrap_or(key);
        // Another key than that which seals, made of it: the two never meet in one algorithm.
        let mut other = Hmac::<Sha256>::new_from_slice(oldest.expose()).ok()?;
        other.update(b"holdfast agents: digests");
        let digesting = Hmac::<Sha256>::new_from_slice(&other.finalize().into_bytes()).ok()?;
        Some(Sealer { sealing: seal::Sealer::new(key, old), digesting })
    }

    /// Seals what is to be opened at `place` only, such as `text/…`.
    ///
    /// # Errors
    /// No random bytes.
    pub fn seal(&self, place: &str, clear: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let sealed = self.sealing.seal(place, clear).map_err(|_| NoRandomness)?;
        let mut whole = vec![FORM];
        whole.extend_from_slice(&sealed.bytes);
        Ok(whole)
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// It was not, or not with this key.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        match sealed.split_first() {
            Some((&FORM, rest)) => {
                let sealed = Sealed { bytes: rest.to_vec(), form: Form::Sealed };
                self.sealing.open(place, &sealed).map_err(|_| DoesNotOpen)
            }
            Some(_) | None => Err(DoesNotOpen),
        }
    }

    /// What a text is known by, to whoever has the key: the same text has the same digest, and nobody else can try texts out.
    #[must_use]
    pub fn digest(&self, what: &str, text: &str) -> String {
        hex(&self.digest_of(what, text.as_bytes()))
    }

    /// The same of any bytes.
    #[must_use]
    pub fn digest_of(&self, what: &str, bytes: &[u8]) -> [u8; 32] {
        let mut digesting = self.digesting.clone();
        for part in [what.as_bytes(), b"\0", bytes] {
            digesting.update(part);
        }
        digesting.finalize().into_bytes().into()
    }

    /// What a text is found by again by which a caller follows its request: made of [its digest](correlation_of).
    #[must_use]
    pub fn correlation(&self, text: &[u8; 32]) -> CorrelationDigest {
        let digest = self.digest_of("correlation", text);
        CorrelationDigest(digest.first_chunk().copied().unwrap_or_default())
    }

    /// Random bytes, for names and secrets.
    ///
    /// # Errors
    /// There are none.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        OsRng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new([byte; 32])
    }

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&key(byte), &[]).unwrap()
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

    #[test]
    fn a_key_that_came_later_knows_addresses_by_the_same_digests() {
        let (before, rotated) = (sealer(1), Sealer::new(&key(3), &[key(2), key(1)]).unwrap());
        assert_eq!(rotated.open("text/a", &before.seal("text/a", b"Ada").unwrap()), Ok(b"Ada".to_vec()));
        assert_eq!(before.digest("address", "ada@example.com"), rotated.digest("address", "ada@example.com"));
        assert_ne!(before.digest("address", "ada@example.com"), sealer(2).digest("address", "ada@example.com"));
    }
}
