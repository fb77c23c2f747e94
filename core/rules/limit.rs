//! One spend limit: whose transactions it counts, over which time, and how much may be reached.
//!
//! Rules only say which limits apply and where they count; the ledger counts, atomically with the hold. What counts:
//!
//! | kind | amount | count |
//! |---|---|---|
//! | kinds that take money | yes | yes |
//! | `incremental` | yes | no: its payment was counted |
//! | `account_verification` | no: it has none | yes |
//! | `credit`, `balance_inquiry` | no | no |

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::authorization::AuthorizationKind;
use crate::ids::{ProgramId, RuleId};
use crate::merchant::Country;
use crate::money::{Currency, Money};
use crate::time::Timestamp;

use super::hours::Weekday;
use super::problem::RulesetProblem;
use super::sets::KindSet;
use super::verdict::{CounterKey, Enforcement, LimitCheck, LimitScope, StillOpen, Window};
use super::when::{Facts, When};
use super::zone::Zone;

/// The most buckets of a rolling window.
pub const BUCKETS_MAX: u8 = 60;

const SECOND: Duration = Duration::from_secs(1);

/// By how much a window may be longer than the one before it because clocks are put back.
const CLOCKS_PUT_BACK: Duration = Duration::from_secs(3600);

/// The kinds that count in limits.
const COUNTED: KindSet = KindSet::ALL.without(AuthorizationKind::Credit).without(AuthorizationKind::BalanceInquiry);

/// One limit of a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    pub(super) id: RuleId,
    pub(super) description: Option<Box<str>>,
    pub(super) scope: LimitScope,
    pub(super) window: LimitWindow,
    pub(super) amount_max: Option<Money>,
    pub(super) count_max: Option<u32>,
    pub(super) enforcement: Enforcement,
    pub(super) kinds: KindSet,
    pub(super) when: When,
    /// Whose counter it is, where its scope is none that the ledger knows by card and account.
    subject: Option<Box<str>>,
    counter: CounterKey,
    additions: Additions,
}

/// What a limit on the number of payments has to say of what is added to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Additions {
    /// Nothing: the payment was counted when it was opened.
    Pass,
    /// It is one of several ways that counts, so that the payment may have been counted elsewhere: whoever counts has to look.
    AskWhereCounted,
}

/// Over which time a limit counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitWindow {
    /// A calendar day in a zone.
    Day(Arc<Zone>),
    /// A calendar week in a zone, beginning on a day of the week.
    Week(Arc<Zone>, Weekday),
    /// A calendar month in a zone.
    Month(Arc<Zone>),
    /// The time just past, in buckets.
    Rolling(Rolling),
    /// For ever.
    Lifetime,
}

/// A rolling window: so many buckets of so many seconds. What it forgets, it forgets a bucket at a time, and only once all of the bucket
/// is older than the window is long: in no stretch of its length is there more than a limit lets pass, and what counted counts for at
/// most one bucket longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolling {
    bucket_seconds: u32,
    buckets: u8,
    oldest: Oldest,
}

/// What becomes of the bucket of which a part is older than the window is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oldest {
    /// It counts whole.
    Counts,
    /// It does not count any more.
    Forgotten,
}

impl Rolling {
    /// A window of so many seconds in so many buckets.
    ///
    /// # Errors
    /// No buckets, more than [`BUCKETS_MAX`], or buckets that are not whole seconds.
    pub fn new(length_seconds: u32, buckets: u8) -> Result<Self, RulesetProblem> {
        let uneven = length_seconds.checked_rem(u32::from(buckets)) != Some(0);
        match length_seconds.checked_div(u32::from(buckets)) {
            Some(bucket_seconds) if !uneven && bucket_seconds > 0 && buckets <= BUCKETS_MAX => {
                Ok(Rolling { bucket_seconds, buckets, oldest: Oldest::Counts })
            }
            Some(_) | None => Err(RulesetProblem::UnevenBuckets),
        }
    }

    /// The same for what is expected once in a length, and may come a little early: nothing counts for longer than the length, and
    /// everything for at least that less one bucket.
    #[must_use]
    pub const fn forgetting_early(mut self) -> Self {
        self.oldest = Oldest::Forgotten;
        self
    }

    /// How long a bucket is.
    #[must_use]
    pub const fn bucket_seconds(self) -> u32 {
        self.bucket_seconds
    }

    /// How many its length divides into.
    #[must_use]
    pub const fn buckets(self) -> u8 {
        self.buckets
    }

    /// How many count, the open one and the oldest included.
    #[must_use]
    pub const fn counted(self) -> u8 {
        match self.oldest {
            Oldest::Counts => self.buckets.saturating_add(1),
            Oldest::Forgotten => self.buckets,
        }
    }

    /// How long it is in all.
    #[must_use]
    pub const fn length_seconds(self) -> u32 {
        self.bucket_seconds.saturating_mul(self.buckets as u32)
    }
}

impl LimitWindow {
    /// `day`, `week`, `month`, `rolling` or `lifetime`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            LimitWindow::Day(_) => "day",
            LimitWindow::Week(..) => "week",
            LimitWindow::Month(_) => "month",
            LimitWindow::Rolling(_) => "rolling",
            LimitWindow::Lifetime => "lifetime",
        }
    }

    /// The window that is open at a moment.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Window {
        match self {
            LimitWindow::Day(zone) => Window::Since(zone.day_start(now)),
            LimitWindow::Week(zone, first_day) => Window::Since(zone.week_start(now, *first_day)),
            LimitWindow::Month(zone) => Window::Since(zone.month_start(now)),
            LimitWindow::Rolling(rolling) => Window::Rolling {
                // The length is never zero; see `Rolling::new`.
                bucket: now.unix_seconds().checked_div_euclid(i64::from(rolling.bucket_seconds)).unwrap_or(0),
                buckets: rolling.counted(),
            },
            LimitWindow::Lifetime => Window::Lifetime,
        }
    }

    /// What else may be open at a moment than its window then, if the calendar was another one when it was opened.
    #[must_use]
    pub fn still_open(&self, window: Window, now: Timestamp) -> StillOpen {
        let Window::Since(open) = window else { return StillOpen::NOTHING };
        match self.at(open.saturating_sub(SECOND)) {
            Window::Since(before) => moved_from(before, open, now),
            Window::Rolling { .. } | Window::Lifetime => StillOpen::NOTHING,
        }
    }
}

/// Of a calendar whose last windows began at `before` and at `open`, what is open now if it was moved.
///
/// By the same calendar no window begins between those two. One that does was opened by another calendar, and is either the
/// same window, begun a little earlier than this calendar has it, and as long open as this one; or the one before it, begun
/// later, and open until it has had its length. Which of them it is, is told by what it is nearer to. So nothing is forgotten
/// while it would have counted had the calendar stayed, nor what counts in the window that is open by either.
#[must_use]
pub fn moved_from(before: Timestamp, open: Timestamp, now: Timestamp) -> StillOpen {
    let length = open.saturating_since(before);
    let gone = now.saturating_since(open).saturating_sub(CLOCKS_PUT_BACK);
    StillOpen::after(before.saturating_add(gone.min(length.checked_div(2).unwrap_or_default())))
}

impl Limit {
    /// A limit on nothing yet; give it a maximum.
    #[must_use]
    pub fn new(id: RuleId, scope: LimitScope, window: LimitWindow) -> Self {
        Limit {
            id,
            description: None,
            scope,
            window,
            amount_max: None,
            count_max: None,
            enforcement: Enforcement::Enforce,
            kinds: COUNTED,
            when: When::default(),
            subject: None,
            counter: CounterKey(0),
            additions: Additions::Pass,
        }
    }

    /// The same limit with a sentence for people.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The same limit on the sum of the amounts.
    #[must_use]
    pub const fn amount_max(mut self, amount_max: Money) -> Self {
        self.amount_max = Some(amount_max);
        self
    }

    /// The same limit on the number of transactions.
    #[must_use]
    pub const fn count_max(mut self, count_max: u32) -> Self {
        self.count_max = Some(count_max);
        self
    }

    /// The same limit, declining or only observed.
    #[must_use]
    pub const fn enforced(mut self, enforcement: Enforcement) -> Self {
        self.enforcement = enforcement;
        self
    }

    /// The same limit, counting only under these conditions.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.kinds = when.kinds.unwrap_or(COUNTED);
        self.when = when;
        self
    }

    /// The same limit, counting for this subject alone, whatever is presented.
    #[must_use]
    pub fn counting_for(mut self, subject: &str) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same limit on one of several ways: what is added to a payment hears of its count, too.
    #[must_use]
    pub const fn on_one_of_several_ways(mut self) -> Self {
        self.additions = Additions::AskWhereCounted;
        self
    }

    /// Whether it limits the sum of amounts.
    #[must_use]
    pub const fn is_on_amounts(&self) -> bool {
        self.amount_max.is_some()
    }

    /// How long what it counts counts.
    pub(crate) const fn window(&self) -> &LimitWindow {
        &self.window
    }

    /// What it is about.
    pub(crate) const fn conditions(&self) -> &When {
        &self.when
    }

    /// Whose payments it counts.
    #[must_use]
    pub const fn scope(&self) -> LimitScope {
        self.scope
    }

    /// The limit's name.
    #[must_use]
    pub const fn id(&self) -> RuleId {
        self.id
    }

    /// What its author says about it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What it counts in, once it is part of a ruleset.
    #[must_use]
    pub const fn counter(&self) -> CounterKey {
        self.counter
    }

    /// What is wrong with a limit that somebody writes now, though it loads: no kind that it is about counts in a maximum that it has.
    /// Rulesets that were published before it was looked for go on as they are.
    #[must_use]
    pub fn counts_nothing(&self) -> Option<RulesetProblem> {
        let has_maximum = self.amount_max.is_some() || self.count_max.is_some();
        let is_about_counted = self.kinds.iter().any(|kind| COUNTED.contains(kind));
        let counts = self.kinds.iter().any(|kind| self.maxima(kind) != (None, None));
        (has_maximum && is_about_counted && !counts).then_some(RulesetProblem::NothingCounted)
    }

    /// Every way in which it is wrong.
    pub(super) fn problems(&self, currency: Currency, country: Option<Country>) -> Vec<RulesetProblem> {
        let mut problems = self.when.problems(currency, country);
        if self.amount_max.is_none() && self.count_max.is_none() {
            problems.push(RulesetProblem::NoMaximum);
        }
        if let Some(amount_max) = self.amount_max {
            if amount_max.currency() != currency {
                problems.push(RulesetProblem::OtherCurrency);
            }
            if amount_max.is_negative() {
                problems.push(RulesetProblem::NegativeAmount);
            }
        }
        if self.amount_max.is_some_and(Money::is_zero) || self.count_max == Some(0) {
            problems.push(RulesetProblem::ZeroMaximum);
        }
        if !self.kinds.iter().any(|kind| COUNTED.contains(kind)) {
            problems.push(RulesetProblem::KindNotCounted);
        }
        problems
    }

    /// Gives it the counter that it has in a program.
    ///
    /// A limit that keeps its name, scope and kind of window counts on under a new ruleset, whatever its maximum, zone or
    /// conditions are; a rolling window of another length or other buckets starts afresh.
    pub(super) fn join(&mut self, program: ProgramId) {
        let mut digest = Sha256::new();
        for part in [program.as_str(), self.id.as_str(), self.scope.name(), self.window.name()] {
            // No name has a zero byte, so the parts cannot run into each other.
            digest.update(part);
            digest.update([0]);
        }
        if let LimitWindow::Rolling(rolling) = &self.window {
            digest.update(rolling.bucket_seconds.to_le_bytes());
            digest.update([rolling.buckets]);
        }
        if let Some(subject) = &self.subject {
            digest.update(subject.as_bytes());
        }
        let first_bytes = digest.finalize().first_chunk().copied().unwrap_or_default();
        self.counter = CounterKey(u64::from_le_bytes(first_bytes));
    }

    /// The counter of whom it counts for; `None` where it counts for nobody.
    fn counter_for(&self, facts: &Facts<'_>) -> Option<CounterKey> {
        let merchant = &facts.request.merchant;
        Some(match self.scope {
            // Whose an authority's or an intent's is was part of its counter from the start.
            LimitScope::Card
            | LimitScope::Account
            | LimitScope::Program
            | LimitScope::Authority
            | LimitScope::Intent
            | LimitScope::Payment
            | LimitScope::Unreviewed => self.counter,
            LimitScope::Merchant => match (&merchant.id, &merchant.name) {
                (Some(id), _) => self.counter.of_subject(id.as_str().as_bytes()),
                (None, Some(name)) => self.counter.of_subject(name.as_bytes()),
                (None, None) => self.counter,
            },
            LimitScope::Cardholder => match &facts.request.cardholder {
                Some(cardholder) => self.counter.of_subject(cardholder.as_str().as_bytes()),
                // Nobody knows whose the card is: it counts by itself, and not with everybody else's.
                None => match &facts.request.card {
                    Some(card) => self.counter.of_subject(b"nobody's").of_subject(card.as_str().as_bytes()),
                    None => self.counter,
                },
            },
            LimitScope::IpAddress => {
                let address = facts.request.checkout.and_then(|checkout| checkout.ip_address)?;
                // One number for both ways to write an IPv4 address.
                let number = match address.to_canonical() {
                    IpAddr::V4(address) => address.to_ipv6_mapped(),
                    IpAddr::V6(address) => address,
                };
                self.counter.of_subject(&number.octets())
            }
        })
    }

    /// Which of its maxima a kind counts in.
    const fn maxima(&self, kind: AuthorizationKind) -> (Option<Money>, Option<u32>) {
        match kind {
            AuthorizationKind::Purchase
            | AuthorizationKind::PurchaseWithCashback
            | AuthorizationKind::CashWithdrawal
            | AuthorizationKind::QuasiCash
            | AuthorizationKind::BillPayment => (self.amount_max, self.count_max),
            AuthorizationKind::Incremental => match self.additions {
                Additions::Pass => (self.amount_max, None),
                Additions::AskWhereCounted => (self.amount_max, self.count_max),
            },
            AuthorizationKind::AccountVerification => (None, self.count_max),
            AuthorizationKind::Credit | AuthorizationKind::BalanceInquiry | AuthorizationKind::Unknown => (None, None),
        }
    }

    /// How it applies to a request; `None` if the request does not count in it.
    pub(super) fn check(&self, facts: &Facts<'_>) -> Option<LimitCheck> {
        let kind = facts.request.kind;
        if !self.kinds.contains(kind) || !self.when.holds(facts) {
            return None;
        }
        let (amount_max, count_max) = self.maxima(kind);
        if amount_max.is_none() && count_max.is_none() {
            return None;
        }
        let window = self.window.at(facts.now);
        Some(LimitCheck {
            limit: self.id,
            counter: self.counter_for(facts)?,
            scope: self.scope,
            window,
            amount_max: amount_max.map(Money::minor),
            count_max,
            enforcement: self.enforcement,
            still: self.window.still_open(window, facts.now),
            ways: None,
        })
    }
}
