//! What lists and pages of the projection are made of, and how each line is read from its row.

use holdfast_core::hold::{Hold, MovementCause, Step};
use holdfast_core::{AuthorizationId, Currency, Expiry, Money, NetworkName, PlatformName, ProgramId, Timestamp};
use rusqlite::Row;

use super::rows::HoldKept;
use super::words;
use crate::settlement_day::When;

/// A hold, with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldLine {
    /// Its number.
    pub number: u64,
    /// Whose program it belongs to.
    pub program: ProgramId,
    /// The platform that asked or told.
    pub platform: Option<PlatformName>,
    /// The platform's first name of its payment.
    pub payment: AuthorizationId,
    /// The number of its account.
    pub account: u32,
    /// The number of the card that it counts for.
    pub card: Option<u32>,
    /// Who ends it if nobody captures it.
    pub expiry: Expiry,
    /// What stands of it.
    pub hold: Hold,
    /// What happened to it, in its order.
    pub steps: Vec<Step>,
    /// When the ledger first heard of it.
    pub opened_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// The record that changed it last.
    pub changed_by: i64,
    /// Every record that is about it, the oldest first.
    pub records: Vec<i64>,
}

impl From<HoldKept> for HoldLine {
    fn from(kept: HoldKept) -> Self {
        let HoldKept { program, row, opened_at, changed_at, changed_by, records, .. } = kept;
        HoldLine {
            number: row.number.0,
            program,
            platform: row.platform,
            payment: row.payment,
            account: row.account.0,
            card: row.card.map(|index| index.0),
            expiry: row.expiry,
            hold: row.hold,
            steps: row.steps.into_vec(),
            opened_at,
            changed_at,
            changed_by,
            records: records.into_vec(),
        }
    }
}

/// What one record changed on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The record.
    pub record: i64,
    /// When the ledger applied it.
    pub at: Timestamp,
    /// Whose program it belongs to.
    pub program: ProgramId,
    /// The number of the account.
    pub account: u32,
    /// The number of the hold, where it is about one.
    pub hold: Option<u64>,
    /// What was added to what is posted.
    pub posted: Money,
    /// What was added to what is held.
    pub held: Money,
    /// What `posted` is balanced against; there is one where it is not zero.
    pub cause: Option<MovementCause>,
    /// The card network: its own, or else its payment's, where any message told one.
    pub network: Option<NetworkName>,
    /// What tells the day that it is listed and summed under.
    pub when: When,
    /// What was posted after it.
    pub posted_after: Money,
    /// What was held after it.
    pub held_after: Money,
    /// What somebody should know about it, by [`Finding::name`](holdfast_core::hold::Finding::name).
    pub finding: Option<String>,
}

/// What was posted on one day of one program, by what it is balanced against. Settlement due is where the cause is
/// [`MovementCause::NetworkSettlement`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySum {
    /// The network; `None` where the platform tells none.
    pub network: Option<NetworkName>,
    /// The cause.
    pub cause: MovementCause,
    /// What came to the accounts, less what left them. Wide: sums do not overflow.
    pub minor: i128,
    /// What that is in.
    pub currency: Currency,
    /// How many movements that were.
    pub movements: u64,
}

impl Movement {
    pub(super) const COLUMNS: &'static str = "record, at, program, account, hold, posted, held, cause, network, currency, settlement_day, \
                                   happened_at, posted_after, held_after, finding";

    /// The place of a column behind those.
    pub(super) const OLDER: usize = 15;

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let currency = words::word(row, 9, words::currency)?;
        let money = |column| row.get(column).map(|minor| Money::from_minor(minor, currency));
        let cause = match row.get_ref(7)?.as_str_or_null()? {
            Some(name) => Some(words::cause(name).ok_or_else(|| words::damaged(7))?),
            None => None,
        };
        Ok(Movement {
            record: row.get(0)?,
            at: words::moment(row, 1)?,
            program: words::named(row, 2)?,
            account: row.get(3)?,
            hold: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
            posted: money(5)?,
            held: money(6)?,
            cause,
            network: words::named_or_none(row, 8)?,
            when: When { settlement_day: row.get(10)?, happened_at: words::moment(row, 11)? },
            posted_after: money(12)?,
            held_after: money(13)?,
            finding: row.get(14)?,
        })
    }
}

impl DaySum {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (high, low): (i64, i64) = (row.get(3)?, row.get(4)?);
        let movements: i64 = row.get(5)?;
        Ok(DaySum {
            network: words::named_or_none(row, 0)?,
            currency: words::word(row, 1, words::currency)?,
            cause: words::word(row, 2, words::cause)?,
            minor: (i128::from(high) << 32_u32).saturating_add(i128::from(low)),
            movements: movements.cast_unsigned(),
        })
    }
}
