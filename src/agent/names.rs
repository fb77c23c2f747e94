//! Names and secrets that we make: a prefix and random letters, none of which could be taken for a card number, and no words.

use super::seal::{NoRandomness, Sealer};

/// Consonants, one for each half of a byte.
const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrst";

/// A new name: 80 random bits.
///
/// # Errors
/// No random bytes.
pub fn fresh(sealer: &Sealer, prefix: &str) -> Result<String, NoRandomness> {
    Ok(format!("{prefix}{}", lettered(&sealer.random::<10>()?)))
}

/// A new secret: 256 random bits.
///
/// # Errors
/// No random bytes.
pub fn fresh_secret(sealer: &Sealer, prefix: &str) -> Result<String, NoRandomness> {
    Ok(format!("{prefix}{}", lettered(&sealer.random::<32>()?)))
}

fn lettered(bytes: &[u8]) -> String {
    let letter = |half: u8| LETTERS.get(usize::from(half)).copied().map_or('b', char::from);
    bytes.iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect()
}
