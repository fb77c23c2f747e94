//! The embedded store before the laws of all stores; and what is gone from its file.

use std::sync::Arc;

use futures_executor::block_on;
use holdfast_core::Timestamp;

use super::super::conformance::{Heard, Premises, conforms, put, row, text};
use super::super::{Expect, Shared};
use super::*;

/// A data directory.
struct OnSqlite(tempfile::TempDir);

impl Premises for OnSqlite {
    fn open(&self) -> (Shared, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        (Arc::new(SqliteStore::open(self.0.path(), Arc::<Heard>::clone(&heard), |_| {}).unwrap()), heard)
    }
}

conforms!(Some(OnSqlite(tempfile::tempdir().unwrap())));

#[test]
fn an_erased_text_is_not_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let premises = OnSqlite(directory);
    let (store, _) = premises.open();
    let texts = vec![text("t1", "mem_1", 10), text("t2", "mem_2", 10), text("t3", "", 5)];
    block_on(store.commit(Commit { texts, ..put(row("a", 1), Expect::New, &[], &[]) })).unwrap();
    assert_eq!(block_on(store.erase(Erase::Person("mem_1".to_owned()))), Ok(1));
    assert_eq!(block_on(store.erase(Erase::Before(Timestamp::from_unix_seconds(6)))), Ok(1));
    for file in std::fs::read_dir(path).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let found = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!found("sealed-text-of-t1") && !found("sealed-text-of-t3"));
    }
}

#[test]
fn a_store_that_is_lost_is_not_begun_anew_unnoticed() {
    let directory = tempfile::tempdir().unwrap();
    let open =
        || SqliteStore::open(directory.path(), Arc::new(Heard::default()), |_| {}).map(drop).map_err(|error| error.to_string());
    assert_eq!((open(), open()), (Ok(()), Ok(())), "the first one, and it again");
    let file = directory.path().join(FILE);
    for lose in [|file: &Path| std::fs::remove_file(file), |file: &Path| std::fs::write(file, "")] {
        lose(&file).unwrap();
        let told = open().unwrap_err();
        for part in [FILE, "is missing or empty, and this data directory had one", "`holdfast restore`", BEGUN] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    std::fs::remove_file(directory.path().join(BEGUN)).unwrap();
    assert_eq!(open(), Ok(()), "somebody has looked at it");
}

#[test]
fn a_store_that_is_damaged_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let open =
        || SqliteStore::open(directory.path(), Arc::new(Heard::default()), |_| {}).map(drop).map_err(|error| error.to_string());
    open().unwrap();
    let file = directory.path().join(FILE);
    let whole = std::fs::read(&file).unwrap();
    for (bytes, told) in [(&whole[..whole.len() / 2], "is damaged ("), (b"another file".repeat(100).as_slice(), "is not a store")]
    {
        std::fs::write(&file, bytes).unwrap();
        let error = open().unwrap_err();
        assert!(error.contains(told) && !error.contains("is its disk full?"), "{error}");
    }
}
