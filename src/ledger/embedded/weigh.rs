//! What an event would do to memory as it is now: loads the slice that it concerns and applies [`hold::apply`]. The same for an
//! act that is performed and for a record that is decided again; nothing here writes.

use arrayvec::ArrayVec;
use holdfast_core::Timestamp;
use holdfast_core::hold::{self, Event, Fact, Finding, Heard, LimitUse, Mark, Outcome, Slice, ToldEvent};
use holdfast_core::rules::{LimitCheck, Proceed, Verdict, Window};

use super::state::{Fingerprint, Located, State, UNTOLD};
use crate::journal::Uses;

/// What an event would do.
pub fn apply(
    state: &State,
    located: &Located,
    asked: Option<Fingerprint>,
    uses: &Uses,
    standing: Option<Mark>,
    event: &Event<'_>,
    now: Timestamp,
) -> Outcome {
    let row = located.hold.and_then(|index| state.hold(index));
    let slice = Slice {
        account: located.account.and_then(|index| state.account(index)).map(|row| row.account),
        card: state.card_standing(located),
        hold: row.map(|row| row.hold),
        found_by: located.found_by,
        steps: row.map_or(&[], |row| &row.steps),
        counted: row.map_or(&[], |row| &row.counted),
        answered: asked.and_then(|key| state.answered(key)),
        heard: Heard::First,
        uses,
        standing,
    };
    let outcome = hold::apply(&slice, event, now);
    match event {
        Event::Told(told) if outcome.finding.is_none() && leads_nowhere(state, located, told) => {
            Outcome { finding: Some(Finding::AccountUnknown), ..outcome }
        }
        Event::Told(_) | Event::Asked(_) | Event::Ordered(_) | Event::Adopt(_) => outcome,
    }
}

/// Whether a card that a platform tells of could be of several accounts, because its owner has several and nobody said which: it has the
/// status that is told, pays nothing, and somebody has to say whose it is.
fn leads_nowhere(state: &State, located: &Located, told: &ToldEvent) -> bool {
    let owner = located.cardholder.and_then(|owner| state.cardholder(owner));
    matches!(told.fact, Fact::Card { .. })
        && located.account.is_none()
        && told.subject.cardholder.is_some()
        && owner.is_some_and(|owner| owner.accounts.len() > 1)
}

/// What a verdict's limits have counted so far, in its order; and the verdict as it is now, where a limit counts in another
/// window than it names: the next one, or one that was open before its calendar was moved. It is large, and hardly ever another.
pub fn uses(state: &State, located: &Located, verdict: &Verdict) -> (Uses, Option<Verdict>) {
    let Verdict::Proceed(proceed) = verdict else { return (ArrayVec::new(), None) };
    let mut moved: Option<Proceed> = None;
    let mut uses = ArrayVec::new();
    for (place, check) in proceed.limits.iter().enumerate() {
        let (used, open) = used(state, located, check);
        uses.push(used);
        if open != check.window
            && let Some(check) = moved.get_or_insert_with(|| proceed.clone()).limits.get_mut(place)
        {
            check.window = open;
        }
    }
    (uses, moved.map(Verdict::Proceed))
}

/// What one limit has counted, and the window that is open of it; of one that is about the payment alone, what there is of that. A payment
/// counts for the card that it was placed with, whichever one a question of it names.
pub fn used(state: &State, located: &Located, check: &LimitCheck) -> (LimitUse, Window) {
    let row = located.hold.and_then(|index| state.hold(index));
    if !check.scope.is_of_payment() {
        let counts_for = Located { card: row.and_then(|row| row.card).or(located.card), ..*located };
        return state.used(check.counter, check.scope, (check.window, check.still), &counts_for);
    }
    let hold = row.map(|row| row.hold);
    (LimitUse { amount: hold.map_or(0, |hold| hold.spoken_for()), count: 0 }, check.window)
}

/// What the standing was told by that a fact would change.
pub fn standing_told(state: &State, fact: &Fact, located: &Located) -> Option<Mark> {
    let mark = match fact {
        Fact::Card { .. } => located.card.and_then(|index| state.card(index)).map(|row| row.told),
        Fact::Cardholder { .. } => located.cardholder.and_then(|index| state.cardholder(index)).and_then(|row| row.told),
        Fact::Account { .. } => located.account.and_then(|index| state.account(index)).map(|row| row.told),
        Fact::Recorded { .. }
        | Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::SettlementAnnounced { .. } => None,
    };
    mark.filter(|mark| *mark != UNTOLD)
}

/// Whether an operator's word may change a standing. It was looked at before it was said; what was reported since counts all the same.
pub fn may_stand(state: &State, fact: &Fact, located: &Located) -> bool {
    match fact {
        Fact::Card { status, .. } => {
            let known = located.card.and_then(|index| state.card(index));
            known.is_none_or(|row| row.status.may_become(*status))
        }
        Fact::Account { status, .. } => {
            let known = located.account.and_then(|index| state.account(index));
            known.is_none_or(|row| row.account.status.may_become(*status))
        }
        // Of owners only platforms tell.
        Fact::Cardholder { .. }
        | Fact::Recorded { .. }
        | Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::SettlementAnnounced { .. } => true,
    }
}
