//! From the journal back to memory: the outcomes of its records are written again, in order. Nothing is decided afresh.

use holdfast_core::Currency;
use holdfast_core::hold::{Account, Fact, Finding, Outcome, Subject, ToldEvent};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, PaymentRef};

use super::state::{Fingerprint, Located, Names, State};
use super::undo::UndoLog;
use crate::journal::{Body, Record};

/// Writes what a record says happened.
pub fn write_record(state: &mut State, record: &Record, undo: &mut UndoLog) {
    let Some(program) = &record.program else { return };
    match &record.body {
        Body::Decided { request, outcome, .. } | Body::Adopted { request, outcome, .. } => {
            write_answer(state, record, request, outcome, undo);
        }
        Body::Told { event, outcome } => {
            let payment = payment_of(&event.fact);
            let subject = subject_of(event);
            let located = state.locate_told(program, record.platform.as_ref(), &subject, payment);
            let told = heard(state.told_name(program, record.platform.as_ref(), &event.key), event, outcome);
            let asked = asked_of(&event.fact).map(|key| state.asked_name(program, record.platform.as_ref(), &key));
            let names = Names { program, platform: record.platform.as_ref(), at: record.at, increment: None, asked, told };
            state.write(&located, &names, outcome, undo);
            if let Some(standing) = outcome.standing {
                state.write_standing(program, &subject, &located, standing, undo);
            }
        }
        Body::AccountEntered { account, balance, credit_line, status } => {
            let entered = entered_account(balance.currency(), balance.minor(), *credit_line, *status);
            state.enter_account(program, account, entered, undo);
        }
        Body::CardEntered { card, account, cardholder, status } => {
            let account = state.account_named(program, account);
            state.enter_card(program, card, account, cardholder.as_ref(), *status, undo);
        }
        Body::Kept { .. } | Body::RulesPublished { .. } | Body::Opened => {}
    }
}

fn write_answer(state: &mut State, record: &Record, request: &AuthorizationRequest, outcome: &Outcome, undo: &mut UndoLog) {
    let Some(program) = &record.program else { return };
    let platform = record.platform.as_ref();
    let located = locate_request(state, program, platform, request);
    let asked = Some(state.asked_name(program, platform, &request.key));
    let (_, increment) = payments_of(request);
    let names = Names { program, platform, at: record.at, increment, asked, told: None };
    state.write(&located, &names, outcome, undo);
}

/// Finds what an authorization names; an increment's hold is that of the payment it adds to.
pub fn locate_request(
    state: &State,
    program: &holdfast_core::ProgramId,
    platform: Option<&holdfast_core::PlatformName>,
    request: &AuthorizationRequest,
) -> Located {
    let subject = Subject { account: None, card: request.card, cardholder: request.cardholder };
    let (payment, _) = payments_of(request);
    let located = state.locate(program, platform, &subject, Some(payment));
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

/// The payment whose hold a request concerns, and the increment's own name where it is one.
pub fn payments_of(request: &AuthorizationRequest) -> (&PaymentRef, Option<&PaymentRef>) {
    match (request.kind, &request.increments) {
        (AuthorizationKind::Incremental, Some(original)) => (original, Some(&request.payment)),
        _ => (&request.payment, None),
    }
}

/// The key under which a told event is remembered. One that led to no account is not: sent again once the account is there,
/// it counts. Nor is a status without a time of its own: the same words may mean the next freeze.
pub fn heard(told: Fingerprint, event: &ToldEvent, outcome: &Outcome) -> Option<Fingerprint> {
    let nobodys = outcome.finding == Some(Finding::AccountUnknown);
    let timeless = outcome.standing.is_some() && event.occurred_at.is_none();
    (!nobodys && !timeless).then_some(told)
}

/// The payment that a fact is about.
pub fn payment_of(fact: &Fact) -> Option<&PaymentRef> {
    match fact {
        Fact::Recorded { payment, .. }
        | Fact::Reduced { payment, .. }
        | Fact::Replaced { payment, .. }
        | Fact::Released { payment, .. }
        | Fact::Completed { payment, .. } => Some(payment),
        Fact::Captured { payment, .. } | Fact::Credited { payment, .. } | Fact::Debited { payment, .. } => payment.as_ref(),
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => None,
    }
}

/// The asked key that a fact answers for.
pub fn asked_of(fact: &Fact) -> Option<holdfast_core::IdempotencyKey> {
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

/// An account as it is entered.
pub fn entered_account(currency: Currency, posted: i64, credit_line: i64, status: holdfast_core::hold::AccountStatus) -> Account {
    Account { currency, posted, held: 0, credit_line, status }
}
