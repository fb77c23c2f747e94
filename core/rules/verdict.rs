//! The rules' opinion. It is never an answer: status, funds and limits are the ledger's, and it may still say no.

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hold_policy::HoldPolicy;
use super::ways::{Way, Ways};
use crate::decision::DeclineReason;
use crate::ids::RuleId;
use crate::money::Money;
use crate::time::Timestamp;

/// The most limits that one request can move. A ruleset with more does not load.
pub const LIMITS_MAX: usize = 16;

/// What the rules think of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "it lives in place on the request path; boxing would allocate there")]
pub enum Verdict {
    /// No, by this rule.
    Decline {
        /// Why.
        reason: DeclineReason,
        /// The rule that decided.
        rule: RuleId,
    },
    /// Nothing against it, if the ledger finds status, funds and these limits in order.
    Proceed(Proceed),
}

/// Under what conditions a request may be approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proceed {
    /// The most that may be approved.
    pub ceiling: Money,
    /// The limits that apply to this request, each with the window that is open now.
    pub limits: ArrayVec<LimitCheck, LIMITS_MAX>,
    /// How it is held.
    pub hold: HoldPolicy,
    /// Which of several ways are open, one of which is taken; none where there are not several. Recorded on a line of its own.
    #[serde(skip)]
    pub ways: Option<Ways>,
}

impl Proceed {
    /// The same once a way is taken: what counts on another one is left out.
    #[must_use]
    pub fn by(mut self, taken: Option<Way>) -> Self {
        self.limits.retain(|check| check.counts_on(taken));
        self.limits.iter_mut().for_each(|check| check.ways = None);
        self.ways = taken.map(Ways::from);
        self
    }

    /// The way that is taken where nothing is known of any: the first that is open.
    #[must_use]
    pub fn first_way(&self) -> Option<Way> {
        self.ways.and_then(Ways::first)
    }
}

/// One limit as it applies to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitCheck {
    /// The limit's name in its ruleset.
    pub limit: RuleId,
    /// What is counted: the same key counts on, whatever else changes in the ruleset.
    pub counter: CounterKey,
    /// Whose counter it is.
    pub scope: LimitScope,
    /// Where in time it counts.
    pub window: Window,
    /// The most money in the window, in minor units of the program's currency.
    pub amount_max: Option<i64>,
    /// The most transactions in the window.
    pub count_max: Option<u32>,
    /// Whether passing it declines.
    pub enforcement: Enforcement,
    /// Which other window may be open in place of that, where its calendar was moved. Not recorded.
    #[serde(skip)]
    pub still: StillOpen,
    /// The ways of which one has to be taken for it to count; none where it counts whichever is. Recorded on a line of its own.
    #[serde(skip)]
    pub ways: Option<Ways>,
}

impl LimitCheck {
    /// Whether it counts where a way is taken, or none because there are not several.
    #[must_use]
    pub fn counts_on(&self, taken: Option<Way>) -> bool {
        match (self.ways, taken) {
            (Some(ways), Some(way)) => ways.has(way),
            (None, _) | (Some(_), None) => true,
        }
    }

    /// Whether it bounds what is added to a payment by where the payment was counted. What is added is no payment more: a way that counts
    /// payments would have room for it without an end, though another way counted the payment.
    #[must_use]
    pub const fn is_for_its_own_payments(&self) -> bool {
        self.ways.is_some() && self.count_max.is_some()
    }
}

/// What is open of a calendar window's counter after its calendar was moved to another zone, or to weeks that begin on another day: the
/// window that it had, if that began after this moment. Nothing where no calendar can have been moved.
///
/// The ledger asks it of what a counter has, and records the window that counted: two checks that differ in nothing else are the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct StillOpen(Option<Timestamp>);

impl PartialEq for StillOpen {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for StillOpen {}

impl StillOpen {
    /// The calendar was not moved, or it is none.
    pub const NOTHING: StillOpen = StillOpen(None);

    /// What began after a moment.
    #[must_use]
    pub const fn after(moment: Timestamp) -> Self {
        StillOpen(Some(moment))
    }

    /// Whether a window is open that began then, in place of one that began later.
    #[must_use]
    pub fn has(self, began: Timestamp) -> bool {
        self.0.is_some_and(|after| began > after)
    }

    /// The moment after which a window has to have begun.
    #[must_use]
    pub const fn moment(self) -> Option<Timestamp> {
        self.0
    }
}

/// Identifies what a limit counts: made of the program, the limit's name, its scope and its kind of window; of a limit that counts for
/// merchants or cardholders, also of whom it counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CounterKey(pub u64);

impl CounterKey {
    /// The counter of one of those whom a limit counts for.
    #[must_use]
    pub fn of_subject(self, subject: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(self.0.to_le_bytes()).chain_update(subject).finalize();
        CounterKey(u64::from_le_bytes(digest.first_chunk().copied().unwrap_or_default()))
    }

    /// The first bytes of a digest of parts, none of which has a zero byte.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
            digest.update([0]);
        }
        CounterKey(u64::from_le_bytes(digest.finalize().first_chunk().copied().unwrap_or_default()))
    }
}

/// Whose transactions a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LimitScope {
    /// Those of one card.
    Card,
    /// Those of one account, whatever card.
    Account,
    /// All of the program.
    Program,
    /// Those at one merchant, whatever card; the check's counter is that merchant's own. Payments that name no merchant count together.
    Merchant,
    /// Those of one cardholder, whatever card or account; the check's counter is that cardholder's own. Where nobody told whose a
    /// card is, it counts by itself.
    Cardholder,
    /// Those of one spending authority, through whatever binding; the counter's key says which.
    Authority,
    /// Those that one intent was for; the counter's key says which.
    Intent,
    /// Those that come from one address of the Internet; the check's counter is that address's own. What tells none counts nowhere.
    IpAddress,
    /// One payment, with all that is added to it: what it has is known of its hold, and no counter is kept. Since format 7.
    Payment,
    /// The same, of a payment that no person looked at. Since format 7.
    Unreviewed,
}

impl LimitScope {
    /// All scopes, in the order of declaration.
    pub const ALL: [LimitScope; 10] = [
        LimitScope::Card,
        LimitScope::Account,
        LimitScope::Program,
        LimitScope::Merchant,
        LimitScope::Cardholder,
        LimitScope::Authority,
        LimitScope::Intent,
        LimitScope::IpAddress,
        LimitScope::Payment,
        LimitScope::Unreviewed,
    ];

    /// Those that a program's own rulesets can name.
    pub const OF_PROGRAMS: [LimitScope; 6] = [
        LimitScope::Card,
        LimitScope::Account,
        LimitScope::Program,
        LimitScope::Merchant,
        LimitScope::Cardholder,
        LimitScope::IpAddress,
    ];

    /// As which scope engines keep its counter: where the key alone says whose it is, as a program's.
    #[must_use]
    pub const fn kept_as(self) -> LimitScope {
        match self {
            LimitScope::Card => LimitScope::Card,
            LimitScope::Account => LimitScope::Account,
            LimitScope::Program
            | LimitScope::Merchant
            | LimitScope::Cardholder
            | LimitScope::Authority
            | LimitScope::Intent
            | LimitScope::IpAddress
            | LimitScope::Payment
            | LimitScope::Unreviewed => LimitScope::Program,
        }
    }

    /// Whether it is about one payment alone, whose hold says what it has: nothing counts there.
    #[must_use]
    pub const fn is_of_payment(self) -> bool {
        match self {
            LimitScope::Payment | LimitScope::Unreviewed => true,
            LimitScope::Card
            | LimitScope::Account
            | LimitScope::Program
            | LimitScope::Merchant
            | LimitScope::Cardholder
            | LimitScope::Authority
            | LimitScope::Intent
            | LimitScope::IpAddress => false,
        }
    }

    /// Whether it is an authority's own, or an intent's: no ruleset of a program has it.
    #[must_use]
    pub const fn is_of_authority(self) -> bool {
        match self {
            LimitScope::Authority | LimitScope::Intent | LimitScope::Payment | LimitScope::Unreviewed => true,
            LimitScope::Card
            | LimitScope::Account
            | LimitScope::Program
            | LimitScope::Merchant
            | LimitScope::Cardholder
            | LimitScope::IpAddress => false,
        }
    }

    /// Why a limit of this scope declines, where the sum of amounts passes it.
    #[must_use]
    pub const fn amount_reason(self) -> DeclineReason {
        match self {
            LimitScope::Card
            | LimitScope::Account
            | LimitScope::Program
            | LimitScope::Merchant
            | LimitScope::Cardholder
            | LimitScope::IpAddress => DeclineReason::AmountLimitReached,
            LimitScope::Authority => DeclineReason::PolicyLimitReached,
            LimitScope::Intent => DeclineReason::IntentMismatched,
            LimitScope::Payment => DeclineReason::PolicyAmount,
            LimitScope::Unreviewed => DeclineReason::ReviewRequired,
        }
    }

    /// Why a limit of this scope declines, where the number of transactions passes it.
    #[must_use]
    pub const fn count_reason(self) -> DeclineReason {
        match self {
            LimitScope::Card
            | LimitScope::Account
            | LimitScope::Program
            | LimitScope::Merchant
            | LimitScope::Cardholder
            | LimitScope::IpAddress => DeclineReason::CountLimitReached,
            LimitScope::Authority => DeclineReason::PolicyLimitReached,
            LimitScope::Intent => DeclineReason::IntentUsed,
            LimitScope::Payment => DeclineReason::PolicyAmount,
            LimitScope::Unreviewed => DeclineReason::ReviewRequired,
        }
    }

    /// The scope as rulesets, tables and listings write it. A limit's counter is named by it, too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LimitScope::Card => "card",
            LimitScope::Account => "account",
            LimitScope::Program => "program",
            LimitScope::Merchant => "merchant",
            LimitScope::Cardholder => "cardholder",
            LimitScope::Authority => "authority",
            LimitScope::Intent => "intent",
            LimitScope::IpAddress => "ip_address",
            LimitScope::Payment => "payment",
            LimitScope::Unreviewed => "unreviewed",
        }
    }
}

/// Where in time a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Window {
    /// A day, week or month of the program's calendar, by the moment it began.
    Since(Timestamp),
    /// The last `buckets` buckets, this one included; buckets are numbered from the epoch.
    Rolling {
        /// The number of the bucket that is open now.
        bucket: i64,
        /// How many buckets count, at most 61.
        buckets: u8,
    },
    /// For ever.
    Lifetime,
}

/// Whether a limit that is passed declines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Enforcement {
    /// It declines.
    Enforce,
    /// It only counts.
    Observe,
}
