//! A copy of the shared ledger's journal, as a journal's file: so whatever reads one (a story, a settlement day, a replay) reads this
//! one, too. All of it is of one moment. Records get numbers of their own in it, in an order in which every account's are as they
//! happened; accounts, cards and cardholders get the numbers that whoever reads a journal gives them, which are the order in which its
//! records enter them ([`Places`]). What callers wrote at payment doors is not in it. Nothing here changes the database.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use holdfast_core::hold::Standing;
use tokio_postgres::{Client, GenericClient, IsolationLevel, Row, Transaction};

use super::connect::within;
use super::rows::{read_operation, read_ruleset};
use super::trouble::{Trouble, Whereabouts};
use crate::journal::log::Log as _;
use crate::journal::{Body, Group, GroupWriter, Journal, JournalError, KeptRuleset, Place, Record, Sync};

/// The order of a copy. Records of one account came in the order of their changes, whatever the clocks of responders said: none comes
/// before one that the account had before it.
const RECORDS: &str = "SELECT body FROM (
        SELECT id, at, account_change, body, max(at) OVER (PARTITION BY account ORDER BY account_change, at, id) AS not_before
        FROM holdfast.record
    ) AS ordered ORDER BY not_before, account_change, at, id";

/// Records that are read at once, and the most that make a group.
const PORTION: i32 = 4_096;

/// How long a portion may take: the first one waits until all records are in their order.
const PORTION_TAKES_MAX: std::time::Duration = std::time::Duration::from_secs(600);

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many records.
    pub records: u64,
    /// How many months had been dropped before.
    pub months_dropped: i64,
}

/// Why there is no copy.
#[derive(Debug)]
pub enum CopyError {
    /// The database.
    Trouble(Trouble),
    /// The file.
    Journal(JournalError),
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CopyError::Trouble(trouble) => trouble.fmt(f),
            CopyError::Journal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CopyError {}

impl From<Trouble> for CopyError {
    fn from(trouble: Trouble) -> Self {
        CopyError::Trouble(trouble)
    }
}

impl From<JournalError> for CopyError {
    fn from(error: JournalError) -> Self {
        CopyError::Journal(error)
    }
}

/// Copies the journal into a directory that has none.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy(
    client: &mut Client,
    at: &Whereabouts,
    directory: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<Copied, CopyError> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let building = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let transaction = building.start().await.map_err(said)?;
    let mut copying = Copying::into(Journal::open(directory, Sync::None)?);
    copying.beside(&transaction, at).await?;
    let counted = "SELECT (SELECT count(*) FROM holdfast.record), (SELECT count(*) FROM holdfast.dropped WHERE records > 0)";
    let counted = transaction.query_one(counted, &[]).await.map_err(said)?;
    let (all, months_dropped): (i64, i64) = (counted.try_get(0).map_err(said)?, counted.try_get(1).map_err(said)?);
    let portal = transaction.bind(RECORDS, &[]).await.map_err(said)?;
    let mut done = 0_u64;
    loop {
        let portion = async { transaction.query_portal(&portal, PORTION).await.map_err(said) };
        let rows = within(PORTION_TAKES_MAX, at, portion).await?;
        if rows.is_empty() {
            break;
        }
        rows.iter().try_for_each(|row| copying.take(row, at))?;
        copying.end_group()?;
        done = done.saturating_add(u64::try_from(rows.len()).unwrap_or(0));
        progress(done, u64::try_from(all).unwrap_or(0));
    }
    Ok(Copied { records: done, months_dropped })
}

/// Every ruleset and stand-in table that was ever published, oldest first.
///
/// # Errors
/// The database.
pub async fn rulesets(client: &impl GenericClient, at: &Whereabouts) -> Result<Vec<KeptRuleset>, Trouble> {
    let sql = "SELECT hash, kind, program, source, published_at, published_by, why FROM holdfast.ruleset ORDER BY number";
    let rows = client.query(sql, &[]).await.map_err(|error| Trouble::of(&error, at))?;
    rows.iter().map(|row| read_ruleset(row).ok_or_else(|| Trouble::Damaged("ruleset", at.clone()))).collect()
}

struct Copying {
    journal: Journal,
    writer: GroupWriter,
    /// The version that made the records of the group that is gathered.
    engine: String,
    places: Places,
}

impl Copying {
    fn into(journal: Journal) -> Self {
        Copying { journal, writer: GroupWriter::default(), engine: String::new(), places: Places::default() }
    }

    /// What records name: rulesets go with the first group, operations stand by themselves.
    async fn beside(&mut self, transaction: &Transaction<'_>, at: &Whereabouts) -> Result<(), CopyError> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
        let damaged = |table| move || Trouble::Damaged(table, at.clone());
        rulesets(transaction, at).await?.into_iter().for_each(|ruleset| self.journal.keep_ruleset(ruleset));
        let operations = "SELECT program, key, request, who, why, at FROM holdfast.operation";
        for row in transaction.query(operations, &[]).await.map_err(said)? {
            self.journal.note(&read_operation(&row).ok_or_else(damaged("operation"))?)?;
        }
        Ok(())
    }

    /// A record is a group of its own there. Those of one version are gathered, and keep its name.
    fn take(&mut self, row: &Row, at: &Whereabouts) -> Result<(), CopyError> {
        let damaged = || Trouble::Damaged("record", at.clone());
        let body: &[u8] = row.try_get("body").map_err(|error| Trouble::of(&error, at))?;
        let group = Group::open(body).map_err(|_| damaged())?;
        if group.engine != self.engine {
            self.end_group()?;
            group.engine.clone_into(&mut self.engine);
            self.writer = GroupWriter::of(group.engine);
        }
        for record in group {
            let mut record = record.map_err(|_| damaged())?;
            record.place = self.places.place(&record);
            self.writer.push(&record.as_written()).map_err(|_| damaged())?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), CopyError> {
        if self.writer.records() > 0 {
            self.journal.append(self.writer.records(), self.writer.bytes())?;
            self.writer.clear();
        }
        Ok(())
    }
}

/// Whoever reads a journal counts accounts, cards and cardholders as its records enter them. The database's numbers were given in the
/// order of commits, which a copy in the order of moments does not have: one account's second card may come behind another one's first.
#[derive(Debug, Default)]
struct Places {
    accounts: Numbering,
    cards: Numbering,
    cardholders: Numbering,
}

impl Places {
    /// What a record is about, by the copy's numbers.
    fn place(&mut self, record: &Record) -> Place {
        let Place { account, card, cardholder, .. } = record.place;
        let (accounts, cards) = match &record.body {
            Body::AccountEntered { .. } => (Enters::Yes, Enters::No),
            Body::CardEntered { .. } => (Enters::No, Enters::Yes),
            Body::Told { outcome, .. } => match outcome.standing {
                Some((Standing::Card(_) | Standing::Cardholder(_), _)) => (Enters::No, Enters::Yes),
                Some((Standing::Account(_), _)) | None => (Enters::No, Enters::No),
            },
            Body::Decided { .. }
            | Body::Adopted { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => (Enters::No, Enters::No),
        };
        Place {
            account: self.accounts.of(account, accounts),
            // Who owns a card comes with it.
            cardholder: self.cardholders.of(cardholder, cards),
            card: self.cards.of(card, cards),
            ..record.place
        }
    }
}

/// Whether a record enters what it names, if that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Enters {
    Yes,
    No,
}

/// The copy's numbers by the database's.
#[derive(Debug, Default)]
struct Numbering(HashMap<u32, u32>);

impl Numbering {
    /// What nothing has entered by then is not known to whoever reads the copy, either.
    fn of(&mut self, number: Option<u32>, enters: Enters) -> Option<u32> {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        match enters {
            Enters::Yes => Some(*self.0.entry(number?).or_insert(next)),
            Enters::No => self.0.get(&number?).copied(),
        }
    }
}
