//! A percentage, in hundredths of a percent: whole numbers all the way, never a float.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::problem::RulesetProblem;

/// So many hundredths of a percent (basis points).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Percent(u32);

impl Percent {
    /// The most that can be written: ten times the amount.
    pub const MAX: Percent = Percent::whole(1000);

    /// So many percent.
    #[must_use]
    pub const fn whole(percent: u32) -> Self {
        Percent(percent.saturating_mul(100))
    }

    /// Reads `20`, `2.5` or `0.25`: digits, and at most two more behind a point.
    ///
    /// # Errors
    /// Anything else (a sign, `%`, an exponent, a third decimal), or more than [`Percent::MAX`].
    pub fn parse(text: &str) -> Result<Self, RulesetProblem> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let number = |digits: &str, longest: usize| {
            let plain = digits.len() <= longest && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|_| plain).ok_or(RulesetProblem::NotAPercentage)
        };
        let hundredths = number(decimals, 2)?.saturating_mul(if decimals.len() == 1 { 10 } else { 1 });
        let percent = Percent(Percent::whole(number(whole, 4)?).0.saturating_add(hundredths));
        if percent > Percent::MAX { Err(RulesetProblem::NotAPercentage) } else { Ok(percent) }
    }

    /// In hundredths of a percent.
    #[must_use]
    pub const fn basis_points(self) -> u32 {
        self.0
    }

    /// So much of an amount that is not negative, rounded **up** to the next minor unit: a margin that is a fraction of a cent
    /// short would be none.
    #[must_use]
    pub fn of(self, minor: i64) -> i64 {
        let rounded_up = self.ten_thousandfold(minor).saturating_add(9_999).div_euclid(10_000);
        i64::try_from(rounded_up).unwrap_or(i64::MAX)
    }

    /// So much of an amount that is not negative, rounded **down**: never more than so much of it.
    #[must_use]
    pub fn at_most_of(self, minor: i64) -> i64 {
        i64::try_from(self.ten_thousandfold(minor).div_euclid(10_000)).unwrap_or(i64::MAX)
    }

    fn ten_thousandfold(self, minor: i64) -> i128 {
        i128::from(minor.max(0)).saturating_mul(i128::from(self.0))
    }
}

impl fmt::Display for Percent {
    /// `20%`, `2.50%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.div_euclid(100), self.0.rem_euclid(100)) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, hundredths) => write!(f, "{whole}.{hundredths:02}%"),
        }
    }
}
