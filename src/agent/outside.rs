//! Accounts that only remember what was paid, or reserved, with money elsewhere: budgets count there like all others. No money is behind
//! them, so that nothing that tells of a program's money lists or sums them: whoever does asks here which they are.

use holdfast_core::agent::{AuthorityId, BindingId, Governed};
use holdfast_core::hold::{AccountStatus, CardStatus};
use holdfast_core::{AccountId, AuthorizationRequest, CardToken, Currency, Money};

use crate::ledger::Entry;

/// How far below zero such an account may go: further than anybody counts.
const CREDIT_LINE: i64 = 1_000_000_000_000_000;

/// What their names begin with. An account of an operator's may be called so, too; it has no such credit line.
const PREFIX: &str = "outside-";

/// The same in SQL, of the columns that both engines' tables of accounts have.
pub const IS_OUTSIDE_SQL: &str = "(name LIKE 'outside-%' AND credit_line = 1000000000000000)";

/// Whether an account is one of these.
#[must_use]
pub fn is_outside(account: &AccountId, credit_line: i64) -> bool {
    credit_line == CREDIT_LINE && account.as_str().starts_with(PREFIX)
}

/// The card that stands in the ledger for what is none of ours: of each currency one, as an account has one.
#[must_use]
pub fn card_for(id: &str, currency: Currency) -> Option<CardToken> {
    CardToken::try_from(format!("{PREFIX}{id}-{currency}").as_str()).ok()
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

/// Whether a question that was decided under an authority was about money elsewhere.
#[must_use]
pub fn is_about(governed: &Governed, request: &AuthorizationRequest) -> bool {
    let Governed { binding, authority, .. } = governed;
    let names = [binding.as_ref().map(BindingId::as_str), authority.as_ref().map(AuthorityId::as_str)];
    let mut cards = names.into_iter().flatten().map(|name| card_for(name, request.amount.currency()));
    request.card.is_some() && cards.any(|card| card == request.card)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_entered_is_known_again() {
        let card = card_for("bind_1", Currency::USD).unwrap();
        let entered = entries(card, Currency::USD).unwrap();
        let [Entry::Account { account, credit_line, .. }, Entry::Card { .. }] = entered.as_slice() else { panic!("{entered:?}") };
        assert!(is_outside(account, *credit_line));
        assert!(!is_outside(account, 0), "somebody's own account of that name");
        assert!(IS_OUTSIDE_SQL.contains(&format!("'{PREFIX}%'")) && IS_OUTSIDE_SQL.contains(&CREDIT_LINE.to_string()));
    }
}
