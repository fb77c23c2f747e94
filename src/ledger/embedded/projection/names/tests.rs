//! Names in runs are what a map of them would be, however they were added and merged.

use std::collections::BTreeMap;

use siphasher::sip128::SipHasher13;

use super::*;
use crate::ledger::embedded::projection::schema;

fn name(number: u64) -> Fingerprint {
    let hash = SipHasher13::new_with_keys(7, 9).hash(&number.to_le_bytes());
    Fingerprint([hash.h1, hash.h2])
}

struct Bench {
    _directory: tempfile::TempDir,
    connection: Connection,
    merging: Option<Merging>,
    all: BTreeMap<Fingerprint, Leads>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let connection = schema::open_empty(&directory.path().join("names")).unwrap();
        Bench { _directory: directory, connection, merging: None, all: BTreeMap::new() }
    }

    /// One batch: these numbers' names lead to `to`.
    fn batch(&mut self, numbers: impl IntoIterator<Item = u64>, to: u64) {
        let new: New = numbers.into_iter().map(|number| (name(number), Leads::ToHold(to))).collect();
        let transaction = self.connection.unchecked_transaction().unwrap();
        add(&transaction, &new).unwrap();
        let brought = u64::try_from(new.len()).unwrap();
        self.merging = go_on(&transaction, self.merging.take(), brought).unwrap();
        transaction.commit().unwrap();
        self.all.extend(new);
    }

    fn runs(&self) -> usize {
        run::all(&self.connection).unwrap().len()
    }

    fn pages(&self) -> u32 {
        self.connection.query_row("SELECT count(*) FROM name_page", [], |row| row.get(0)).unwrap()
    }

    /// Everything is found, and by either way of reading; what was never added is not.
    fn agrees(&self) {
        for (name, leads) in &self.all {
            assert_eq!(find(&self.connection, *name).unwrap(), Some(*leads));
        }
        for number in 1_000_000_000..1_000_000_100 {
            assert_eq!(find(&self.connection, name(number)).unwrap(), None);
        }
        let mut read = BTreeMap::new();
        each(&self.connection, |name, leads| {
            read.entry(name).or_insert(leads);
            Ok(())
        })
        .unwrap();
        assert_eq!(read, self.all);
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            after = some_behind(&self.connection, after, 100, |name| names.push(name)).unwrap();
            if after.is_none() {
                break;
            }
        }
        names.sort_unstable();
        names.dedup();
        assert!(names.iter().eq(self.all.keys()));
    }
}

#[test]
fn nothing_leads_anywhere_at_first() {
    Bench::new().agrees();
}

#[test]
fn names_are_found_through_all_mergers_and_the_latest_word_counts() {
    let mut bench = Bench::new();
    for batch in 0..200_u64 {
        let from = batch * 37;
        // Some of them had been said before, and lead elsewhere now.
        bench.batch(from.saturating_sub(11)..from + 37 + batch, batch);
        if batch % 20 == 0 {
            bench.agrees();
        }
    }
    bench.agrees();
    assert!(bench.runs() < 40, "{} runs", bench.runs());
}

#[test]
fn a_merger_goes_piece_by_piece_and_what_an_end_left_of_it_is_thrown_away() {
    let mut bench = Bench::new();
    for batch in 0..8_u64 {
        bench.batch(batch * 20_000..(batch + 1) * 20_000, batch);
    }
    assert!(bench.merging.is_some(), "160,000 names are more than one piece");
    assert_eq!(bench.runs(), 8);
    let with_half_a_run = bench.pages();
    bench.merging = None;
    forget_unfinished(&bench.connection).unwrap();
    assert!(bench.pages() < with_half_a_run);
    for batch in 8..12 {
        bench.batch([batch * 20_000], batch);
    }
    assert!(bench.merging.is_none());
    assert!(bench.runs() < 6, "{} runs", bench.runs());
    bench.agrees();
}
