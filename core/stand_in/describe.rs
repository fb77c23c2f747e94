//! Tables in sentences, one line a row or cap, as they would be read aloud.

use std::fmt;

use crate::rules::{Amount, Length, Listed, write_conditions, write_list};

use super::caps::{Cap, CapWindow, Caps};
use super::conditions::{AgeRange, Conditions};
use super::policy::{Mode, Row, RowAnswer, Silence};

impl fmt::Display for Row {
    /// `groceries: approves up to 50.00 USD, when MCC groceries and amount to 50.00 USD (Small baskets)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.id())?;
        match self.answer() {
            RowAnswer::Approve => f.write_str("approves")?,
            RowAnswer::ApproveUpTo(most) => write!(f, "approves up to {}", Amount(most))?,
            RowAnswer::Decline(reason) => write!(f, "declines as {reason}")?,
        }
        write!(f, "{}", self.conditions())?;
        write_description(f, self.description())
    }
}

/// What the author says about a row or cap, behind what it says itself.
fn write_description(f: &mut fmt::Formatter<'_>, description: Option<&str>) -> fmt::Result {
    description.map_or(Ok(()), |description| write!(f, " ({description})"))
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_conditions(f, &self.when)?;
        let mut before = if self.when == crate::rules::When::default() { ", when " } else { " and " };
        let mut begin = |f: &mut fmt::Formatter<'_>| f.write_str(std::mem::replace(&mut before, " and "));
        if let Some(range) = self.amount {
            begin(f)?;
            match (range.min(), range.max()) {
                (Some(min), Some(max)) => write!(f, "amount from {} to {}", Amount(min), Amount(max))?,
                (Some(min), None) => write!(f, "amount from {}", Amount(min))?,
                (None, Some(max)) => write!(f, "amount to {}", Amount(max))?,
                (None, None) => f.write_str("any amount")?,
            }
        }
        if let Some(seconds) = self.balance_age_seconds_max {
            begin(f)?;
            write!(f, "covered by a balance of the last {}", Length(seconds))?;
        }
        if let Some(age) = self.card_age {
            begin(f)?;
            write!(f, "card {age}")?;
        }
        if let Some(seconds) = self.status_age_seconds_max {
            begin(f)?;
            write!(f, "card status known in the last {}", Length(seconds))?;
        }
        if let Some(known) = self.merchant_known {
            begin(f)?;
            f.write_str(if known { "merchant known to the card" } else { "merchant new to the card" })?;
        }
        if let Some(used) = self.card_used {
            begin(f)?;
            f.write_str(if used { "card used before" } else { "card never used" })?;
        }
        if let Some(hours) = &self.hours {
            begin(f)?;
            let (besides, Listed::Allow(spans) | Listed::Deny(spans)) = match hours.spans() {
                allowed @ Listed::Allow(_) => ("", allowed),
                denied @ Listed::Deny(_) => ("not ", denied),
            };
            write!(f, "{besides}on ")?;
            write_list(f, spans)?;
            write!(f, " in {}", hours.zone().name())?;
        }
        Ok(())
    }
}

impl fmt::Display for AgeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.seconds_min, self.seconds_max) {
            (Some(min), Some(max)) => write!(f, "{} to {} old", Length(min), Length(max)),
            (Some(min), None) => write!(f, "at least {} old", Length(min)),
            (None, Some(max)) => write!(f, "at most {} old", Length(max)),
            (None, None) => f.write_str("of any age"),
        }
    }
}

impl fmt::Display for Cap {
    /// `card-day: at most 500.00 USD and 3 transactions per card in the last 1d (No card twice at the pump)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at most ", self.id)?;
        let amount = self.amount_max.map(|amount| Amount(amount).to_string());
        let count = self.count_max.map(|count| format!("{count} transaction{}", if count == 1 { "" } else { "s" }));
        for (index, maximum) in [amount, count].into_iter().flatten().enumerate() {
            write!(f, "{}{maximum}", if index > 0 { " and " } else { "" })?;
        }
        write!(f, " per {} {}", self.scope.name(), self.window)?;
        write_description(f, self.description.as_deref())
    }
}

impl fmt::Display for CapWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CapWindow::Day(zone) => write!(f, "and day in {}", zone.name()),
            CapWindow::Last(seconds) => write!(f, "in the last {}", Length(*seconds)),
            CapWindow::Unconfirmed => f.write_str("that the ledger has not confirmed"),
        }
    }
}

impl fmt::Display for Caps {
    /// One line a cap, the exposure cap first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exposure = self.exposure_max.map(|max| format!("exposure: at most {} at risk in the program", Amount(max)));
        let lines = exposure.into_iter().chain(self.caps.iter().map(ToString::to_string));
        for (index, line) in lines.enumerate() {
            write!(f, "{}{line}", if index > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Rules => f.write_str("by its rows; what no row approves is declined"),
            Mode::Decline => f.write_str("declines everything"),
            Mode::Approve { until } => write!(f, "approves everything within its caps until {until}, then by its rows"),
            Mode::Drop(Silence::Unavailable) => f.write_str("answers 503, so that the platform's own stand-in speaks"),
            Mode::Drop(Silence::NoAnswer) => f.write_str("says nothing, so that the platform's own stand-in speaks"),
        }
    }
}
