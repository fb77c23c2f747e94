//! What the journal says: records, gathered into groups that became durable together.
//!
//! The encoding is postcard's (a stable, documented wire format) behind a format number. Variants and fields are only ever
//! added at the end, with a new format number. Nothing here touches a disk.

use std::fmt;

use holdfast_core::hold::{AccountStatus, CardStatus, Outcome, ToldAnswer, ToldEvent};
use holdfast_core::rules::Verdict;
use holdfast_core::{
    AccountId, AuthorizationRequest, Basis, CardToken, CardholderToken, Money, PlatformName, ProgramId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The number of this encoding. A reader refuses a newer one.
pub const FORMAT: u8 = 1;

/// The program that wrote a group: replay promises identical outcomes for the same version.
pub const ENGINE: &str = env!("CARGO_PKG_VERSION");

/// One record, as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// When the ledger applied it.
    pub at: Timestamp,
    /// Whose it is; `None` for what concerns the log itself.
    pub program: Option<ProgramId>,
    /// Who asked or told; `None` for operators and the program itself.
    pub platform: Option<PlatformName>,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "records are read one at a time")]
pub enum Body {
    /// An authorization was decided.
    Decided {
        /// When its callback arrived: the `now` of its rules.
        received_at: Timestamp,
        /// The ruleset that spoke, by hash.
        ruleset: [u8; 32],
        /// The question.
        request: AuthorizationRequest,
        /// What the rules thought.
        verdict: Verdict,
        /// What became of it; the decision and its basis included.
        outcome: Outcome,
    },
    /// An answer that was told without the ledger was adopted.
    Adopted {
        /// When its callback arrived.
        received_at: Timestamp,
        /// The question.
        request: AuthorizationRequest,
        /// What was told.
        told: ToldAnswer,
        /// Why it was told.
        basis: Basis,
        /// What became of it.
        outcome: Outcome,
    },
    /// A fact was told.
    Told {
        /// The fact.
        event: ToldEvent,
        /// What became of it.
        outcome: Outcome,
    },
    /// A notification was kept that was not understood.
    Kept {
        /// SHA-256 of its bytes.
        digest: [u8; 32],
        /// What was not understood.
        problem: String,
        /// Field names, identifiers and amounts.
        redacted: String,
    },
    /// An account was entered, or its standing changed by an import; the balance counts on the first entry only.
    AccountEntered {
        /// The account.
        account: AccountId,
        /// What was on it.
        balance: Money,
        /// How far below zero it may go, in minor units.
        credit_line: i64,
        /// Its status.
        status: AccountStatus,
    },
    /// A card was entered, or tied to another account or owner.
    CardEntered {
        /// The card.
        card: CardToken,
        /// The account behind it.
        account: AccountId,
        /// Its owner.
        cardholder: Option<CardholderToken>,
        /// Its status.
        status: CardStatus,
    },
    /// A ruleset became the live one.
    RulesPublished {
        /// Its hash; the source is kept beside the journal.
        ruleset: [u8; 32],
    },
    /// The log can be written again after a failure.
    Opened,
}

/// One record, as it is written: the same, borrowed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RecordRef<'a> {
    /// As [`Record::at`].
    pub at: Timestamp,
    /// As [`Record::program`].
    pub program: Option<&'a ProgramId>,
    /// As [`Record::platform`].
    pub platform: Option<&'a PlatformName>,
    /// As [`Record::body`].
    pub body: BodyRef<'a>,
}

/// [`Body`], borrowed: same variants, same fields, same order.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "each is documented at its twin in Body")]
pub enum BodyRef<'a> {
    Decided {
        received_at: Timestamp,
        ruleset: &'a [u8; 32],
        request: &'a AuthorizationRequest,
        verdict: &'a Verdict,
        outcome: &'a Outcome,
    },
    Adopted {
        received_at: Timestamp,
        request: &'a AuthorizationRequest,
        told: &'a ToldAnswer,
        basis: &'a Basis,
        outcome: &'a Outcome,
    },
    Told {
        event: &'a ToldEvent,
        outcome: &'a Outcome,
    },
    Kept {
        digest: &'a [u8; 32],
        problem: &'a str,
        redacted: &'a str,
    },
    AccountEntered {
        account: &'a AccountId,
        balance: Money,
        credit_line: i64,
        status: AccountStatus,
    },
    CardEntered {
        card: &'a CardToken,
        account: &'a AccountId,
        cardholder: Option<&'a CardholderToken>,
        status: CardStatus,
    },
    RulesPublished {
        ruleset: &'a [u8; 32],
    },
    Opened,
}

impl Record {
    /// The record as it is written.
    #[must_use]
    pub fn as_written(&self) -> RecordRef<'_> {
        let body = match &self.body {
            Body::Decided { received_at, ruleset, request, verdict, outcome } => {
                BodyRef::Decided { received_at: *received_at, ruleset, request, verdict, outcome }
            }
            Body::Adopted { received_at, request, told, basis, outcome } => {
                BodyRef::Adopted { received_at: *received_at, request, told, basis, outcome }
            }
            Body::Told { event, outcome } => BodyRef::Told { event, outcome },
            Body::Kept { digest, problem, redacted } => BodyRef::Kept { digest, problem, redacted },
            Body::AccountEntered { account, balance, credit_line, status } => {
                BodyRef::AccountEntered { account, balance: *balance, credit_line: *credit_line, status: *status }
            }
            Body::CardEntered { card, account, cardholder, status } => {
                BodyRef::CardEntered { card, account, cardholder: cardholder.as_ref(), status: *status }
            }
            Body::RulesPublished { ruleset } => BodyRef::RulesPublished { ruleset },
            Body::Opened => BodyRef::Opened,
        };
        RecordRef { at: self.at, program: self.program.as_ref(), platform: self.platform.as_ref(), body }
    }
}

/// Why bytes are not records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// Written by a newer program; the number is its format.
    Newer(u8),
    /// Not what any program writes; the number is the record's place in its group.
    Damaged(usize),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Newer(format) => write!(f, "is in format {format}, newer than this program's {FORMAT}"),
            RecordError::Damaged(place) => write!(f, "is damaged at record {place} of its group"),
        }
    }
}

impl std::error::Error for RecordError {}

/// Gathers the records of one group into one reused buffer.
#[derive(Debug, Default)]
pub struct GroupWriter {
    bytes: Vec<u8>,
    records: u32,
}

impl GroupWriter {
    /// Begins an empty group, keeping the buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
    }

    /// Where the group ends now, for [`GroupWriter::cut_back`].
    #[must_use]
    pub fn end(&self) -> GroupEnd {
        GroupEnd { bytes: self.bytes.len(), records: self.records }
    }

    /// Takes back what was gathered since `end`.
    pub fn cut_back(&mut self, end: GroupEnd) {
        self.bytes.truncate(end.bytes);
        self.records = end.records;
    }

    /// How many records are gathered.
    #[must_use]
    pub const fn records(&self) -> u32 {
        self.records
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Never for the types of this program; an encoder that fails is reported instead of trusted.
    pub fn push(&mut self, record: &RecordRef<'_>) -> Result<(), postcard::Error> {
        if self.records == 0 {
            self.bytes.clear();
            self.bytes.push(FORMAT);
            postcard::to_extend(ENGINE, Onto(&mut self.bytes))?;
        }
        let end = self.bytes.len();
        if let Err(error) = postcard::to_extend(record, Onto(&mut self.bytes)) {
            self.bytes.truncate(end);
            return Err(error);
        }
        self.records = self.records.saturating_add(1);
        Ok(())
    }

    /// The group as it is kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes on at a buffer's end. The buffer stays where it is: an encoder that fails, or panics, loses none of it.
struct Onto<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Onto<'_> {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, bytes: T) {
        self.0.extend(bytes);
    }
}

/// Where a group ended at some time.
#[derive(Debug, Clone, Copy)]
pub struct GroupEnd {
    bytes: usize,
    records: u32,
}

/// A group as it is read: its records one by one, in order.
#[derive(Debug)]
pub struct Group<'a> {
    /// The version of the program that wrote it.
    pub engine: &'a str,
    rest: &'a [u8],
    place: usize,
}

impl<'a> Group<'a> {
    /// Opens a group's bytes.
    ///
    /// # Errors
    /// A newer format, or damage.
    pub fn open(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let (format, rest) = bytes.split_first().ok_or(RecordError::Damaged(0))?;
        if *format > FORMAT {
            return Err(RecordError::Newer(*format));
        }
        let (engine, rest) = postcard::take_from_bytes(rest).map_err(|_| RecordError::Damaged(0))?;
        Ok(Group { engine, rest, place: 0 })
    }
}

impl Iterator for Group<'_> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let place = self.place;
        self.place = place.saturating_add(1);
        match postcard::take_from_bytes(self.rest) {
            Ok((record, rest)) => {
                self.rest = rest;
                Some(Ok(record))
            }
            Err(_) => {
                self.rest = &[];
                Some(Err(RecordError::Damaged(place)))
            }
        }
    }
}
