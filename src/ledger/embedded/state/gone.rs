//! Names that memory has let go of, as a filter: it says of nearly every new name that it was certainly never there, so that a new
//! payment costs no look at a disk. Of what it does not say that, the projection knows. It holds no name, and never forgets one.
//!
//! Like memory's maps it grows by small pieces, so that no answer is held back while it does.

use std::hash::BuildHasherDefault;

use fastbloom::BloomFilter;

use super::rows::{AsIs, Fingerprint, SHARDS, shard};

/// Bits a name: of a thousand names that were never there, a piece that is full takes fewer than one for its own.
const BITS_A_NAME: usize = 16;

/// Bits that a name sets.
const BITS_SET: u32 = 8;

/// Names that a shard's first piece has room for; each further piece has twice the room of the one before.
const FIRST_NAMES: usize = 256;

/// Names, approximately: one that was added is always there.
#[derive(Debug)]
pub struct GoneNames {
    shards: Vec<Vec<Piece>>,
}

/// Names that came one after the other.
#[derive(Debug)]
struct Piece {
    filter: BloomFilter<BuildHasherDefault<AsIs>>,
    names: usize,
    /// How many it has room for.
    names_max: usize,
}

impl Piece {
    fn with_room_for(names_max: usize) -> Self {
        let bits = BloomFilter::with_num_bits(names_max.saturating_mul(BITS_A_NAME));
        Piece { filter: bits.hasher(BuildHasherDefault::default()).hashes(BITS_SET), names: 0, names_max }
    }
}

impl Default for GoneNames {
    fn default() -> Self {
        GoneNames { shards: (0..SHARDS).map(|_| Vec::new()).collect() }
    }
}

impl GoneNames {
    /// Adds a name; one that seems to be there takes no room.
    pub fn add(&mut self, name: Fingerprint) {
        if self.may_have(&name) {
            return;
        }
        let place = shard(&name, self.shards.len());
        let Some(pieces) = self.shards.get_mut(place) else { return };
        let room = match pieces.last() {
            Some(piece) if piece.names < piece.names_max => None,
            Some(piece) => Some(piece.names_max.saturating_mul(2)),
            None => Some(FIRST_NAMES),
        };
        pieces.extend(room.map(Piece::with_room_for));
        if let Some(piece) = pieces.last_mut() {
            piece.filter.insert(&name);
            piece.names = piece.names.saturating_add(1);
        }
    }

    /// Whether a name may be there; if not, it was certainly never added.
    pub fn may_have(&self, name: &Fingerprint) -> bool {
        // Most names are in the latest piece, which is as large as all before it.
        self.shards
            .get(shard(name, self.shards.len()))
            .is_some_and(|pieces| pieces.iter().rev().any(|piece| piece.filter.contains(name)))
    }
}

/// What memory has let go of.
#[derive(Debug, Default)]
pub struct Gone {
    /// By the process that runs.
    lately: GoneNames,
    /// By those before it.
    before: Before,
}

/// What the processes before this one let go of.
#[derive(Debug, Default)]
enum Before {
    /// Nobody has read it yet: it may be any name.
    #[default]
    Unread,
    Read(Box<GoneNames>),
}

impl Gone {
    /// Of a memory that lets go of nothing: whoever made it for a few rows knows all that there is.
    pub fn nothing() -> Self {
        let none = || GoneNames { shards: Vec::new() };
        Gone { lately: none(), before: Before::Read(Box::new(none())) }
    }

    /// Memory lets go of a name.
    pub fn add(&mut self, name: Fingerprint) {
        match &self.before {
            Before::Read(names) if names.may_have(&name) => {}
            Before::Read(_) | Before::Unread => self.lately.add(name),
        }
    }

    /// What was let go of before was read.
    pub fn before(&mut self, names: GoneNames) {
        self.before = Before::Read(Box::new(names));
    }

    /// Whether a name may be one that memory has let go of; if not, it certainly is none.
    pub fn may_have(&self, name: &Fingerprint) -> bool {
        let before = match &self.before {
            Before::Unread => true,
            Before::Read(names) => names.may_have(name),
        };
        before || self.lately.may_have(name)
    }
}

#[cfg(test)]
mod tests {
    use siphasher::sip128::SipHasher13;

    use super::*;

    fn name(number: u32) -> Fingerprint {
        let hash = SipHasher13::new_with_keys(7, 9).hash(&number.to_le_bytes());
        Fingerprint([hash.h1, hash.h2])
    }

    #[test]
    fn what_was_added_is_there_and_hardly_anything_else() {
        let (mut names, many) = (GoneNames::default(), 1_000_000);
        (0..many).for_each(|number| names.add(name(number)));
        assert!((0..many).all(|number| names.may_have(&name(number))));
        let mistaken = (many..2 * many).filter(|number| names.may_have(&name(*number))).count();
        assert!(mistaken < 2_500, "{mistaken} of a million new names");
    }

    #[test]
    fn a_name_takes_four_bytes_at_most() {
        let (mut names, many) = (GoneNames::default(), 1_000_000);
        (0..many).for_each(|number| names.add(name(number)));
        let pieces = names.shards.iter().flatten();
        let bytes: usize = pieces.map(|piece| piece.filter.num_bits() / 8).sum();
        let most = usize::try_from(many).unwrap() * 4;
        assert!(bytes <= most, "{bytes}");
    }

    #[test]
    fn before_anybody_has_read_it_any_name_may_be_gone() {
        let mut gone = Gone::default();
        assert!(gone.may_have(&name(1)));
        gone.add(name(2));
        gone.before(GoneNames::default());
        assert_eq!([1, 2].map(|number| gone.may_have(&name(number))), [false, true]);
    }
}
