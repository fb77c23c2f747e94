//! One journey of a lane: its acts are performed and their tickets completed, whatever happens on the way.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Client;
use holdfast_core::ProgramId;
use holdfast_core::hold::StandingOf;

use super::connect::within_act;
use super::fresh::News;
use super::lanes::{Arriving, Job};
use super::named::program_of;
use super::office::Office;
use super::performing::Done;
use super::slips;
use super::snapshot::Keep;
use super::standings;
use super::trouble::Trouble;
use super::upkeep::release_what_is_due;
use crate::clock;
use crate::ledger::{Act, Answer, Completions, LedgerError, Ticket};

/// How long acts may take: whoever asks has been answered long before.
const ACT_MAX: Duration = Duration::from_secs(10);

/// How long it may take to enter many rows, or to release many holds.
const LONG_ACT_MAX: Duration = Duration::from_secs(120);

/// Tickets that are owed an answer: a task that is gone leaves them with one, too.
pub struct Owed {
    tickets: Vec<Arc<Ticket>>,
    error: LedgerError,
}

impl Owed {
    /// Owes this error, until there is an answer.
    pub fn one(ticket: Arc<Ticket>, error: LedgerError) -> Self {
        Owed { tickets: vec![ticket], error }
    }

    /// Gives each its answer.
    fn answer(mut self, answers: Vec<Result<Answer, LedgerError>>) {
        let mut completions = Completions::default();
        for (ticket, answer) in self.tickets.drain(..).zip(answers) {
            completions.complete(&ticket, answer);
        }
        completions.announce();
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let mut completions = Completions::default();
        for ticket in self.tickets.drain(..) {
            completions.complete(&ticket, Err(self.error));
        }
        completions.announce();
    }
}

/// Performs acts and completes their tickets.
pub async fn work(office: Rc<Office>, jobs: Vec<Job>, mut arriving: Arriving) {
    let (tickets, acts): (Vec<_>, Vec<Act>) = jobs.into_iter().map(|job| (job.ticket, job.act)).unzip();
    let owed = Owed { tickets, error: LedgerError::Panicked };
    let began = clock::instant();
    match in_time(&office, &acts).await {
        Ok((program, done)) => {
            if done.records > 0 {
                office.observer.committed(done.records, clock::instant().saturating_duration_since(began));
            }
            if let Some(program) = program {
                // Before anybody hears of it: whoever lets go of what it waited for relies on that.
                let keep = acts.iter().map(keep_of).max().unwrap_or(Keep::Soon);
                office.hear(program, done.news, keep).await;
                arriving.cards = done.cards.into_iter().map(|(card, account)| (program, card, account)).collect();
            }
            owed.answer(done.answers);
        }
        Err(trouble) => {
            office.report(&trouble);
            owed.answer(acts.iter().map(|_| Err(LedgerError::Unavailable)).collect());
        }
    }
}

/// When an act that counts may be acknowledged: a freeze holds from then on, whoever starts and whatever is away; and what the ledger has
/// heard of the spool leaves it.
fn keep_of(act: &Act) -> Keep {
    match act {
        Act::Tell(_, event) | Act::TellOurs(_, event) if event.fact.standing().is_some_and(StandingOf::bars) => Keep::Synced,
        Act::Adopt(_) => Keep::Written,
        Act::Decide(_)
        | Act::Tell(..)
        | Act::TellOurs(..)
        | Act::Rest
        | Act::Prove
        | Act::Preview(_)
        | Act::Order(..)
        | Act::Keep(..)
        | Act::Balances(..)
        | Act::Accounts { .. }
        | Act::Enter(..)
        | Act::Note(_)
        | Act::WasNoted(_)
        | Act::Publish(..)
        | Act::PublishFirst(_)
        | Act::Rulesets(_)
        | Act::Announce(_)
        | Act::BeginAt(_)
        | Act::TakeAway
        | Act::Look(..)
        | Act::Slips(_)
        | Act::BeginSlip(..)
        | Act::EndWaits(_)
        | Act::EraseSlips(_)
        | Act::KeepSlip(_) => Keep::Soon,
    }
}

/// Performs acts, as long as that may take.
async fn in_time(office: &Office, acts: &[Act]) -> Result<(Option<ProgramId>, Done), Trouble> {
    let most = if matches!(acts, [Act::Enter(..) | Act::Rest]) { LONG_ACT_MAX } else { ACT_MAX };
    if let [Act::Rest] = acts {
        let released = within_act(most, &office.performing.at, release_what_is_due(office, office.performing.now_there()));
        return released.await.map(|()| (None, Done::only(Ok(Answer::Recorded(None)))));
    }
    office.act(most, async |client| perform(office, client, acts).await).await
}

async fn perform(office: &Office, client: &mut Client, acts: &[Act]) -> Result<(Option<ProgramId>, Done), Trouble> {
    let only = |answer| Ok((None, Done::only(answer)));
    let at = &office.performing.at;
    let program = match acts {
        [Act::Balances(origin, whose)] => {
            return only(Ok(standings::balances(client, at, origin.program, whose).await?));
        }
        [Act::Accounts { program, from, most }] => {
            return only(Ok(standings::page(client, at, *program, *from, *most).await?));
        }
        [Act::Slips(wanted)] => {
            return only(Ok(slips::find(client, at, wanted).await?));
        }
        [Act::BeginSlip(_, not_after)] if clock::instant() > *not_after => return only(Err(LedgerError::Late)),
        [Act::BeginSlip(slip, _)] => {
            let number = office.performing.numbers.take(1, clock::utc());
            return only(Ok(slips::begin(client, at, slip, number).await?));
        }
        [Act::EndWaits(asked_until)] => {
            let numbers = &office.performing.numbers;
            return only(Ok(slips::end_waits(client, at, numbers, *asked_until).await?));
        }
        [Act::EraseSlips(which)] => {
            return only(Ok(slips::erase(client, at, which).await?));
        }
        [Act::WasNoted(id)] => {
            return only(Ok(standings::was_noted(client, at, *id).await?));
        }
        [first, ..] => match program_of(first) {
            Some(program) => program,
            None => return only(Err(LedgerError::Refused)),
        },
        [] => return Ok((None, Done { answers: Vec::new(), records: 0, cards: Vec::new(), news: News::default() })),
    };
    if let [Act::Decide(decide)] = acts
        && let Some(done) = office.performing.decide(client, decide).await?
    {
        return Ok((Some(program), done));
    }
    let acts: Vec<&Act> = acts.iter().collect();
    let done = office.performing.perform(client, program, &acts).await?;
    Ok((Some(program), done))
}
