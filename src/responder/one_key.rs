//! A caller's key is one key, whichever platform's payment its questions join: before a question is decided under the name that it has
//! there, its key is looked for under every other that it could have been answered under. Nothing is decided here.

use futures_util::future::join_all;
use holdfast_core::{Basis, DeclineReason, StandInCause};
use tokio::time::{Instant, timeout_at};

use super::deadline::Deadline;
use super::mount::Mount;
use super::question::Question;
use super::told::Name;
use super::watch::Watch;
use super::{Decided, Responder, Turn, declined};
use crate::ledger::Glimpse;
use crate::ledger::sight::{LongerAgo, Seen};
use crate::server::Call;

/// Whether a key was answered to another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    Answered,
    /// It was not, or nobody can tell now.
    NotKnown,
}

impl Responder {
    /// The answer to a processor's question that has a key of its own.
    pub(super) async fn hear_or_decide_named(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        question: &Question<'_>,
        watch: &mut Watch<'_>,
    ) -> Option<(Decided, Turn)> {
        let deadline = Deadline::new(&call.received, question.sent_at, &mount.patience);
        let name = Name { principal: mount.principal, key: question.request.key };
        // Only one question of a key is decided at a time, under whatever names: one sees what another was told.
        let Ok(Some(_turn)) = timeout_at(deadline.hear_by, self.keys_of_callers.alone(name, question.digest)).await else {
            let cause = Basis::StandIn(StandInCause::DeadlinePassed);
            return Some((declined(DeclineReason::AnswerUnknown, cause), Turn::Later));
        };
        match Box::pin(self.look_elsewhere(mount, question, deadline)).await {
            Elsewhere::Answered => {
                watch.owed(question.request.key, deadline);
                Some((declined(DeclineReason::ConflictingDuplicate, Basis::Ledger), Turn::Later))
            }
            Elsewhere::NotKnown => Box::pin(self.hear_or_decide(call, mount, question, watch)).await,
        }
    }

    /// Whether the key was answered under another name than this question's. Where the ledger does not tell in time, what this responder told
    /// is all that is known.
    async fn look_elsewhere(&self, mount: &Mount, question: &Question<'_>, deadline: Deadline) -> Elsewhere {
        let by = self.beside_until(mount, deadline.decide_by);
        let looked = join_all(self.other_names(mount, question).map(|other| self.look_at(other, question, deadline, by))).await;
        if looked.contains(&Elsewhere::Answered) { Elsewhere::Answered } else { Elsewhere::NotKnown }
    }

    async fn look_at(&self, other: &Mount, question: &Question<'_>, deadline: Deadline, by: Instant) -> Elsewhere {
        let key = question.request.key;
        if self.unheard.book.told(&Name { principal: other.principal, key }).is_some() {
            return Elsewhere::Answered;
        }
        match self.look_around(&other.origin(), &question.request, deadline).await {
            Glimpse::Seen(Seen { answered: Some(_), .. }) => Elsewhere::Answered,
            Glimpse::Seen(Seen { longer_ago: LongerAgo::No, .. }) => Elsewhere::NotKnown,
            Glimpse::Seen(Seen { longer_ago: LongerAgo::Perhaps, .. }) | Glimpse::Nothing | Glimpse::Busy => {
                let looked = self.look_under(other, question.request.payment, key, by).await;
                if looked.is_some_and(|looked| looked.answered.is_some()) { Elsewhere::Answered } else { Elsewhere::NotKnown }
            }
        }
    }

    /// The mounts, one of each name, under which a processor's questions are answered, but for this one's.
    fn other_names<'s>(&'s self, mount: &'s Mount, question: &Question<'_>) -> impl Iterator<Item = &'s Mount> {
        let own = question.name.principal;
        let of_program = move |other: &&Mount| other.program.id == mount.program.id && other.principal != own;
        let is_first = |place: usize| {
            let principal = self.mounts.get(place).map(|mount| mount.principal);
            !self.mounts.iter().take(place).any(|before| Some(before.principal) == principal)
        };
        self.mounts.iter().enumerate().filter(move |(place, other)| of_program(other) && is_first(*place)).map(|(_, other)| other)
    }
}
