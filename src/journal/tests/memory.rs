//! The simulated disk fails as it is told to, and no further.

use super::*;

fn append(log: &mut dyn Log, records: usize) -> Result<(), JournalError> {
    let group = group(&vec![record(Body::Opened); records]);
    log.append(group.records(), group.bytes())
}

fn firsts(log: &dyn Log) -> Vec<i64> {
    let mut firsts = Vec::new();
    let each = &mut |first, _: &[u8]| {
        firsts.push(first);
        Ok(())
    };
    log.read(1, each).unwrap();
    firsts
}

#[test]
fn an_append_that_was_not_written_leaves_no_trace() {
    let disk = MemoryDisk::new();
    let mut log = disk.open(Sync::Full).unwrap();
    disk.plan([Fault::None, Fault::NotWritten]);
    append(&mut log, 2).unwrap();
    assert!(matches!(append(&mut log, 1), Err(JournalError::Simulated(_))));
    assert_eq!((log.next(), firsts(&log)), (3, vec![1]));
    log.reopen().unwrap();
    append(&mut log, 1).unwrap();
    assert_eq!((log.next(), firsts(&log)), (4, vec![1, 3]));
}

#[test]
fn an_append_in_doubt_is_found_by_reopening_and_only_so() {
    let disk = MemoryDisk::new();
    let mut log = disk.open(Sync::Full).unwrap();
    disk.plan([Fault::InDoubt]);
    assert!(append(&mut log, 2).is_err());
    assert_eq!(log.next(), 1);
    assert!(append(&mut log, 1).is_err(), "its place is taken");
    log.reopen().unwrap();
    assert_eq!((log.next(), firsts(&log)), (3, vec![1]));
    append(&mut log, 1).unwrap();
    assert_eq!(firsts(&log), [1, 3]);
}

#[test]
fn a_crash_may_take_what_was_never_acknowledged() {
    for (crash, left) in [(Crash::KeepsAll, vec![1, 3]), (Crash::LosesUnsynced, vec![1]), (Crash::LosesLastGroup, vec![1])] {
        let disk = MemoryDisk::new();
        let mut log = disk.open(Sync::Full).unwrap();
        append(&mut log, 2).unwrap();
        disk.plan([Fault::InDoubt]);
        assert!(append(&mut log, 1).is_err());
        disk.crash(crash);
        assert!(append(&mut log, 1).is_err(), "{crash:?}: the old process is gone");
        let log = disk.open(Sync::Full).unwrap();
        assert_eq!(firsts(&log), left, "{crash:?}");
    }
}

/// Every way to tear something at every byte of it.
fn tears(bytes: usize) -> impl Iterator<Item = Tear> {
    (0..bytes).flat_map(|after| [Rest::Missing, Rest::WithoutSector].map(|rest| Tear { after, rest }))
}

#[test]
fn a_group_of_which_a_part_was_written_is_not_there() {
    for tear in tears(120) {
        let disk = MemoryDisk::new();
        let mut log = disk.open(Sync::Full).unwrap();
        append(&mut log, 1).unwrap();
        disk.plan([Fault::Torn(tear)]);
        assert!(append(&mut log, 2).is_err());
        // Nothing at all of it is as if it had not been written.
        if tear.rest == Rest::WithoutSector {
            assert!(append(&mut log, 1).is_err(), "{tear:?}: something is in its place");
        }
        log.reopen().unwrap();
        assert_eq!((log.next(), firsts(&log)), (2, vec![1]), "{tear:?}");
        append(&mut log, 1).unwrap();
        assert_eq!(firsts(&log), [1, 2], "{tear:?}");
        assert_eq!(disk.crash(Crash::LosesUnsynced), 0);
        assert_eq!(firsts(&disk.open(Sync::Full).unwrap()), [1, 2], "{tear:?}");
    }
}

#[test]
fn a_crash_tears_what_was_not_synced_and_only_that() {
    let mut whole_ones = [0; 3];
    for tear in tears(400) {
        let disk = MemoryDisk::new();
        let mut log = disk.open(Sync::None).unwrap();
        append(&mut log, 2).unwrap();
        disk.sync();
        append(&mut log, 1).unwrap();
        append(&mut log, 3).unwrap();
        let whole = disk.crash(Crash::Tears(tear));
        whole_ones[whole] += 1;
        let mut log = disk.open(Sync::Full).unwrap();
        let expected = [1, 3].into_iter().take(1 + whole).collect::<Vec<_>>();
        assert_eq!(firsts(&log), expected, "{tear:?}");
        append(&mut log, 1).unwrap();
        assert_eq!(firsts(&log).len(), 2 + whole, "{tear:?}");
    }
    assert!(whole_ones[0] > 0 && whole_ones[1] > 0 && whole_ones[2] == 0, "{whole_ones:?}");
}

#[test]
fn what_was_not_synced_goes_with_the_power() {
    let disk = MemoryDisk::new();
    let mut log = disk.open(Sync::None).unwrap();
    append(&mut log, 2).unwrap();
    disk.sync();
    append(&mut log, 1).unwrap();
    append(&mut log, 1).unwrap();
    disk.crash(Crash::LosesUnsynced);
    let log = disk.open(Sync::None).unwrap();
    assert_eq!((log.next(), firsts(&log)), (3, vec![1]));
}

#[test]
fn a_disk_that_lied_is_refused_with_both_numbers() {
    let disk = MemoryDisk::new();
    let mut log = disk.open(Sync::Full).unwrap();
    append(&mut log, 2).unwrap();
    append(&mut log, 1).unwrap();
    disk.crash(Crash::LosesLastGroup);
    let error = disk.open(Sync::Full).unwrap_err();
    assert!(matches!(error, JournalError::EndsEarly { last: 2, synced: 3, .. }), "{error}");
}

#[test]
fn reopening_fails_as_often_as_it_is_told_to() {
    let disk = MemoryDisk::new();
    let mut log = disk.open(Sync::Full).unwrap();
    append(&mut log, 1).unwrap();
    disk.fail_reopens(2);
    assert!(log.reopen().is_err());
    assert!(log.reopen().is_err());
    log.reopen().unwrap();
    assert_eq!(log.next(), 2);
}
