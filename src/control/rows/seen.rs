//! Which names a file had already, and on which line: as 128-bit fingerprints under a key of this run, so that ten million
//! rows take a few hundred megabytes and not several thousand.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use holdfast_core::ProgramId;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// Names that were seen.
#[derive(Debug)]
pub struct Seen {
    key: (u64, u64),
    lines: HashMap<[u64; 2], u32>,
    nameless: usize,
}

impl Default for Seen {
    fn default() -> Self {
        let random = RandomState::new();
        Seen { key: (random.hash_one(0_u8), random.hash_one(1_u8)), lines: HashMap::new(), nameless: 0 }
    }
}

impl Seen {
    /// Takes a name down; the line on which it was before.
    pub fn add(&mut self, program: Option<&ProgramId>, name: &str, line: u64) -> Option<u64> {
        let fingerprint = self.fingerprint(program, name);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let before = *self.lines.entry(fingerprint).or_insert(line);
        (before != line).then_some(u64::from(before))
    }

    /// Notes that a row's name could not be read.
    pub const fn add_nameless(&mut self) {
        self.nameless = self.nameless.saturating_add(1);
    }

    /// Whether the name of every row that was seen could be read.
    #[must_use]
    pub const fn has_all_names(&self) -> bool {
        self.nameless == 0
    }

    /// Whether a name was there.
    #[must_use]
    pub fn has(&self, program: Option<&ProgramId>, name: &str) -> bool {
        self.lines.contains_key(&self.fingerprint(program, name))
    }

    fn fingerprint(&self, program: Option<&ProgramId>, name: &str) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write(program.map_or("", ProgramId::as_str).as_bytes());
        hasher.write_u8(0);
        hasher.write(name.as_bytes());
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_program_and_its_first_line() {
        let mut seen = Seen::default();
        let (one, two) = (ProgramId::new("one").unwrap(), ProgramId::new("two").unwrap());
        for (program, line, before) in [(Some(&one), 2, None), (Some(&two), 3, None), (None, 4, None), (Some(&one), 5, Some(2))] {
            assert_eq!(seen.add(program, "a", line), before, "{program:?} {line}");
        }
        assert!(seen.has(Some(&two), "a") && !seen.has(Some(&two), "b"));
        assert_eq!(seen.add(Some(&one), "a", 6), Some(2));
    }
}
