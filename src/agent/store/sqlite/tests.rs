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
