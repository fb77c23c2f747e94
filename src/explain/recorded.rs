//! What the platform recorded against what was said to it: why what is held is not what was said yes to, and whether there was anything that
//! we had said. In sentences that can be read out.

use holdfast_core::hold::{Fact, Finding, Outcome, RecordedOutcome, ToldAnswer};
use holdfast_core::{Alias, AuthorizationKind, Decision, IdempotencyKey, Money, PaymentRef};

use super::phrases;
use super::story::{Moment, Story};
use crate::journal::Body;

/// What the platform recorded as approved.
struct Word<'a> {
    asked: &'a IdempotencyKey,
    amount: Money,
    /// Whether it is of what opened the payment.
    opens: bool,
}

/// Why a record leaves another amount held than it says, or than was said yes to; nothing where the two are the same.
pub fn differs(story: &Story, moment: &Moment) -> Option<String> {
    let outcome = moment.record.body.outcome()?;
    match word(&moment.record.body) {
        Some(word) => of_word(story, moment, outcome, &word),
        None => of_question(story, moment, outcome),
    }
}

/// What somebody should know about what was told. The platform's word differs from ours only where we had said something.
pub fn found(story: &Story, moment: &Moment, finding: Finding) -> &'static str {
    let Body::Told { event, .. } = &moment.record.body else { return phrases::finding(finding) };
    match (finding, &event.fact) {
        (Finding::AdoptedOverOurs, Fact::Recorded { payment, asked, increments, .. }) => {
            let own = increments.as_ref().map(|_| payment);
            if before(story, moment).any(|known| is_asked(&known.record.body, asked, own)) {
                phrases::finding(finding)
            } else if story.begins.is_some() {
                "The platform's word counts; whether we had been asked before is not kept any more."
            } else {
                "No question about it had reached us before: the platform's word counts."
            }
        }
        (_, _) => phrases::finding(finding),
    }
}

/// Whether a record is of a question under this key, or of another one that it may have been asked by: what opens a payment may come under
/// several keys, and so may an increment, which is told from others by its transaction.
fn is_asked(body: &Body, key: &IdempotencyKey, own: Option<&PaymentRef>) -> bool {
    match body {
        Body::Decided { request, .. } | Body::Adopted { request, .. } => {
            let adds = request.kind == AuthorizationKind::Incremental;
            let is_it = own.map_or(!adds, |own| adds && is_of_one_transaction(&request.payment, own));
            request.key == *key || is_it
        }
        Body::Told { .. }
        | Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. } => false,
    }
}

/// Whether two increments are of one transaction, where the platform gives them one.
fn is_of_one_transaction(one: &PaymentRef, other: &PaymentRef) -> bool {
    matches!((one.alias, other.alias), (Alias::Also(one), Alias::Also(other)) if one == other)
}

/// The platform recorded an amount after we had answered.
fn of_word(story: &Story, moment: &Moment, outcome: &Outcome, word: &Word<'_>) -> Option<String> {
    let said = before(story, moment).filter_map(|known| approval(&known.record.body)).rfind(|(key, _)| *key == word.asked);
    let recorded = word.amount;
    if let Some((_, said)) = said {
        if said == recorded {
            return None;
        }
        let why = if (outcome.held, outcome.posted) == (0, 0) {
            "that changes nothing of what is held"
        } else {
            "what the platform recorded is what is held"
        };
        return Some(format!(
            "We had said yes to {said}, and the platform recorded {recorded}: {why}. Asked again, we say {said} again."
        ));
    }
    // Under a name that we were not asked by.
    before(story, moment).find_map(|known| approval(&known.record.body)).filter(|_| word.opens)?;
    let known = before(story, moment).rev().find_map(|known| known.record.body.outcome()?.hold)?;
    let stands = Money::from_minor(outcome.hold?.authorized, recorded.currency());
    if stands.minor() > recorded.minor() && stands.minor() == known.authorized {
        return Some(format!(
            "The platform recorded {recorded} under a name that we were not asked by, and we had approved {stands}: that stays. Only a \
             reversal, a lower total or a decline takes from what we approved."
        ));
    }
    (stands == recorded && known.authorized < stands.minor()).then(|| {
        let ours = Money::from_minor(known.authorized, recorded.currency());
        format!(
            "We had approved {ours}, and the platform recorded {recorded} under a name that we were not asked by: the larger of the two \
             counts."
        )
    })
}

/// We answered, or heard what was told, after the platform had recorded an amount.
fn of_question(story: &Story, moment: &Moment, outcome: &Outcome) -> Option<String> {
    let (key, said) = approval(&moment.record.body)?;
    let words = || before(story, moment).rev().filter_map(|known| word(&known.record.body));
    if let Some(word) = words().find(|word| word.asked == key) {
        let recorded = word.amount;
        return (recorded != said).then(|| {
            format!("The platform had recorded {recorded} for it before: that is what is held, and {said} is what is said.")
        });
    }
    let recorded = words().find(|word| word.opens)?.amount;
    let stands = Money::from_minor(outcome.hold?.authorized, recorded.currency());
    (recorded != said && stands == recorded).then(|| {
        format!(
            "The platform had recorded {recorded} of this payment before, under another name than this question's: that is what is \
             held, and {said} is what is said."
        )
    })
}

/// That a message names another card than the question did, which may be another account's: it counts for the payment all the same.
pub fn other_card(story: &Story, moment: &Moment) -> Option<String> {
    let Body::Told { event, .. } = &moment.record.body else { return None };
    event.fact.payments().0?;
    let named = event.subject.card?;
    let about = if let Fact::Recorded { asked, .. } = event.fact { Some(asked) } else { None };
    let asked = before(story, moment).find_map(|known| {
        let (request, outcome) = (known.record.body.question()?, known.record.body.outcome()?);
        request.card.filter(|_| about.map_or(outcome.hold.is_some(), |about| about == request.key))
    })?;
    (asked != named).then(|| {
        format!("It names card {named}, and card {asked} had asked: it counts for the payment, whoever's card it names.")
    })
}

/// The records of the story before this one.
fn before<'a>(story: &'a Story, moment: &Moment) -> impl DoubleEndedIterator<Item = &'a Moment> {
    let number = moment.number;
    story.moments.iter().filter(move |known| known.number < number)
}

fn word(body: &Body) -> Option<Word<'_>> {
    let Body::Told { event, .. } = body else { return None };
    let Fact::Recorded { asked, increments, outcome, .. } = &event.fact else { return None };
    match outcome {
        RecordedOutcome::Approved { amount } | RecordedOutcome::ApprovedByStandIn { amount, .. } => {
            Some(Word { asked, amount: *amount, opens: increments.is_none() })
        }
        RecordedOutcome::Declined => None,
    }
}

/// The key of a question, and how much of it was said yes to.
fn approval(body: &Body) -> Option<(&IdempotencyKey, Money)> {
    match body {
        Body::Decided { request, outcome, .. } => match outcome.decision? {
            (Decision::Approve { amount }, _) => Some((&request.key, amount)),
            (Decision::Decline { .. }, _) => None,
        },
        Body::Adopted { request, told, .. } => match told {
            ToldAnswer::Approved { amount } => Some((&request.key, *amount)),
            ToldAnswer::Declined { .. } => None,
        },
        Body::Told { .. }
        | Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. } => None,
    }
}
