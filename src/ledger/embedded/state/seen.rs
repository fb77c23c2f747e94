//! What memory shows of a question to whoever may only look.

use arrayvec::ArrayVec;
use holdfast_core::agent::Weight;
use holdfast_core::hold::{Answered, Asked, Event, FoundBy, LimitUse, Step, What, is_placed, knows_question};
use holdfast_core::rules::{HoldPolicy, KindSet, LimitCheck, Proceed, Verdict};
use holdfast_core::stand_in::{AccountSight, Acquaintance, AddsTo, CardSight, Sight, Snapshot};
use holdfast_core::{AuthorizationRequest, Decision, DeclineReason, RuleId, Timestamp};

use super::{CardAct, Fingerprint, Located, State};
use crate::journal::Uses;
use crate::ledger::Origin;
use crate::ledger::embedded::about::where_it_was_told;
use crate::ledger::embedded::naming::{in_its_owners_name, locate_request};
use crate::ledger::embedded::weigh;
use crate::ledger::embedded::window::AsOf;
use crate::ledger::sight::{Lasts, LongerAgo, Seen};

impl State {
    /// What limits of a question have counted, in their order.
    pub fn counted(&self, origin: &Origin, request: &AuthorizationRequest, limits: &[LimitCheck]) -> Vec<LimitUse> {
        let platform = origin.platform.as_ref();
        let located = locate_request(self, &origin.program, platform, request);
        let located = where_it_was_told(self, &origin.program, platform, request, located);
        let located = in_its_owners_name(self, &origin.program, request, located);
        limits.iter().map(|check| weigh::used(self, &located, check).0).collect()
    }

    /// The card, its account and the key of a question, found as the ledger would find them.
    pub fn seen(&self, origin: &Origin, request: &AuthorizationRequest, AsOf { at: as_of, approvals_until }: AsOf) -> Seen {
        let platform = origin.platform.as_ref();
        let located = locate_request(self, &origin.program, platform, request);
        let located = where_it_was_told(self, &origin.program, platform, request, located);
        let located = in_its_owners_name(self, &origin.program, request, located);
        let key = self.asked_name(&origin.program, platform, &request.key);
        let answered = self.answered(key);
        let longer_ago = if answered.is_none() && self.may_be_gone(key) { LongerAgo::Perhaps } else { LongerAgo::No };
        let on_its_way = answered.is_some_and(|answered| {
            matches!(answered.decision, Decision::Approve { .. })
                && approvals_until.is_some_and(|until| answered.asked_at >= until)
        });
        let lasts = if on_its_way { Lasts::NotYet } else { Lasts::Yes };
        let merchant = self.key.merchant(&origin.program, &request.merchant);
        // What this very question placed, before anybody heard of it, is no earlier use; nor is what another one did that may still be heard
        // to have been declined.
        let earlier = located.card.and_then(|index| self.card(index)).map(|row| {
            let (mut used, mut merchants) = (row.used, row.merchants);
            if self.is_its_own(&located, answered.as_ref(), request) {
                merchants.acted(CardAct::TakesBack, &mut used, merchant, as_of);
            }
            (used, merchants)
        });
        let not_durable = |at: Timestamp| approvals_until.is_some_and(|until| until <= at && at <= as_of);
        let card = self.card_standing(&located).map_or(Sight::Absent, |card| {
            let row = located.card.and_then(|index| self.card(index));
            let used = earlier.map_or(Acquaintance::NotKnown, |(used, _)| match used {
                Some(at) if !not_durable(at) => Acquaintance::Known,
                Some(_) | None => Acquaintance::New,
            });
            let since = row.map(|row| row.since);
            Sight::Seen(CardSight { status: card.status, cardholder: card.cardholder, as_of, since, used })
        });
        let account = located.account.and_then(|index| self.account(index)).map_or(Sight::Absent, |row| {
            // Nor does it count against itself.
            let own = match answered.map(|answered| answered.decision) {
                Some(Decision::Approve { amount }) if KindSet::TAKING_MONEY.contains(request.kind) => amount.minor(),
                Some(Decision::Approve { .. } | Decision::Decline { .. }) | None => 0,
            };
            let available = row.account.money(row.account.available().saturating_add(own));
            Sight::Seen(AccountSight { id: row.id, status: row.account.status, available, as_of, let_go: None })
        });
        let paid = merchant.zip(earlier);
        let merchant = paid.map_or(Acquaintance::NotKnown, |(merchant, (_, merchants))| merchants.acquaintance(merchant));
        let open = located.hold.and_then(|index| self.hold(index)).filter(|row| row.hold.is_under_way());
        let adds_to = if open.is_some() { AddsTo::Open } else { AddsTo::NotKnown };
        let stands = open.map_or(0, |row| row.hold.authorized.max(row.hold.captured));
        let owner = self.owner_of(located.card);
        let by_word = self.by_word(&located, request, as_of);
        let again = answered.and_then(|answered| self.again(&located, (key, &answered), request, as_of));
        let snapshot = Snapshot { card, account, merchant, adds_to };
        Seen { snapshot, answered, again, lasts, longer_ago, owner, stands, by_word }
    }

    /// Whether a question that was approved placed something.
    fn is_its_own(&self, located: &Located, answered: Option<&Answered>, request: &AuthorizationRequest) -> bool {
        let is_approved = answered.is_some_and(|answered| matches!(answered.decision, Decision::Approve { .. }));
        is_approved && located.hold.and_then(|index| self.hold(index)).is_some_and(|row| is_placed(&row.steps, request))
    }

    /// What is said to a question again that was answered, by what the platform recorded of its payment. Whether it is the same question is
    /// for whoever asks to compare.
    fn again(
        &self,
        located: &Located,
        (key, answered): (Fingerprint, &Answered),
        request: &AuthorizationRequest,
        at: Timestamp,
    ) -> Option<Decision> {
        let row = located.hold.and_then(|index| self.hold(index))?;
        if !row.steps.iter().any(is_told) {
            return None;
        }
        // An answer is not decided anew, whatever is thought of it.
        let verdict = objects();
        let asked = Asked { request, digest: answered.digest.into(), asked_at: at, verdict: &verdict, weight: Weight::Moves };
        let outcome = weigh::apply(self, located, Some(key), &Uses::new(), None, &Event::Asked(asked), at);
        outcome.decision.map(|(decision, _)| decision)
    }

    /// What is said to a question by what was told of its payment before it: the same as the ledger says, once whoever might object does, and
    /// once nobody does. Nothing of a payment that the question opened itself.
    fn by_word(&self, located: &Located, request: &AuthorizationRequest, at: Timestamp) -> Option<Decision> {
        let row = located.hold.and_then(|index| self.hold(index))?;
        let has_ended = !row.hold.is_under_way();
        if is_placed(&row.steps, request) || !(has_ended || row.steps.iter().any(is_told)) {
            return None;
        }
        let said_to = |verdict: &Verdict| {
            let digest = request.content_digest();
            let asked = Asked { request, digest, asked_at: at, verdict, weight: Weight::Moves };
            weigh::apply(self, located, None, &Uses::new(), None, &Event::Asked(asked), at).decision.map(|(decision, _)| decision)
        };
        // Where we opened the payment, what another question of it hears is more than a word on this one.
        let is_ours = row.steps.iter().any(|step| matches!(step.what, What::Placed(_)));
        let is_by_word = !is_ours || located.found_by == FoundBy::WhatWasTold || knows_question(&row.steps, request);
        if let Some(approved @ Decision::Approve { .. }) = said_to(&objects()).filter(|_| is_by_word) {
            return Some(approved);
        }
        let proceed = Proceed { ceiling: request.amount, limits: ArrayVec::new(), hold: HoldPolicy::PLAIN, ways: None };
        said_to(&Verdict::Proceed(proceed)).filter(|said| match said {
            Decision::Decline { reason: DeclineReason::AuthorizationOver | DeclineReason::TransactionNotPermitted } => true,
            Decision::Decline { .. } | Decision::Approve { .. } => false,
        })
    }
}

fn is_told(step: &Step) -> bool {
    matches!(step.what, What::Recorded { .. })
}

/// Whoever would object to everything.
fn objects() -> Verdict {
    Verdict::Decline { reason: DeclineReason::TransactionNotPermitted, rule: RuleId::unknown_method() }
}
