//! How Marqeta's messages name the payment that they belong to.
//!
//! A payment has two names: the JIT token of its first message, which followers carry as `original_jit_funding_token`, and
//! the first transaction's token, which they carry as `original_transaction_token` or `preceding_related_transaction_token`.
//! Which of the two kinds a name is stays told ([`PaymentRef`]): the same text may be both, of two payments.

use holdfast_core::{AuthorizationId, PaymentRef};
use serde_json::value::RawValue;

use super::wire::{JitFunding, Transaction, text_of};

/// The payment that a message begins: its own JIT token, with its own transaction token as second name. `None` if it has
/// neither.
pub(super) fn own(transaction: &Transaction<'_>, jit_token: Option<&str>) -> Option<PaymentRef> {
    joined(jit_token.and_then(id), transaction.token.text().and_then(id))
}

/// The payment that a message follows. `None` if it names no earlier one.
pub(super) fn original(transaction: &Transaction<'_>, jit: Option<&JitFunding<'_>>) -> Option<PaymentRef> {
    let own = jit.and_then(|jit| token(jit.token));
    // A first message may carry its own token here: that is no chain.
    let first = jit.and_then(|jit| token(jit.original_jit_funding_token)).filter(|first| Some(*first) != own);
    let own_transaction = transaction.token.text();
    let earlier = [&transaction.original_transaction_token, &transaction.preceding_related_transaction_token]
        .into_iter()
        .filter_map(|earlier| earlier.text())
        .find(|earlier| Some(*earlier) != own_transaction);
    joined(first, earlier.and_then(id))
}

fn joined(jit: Option<AuthorizationId>, transaction: Option<AuthorizationId>) -> Option<PaymentRef> {
    match (jit, transaction) {
        (Some(authorization), Some(alias)) => Some(PaymentRef::of(authorization).with_alias(alias)),
        (Some(authorization), None) => Some(PaymentRef::of(authorization)),
        // One payment's JIT token may be another's transaction token: which of the two it is stays told.
        (None, Some(transaction)) => Some(PaymentRef::by_alias(transaction)),
        (None, None) => None,
    }
}

fn token(raw: Option<&RawValue>) -> Option<AuthorizationId> {
    raw.and_then(text_of).as_deref().and_then(id)
}

fn id(text: &str) -> Option<AuthorizationId> {
    AuthorizationId::new(text).ok()
}
