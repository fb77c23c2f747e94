//! What will be seen around a question once the ledger has heard what waits for it, by what was last seen of its account. No payment is known
//! here: what a message says of one that nothing which waits has opened takes all that it may take, and gives nothing back.

use holdfast_core::hold::{Answered, Subject};
use holdfast_core::stand_in::{Acquaintance, Sight};
use holdfast_core::{AuthorizationRequest, CardToken, Decision, DeclineReason, IdempotencyKey, Money, ProgramId};

use super::{CardSeen, Kept, LastSeen, Right};
use crate::ledger::embedded::ahead::{Copied, Extent};
use crate::ledger::embedded::naming::{asked_of, subject_of};
use crate::ledger::embedded::state::{AccountIndex, CardRow, Fingerprint, Knows, State, UNTOLD};
use crate::ledger::embedded::window::AsOf;
use crate::ledger::sight::{Ahead, Seen, ToHear};
use crate::ledger::{Glimpse, Origin};

impl LastSeen {
    /// What will be seen around a question once this was heard, too.
    pub fn look_ahead(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Glimpse<Ahead> {
        let seen = match self.look(origin, request) {
            Glimpse::Busy => return Glimpse::Busy,
            Glimpse::Nothing => return Glimpse::Nothing,
            Glimpse::Seen(seen) => seen,
        };
        let Some(kept) = self.glance() else { return Glimpse::Busy };
        let copied = kept.copied(origin, request, to_hear);
        drop(kept);
        let Some((mut state, right)) = copied else {
            return Glimpse::Nothing;
        };
        for (origin, key) in asked(origin, request, to_hear) {
            let name = right.key.asked(&origin.program, origin.platform.as_ref(), &key);
            let Fingerprint([number, _]) = name;
            if let Some(answered) = self.answers.of(number) {
                state.restore_asked(right.as_of, name, answered);
            }
        }
        let knows = to_hear.iter().map(|_| Knows::All).collect();
        let copied = Copied { state, knows, extent: Extent::NoPayments };
        Glimpse::Seen(never_more_than(&seen, copied.ahead(to_hear, origin, request, AsOf::durable(right.as_of))))
    }
}

impl Kept {
    /// The account behind a question's card, with all of its cards that are named; nothing if it was not seen.
    fn copied(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Option<(State, Right)> {
        let (right, program) = (self.right?, &origin.program);
        let number = self.people.cards.get(&(*program, request.card?))?.account?;
        let account = self.people.accounts.get(&number)?;
        let mut state = State::of_few(right.key);
        let index = state.restore_account(program, &account.id, self.fresh.account(number, account.now), UNTOLD);
        let mut cards: Vec<CardToken> = request.card.into_iter().chain(to_hear.iter().filter_map(card_of)).collect();
        cards.sort_unstable();
        cards.dedup();
        for token in cards {
            if let Some(card) = self.people.cards.get(&(*program, token)).filter(|card| card.account == Some(number)) {
                self.copy_card(&mut state, program, (token, card), index);
            }
        }
        Some((state, right))
    }

    fn copy_card(&self, state: &mut State, program: &ProgramId, (token, card): (CardToken, &CardSeen), account: AccountIndex) {
        let status = self.fresh.card(*program, token, card.status);
        let (since, merchants) = (card.since, card.merchants);
        let used = (card.used == Acquaintance::Known).then_some(card.since);
        let row = CardRow { status, told: UNTOLD, account: Some(account), cardholder: None, since, used, merchants };
        state.restore_card(program, &token, row);
    }
}

fn card_of(one: &ToHear) -> Option<CardToken> {
    match one {
        ToHear::Answer(adopt) => adopt.request.card,
        ToHear::Fact(_, event) => {
            let Subject { card, .. } = subject_of(event);
            card
        }
    }
}

/// The questions whose answers matter.
fn asked<'a>(
    origin: &'a Origin,
    request: &AuthorizationRequest,
    to_hear: &'a [ToHear],
) -> impl Iterator<Item = (&'a Origin, IdempotencyKey)> {
    let of = |one: &'a ToHear| match one {
        ToHear::Answer(adopt) => Some((&adopt.origin, adopt.request.key)),
        ToHear::Fact(origin, event) => asked_of(&event.fact).map(|key| (origin, key)),
    };
    std::iter::once((origin, request.key)).chain(to_hear.iter().filter_map(of))
}

/// What waits adds nothing to what is seen: it may have been heard between two looks, and then it would count twice.
fn never_more_than(seen: &Seen, ahead: Ahead) -> Ahead {
    let least = |seen: Money, ahead: Money| Money::from_minor(seen.minor().min(ahead.minor()), seen.currency());
    let available = match (seen.snapshot.account, ahead.available) {
        (Sight::Seen(account), Some(available)) => Some(least(account.available, available)),
        (Sight::Seen(_), None) | (Sight::NotSeen | Sight::Absent, _) => None,
    };
    // A decline that words give may be a newer one's than any that waits.
    let may_be_newer =
        |answered: &Answered| answered.decision == Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
    let again = ahead.again.filter(|_| !seen.answered.as_ref().is_some_and(may_be_newer));
    Ahead { available, again, ..ahead }
}
