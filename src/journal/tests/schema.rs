//! Files of older programs are brought to this schema, and keep what they say.

use std::path::Path;

use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::super::store::FILE;
use super::*;

/// The tables as the first version made them, word for word.
const SCHEMA_1: &str = "BEGIN;
     PRAGMA application_id = 1212566065;
     PRAGMA user_version = 1;
     CREATE TABLE journal (
         first INTEGER PRIMARY KEY,
         records INTEGER NOT NULL,
         chain BLOB NOT NULL,
         body BLOB NOT NULL
     ) STRICT;
     CREATE TABLE ruleset (
         number INTEGER PRIMARY KEY,
         hash BLOB NOT NULL,
         program TEXT NOT NULL,
         source TEXT NOT NULL,
         published_at TEXT NOT NULL,
         published_by TEXT NOT NULL,
         why TEXT NOT NULL
     ) STRICT;
     COMMIT;";

/// A journal as the first version left it: two groups, records 1 to 2 and 3, and a ruleset.
fn old_journal(directory: &Path) {
    let old = Connection::open(directory.join(FILE)).unwrap();
    old.execute_batch(&format!("PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; {SCHEMA_1}")).unwrap();
    let mut chain = [0_u8; 32];
    for (first, records) in [(1_i64, 2_usize), (3, 1)] {
        let group = group(&vec![record(Body::Opened); records]);
        let mut digest = Sha256::new();
        digest.update(chain);
        digest.update(first.to_le_bytes());
        digest.update(group.bytes());
        chain = digest.finalize().into();
        let row = params![first, group.records(), &chain[..], group.bytes()];
        old.execute("INSERT INTO journal (first, records, chain, body) VALUES (?1, ?2, ?3, ?4)", row).unwrap();
    }
    let row = "INSERT INTO ruleset (hash, program, source, published_at, published_by, why)
               VALUES (zeroblob(32), 'a', 'text', '2026-03-14T15:09:26Z', 'ann', 'because')";
    old.execute(row, []).unwrap();
}

fn firsts(log: &dyn Log) -> Result<Vec<i64>, JournalError> {
    let mut firsts = Vec::new();
    let each = &mut |first, _: &[u8]| {
        firsts.push(first);
        Ok(())
    };
    log.read(1, each)?;
    Ok(firsts)
}

#[test]
fn a_journal_of_the_first_schema_is_brought_to_this_one() {
    let directory = tempfile::tempdir().unwrap();
    old_journal(directory.path());
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    let remarks = journal.remarks();
    assert!(
        matches!(&remarks[..], [one] if one.ends_with(&format!("brought from schema 1 to {}", super::super::schema::SCHEMA))),
        "{remarks:?}"
    );
    assert_eq!((journal.next(), firsts(&journal).unwrap()), (4, vec![1, 3]));
    assert_eq!(journal.rulesets("a").unwrap().len(), 1);
    let group = group(&[record(Body::Opened)]);
    journal.append(group.records(), group.bytes()).unwrap();
    drop(journal);
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert_eq!((firsts(&journal).unwrap(), journal.remarks()), (vec![1, 3, 4], vec![]));
}

#[test]
fn an_old_group_is_still_held_to_its_old_link() {
    for (change, place) in [
        ("UPDATE journal SET body = x'0100' WHERE first = 3", 3),
        ("UPDATE journal SET link = 2 WHERE first = 3", 3),
        ("UPDATE journal SET records = 1 WHERE first = 1", 3),
    ] {
        let directory = tempfile::tempdir().unwrap();
        old_journal(directory.path());
        let journal = Journal::open(directory.path(), Sync::Full).unwrap();
        Connection::open(directory.path().join(FILE)).unwrap().execute(change, []).unwrap();
        assert!(matches!(firsts(&journal), Err(JournalError::Broken(_, first)) if first == place), "{change}");
    }
}

#[test]
fn a_new_file_is_as_one_that_has_grown_old() {
    let tables = |directory: &Path| -> Vec<(String, String)> {
        let file = Connection::open(directory.join(FILE)).unwrap();
        let mut statement = file.prepare("SELECT name, type FROM sqlite_schema ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let [old, new] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    old_journal(old.path());
    for directory in [old.path(), new.path()] {
        drop(Journal::open(directory, Sync::Full).unwrap());
    }
    assert_eq!(tables(old.path()), tables(new.path()));
}
