//! How columns write our words, and how they are read again. What reads as none of them is damage.

use bytes::{BufMut as _, BytesMut};
use holdfast_core::hold::{Hold, HoldStatus, Mark, MovementCause, StepId};
use holdfast_core::{DeclineReason, Expiry, Posting, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::ledger::embedded::state::{Fingerprint, Merchants};

/// What a statement or a conversion may fail with.
type Failed = Box<dyn std::error::Error + Sync + Send>;

/// A fingerprint, a digest or an id, as a `uuid`: sixteen bytes that nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub [u8; 16]);

impl From<Fingerprint> for Name {
    fn from(Fingerprint([one, two]): Fingerprint) -> Self {
        Name((u128::from(one) << 64 | u128::from(two)).to_be_bytes())
    }
}

impl From<Name> for Fingerprint {
    fn from(Name(bytes): Name) -> Self {
        let [one, two] = [bytes.first_chunk(), bytes.last_chunk()].map(|half| half.copied().map_or(0, u64::from_be_bytes));
        Fingerprint([one, two])
    }
}

impl ToSql for Name {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        out.put_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Name {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        Ok(Name(raw.try_into()?))
    }

    accepts!(UUID);
}

/// PostgreSQL counts microseconds from 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The first moment that a column can hold, 4713 before our era, in its own count.
const FIRST: i64 = -211_813_488_000_000_000;

/// The last one, in the year 294276.
const LAST: i64 = 9_223_371_331_199_999_999;

/// A moment, as a `timestamptz`. One beyond what the column can hold is the first or last that it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Timestamp);

impl ToSql for At {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        out.put_i64(self.0.unix_micros().saturating_sub(EPOCH_MICROS).clamp(FIRST, LAST));
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for At {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(At(Timestamp::from_unix_micros(micros.saturating_add(EPOCH_MICROS))))
    }

    accepts!(TIMESTAMPTZ);
}

/// The text in a column, as what it names.
pub fn named<T: for<'a> TryFrom<&'a str>>(row: &Row, column: &str) -> Option<T> {
    row.try_get::<_, &str>(column).ok().and_then(|text| T::try_from(text).ok())
}

/// The same, where there may be none.
pub fn named_or_none<T: for<'a> TryFrom<&'a str>>(row: &Row, column: &str) -> Option<Option<T>> {
    match row.try_get::<_, Option<&str>>(column).ok()? {
        Some(text) => T::try_from(text).ok().map(Some),
        None => Some(None),
    }
}

/// The word in a column.
pub fn word<T>(row: &Row, column: &str, from: impl Fn(&str) -> Option<T>) -> Option<T> {
    row.try_get::<_, &str>(column).ok().and_then(from)
}

/// A number that is never negative.
pub fn counted<T: TryFrom<i64>>(row: &Row, column: &str) -> Option<T> {
    T::try_from(row.try_get::<_, i64>(column).ok()?).ok()
}

/// What a standing was told by; none where nobody told.
pub fn mark(row: &Row) -> Option<Option<Mark>> {
    let at: Option<At> = row.try_get("told_at").ok()?;
    let by: i64 = row.try_get("told_by").ok()?;
    Some(at.map(|At(at)| Mark { at, id: StepId(by.cast_unsigned()) }))
}

/// The hold itself, of a payment's row.
pub fn hold(row: &Row) -> Option<Hold> {
    let number = |column| row.try_get::<_, i64>(column).ok();
    Some(Hold {
        posting: word(row, "posting", posting)?,
        status: word(row, "status", hold_status)?,
        authorized: number("authorized")?,
        held: number("held")?,
        ahead: number("ahead")?,
        captured: number("captured")?,
        refunded: number("refunded")?,
        moved: number("moved")?,
        tolerance: number("tolerance")?,
        expires_at: row.try_get::<_, Option<At>>("expires_at").ok()?.map(|At(at)| at),
    })
}

pub fn decline_reason(name: &str) -> Option<DeclineReason> {
    DeclineReason::ALL.iter().copied().find(|reason| reason.name() == name)
}

pub fn hold_status(name: &str) -> Option<HoldStatus> {
    HoldStatus::ALL.into_iter().find(|status| status.name() == name)
}

pub const fn posting_name(posting: Posting) -> &'static str {
    match posting {
        Posting::Hold => "hold",
        Posting::Immediate => "immediate",
    }
}

pub fn posting(name: &str) -> Option<Posting> {
    [Posting::Hold, Posting::Immediate].into_iter().find(|posting| posting_name(*posting) == name)
}

pub const fn expiry_name(expiry: Expiry) -> &'static str {
    match expiry {
        Expiry::Told => "told",
        Expiry::Ours => "ours",
    }
}

pub fn expiry(name: &str) -> Option<Expiry> {
    [Expiry::Told, Expiry::Ours].into_iter().find(|expiry| expiry_name(*expiry) == name)
}

/// What a movement is balanced against.
pub const fn cause_name(cause: MovementCause) -> &'static str {
    match cause {
        MovementCause::NetworkSettlement => "network_settlement",
        MovementCause::Funding => "funding",
        MovementCause::Fee => "fee",
        MovementCause::Dispute => "dispute",
        MovementCause::StandInLoss => "stand_in_loss",
    }
}

/// Whom a card paid.
pub fn merchants(row: &Row) -> Option<Merchants> {
    let latest: Vec<i64> = row.try_get("merchants").ok()?;
    let latest = latest.into_iter().map(|merchant| u32::try_from(merchant).ok()).collect::<Option<Vec<u32>>>()?;
    Some(Merchants::restored(latest, row.try_get("merchants_others").ok()?))
}
