//! What rules, limits and hold rows ask of a payment at a door of ours: surcharge, gratuity, fees, items, what verifications came
//! to, and where the payer's device is. About a question that tells nothing of the kind, such as a card network's, none of them is.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::authorization::AuthorizationRequest;
use crate::checkout::{AddressVerification, Checkout, SecurityCodeVerification, ThreeDSecure};
use crate::decision::DeclineReason;
use crate::money::{Currency, Money};

use super::percent::Percent;
use super::problem::RulesetProblem;
use super::sets::SortedSet;

/// How many of a list's networks examples are made of.
const LISTED_MAX: usize = 4;
/// Addresses of which one is on no list of an ordinary length: those of documentation, and an ordinary one.
const ELSEWHERE: [&str; 4] = ["198.51.100.77", "203.0.113.77", "192.0.2.77", "8.8.8.8"];

/// One condition on what is told of a payment at a door of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutCondition {
    /// The surcharge is so much, or such a share of the amount without it.
    Surcharge(PartRange),
    /// The gratuity is so much, or such a share of the amount without it.
    Gratuity(PartRange),
    /// The fees are so much in all, or such a share of the amount.
    Fees(PartRange),
    /// The order has so many lines of items.
    Items(CountRange),
    /// 3-D Secure came to one of these.
    ThreeDSecure(WordSet<ThreeDSecure>),
    /// The billing address compared in one of these ways.
    AddressVerification(WordSet<AddressVerification>),
    /// The security code compared in one of these ways.
    SecurityCode(WordSet<SecurityCodeVerification>),
    /// The payer's device is in one of these networks.
    IpAddress(NetworkList),
}

impl CheckoutCondition {
    /// Whether it holds of what is told; `None` where the one thing that it asks about is not.
    fn holds_of(&self, checkout: &Checkout, amount: Money) -> Option<bool> {
        match self {
            CheckoutCondition::Surcharge(range) => Some(range.has(checkout.surcharge, checkout.before_surcharge(amount), amount)),
            CheckoutCondition::Gratuity(range) => Some(range.has(checkout.gratuity, checkout.before_gratuity(amount), amount)),
            CheckoutCondition::Fees(range) => Some(range.has(checkout.fees, amount.minor(), amount)),
            CheckoutCondition::Items(range) => Some(range.has(checkout.items)),
            CheckoutCondition::ThreeDSecure(set) => Some(set.contains(&checkout.three_d_secure)),
            CheckoutCondition::AddressVerification(set) => Some(set.contains(&checkout.address_verification)),
            CheckoutCondition::SecurityCode(set) => Some(set.contains(&checkout.security_code)),
            CheckoutCondition::IpAddress(list) => checkout.ip_address.map(|address| list.contains(address)),
        }
    }

    /// Whether it holds of a question; `None` where what it asks about is not told.
    pub(crate) fn holds(&self, request: &AuthorizationRequest) -> Option<bool> {
        self.holds_of(request.checkout.as_ref()?, request.amount)
    }

    /// What else could be told, so that it holds of some and not of others: of a payment of this amount, with all but the one thing
    /// that it asks about as it is. For people, not for the request path.
    pub(crate) fn examples(&self, told: &Checkout, amount: Money) -> Vec<Checkout> {
        let parts = |range: &PartRange, in_it: bool| {
            let mut parts = range.edges(amount.minor(), in_it);
            parts.sort_unstable();
            parts.dedup();
            parts
        };
        match self {
            CheckoutCondition::Surcharge(range) => {
                parts(range, true).into_iter().map(|surcharge| Checkout { surcharge, ..*told }).collect()
            }
            CheckoutCondition::Gratuity(range) => {
                parts(range, true).into_iter().map(|gratuity| Checkout { gratuity, ..*told }).collect()
            }
            CheckoutCondition::Fees(range) => parts(range, false).into_iter().map(|fees| Checkout { fees, ..*told }).collect(),
            CheckoutCondition::Items(CountRange { min, max }) => {
                let ends = [*min, *max].into_iter().flatten();
                let beside = ends.flat_map(|end| [end.saturating_sub(1), end, end.saturating_add(1)]);
                beside.map(|items| Checkout { items, ..*told }).collect()
            }
            CheckoutCondition::ThreeDSecure(_) => {
                ThreeDSecure::ALL.iter().map(|outcome| Checkout { three_d_secure: *outcome, ..*told }).collect()
            }
            CheckoutCondition::AddressVerification(_) => {
                let all = AddressVerification::ALL.iter();
                all.map(|result| Checkout { address_verification: *result, ..*told }).collect()
            }
            CheckoutCondition::SecurityCode(_) => {
                SecurityCodeVerification::ALL.iter().map(|result| Checkout { security_code: *result, ..*told }).collect()
            }
            CheckoutCondition::IpAddress(list) => {
                let addresses = list.addresses.iter().flat_map(SortedSet::iter).copied();
                let listed = addresses.chain(list.ranges.iter().map(IpNet::addr)).take(LISTED_MAX).map(Some);
                let elsewhere = ELSEWHERE.iter().filter_map(|text| text.parse().ok()).find(|address| !list.contains(*address));
                let all = listed.chain([elsewhere, None]);
                all.map(|ip_address| Checkout { ip_address, ..*told }).collect()
            }
        }
    }

    /// Why a rule with it declines, unless the rule says otherwise.
    pub(super) const fn reason(&self) -> DeclineReason {
        match self {
            CheckoutCondition::Surcharge(_)
            | CheckoutCondition::Gratuity(_)
            | CheckoutCondition::Fees(_)
            | CheckoutCondition::Items(_) => DeclineReason::TransactionNotPermitted,
            CheckoutCondition::ThreeDSecure(_)
            | CheckoutCondition::AddressVerification(_)
            | CheckoutCondition::SecurityCode(_)
            | CheckoutCondition::IpAddress(_) => DeclineReason::SuspectedFraud,
        }
    }

    /// Every way in which it is wrong.
    pub(crate) fn problems(&self, currency: Currency) -> Option<RulesetProblem> {
        match self {
            CheckoutCondition::Surcharge(range) | CheckoutCondition::Gratuity(range) | CheckoutCondition::Fees(range) => {
                let other = [range.min, range.max].into_iter().flatten().any(|end| end.currency() != currency);
                other.then_some(RulesetProblem::OtherCurrency)
            }
            CheckoutCondition::Items(_)
            | CheckoutCondition::ThreeDSecure(_)
            | CheckoutCondition::AddressVerification(_)
            | CheckoutCondition::SecurityCode(_)
            | CheckoutCondition::IpAddress(_) => None,
        }
    }
}

/// How much a part of an amount may be, both ends included: in money, as a share of the rest, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartRange {
    /// At least so much.
    pub min: Option<Money>,
    /// At most so much.
    pub max: Option<Money>,
    /// At least such a share.
    pub percent_min: Option<Percent>,
    /// At most such a share.
    pub percent_max: Option<Percent>,
}

impl PartRange {
    /// The same range, if it is one.
    ///
    /// # Errors
    /// No end at all, a negative one, two currencies, or a least above the greatest.
    pub fn checked(self) -> Result<Self, RulesetProblem> {
        let PartRange { min, max, percent_min, percent_max } = self;
        if [min, max].into_iter().flatten().any(Money::is_negative) {
            return Err(RulesetProblem::NegativeAmount);
        }
        if min.is_none() && max.is_none() && percent_min.is_none() && percent_max.is_none() {
            return Err(RulesetProblem::NoPart);
        }
        match (min, max) {
            (Some(min), Some(max)) if min.currency() != max.currency() => return Err(RulesetProblem::OtherCurrency),
            (Some(min), Some(max)) if min.minor() > max.minor() => return Err(RulesetProblem::MinAboveMax),
            (Some(_) | None, Some(_) | None) => {}
        }
        match (percent_min, percent_max) {
            (Some(min), Some(max)) if min > max => Err(RulesetProblem::MinAboveMax),
            (Some(_) | None, Some(_) | None) => Ok(self),
        }
    }

    /// Nothing, all, and what is at the ends and one minor unit beside them: of an amount that the part is in, or is reckoned of.
    fn edges(&self, amount: i64, in_it: bool) -> Vec<i64> {
        let of_share = |share: Percent| {
            let share = i128::from(share.basis_points());
            let whole = if in_it { share.saturating_add(10_000) } else { 10_000 };
            let part = i128::from(amount).saturating_mul(share).checked_div(whole).unwrap_or_default();
            i64::try_from(part).unwrap_or(amount)
        };
        let ends = [self.min, self.max].into_iter().flatten().map(Money::minor);
        let shares = [self.percent_min, self.percent_max].into_iter().flatten().map(of_share);
        let beside = ends.chain(shares).flat_map(|end| [-1, 0, 1].map(|by| end.saturating_add(by)));
        beside.chain([0, amount]).filter(|part| (0..=amount).contains(part)).collect()
    }

    /// Whether a part of an amount lies within. One in another currency cannot be compared, and does not; nothing is nothing in each.
    fn has(&self, part: i64, of: i64, amount: Money) -> bool {
        let same = part == 0 || [self.min, self.max].into_iter().flatten().all(|end| end.currency() == amount.currency());
        same && self.min.is_none_or(|min| part >= min.minor())
            && self.max.is_none_or(|max| part <= max.minor())
            && self.percent_min.is_none_or(|min| compared(part, of, min).is_ge())
            && self.percent_max.is_none_or(|max| compared(part, of, max).is_le())
    }
}

/// A part, compared with a share of something: exactly, without rounding.
fn compared(part: i64, of: i64, share: Percent) -> std::cmp::Ordering {
    let part = i128::from(part).saturating_mul(10_000);
    part.cmp(&i128::from(of).saturating_mul(i128::from(share.basis_points())))
}

/// How many there may be, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountRange {
    min: Option<u16>,
    max: Option<u16>,
}

impl CountRange {
    /// From the least number to the greatest, one of which may be open.
    ///
    /// # Errors
    /// Both open, or a least above the greatest.
    pub const fn new(min: Option<u16>, max: Option<u16>) -> Result<Self, RulesetProblem> {
        match (min, max) {
            (None, None) => Err(RulesetProblem::NoPart),
            (Some(min), Some(max)) if min > max => Err(RulesetProblem::MinAboveMax),
            (Some(_), _) | (None, Some(_)) => Ok(CountRange { min, max }),
        }
    }

    /// The least number.
    #[must_use]
    pub const fn min(&self) -> Option<u16> {
        self.min
    }

    /// The greatest number.
    #[must_use]
    pub const fn max(&self) -> Option<u16> {
        self.max
    }

    fn has(&self, count: u16) -> bool {
        self.min.is_none_or(|min| count >= min) && self.max.is_none_or(|max| count <= max)
    }
}

/// Some of a few words: looked through one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordSet<T>(Box<[T]>);

impl<T: PartialEq> WordSet<T> {
    /// The words listed.
    ///
    /// # Errors
    /// None listed.
    pub fn new(words: Vec<T>) -> Result<Self, RulesetProblem> {
        if words.is_empty() { Err(RulesetProblem::EmptyList) } else { Ok(WordSet(words.into_boxed_slice())) }
    }

    fn contains(&self, word: &T) -> bool {
        self.0.contains(word)
    }

    /// The words, as they were written.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

/// Networks of the Internet: single addresses, searched by halves, and ranges, which are looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkList {
    addresses: Option<SortedSet<IpAddr>>,
    ranges: Box<[IpNet]>,
}

impl NetworkList {
    /// The networks listed.
    ///
    /// # Errors
    /// None listed.
    pub fn new(networks: Vec<IpNet>) -> Result<Self, RulesetProblem> {
        if networks.is_empty() {
            return Err(RulesetProblem::EmptyList);
        }
        let (single, ranges): (Vec<IpNet>, Vec<IpNet>) =
            networks.into_iter().partition(|network| network.prefix_len() == network.max_prefix_len());
        let addresses = SortedSet::new(single.iter().map(IpNet::addr).collect()).ok();
        Ok(NetworkList { addresses, ranges: IpNet::aggregate(&ranges).into_boxed_slice() })
    }

    /// Reads `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32`.
    ///
    /// # Errors
    /// Something else, or a range whose address has bits beyond its length: it may be a slip of the pen.
    pub fn parse(text: &str) -> Result<IpNet, RulesetProblem> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(IpNet::from(address.to_canonical()));
        }
        let network = text.parse::<IpNet>().map_err(|_| RulesetProblem::NotANetwork)?;
        if network.addr() == network.network() { Ok(network) } else { Err(RulesetProblem::NotANetwork) }
    }

    /// Whether an address is in one of them. An IPv4 address in IPv6's clothes is that IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.as_ref().is_some_and(|set| set.contains(&address))
            || self.ranges.iter().any(|range| range.contains(&address))
    }

    /// How many are listed: ranges that lie in or beside each other are one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len().saturating_add(self.addresses.as_ref().map_or(0, |set| set.iter().len()))
    }

    /// Whether nothing is listed, which no list that loads is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
