//! A backup that was cut short, or damaged on its way: it is told as that, and never as a full disk, or as a journal that a backup would
//! help.

use std::fs;
use std::path::Path;

use super::super::backup::{CopyError, backup, restore};
use super::super::reader::{Reader, Stage};
use super::super::store::FILE;
use super::*;

fn silent(_: Stage, _: u64, _: u64) {}

/// A journal of some pages.
fn some_groups(directory: &Path) {
    let mut journal = Journal::open(directory, Sync::Full).unwrap();
    for _ in 0..8 {
        let group = group(&vec![record(Body::Opened); 200]);
        journal.append(group.records(), group.bytes()).unwrap();
    }
}

/// What is said of a backup that is none.
fn must_be_told_as_a_backup(told: &str, file: &Path, what: &str) {
    assert!(told.starts_with(&format!("{}: is not a whole backup: ", file.display())), "{what}: {told}");
    assert!(told.ends_with("copy it again from where it was made, or take another backup"), "{what}: {told}");
    for untrue in ["disk full", "restore", "ledger.data", ".part"] {
        assert!(!told.contains(untrue), "{what}: {told}");
    }
}

#[test]
fn a_backup_that_is_cut_short_or_damaged_is_told_as_that_wherever_it_is() {
    let [directory, backups, elsewhere] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    some_groups(directory.path());
    let (file, _) = backup(directory.path(), &backups.path().join("monday.backup"), &[], &mut silent).unwrap();
    let whole = fs::read(&file).unwrap();
    let data = elsewhere.path().join("data");
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        let told = restore(&file, &data, &[], &mut silent).unwrap_err().to_string();
        must_be_told_as_a_backup(&told, &file, what);
        assert!(!data.exists(), "{what}");
        let verified = Reader::open(&file).and_then(|reader| reader.verify(&mut silent)).unwrap_err();
        must_be_told_as_a_backup(&CopyError::reading(&file, verified).to_string(), &file, what);
    };
    let page = 4096;
    let cuts =
        (0..whole.len()).step_by(page * 3).chain([1, 99, 100, 511, page - 1, page + 1, whole.len() - page, whole.len() - 1]);
    for keep in cuts {
        refused(&whole[..keep], &format!("{keep} bytes of {}", whole.len()));
    }
    refused(&b"a letter".repeat(500), "another file");
    let engine = env!("CARGO_PKG_VERSION").as_bytes();
    let mut changed = whole.clone();
    let at = whole.windows(engine.len()).rposition(|window| window == engine).unwrap();
    changed[at] ^= 1;
    refused(&changed, "a changed group");
}

#[test]
fn a_journal_that_cannot_be_read_to_be_backed_up_is_named_and_not_its_copy() {
    let [directory, backups] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    some_groups(directory.path());
    let journal = directory.path().join(FILE);
    let whole = fs::read(&journal).unwrap();
    for pages in [2, whole.len() / 4096 / 2, whole.len() / 4096 - 1] {
        fs::write(&journal, &whole[..pages * 4096]).unwrap();
        let told = backup(directory.path(), &backups.path().join("monday.backup"), &[], &mut silent).unwrap_err().to_string();
        assert!(told.starts_with(&journal.display().to_string()) && !told.contains("disk full"), "{pages}: {told}");
        assert!(!told.contains("monday"), "{pages}: {told}");
    }
}
