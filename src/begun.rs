//! Whether a store that a data directory has had is lost: one of SQLite's files that is not there, or has nothing in it, beside the file that
//! says that there was one. Its tables are made before that file is; they may be in its log still, and that may have been left behind.
//!
//! What is in the tables is looked at by nobody here: a log that is lost later is not noticed.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Whether there was one, as `begun` says, and nothing of it is left. What is wrong with one that cannot be read, whoever opens it is told.
#[must_use]
pub fn is_lost(begun: &Path, file: &Path) -> bool {
    begun.exists() && (!file.exists() || has_tables(file) == Ok(false))
}

fn has_tables(file: &Path) -> rusqlite::Result<bool> {
    let connection = Connection::open(file)?;
    // A start waits for this, and a disk that hangs takes no sync: the log stays as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_gone_or_empty_or_lost_its_log_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let [begun, file, copy] = ["x.begun", "x.sqlite", "copy.sqlite"].map(|name| directory.path().join(name));
        let store = Connection::open(&file).unwrap();
        store.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)).unwrap();
        store.execute_batch("CREATE TABLE t (a)").unwrap();
        // As a process that dies leaves it: everything is in the log.
        std::fs::copy(&file, &copy).unwrap();
        assert!(std::fs::metadata(&copy).unwrap().len() > 0);
        assert!(!is_lost(&begun, &copy), "nobody says that there was one");
        std::fs::write(&begun, "").unwrap();
        assert!(!is_lost(&begun, &file) && is_lost(&begun, &copy));
        std::fs::write(&copy, "").unwrap();
        assert!(is_lost(&begun, &copy));
        std::fs::remove_file(&copy).unwrap();
        assert!(is_lost(&begun, &copy));
        std::fs::write(&copy, [7; 4096]).unwrap();
        assert!(!is_lost(&begun, &copy), "what is damaged is not lost");
    }

    /// Writing it back would take a sync, and a start waits for this.
    #[test]
    fn a_log_that_was_left_behind_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let of = |name: &str| directory.path().join(name);
        let store = Connection::open(of("x.sqlite")).unwrap();
        store.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)).unwrap();
        store.execute_batch("CREATE TABLE t (a)").unwrap();
        for (from, to) in [("x.sqlite", "copy.sqlite"), ("x.sqlite-wal", "copy.sqlite-wal")] {
            std::fs::copy(of(from), of(to)).unwrap();
        }
        std::fs::write(of("copy.begun"), "").unwrap();
        let log = std::fs::read(of("copy.sqlite-wal")).unwrap();
        assert!(!log.is_empty() && !is_lost(&of("copy.begun"), &of("copy.sqlite")));
        assert_eq!(std::fs::read(of("copy.sqlite-wal")).unwrap(), log);
    }
}
