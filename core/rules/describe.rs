//! Rules, limits and hold rows in one line each, for listings. Merchants' names are digests, so only their number is told.

use std::fmt;

use arrayvec::ArrayVec;

use crate::authorization::{CrossBorder, Posting, Wallet};
use crate::money::Money;

use super::checkout::{CheckoutCondition, PartRange};
use super::hold_row::{HoldRow, HoldTerms, Margin, PartialRule};
use super::hours::{Hours, Span, TimeOfDay, Weekday};
use super::limit::{Limit, LimitWindow, Rolling};
use super::rule::{AmountRange, Check, Requirement, Rule};
use super::sets::{KindSet, Listed, MccEntry, MccSet};
use super::verdict::Enforcement;
use super::when::When;

/// Writes items with commas between them.
pub(crate) fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: impl IntoIterator<Item = T>) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// An amount as people write it: `750.00 USD`.
pub(crate) struct Amount(pub Money);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.decimal(), self.0.currency())
    }
}

impl fmt::Display for Rule {
    /// `keyed-max: declines amounts above 100.00 USD, when entry mode keyed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.enforcement {
            Enforcement::Enforce => "declines",
            Enforcement::Observe => "on trial, would decline",
        };
        write!(f, "{}: {verb} {}", self.id, self.check)?;
        if let Some(when) = &self.when {
            write_conditions(f, when)?;
        }
        match self.reason {
            Some(reason) => write!(f, ", as {reason}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Limit {
    /// `card-day: at most 1000.00 USD and 20 transactions per card and day in America/New_York`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.enforcement {
            Enforcement::Enforce => "at most",
            Enforcement::Observe => "observes whether more than",
        };
        write!(f, "{}: {verb} ", self.id)?;
        match (self.amount_max, self.count_max) {
            (Some(amount), Some(count)) => write!(f, "{} and {count} transactions", Amount(amount))?,
            (Some(amount), None) => write!(f, "{}", Amount(amount))?,
            (None, Some(count)) => write!(f, "{count} transactions")?,
            (None, None) => f.write_str("nothing")?,
        }
        write!(f, " per {}{}", self.scope.name(), self.window)?;
        write_conditions(f, &self.when)
    }
}

impl fmt::Display for LimitWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitWindow::Day(zone) => write!(f, " and day in {}", zone.name()),
            LimitWindow::Week(zone, Weekday::Monday) => write!(f, " and week in {}", zone.name()),
            LimitWindow::Week(zone, first) => write!(f, " and week from {} in {}", first.name(), zone.name()),
            LimitWindow::Month(zone) => write!(f, " and month in {}", zone.name()),
            LimitWindow::Rolling(rolling) => write!(f, " in the last {rolling}"),
            LimitWindow::Lifetime => f.write_str(" for ever"),
        }
    }
}

impl fmt::Display for Rolling {
    /// `24h (24 buckets)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} buckets)", Length(self.length_seconds()), self.buckets())
    }
}

/// A length of time in the largest unit that is whole, as it is written in a ruleset: `7d`, `90m`.
pub(crate) struct Length(pub u32);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60)] {
            if self.0.checked_rem(seconds) == Some(0) {
                return write!(f, "{}{unit}", self.0.checked_div(seconds).unwrap_or(0));
            }
        }
        write!(f, "{}s", self.0)
    }
}

impl fmt::Display for HoldRow {
    /// `rental: tolerates the larger of 15% and 75.00 USD, when MCC vehicle_rental`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.terms)?;
        write_conditions(f, &self.when)
    }
}

impl fmt::Display for HoldTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        let mut begin = |f: &mut fmt::Formatter<'_>, what: &str| {
            f.write_str(before)?;
            before = ", ";
            f.write_str(what)
        };
        if let Some(seconds) = self.lifetime_seconds {
            begin(f, "ends holds of ours after ")?;
            write!(f, "{}", Length(seconds))?;
        }
        if let Some(seconds) = self.safety_timer_seconds {
            begin(f, "gives the platform's holds up after ")?;
            write!(f, "{}", Length(seconds))?;
        }
        if let Some(tolerance) = self.tolerance {
            begin(f, "tolerates ")?;
            write!(f, "{tolerance}")?;
        }
        if let Some(extra) = self.extra {
            begin(f, "holds on top ")?;
            write!(f, "{extra}")?;
        }
        if let Some(percent) = self.cross_currency {
            begin(f, "pads other currencies by ")?;
            write!(f, "{percent}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Margin {
    /// `nothing`, `20%`, `the larger of 15% and 75.00 USD`, `what is missing to 125.00 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: ArrayVec<String, 3> = ArrayVec::new();
        parts.extend(self.percent.map(|percent| percent.to_string()));
        parts.extend(self.amount.map(|amount| Amount(amount).to_string()));
        parts.extend(self.up_to.map(|total| format!("what is missing to {}", Amount(total))));
        match parts.as_slice() {
            [] => f.write_str("nothing"),
            [only] => f.write_str(only),
            several => write!(f, "the larger of {}", several.join(" and ")),
        }
    }
}

impl fmt::Display for PartialRule {
    /// `approves from 5.00 USD on where not all is there, when kind purchase, incremental and entry mode chip, contactless`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "approves from {} on where not all is there", Amount(self.minimum))?;
        let (kinds, entry_modes) = (Some(self.kinds), Some(self.entry_modes));
        write_conditions(f, &When { kinds, entry_modes, ..When::default() })
    }
}

pub(crate) fn write_conditions(f: &mut fmt::Formatter<'_>, when: &When) -> fmt::Result {
    let mut before = ", when ";
    let mut begin = |f: &mut fmt::Formatter<'_>, what: &str| {
        f.write_str(before)?;
        before = " and ";
        f.write_str(what)
    };
    if let Some(kinds) = when.kinds {
        begin(f, "kind ")?;
        write!(f, "{kinds}")?;
    }
    if let Some(posting) = when.posting {
        begin(
            f,
            match posting {
                Posting::Hold => "posting hold",
                Posting::Immediate => "posting immediate",
            },
        )?;
    }
    if let Some(modes) = when.entry_modes {
        begin(f, "entry mode ")?;
        write_list(f, modes.iter().map(crate::authorization::EntryMode::name))?;
    }
    if let Some(wallet) = when.wallet {
        begin(
            f,
            match wallet {
                Wallet::None => "without a wallet",
                Wallet::Token => "by a wallet",
            },
        )?;
    }
    if let Some(border) = when.border {
        begin(
            f,
            match border {
                CrossBorder::No => "within one country",
                CrossBorder::Yes => "across a border",
                CrossBorder::NotTold => "without a known border",
            },
        )?;
    }
    if let Some(mcc) = &when.mcc {
        begin(f, "MCC ")?;
        write!(f, "{mcc}")?;
    }
    if let Some(countries) = &when.countries {
        begin(f, "merchant country ")?;
        write_list(f, countries.iter())?;
    }
    if let Some(networks) = &when.networks {
        begin(f, "network ")?;
        write_list(f, networks.iter())?;
    }
    for condition in &when.checkout {
        begin(f, "")?;
        write!(f, "{condition}")?;
    }
    Ok(())
}

impl fmt::Display for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.iter().map(crate::authorization::AuthorizationKind::name))
    }
}

impl fmt::Display for MccSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.entries())
    }
}

impl fmt::Display for MccEntry {
    /// As it is written in a ruleset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MccEntry::Code(code) => write!(f, "{code}"),
            MccEntry::Range(first, last) => write!(f, "{first}-{last}"),
            MccEntry::Group(group) => f.write_str(group.name),
        }
    }
}

impl fmt::Display for Check {
    /// What it declines, as the object of "declines".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Amount(range) => write!(f, "{range}"),
            Check::Kind(listed) => write_listed(f, "kind", listed, |f, set| write!(f, "{set}")),
            Check::Mcc(listed) => write_listed(f, "MCC", listed, |f, set| write!(f, "{set}")),
            Check::MerchantId(listed) => write_listed(f, "merchant id", listed, |f, set| write_list(f, set.iter())),
            Check::MerchantName(listed) => {
                write_listed(f, "merchant name", listed, |f, set| write!(f, "one of {} listed", set.iter().len()))
            }
            Check::MerchantCountry(listed) => write_listed(f, "merchant country", listed, |f, set| write_list(f, set.iter())),
            Check::CrossBorder(Requirement::Deny) => f.write_str("payments across a border"),
            Check::CrossBorder(Requirement::Require) => f.write_str("all but payments across a border"),
            Check::EntryMode(listed) => write_listed(f, "entry mode", listed, |f, set| {
                write_list(f, set.iter().map(crate::authorization::EntryMode::name))
            }),
            Check::Cash => f.write_str("cash"),
            Check::QuasiCash => f.write_str("quasi-cash"),
            Check::Wallet(Requirement::Deny) => f.write_str("wallets"),
            Check::Wallet(Requirement::Require) => f.write_str("all but wallets"),
            Check::Hours(hours) => write!(f, "{hours}"),
            Check::Currency(listed) => write_listed(f, "currency", listed, |f, set| write_list(f, set)),
            Check::Checkout(listed) => write_listed(f, "", listed, |f, condition| write!(f, "{condition}")),
            Check::AnyOf(ways) => {
                for (index, way) in ways.iter().enumerate() {
                    f.write_str(if index == 0 { "what each of these does: " } else { "; " })?;
                    write_list(f, way)?;
                }
                Ok(())
            }
        }
    }
}

fn write_listed<S>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    listed: &Listed<S>,
    write_set: impl Fn(&mut fmt::Formatter<'_>, &S) -> fmt::Result,
) -> fmt::Result {
    match listed {
        Listed::Allow(set) => {
            f.write_str("all but ")?;
            write_what(f, what)?;
            write_set(f, set)
        }
        Listed::Deny(set) => {
            write_what(f, what)?;
            write_set(f, set)
        }
    }
}

fn write_what(f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
    if what.is_empty() { Ok(()) } else { write!(f, "{what} ") }
}

impl fmt::Display for CheckoutCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckoutCondition::Surcharge(range) => write!(f, "surcharge {range}"),
            CheckoutCondition::Gratuity(range) => write!(f, "gratuity {range}"),
            CheckoutCondition::Fees(range) => write!(f, "fees {range}"),
            CheckoutCondition::Items(range) => match (range.min(), range.max()) {
                (Some(min), Some(max)) => write!(f, "items from {min} to {max}"),
                (Some(min), None) => write!(f, "items from {min}"),
                (None, Some(max)) => write!(f, "items up to {max}"),
                (None, None) => f.write_str("items"),
            },
            CheckoutCondition::ThreeDSecure(words) => {
                f.write_str("3-D Secure ")?;
                write_list(f, words.iter().map(|word| word.name()))
            }
            CheckoutCondition::AddressVerification(words) => {
                f.write_str("address verification ")?;
                write_list(f, words.iter().map(|word| word.name()))
            }
            CheckoutCondition::SecurityCode(words) => {
                f.write_str("security code ")?;
                write_list(f, words.iter().map(|word| word.name()))
            }
            CheckoutCondition::IpAddress(list) => write!(f, "IP address in one of {} networks listed", list.len()),
        }
    }
}

impl fmt::Display for PartRange {
    /// `from 1.00 USD and up to 4%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: ArrayVec<String, 4> = ArrayVec::new();
        parts.extend(self.min.map(|min| format!("from {}", Amount(min))));
        parts.extend(self.percent_min.map(|min| format!("from {min}")));
        parts.extend(self.max.map(|max| format!("up to {}", Amount(max))));
        parts.extend(self.percent_max.map(|max| format!("up to {max}")));
        f.write_str(&parts.join(" and "))
    }
}

impl fmt::Display for AmountRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min(), self.max()) {
            (Some(min), Some(max)) => write!(f, "amounts below {} or above {}", Amount(min), Amount(max)),
            (Some(min), None) => write!(f, "amounts below {}", Amount(min)),
            (None, Some(max)) => write!(f, "amounts above {}", Amount(max)),
            (None, None) => f.write_str("no amounts"),
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_listed(f, "hours", self.spans(), |f, spans| write_list(f, spans))?;
        write!(f, " in {}", self.zone().name())
    }
}

impl fmt::Display for Span {
    /// `monday friday 22:00-02:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days().len() == Weekday::ALL.len() {
            f.write_str("every day ")?;
        } else {
            for day in self.days() {
                write!(f, "{} ", day.name())?;
            }
        }
        write!(f, "{}-{}", self.from(), self.to())
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes().div_euclid(60), self.minutes().rem_euclid(60))
    }
}
