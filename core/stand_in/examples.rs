//! Authorizations made up of the values that one row, and the rules and limits that it is held against, name; and the moments that
//! their hours tell apart.
//!
//! Of every list the values are tried that the others tell apart. What an ordinary authorization has not (a wallet's token, a network,
//! a merchant's identifier or name, another posting) comes with one rule or limit at a time: what only shows where two of
//! them name different ones together is not found, nor what is of a category or country that nobody tells.

use crate::authorization::{
    AuthorizationKind, AuthorizationRequest, CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef, Posting,
    Wallet,
};
use crate::checkout::Checkout;
use crate::ids::{AuthorizationId, IdempotencyKey, MerchantId, NetworkName, ProgramId};
use crate::merchant::{Country, Merchant, MerchantCategoryCode, MerchantName};
use crate::money::Money;
use crate::rules::{
    Check, Enforcement, EntryModeSet, Hours, KindSet, Listed, MccEntry, MccSet, Requirement, Rule, Ruleset, RulesetParts, When,
};
use crate::time::Timestamp;

use super::caps::Caps;
use super::policy::{Row, RowAnswer, StandInPolicy};

/// The most authorizations that are made up for one row and what one rule or limit names.
const EXAMPLES_MAX: usize = 100_000;
/// The most that could be told at a payment door that is tried for one amount.
const CHECKOUTS_MAX: usize = 200;
/// Countries that are tried besides those that are named: where a list is of nearly all, one of them is not on it.
const ORDINARY: [&str; 12] = ["USA", "FRA", "JPN", "BRA", "ZAF", "AUS", "IND", "CHN", "RUS", "IRN", "CUB", "TUV"];
/// The most moments that are tried.
const MOMENTS_MAX: usize = 32;
const MINUTE_SECONDS: i64 = 60;
const WEEK_MINUTES: i64 = 7 * 24 * 60;

/// Authorizations that one row could be about.
pub(super) struct Examples<'a> {
    pub policy: &'a StandInPolicy,
    pub ruleset: &'a Ruleset,
    pub row: &'a Row,
}

/// What an authorization has that one rule or limit is about, besides what all are tried with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named<'a> {
    /// What it is about else.
    about: Option<&'a When>,
    posting: Posting,
    wallet: Wallet,
    network: Option<NetworkName>,
    merchant: Option<MerchantId>,
    name: Option<MerchantName>,
}

/// An authorization that a row is about, if anything is.
pub(super) fn example_of(policy: &StandInPolicy, row: &Row) -> Option<AuthorizationRequest> {
    let ruleset = Ruleset::new(RulesetParts {
        hash: policy.hash(),
        program: ProgramId::new("example").ok()?,
        currency: policy.currency(),
        country: policy.country(),
        rules: Vec::new(),
        limits: Vec::new(),
        holds: Vec::new(),
        partial_approval: None,
    });
    let ruleset = ruleset.ok()?;
    let examples = Examples { policy, ruleset: &ruleset, row };
    let within = |example: &AuthorizationRequest| {
        row.conditions().amount.is_none_or(|range| {
            let minor = example.amount.minor();
            range.min().is_none_or(|min| minor >= min.minor()) && range.max().is_none_or(|max| minor <= max.minor())
        })
    };
    examples.all(&examples.ordinary()).into_iter().find(within)
}

impl<'a> Examples<'a> {
    /// From now on a week long, the first moment of each way in which the hours of the rules are in force or not, while the row's own are.
    pub(super) fn moments(&self, now: Timestamp) -> Vec<Timestamp> {
        let own = self.row.conditions().hours.as_ref();
        let of_rules: Vec<&Hours> = self.checks().filter_map(hours).collect();
        let (mut moments, mut seen) = (Vec::new(), Vec::new());
        let minutes = (0..WEEK_MINUTES).map(|minute| now.unix_seconds().saturating_add(minute.saturating_mul(MINUTE_SECONDS)));
        for at in minutes.map(Timestamp::from_unix_seconds).filter(|at| own.is_none_or(|hours| !hours.refuse(*at))) {
            let refuse: Vec<bool> = of_rules.iter().map(|hours| hours.refuse(at)).collect();
            if !seen.contains(&refuse) && moments.len() < MOMENTS_MAX {
                seen.push(refuse);
                moments.push(at);
            }
        }
        moments
    }

    /// What all are tried with, and then what each rule or limit names that is not in that, or at which hours it declines.
    pub(super) fn named(&self) -> Vec<Named<'a>> {
        let ordinary = self.ordinary();
        let of_rules = self.enforced().filter_map(|rule| {
            let named = self.named_by(rule.conditions(), &checks(rule))?;
            let is_bound_to_hours = checks(rule).into_iter().any(|check| hours(check).is_some());
            (is_bound_to_hours || !named.tells_what(&ordinary)).then_some(named)
        });
        let of_limits = self.ruleset.limits().iter().filter_map(|limit| self.named_by(Some(limit.conditions()), &[]));
        let of_limits = of_limits.filter(|named| !named.tells_what(&ordinary));
        let mut all = vec![ordinary.clone()];
        for named in of_rules.chain(of_limits) {
            if !all.contains(&named) {
                all.push(named);
            }
        }
        all
    }

    /// As the row asks for it.
    fn ordinary(&self) -> Named<'a> {
        let When { posting, wallet, networks, .. } = &self.row.conditions().when;
        Named {
            about: None,
            posting: posting.unwrap_or(Posting::Hold),
            wallet: wallet.unwrap_or(Wallet::None),
            network: networks.as_ref().and_then(|set| set.iter().next()).copied(),
            merchant: None,
            name: None,
        }
    }

    /// As the conditions ask for it, and the checks let it not through; nothing if the row is about none such.
    fn named_by(&self, about: Option<&'a When>, checks: &[&'a Check]) -> Option<Named<'a>> {
        let own = &self.row.conditions().when;
        let mut named = Named { about, ..self.ordinary() };
        if let Some(When { posting, wallet, networks, .. }) = about {
            named.posting = of_both(own.posting, *posting, named.posting)?;
            named.wallet = of_both(own.wallet, *wallet, named.wallet)?;
            if let Some(networks) = networks {
                let is_own = |network: &&NetworkName| own.networks.as_ref().is_none_or(|own| own.contains(network));
                named.network = Some(*networks.iter().find(is_own)?);
            }
        }
        for check in checks {
            match check {
                Check::Wallet(requirement) => {
                    let refused = match requirement {
                        Requirement::Deny => Wallet::Token,
                        Requirement::Require => Wallet::None,
                    };
                    let asked = own.wallet.or(about.and_then(|when| when.wallet));
                    named.wallet = asked.unwrap_or(refused);
                }
                Check::MerchantId(Listed::Deny(ids)) => named.merchant = ids.iter().next().copied(),
                Check::MerchantName(Listed::Deny(names)) => named.name = names.iter().next().copied(),
                // Who is on no list is not told, and everything else is tried with all.
                Check::MerchantId(Listed::Allow(_)) | Check::MerchantName(Listed::Allow(_)) => {}
                Check::Amount(_) | Check::Kind(_) | Check::Mcc(_) | Check::MerchantCountry(_) | Check::CrossBorder(_) => {}
                Check::EntryMode(_) | Check::Cash | Check::QuasiCash | Check::Hours(_) | Check::Currency(_) => {}
                Check::Checkout(_) | Check::AnyOf(_) => {}
            }
        }
        Some(named)
    }

    /// Those that decline.
    fn enforced(&self) -> impl Iterator<Item = &'a Rule> + use<'a> {
        self.ruleset.rules().iter().filter(|rule| rule.enforcement() == Enforcement::Enforce)
    }

    fn checks(&self) -> impl Iterator<Item = &'a Check> + use<'a> {
        self.enforced().flat_map(checks)
    }

    fn conditions_of_rules(&self) -> impl Iterator<Item = &'a When> + use<'a> {
        self.enforced().filter_map(Rule::conditions)
    }

    /// All that the row could be about and has what is named.
    pub(super) fn all(&self, named: &Named<'_>) -> Vec<AuthorizationRequest> {
        let asks = || [Some(&self.row.conditions().when), named.about].into_iter().flatten();
        let kinds =
            AuthorizationKind::ALL.into_iter().filter(|kind| asks().all(|when| is_among(when.kinds, *kind, KindSet::contains)));
        let fits = |mode: &EntryMode| asks().all(|when| is_among(when.entry_modes, *mode, EntryModeSet::contains));
        let modes: Vec<_> = EntryMode::ALL.into_iter().filter(fits).collect();
        let (mut categories, mut countries, amounts) = (self.categories(), self.countries(), self.amounts());
        categories.retain(|code| {
            asks().all(|when| is_among(when.mcc.as_ref(), *code, |set, code| code.is_some_and(|code| set.contains(code))))
        });
        countries.retain(|place| {
            asks().all(|when| {
                is_among(when.countries.as_ref(), *place, |set, place| place.is_some_and(|place| set.contains(&place)))
            })
        });
        let mut all = Vec::new();
        for kind in kinds {
            for mcc in &categories {
                for country in &countries {
                    for amount in &amounts {
                        let checkouts = self.checkouts(*amount);
                        for mode in &modes {
                            let Some(example) = example(named, (kind, *mode), (*mcc, *country), *amount) else { continue };
                            let room = EXAMPLES_MAX.saturating_sub(all.len());
                            all.extend(checkouts.iter().take(room).map(|checkout| with(example, *checkout)));
                        }
                    }
                }
            }
        }
        all
    }

    /// What could be told at a payment door, if row, rules or limits ask for that: nothing, and each thing that one of them names, in
    /// every way that they tell apart.
    fn checkouts(&self, amount: Money) -> Vec<Option<Checkout>> {
        let own = self.row.conditions().when.checkout.iter();
        let checked = self.checks().filter_map(|check| {
            if let Check::Checkout(Listed::Allow(asked) | Listed::Deny(asked)) = check { Some(asked) } else { None }
        });
        let of_rules = self.conditions_of_rules().flat_map(|when| &when.checkout).chain(checked);
        let of_limits = self.ruleset.limits().iter().flat_map(|limit| &limit.conditions().checkout);
        let mut all = vec![Checkout::NOTHING_TOLD];
        let mut any = false;
        for condition in own.chain(of_rules).chain(of_limits) {
            any = true;
            let further: Vec<Checkout> = all.iter().flat_map(|told| condition.examples(told, amount)).collect();
            let new: Vec<Checkout> = further.into_iter().filter(|told| !all.contains(told)).collect();
            all.extend(new.into_iter().take(CHECKOUTS_MAX.saturating_sub(all.len())));
        }
        let all = all.into_iter().filter(|_| any).map(Some);
        [None].into_iter().chain(all).collect()
    }

    /// What the row lists, and of what rules and limits list what the row lets through.
    fn categories(&self) -> Vec<Option<MerchantCategoryCode>> {
        let row = self.row.conditions().when.mcc.as_ref();
        let checked = self
            .checks()
            .filter_map(|check| if let Check::Mcc(Listed::Allow(set) | Listed::Deny(set)) = check { Some(set) } else { None });
        let of_limits = self.ruleset.limits().iter().filter_map(|limit| limit.conditions().mcc.as_ref());
        let in_rules = self.conditions_of_rules().filter_map(|when| when.mcc.as_ref()).chain(checked).chain(of_limits);
        let ends = |set: &MccSet| set.entries().iter().flat_map(ends_of).collect::<Vec<_>>();
        let ordinary = MerchantCategoryCode::from_number(5999);
        let named = row.into_iter().chain(in_rules).flat_map(ends).chain(ordinary);
        let mut all: Vec<_> = named.filter(|code| row.is_none_or(|set| set.contains(*code))).map(Some).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Of the countries that the row lets through, one for each way to be on and off the lists of rules and limits, and one that is
    /// on none; and those at home and abroad.
    fn countries(&self) -> Vec<Option<Country>> {
        let row = self.row.conditions().when.countries.as_ref();
        let checked = self.checks().filter_map(|check| {
            if let Check::MerchantCountry(Listed::Allow(set) | Listed::Deny(set)) = check { Some(set) } else { None }
        });
        let of_rules = self.conditions_of_rules().filter_map(|when| when.countries.as_ref()).chain(checked);
        let of_limits = self.ruleset.limits().iter().filter_map(|limit| limit.conditions().countries.as_ref());
        let lists: Vec<_> = of_rules.chain(of_limits).collect();
        let home = self.policy.country();
        let named = row.into_iter().chain(lists.iter().copied()).flat_map(|set| set.iter().copied());
        let all = ORDINARY.into_iter().filter_map(Country::new).chain(home).chain(named);
        let mut chosen: Vec<Option<Country>> = Vec::new();
        let mut seen: Vec<Vec<bool>> = Vec::new();
        for country in all.filter(|country| row.is_none_or(|set| set.contains(country))) {
            let on_lists = lists.iter().map(|list| list.contains(&country)).chain([home == Some(country)]).collect();
            if !seen.contains(&on_lists) {
                seen.push(on_lists);
                chosen.push(Some(country));
            }
        }
        chosen
    }

    /// The ends of the row's amounts, and those of the rules' with what is one minor unit beside them.
    fn amounts(&self) -> Vec<Money> {
        let currency = self.policy.currency();
        let range = self.row.conditions().amount;
        let up_to = match self.row.answer() {
            RowAnswer::ApproveUpTo(most) => Some(most),
            RowAnswer::Approve | RowAnswer::Decline(_) => None,
        };
        let own = [range.and_then(|range| range.min()), range.and_then(|range| range.max()), up_to];
        let in_rules = self
            .checks()
            .filter_map(|check| if let Check::Amount(range) = check { Some([range.min(), range.max()]) } else { None });
        let named = own.into_iter().chain(in_rules.flatten()).chain([most_at_once(self.policy.caps())]).flatten();
        let beside = named.flat_map(|amount| [-1, 0, 1].map(|by| amount.minor().saturating_add(by)));
        let mut all: Vec<i64> = beside.chain([100]).filter(|minor| *minor >= 0).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|minor| Money::from_minor(minor, currency)).collect()
    }
}

impl Named<'_> {
    /// Whether both tell the same.
    fn tells_what(&self, other: &Named<'_>) -> bool {
        let Named { about: _, posting, wallet, network, merchant, name } = self;
        (*posting, *wallet, *network) == (other.posting, other.wallet, other.network)
            && (*merchant, *name) == (other.merchant, other.name)
    }
}

fn example(
    named: &Named<'_>,
    (kind, entry_mode): (AuthorizationKind, EntryMode),
    (mcc, country): (Option<MerchantCategoryCode>, Option<Country>),
    amount: Money,
) -> Option<AuthorizationRequest> {
    let Named { about: _, posting, wallet, network, merchant, name } = *named;
    let moves_nothing = matches!(kind, AuthorizationKind::AccountVerification | AuthorizationKind::BalanceInquiry);
    Some(AuthorizationRequest {
        key: IdempotencyKey::new("example").ok()?,
        payment: PaymentRef::of(AuthorizationId::new("example").ok()?),
        increments: None,
        kind,
        posting,
        card: None,
        cardholder: None,
        amount: if moves_nothing { Money::zero(amount.currency()) } else { amount },
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant { id: merchant, name, mcc, country },
        entry_mode,
        wallet,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network,
        occurred_at: None,
        checkout: None,
    })
}

/// What two ask for, either of which may ask for nothing; nothing if they contradict each other.
fn of_both<T: Copy + PartialEq>(one: Option<T>, other: Option<T>, otherwise: T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (asked, None) | (None, asked) => Some(asked.unwrap_or(otherwise)),
    }
}

fn is_among<S, T>(set: Option<S>, datum: T, contains: impl FnOnce(S, T) -> bool) -> bool {
    set.is_none_or(|set| contains(set, datum))
}

/// What a rule checks; of several ways, all of them.
fn checks(rule: &Rule) -> Vec<&Check> {
    if let Check::AnyOf(ways) = rule.check() { ways.iter().flatten().collect() } else { vec![rule.check()] }
}

fn hours(check: &Check) -> Option<&Hours> {
    if let Check::Hours(hours) = check { Some(hours) } else { None }
}

/// The example with what is told at a payment door.
fn with(example: AuthorizationRequest, checkout: Option<Checkout>) -> AuthorizationRequest {
    AuthorizationRequest { checkout, ..example }
}

fn ends_of(entry: &MccEntry) -> Vec<MerchantCategoryCode> {
    match entry {
        MccEntry::Code(code) => vec![*code],
        MccEntry::Range(first, last) => vec![*first, *last],
        MccEntry::Group(group) => {
            let ends = group.ranges.iter().flat_map(|&(first, last)| [first, last]);
            ends.filter_map(MerchantCategoryCode::from_number).collect()
        }
    }
}

/// The most that one card can be given before a cap stops it.
fn most_at_once(caps: &Caps) -> Option<Money> {
    let amounts = caps.caps.iter().filter_map(|cap| cap.amount_max).chain(caps.exposure_max);
    amounts.min_by_key(|amount| amount.minor())
}
