//! What a simulated disk has written and not synced, as bytes, and how a crash tears them: in the middle of a record as well as
//! between two.
//!
//! A group is one frame: where it begins, how many records it has, its link of the chain, its bytes. What is read back ends before
//! the first frame that is not whole, as SQLite reads its write-ahead log. Nothing here decides what may be torn.

use std::sync::Arc;

use super::chain::link;
use super::memory::Kept;
use super::rulesets::KeptRuleset;
use super::slips::Slip;

/// The least that a disk writes at once.
const SECTOR: usize = 512;

/// How bytes are torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tear {
    /// So many bytes come before it; counted round, so that any number is a place in them.
    pub after: usize,
    /// What became of the rest.
    pub rest: Rest,
}

/// What became of what was written behind a tear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It is not there.
    Missing,
    /// It is there, but for the sector in which it is torn: disks do not write in order.
    WithoutSector,
}

impl Tear {
    fn tear(self, bytes: &mut Vec<u8>) -> usize {
        let after = self.after.checked_rem(bytes.len()).unwrap_or(0);
        match self.rest {
            Rest::Missing => bytes.truncate(after),
            // Whatever was there before: something else, at any rate, and also where it is torn a second time.
            Rest::WithoutSector => bytes.iter_mut().skip(after).take(SECTOR).for_each(|byte| *byte = byte.wrapping_add(1)),
        }
        after
    }
}

/// Groups that were written and not synced.
#[derive(Debug, Default)]
pub(super) struct Written {
    bytes: Vec<u8>,
    /// What each group brought beside its records; nobody tears that.
    beside: Vec<(Vec<KeptRuleset>, Vec<Arc<Slip>>)>,
}

impl Written {
    /// How many bytes.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes one more.
    pub fn write(&mut self, kept: Kept) {
        let Kept { first, records, chain, body, rulesets, slips } = kept;
        // Writing to memory does not fail.
        self.bytes.extend(postcard::to_allocvec(&(first, records, chain, &*body)).unwrap_or_default());
        self.beside.push((rulesets, slips));
    }

    /// Others come after them.
    pub fn follow_with(&mut self, others: Written) {
        self.bytes.extend(others.bytes);
        self.beside.extend(others.beside);
    }

    /// Tears them; how many bytes come before that.
    pub fn tear(&mut self, tear: Tear) -> usize {
        tear.tear(&mut self.bytes)
    }

    /// Reads what is whole from that joint on; what is not is cut off, and how many bytes that were is said.
    pub fn read(self, (mut next, mut chain): (i64, [u8; 32])) -> (Vec<Kept>, usize) {
        let (mut groups, mut bytes) = (Vec::new(), self.bytes.as_slice());
        let mut beside = self.beside.into_iter();
        while let Ok((frame, rest)) = postcard::take_from_bytes::<(i64, u32, [u8; 32], &[u8])>(bytes) {
            let (first, records, linked, body) = frame;
            if first != next || link(&chain, first, records.into(), body) != linked {
                break;
            }
            let (rulesets, slips) = beside.next().unwrap_or_default();
            let kept = Kept { first, records, chain: linked, body: body.into(), rulesets, slips };
            (next, chain, bytes) = (kept.next(), linked, rest);
            groups.push(kept);
        }
        (groups, bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_torn_twice_in_one_place_is_not_whole_again() {
        let (body, before) = (Box::from([7; 40]), [0; 32]);
        let chain = link(&before, 1, 1, &[7; 40]);
        let mut written = Written::default();
        written.write(Kept { first: 1, records: 1, chain, body, rulesets: Vec::new(), slips: Vec::new() });
        for rest in [Rest::WithoutSector, Rest::WithoutSector] {
            written.tear(Tear { after: 50, rest });
        }
        assert_eq!(written.read((1, before)).0.len(), 0);
    }
}
