//! A policy as it is asked: its template made into an ordinary ruleset of one authority.
//!
//! The ruleset's hash is that of the template's canonical JSON and of the authority, so that a journal's record names one version of one
//! authority's policy.

mod counting;
mod names;

use std::fmt;

use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::ids::ProgramId;
use crate::money::{Currency, Money};
use crate::rules::{
    AmountRange, Check, Hours, KindSet, LimitWindow, Listed, MccSet, NoTrace, Percent, Place, Rolling, Rule, Ruleset,
    RulesetError, RulesetHash, RulesetParts, SortedSet, Verdict, When, evaluate,
};
use crate::time::Timestamp;

use self::counting::{Counting, Maximum};
use self::names::free_id;
use super::governed::PolicyVersion;
use super::ids::{AuthorityId, PolicyId};
use super::template::{FieldError, Lock, Template, TemplateWindow};

/// The most limits that a policy may have: they share a verdict's room with the program's own limits and the intent's.
pub const POLICY_LIMITS_MAX: usize = 5;

const DAY_SECONDS: u32 = 86_400;
const RECURRING_BUCKETS: u8 = 60;

/// Whose policy it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The authority: its budgets count for it alone.
    pub authority: AuthorityId,
    /// The policy.
    pub policy: PolicyId,
    /// The program that decides in the authority's environment.
    pub program: ProgramId,
    /// That program's currency: of a policy that names none.
    pub currency: Currency,
}

/// A policy in one version, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledPolicy {
    /// Which version of which policy.
    pub version: PolicyVersion,
    /// What it says, but for reviews.
    pub ruleset: Ruleset,
    /// The amounts that need no person; `None` if none does.
    pub unreviewed: Option<AmountRange>,
    /// The currency of its amounts.
    currency: Currency,
    most: Most,
}

/// What bounds the amount of one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Most {
    /// Nothing.
    Unbounded,
    /// This.
    Plain(i64),
    /// One of these, the greatest first, or nothing: that depends on the way that the payment takes.
    ByWay(Box<[i64]>),
}

/// Where a template stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It must hold.
    Alone,
    /// It is part of one of several ways.
    InWay,
}

impl CompiledPolicy {
    /// Makes rules and limits of a template.
    ///
    /// # Errors
    /// Everything in it that cannot be expressed, by the path of its field.
    pub fn new(template: &Template, owner: &Owner) -> Result<Self, Vec<FieldError>> {
        CompiledPolicy::within(template, owner, POLICY_LIMITS_MAX)
    }

    /// The same where there is room for so many limits of it.
    ///
    /// # Errors
    /// As [`CompiledPolicy::new`]; each limit for which there is no room is one of them.
    pub fn within(template: &Template, owner: &Owner, room: usize) -> Result<Self, Vec<FieldError>> {
        let hash = RulesetHash::of(&format!("{}\0{}", owner.authority, template.canonical()));
        let mut compiling = Compiling {
            owner,
            currency: None,
            rules: Vec::new(),
            counted: Vec::new(),
            room: room.min(POLICY_LIMITS_MAX),
            review: None,
            maxima: Vec::new(),
            standing: Standing::Alone,
            ways_differ: Standing::Alone,
            errors: Vec::new(),
        };
        compiling.add(template, "");
        compiling.keep_to_currency();
        let most = compiling.most();
        let Compiling { currency, rules, counted, review, errors, .. } = compiling;
        if !errors.is_empty() {
            return Err(errors);
        }
        let currency = currency.unwrap_or(owner.currency);
        let parts = RulesetParts {
            hash,
            program: owner.program,
            currency,
            country: None,
            rules,
            limits: counted.into_iter().filter_map(|counting| counting.limit(owner.authority.as_str())).collect(),
            holds: Vec::new(),
            partial_approval: None,
        };
        // What was written was checked field by field; what is left has no field of its own.
        let ruleset = Ruleset::new(parts).map_err(|errors| errors.iter().map(of_ruleset).collect::<Vec<_>>())?;
        let version = PolicyVersion { policy: owner.policy, hash };
        Ok(CompiledPolicy { version, ruleset, unreviewed: review, currency, most })
    }

    /// The most that one payment may come to, all that is added to it included; `None` if nothing bounds it.
    #[must_use]
    pub fn most(&self, request: &AuthorizationRequest, now: Timestamp) -> Option<i64> {
        let maxima = match &self.most {
            Most::Unbounded => return None,
            // What cannot be compared gets nothing.
            Most::Plain(_) | Most::ByWay(_) if request.amount.currency() != self.currency => return Some(0),
            Most::Plain(most) => return Some(*most),
            Most::ByWay(maxima) => maxima,
        };
        let passes = |minor: i64| {
            let amount = Money::from_minor(minor, self.currency);
            // An increment is asked about as the payment that it is a part of.
            let kind = if request.kind == AuthorizationKind::Incremental { AuthorizationKind::Purchase } else { request.kind };
            let whole = AuthorizationRequest { amount, kind, ..*request };
            matches!(evaluate(&self.ruleset, &whole, now, &mut NoTrace), Verdict::Proceed(_))
        };
        if passes(i64::MAX) {
            return None;
        }
        // Where nothing would pass, whatever else objects does so first.
        Some(maxima.iter().copied().find(|most| passes(*most)).unwrap_or(0))
    }
}

fn of_ruleset(error: &RulesetError) -> FieldError {
    match error.place {
        Place::Ruleset | Place::Rule(_) | Place::Limit(_) | Place::Hold(_) | Place::PartialApproval => {
            FieldError::new("parameters", error)
        }
    }
}

struct Compiling<'a> {
    owner: &'a Owner,
    currency: Option<Currency>,
    rules: Vec<Rule>,
    counted: Vec<Counting>,
    room: usize,
    review: Option<AmountRange>,
    /// Of single amounts.
    maxima: Vec<i64>,
    /// Where the template that is compiled stands,
    standing: Standing,
    /// and whether any with a maximum stands in a way.
    ways_differ: Standing,
    errors: Vec<FieldError>,
}

impl Compiling<'_> {
    /// Adds what must hold beside everything else.
    fn add(&mut self, template: &Template, path: &str) {
        match template {
            Template::MaxAmount { .. }
            | Template::MerchantLock(_)
            | Template::MccAllowlist(_)
            | Template::MccBlocklist(_)
            | Template::Country(_)
            | Template::TimeOfDay { .. }
            | Template::AnyOf(_) => {
                for check in self.checks_of(template, path) {
                    self.add_rule(template.name(), check);
                }
            }
            Template::Budget { amount, window } => {
                self.note_currency(*amount, path);
                let name = match amount.currency() {
                    currency if currency == self.owner.currency => "budget".to_owned(),
                    currency => format!("budget-{}", currency.code().to_ascii_lowercase()),
                };
                self.add_limit(&name, window.into(), path, Maximum::Amount(*amount));
            }
            Template::Count { count, window } => self.add_limit("count", window.into(), path, Maximum::Count(*count)),
            Template::OneTime => self.add_limit("one-time", LimitWindow::Lifetime, path, Maximum::Count(1)),
            Template::RecurringMerchant { merchant, amount, tolerance, period_days } => {
                self.add_recurring(merchant, *amount, *tolerance, *period_days, path);
            }
            Template::HumanReview { above } => self.add_review(*above, path),
            Template::AllOf(policies) => {
                for (index, policy) in policies.iter().enumerate() {
                    self.add(policy, &below(path, index));
                }
            }
        }
    }

    /// A template as checks that must all pass. What counts, or waits for a person, is none.
    fn checks_of(&mut self, template: &Template, path: &str) -> Vec<Check> {
        match template {
            Template::MaxAmount { amount } => {
                self.note_currency(*amount, path);
                self.note_maximum(*amount);
                self.range(None, *amount, path).map(Check::Amount).into_iter().collect()
            }
            Template::MerchantLock(lock) => lock_check(lock).into_iter().collect(),
            Template::MccAllowlist(mccs) => {
                MccSet::new(mccs.clone()).ok().map(|set| Check::Mcc(Listed::Allow(set))).into_iter().collect()
            }
            Template::MccBlocklist(mccs) => {
                MccSet::new(mccs.clone()).ok().map(|set| Check::Mcc(Listed::Deny(set))).into_iter().collect()
            }
            Template::Country(listed) => {
                let set = match listed {
                    Listed::Allow(countries) => SortedSet::new(countries.clone()).map(Listed::Allow),
                    Listed::Deny(countries) => SortedSet::new(countries.clone()).map(Listed::Deny),
                };
                set.ok().map(Check::MerchantCountry).into_iter().collect()
            }
            Template::TimeOfDay { spans, zone } => {
                Hours::new(Listed::Allow(spans.clone()), zone.clone()).ok().map(Check::Hours).into_iter().collect()
            }
            Template::AllOf(policies) => {
                policies.iter().enumerate().flat_map(|(index, policy)| self.checks_of(policy, &below(path, index))).collect()
            }
            Template::AnyOf(policies) => {
                let stood = std::mem::replace(&mut self.standing, Standing::InWay);
                let ways = policies.iter().enumerate();
                let ways = ways.map(|(index, policy)| self.checks_of(policy, &below(path, index)).into_boxed_slice()).collect();
                self.standing = stood;
                vec![Check::AnyOf(ways)]
            }
            Template::Budget { .. }
            | Template::Count { .. }
            | Template::OneTime
            | Template::RecurringMerchant { .. }
            | Template::HumanReview { .. } => {
                let problem = "cannot be one of several ways: it counts, or waits for a person, whatever way is taken; put it beside `any_of`";
                self.wrong(path, "template", problem);
                Vec::new()
            }
        }
    }

    fn add_recurring(&mut self, merchant: &Lock, amount: Money, tolerance: Percent, period_days: u16, path: &str) {
        self.note_currency(amount, path);
        if let Some(check) = lock_check(merchant) {
            self.add_rule("recurring-merchant", check);
        }
        // The amount itself always passes; what differs by more than the percentage never does.
        let margin = tolerance.at_most_of(amount.minor());
        let end = |minor: i64| Money::from_minor(minor.max(0), amount.currency());
        let (least, most) = (end(amount.minor().saturating_sub(margin)), end(amount.minor().saturating_add(margin)));
        self.note_maximum(most);
        if let Some(range) = self.range(Some(least), most, path) {
            self.add_rule("recurring-amount", Check::Amount(range));
        }
        let length_seconds = DAY_SECONDS.saturating_mul(u32::from(period_days));
        match Rolling::new(length_seconds, RECURRING_BUCKETS) {
            // Who is paid every week is paid an hour early now and then, and must not be refused when it is exactly a week: the window
            // forgets by buckets, of which the oldest counts no more. That is up to a sixtieth of the period (2 h 48 min of a week), never
            // more, and the template says so.
            Ok(rolling) => {
                let window = LimitWindow::Rolling(rolling.forgetting_early());
                self.add_limit("recurring-period", window, path, Maximum::Count(1));
            }
            Err(problem) => self.wrong(path, "parameters.period_days", problem),
        }
    }

    fn add_review(&mut self, above: Money, path: &str) {
        self.note_currency(above, path);
        let lower = self.review.and_then(|range| range.max()).is_none_or(|known| above.minor() < known.minor());
        if lower {
            self.review = self.range(None, above, path);
        }
    }

    fn range(&mut self, least: Option<Money>, most: Money, path: &str) -> Option<AmountRange> {
        AmountRange::new(least, Some(most)).map_err(|problem| self.wrong(path, "parameters.amount", problem)).ok()
    }

    fn add_rule(&mut self, name: &str, check: Check) {
        let known = self.rules.iter().map(Rule::id).collect::<Vec<_>>();
        if let Some(id) = free_id(name, &known) {
            self.rules.push(Rule::new(id, check));
        }
    }

    fn add_limit(&mut self, what: &str, window: LimitWindow, path: &str, maximum: Maximum) {
        let counting = Counting::new(what, window, maximum);
        if self.counted.iter_mut().any(|known| known.take_up(&counting)) {
            return;
        }
        if self.counted.len() >= self.room {
            let room = self.room;
            self.wrong(path, "template", format_args!("is one budget or count too many: there is room for {room}"));
            return;
        }
        self.counted.push(counting);
    }

    fn note_maximum(&mut self, most: Money) {
        self.maxima.push(most.minor());
        if self.standing == Standing::InWay {
            self.ways_differ = Standing::InWay;
        }
    }

    /// What bounds one payment.
    fn most(&self) -> Most {
        match (self.maxima.iter().min(), self.ways_differ) {
            (None, _) => Most::Unbounded,
            (Some(least), Standing::Alone) => Most::Plain(*least),
            (Some(_), Standing::InWay) => {
                let mut maxima = self.maxima.clone();
                maxima.sort_unstable_by(|one, other| other.cmp(one));
                Most::ByWay(maxima.into())
            }
        }
    }

    /// All amounts of a policy are in one currency.
    fn note_currency(&mut self, amount: Money, path: &str) {
        match self.currency {
            None => self.currency = Some(amount.currency()),
            Some(currency) if currency == amount.currency() => {}
            Some(currency) => {
                let problem = format!("is not {currency}, which another part of the policy has: a policy has one currency");
                self.wrong(path, "parameters.currency", problem);
            }
        }
    }

    /// A budget cannot count what is in another currency, so nothing in one passes beside it.
    fn keep_to_currency(&mut self) {
        let counts_money = self.counted.iter().any(Counting::is_on_amounts);
        if let (true, Some(currency)) = (counts_money, self.currency) {
            self.add_rule("currency", Check::Currency(Listed::Allow(Box::new([currency]))));
            let payments = When { kinds: Some(KindSet::TAKING_MONEY), ..When::default() };
            if let Some(rule) = self.rules.pop() {
                self.rules.push(rule.when(payments));
            }
        }
    }

    fn wrong(&mut self, path: &str, field: &str, problem: impl fmt::Display) {
        let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        self.errors.push(FieldError::new(path, problem));
    }
}

fn below(path: &str, index: usize) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}parameters.policies[{index}]")
}

fn lock_check(lock: &Lock) -> Option<Check> {
    let ids = SortedSet::new(lock.merchant_ids.clone()).ok().map(|set| Check::MerchantId(Listed::Allow(set)));
    let names: Vec<_> = lock.merchants.iter().map(|name| name.digest).collect();
    let names = SortedSet::new(names).ok().map(|set| Check::MerchantName(Listed::Allow(set)));
    match (ids, names) {
        (Some(ids), Some(names)) => Some(Check::AnyOf(Box::new([Box::new([ids]), Box::new([names])]))),
        (ids, names) => ids.or(names),
    }
}

impl From<&TemplateWindow> for LimitWindow {
    fn from(window: &TemplateWindow) -> Self {
        match window {
            TemplateWindow::Day(zone) => LimitWindow::Day(zone.clone()),
            TemplateWindow::Week(zone, first) => LimitWindow::Week(zone.clone(), *first),
            TemplateWindow::Month(zone) => LimitWindow::Month(zone.clone()),
            TemplateWindow::Rolling(rolling) => LimitWindow::Rolling(*rolling),
            TemplateWindow::Lifetime => LimitWindow::Lifetime,
        }
    }
}

#[cfg(test)]
mod tests;
