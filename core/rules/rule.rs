//! One rule: what it is about, its one check, and the reason with which it declines.

use crate::authorization::{AuthorizationKind, AuthorizationRequest, CrossBorder, Wallet};
use crate::decision::DeclineReason;
use crate::ids::{MerchantId, RuleId};
use crate::merchant::{Country, MerchantCategoryCode, MerchantName};
use crate::money::{Currency, Money};

use super::checkout::CheckoutCondition;
use super::hours::Hours;
use super::mcc_groups::{CASH, MccGroup, QUASI_CASH};
use super::problem::RulesetProblem;
use super::sets::{EntryModeSet, KindSet, Listed, MccSet, SortedSet};
use super::verdict::Enforcement;
use super::when::{Facts, When};

/// One rule of a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) id: RuleId,
    pub(super) description: Option<Box<str>>,
    pub(super) enforcement: Enforcement,
    pub(super) reason: Option<DeclineReason>,
    pub(super) kinds: KindSet,
    /// Conditions beside the kinds; most rules have none, and are asked the faster for it.
    pub(super) when: Option<Box<When>>,
    pub(super) check: Check,
}

/// What a rule looks at, and what passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The amount of one transaction.
    Amount(AmountRange),
    /// What the cardholder wants to do.
    Kind(Listed<KindSet>),
    /// What the merchant sells.
    Mcc(Listed<MccSet>),
    /// The merchant, by the acquirer's identifier.
    MerchantId(Listed<SortedSet<MerchantId>>),
    /// The merchant, by name: letters and digits only.
    MerchantName(Listed<SortedSet<MerchantName>>),
    /// Where the merchant is.
    MerchantCountry(Listed<SortedSet<Country>>),
    /// Payments across a border are denied, or nothing else passes.
    CrossBorder(Requirement),
    /// How the card was presented.
    EntryMode(Listed<EntryModeSet>),
    /// Cash from a machine, a counter or on top of a purchase does not pass.
    Cash,
    /// What turns into cash at once does not pass.
    QuasiCash,
    /// Wallets' tokens are denied, or nothing else passes.
    Wallet(Requirement),
    /// The day and hour at which it is decided.
    Hours(Hours),
    /// The currency of the amount.
    Currency(Listed<Box<[Currency]>>),
    /// What is told of a payment at a door of ours.
    Checkout(Listed<CheckoutCondition>),
    /// What at least one of several ways would let pass; a way is checks that all have to.
    AnyOf(Box<[Box<[Check]>]>),
}

/// Whether something must be there, or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// It must not.
    Deny,
    /// It must; where it is not told whether it is, it is not.
    Require,
}

/// The amounts that pass, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountRange {
    min: Option<Money>,
    max: Option<Money>,
}

impl AmountRange {
    /// From the least amount to the greatest, one of which may be open.
    ///
    /// # Errors
    /// Both open, a negative end, two currencies, or a least amount above the greatest.
    pub fn new(min: Option<Money>, max: Option<Money>) -> Result<Self, RulesetProblem> {
        if [min, max].into_iter().flatten().any(Money::is_negative) {
            return Err(RulesetProblem::NegativeAmount);
        }
        match (min, max) {
            (None, None) => Err(RulesetProblem::NoAmount),
            (Some(min), Some(max)) if min.currency() != max.currency() => Err(RulesetProblem::OtherCurrency),
            (Some(min), Some(max)) if min.minor() > max.minor() => Err(RulesetProblem::MinAboveMax),
            (Some(_), _) | (None, Some(_)) => Ok(AmountRange { min, max }),
        }
    }

    /// The least amount that passes.
    #[must_use]
    pub const fn min(&self) -> Option<Money> {
        self.min
    }

    /// The greatest amount that passes.
    #[must_use]
    pub const fn max(&self) -> Option<Money> {
        self.max
    }

    /// Why an amount does not pass. One that cannot be compared does not.
    pub(crate) fn refusal(&self, amount: Money) -> Option<DeclineReason> {
        let ends = [self.min, self.max].into_iter().flatten();
        if ends.into_iter().any(|end| end.currency() != amount.currency()) {
            return Some(DeclineReason::CurrencyNotAllowed);
        }
        if self.max.is_some_and(|max| amount.minor() > max.minor()) {
            return Some(DeclineReason::AmountAboveMaximum);
        }
        self.min.is_some_and(|min| amount.minor() < min.minor()).then_some(DeclineReason::AmountBelowMinimum)
    }
}

impl Rule {
    /// A rule that declines what its check refuses.
    #[must_use]
    pub fn new(id: RuleId, check: Check) -> Self {
        let kinds = check.kinds_by_nature();
        Rule { id, description: None, enforcement: Enforcement::Enforce, reason: None, kinds, when: None, check }
    }

    /// The same rule with a sentence for people.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The same rule, only under these conditions.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.kinds = when.kinds.unwrap_or(self.check.kinds_by_nature());
        self.when = (when != When::default()).then(|| Box::new(when));
        self
    }

    /// The same rule, declining with this reason instead of its check's own.
    #[must_use]
    pub const fn declining_with(mut self, reason: DeclineReason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same rule, declining or only observed: a rule on trial shows up in traces and declines nothing.
    #[must_use]
    pub const fn enforced(mut self, enforcement: Enforcement) -> Self {
        self.enforcement = enforcement;
        self
    }

    /// The rule's name.
    #[must_use]
    pub const fn id(&self) -> RuleId {
        self.id
    }

    /// What its author says about it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Whether it declines.
    #[must_use]
    pub const fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// What it looks at.
    #[must_use]
    pub const fn check(&self) -> &Check {
        &self.check
    }

    /// Its conditions beside the kinds, if it has any.
    pub(crate) fn conditions(&self) -> Option<&When> {
        self.when.as_deref()
    }

    /// Every way in which it is wrong.
    pub(super) fn problems(&self, currency: Currency, country: Option<Country>) -> Vec<RulesetProblem> {
        let mut problems = self.when.as_ref().map(|when| when.problems(currency, country)).unwrap_or_default();
        match &self.check {
            Check::Amount(range) => {
                if [range.min, range.max].into_iter().flatten().any(|end| end.currency() != currency) {
                    problems.push(RulesetProblem::OtherCurrency);
                }
                let without_amount = [AuthorizationKind::AccountVerification, AuthorizationKind::BalanceInquiry];
                if without_amount.into_iter().any(|kind| self.kinds.contains(kind)) {
                    problems.push(RulesetProblem::KindWithoutAmount);
                }
            }
            Check::CrossBorder(_) if country.is_none() => problems.push(RulesetProblem::CountryNotNamed),
            Check::Currency(Listed::Allow(list) | Listed::Deny(list)) if list.is_empty() => {
                problems.push(RulesetProblem::EmptyList);
            }
            Check::Kind(_) | Check::Mcc(_) | Check::MerchantId(_) | Check::MerchantName(_) | Check::MerchantCountry(_) => {}
            Check::CrossBorder(_) | Check::EntryMode(_) | Check::Cash | Check::QuasiCash | Check::Wallet(_) => {}
            Check::Checkout(Listed::Allow(condition) | Listed::Deny(condition)) => problems.extend(condition.problems(currency)),
            Check::Hours(_) | Check::Currency(_) => {}
            Check::AnyOf(ways) => problems.extend(problems_of_ways(ways, currency, country)),
        }
        if self.reason.is_some_and(|reason| !is_for_rules(reason)) {
            problems.push(RulesetProblem::ReasonNotForRules);
        }
        problems
    }

    /// Why this rule declines a request; `None` if it does not.
    pub(super) fn refusal(&self, facts: &Facts<'_>) -> Option<DeclineReason> {
        if !self.kinds.contains(facts.request.kind) || self.when.as_ref().is_some_and(|when| !when.holds(facts)) {
            return None;
        }
        self.check.refusal(facts).map(|reason| self.reason.unwrap_or(reason))
    }
}

impl Check {
    /// The kinds that a rule with this check is about unless it names its own.
    const fn kinds_by_nature(&self) -> KindSet {
        match self {
            Check::Amount(_) => KindSet::TAKING_MONEY,
            Check::Kind(_) => KindSet::ALL,
            Check::Mcc(_)
            | Check::MerchantId(_)
            | Check::MerchantName(_)
            | Check::MerchantCountry(_)
            | Check::CrossBorder(_)
            | Check::EntryMode(_)
            | Check::Cash
            | Check::QuasiCash
            | Check::Wallet(_)
            | Check::Hours(_)
            | Check::Currency(_)
            | Check::Checkout(_)
            | Check::AnyOf(_) => KindSet::ALL.without(AuthorizationKind::Credit),
        }
    }

    fn refusal(&self, facts: &Facts<'_>) -> Option<DeclineReason> {
        let request = facts.request;
        let merchant = &request.merchant;
        match self {
            Check::Amount(range) => range.refusal(request.amount),
            Check::Kind(kinds) => kinds
                .refuses(Some(request.kind), |set, kind| set.contains(kind))
                .then_some(DeclineReason::TransactionNotPermitted),
            Check::Mcc(categories) => {
                categories.refuses(merchant.mcc, MccSet::contains).then_some(DeclineReason::MerchantCategoryNotAllowed)
            }
            Check::MerchantId(ids) => {
                ids.refuses(merchant.id.as_ref(), SortedSet::contains).then_some(DeclineReason::MerchantNotAllowed)
            }
            Check::MerchantName(names) => {
                names.refuses(merchant.name.as_ref(), SortedSet::contains).then_some(DeclineReason::MerchantNotAllowed)
            }
            Check::MerchantCountry(countries) => countries
                .refuses(merchant.country.as_ref(), SortedSet::contains)
                .then_some(DeclineReason::MerchantCountryNotAllowed),
            Check::CrossBorder(requirement) => match requirement {
                Requirement::Deny => (facts.border == CrossBorder::Yes).then_some(DeclineReason::CrossBorderNotAllowed),
                Requirement::Require => (facts.border != CrossBorder::Yes).then_some(DeclineReason::MerchantCountryNotAllowed),
            },
            Check::EntryMode(modes) => modes
                .refuses(Some(request.entry_mode), |set, mode| set.contains(mode))
                .then_some(DeclineReason::EntryModeNotAllowed),
            Check::Cash => is_cash(request.kind, merchant.mcc).then_some(DeclineReason::CashNotAllowed),
            Check::QuasiCash => is_quasi_cash(request.kind, merchant.mcc).then_some(DeclineReason::QuasiCashNotAllowed),
            Check::Wallet(requirement) => {
                let refused = match requirement {
                    Requirement::Deny => Wallet::Token,
                    Requirement::Require => Wallet::None,
                };
                (request.wallet == refused).then_some(DeclineReason::WalletNotAllowed)
            }
            Check::Hours(hours) => hours.refuse(facts.now).then_some(DeclineReason::OutsideAllowedHours),
            Check::Currency(currencies) => currencies
                .refuses(Some(request.amount.currency()), |set, currency| set.contains(&currency))
                .then_some(DeclineReason::CurrencyNotAllowed),
            Check::Checkout(listed) => refusal_of_checkout(listed, request),
            Check::AnyOf(ways) => refusal_of_ways(ways, facts),
        }
    }

    /// The first reason why a way through is closed. A check is asked only about kinds that it is about by its nature.
    fn refusal_of_way(way: &[Check], facts: &Facts<'_>) -> Option<DeclineReason> {
        let asked = way.iter().filter(|check| check.kinds_by_nature().contains(facts.request.kind));
        asked.filter_map(|check| check.refusal(facts)).next()
    }
}

/// Why what is told of a payment at a door of ours does not pass; what no such door asks passes.
fn refusal_of_checkout(listed: &Listed<CheckoutCondition>, request: &AuthorizationRequest) -> Option<DeclineReason> {
    request.checkout?;
    let (Listed::Allow(condition) | Listed::Deny(condition)) = listed;
    listed.refuses(condition.holds(request), |_, holds| holds).then_some(condition.reason())
}

/// Why no way is open: their reason, where all give the same.
fn refusal_of_ways(ways: &[Box<[Check]>], facts: &Facts<'_>) -> Option<DeclineReason> {
    let mut common = None;
    for way in ways {
        let reason = Check::refusal_of_way(way, facts)?;
        common = match common {
            None => Some(reason),
            Some(same) if same == reason => common,
            Some(_) => Some(DeclineReason::TransactionNotPermitted),
        };
    }
    common
}

/// Every way in which the ways of [`Check::AnyOf`] are wrong.
fn problems_of_ways(ways: &[Box<[Check]>], currency: Currency, country: Option<Country>) -> Vec<RulesetProblem> {
    let empty = (ways.is_empty() || ways.iter().any(|way| way.is_empty())).then_some(RulesetProblem::EmptyList);
    let checks = ways.iter().flatten();
    // Any name will do: a rule's problems do not depend on it.
    let of_check = |check: &Check| Rule::new(RuleId::unknown_method(), check.clone()).problems(currency, country);
    empty.into_iter().chain(checks.flat_map(of_check)).collect()
}

/// Whether cash is asked for: by kind, or as a purchase at a place that hands out cash. Asking a machine for the balance, or
/// whether the card is good, is not.
fn is_cash(kind: AuthorizationKind, mcc: Option<MerchantCategoryCode>) -> bool {
    match kind {
        AuthorizationKind::CashWithdrawal | AuthorizationKind::PurchaseWithCashback => true,
        AuthorizationKind::Purchase
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::Incremental => is_in(&CASH, mcc),
        AuthorizationKind::AccountVerification
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => false,
    }
}

/// Whether something is asked for that turns into cash: by kind, or as a purchase at a place that sells little else.
fn is_quasi_cash(kind: AuthorizationKind, mcc: Option<MerchantCategoryCode>) -> bool {
    match kind {
        AuthorizationKind::QuasiCash => true,
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::BillPayment
        | AuthorizationKind::Incremental => is_in(&QUASI_CASH, mcc),
        AuthorizationKind::AccountVerification
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => false,
    }
}

fn is_in(group: &MccGroup, mcc: Option<MerchantCategoryCode>) -> bool {
    mcc.is_some_and(|mcc| group.contains(mcc))
}

/// Whether a rule may give this reason: those that checks give, and suspicion. The others state what only the ledger knows.
#[must_use]
pub const fn is_for_rules(reason: DeclineReason) -> bool {
    match reason {
        DeclineReason::AmountAboveMaximum
        | DeclineReason::AmountBelowMinimum
        | DeclineReason::MerchantCategoryNotAllowed
        | DeclineReason::MerchantNotAllowed
        | DeclineReason::MerchantCountryNotAllowed
        | DeclineReason::CrossBorderNotAllowed
        | DeclineReason::EntryModeNotAllowed
        | DeclineReason::CashNotAllowed
        | DeclineReason::QuasiCashNotAllowed
        | DeclineReason::WalletNotAllowed
        | DeclineReason::OutsideAllowedHours
        | DeclineReason::CurrencyNotAllowed
        | DeclineReason::TransactionNotPermitted
        | DeclineReason::SuspectedFraud => true,
        DeclineReason::InsufficientFunds
        | DeclineReason::AmountLimitReached
        | DeclineReason::CountLimitReached
        | DeclineReason::CardUnknown
        | DeclineReason::CardNotActive
        | DeclineReason::CardFrozen
        | DeclineReason::CardLost
        | DeclineReason::CardStolen
        | DeclineReason::CardExpired
        | DeclineReason::CardClosed
        | DeclineReason::CardholderNotActive
        | DeclineReason::AccountUnknown
        | DeclineReason::AccountFrozen
        | DeclineReason::AccountClosed
        | DeclineReason::AuthorizationUnknown
        | DeclineReason::AuthorizationOver
        | DeclineReason::CaptureAboveAuthorized
        | DeclineReason::RefundAboveCaptured
        | DeclineReason::ConflictingDuplicate
        | DeclineReason::AmountTooLarge
        | DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered
        | DeclineReason::AnswerUnknown
        | DeclineReason::PolicyAmount
        | DeclineReason::PolicyMerchantCategory
        | DeclineReason::PolicyMerchant
        | DeclineReason::PolicyOther
        | DeclineReason::PolicyLimitReached
        | DeclineReason::PolicyMissing
        | DeclineReason::AuthoritySuspended
        | DeclineReason::BindingUnknown
        | DeclineReason::IntentUnknown
        | DeclineReason::IntentExpired
        | DeclineReason::IntentUsed
        | DeclineReason::IntentMismatched
        | DeclineReason::IntentRequired
        | DeclineReason::ReviewRequired => false,
    }
}
