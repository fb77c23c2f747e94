//! What an event names: the payment that it is about, whose money that is, and the keys under which it is remembered. The
//! same for an event that is applied now and for a record that is read.

use holdfast_core::hold::{Fact, Finding, FoundBy, Outcome, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{Alias, AuthorizationRequest, IdempotencyKey, PaymentRef, PlatformName, ProgramId, Timestamp};

use super::joining::part;
use super::state::{Fingerprint, HoldNumber, HoldRow, Last, Located, Names, State};

/// Finds what an authorization names; an increment's hold is that of the payment it adds to.
pub fn locate_request(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    request: &AuthorizationRequest,
) -> Located {
    let (payment, _) = request.payments();
    of_its_card(state, request, state.locate(program, platform, &subject_of_request(request), Some(payment)))
}

/// Finds what an answer was about that was told without the ledger: as [`locate_request`], and where the payment of an increment is not
/// known, what was told before under the increment's own name. Both were approved, or told: that is one payment.
pub fn locate_adopted(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    request: &AuthorizationRequest,
) -> Located {
    let (payment, own) = request.payments();
    let located = locate_request(state, program, platform, request);
    if located.hold.is_some() {
        return located;
    }
    let names = (Some(payment), own);
    let located = of_its_card(state, request, state.locate_heard(program, platform, &subject_of_request(request), names));
    // By no name of the payment that it adds to: where it was told, if it was.
    Located { found_by: FoundBy::WhatWasTold, ..located }
}

pub(super) fn subject_of_request(request: &AuthorizationRequest) -> Subject {
    Subject { account: None, card: request.card, cardholder: request.cardholder }
}

/// What a question is about, of what its names lead to.
pub(super) fn of_its_card(state: &State, request: &AuthorizationRequest, located: Located) -> Located {
    if request.card.is_some() && located.card.is_none() {
        // A card that nobody knows is not good because its owner is.
        return Located { cardholder: None, ..located };
    }
    let pays = located.card.and_then(|card| state.card(card)).and_then(|row| row.account);
    if pays.is_some() && pays != located.account {
        // A payment of another account under the same name is another payment: a card never spends its money.
        return Located { account: pays, hold: None, ..located };
    }
    located
}

/// What is to be decided on, of what an authorization names: a card is good in its owner's name only. Where nobody ever told
/// whose it is, nothing speaks against whoever is named.
pub fn in_its_owners_name(state: &State, program: &ProgramId, request: &AuthorizationRequest, located: Located) -> Located {
    let owner = located.card.and_then(|card| state.card(card)).and_then(|row| row.cardholder);
    match (owner, &request.cardholder) {
        (Some(owner), Some(named)) if state.cardholder_named(program, named) != Some(owner) => {
            Located { card: None, cardholder: None, ..located }
        }
        (_, _) => located,
    }
}

/// Whose standing or money an event is about: what its fact names, and its subject for the rest.
pub fn subject_of(event: &ToldEvent) -> Subject {
    match event.fact {
        Fact::Card { card, .. } => Subject { card: Some(card), ..event.subject },
        Fact::Cardholder { cardholder, .. } => Subject { cardholder: Some(cardholder), ..event.subject },
        Fact::Account { account, .. } => Subject { account: Some(account), card: None, cardholder: None },
        Fact::Recorded { .. }
        | Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::SettlementAnnounced { .. } => event.subject,
    }
}

/// The payment that a told event is about, by its names; and by which other it is known from now on: an increment's own, or that of a
/// message which others may name as the one before them.
pub fn payments_of(platform: Option<&PlatformName>, event: &ToldEvent) -> (Option<PaymentRef>, Option<PaymentRef>) {
    let (payment, increment) = event.fact.payments();
    let message = || {
        let platform = holdfast_adapters::platform(platform?.as_str())?;
        (platform.payment_of_message)(event.key.as_str()).filter(|own| payment.is_some_and(|payment| !leads(payment, own)))
    };
    (payment.copied(), increment.copied().or_else(message))
}

/// The key under which the timer of a hold releases it, at that time.
pub fn timers_key(hold: HoldNumber, at: Timestamp) -> Option<IdempotencyKey> {
    IdempotencyKey::new(&format!("expiry-{}-{}", hold.0, at.unix_micros())).ok()
}

/// Whether an event is what the timer of a hold says of it: that finds it by its number, and gives it no name.
pub fn is_of_timer(event: &ToldEvent, hold: HoldNumber) -> bool {
    let Fact::Released { cause: ReleaseCause::Expired | ReleaseCause::SafetyTimer, .. } = event.fact else { return false };
    event.occurred_at.and_then(|at| timers_key(hold, at)).is_some_and(|key| key == event.key)
}

/// What an event is about, with the names that it gives to that: a timer gives none.
pub fn as_named<'a>(state: &State, event: &ToldEvent, located: &Located, names: Names<'a>) -> (Located, Names<'a>) {
    let row = located.hold.and_then(|index| state.hold(index));
    if row.is_some_and(|row| is_of_timer(event, row.number)) {
        return (Located { payment: None, ..*located }, Names { payment: None, increment: None, ..names });
    }
    (*located, names)
}

/// Whether the second name of a payment is this one already.
fn leads(payment: &PaymentRef, own: &PaymentRef) -> bool {
    match payment.alias {
        Alias::Also(alias) => alias == own.authorization,
        Alias::Alone => payment.authorization == own.authorization,
        Alias::NotTold => false,
    }
}

/// The asked key that a fact answers for.
pub fn asked_of(fact: &Fact) -> Option<IdempotencyKey> {
    match fact {
        Fact::Recorded { asked, .. } => Some(*asked),
        Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::Card { .. }
        | Fact::Cardholder { .. }
        | Fact::Account { .. }
        | Fact::SettlementAnnounced { .. } => None,
    }
}

/// How long the key of a message is remembered. One that became a payment's step is known by that; but where it called the payment by
/// another name than that is known by, the name may be another payment's by the time it is sent again. So may every name of a payment of which
/// nothing was approved here: it may become part of another one, which keeps the step, and not the name.
pub fn how_long(outcome: &Outcome, called: Option<&PaymentRef>, row: Option<&HoldRow>) -> Last {
    let stays = |called: &PaymentRef| row.is_some_and(|row| row.payment == called.authorization && !part(row).is_told_only());
    if outcome.step.is_some() && called.is_none_or(stays) { Last::No } else { Last::Yes }
}

/// The key under which a told event is remembered. One that could not be booked is not: sent again once its account is there, or in the account's
/// currency, or as what can be counted, it counts. Nor is a status that has neither a time nor a name of its own: the same words may mean the next
/// freeze. Nor is what an operator was refused: sent again it is refused again, for the same reason.
pub fn heard(told: Fingerprint, platform: Option<&PlatformName>, event: &ToldEvent, outcome: &Outcome) -> Option<Fingerprint> {
    let refused = match outcome.finding {
        Some(Finding::AccountUnknown | Finding::AmountTooLarge | Finding::CurrencyMismatch) => true,
        Some(Finding::Superseded) => platform.is_none(),
        Some(
            Finding::HeardBefore
            | Finding::Conflict
            | Finding::PaymentUnknown
            | Finding::ForcePosted
            | Finding::CapturedAboveAuthorized
            | Finding::CapturedAfterEnd
            | Finding::AdoptedOverOurs
            | Finding::ApprovedBefore
            | Finding::NeverEnded,
        )
        | None => false,
    };
    let nameless = outcome.standing.is_some() && event.occurred_at.is_none() && event.key.is_of_content();
    (!nameless && !refused).then_some(told)
}
