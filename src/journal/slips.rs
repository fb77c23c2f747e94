//! What callers of payment doors wrote, to be given back: kept beside the records, in the transaction of the group that decides it,
//! so that it costs no sync of its own. The record's digest covers it; the text itself can be erased without breaking the chain.

use holdfast_adapters::payment::{Wanted, Written};
use holdfast_core::{AuthorizationId, CardToken, MerchantId, PlatformName, ProgramId, Timestamp};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::seal::{Form, Sealed, Sealer};

/// What is kept of what a caller wrote about one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    /// Whose payment it is.
    pub program: ProgramId,
    /// At which door it was asked for.
    pub platform: PlatformName,
    /// Its name there.
    pub payment: AuthorizationId,
    /// The door's own kind of it.
    pub kind: u8,
    /// The merchant.
    pub merchant: MerchantId,
    /// The instrument.
    pub source: CardToken,
    /// When it was asked for.
    pub at: Timestamp,
    /// What was written; nothing once it was erased.
    pub body: Option<Sealed>,
    /// What is kept of it whatever becomes of that, and is no person's ([`Remnant`](crate::remnant::Remnant)); versions before this one
    /// kept none.
    #[serde(skip)]
    pub lasting: Option<String>,
    /// Whether its payment waits for its payer: nobody has decided it, and it was not noted to have waited in vain. Told of what is
    /// found; whoever keeps one says it by how it is kept.
    #[serde(skip)]
    pub waits: bool,
}

impl Slip {
    /// What the sealed text of a payment is tied to.
    #[must_use]
    pub fn about(program: &ProgramId, platform: &PlatformName, payment: &AuthorizationId) -> String {
        format!("slip\0{program}\0{platform}\0{payment}")
    }

    /// What was written; nothing once it was erased, or if it does not open.
    #[must_use]
    pub fn read(&self, sealer: &Sealer) -> Option<Written> {
        let about = Slip::about(&self.program, &self.platform, &self.payment);
        serde_json::from_slice(&sealer.open(&about, self.body.as_ref()?).ok()?).ok()
    }
}

/// Which slips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlipsWanted {
    /// Of this program
    pub program: ProgramId,
    /// and door.
    pub platform: PlatformName,
    /// Which of them.
    pub which: Which,
}

/// Which slips of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// That of one payment.
    Named(AuthorizationId),
    /// A page of them, the newest first.
    Page(Wanted),
}

/// Whose texts are to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erase {
    /// Of this program.
    pub program: ProgramId,
    /// Only that of this payment.
    pub payment: Option<AuthorizationId>,
    /// Only those about this merchant.
    pub merchant: Option<MerchantId>,
    /// Only those about this instrument.
    pub source: Option<CardToken>,
    /// Only those of payments asked for before.
    pub before: Option<Timestamp>,
}

/// A slip with its number: lists go by it.
pub type Numbered = (i64, Slip);

/// So many slips are looked at for a page at once: whoever lists them holds an answer back for no longer than that takes.
pub const LOOKED_AT_MAX: u32 = 256;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlipsFound {
    /// Those that are wanted.
    pub slips: Vec<Numbered>,
    /// The last one that was looked at, if there may be more behind it.
    pub looked_to: Option<i64>,
}

/// What a journal's file has for them.
pub(super) const TABLE: &str = "-- What callers of payment doors wrote, to be given back; see slips.rs.
     CREATE TABLE slip (
         number INTEGER PRIMARY KEY,
         program TEXT NOT NULL,
         platform TEXT NOT NULL,
         payment TEXT NOT NULL,
         kind INTEGER NOT NULL,
         merchant TEXT NOT NULL,
         source TEXT NOT NULL,
         at INTEGER NOT NULL,   -- microseconds since 1970
         form INTEGER NOT NULL, -- 0: the body is JSON; 1: it is sealed
         body BLOB              -- none once it was erased
     ) STRICT;
     CREATE UNIQUE INDEX slip_of_payment ON slip (program, platform, payment);
     CREATE INDEX slip_by_number ON slip (program, platform, kind, number);";

/// And since its seventh schema.
pub(super) const LASTING: &str =
    "-- What is kept of a slip when its body is erased: JSON; none of those that an older version wrote.
     ALTER TABLE slip ADD COLUMN lasting TEXT;";

const COLUMNS: &str = "number, program, platform, payment, kind, merchant, source, at, form, body, lasting, waits";
/// The same of a file that nobody brought to this schema.
const COLUMNS_BEFORE: &str =
    "number, program, platform, payment, kind, merchant, source, at, form, body, NULL AS lasting, 0 AS waits";

/// Keeps one. What was decided again, because nothing of it was durable, has the text of the last time.
pub(super) fn keep(connection: &Connection, slip: &Slip) -> rusqlite::Result<()> {
    let Slip { program, platform, payment, kind, merchant, source, at, body, lasting, waits: _ } = slip;
    let form = body.as_ref().map_or(Form::Clear, |sealed| sealed.form).number();
    connection
        .prepare_cached(
            "INSERT INTO slip (program, platform, payment, kind, merchant, source, at, form, body, lasting)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (program, platform, payment) DO UPDATE SET kind = ?4, merchant = ?5, source = ?6, at = ?7, form = ?8,
                body = ?9, lasting = ?10, waits = 0",
        )?
        .execute(params![
            program.as_str(),
            platform.as_str(),
            payment.as_str(),
            kind,
            merchant.as_str(),
            source.as_str(),
            at.unix_micros(),
            form,
            body.as_ref().map(|sealed| &sealed.bytes),
            lasting
        ])
        .map(drop)
}

/// Keeps one of a payment that is to be decided later, unless the payment has one: that one stays. Says whether it was kept.
pub(super) fn begin(connection: &Connection, slip: &Slip) -> rusqlite::Result<bool> {
    let Slip { program, platform, payment, kind, merchant, source, at, body, lasting, waits: _ } = slip;
    let form = body.as_ref().map_or(Form::Clear, |sealed| sealed.form).number();
    let kept = connection
        .prepare_cached(
            "INSERT INTO slip (program, platform, payment, kind, merchant, source, at, form, body, lasting, waits)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1) ON CONFLICT (program, platform, payment) DO NOTHING",
        )?
        .execute(params![
            program.as_str(),
            platform.as_str(),
            payment.as_str(),
            kind,
            merchant.as_str(),
            source.as_str(),
            at.unix_micros(),
            form,
            body.as_ref().map(|sealed| &sealed.bytes),
            lasting
        ])?;
    Ok(kept > 0)
}

/// Some of the payments that were asked for until then and wait, the oldest first.
pub(super) fn waiting(connection: &Connection, asked_until: Timestamp, most: i64) -> rusqlite::Result<Vec<Numbered>> {
    let sql = format!("SELECT {COLUMNS} FROM slip WHERE waits = 1 AND at <= ?1 ORDER BY at LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![asked_until.unix_micros(), most], read)?;
    rows.filter_map(Result::transpose).collect()
}

/// Finds those that are wanted: of a page, as far as it looks at once.
pub(super) fn find(connection: &Connection, wanted: &SlipsWanted) -> rusqlite::Result<SlipsFound> {
    let (program, platform) = (wanted.program.as_str(), wanted.platform.as_str());
    match wanted.which {
        Which::Named(payment) => {
            let sql = format!("SELECT {COLUMNS} FROM slip WHERE program = ?1 AND platform = ?2 AND payment = ?3");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![program, platform, payment.as_str()])?;
            let slip = rows.next()?.map(read).transpose()?.flatten();
            Ok(SlipsFound { slips: slip.into_iter().collect(), looked_to: None })
        }
        Which::Page(page) => find_page(connection, (program, platform), &page),
    }
}

/// The first one of a door, in a program or in any, whose payment is meant. A journal from before there were any has none.
pub(super) fn first_where(
    connection: &Connection,
    (door, program): (&str, Option<&ProgramId>),
    is_meant: impl Fn(&str) -> bool,
) -> rusqlite::Result<Option<Slip>> {
    if !connection.table_exists(None, "slip")? {
        return Ok(None);
    }
    let mut names =
        connection.prepare("SELECT number, payment FROM slip WHERE platform = ?1 AND (?2 IS NULL OR program = ?2)")?;
    let mut rows = names.query(params![door, program.map(ProgramId::as_str)])?;
    while let Some(row) = rows.next()? {
        let payment: String = row.get("payment")?;
        if is_meant(&payment) {
            let number: i64 = row.get("number")?;
            let sql = format!("SELECT {COLUMNS_BEFORE} FROM slip WHERE number = ?1");
            let found = connection.query_row(&sql, params![number], read)?;
            return Ok(found.map(|(_, slip)| slip));
        }
    }
    Ok(None)
}

/// Tells platform, payment and what lasts of each of a program whose part that lasts has a word. A journal from before anything did has none.
pub(super) fn lasting_with(
    connection: &Connection,
    (program, word): (&ProgramId, &str),
    each: &mut dyn FnMut(String, String, &str),
) -> rusqlite::Result<()> {
    if !connection.table_exists(None, "slip")? || !connection.column_exists(None, "slip", "lasting")? {
        return Ok(());
    }
    let mut statement =
        connection.prepare("SELECT platform, payment, lasting FROM slip WHERE program = ?1 AND instr(lasting, ?2) > 0")?;
    let mut rows = statement.query(params![program.as_str(), word])?;
    while let Some(row) = rows.next()? {
        let lasting: String = row.get("lasting")?;
        each(row.get("platform")?, row.get("payment")?, &lasting);
    }
    Ok(())
}

fn find_page(connection: &Connection, (program, platform): (&str, &str), page: &Wanted) -> rusqlite::Result<SlipsFound> {
    let sql = format!(
        "SELECT {COLUMNS}, (?5 IS NULL OR merchant = ?5) AND (?6 IS NULL OR source = ?6) AND at >= ?7 AND at <= ?8 AS wanted
         FROM slip WHERE program = ?1 AND platform = ?2 AND kind = ?3 AND number < ?4 ORDER BY number DESC LIMIT {LOOKED_AT_MAX}"
    );
    let Bounds { before, merchant, source, since, until } = Bounds::of(page);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![program, platform, page.kind, before, merchant, source, since, until])?;
    let (mut found, mut looked_at) = (SlipsFound::default(), 0_u32);
    while let Some(row) = rows.next()? {
        looked_at = looked_at.saturating_add(1);
        if row.get("wanted")? {
            found.slips.extend(read(row)?);
        }
        if found.is_full(page) || looked_at >= LOOKED_AT_MAX {
            found.looked_to = Some(row.get("number")?);
            break;
        }
    }
    Ok(found)
}

impl SlipsFound {
    /// Whether a page wants no more.
    #[must_use]
    pub fn is_full(&self, page: &Wanted) -> bool {
        self.slips.len() >= usize::try_from(page.most).unwrap_or(usize::MAX)
    }
}

/// A page's conditions as columns are compared with.
pub struct Bounds {
    /// Numbers below this one.
    pub before: i64,
    /// This merchant's, or any.
    pub merchant: Option<String>,
    /// With this instrument, or any.
    pub source: Option<String>,
    /// From this moment on, in microseconds since 1970,
    pub since: i64,
    /// up to this one.
    pub until: i64,
}

impl Bounds {
    /// Those of a page.
    #[must_use]
    pub fn of(page: &Wanted) -> Self {
        Bounds {
            before: page.before.unwrap_or(i64::MAX),
            merchant: page.merchant.map(|merchant| merchant.to_string()),
            source: page.source.map(|source| source.to_string()),
            since: page.since.map_or(i64::MIN, Timestamp::unix_micros),
            until: page.until.map_or(i64::MAX, Timestamp::unix_micros),
        }
    }
}

/// Erases texts; how many that were. What the payments themselves are stays.
pub(super) fn erase(connection: &Connection, which: &Erase) -> rusqlite::Result<u64> {
    let Erase { program, payment, merchant, source, before } = which;
    let erased = connection.execute(
        "UPDATE slip SET body = NULL WHERE program = ?1 AND body IS NOT NULL AND (?2 IS NULL OR payment = ?2)
         AND (?3 IS NULL OR source = ?3) AND at < ?4 AND (?5 IS NULL OR merchant = ?5)",
        params![
            program.as_str(),
            payment.as_ref().map(AuthorizationId::as_str),
            source.as_ref().map(CardToken::as_str),
            before.map_or(i64::MAX, Timestamp::unix_micros),
            merchant.as_ref().map(MerchantId::as_str)
        ],
    )?;
    Ok(u64::try_from(erased).unwrap_or(u64::MAX))
}

/// A row; nothing where it names what cannot be.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Numbered>> {
    let text = |column| row.get::<_, String>(column);
    let (program, platform, payment) = (text("program")?, text("platform")?, text("payment")?);
    let (merchant, source) = (text("merchant")?, text("source")?);
    let form = Form::of_number(row.get("form")?);
    let body: Option<Vec<u8>> = row.get("body")?;
    let (number, kind, at, lasting) = (row.get("number")?, row.get("kind")?, row.get("at")?, row.get("lasting")?);
    let waits = row.get("waits")?;
    let slip = || {
        Some(Slip {
            program: ProgramId::try_from(program.as_str()).ok()?,
            platform: PlatformName::try_from(platform.as_str()).ok()?,
            payment: AuthorizationId::try_from(payment.as_str()).ok()?,
            kind,
            merchant: MerchantId::try_from(merchant.as_str()).ok()?,
            source: CardToken::try_from(source.as_str()).ok()?,
            at: Timestamp::from_unix_micros(at),
            body: body.map(|bytes| Sealed { bytes, form }),
            lasting,
            waits,
        })
    };
    Ok(slip().map(|slip| (number, slip)))
}

impl SlipsWanted {
    /// Whether a slip is one of them: for whoever keeps a few in memory.
    #[must_use]
    pub fn has(&self, number: i64, slip: &Slip) -> bool {
        let of_door = slip.program == self.program && slip.platform == self.platform;
        of_door
            && match &self.which {
                Which::Named(payment) => slip.payment == *payment,
                Which::Page(page) => {
                    slip.kind == page.kind
                        && page.before.is_none_or(|before| number < before)
                        && page.merchant.is_none_or(|merchant| slip.merchant == merchant)
                        && page.source.is_none_or(|source| slip.source == source)
                        && page.since.is_none_or(|since| slip.at >= since)
                        && page.until.is_none_or(|until| slip.at <= until)
                }
            }
    }
}

impl Erase {
    /// Whether a slip's text is to be erased.
    #[must_use]
    pub fn has(&self, slip: &Slip) -> bool {
        slip.program == self.program
            && self.payment.is_none_or(|payment| slip.payment == payment)
            && self.merchant.is_none_or(|merchant| slip.merchant == merchant)
            && self.source.is_none_or(|source| slip.source == source)
            && self.before.is_none_or(|before| slip.at < before)
    }
}
