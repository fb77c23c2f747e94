//! Where rows are kept: vectors and maps that grow a little at a time.
//!
//! A vector that doubles, or a map that hashes everything anew, holds every answer back for as long as that takes. These
//! grow by pieces, so that ten million rows never cost one request more than a thousand do. Nothing here knows what a row
//! means.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Deserialize, Serialize};

/// Rows a piece.
const PIECE: usize = 1 << 12;

/// Pieces of a map, a power of two.
pub const SHARDS: usize = 1 << 10;

/// A vector in pieces.
#[derive(Debug)]
pub struct Rows<T> {
    pieces: Vec<Vec<T>>,
    length: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Rows { pieces: Vec::new(), length: 0 }
    }
}

impl<T> Rows<T> {
    /// The place that the next row gets. 32 bits number more rows than fit into memory.
    pub fn next(&self) -> u32 {
        u32::try_from(self.length).unwrap_or(u32::MAX)
    }

    /// Adds a row.
    pub fn push(&mut self, row: T) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(row),
            Some(_) | None => {
                // The first piece may stay small: most ledgers do.
                let mut piece = Vec::with_capacity(if self.pieces.is_empty() { 0 } else { PIECE });
                piece.push(row);
                self.pieces.push(piece);
            }
        }
        self.length = self.length.saturating_add(1);
    }

    /// Takes the last row away.
    pub fn pop(&mut self) -> Option<T> {
        let piece = self.pieces.last_mut()?;
        let row = piece.pop();
        if piece.is_empty() {
            self.pieces.pop();
        }
        self.length = self.length.saturating_sub(usize::from(row.is_some()));
        row
    }

    /// The row there.
    pub fn get(&self, place: u32) -> Option<&T> {
        let (piece, within) = split(place);
        self.pieces.get(piece)?.get(within)
    }

    /// The row there, to be changed.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        let (piece, within) = split(place);
        self.pieces.get_mut(piece)?.get_mut(within)
    }

    /// All rows, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flatten()
    }
}

fn split(place: u32) -> (usize, usize) {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    (place.checked_div(PIECE).unwrap_or(0), place.checked_rem(PIECE).unwrap_or(0))
}

/// A name, hashed under a key of this data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub [u64; 2]);

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0[0]);
    }
}

/// Fingerprints are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub struct AsIs(u64);

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

/// A map by name, in pieces.
#[derive(Debug)]
pub struct ByName<T> {
    shards: Vec<HashMap<Fingerprint, T, BuildHasherDefault<AsIs>>>,
}

impl<T> ByName<T> {
    /// A map of so many pieces, a power of two.
    pub fn in_pieces(pieces: usize) -> Self {
        ByName { shards: (0..pieces).map(|_| HashMap::default()).collect() }
    }

    /// Makes room for so many in all, before they come: a map that grows hashes everything anew each time.
    pub fn reserve(&mut self, names: usize) {
        // Shards are not quite of one size.
        let each = names.checked_div(self.shards.len()).unwrap_or(0);
        let each = each.saturating_add(each.checked_div(16).unwrap_or(0));
        for shard in &mut self.shards {
            shard.reserve(each.saturating_sub(shard.len()));
        }
    }

    /// What is there under a name.
    pub fn get(&self, name: &Fingerprint) -> Option<&T> {
        self.shards.get(shard(name, self.shards.len()))?.get(name)
    }

    /// Puts something there; what was there before.
    pub fn insert(&mut self, name: Fingerprint, value: T) -> Option<T> {
        let shard = shard(&name, self.shards.len());
        self.shards.get_mut(shard)?.insert(name, value)
    }

    /// Takes away what is there.
    pub fn remove(&mut self, name: &Fingerprint) -> Option<T> {
        let shard = shard(name, self.shards.len());
        self.shards.get_mut(shard)?.remove(name)
    }

    /// Everything, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Fingerprint, &T)> {
        self.shards.iter().flatten()
    }
}

/// Of so many pieces, a power of two, the second half chooses one; the first one finds the place within it.
pub fn shard(name: &Fingerprint, pieces: usize) -> usize {
    usize::try_from(name.0[1]).unwrap_or(0) & pieces.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_places_over_many_pieces() {
        let mut rows = Rows::default();
        let many = u32::try_from(PIECE).unwrap() * 2 + 3;
        for number in 0..many {
            assert_eq!(rows.next(), number);
            rows.push(number);
        }
        assert!((0..many).all(|number| rows.get(number) == Some(&number)));
        assert_eq!(rows.get(many), None);
        for number in (0..many).rev() {
            assert_eq!(rows.pop(), Some(number));
        }
        assert_eq!((rows.pop(), rows.next()), (None, 0));
    }
}
