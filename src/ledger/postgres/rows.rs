//! Rows as they were read: which accounts they lead to, and what each means. Nothing here asks the database.

use holdfast_core::hold::{Answered, Hold};
use holdfast_core::{Currency, Decision, Money, PlatformName, Timestamp};
use smallvec::SmallVec;
use tokio_postgres::Row;

use super::load::Life;
use super::values::{At, Name, decline_reason, expiry, hold, named, named_or_none, word};
use crate::journal::{KeptRuleset, Operation};
use crate::ledger::embedded::state::Fingerprint;

/// Cards and their owners.
pub struct PeopleRows {
    pub cards: Vec<Row>,
    pub cardholders: Vec<Row>,
    pub ownership: Vec<Row>,
}

impl PeopleRows {
    pub fn accounts(&self) -> impl Iterator<Item = i64> {
        let of = |row: &Row| row.try_get::<_, Option<i64>>("account").ok().flatten();
        self.cards.iter().chain(&self.ownership).filter_map(of)
    }
}

/// Holds, and which names lead where.
#[derive(Default)]
pub struct HoldRows {
    pub names: Vec<Row>,
    pub holds: Vec<HoldRead>,
}

impl HoldRows {
    pub fn accounts(&self) -> impl Iterator<Item = i64> {
        self.holds.iter().map(|hold| hold.account)
    }
}

pub struct KeyRows {
    pub asked: Vec<Row>,
    pub told: Vec<Row>,
}

/// A hold as its row has it.
pub struct HoldRead {
    pub number: i64,
    pub account: i64,
    pub card: Option<i64>,
    pub platform: Option<PlatformName>,
    pub payment: holdfast_core::AuthorizationId,
    pub expiry: holdfast_core::Expiry,
    pub changed_at: Timestamp,
    pub hold: Hold,
    pub life: Life,
    pub names: SmallVec<[Fingerprint; 2]>,
}

pub fn read_hold(row: &Row) -> Option<HoldRead> {
    let number = |column| row.try_get::<_, i64>(column).ok();
    let names: Vec<Name> = row.try_get("names").ok()?;
    Some(HoldRead {
        number: number("number")?,
        account: number("account")?,
        card: row.try_get("card").ok()?,
        platform: named_or_none(row, "platform")?,
        payment: named(row, "payment")?,
        expiry: word(row, "expiry", expiry)?,
        changed_at: row.try_get::<_, At>("changed_at").ok()?.0,
        hold: hold(row)?,
        life: postcard::from_bytes(row.try_get("life").ok()?).ok()?,
        names: names.into_iter().map(Fingerprint::from).collect(),
    })
}

pub fn read_answered(row: &Row) -> Option<(Fingerprint, Answered)> {
    let (key, Name(digest)): (Name, Name) = (row.try_get("key").ok()?, row.try_get("digest").ok()?);
    let decision = match row.try_get::<_, Option<i64>>("amount").ok()? {
        Some(minor) => Decision::Approve { amount: Money::from_minor(minor, word(row, "currency", Currency::from_alpha)?) },
        None => Decision::Decline { reason: word(row, "reason", decline_reason)? },
    };
    let digest = holdfast_core::ContentDigest::from_bytes(digest);
    let At(asked_at) = row.try_get("asked_at").ok()?;
    Some((key.into(), Answered { digest, asked_at, decision }))
}

pub fn read_ruleset(row: &Row) -> Option<KeptRuleset> {
    let text = |column| row.try_get::<_, String>(column).ok();
    Some(KeptRuleset {
        hash: row.try_get::<_, &[u8]>("hash").ok()?.try_into().ok()?,
        kind: row.try_get::<_, &str>("kind").ok()?.parse().ok()?,
        program: text("program")?,
        source: text("source")?,
        published_at: row.try_get::<_, At>("published_at").ok()?.0,
        published_by: text("published_by")?,
        why: text("why")?,
    })
}

pub fn read_operation(row: &Row) -> Option<Operation> {
    let text = |column| row.try_get::<_, String>(column).ok();
    Some(Operation {
        program: text("program")?,
        key: text("key")?,
        request: row.try_get::<_, &[u8]>("request").ok()?.try_into().ok()?,
        who: text("who")?,
        why: text("why")?,
        at: row.try_get::<_, At>("at").ok()?.0,
    })
}
