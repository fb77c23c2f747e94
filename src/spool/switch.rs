//! What operators switched, in the spool's file: it has to be there after a restart, and be written while the ledger is away.
//! Nothing here knows what a switch does.

use std::fmt;

use holdfast_core::{PlatformName, ProgramId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{File, SpoolError};

/// What is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The program.
    pub program: ProgramId,
    /// One of its platforms; `None` for all.
    pub platform: Option<PlatformName>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.platform {
            None => write!(f, "program {}", self.program),
            Some(platform) => write!(f, "platform {platform} of program {}", self.program),
        }
    }
}

/// One time that stand-in was switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// Counts them.
    pub number: i64,
    /// For whom.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Who ended it before its time.
    pub off: Option<Off>,
    /// What responders that share a ledger call it; `None` if only this one knows of it.
    pub shared: Option<String>,
}

/// How it was ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Off {
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Switched {
    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.off.is_none() && now < self.until
    }

    /// When it ended, or will.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.off.as_ref().map_or(self.until, |off| off.at)
    }
}

/// A turn of the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// For whom.
    pub scope: Scope,
    /// On until then, or off.
    pub on_until: Option<Timestamp>,
    /// Who turns it.
    pub by: String,
    /// Why.
    pub why: String,
    /// The request's key, if it came with one.
    pub key: Option<KeyOf>,
}

/// What stands for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOf {
    /// What its sender calls it.
    pub key: String,
    /// What it asks.
    pub request: [u8; 32],
}

/// What became of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turned {
    /// So it is now.
    Done(Switched),
    /// The same request came before.
    Again(Switched),
    /// The key came before with another request; nothing was done.
    Conflict,
    /// It is on already; nothing was done.
    AlreadyOn(Switched),
    /// It would end before it begins; nothing was done.
    Past(Timestamp),
    /// It is not on; nothing was done.
    NotOn,
}

/// Which of those that are on are turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    /// That no other responder knows of.
    Own,
}

const COLUMNS: &str = "SELECT number, program, platform, since, until, by, why, off_at, off_by, off_why, shared FROM switch";

impl File {
    /// Every time that it was switched on, the oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn switches(&self) -> Result<Vec<Switched>, SpoolError> {
        self.rows(&format!("{COLUMNS} ORDER BY number"), [], switched)
    }

    /// Turns the switch: durable when this returns.
    ///
    /// # Errors
    /// The disk. Whether it is turned all the same is not known.
    pub fn turn(&self, turn: &Turn, now: Timestamp) -> Result<Turned, SpoolError> {
        self.try_to_turn(turn, Which::All, now).map_err(SpoolError::disk(self.path()))
    }

    /// Turns it among those of which only this responder knows: what all know of is turned where they are.
    ///
    /// # Errors
    /// As [`File::turn`].
    pub fn turn_own(&self, turn: &Turn, now: Timestamp) -> Result<Turned, SpoolError> {
        self.try_to_turn(turn, Which::Own, now).map_err(SpoolError::disk(self.path()))
    }

    fn try_to_turn(&self, turn: &Turn, which: Which, now: Timestamp) -> rusqlite::Result<Turned> {
        // At once the only writer: of two that turn it together, the second finds what the first did.
        let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
        if let Some(before) = turned_before(&transaction, turn)? {
            return Ok(before);
        }
        let on = on_now(&transaction, &turn.scope, which, now)?;
        let platform = turn.scope.platform.as_ref().map(PlatformName::as_str);
        let number = match (turn.on_until, on) {
            (Some(_), Some(on)) => return Ok(Turned::AlreadyOn(on)),
            (None, None) => return Ok(Turned::NotOn),
            (Some(until), None) if until <= now => return Ok(Turned::Past(until)),
            (Some(until), None) => {
                let sql = "INSERT INTO switch (program, platform, since, until, by, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let program = turn.scope.program.as_str();
                let row = params![program, platform, now.unix_micros(), until.unix_micros(), turn.by, turn.why];
                transaction.execute(sql, row)?;
                transaction.last_insert_rowid()
            }
            (None, Some(on)) => {
                // It may be on twice: here, and for all.
                let sql = "UPDATE switch SET off_at = ?3, off_by = ?4, off_why = ?5
                    WHERE program = ?1 AND platform IS ?2 AND off_at IS NULL AND until > ?3 AND (?6 OR shared IS NULL)";
                let (program, all) = (turn.scope.program.as_str(), which == Which::All);
                transaction.execute(sql, params![program, platform, now.unix_micros(), turn.by, turn.why, all])?;
                on.number
            }
        };
        keep_key(&transaction, turn, number)?;
        let done = numbered(&transaction, number)?;
        transaction.commit()?;
        Ok(Turned::Done(done))
    }

    /// What became of the same request, if it came before.
    ///
    /// # Errors
    /// The disk.
    pub fn turned_before(&self, turn: &Turn) -> Result<Option<Turned>, SpoolError> {
        turned_before(self.connection(), turn).map_err(SpoolError::disk(self.path()))
    }

    /// Takes over what was turned for all responders: durable when this returns. What somebody ended here stays ended here; what was on
    /// here only ends with what somebody ended for all.
    ///
    /// # Errors
    /// The disk.
    pub fn take_over(&self, turned: &[Switched]) -> Result<(), SpoolError> {
        let take = || {
            let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
            turned.iter().try_for_each(|switched| take_over(&transaction, switched).map(drop))?;
            transaction.commit()
        };
        take().map_err(SpoolError::disk(self.path()))
    }

    /// Takes over what one request turned, with its key; as it is here.
    ///
    /// # Errors
    /// The disk.
    pub fn take_over_one(&self, switched: &Switched, turn: &Turn) -> Result<Switched, SpoolError> {
        let take = || {
            let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
            let number = take_over(&transaction, switched)?;
            keep_key(&transaction, turn, number)?;
            let taken = numbered(&transaction, number)?;
            transaction.commit()?;
            Ok(taken)
        };
        take().map_err(SpoolError::disk(self.path()))
    }
}

/// Takes over one; its number here.
fn take_over(transaction: &Transaction<'_>, switched: &Switched) -> rusqlite::Result<i64> {
    let Switched { scope, since, until, by, why, off, shared, .. } = switched;
    let sql = "SELECT number, off_at FROM switch WHERE shared = ?1";
    let known: Option<(i64, Option<i64>)> =
        transaction.query_row(sql, params![shared], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let off_at = off.as_ref().map(|off| off.at.unix_micros());
    let (off_by, off_why) = off.as_ref().map(|off| (&off.by, &off.why)).unzip();
    match known {
        None => {
            let sql = "INSERT INTO switch (program, platform, since, until, by, why, off_at, off_by, off_why, shared)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
            let (program, platform) = (scope.program.as_str(), scope.platform.as_ref().map(PlatformName::as_str));
            let (since, until) = (since.unix_micros(), until.unix_micros());
            transaction.execute(sql, params![program, platform, since, until, by, why, off_at, off_by, off_why, shared])?;
            let number = transaction.last_insert_rowid();
            end_own_with(transaction, switched)?;
            Ok(number)
        }
        Some((number, None)) if off_at.is_some() => {
            let sql = "UPDATE switch SET off_at = ?2, off_by = ?3, off_why = ?4 WHERE number = ?1";
            transaction.execute(sql, params![number, off_at, off_by, off_why])?;
            end_own_with(transaction, switched)?;
            Ok(number)
        }
        Some((number, _)) => Ok(number),
    }
}

/// Whoever ended it for all was told that it is off everywhere: what was switched on here only, for the same and before that, ends then,
/// too. What was switched on here afterwards is another matter.
fn end_own_with(transaction: &Transaction<'_>, switched: &Switched) -> rusqlite::Result<()> {
    let Some(Off { at, by, why }) = &switched.off else { return Ok(()) };
    let sql = "UPDATE switch SET off_at = ?3, off_by = ?4, off_why = ?5
        WHERE program = ?1 AND platform IS ?2 AND off_at IS NULL AND shared IS NULL AND since < ?3 AND until > ?3";
    let Scope { program, platform } = &switched.scope;
    let (program, platform) = (program.as_str(), platform.as_ref().map(PlatformName::as_str));
    transaction.execute(sql, params![program, platform, at.unix_micros(), by, why]).map(drop)
}

fn keep_key(transaction: &Transaction<'_>, turn: &Turn, number: i64) -> rusqlite::Result<()> {
    let Some(KeyOf { key, request }) = &turn.key else { return Ok(()) };
    let row = params![turn.scope.program.as_str(), key, &request[..], number];
    transaction.execute("INSERT INTO switch_key VALUES (?1, ?2, ?3, ?4)", row).map(drop)
}

/// What became of the same request, if it came before.
fn turned_before(transaction: &Connection, turn: &Turn) -> rusqlite::Result<Option<Turned>> {
    let Some(KeyOf { key, request }) = &turn.key else { return Ok(None) };
    let sql = "SELECT request, switch FROM switch_key WHERE program = ?1 AND key = ?2";
    let known = transaction
        .query_row(sql, params![turn.scope.program.as_str(), key], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?)))
        .optional()?;
    match known {
        None => Ok(None),
        Some((known, number)) if known == request[..] => Ok(Some(Turned::Again(numbered(transaction, number)?))),
        Some(_) => Ok(Some(Turned::Conflict)),
    }
}

fn on_now(transaction: &Transaction<'_>, scope: &Scope, which: Which, now: Timestamp) -> rusqlite::Result<Option<Switched>> {
    let sql =
        format!("{COLUMNS} WHERE program = ?1 AND platform IS ?2 AND off_at IS NULL AND until > ?3 AND (?4 OR shared IS NULL)");
    let (platform, all) = (scope.platform.as_ref().map(PlatformName::as_str), which == Which::All);
    transaction.query_row(&sql, params![scope.program.as_str(), platform, now.unix_micros(), all], switched).optional()
}

fn numbered(transaction: &Connection, number: i64) -> rusqlite::Result<Switched> {
    transaction.query_row(&format!("{COLUMNS} WHERE number = ?1"), [number], switched)
}

fn switched(row: &rusqlite::Row<'_>) -> rusqlite::Result<Switched> {
    let moment = |index| row.get(index).map(Timestamp::from_unix_micros);
    let program = ProgramId::new(&row.get::<_, String>(1)?).map_err(unreadable(1))?;
    let platform = row.get::<_, Option<String>>(2)?.map(|name| PlatformName::new(&name)).transpose().map_err(unreadable(2))?;
    let off = match row.get::<_, Option<i64>>(7)? {
        None => None,
        Some(at) => Some(Off { at: Timestamp::from_unix_micros(at), by: row.get(8)?, why: row.get(9)? }),
    };
    Ok(Switched {
        number: row.get(0)?,
        scope: Scope { program, platform },
        since: moment(3)?,
        until: moment(4)?,
        by: row.get(5)?,
        why: row.get(6)?,
        off,
        shared: row.get(10)?,
    })
}

/// A name that is none: nobody but us writes here.
fn unreadable<E: std::error::Error + Send + Sync + 'static>(column: usize) -> impl Fn(E) -> rusqlite::Error {
    move |error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::super::Sync;
    use super::*;

    #[test]
    fn what_all_know_of_is_not_turned_among_what_only_this_one_knows_of() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::open(&directory.path().join("spool.sqlite"), Sync::None).unwrap();
        let at = Timestamp::from_unix_seconds;
        let scope = Scope { program: ProgramId::new("demo").unwrap(), platform: None };
        let (by, why) = ("ann".to_owned(), "a drill".to_owned());
        let turn = |on_until| Turn { scope, on_until, by: by.clone(), why: why.clone(), key: None };
        let (by, why, shared) = (by.clone(), why.clone(), Some("of all".to_owned()));
        let of_all = Switched { number: 0, scope, since: at(10), until: at(100), by, why, off: None, shared };
        file.take_over(std::slice::from_ref(&of_all)).unwrap();
        // Somebody else has just ended it for all, and this copy is older than that.
        assert_eq!(file.turn_own(&turn(None), at(20)).unwrap(), Turned::NotOn);
        assert_eq!(file.switches().unwrap()[0].off, None, "who ended it, and when, is theirs to say");
        assert!(matches!(file.turn_own(&turn(Some(at(50))), at(20)).unwrap(), Turned::Done(_)));
        assert!(matches!(file.turn_own(&turn(None), at(21)).unwrap(), Turned::Done(own) if own.shared.is_none()));
        assert!(matches!(file.turn(&turn(None), at(22)).unwrap(), Turned::Done(all) if all.shared.is_some()));
    }

    #[test]
    fn what_was_on_here_only_ends_with_what_was_ended_for_all() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::open(&directory.path().join("spool.sqlite"), Sync::None).unwrap();
        let at = Timestamp::from_unix_seconds;
        let program = ProgramId::new("demo").unwrap();
        let [all, one] = [None, Some(PlatformName::new("marqeta").unwrap())].map(|platform| Scope { program, platform });
        let words = |text: &str| text.to_owned();
        let on = |scope, since: i64| {
            let turn = Turn { scope, on_until: Some(at(100)), by: words("ann"), why: words("away"), key: None };
            assert!(matches!(file.turn_own(&turn, at(since)).unwrap(), Turned::Done(_)));
        };
        let of_all = |id: &str, off: Option<i64>| {
            let off = off.map(|off| Off { at: at(off), by: words("bob"), why: words("over") });
            let (by, why) = (words("ann"), words("again"));
            Switched { number: 0, scope: all, since: at(20), until: at(90), by, why, off, shared: Some(words(id)) }
        };
        let ended = || file.switches().unwrap().into_iter().map(|switched| switched.off.map(|off| (off.at, off.by)));
        let ended_by_bob = |second| Some((at(second), words("bob")));
        on(all, 10);
        on(one, 10);
        file.take_over(&[of_all("first", None)]).unwrap();
        assert_eq!(ended().collect::<Vec<_>>(), [None, None, None]);
        file.take_over(&[of_all("first", Some(30))]).unwrap();
        assert_eq!(ended().collect::<Vec<_>>(), [ended_by_bob(30), None, ended_by_bob(30)], "a platform's is another switch");
        // Known already, it ends nothing more; nor does what ended before it.
        on(all, 25);
        file.take_over(&[of_all("first", Some(30)), of_all("second", Some(22))]).unwrap();
        assert_eq!(ended().nth(3), Some(None));
        // Of one that nobody here knew of, the end ends it, too.
        file.take_over(&[of_all("third", Some(40))]).unwrap();
        assert_eq!(ended().nth(3), Some(ended_by_bob(40)));
    }
}
