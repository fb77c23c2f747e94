//! Makes a policy of a template. What must hold whatever happens is one part; every policy of an `any_of` in which something counts, or
//! waits for a person, is one more, and every choice of one policy of each such `any_of` is a way. An `any_of` of checks alone is a check
//! like any other, and makes no way.

use std::fmt;

use super::counting::{Counting, Maximum};
use super::part::{PartInMaking, Standing};
use super::{CompiledPolicy, Owner, POLICY_LIMITS_MAX, POLICY_ROOM_MAX, Part, room_taken};
use crate::agent::governed::PolicyVersion;
use crate::agent::template::{FieldError, Lock, Template, TemplateWindow};
use crate::money::{Currency, Money};
use crate::rules::{
    AmountRange, Check, Hours, LimitWindow, Listed, MccSet, Percent, Rolling, RulesetHash, SortedSet, WAYS_MAX, Way, Ways,
};

const DAY_SECONDS: u32 = 86_400;
const RECURRING_BUCKETS: u8 = 60;

/// A policy on its way.
pub(super) struct Compiling<'a> {
    owner: &'a Owner,
    currency: Option<Currency>,
    room: usize,
    /// The first holds whatever way is taken.
    parts: Vec<PartInMaking>,
    /// The ways, in their order, by the parts that hold on them.
    ways: Vec<WayInMaking>,
    errors: Vec<FieldError>,
}

/// The places of a way's parts, beside the first.
type WayInMaking = Vec<usize>;

/// The place of the part that holds whatever way is taken.
const ALWAYS: usize = 0;

impl<'a> Compiling<'a> {
    /// Reads a template.
    ///
    /// # Errors
    /// Everything in it that cannot be expressed, by the path of its field.
    pub(super) fn of(template: &Template, owner: &'a Owner, room: usize) -> Result<Self, Vec<FieldError>> {
        let mut compiling = Compiling {
            owner,
            currency: None,
            room: room.min(POLICY_ROOM_MAX),
            parts: vec![PartInMaking::default()],
            ways: Vec::new(),
            errors: Vec::new(),
        };
        compiling.ways = compiling.add(template, "", ALWAYS);
        compiling.keep_to_currency();
        compiling.keep_to_room();
        if compiling.errors.is_empty() { Ok(compiling) } else { Err(compiling.errors) }
    }

    /// Makes rulesets of what was read.
    pub(super) fn compiled(self, hash: RulesetHash) -> Result<CompiledPolicy, Vec<FieldError>> {
        let Compiling { owner, currency, parts, ways, .. } = self;
        let several = parts.len() > 1;
        let currency = currency.unwrap_or(owner.currency);
        let all = Ways::first_of(ways.len());
        let on = |place: usize| {
            let has = |(_, parts): &(Way, &WayInMaking)| parts.contains(&place);
            all.iter().zip(&ways).filter(has).map(|(way, _)| way).collect::<Ways>()
        };
        let compiled = |(place, part): (usize, PartInMaking)| {
            let ways = (place != ALWAYS).then(|| on(place));
            part.compiled(owner, currency, hash, ways)
        };
        let mut parts = parts.into_iter().enumerate().map(compiled);
        let always = parts.next().ok_or_else(Vec::new)??;
        let by_way = parts.collect::<Result<Box<[Part]>, _>>()?;
        let version = PolicyVersion { policy: owner.policy, hash };
        Ok(CompiledPolicy { version, always, by_way, ways: several.then_some(all) })
    }
}

impl Compiling<'_> {
    /// Adds what must hold beside everything else of a part; the ways that lead through it, each by the parts that it adds.
    fn add(&mut self, template: &Template, path: &str, to: usize) -> Vec<WayInMaking> {
        let through = vec![Vec::new()];
        match template {
            Template::AllOf(policies) => {
                let mut ways = through;
                for (index, policy) in policies.iter().enumerate() {
                    let more = self.add(policy, &below(path, index), to);
                    ways = self.each_with_each(&ways, &more, path);
                }
                return ways;
            }
            Template::AnyOf(policies) if policies.iter().any(depends_on_the_way) => return self.add_ways(policies, path, to),
            Template::MaxAmount { .. }
            | Template::MerchantLock(_)
            | Template::MccAllowlist(_)
            | Template::MccBlocklist(_)
            | Template::Country(_)
            | Template::TimeOfDay { .. }
            | Template::AnyOf(_) => {
                let checks = self.checks_of(template, path, to);
                if let Some(part) = self.parts.get_mut(to) {
                    checks.into_iter().for_each(|check| part.add_rule(template.name(), check));
                }
            }
            Template::Budget { amount, window } => {
                self.note_currency(*amount, path);
                let name = match amount.currency() {
                    currency if currency == self.owner.currency => "budget".to_owned(),
                    currency => format!("budget-{}", currency.code().to_ascii_lowercase()),
                };
                self.add_limit(&name, window.into(), path, Maximum::Amount(*amount), to);
            }
            Template::Count { count, window } => self.add_limit("count", window.into(), path, Maximum::Count(*count), to),
            Template::OneTime => self.add_limit("one-time", LimitWindow::Lifetime, path, Maximum::Count(1), to),
            Template::RecurringMerchant { merchant, amount, tolerance, period_days } => {
                self.add_recurring(merchant, (*amount, *tolerance), *period_days, path, to);
            }
            Template::HumanReview { above } => self.add_review(*above, path, to),
        }
        through
    }

    /// Adds several policies of which one has to hold, and what it counts, counts. A policy's limits are named by its number in its own
    /// `any_of`, and from the second `any_of` on by which one that is, so that they count on while those before them stay, whatever is added
    /// at the end of an `any_of`.
    fn add_ways(&mut self, policies: &[Template], path: &str, to: usize) -> Vec<WayInMaking> {
        let Some(part) = self.parts.get_mut(to) else { return Vec::new() };
        part.any_ofs = part.any_ofs.saturating_add(1);
        let within = if part.of_way.is_empty() { "-way".to_owned() } else { part.of_way.clone() };
        let of_any_of = if part.any_ofs > 1 { format!("-of-{}", part.any_ofs) } else { String::new() };
        let mut ways = Vec::new();
        for (index, policy) in policies.iter().enumerate() {
            let place = self.parts.len();
            let of_way = format!("{within}-{}{of_any_of}", index.saturating_add(1));
            self.parts.push(PartInMaking { of_way, ..PartInMaking::default() });
            for through in self.add(policy, &below(path, index), place) {
                ways.push(std::iter::once(place).chain(through).collect());
            }
        }
        self.no_more_than_there_can_be(ways, path)
    }

    /// The ways through two that must both hold.
    fn each_with_each(&mut self, ways: &[WayInMaking], more: &[WayInMaking], path: &str) -> Vec<WayInMaking> {
        let each = ways.iter().flat_map(|way| more.iter().map(|more| [way.as_slice(), more].concat()));
        self.no_more_than_there_can_be(each.collect(), path)
    }

    fn no_more_than_there_can_be(&mut self, mut ways: Vec<WayInMaking>, path: &str) -> Vec<WayInMaking> {
        let (most, count) = (usize::from(WAYS_MAX), ways.len());
        if count > most {
            let problem = format!(
                "has {count} ways on which something counts or waits for a person, and a policy has at most {most}: \
                 leave some out, or put what counts on all of them beside `any_of`"
            );
            self.wrong(path, "parameters.policies", problem);
            ways.truncate(most);
        }
        ways
    }

    /// A template as checks that must all pass. What counts, or waits for a person, is none, and stands in none of these.
    fn checks_of(&mut self, template: &Template, path: &str, to: usize) -> Vec<Check> {
        match template {
            Template::MaxAmount { amount } => {
                self.note_currency(*amount, path);
                if let Some(part) = self.parts.get_mut(to) {
                    part.note_maximum(*amount);
                }
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
                let each = policies.iter().enumerate();
                each.flat_map(|(index, policy)| self.checks_of(policy, &below(path, index), to)).collect()
            }
            Template::AnyOf(policies) => {
                let stood = self.stands(to, Standing::AmongOthers);
                let ways = policies.iter().enumerate();
                let ways =
                    ways.map(|(index, policy)| self.checks_of(policy, &below(path, index), to).into_boxed_slice()).collect();
                self.stands(to, stood);
                vec![Check::AnyOf(ways)]
            }
            Template::Budget { .. }
            | Template::Count { .. }
            | Template::OneTime
            | Template::RecurringMerchant { .. }
            | Template::HumanReview { .. } => Vec::new(),
        }
    }

    /// From now on what is compiled of a part stands there; where it stood before.
    fn stands(&mut self, to: usize, standing: Standing) -> Standing {
        self.parts.get_mut(to).map_or(standing, |part| std::mem::replace(&mut part.standing, standing))
    }

    fn add_recurring(&mut self, merchant: &Lock, (amount, tolerance): (Money, Percent), period_days: u16, path: &str, to: usize) {
        self.note_currency(amount, path);
        // The amount itself always passes; what differs by more than the percentage never does.
        let margin = tolerance.at_most_of(amount.minor());
        let end = |minor: i64| Money::from_minor(minor.max(0), amount.currency());
        let (least, most) = (end(amount.minor().saturating_sub(margin)), end(amount.minor().saturating_add(margin)));
        let range = self.range(Some(least), most, path);
        if let Some(part) = self.parts.get_mut(to) {
            part.note_maximum(most);
            let checks = [("recurring-merchant", lock_check(merchant)), ("recurring-amount", range.map(Check::Amount))];
            checks
                .into_iter()
                .filter_map(|(name, check)| Some((name, check?)))
                .for_each(|(name, check)| part.add_rule(name, check));
        }
        let length_seconds = DAY_SECONDS.saturating_mul(u32::from(period_days));
        match Rolling::new(length_seconds, RECURRING_BUCKETS) {
            // Who is paid every week is paid an hour early now and then, and must not be refused when it is exactly a week: the window
            // forgets by buckets, of which the oldest counts no more. That is up to a sixtieth of the period (2 h 48 min of a week), never
            // more, and the template says so.
            Ok(rolling) => {
                let window = LimitWindow::Rolling(rolling.forgetting_early());
                self.add_limit("recurring-period", window, path, Maximum::Count(1), to);
            }
            Err(problem) => self.wrong(path, "parameters.period_days", problem),
        }
    }

    fn add_review(&mut self, above: Money, path: &str, to: usize) {
        self.note_currency(above, path);
        let range = self.range(None, above, path);
        let Some(part) = self.parts.get_mut(to) else { return };
        if part.review.and_then(|range| range.max()).is_none_or(|known| above.minor() < known.minor()) {
            part.review = range;
        }
    }

    fn range(&mut self, least: Option<Money>, most: Money, path: &str) -> Option<AmountRange> {
        AmountRange::new(least, Some(most)).map_err(|problem| self.wrong(path, "parameters.amount", problem)).ok()
    }

    fn add_limit(&mut self, what: &str, window: LimitWindow, path: &str, maximum: Maximum, to: usize) {
        let room = self.room.min(POLICY_LIMITS_MAX);
        let counted: usize = self.parts.iter().map(|part| part.counted.len()).sum();
        let Some(part) = self.parts.get_mut(to) else { return };
        let counting = Counting::new(&format!("{what}{}", part.of_way), window, maximum);
        if part.counted.iter_mut().any(|known| known.take_up(&counting)) {
            return;
        }
        if counted < room {
            part.counted.push(counting);
        } else {
            self.wrong(path, "template", format_args!("is one budget or count too many: there is room for {room}"));
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

    fn keep_to_currency(&mut self) {
        if let Some(currency) = self.currency {
            self.parts.iter_mut().for_each(|part| part.keep_to_currency(currency));
        }
    }

    /// Each maximum and each review of a way is a limit of its payment, and takes a place as a budget does.
    fn keep_to_room(&mut self) {
        let counted = self.parts.iter().map(|part| part.counted.len()).sum();
        let maxima = self.parts.iter().filter(|part| !part.maxima.is_empty()).count();
        let reviews = self.parts.iter().filter(|part| part.review.is_some()).count();
        let (taken, room) = (room_taken(counted, maxima, reviews), self.room);
        if taken > room && self.errors.is_empty() {
            let problem = format!(
                "needs {taken} limits, and there is room for {room}: a budget or a count is one, and so is, from the second on, \
                 each way's maximum and each way's review; put what several ways have in common beside `any_of`"
            );
            self.wrong("", "template", problem);
        }
    }

    fn wrong(&mut self, path: &str, field: &str, problem: impl fmt::Display) {
        let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        self.errors.push(FieldError::new(path, problem));
    }
}

/// Whether it matters which way was taken: something is counted, or waits for a person.
fn depends_on_the_way(template: &Template) -> bool {
    match template {
        Template::Budget { .. }
        | Template::Count { .. }
        | Template::OneTime
        | Template::RecurringMerchant { .. }
        | Template::HumanReview { .. } => true,
        Template::AllOf(policies) | Template::AnyOf(policies) => policies.iter().any(depends_on_the_way),
        Template::MaxAmount { .. }
        | Template::MerchantLock(_)
        | Template::MccAllowlist(_)
        | Template::MccBlocklist(_)
        | Template::Country(_)
        | Template::TimeOfDay { .. } => false,
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
