//! What the journal says: one record per decision and event, as it is read and, borrowed, as it is written.
//!
//! Variants and fields are only ever added at the end, with a new format number ([`super::group::FORMAT`]). Nothing here
//! touches a disk.

use arrayvec::ArrayVec;
use holdfast_core::agent::Governed;
use holdfast_core::hold::{AccountStatus, CardStatus, LimitUse, Order, Outcome, Step, ToldAnswer, ToldEvent};
use holdfast_core::rules::{LIMITS_MAX, OfLess, Verdict};
use holdfast_core::{
    AccountId, AuthorizationRequest, Basis, CardToken, CardholderToken, Checkout, IdempotencyKey, Money, PaymentRef,
    PlatformName, ProgramId, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::place::Place;

/// One record, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When the ledger applied it.
    pub at: Timestamp,
    /// Whose it is; `None` for what concerns the log itself.
    pub program: Option<ProgramId>,
    /// Who asked or told; `None` for operators and the program itself.
    pub platform: Option<PlatformName>,
    /// The ruleset that spoke, by hash, where one did.
    pub ruleset: Option<[u8; 32]>,
    /// Who did it and why, where an operator did: the digest of what is kept beside the journal.
    pub operator: Option<[u8; 16]>,
    /// Under which agent's authority a question was asked, if under any.
    pub governed: Option<Governed>,
    /// Which of the ledger's rows it is about, as they are numbered after it.
    pub place: Place,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub enum Body {
    /// An authorization was decided.
    Decided {
        /// When its callback arrived: the `now` of its rules.
        received_at: Timestamp,
        /// The question.
        request: AuthorizationRequest,
        /// What the rules thought.
        verdict: Verdict,
        /// What the verdict's limits had counted before, in its order.
        uses: Uses,
        /// What became of it; the decision and its basis included.
        outcome: Outcome,
    },
    /// An answer that was told without the ledger was adopted.
    Adopted {
        /// When its callback arrived.
        received_at: Timestamp,
        /// The question.
        request: AuthorizationRequest,
        /// What the rules thought, where they were asked.
        verdict: Option<Verdict>,
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
    /// A program ordered something about a payment of ours.
    Ordered {
        /// The order's key.
        key: IdempotencyKey,
        /// The payment.
        payment: PaymentRef,
        /// What was ordered.
        order: Order,
        /// What became of it; the decision included.
        outcome: Outcome,
    },
    /// A notification was kept that was not understood.
    Kept {
        /// SHA-256 of what is kept of it; in journals of older versions, of its bytes.
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
    /// A ruleset, or a stand-in table, became the live one; [`Record::ruleset`] says which.
    RulesPublished,
    /// The log can be written again after a failure.
    Opened,
    /// Everything before a record is going to be dropped; this is what will stand for it.
    Trimmed {
        /// The first record that is kept.
        record: i64,
        /// The hash of the last group before it.
        chain: [u8; 32],
        /// Of the checkpoint.
        seal: [u8; 32],
    },
    /// Two payments turned out to be one, by the message that the next record is about. The record's place has the one that takes over
    /// what is known of the other. Since format 10.
    Joined {
        /// A name that led to the one that takes.
        payment: PaymentRef,
        /// A name that led to the other.
        other: PaymentRef,
        /// The number of the other's hold, of which nothing is left.
        gives: u64,
        /// What became of the one that takes.
        outcome: Outcome,
    },
    /// What was told of an increment went to another payment, as the event says that the record after these is about, or before them. Two
    /// records: of the payment that gives it, then of the one that takes it. Since format 12.
    Reassigned {
        /// What the payment was called that the record is about.
        payment: PaymentRef,
        /// The increment's own names.
        increment: PaymentRef,
        /// What was told of it, as the payment that takes it has it.
        words: Vec<Step>,
        /// Which of the two the record is about.
        side: Side,
        /// What became of that.
        outcome: Outcome,
    },
}

/// Which of two payments something goes from, or to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// It has it no more.
    Gives,
    /// It has it from now on.
    Takes,
}

/// What limits had counted when a question was decided.
pub type Uses = ArrayVec<LimitUse, LIMITS_MAX>;

/// One record, as it is written: the same, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// As [`Record::at`].
    pub at: Timestamp,
    /// As [`Record::program`].
    pub program: Option<&'a ProgramId>,
    /// As [`Record::platform`].
    pub platform: Option<&'a PlatformName>,
    /// As [`Record::ruleset`].
    pub ruleset: Option<&'a [u8; 32]>,
    /// As [`Record::operator`].
    pub operator: Option<[u8; 16]>,
    /// As [`Record::governed`].
    pub governed: Option<&'a Governed>,
    /// As [`Record::place`].
    pub place: Place,
    /// As [`Record::body`].
    pub body: BodyRef<'a>,
}

/// [`Body`], borrowed: same variants, same fields, same order.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "each is documented at its twin in Body")]
pub enum BodyRef<'a> {
    Decided {
        received_at: Timestamp,
        request: &'a AuthorizationRequest,
        verdict: &'a Verdict,
        uses: &'a Uses,
        outcome: &'a Outcome,
    },
    Adopted {
        received_at: Timestamp,
        request: &'a AuthorizationRequest,
        verdict: Option<&'a Verdict>,
        told: &'a ToldAnswer,
        basis: &'a Basis,
        outcome: &'a Outcome,
    },
    Told {
        event: &'a ToldEvent,
        outcome: &'a Outcome,
    },
    Ordered {
        key: &'a IdempotencyKey,
        payment: &'a PaymentRef,
        order: &'a Order,
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
    RulesPublished,
    Opened,
    Trimmed {
        record: i64,
        chain: &'a [u8; 32],
        seal: &'a [u8; 32],
    },
    Joined {
        payment: &'a PaymentRef,
        other: &'a PaymentRef,
        gives: u64,
        outcome: &'a Outcome,
    },
    Reassigned {
        payment: &'a PaymentRef,
        increment: &'a PaymentRef,
        words: &'a [Step],
        side: Side,
        outcome: &'a Outcome,
    },
}

impl BodyRef<'_> {
    /// What a door of ours told of its question besides, where it has one and that was told.
    #[must_use]
    pub const fn checkout(&self) -> Option<&Checkout> {
        match self {
            BodyRef::Decided { request, .. } | BodyRef::Adopted { request, .. } => request.checkout.as_ref(),
            BodyRef::Told { .. }
            | BodyRef::Ordered { .. }
            | BodyRef::Kept { .. }
            | BodyRef::AccountEntered { .. }
            | BodyRef::CardEntered { .. }
            | BodyRef::RulesPublished
            | BodyRef::Opened
            | BodyRef::Trimmed { .. }
            | BodyRef::Joined { .. }
            | BodyRef::Reassigned { .. } => None,
        }
    }
}

impl BodyRef<'_> {
    /// How less of its payment would be held, where the rules said.
    pub(super) const fn of_less(&self) -> Option<&OfLess> {
        match self {
            BodyRef::Decided { verdict: Verdict::Proceed(proceed), .. }
            | BodyRef::Adopted { verdict: Some(Verdict::Proceed(proceed)), .. } => proceed.hold.of_less.as_ref(),
            BodyRef::Decided { .. }
            | BodyRef::Adopted { .. }
            | BodyRef::Told { .. }
            | BodyRef::Ordered { .. }
            | BodyRef::Kept { .. }
            | BodyRef::AccountEntered { .. }
            | BodyRef::CardEntered { .. }
            | BodyRef::RulesPublished
            | BodyRef::Opened
            | BodyRef::Trimmed { .. }
            | BodyRef::Joined { .. }
            | BodyRef::Reassigned { .. } => None,
        }
    }
}

impl Body {
    /// Gives its verdict what stands on a line of its own.
    pub(super) const fn held_of_less(&mut self, of_less: Option<OfLess>) {
        match self {
            Body::Decided { verdict: Verdict::Proceed(proceed), .. }
            | Body::Adopted { verdict: Some(Verdict::Proceed(proceed)), .. } => proceed.hold.of_less = of_less,
            Body::Decided { .. }
            | Body::Adopted { .. }
            | Body::Told { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => {}
        }
    }

    /// Gives its question what was told of it besides, which stands on a line of its own.
    pub(super) const fn told_besides(&mut self, checkout: Option<Checkout>) {
        match self {
            Body::Decided { request, .. } | Body::Adopted { request, .. } => request.checkout = checkout,
            Body::Told { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => {}
        }
    }

    /// What became of it, where it could become something.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        match self {
            Body::Decided { outcome, .. }
            | Body::Adopted { outcome, .. }
            | Body::Told { outcome, .. }
            | Body::Ordered { outcome, .. }
            | Body::Joined { outcome, .. }
            | Body::Reassigned { outcome, .. } => Some(outcome),
            Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. } => None,
        }
    }

    /// The body as it is written.
    #[must_use]
    pub fn as_written(&self) -> BodyRef<'_> {
        match self {
            Body::Decided { received_at, request, verdict, uses, outcome } => {
                BodyRef::Decided { received_at: *received_at, request, verdict, uses, outcome }
            }
            Body::Adopted { received_at, request, verdict, told, basis, outcome } => {
                BodyRef::Adopted { received_at: *received_at, request, verdict: verdict.as_ref(), told, basis, outcome }
            }
            Body::Told { event, outcome } => BodyRef::Told { event, outcome },
            Body::Ordered { key, payment, order, outcome } => BodyRef::Ordered { key, payment, order, outcome },
            Body::Kept { digest, problem, redacted } => BodyRef::Kept { digest, problem, redacted },
            Body::AccountEntered { account, balance, credit_line, status } => {
                BodyRef::AccountEntered { account, balance: *balance, credit_line: *credit_line, status: *status }
            }
            Body::CardEntered { card, account, cardholder, status } => {
                BodyRef::CardEntered { card, account, cardholder: cardholder.as_ref(), status: *status }
            }
            Body::RulesPublished => BodyRef::RulesPublished,
            Body::Opened => BodyRef::Opened,
            Body::Trimmed { record, chain, seal } => BodyRef::Trimmed { record: *record, chain, seal },
            Body::Joined { payment, other, gives, outcome } => BodyRef::Joined { payment, other, gives: *gives, outcome },
            Body::Reassigned { payment, increment, words, side, outcome } => {
                BodyRef::Reassigned { payment, increment, words, side: *side, outcome }
            }
        }
    }
}

impl Record {
    /// The record as it is written.
    #[must_use]
    pub fn as_written(&self) -> RecordRef<'_> {
        RecordRef {
            at: self.at,
            program: self.program.as_ref(),
            platform: self.platform.as_ref(),
            ruleset: self.ruleset.as_ref(),
            operator: self.operator,
            governed: self.governed.as_ref(),
            place: self.place,
            body: self.body.as_written(),
        }
    }
}
