//! A policy as it is asked: its template made into an ordinary ruleset of one authority.
//!
//! The ruleset's hash is that of the template's canonical JSON and of the authority, so that a journal's record names one version of one
//! authority's policy.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::ids::{ProgramId, RuleId};
use crate::merchant::MerchantName;
use crate::money::{Currency, Money};
use crate::rules::{
    AmountRange, Check, Hours, KindSet, Limit, LimitScope, LimitWindow, Listed, MccSet, Percent, Place, Rolling, Rule, Ruleset,
    RulesetError, RulesetHash, RulesetParts, SortedSet, Weekday, When, Zone,
};

use super::governed::PolicyVersion;
use super::ids::{AuthorityId, PolicyId};
use super::template::{FieldError, Lock, Template, TemplateWindow};

/// The most limits that a policy may have: they share a verdict's room with the program's own limits and the intent's.
pub const POLICY_LIMITS_MAX: usize = 5;

const DAY_SECONDS: u32 = 86_400;
const RECURRING_BUCKETS: u8 = 60;
/// The longest name of a limit, so that a number fits behind it.
const LIMIT_NAME_BYTES_MAX: usize = RuleId::BYTES_MAX - 3;

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
}

impl CompiledPolicy {
    /// Makes rules and limits of a template.
    ///
    /// # Errors
    /// Everything in it that cannot be expressed, by the path of its field.
    pub fn new(template: &Template, owner: &Owner) -> Result<Self, Vec<FieldError>> {
        let hash = RulesetHash::of(&format!("{}\0{}", owner.authority, template.canonical()));
        let mut compiling =
            Compiling { owner, currency: None, rules: Vec::new(), limits: Vec::new(), review: None, errors: Vec::new() };
        compiling.add(template, "");
        compiling.keep_to_currency();
        let Compiling { currency, rules, limits, review, mut errors, .. } = compiling;
        if limits.len() > POLICY_LIMITS_MAX {
            errors.push(FieldError::new("parameters", format_args!("has more than {POLICY_LIMITS_MAX} budgets and counts")));
        }
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
            limits,
            holds: Vec::new(),
            partial_approval: None,
        };
        // What was written was checked field by field; what is left has no field of its own.
        let ruleset = Ruleset::new(parts).map_err(|errors| errors.iter().map(of_ruleset).collect::<Vec<_>>())?;
        Ok(CompiledPolicy { version: PolicyVersion { policy: owner.policy, hash }, ruleset, unreviewed: review })
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
    limits: Vec<Limit>,
    review: Option<AmountRange>,
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
                self.add_limit(&name, window.into(), |limit| limit.amount_max(*amount));
            }
            Template::Count { count, window } => self.add_limit("count", window.into(), |limit| limit.count_max(*count)),
            Template::OneTime => self.add_limit("one-time", LimitWindow::Lifetime, |limit| limit.count_max(1)),
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
                let ways = policies.iter().enumerate();
                let ways = ways.map(|(index, policy)| self.checks_of(policy, &below(path, index)).into_boxed_slice()).collect();
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
        let margin = tolerance.of(amount.minor());
        let end = |minor: i64| Money::from_minor(minor.max(0), amount.currency());
        let (least, most) = (end(amount.minor().saturating_sub(margin)), end(amount.minor().saturating_add(margin)));
        if let Some(range) = self.range(Some(least), most, path) {
            self.add_rule("recurring-amount", Check::Amount(range));
        }
        let length_seconds = DAY_SECONDS.saturating_mul(u32::from(period_days));
        match Rolling::new(length_seconds, RECURRING_BUCKETS) {
            Ok(rolling) => self.add_limit("recurring-period", LimitWindow::Rolling(rolling), |limit| limit.count_max(1)),
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
        let known = self.rules.iter().map(Rule::id).chain(self.limits.iter().map(Limit::id)).collect::<Vec<_>>();
        if let Some(id) = free_id(name, &known) {
            self.rules.push(Rule::new(id, check));
        }
    }

    /// A limit counts payments only: a check of a card before it must not use one up.
    fn add_limit(&mut self, name: &str, window: LimitWindow, set_maximum: impl FnOnce(Limit) -> Limit) {
        let known = self.rules.iter().map(Rule::id).chain(self.limits.iter().map(Limit::id)).collect::<Vec<_>>();
        let Some(id) = free_id(&limit_name(name, &window), &known) else { return };
        let payments = When { kinds: Some(KindSet::TAKING_MONEY), ..When::default() };
        let limit = Limit::new(id, LimitScope::Authority, window).when(payments).counting_for(self.owner.authority.as_str());
        self.limits.push(set_maximum(limit));
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
        let counts_money = self.limits.iter().any(Limit::is_on_amounts);
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

/// A limit is named by what it counts and over which time, and not by its place or its maximum: what it has counted stays with it while the
/// policy around it changes. `budget-month` counts UTC's months, `budget-day-america-new-york` New York's days, `count-rolling-3600s` an hour.
fn limit_name(name: &str, window: &LimitWindow) -> String {
    let of_zone = |zone: &Zone| match zone.name() {
        "UTC" => String::new(),
        zone => format!("-{}", zone.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
    };
    let scope = match window {
        LimitWindow::Day(zone) | LimitWindow::Month(zone) => of_zone(zone),
        LimitWindow::Week(zone, Weekday::Monday) => of_zone(zone),
        LimitWindow::Week(zone, first) => format!("{}-{}", of_zone(zone), first.name()),
        LimitWindow::Rolling(rolling) => format!("-{}s", rolling.length_seconds()),
        LimitWindow::Lifetime => String::new(),
    };
    let name = format!("{name}-{}", window.name());
    let told = format!("{name}{scope}");
    if told.len() <= LIMIT_NAME_BYTES_MAX {
        return told;
    }
    // The longest zones' names leave no room: a digest is as good to tell them apart.
    let digest: [u8; 32] = Sha256::digest(scope).into();
    let short = digest.first_chunk().copied().map_or(0, u32::from_be_bytes);
    format!("{name}-{short:08x}")
}

/// `max-amount`, and where that is taken `max-amount-2`.
fn free_id(name: &str, known: &[RuleId]) -> Option<RuleId> {
    let name = name.replace('_', "-");
    let numbered = (2..=known.len().saturating_add(2)).map(|number| format!("{name}-{number}"));
    let ids = std::iter::once(name.clone()).chain(numbered).filter_map(|id| RuleId::new(&id).ok());
    ids.into_iter().find(|id| !known.contains(id))
}

fn lock_check(lock: &Lock) -> Option<Check> {
    let ids = SortedSet::new(lock.merchant_ids.clone()).ok().map(|set| Check::MerchantId(Listed::Allow(set)));
    let names: Vec<_> = lock.merchants.iter().filter_map(|name| MerchantName::of(name)).collect();
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
