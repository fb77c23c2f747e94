//! Which of several ways a question takes, as the model sees it: each is tried, and the best of them is taken.

use holdfast_core::rules::Enforcement;
use holdfast_core::{DeclineReason, PartialApproval};

use super::Model;
use crate::simulation::deed::Question;
use crate::simulation::limits::Limit;

impl Model {
    /// The first way that takes all of a question and of which no limit of its own would have minded; else the first that takes all, else the
    /// first that takes anything.
    pub(super) fn way(&self, question: &Question) -> Result<(Option<u8>, i64), DeclineReason> {
        let tried: Vec<_> = question.each_way().map(|way| (way, self.room_on(question, way))).collect();
        let mut taken: Vec<_> = tried.iter().filter_map(|(way, room)| Some((*way, room.ok()?))).collect();
        taken.sort_by_key(|(way, room)| if *room < question.amount { 2 } else { i32::from(self.minds(question, *way)) });
        taken.first().copied().ok_or_else(|| {
            let mut reasons = tried.iter().filter_map(|(_, room)| room.err());
            let first = reasons.next().unwrap_or(DeclineReason::PolicyOther);
            if reasons.all(|reason| reason == first) { first } else { DeclineReason::PolicyOther }
        })
    }

    /// How much of a question the limits of a way leave room for.
    fn room_on(&self, question: &Question, way: Option<u8>) -> Result<i64, DeclineReason> {
        let mut most = question.amount;
        let used = self.used(question.program, self.counts_for(question), question.account, question.received_at);
        for (number, limit) in question.applying().filter(|(_, limit)| limit.enforcement == Enforcement::Enforce) {
            if question.is_elsewhere(number, way) {
                continue;
            }
            let (amount, count) = used[number];
            if let Some(amount_max) = limit.amount_max.filter(|_| question.wants_money()) {
                most = self.within(question, most, amount_max - amount).ok_or(DeclineReason::AmountLimitReached)?;
            }
            let transactions = i64::from(question.transactions());
            if limit.count_max.is_some_and(|max| transactions > 0 && count + transactions > i64::from(max)) {
                return Err(DeclineReason::CountLimitReached);
            }
            if self.was_counted_elsewhere(question, (number, limit), way) {
                return Err(DeclineReason::CountLimitReached);
            }
        }
        Ok(most)
    }

    /// The card in whose limits a question is tried: its payment's, where it has one.
    fn counts_for(&self, question: &Question) -> usize {
        self.file(&question.of).card.unwrap_or(question.card)
    }

    /// Whether a limit counts payments on this way alone, and not the one to which something is added.
    fn was_counted_elsewhere(&self, question: &Question, (number, limit): (usize, &Limit), way: Option<u8>) -> bool {
        let asks = question.adds() && question.is_on_it_alone(number, way) && limit.count_max.is_some();
        asks && !self.file(&question.of).places.iter().any(|place| place.limit == number && place.count > 0)
    }

    /// Whether a limit that only observes, and counts on this way alone, would be passed by all of a question.
    fn minds(&self, question: &Question, way: Option<u8>) -> bool {
        let used = self.used(question.program, self.counts_for(question), question.account, question.received_at);
        let amount = if question.wants_money() { question.amount } else { 0 };
        let transactions = i64::from(question.transactions());
        question.applying().filter(|(number, _)| question.is_on_it_alone(*number, way)).any(|(number, limit)| {
            let (before, count) = used[number];
            limit.enforcement == Enforcement::Observe
                && (limit.amount_max.is_some_and(|max| amount > 0 && before + amount > max)
                    || limit.count_max.is_some_and(|max| transactions > 0 && count + transactions > i64::from(max))
                    || self.was_counted_elsewhere(question, (number, limit), way))
        })
    }

    /// What is wanted, if it is left, or what is left, if so little may be approved.
    pub(super) fn within(&self, question: &Question, wanted: i64, left: i64) -> Option<i64> {
        let is_new = self.file(&question.of).entries.is_empty();
        let parts = question.partial == PartialApproval::Supported && !question.adds() && is_new;
        let least = question.policy.partial_min.filter(|_| parts);
        if wanted <= left { Some(wanted) } else { least.filter(|least| left > 0 && left >= *least).map(|_| left) }
    }
}
