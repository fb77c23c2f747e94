//! Policy templates: what an enterprise writes, typed. [`read`](Template::read) takes JSON, [`canonical`](Template::canonical) gives it
//! back in one form, without merchants' names, and `policy` makes rules of it.

mod canonical;
mod facts;
mod fields;
mod read;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::sync::Arc;

pub use facts::{TEMPLATES, TemplateFacts};

use crate::ids::MerchantId;
use crate::merchant::{Country, MerchantName};
use crate::money::Money;
use crate::rules::{Listed, MccEntry, Percent, Rolling, Span, Weekday, Zone};

/// Finds a time zone by its name in the IANA database: core has none.
pub type Zones<'a> = dyn Fn(&str) -> Option<Arc<Zone>> + 'a;

/// How deep templates may lie in each other.
pub(super) const DEPTH_MAX: usize = 4;
/// How many templates a policy may be made of.
pub(super) const TEMPLATES_MAX: usize = 32;

/// One policy template with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// No payment above an amount.
    MaxAmount {
        /// The most that passes.
        amount: Money,
    },
    /// Only these merchants.
    MerchantLock(Lock),
    /// Only these merchant categories.
    MccAllowlist(Vec<MccEntry>),
    /// None of these merchant categories.
    MccBlocklist(Vec<MccEntry>),
    /// Only, or none of, these countries.
    Country(Listed<Vec<Country>>),
    /// So much money in a window.
    Budget {
        /// The most in a window.
        amount: Money,
        /// The window.
        window: TemplateWindow,
    },
    /// So many payments in a window.
    Count {
        /// The most in a window.
        count: u32,
        /// The window.
        window: TemplateWindow,
    },
    /// Only at these hours.
    TimeOfDay {
        /// When.
        spans: Vec<Span>,
        /// By which clock.
        zone: Arc<Zone>,
    },
    /// One payment, ever.
    OneTime,
    /// The same merchant, about the same amount, not more often than a period.
    RecurringMerchant {
        /// Who.
        merchant: Lock,
        /// How much.
        amount: Money,
        /// How much more or less.
        tolerance: Percent,
        /// How often at most: once in so many days.
        period_days: u16,
    },
    /// Above an amount a person has to say yes first.
    HumanReview {
        /// The most that needs nobody.
        above: Money,
    },
    /// Each of them.
    AllOf(Vec<Template>),
    /// At least one of them.
    AnyOf(Vec<Template>),
}

/// Merchants, by the acquirer's identifier or by name; one that is listed either way passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// By identifier.
    pub merchant_ids: Vec<MerchantId>,
    /// By name; letters and digits count.
    pub merchants: Vec<LockedName>,
}

/// A merchant's name in a lock: the digest decides.
#[derive(Debug, Clone)]
pub struct LockedName {
    /// What it is compared by.
    pub digest: MerchantName,
    /// As it was written, where that is known.
    pub written: Option<Box<str>>,
}

/// However it was written.
impl PartialEq for LockedName {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for LockedName {}

/// Over which time a budget or a count counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateWindow {
    /// A calendar day.
    Day(Arc<Zone>),
    /// A calendar week.
    Week(Arc<Zone>, Weekday),
    /// A calendar month.
    Month(Arc<Zone>),
    /// The time just past.
    Rolling(Rolling),
    /// For ever.
    Lifetime,
}

/// What is wrong with a field, by its path in the policy: `parameters.policies[1].parameters.amount`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where.
    pub path: String,
    /// What is wrong there, without its value.
    pub problem: String,
}

impl FieldError {
    /// Something wrong with a field.
    #[must_use]
    pub fn new(path: impl Into<String>, problem: impl fmt::Display) -> Self {
        FieldError { path: path.into(), problem: problem.to_string() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path, self.problem)
    }
}

impl std::error::Error for FieldError {}

impl Template {
    /// As policies write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Template::MaxAmount { .. } => "max_amount",
            Template::MerchantLock(_) => "merchant_lock",
            Template::MccAllowlist(_) => "mcc_allowlist",
            Template::MccBlocklist(_) => "mcc_blocklist",
            Template::Country(_) => "country",
            Template::Budget { .. } => "budget",
            Template::Count { .. } => "count",
            Template::TimeOfDay { .. } => "time_of_day",
            Template::OneTime => "one_time",
            Template::RecurringMerchant { .. } => "recurring_merchant",
            Template::HumanReview { .. } => "human_review",
            Template::AllOf(_) => "all_of",
            Template::AnyOf(_) => "any_of",
        }
    }
}

impl TemplateWindow {
    /// As policies write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            TemplateWindow::Day(_) => "day",
            TemplateWindow::Week(..) => "week",
            TemplateWindow::Month(_) => "month",
            TemplateWindow::Rolling(_) => "rolling",
            TemplateWindow::Lifetime => "lifetime",
        }
    }
}
