//! Balances below zero in an import's rows: an account may owe, and a sign may be a slip. The amounts are not told.

use std::path::Path;

use crate::control::protocol::AccountRow;

/// The balances below zero that were seen so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Overdrawn {
    rows: u64,
    /// The line of the first one.
    first: u64,
}

impl Overdrawn {
    /// Looks at more rows of the file, in their order.
    pub fn see(&mut self, accounts: &[AccountRow]) {
        for row in accounts.iter().filter(|row| row.balance.is_negative()) {
            if self.rows == 0 {
                self.first = row.line;
            }
            self.rows = self.rows.saturating_add(1);
        }
    }

    /// What an operator hears of them, if there are any.
    #[must_use]
    pub fn remark(&self, accounts: &Path) -> Option<String> {
        let (Overdrawn { rows, first }, file) = (self, accounts.display());
        let remark = || {
            format!("balances below zero: {rows}, the first at {file}:{first}:4; an account that is new begins with what it owes")
        };
        (*rows > 0).then(remark)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::AccountStatus;
    use holdfast_core::{Currency, Money};

    use super::*;

    #[test]
    fn a_balance_below_zero_is_told() {
        let row = |line, minor| AccountRow {
            line,
            program: "demo".parse().unwrap(),
            account: "a".parse().unwrap(),
            balance: Money::from_minor(minor, Currency::USD),
            credit_line: Money::zero(Currency::USD),
            status: AccountStatus::Active,
        };
        let mut overdrawn = Overdrawn::default();
        overdrawn.see(&[row(2, 0), row(3, 1)]);
        assert_eq!(overdrawn.remark(Path::new("accounts.csv")), None);
        overdrawn.see(&[row(4, 5), row(5, -1)]);
        overdrawn.see(&[row(7, -700)]);
        assert_eq!(
            overdrawn.remark(Path::new("accounts.csv")).as_deref(),
            Some("balances below zero: 2, the first at accounts.csv:5:4; an account that is new begins with what it owes")
        );
    }
}
