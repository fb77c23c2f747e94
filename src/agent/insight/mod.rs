//! What was decided under spending authorities: a table that follows the journal, for lists and sums. It says nothing that the journal
//! did not say; its file can be thrown away, and is made again of what the journal still has. What that has dropped since is here alone.

pub mod follow;
pub mod shared;
pub mod table;

use std::fmt;
use std::path::{Path, PathBuf};

use holdfast_core::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::private_file;

/// The file's name in the data directory.
pub const FILE: &str = "insight.sqlite";

/// The number of these tables, in SQLite's `user_version`. A newer file is refused, and one that is much older is made again.
const FORMAT: i32 = 5;

/// The cache, in KiB. Rows that are written together are all over the index of names: pages that do not stay until they are all
/// written are written several times, and read again.
const CACHE_KIB: i32 = 16_384;

/// The numbers of those before, whose rows are kept, each with what it had for the columns that it had not: the journal may have the rows
/// no more. What was approved was what was asked, and there were no several ways.
const BEFORE: [(i32, &str); 2] = [(3, "CASE decision WHEN 'APPROVE' THEN amount ELSE 0 END, NULL"), (4, "approved, NULL")];

/// Takes over what the tables before had. What the journal still has is read again, and better.
fn take_over(columns: &str) -> String {
    format!(
        "INSERT INTO decided SELECT record, at, took, environment, organization, processor, authority, policy, binding, intent, request,
             platform, door, mode, moves, amount, {columns}, currency, mcc, decision, reason, would, '' FROM before;
         DROP TABLE before;"
    )
}

const TABLES: &str = "
CREATE TABLE decided (
    record INTEGER PRIMARY KEY,     -- of the journal
    at INTEGER NOT NULL,            -- when the question arrived, microseconds since 1970-01-01T00:00:00Z
    took INTEGER,                   -- until the ledger had it, microseconds; none where it was told without the ledger
    environment INTEGER NOT NULL,   -- 0 sandbox, 1 production
    organization TEXT NOT NULL,     -- the enterprise; empty if the question led to none
    processor TEXT NOT NULL,        -- who asked at /v1/authorize; empty for the card's own platform
    authority TEXT NOT NULL,
    policy TEXT NOT NULL,
    binding TEXT NOT NULL,
    intent TEXT NOT NULL,
    request TEXT NOT NULL,          -- its name in answers
    platform TEXT NOT NULL,
    door TEXT NOT NULL,
    mode TEXT NOT NULL,
    moves INTEGER NOT NULL,         -- 0: recorded only, another door moves the money
    amount INTEGER NOT NULL,        -- what was asked
    approved INTEGER NOT NULL,      -- what of it was approved; 0 where it was declined
    way INTEGER,                    -- of several ways the one that was taken, from 1; none where there are not several
    currency TEXT NOT NULL,
    mcc TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,           -- reason_code
    would TEXT NOT NULL,            -- reason_code that enforce would have declined with; empty if it would not
    correlation TEXT NOT NULL       -- what is kept of the processor's correlation id; empty if it sent none
) STRICT;
CREATE INDEX decided_of_organization ON decided (organization, environment, record);
CREATE INDEX decided_of_processor ON decided (processor, environment, record) WHERE processor <> '';
CREATE INDEX decided_request ON decided (request);
CREATE INDEX decided_correlation ON decided (correlation) WHERE correlation <> '';
CREATE TABLE followed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next INTEGER NOT NULL,          -- the record that comes next, of a journal that is a file
    finished TEXT                   -- which transactions were finished, in the words of a shared ledger's database
) STRICT;
INSERT INTO followed VALUES (1, 0, NULL);
";

/// Why the table cannot be read or written.
#[derive(Debug)]
pub struct InsightError {
    path: PathBuf,
    problem: String,
    cure: Cure,
}

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// The file is made again, if it is what is wrong.
    Another,
    /// Only room on its disk: it goes on by itself then.
    Room,
}

impl InsightError {
    fn new(path: PathBuf, problem: String) -> Self {
        InsightError { path, problem, cure: Cure::Another }
    }

    /// Nobody reads any more: the process ends.
    #[must_use]
    pub fn of_the_end() -> Self {
        InsightError::new(PathBuf::from(FILE), "the process ends".to_owned())
    }
}

impl fmt::Display for InsightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)?;
        if self.cure == Cure::Room {
            return f.write_str("; make room on its disk: it goes on by itself then, and nothing is lost");
        }
        // What it is made from is nothing to take away.
        if self.path.file_name().is_some_and(|name| name == FILE) {
            f.write_str(
                "; stop the server and put it aside to have it made again, as far back as the journal goes: decisions whose records were \
                 dropped, and their months in /v1/usage, are in this file alone",
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for InsightError {}

/// The table, open.
#[derive(Debug)]
pub struct Insight {
    path: PathBuf,
    connection: Connection,
}

/// What was decided, as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The journal's record.
    pub record: i64,
    /// When the question arrived.
    pub at: Timestamp,
    /// Until the ledger had it, in microseconds; nothing where it was told without the ledger, which heard of it at some time.
    pub took_micros: Option<i64>,
    /// 0 sandbox, 1 production.
    pub environment: i64,
    /// The texts, in the order of the table from `organization` to `mode`.
    pub names: [String; 10],
    /// Whether it moved anything.
    pub moves: bool,
    /// How much was asked, in minor units.
    pub amount: i64,
    /// How much of it was approved.
    pub approved: i64,
    /// Of several ways the one that was taken, from 1.
    pub way: Option<u8>,
    /// `currency`, `mcc`, `decision`, `reason`, `would`, `correlation`.
    pub words: [String; 6],
    /// What becomes of rows of the same question.
    pub earlier: Earlier,
}

/// What becomes of a question's rows that are there when another one of it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// There are none.
    None,
    /// What the ledger had for it nobody heard, or it could not be booked then: this one counts.
    Replaced,
}

/// Where a question's name is among the names of a row.
const REQUEST: usize = 6;

impl Insight {
    /// Opens, or makes, the table of a data directory.
    ///
    /// # Errors
    /// The disk.
    pub fn open(data: &Path) -> Result<Self, InsightError> {
        let path = data.join(FILE);
        let wrong = |problem: String| InsightError::new(path.clone(), problem);
        private_file::make(&path).map_err(|error| wrong(error.to_string()))?;
        let connection = connect(&path).map_err(|error| wrong(error.to_string()))?;
        bring_here(&connection).map_err(|error| wrong(error.to_string()))?.map_err(wrong)?;
        Ok(Insight { path, connection })
    }

    fn done<T>(&self, done: rusqlite::Result<T>) -> Result<T, InsightError> {
        done.map_err(|error| {
            let cure = if error.sqlite_error_code() == Some(ErrorCode::DiskFull) { Cure::Room } else { Cure::Another };
            InsightError { cure, ..InsightError::new(self.path.clone(), error.to_string()) }
        })
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    // It can be made again: a crash may cost its last rows, and they are read once more.
    connection
        .execute_batch(&format!("PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -{CACHE_KIB}"))?;
    Ok(connection)
}

/// Makes the tables, and makes older ones anew, with the rows of those before. A newer program's are left as they are.
fn bring_here(connection: &Connection) -> rusqlite::Result<Result<(), String>> {
    let format: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if format > FORMAT {
        let newer = format!("was written by a newer Holdfast (format {format}, this one reads up to {FORMAT}); start that one");
        return Ok(Err(newer));
    }
    if format < FORMAT {
        let transaction = connection.unchecked_transaction()?;
        let before = BEFORE.into_iter().find(|(number, _)| *number == format);
        if before.is_some() {
            transaction.execute_batch("CREATE TABLE before AS SELECT * FROM decided")?;
        }
        transaction.execute_batch("DROP TABLE IF EXISTS decided; DROP TABLE IF EXISTS followed")?;
        transaction.execute_batch(TABLES)?;
        if let Some((_, columns)) = before {
            transaction.execute_batch(&take_over(columns))?;
        }
        transaction.execute_batch(&format!("PRAGMA user_version = {FORMAT}"))?;
        transaction.commit()?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_file_is_made_anew_and_a_newer_one_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let change = |sql: &str| Connection::open(directory.path().join(FILE)).unwrap().execute_batch(sql).unwrap();
        drop(Insight::open(directory.path()).unwrap());
        change(&format!("CREATE TABLE of_theirs (x); PRAGMA user_version = {}", FORMAT + 1));
        let refused = Insight::open(directory.path()).err().unwrap().to_string();
        assert!(refused.contains("insight.sqlite: was written by a newer Holdfast"), "{refused}");
        change(&format!("INSERT INTO of_theirs VALUES (1); PRAGMA user_version = {}", BEFORE[0].0 - 1));
        Insight::open(directory.path()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn the_rows_of_the_tables_before_are_kept_for_the_journal_may_have_them_no_more() {
        for (format, lacks, approved) in
            [(3, &["approved", "way", "correlation"][..], ""), (4, &["way", "correlation"][..], "70, ")]
        {
            kept_of(format, lacks, approved);
        }
    }

    /// Rows of tables of a format, which lack columns and have that for what was approved.
    fn kept_of(format: i32, lacks: &[&str], approved: &str) {
        let directory = tempfile::tempdir().unwrap();
        drop(Insight::open(directory.path()).unwrap());
        let connection = Connection::open(directory.path().join(FILE)).unwrap();
        let rows =
            |decision| format!("'ent_1', '', '', '', '', '', '', '', '', '', 1, 70, {approved}'USD', '', '{decision}', '', ''");
        connection.execute_batch("DROP INDEX decided_correlation").unwrap();
        for column in lacks {
            connection.execute_batch(&format!("ALTER TABLE decided DROP COLUMN {column}")).unwrap();
        }
        for (record, decision) in [(1, "APPROVE"), (2, "DECLINE")] {
            let row = format!("INSERT INTO decided VALUES ({record}, 0, 5, 0, {})", rows(decision));
            connection.execute_batch(&row).unwrap();
        }
        connection.execute_batch(&format!("UPDATE followed SET next = 9; PRAGMA user_version = {format}")).unwrap();
        drop(connection);
        let insight = Insight::open(directory.path()).unwrap();
        let which = table::Which {
            of: table::Of::Enterprise("ent_1".to_owned()),
            environment: 0,
            only: Vec::new(),
            would: None,
            since: None,
            until: None,
        };
        let months = insight.usage(&which).unwrap();
        assert_eq!(months, [serde_json::json!({"month": "1970-01", "authorizations": 2, "approved": 1})]);
        let amounts = serde_json::json!([{"currency": "USD", "approved_amount": 70, "declined_amount": 70}]);
        assert_eq!(insight.metrics(&which).unwrap()["amounts"], amounts);
        let next: i64 = insight.connection.query_row("SELECT next FROM followed", [], |row| row.get(0)).unwrap();
        assert_eq!(next, 0, "what the journal has is read again");
    }
}
