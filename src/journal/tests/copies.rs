//! A journal is proven beside its writer, copied while it grows, and made again from the copy.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::super::backup::{CopyError, backup, restore};
use super::super::store::FILE;
use super::*;

fn append(journal: &mut Journal, records: usize) {
    let group = group(&vec![record(Body::Opened); records]);
    journal.append(group.records(), group.bytes()).unwrap();
}

/// Three groups: records 1 to 3, 4, and 5 to 6; and a ruleset.
fn three_groups(directory: &Path) -> Journal {
    let mut journal = Journal::open(directory, Sync::Full).unwrap();
    journal.keep_ruleset(ruleset());
    for records in [3, 1, 2] {
        append(&mut journal, records);
    }
    journal
}

fn ruleset() -> KeptRuleset {
    KeptRuleset {
        kind: KeptKind::Rules,
        hash: *RulesetHash::of("# rules").as_bytes(),
        program: "a".to_owned(),
        source: "# rules".to_owned(),
        published_at: Timestamp::from_unix_seconds(1_773_500_966),
        published_by: "ann".to_owned(),
        why: "because".to_owned(),
    }
}

fn verify(place: &Path) -> Result<Verified, JournalError> {
    Reader::open(place)?.verify(&mut |_, _, _| ())
}

fn operator(directory: &Path, sql: &str) {
    assert_eq!(Connection::open(directory.join(FILE)).unwrap().execute(sql, []).unwrap(), 1, "{sql}");
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn silent(_: Stage, _: u64, _: u64) {}

fn back_up(data: &Path, to: &Path) -> Result<(PathBuf, Verified), CopyError> {
    backup(data, to, &[], &mut silent)
}

#[test]
fn a_journal_is_proven_beside_its_writer_and_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let journal = three_groups(directory.path());
    let expected = Verified {
        first: 1,
        last: 6,
        groups: 3,
        engines: [env!("CARGO_PKG_VERSION").to_owned()].into(),
        head: *journal.chain(),
        checkpoint: None,
    };
    assert_eq!(verify(directory.path()).unwrap(), expected);
    drop(journal);
    let bytes = fs::read(directory.path().join(FILE)).unwrap();
    assert_eq!(verify(directory.path()).unwrap(), expected);
    assert_eq!(fs::read(directory.path().join(FILE)).unwrap(), bytes);
    let journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert_eq!((journal.next(), expected.records()), (7, 6));
}

#[test]
fn an_empty_journal_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    drop(Journal::open(directory.path(), Sync::Full).unwrap());
    let verified = verify(directory.path()).unwrap();
    assert_eq!((verified.records(), verified.groups, verified.head), (0, 0, [0; 32]));
}

#[test]
fn a_journal_that_begins_at_a_checkpoint_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    trim(&mut journal, directory.path(), 4).unwrap();
    let verified = verify(directory.path()).unwrap();
    assert_eq!((verified.first, verified.last, verified.groups, verified.records()), (4, 7, 3, 4));
    operator(directory.path(), "UPDATE checkpoint SET state = x'00'");
    assert!(matches!(verify(directory.path()), Err(JournalError::Broken(_, 4))));
}

#[test]
fn damage_is_told_with_its_place() {
    for (change, place) in [
        ("UPDATE journal SET body = x'0100' WHERE first = 1", 1),
        ("UPDATE journal SET records = 2 WHERE first = 4", 4),
        ("DELETE FROM journal WHERE first = 4", 5),
        ("UPDATE journal SET body = x'01' WHERE first = 5", 5),
    ] {
        let directory = tempfile::tempdir().unwrap();
        drop(three_groups(directory.path()));
        operator(directory.path(), change);
        let error = verify(directory.path()).unwrap_err();
        assert!(matches!(error, JournalError::Broken(_, first) if first == place), "{change}: {error}");
    }
    let directory = tempfile::tempdir().unwrap();
    drop(three_groups(directory.path()));
    operator(directory.path(), "DELETE FROM journal WHERE first = 5");
    let error = verify(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::EndsEarly { last: 4, synced: 6, .. }), "{error}");
}

#[test]
fn a_row_that_does_not_count_its_records_is_told_though_the_chain_agrees() {
    for records in [1_i64, 3] {
        let directory = tempfile::tempdir().unwrap();
        let journal = three_groups(directory.path());
        let group = group(&vec![record(Body::Opened); 2]);
        let chain = link(journal.chain(), 7, records, group.bytes());
        let sql = "INSERT INTO journal (first, records, chain, link, body) VALUES (7, ?1, ?2, 2, ?3)";
        let operator = Connection::open(directory.path().join(FILE)).unwrap();
        operator.execute(sql, params![records, &chain[..], group.bytes()]).unwrap();
        assert!(matches!(verify(directory.path()), Err(JournalError::Broken(..))), "{records}");
    }
}

/// A group that takes a mebibyte.
fn large_group() -> GroupWriter {
    let body = Body::Kept { digest: [1; 32], problem: "large".to_owned(), redacted: "x".repeat(1 << 20) };
    group(&[record(body)])
}

#[test]
fn a_backup_holds_one_state_while_the_writer_goes_on() {
    let [directory, backups] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut journal = three_groups(directory.path());
    for _ in 0..20 {
        let group = large_group();
        journal.append(group.records(), group.bytes()).unwrap();
    }
    let head = *journal.chain();
    let mut appended = 0;
    let mut progress = |step, done, all| {
        assert!(done <= all);
        if step == Stage::Copying {
            // The writer is not held up by the copy.
            append(&mut journal, 1);
            journal.tidy();
            appended += 1;
            assert!(appended < 50, "the copy begins again with every append");
        }
    };
    let (file, verified) = backup(directory.path(), backups.path(), &[], &mut progress).unwrap();
    assert!(appended > 1, "the copy takes several steps");
    assert_eq!((verified.last, verified.head), (26, head), "as it was when the copy began");
    assert_eq!(names(backups.path()), ["holdfast-26.backup"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(verify(&file).unwrap(), verified);
    assert_eq!(verify(directory.path()).unwrap().last, 26 + appended);
}

#[test]
fn what_was_backed_up_is_restored() {
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let journal = three_groups(directory.path());
    let file = elsewhere.path().join("monday");
    let (_, backed_up) = back_up(directory.path(), &file).unwrap();
    let data = elsewhere.path().join("deep/data");
    // Twice: the second time from the directory that was restored, in use.
    for (from, data) in [(file, data.clone()), (data, elsewhere.path().join("again"))] {
        assert_eq!(restore(&from, &data, &[], &mut silent).unwrap().journal, backed_up);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
        let mut restored = Journal::open(&data, Sync::Full).unwrap();
        assert_eq!((restored.next(), *restored.chain(), restored.remarks()), (7, *journal.chain(), vec![]));
        assert_eq!(restored.rulesets("a").unwrap(), [ruleset()]);
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'backup'";
        assert_eq!(restored.connection.query_row(tables, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
}

#[test]
fn a_restored_directory_that_loses_its_end_is_refused() {
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    drop(three_groups(directory.path()));
    let (file, _) = back_up(directory.path(), elsewhere.path()).unwrap();
    let data = elsewhere.path().join("data");
    restore(&file, &data, &[], &mut silent).unwrap();
    operator(&data, "DELETE FROM journal WHERE first = 5");
    assert!(matches!(Journal::open(&data, Sync::Full), Err(JournalError::EndsEarly { last: 4, synced: 6, .. })));
}

#[test]
fn nothing_is_overwritten() {
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    drop(three_groups(directory.path()));
    let file = elsewhere.path().join("monday");
    back_up(directory.path(), &file).unwrap();
    let bytes = fs::read(&file).unwrap();
    assert!(matches!(back_up(directory.path(), &file), Err(CopyError::Exists(_))));
    assert_eq!(fs::read(&file).unwrap(), bytes);
    let unfinished = elsewhere.path().join("tuesday.part");
    fs::write(&unfinished, "another backup").unwrap();
    assert!(matches!(back_up(directory.path(), &elsewhere.path().join("tuesday")), Err(CopyError::Exists(_))));
    assert_eq!(fs::read_to_string(&unfinished).unwrap(), "another backup");

    let error = restore(&file, elsewhere.path(), &[], &mut silent);
    assert!(matches!(error, Err(CopyError::NotEmpty(_))));
    assert_eq!(names(elsewhere.path()), ["monday", "tuesday.part"]);
}

#[test]
fn a_damaged_journal_is_not_backed_up() {
    for change in ["UPDATE journal SET body = x'0100' WHERE first = 1", "DELETE FROM journal WHERE first = 5"] {
        let [directory, backups] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        drop(three_groups(directory.path()));
        operator(directory.path(), change);
        let Err(CopyError::Journal(error)) = back_up(directory.path(), backups.path()) else { panic!("{change}") };
        assert!(error.to_string().contains(&directory.path().join(FILE).display().to_string()), "{error}");
        assert_eq!(names(backups.path()), [""; 0], "{change}");
    }
}

#[test]
fn a_damaged_backup_is_not_restored() {
    type Damage = fn(&Path);
    let sql = |path: &Path, sql: &str| assert_eq!(Connection::open(path).unwrap().execute(sql, []).unwrap(), 1);
    let damages: [(&str, Damage); 4] = [
        ("not a journal", |path| fs::write(path, "a letter".repeat(500)).unwrap()),
        ("cut short", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, bytes.split_at(bytes.len() / 2).0).unwrap();
        }),
        ("a changed group", |path| {
            let bytes = fs::read(path).unwrap();
            let mut changed = bytes.clone();
            let engine = env!("CARGO_PKG_VERSION").as_bytes();
            let at = bytes.windows(engine.len()).rposition(|window| window == engine).unwrap();
            changed[at] = b'9';
            fs::write(path, changed).unwrap();
        }),
        ("emptied", |path| fs::write(path, "").unwrap()),
    ];
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    drop(three_groups(directory.path()));
    let (file, _) = back_up(directory.path(), elsewhere.path()).unwrap();
    let whole = fs::read(&file).unwrap();
    let data = elsewhere.path().join("of/several/levels");
    for (name, damage) in damages {
        fs::write(&file, &whole).unwrap();
        damage(&file);
        assert!(restore(&file, &data, &[], &mut silent).is_err(), "{name}");
        assert!(!elsewhere.path().join("of").exists(), "{name}: it was not there");
    }
    fs::write(&file, &whole).unwrap();
    sql(&file, "DELETE FROM journal WHERE first = 5");
    let error = restore(&file, &data, &[], &mut silent).unwrap_err();
    assert!(matches!(error, CopyError::NotWhole(_, JournalError::EndsEarly { last: 4, synced: 6, .. })), "{error}");
    fs::write(&file, &whole).unwrap();
    restore(&file, &data, &[], &mut silent).unwrap();
}

/// Turns a bit of what the journal's page says about where it has room: every record is whole, and the next one is not.
fn turn_a_bit_of_the_page(file: &Path) {
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'";
    let connection = Connection::open(file).unwrap();
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize;
    let (page, size) = (number(sql), number("PRAGMA page_size"));
    drop(connection);
    let mut bytes = fs::read(file).unwrap();
    bytes[page.saturating_sub(1).saturating_mul(size).saturating_add(5)] ^= 0x20;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_page_that_would_have_records_written_over_is_found_wherever_a_journal_is_proven() {
    let [directory, backups, elsewhere] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    drop(three_groups(directory.path()));
    let (backup, _) = back_up(directory.path(), backups.path()).unwrap();
    turn_a_bit_of_the_page(&backup);
    let is_found = |error: CopyError| error.to_string().contains("its pages are damaged (");
    assert!(is_found(restore(&backup, &elsewhere.path().join("data"), &[], &mut silent).unwrap_err()));
    turn_a_bit_of_the_page(&directory.path().join(FILE));
    assert!(matches!(verify(directory.path()), Err(JournalError::Pages(..))));
    assert!(is_found(back_up(directory.path(), elsewhere.path()).unwrap_err()));
    let tail = Tail::open(directory.path()).unwrap();
    tail.prove(6).unwrap();
    assert!(matches!(tail.prove_pages(), Err(JournalError::Pages(..))), "no start goes on behind it");
}

/// A file beside the journal, in a backup, and restored: what is told of it.
#[test]
fn what_lies_beside_a_journal_is_proven_or_not_restored() {
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    drop(three_groups(directory.path()));
    let store = Connection::open(directory.path().join("store")).unwrap();
    store.execute_batch("CREATE TABLE kept (word TEXT); INSERT INTO kept VALUES ('a word')").unwrap();
    let (file, _) = backup(directory.path(), elsewhere.path(), &["store"], &mut silent).unwrap();
    let whole = fs::read(&file).unwrap();
    let restored_as = |name: &str| restore(&file, &elsewhere.path().join(name), &["store"], &mut silent);
    assert_eq!(restored_as("proven").unwrap().unproven, [""; 0]);
    for damage in [
        "UPDATE beside SET bytes = CAST(substr(bytes, 1, 100) || zeroblob(length(bytes) - 100) AS BLOB)",
        "UPDATE beside SET parts = 2",
        "UPDATE beside SET part = 1",
        "UPDATE beside SET name = 'stare'",
        "DELETE FROM beside WHERE name = 'store'",
    ] {
        assert_eq!(Connection::open(&file).unwrap().execute(damage, []).unwrap(), 1);
        let refused = restored_as("damaged").unwrap_err();
        assert!(matches!(refused, CopyError::NotWhole(_, JournalError::PieceDamaged { .. })), "{damage}: {refused}");
        assert!(!elsewhere.path().join("damaged").exists(), "{damage}");
        fs::write(&file, &whole).unwrap();
    }
    Connection::open(&file).unwrap().execute_batch("DROP TABLE beside").unwrap();
    let refused = restored_as("damaged").unwrap_err();
    assert!(
        refused.to_string().contains("what it has of the stores beside the journal (table `beside`) is not what"),
        "{refused}"
    );
    assert!(!elsewhere.path().join("damaged").exists());
    fs::write(&file, &whole).unwrap();
    // What was not there is not missed.
    let (file_of_two, _) = backup(directory.path(), &elsewhere.path().join("two"), &["store", "none"], &mut silent).unwrap();
    let of_two = restore(&file_of_two, &elsewhere.path().join("of-two"), &["store", "none"], &mut silent).unwrap();
    assert_eq!((of_two.unproven, elsewhere.path().join("of-two/none").exists()), (Vec::<String>::new(), false));
    // As an older version made it.
    let older = Connection::open(&file).unwrap();
    older.execute_batch("ALTER TABLE beside DROP COLUMN parts; ALTER TABLE beside DROP COLUMN digest").unwrap();
    drop(older);
    assert_eq!(restored_as("older").unwrap().unproven, ["store"]);
    let word = |name: &str| {
        let store = Connection::open(elsewhere.path().join(name).join("store")).unwrap();
        store.query_row("SELECT word FROM kept", [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!((word("proven"), word("older")), ("a word".to_owned(), "a word".to_owned()));
}

/// What people wrote is in no record, so that it can be erased: no chain covers it.
#[test]
fn what_no_chain_covers_is_proven_in_a_backup() {
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut journal = three_groups(directory.path());
    let operation = |key: &str| Operation {
        program: "a".to_owned(),
        key: key.to_owned(),
        request: [1; 32],
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: Timestamp::from_unix_seconds(1_773_500_966),
    };
    for key in ["1", "2"] {
        assert_eq!(journal.note(&operation(key)).unwrap(), Noted::New);
    }
    append(&mut journal, 1);
    drop(journal);
    let (file, _) = back_up(directory.path(), elsewhere.path()).unwrap();
    let whole = fs::read(&file).unwrap();
    let data = elsewhere.path().join("data");
    for (damage, table) in [
        ("UPDATE operation SET who = 'bob' WHERE key = '1'", "operation"),
        ("DELETE FROM operation WHERE key = '2'", "operation"),
        ("UPDATE ruleset SET why = 'for fun'", "ruleset"),
        ("UPDATE backup SET proofs = 'operation 00'", "operation"),
    ] {
        assert_eq!(Connection::open(&file).unwrap().execute(damage, []).unwrap(), 1);
        for refused in [restore(&file, &data, &[], &mut silent).unwrap_err(), verify(&file).unwrap_err().into()] {
            let told = refused.to_string();
            assert!(told.contains(&format!("what it has of the table `{table}` is not what was backed up")), "{damage}: {told}");
        }
        assert!(!data.exists(), "{damage}");
        fs::write(&file, &whole).unwrap();
    }
    restore(&file, &data, &[], &mut silent).unwrap();
    // An older version's has nothing that proves them.
    Connection::open(&file)
        .unwrap()
        .execute_batch("ALTER TABLE backup DROP COLUMN proofs; UPDATE operation SET who = 'bob'")
        .unwrap();
    restore(&file, &elsewhere.path().join("older"), &[], &mut silent).unwrap();
}

/// What was done counts without a reason that can be read.
#[test]
fn what_somebody_wrote_is_read_with_its_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    let operation = Operation {
        program: "a".to_owned(),
        key: "1".to_owned(),
        request: [1; 32],
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: Timestamp::from_unix_seconds(1_773_500_966),
    };
    assert_eq!(journal.note(&operation).unwrap(), Noted::New);
    let damage = "UPDATE operation SET why = CAST(x'ff656361757365' AS TEXT)";
    assert_eq!(Connection::open(directory.path().join(FILE)).unwrap().execute(damage, []).unwrap(), 1);
    assert_eq!(journal.noted(&operation.id()).unwrap(), Some(operation.at));
    assert_eq!(journal.note(&operation).unwrap(), Noted::Again(operation.at));
    let read = Reader::open(directory.path()).unwrap().operation(&operation.id()).unwrap().unwrap();
    assert_eq!((read.who.as_str(), read.why.as_str()), ("ann", "\u{fffd}ecause"));
}

#[test]
fn a_backup_carries_what_stands_for_dropped_records() {
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut journal = three_groups(directory.path());
    let checkpoint = trim(&mut journal, directory.path(), 5).unwrap();
    let (file, backed_up) = back_up(directory.path(), &elsewhere.path().join("monday")).unwrap();
    assert_eq!((backed_up.first, &backed_up.checkpoint), (5, &Some(checkpoint.clone())));
    let data = elsewhere.path().join("data");
    // Twice: the second time from the directory that was restored.
    for (from, data) in [(file.clone(), data.clone()), (data, elsewhere.path().join("again"))] {
        assert_eq!(restore(&from, &data, &[], &mut silent).unwrap().journal, backed_up);
        checkpoint.prove_state(&data).unwrap();
        assert_eq!(verify(&data).unwrap(), backed_up);
        let restored = Journal::open(&data, Sync::Full).unwrap();
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'checkpoint_state'";
        assert_eq!(restored.connection.query_row(tables, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
    Connection::open(&file).unwrap().execute("UPDATE checkpoint_state SET bytes = x'00'", []).unwrap();
    let last = elsewhere.path().join("last");
    let refused = restore(&file, &last, &[], &mut silent).unwrap_err();
    assert!(matches!(refused, CopyError::NotWhole(_, JournalError::StateChanged { record: 5, .. })), "{refused}");
    assert!(!last.exists());
    fs::remove_file(state_file::path_of(directory.path(), 5)).unwrap();
    let refused = back_up(directory.path(), &elsewhere.path().join("tuesday")).unwrap_err();
    assert!(matches!(refused, CopyError::Journal(JournalError::StateMissing { record: 5, .. })), "{refused}");
}

/// Records name a ruleset by its hash: nothing is proven, copied or restored with another text under it.
#[test]
fn a_ruleset_that_was_changed_is_found_wherever_a_journal_is_proven() {
    let [directory, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    drop(three_groups(directory.path()));
    let (file, _) = back_up(directory.path(), elsewhere.path()).unwrap();
    let change = |file: &Path| Connection::open(file).unwrap().execute("UPDATE ruleset SET source = '# other'", []).unwrap();
    assert_eq!(change(&directory.path().join(FILE)), 1);
    let refused = verify(directory.path()).unwrap_err();
    assert!(matches!(refused, JournalError::RulesetChanged { .. }), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("journal.sqlite: table `ruleset`: the text of rules ") && told.contains(" of program `a`"), "{told}");
    // As SQLite leaves it where a copy is given up in the middle.
    let beside = elsewhere.path().join("second.part-shm");
    fs::write(&beside, "").unwrap();
    assert!(back_up(directory.path(), &elsewhere.path().join("second")).is_err());
    assert!(!beside.exists());
    assert_eq!(change(&file), 1);
    assert!(restore(&file, &elsewhere.path().join("data"), &[], &mut silent).is_err());
    assert!(!elsewhere.path().join("data").join(FILE).exists());
}
