//! What every log does, whoever keeps it: one suite, run on a directory and on a simulated disk.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// Somewhere that outlives the logs that are opened on it.
enum Place {
    Directory(TempDir),
    Memory(MemoryDisk),
}

impl Place {
    fn each() -> [Place; 2] {
        [Place::Directory(tempfile::tempdir().unwrap()), Place::Memory(MemoryDisk::new())]
    }

    fn open(&self) -> Box<dyn Log> {
        match self {
            Place::Directory(directory) => Box::new(Journal::open(directory.path(), Sync::Full).unwrap()),
            Place::Memory(disk) => Box::new(disk.open(Sync::Full).unwrap()),
        }
    }
}

/// Three groups: records 1 to 3, 4, and 5 to 6.
fn append_three_groups(log: &mut dyn Log) {
    for records in [3, 1, 2] {
        let group = group(&vec![record(Body::Opened); records]);
        log.append(group.records(), group.bytes()).unwrap();
        log.tidy();
    }
}

fn read_from(log: &dyn Log, from: i64) -> Vec<(i64, usize)> {
    let mut groups = Vec::new();
    let each = &mut |first, bytes: &[u8]| {
        groups.push((first, Group::open(bytes).unwrap().count()));
        Ok(())
    };
    log.read(from, each).unwrap();
    groups
}

#[test]
fn reading_begins_with_the_group_that_holds_the_record() {
    let all = [(1, 3), (4, 1), (5, 2)];
    for place in Place::each() {
        let mut log = place.open();
        assert_eq!(read_from(&*log, 1), []);
        append_three_groups(&mut *log);
        for (from, groups) in [(0, &all[..]), (1, &all), (2, &all), (3, &all), (4, &all[1..]), (5, &all[2..]), (6, &all[2..])] {
            assert_eq!(read_from(&*log, from), groups, "{} from {from}", log.place().display());
        }
    }
}

#[test]
fn the_end_is_found_again() {
    let mut chains = Vec::new();
    for place in Place::each() {
        let mut log = place.open();
        assert_eq!((log.next(), *log.chain()), (1, [0; 32]));
        append_three_groups(&mut *log);
        let end = (log.next(), *log.chain());
        assert_eq!(end.0, 7);
        log.reopen().unwrap();
        assert_eq!((log.next(), *log.chain()), end);
        drop(log);
        let log = place.open();
        assert_eq!((log.next(), *log.chain()), end);
        chains.push(end.1);
    }
    assert_eq!(chains[0], chains[1], "the same groups have the same chain wherever they are kept");
}

#[test]
fn what_a_reader_says_of_a_group_ends_the_reading() {
    for place in Place::each() {
        let mut log = place.open();
        append_three_groups(&mut *log);
        let mut read = 0;
        let error = log.read(1, &mut |first, _| {
            read += 1;
            if first == 4 { Err(JournalError::Foreign(PathBuf::from("mine"))) } else { Ok(()) }
        });
        assert!(matches!(error, Err(JournalError::Foreign(_))), "{error:?}");
        assert_eq!(read, 2);
    }
}

#[test]
fn rulesets_are_kept_in_order() {
    let ruleset = |program: &str, hash| KeptRuleset {
        kind: KeptKind::Rules,
        hash: [hash; 32],
        program: program.to_owned(),
        source: format!("# {hash}"),
        published_at: Timestamp::from_unix_micros(1_773_500_966_535_897),
        published_by: "operator".to_owned(),
        why: "trial".to_owned(),
    };
    for place in Place::each() {
        let mut log = place.open();
        // The same one may be published again: a rollback.
        for (program, hash) in [("a", 1), ("b", 9), ("a", 2), ("a", 1)] {
            log.keep_ruleset(ruleset(program, hash));
            let group = group(&[record(Body::RulesPublished)]);
            log.append(group.records(), group.bytes()).unwrap();
        }
        // Without its group it was never published.
        log.keep_ruleset(ruleset("a", 3));
        drop(log);
        let log = place.open();
        assert_eq!(log.rulesets("a").unwrap(), [1, 2, 1].map(|hash| ruleset("a", hash)));
        assert_eq!(log.rulesets("c").unwrap(), []);
    }
}
