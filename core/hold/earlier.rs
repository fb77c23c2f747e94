//! What the platform told of an increment before it asked, or tells once more, as of another payment than its question or message names
//! then: it is one amount, and is held once.
//!
//! Where it is held does not depend on what came first. What we approve is held with the payment that its question names; what is only told,
//! with the one that the platform's last word names, by its own time. So what was told of one payment goes over to the other one, with every
//! word on it (see `handing_over`). A question that names no payment that is there hears what was recorded, and moves nothing. Where
//! nothing of it is there any more, it is decided as any.

use super::asked::{Asked, declined_by};
use super::event::{Fact, ToldEvent};
use super::life::{Hold, Step, StepId, Steps, Word, captured_of, kept};
use super::mutant::{self, Mutant};
use super::outcome::Outcome;
use super::question;
use super::state::{Account, Answered, FoundBy, Slice};
use super::told::word_of;
use crate::authorization::{AuthorizationKind, AuthorizationRequest, PaymentRef};
use crate::decision::{Basis, Decision, DeclineReason};
use crate::ids::IdempotencyKey;
use crate::time::Timestamp;

/// What is known of the payment to which something was told to add.
#[derive(Debug, Clone, Copy)]
pub struct KnownOf<'a> {
    /// Its account.
    pub account: Account,
    /// What stands of it.
    pub hold: Hold,
    /// Its steps, in their order.
    pub steps: &'a [Step],
}

/// Whether the platform told of a question before it came, as of what adds to this payment, and that is what the question is about: it is
/// held or was captured there, it was declined, or the question was answered so before.
#[must_use]
pub fn is_told_to_add(known: &KnownOf<'_>, answered: Option<&Answered>, request: &AuthorizationRequest) -> bool {
    told(known, answered, request).is_some()
}

/// Where an increment belongs that the platform told to add to one payment, and says of another one now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// Where it was told: by the platform's time, what is said now was said before that.
    WhereItWasTold,
    /// With the payment that it is said of now, and every word on it, which stands under this question's name here.
    WhereItIsSaid(StepId),
}

/// Where what was told to add to this payment belongs, by an event that says of another one that it was added to that: the platform's last
/// word counts, whatever came first. Nothing if nothing was told of it here, or we approved it here.
#[must_use]
pub fn belongs(known: &KnownOf<'_>, event: &ToldEvent, now: Timestamp) -> Option<Belongs> {
    let Fact::Recorded { outcome, .. } = event.fact else { return None };
    let id = name_where_it_is_said(known.steps, &event.fact)?;
    let (word, amount) = word_of(outcome);
    let is_counted_alike = amount.is_none_or(|amount| amount.currency() == known.account.currency);
    if mutant::is(Mutant::ToldIncrementAddsTwice) || !is_counted_alike || !is_only_told(known.steps, id) {
        return None;
    }
    let (at, message) = (event.occurred_at.unwrap_or(now), StepId::of_message(&event.key));
    let came_before = known.steps.iter().any(|step| step.id == message);
    let is_last = Steps::of(known.steps).is_last_on(id, (at, word, message)) && !mutant::is(Mutant::FirstTellingCounts);
    Some(if is_last && !came_before { Belongs::WhereItIsSaid(id) } else { Belongs::WhereItWasTold })
}

/// What the platform told to add to this payment before it asked, where the question is of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldToAdd {
    /// Some of it is held here, or was captured: the words on this question go with whoever approves it.
    Stands(StepId),
    /// Nothing of it is here any more.
    Over(StepId),
}

/// What was told to add to this payment, if a question is about that. Nothing where the platform's last word is that it was declined.
#[must_use]
pub fn told_to_add(known: &KnownOf<'_>, request: &AuthorizationRequest) -> Option<ToldToAdd> {
    let (id, word) = only_told(known, request)?;
    word.approves().filter(|minor| *minor > 0)?;
    Some(if is_there(known, id) { ToldToAdd::Stands(id) } else { ToldToAdd::Over(id) })
}

/// Whether a question that was told to add to this payment opens one of its own, by what it is called: it has a transaction of its own, or
/// names its payment by its key.
#[must_use]
pub fn opens_its_own(steps: &[Step], question: StepId, request: &AuthorizationRequest) -> bool {
    let by_its_key = || request.payment.authorization.as_str() == request.key.as_str() && Steps::of(steps).opened();
    request.kind != AuthorizationKind::Incremental && (question != StepId::of(&request.key) || by_its_key())
}

/// What a question is called that adds to the payment that these are the steps of, or opens the one that it names.
#[must_use]
pub fn name_where_it_is_asked(steps: &[Step], request: &AuthorizationRequest) -> StepId {
    question::of_request(steps, request)
}

/// What the question of a fact is called that says that it was added to the payment that these are the steps of.
#[must_use]
pub fn name_where_it_is_said(steps: &[Step], fact: &Fact) -> Option<StepId> {
    let Fact::Recorded { payment, asked, increments: Some(other), .. } = fact else { return None };
    Some(question::of_record(steps, asked, payment, Some(other)))
}

/// Whether the question that a fact says was added to a payment has a place among these steps, by our approval or by the platform's word.
#[must_use]
pub fn knows_increment(steps: &[Step], fact: &Fact) -> bool {
    name_where_it_is_said(steps, fact).is_some_and(|id| is_known(steps, id))
}

/// Whether what is called so, and asked under this key, is known to add to the payment that these are the steps of, or to be of it.
#[must_use]
pub fn knows_added(steps: &[Step], asked: &IdempotencyKey, own: &PaymentRef) -> bool {
    is_known(steps, question::of_record(steps, asked, own, Some(own)))
}

/// Whether a question has a place among these steps.
#[must_use]
pub fn knows_question(steps: &[Step], request: &AuthorizationRequest) -> bool {
    is_known(steps, question::of_request(steps, request))
}

/// Whether we placed something for a question.
#[must_use]
pub fn is_placed(steps: &[Step], request: &AuthorizationRequest) -> bool {
    Steps::of(steps).placed(question::of_request(steps, request))
}

fn is_known(steps: &[Step], id: StepId) -> bool {
    let steps = Steps::of(steps);
    steps.placed(id) || steps.last_word(id).is_some()
}

/// The step of the question that an event is about: that of what the platform told to add, if it is about that.
pub(super) fn of_request(slice: &Slice<'_>, request: &AuthorizationRequest) -> StepId {
    told_here(slice, request).map_or_else(|| question::of_request(slice.steps, request), |(id, _)| id)
}

/// The answer to a question that the platform told to add to a payment before it came, where it names another one, or none: what was
/// recorded. Nothing moves, and nobody calls that payment by another name for it.
pub(super) fn told_before(slice: &Slice<'_>, asked: &Asked<'_>) -> Option<Outcome> {
    let (_, word) = told_here(slice, asked.request)?;
    let account = slice.account?;
    let Some(recorded) = word.approves() else {
        return Some(declined_by(&asked.digest, asked.asked_at, DeclineReason::TransactionNotPermitted, Basis::Ledger));
    };
    let decision = Decision::Approve { amount: account.money(recorded) };
    let answered = Answered { digest: asked.digest.kept(), asked_at: asked.asked_at, decision };
    Some(Outcome { decision: Some((decision, Basis::Ledger)), answered: Some(answered), ..Outcome::default() })
}

/// Whether a question is one that the platform told to add before it came, to another payment than it names.
pub(super) fn is_told_here(slice: &Slice<'_>, request: &AuthorizationRequest) -> bool {
    told_here(slice, request).is_some()
}

/// A question that names the payment to which it was told to add is asked of that, as any. One that opens a payment is of another one if
/// that was opened already, or has a transaction of its own: else it opens this very payment, whatever it was said to add to.
fn told_here(slice: &Slice<'_>, request: &AuthorizationRequest) -> Option<(StepId, Word)> {
    let (account, hold) = slice.account.zip(slice.hold)?;
    let (id, word) = told(&KnownOf { account, hold, steps: slice.steps }, slice.answered.as_ref(), request)?;
    let is_another = || id != StepId::of(&request.key) || Steps::of(slice.steps).opened();
    let is_elsewhere = match slice.found_by {
        FoundBy::WhatWasTold => true,
        FoundBy::ItsNames => request.kind != AuthorizationKind::Incremental && is_another(),
    };
    is_elsewhere.then_some((id, word))
}

/// The increment that was told and that we placed nothing for, if a question is one, and the last word on it.
fn only_told(known: &KnownOf<'_>, request: &AuthorizationRequest) -> Option<(StepId, Word)> {
    let wants = request.kind.moves_money() && request.amount.minor() > 0;
    if !wants || request.amount.currency() != known.account.currency || mutant::is(Mutant::ToldIncrementAddsTwice) {
        return None;
    }
    let id = question::as_increment(known.steps, request);
    if !is_only_told(known.steps, id) {
        return None;
    }
    Steps::of(known.steps).last_word(id).map(|word| (id, word))
}

/// The same, if that is what the question hears.
fn told(known: &KnownOf<'_>, answered: Option<&Answered>, request: &AuthorizationRequest) -> Option<(StepId, Word)> {
    let (id, word) = only_told(known, request)?;
    let was_approved = answered.is_some_and(|answered| matches!(answered.decision, Decision::Approve { .. }));
    (word == Word::Declined || was_approved || is_there(known, id)).then_some((id, word))
}

/// Whether the platform says that this question added to the payment.
pub(super) fn is_said_to_add(steps: &[Step], request: &AuthorizationRequest) -> bool {
    is_said_of(steps, question::as_increment(steps, request))
}

fn is_said_of(steps: &[Step], id: StepId) -> bool {
    steps.iter().any(|step| step.says_added(id))
}

/// Whether the platform says so, and we placed nothing for it.
fn is_only_told(steps: &[Step], id: StepId) -> bool {
    is_said_of(steps, id) && !Steps::of(steps).placed(id)
}

/// Whether some of what was told to add is held with its payment, or was captured with it.
fn is_there(known: &KnownOf<'_>, id: StepId) -> bool {
    let approved = Steps::of(known.steps).last_word(id).and_then(Word::approves).is_some_and(|minor| minor > 0);
    approved && left(&known.hold, known.steps, id) > 0
}

/// How much of what a question added to its payment is there.
pub(super) fn left_of(slice: &Slice<'_>, added: StepId) -> i64 {
    slice.hold.map_or(0, |hold| left(&hold, slice.steps, added))
}

/// How much of what was added is held with its payment, or was captured with it. What was taken back, or cannot be counted, is not there: no
/// reversal names an increment, and it takes what was added last first.
fn left(hold: &Hold, steps: &[Step], added: StepId) -> i64 {
    let steps = Steps::of(steps);
    let held = if hold.is_under_way() { kept(&steps, added).unwrap_or(0) } else { 0 };
    held.max(captured_of(&steps, added).unwrap_or(0))
}
