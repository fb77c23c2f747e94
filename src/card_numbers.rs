//! What becomes of a card's number: a keyed token, by which its card is found. And what a process does that may have numbers in its
//! memory: it leaves no core image, and overwrites what it lets go of.
//!
//! The key never leaves this file, and neither do digits: both go in, a token comes out. Nothing here is stored or told.

use std::convert::Infallible;
use std::env;
use std::fmt;
use std::hint::black_box;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::str::FromStr;

use hmac::{Hmac, Mac as _};
use holdfast_core::ProgramId;
use holdfast_core::card_number::CardNumber;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

/// HMAC-SHA-256, in bytes.
const TOKEN_BYTES: usize = 32;

/// Makes tokens of numbers.
#[derive(Debug, Clone)]
pub struct NumberKey(Hmac<Sha256>);

impl NumberKey {
    /// With this secret; `None` if it cannot be a key.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(secret).ok().map(NumberKey)
    }

    /// A number's token in a program: of two programs' tokens nobody can say that they are of one number.
    #[must_use]
    pub fn token(&self, program: &ProgramId, number: &CardNumber) -> NumberToken {
        let mut mac = self.0.clone();
        mac.update(program.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(number.digits());
        NumberToken(mac.finalize().into_bytes().into())
    }
}

/// What a card is found by that came as a number: worth nothing without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NumberToken([u8; TOKEN_BYTES]);

impl fmt::Display for NumberToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for NumberToken {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PROBLEM: &str = "must be 64 lower-case hexadecimal digits, as `holdfast card-token` prints them";
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != TOKEN_BYTES.saturating_mul(2) || !text.bytes().all(is_digit) {
            return Err(PROBLEM);
        }
        let mut token = [0; TOKEN_BYTES];
        for (byte, pair) in token.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| PROBLEM)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| PROBLEM)?;
        }
        Ok(NumberToken(token))
    }
}

impl Serialize for NumberToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NumberToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// No core image of this process is written, and nobody but root may look into its memory.
///
/// # Errors
/// The operating system refuses.
pub fn leave_no_core() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Where glibc looks for what its allocator is to do, at a start and never later.
const TUNABLES: &str = "GLIBC_TUNABLES";
/// Overwrite whatever is freed. Small pieces that a thread keeps for itself would be left out: so it keeps none.
const OVERWRITE: &str = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0";

/// Begins this process anew, with memory overwritten when it is let go of; returns if it was begun so. With another C library than
/// glibc, which knows no such thing, it changes nothing.
///
/// # Errors
/// It cannot be begun anew.
pub fn begin_overwriting() -> io::Result<()> {
    let written = env::var(TUNABLES).unwrap_or_default();
    if written.contains(OVERWRITE) {
        return Ok(());
    }
    let tunables = if written.is_empty() { OVERWRITE.to_owned() } else { format!("{written}:{OVERWRITE}") };
    let begun: io::Result<Infallible> =
        Err(Command::new(env::current_exe()?).args(env::args_os().skip(1)).env(TUNABLES, tunables).exec());
    begun.map(|never| match never {})
}

/// How far down the stack is overwritten: further than parsing and hashing reach, in bytes.
const STACK_BYTES: usize = 384 * 1024;

/// Overwrites what calls that are over left below on this thread's stack.
#[inline(never)]
pub fn wipe_stack() {
    let mut below = [0_u8; STACK_BYTES];
    black_box(&mut below);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::program;

    #[test]
    fn a_token_is_the_keys_the_programs_and_the_numbers() {
        let number = |digits: &str| CardNumber::new(digits).unwrap();
        let key = NumberKey::new(&[7; 32]).unwrap();
        let token = key.token(&program(), &number("4111111111111111"));
        assert_eq!(token, key.token(&program(), &number("4111111111111111")));
        assert_ne!(token, key.token(&program(), &number("4000056655665556")));
        assert_ne!(token, key.token(&"other".parse().unwrap(), &number("4111111111111111")));
        assert_ne!(token, NumberKey::new(&[8; 32]).unwrap().token(&program(), &number("4111111111111111")));
        assert_eq!(token.to_string().parse(), Ok(token));
        assert_eq!(token.to_string().len(), 64);
        for wrong in ["", "4111111111111111", &token.to_string().to_uppercase(), "0123456789abcdef"] {
            assert!(wrong.parse::<NumberToken>().is_err(), "{wrong}");
        }
        assert!(!format!("{key:?}").contains("7, 7"), "{key:?}");
    }
}
