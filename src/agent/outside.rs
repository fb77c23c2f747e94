//! Accounts that only remember what was paid, or reserved, with money elsewhere: budgets count there like all others. No money is behind
//! them.

use holdfast_core::hold::{AccountStatus, CardStatus};
use holdfast_core::{AccountId, CardToken, Currency, Money};

use crate::ledger::Entry;

/// How far below zero such an account may go: further than anybody counts.
const CREDIT_LINE: i64 = 1_000_000_000_000_000;

/// The card that stands in the ledger for what is none of ours: of each currency one, as an account has one.
#[must_use]
pub fn card_for(id: &str, currency: Currency) -> Option<CardToken> {
    CardToken::try_from(format!("outside-{id}-{currency}").as_str()).ok()
}

/// What has to be entered for it.
#[must_use]
pub fn entries(card: CardToken, currency: Currency) -> Option<Vec<Entry>> {
    let account = AccountId::try_from(card.as_str()).ok()?;
    let (balance, credit_line, status) = (Money::zero(currency), CREDIT_LINE, AccountStatus::Active);
    Some(vec![
        Entry::Account { account, balance, credit_line, status },
        Entry::Card { card, account, cardholder: None, status: CardStatus::Active },
    ])
}

/// Whether an account is one of those. They are in no list of accounts, and in no settlement: their money is somebody else's.
#[must_use]
pub fn is_outside(account: &AccountId) -> bool {
    let of = account.as_str().strip_prefix("outside-");
    of.is_some_and(|of| of.starts_with("bind_") || of.starts_with("sa_"))
}
