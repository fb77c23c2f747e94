//! Which of a payment's steps a question is, or makes.
//!
//! A question is known by its key. An increment that has a transaction of its own is known by that as well: asked again under
//! another key it is the same increment, and what the platform says of it is about the one that there is. Such a step's name has
//! both: its first half is of the transaction, its second half of the key that was asked first. Nothing here decides.

use super::event::Fact;
use super::life::{Role, Step, StepId, Steps};
use crate::authorization::{Alias, AuthorizationKind, AuthorizationRequest, PaymentRef};
use crate::ids::{AuthorizationId, IdempotencyKey};

/// The step of a question: the one that it made, or that another key of the same transaction did; else the one that it would make.
pub(super) fn of_request(steps: &[Step], request: &AuthorizationRequest) -> StepId {
    named(steps, &request.key, transaction(request))
}

/// The step of the question that a record is about.
pub(super) fn of_record(steps: &[Step], asked: &IdempotencyKey, own: &PaymentRef, increments: Option<&PaymentRef>) -> StepId {
    let by_key = StepId::of(asked);
    if Steps::of(steps).placed(by_key) {
        // We approved it as a payment of its own, whatever it is said to add to.
        return by_key;
    }
    named(steps, asked, increments.and_then(|_| second_name(own)))
}

/// Whether the question of which a fact says that it added to a payment opened the one that these are the steps of.
#[must_use]
pub fn is_opened_by(steps: &[Step], fact: &Fact) -> bool {
    let Fact::Recorded { asked, increments: Some(_), .. } = fact else { return false };
    let id = StepId::of(asked);
    Steps::of(steps).placements().any(|(placed, placement)| placed == id && placement.role == Role::Opening)
}

/// Whether the question of which a fact says that it added to a payment was approved as one that adds to the one that these are the steps of.
#[must_use]
pub fn is_added_by(steps: &[Step], fact: &Fact) -> bool {
    let Fact::Recorded { payment, asked, increments: Some(other), .. } = fact else { return false };
    let id = of_record(steps, asked, payment, Some(other));
    Steps::of(steps).placements().any(|(placed, placement)| placed == id && placement.role == Role::Increment)
}

/// The increment that a question is, if it is one, by what it says itself: what it is called, and asked under.
pub(super) fn as_increment(steps: &[Step], request: &AuthorizationRequest) -> StepId {
    named(steps, &request.key, second_name(&request.payment))
}

/// Whether a step that a question leads to was made under this very key.
pub(super) fn is_of_key(id: StepId, request: &AuthorizationRequest) -> bool {
    id == StepId::of(&request.key)
        || transaction(request).is_some_and(|transaction| id == StepId::of_increment(&transaction, &request.key))
}

fn named(steps: &[Step], key: &IdempotencyKey, transaction: Option<AuthorizationId>) -> StepId {
    let by_key = StepId::of(key);
    let Some(transaction) = transaction else { return by_key };
    let own = StepId::of_increment(&transaction, key);
    let known = |wanted: StepId| increments(steps).any(|id| id == wanted);
    if known(by_key) {
        // Made by a version that knew increments by their keys only.
        return by_key;
    }
    if known(own) {
        return own;
    }
    increments(steps).find(|id| id.is_of_transaction_of(own)).unwrap_or(own)
}

/// The questions of a payment that add to it, as far as its steps tell.
fn increments(steps: &[Step]) -> impl Iterator<Item = StepId> {
    steps.iter().filter_map(Step::adds)
}

/// The transaction of an increment, where the platform gives it one.
fn transaction(request: &AuthorizationRequest) -> Option<AuthorizationId> {
    if request.kind == AuthorizationKind::Incremental { second_name(&request.payment) } else { None }
}

const fn second_name(own: &PaymentRef) -> Option<AuthorizationId> {
    match own.alias {
        Alias::Also(transaction) => Some(transaction),
        Alias::NotTold | Alias::Alone => None,
    }
}
