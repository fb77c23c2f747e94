//! Texts of people, sealed: XChaCha20-Poly1305 with the operator's key, by a library. Without a key they are kept in clear, where the
//! data directory's owner alone may read them. Keys before the one that seals still open what they sealed.
//!
//! What is sealed is tied to what it is about: moved to another row, it does not open. Nothing here keeps a text or a file.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, AeadCore, AeadInPlace, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};

/// The length of a key, in bytes.
pub const KEY_BYTES: usize = 32;
/// The length of what stands before each sealed text.
const NONCE_BYTES: usize = 24;
/// The length of what stands behind it, and says whether it is whole.
const TAG_BYTES: usize = 16;

/// A key. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey([u8; KEY_BYTES]);

impl SealingKey {
    /// A key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        SealingKey(bytes)
    }

    /// A key of 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with it, without telling it.
    pub fn of_hex(digits: &[u8]) -> Result<Self, &'static str> {
        const WRONG: &str = "must be 64 hexadecimal digits; `openssl rand -hex 32` makes them";
        if digits.len() != KEY_BYTES.saturating_mul(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(WRONG);
        }
        let mut key = [0; KEY_BYTES];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| WRONG)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| WRONG)?;
        }
        Ok(SealingKey(key))
    }

    /// The bytes, for whoever makes something of them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

/// Seals and opens; without a key it does neither.
#[derive(Clone, Default)]
pub struct Sealer(Option<Arc<Ciphers>>);

struct Ciphers {
    /// The one that seals.
    seals: XChaCha20Poly1305,
    /// Those that sealed before.
    sealed: Vec<XChaCha20Poly1305>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Sealer(with a key)" } else { "Sealer(without a key)" })
    }
}

/// A text as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Its bytes: a nonce and what is sealed, or the text itself.
    pub bytes: Vec<u8>,
    /// Which of the two.
    pub form: Form,
}

/// How a text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// In clear.
    Clear,
    /// Sealed.
    Sealed,
}

impl Form {
    /// As a column holds it.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Form::Clear => 0,
            Form::Sealed => 1,
        }
    }

    /// What a column holds; what is none of the known ones is taken for sealed, and does not open.
    #[must_use]
    pub const fn of_number(number: i64) -> Self {
        if number == 0 { Form::Clear } else { Form::Sealed }
    }
}

/// A text that does not open: it is another key's, another row's, or damaged. Or it could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOpened;

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was sealed with another key than the ones that are configured (`key` and `old_keys`), or is damaged")
    }
}

impl Sealer {
    /// With a key that seals, and those that did before: what they sealed still opens.
    #[must_use]
    pub fn new(key: &SealingKey, old: &[SealingKey]) -> Self {
        let cipher = |key: &SealingKey| XChaCha20Poly1305::new(key.expose().into());
        Sealer(Some(Arc::new(Ciphers { seals: cipher(key), sealed: old.iter().map(cipher).collect() })))
    }

    /// With a key of 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with it, without telling it.
    pub fn with_key(hex: &str) -> Result<Self, &'static str> {
        SealingKey::of_hex(hex.as_bytes()).map(|key| Sealer::new(&key, &[]))
    }

    /// Whether it has a key.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.0.is_some()
    }

    /// Seals a text about something, if there is a key.
    ///
    /// # Errors
    /// The library's; it has none for texts of a size that is let in.
    pub fn seal(&self, about: &str, text: &[u8]) -> Result<Sealed, NotOpened> {
        let Some(ciphers) = &self.0 else { return Ok(Sealed { bytes: text.to_vec(), form: Form::Clear }) };
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        // Sealed where it stays: the nonce, the text, the tag.
        let mut bytes = Vec::with_capacity(NONCE_BYTES.saturating_add(text.len()).saturating_add(TAG_BYTES));
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(text);
        let place = bytes.get_mut(NONCE_BYTES..).unwrap_or_default();
        let tag = ciphers.seals.encrypt_in_place_detached(&nonce, about.as_bytes(), place).map_err(|_| NotOpened)?;
        bytes.extend_from_slice(&tag);
        Ok(Sealed { bytes, form: Form::Sealed })
    }

    /// Opens what was sealed about the same.
    ///
    /// # Errors
    /// It does not open.
    pub fn open(&self, about: &str, sealed: &Sealed) -> Result<Vec<u8>, NotOpened> {
        match (sealed.form, &self.0) {
            (Form::Clear, _) => Ok(sealed.bytes.clone()),
            (Form::Sealed, None) => Err(NotOpened),
            (Form::Sealed, Some(ciphers)) => {
                let (nonce, rest) = sealed.bytes.split_at_checked(NONCE_BYTES).ok_or(NotOpened)?;
                let open = |cipher: &XChaCha20Poly1305| {
                    let payload = Payload { msg: rest, aad: about.as_bytes() };
                    cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
                };
                std::iter::once(&ciphers.seals).chain(&ciphers.sealed).find_map(open).ok_or(NotOpened)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn what_is_sealed_opens_with_its_key_in_its_place_and_nowhere_else() {
        let sealer = Sealer::with_key(KEY).unwrap();
        let sealed = sealer.seal("here", b"Jane Doe").unwrap();
        assert_eq!(sealed.form, Form::Sealed);
        assert!(!sealed.bytes.windows(4).any(|part| part == b"Jane"));
        assert_eq!(sealer.open("here", &sealed).unwrap(), b"Jane Doe");
        assert_eq!(sealer.open("there", &sealed), Err(NotOpened));
        assert_eq!(Sealer::default().open("here", &sealed), Err(NotOpened));
        let other = Sealer::with_key(&KEY.replace("00", "ff")).unwrap();
        assert_eq!(other.open("here", &sealed), Err(NotOpened));
        for place in 0..sealed.bytes.len() {
            let mut damaged = sealed.clone();
            damaged.bytes[place] ^= 1;
            assert_eq!(sealer.open("here", &damaged), Err(NotOpened), "{place}");
        }
        assert_ne!(sealer.seal("here", b"Jane Doe").unwrap(), sealed, "no nonce is used twice");
    }

    #[test]
    fn a_key_that_came_later_seals_and_the_old_one_still_opens() {
        let (old, new) = (SealingKey::new([1; KEY_BYTES]), SealingKey::new([2; KEY_BYTES]));
        let before = Sealer::new(&old, &[]);
        let rotated = Sealer::new(&new, std::slice::from_ref(&old));
        let (earlier, later) = (before.seal("here", b"earlier").unwrap(), rotated.seal("here", b"later").unwrap());
        assert_eq!(rotated.open("here", &earlier).unwrap(), b"earlier");
        assert_eq!(rotated.open("there", &earlier), Err(NotOpened));
        assert_eq!(Sealer::new(&new, &[]).open("here", &later).unwrap(), b"later", "the new key seals");
        assert_eq!(Sealer::new(&new, &[]).open("here", &earlier), Err(NotOpened));
        assert_eq!(before.open("here", &later), Err(NotOpened));
    }

    #[test]
    fn without_a_key_texts_are_kept_as_they_are() {
        let kept = Sealer::default().seal("here", b"text").unwrap();
        assert_eq!((kept.bytes.as_slice(), kept.form), (b"text".as_slice(), Form::Clear));
        assert_eq!(Sealer::with_key(KEY).unwrap().open("here", &kept).unwrap(), b"text", "what was kept before there was a key");
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        for wrong in ["", "00", KEY.get(1..).unwrap(), &KEY.replace('0', "g"), &format!("{KEY}00")] {
            assert!(Sealer::with_key(wrong).is_err(), "{wrong}");
        }
    }
}
