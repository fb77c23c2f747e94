//! One transaction: what some acts of a program name is locked and read, the acts are performed on it in their order by the
//! same engine that the embedded ledger has, and what that wrote is written. It counts when the transaction is committed, and
//! not before.

use deadpool_postgres::{Client, Transaction};
use holdfast_core::hold::Subject;
use holdfast_core::{Basis, CardToken, ProgramId, Timestamp};

use super::deciding::{Ahead, Plain, Said};
use super::fresh::News;
use super::load::Loading;
use super::named::Named;
use super::numbers::Numbers;
use super::save::Saving;
use super::trouble::{Trouble, Whereabouts};
use super::values::At;
use crate::clock::{self, Moment};
use crate::ledger::embedded::engine::{Performed, Warmth};
use crate::ledger::embedded::state::NameKey;
use crate::ledger::{Act, Answer, Decide, LedgerError};

/// How often a transaction is tried that others stand in the way of.
const TRIES_MAX: u32 = 16;

/// Whoever enters thousands of rows waits for another one who does.
const ENTERING_WAITS: &str = "SET LOCAL lock_timeout = '100s'";

/// A hold whose time has come may come again.
const EXPIRING_WAITS: &str = "SET LOCAL lock_timeout = '300ms'";

/// What became of some acts.
#[derive(Debug)]
pub struct Done {
    /// Of each act, in their order.
    pub answers: Vec<Result<Answer, LedgerError>>,
    /// How many records were written.
    pub records: u32,
    /// Which account each card led to: the next questions of it may wait for the same row.
    pub cards: Vec<(CardToken, i64)>,
    /// What is so now.
    pub news: News,
}

impl Done {
    /// One act that left no record.
    pub fn only(answer: Result<Answer, LedgerError>) -> Self {
        Done { answers: vec![answer], records: 0, cards: Vec::new(), news: News::default() }
    }
}

/// Everything that transactions of a responder have in common.
#[derive(Debug)]
pub struct Performing {
    /// Keys the fingerprints of this database.
    pub key: NameKey,
    /// Numbers of holds and records.
    pub numbers: Numbers,
    /// How far the database's clock is ahead of ours.
    pub ahead: Ahead,
    /// What messages call the database.
    pub at: Whereabouts,
}

impl Performing {
    /// Decides a question in one round trip, if it is plain; `None` if the engine has to.
    ///
    /// # Errors
    /// The database.
    pub async fn decide(&self, client: &Client, decide: &Decide) -> Result<Option<Done>, Trouble> {
        let Some(plain) = Plain::of(decide) else { return Ok(None) };
        match plain.ask(client, self.key, &self.numbers, &self.ahead, &clock::now(), &self.at).await {
            Ok(Said::Decided(answer, account, left)) => {
                let records = u32::from(!matches!(answer, Err(_) | Ok(Answer::Decided { basis: Basis::Replay, .. })));
                let cards = decide.request.card.zip(account).into_iter().collect();
                let news = plain.news(self.key, &answer, account.zip(left));
                Ok(Some(Done { answers: vec![answer], records, cards, news }))
            }
            // Somebody else made its key or its payment at this moment: the engine looks again.
            Ok(Said::Engine) | Err(Trouble::Collided) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What the database's clock shows, as far as it is known: what is done for all goes by that one, whoever does it.
    pub fn now_there(&self) -> Timestamp {
        self.ahead.theirs(clock::utc())
    }

    /// Learns how far the database's clock is ahead of ours.
    ///
    /// # Errors
    /// The database.
    pub async fn compare_clocks(&self, client: &tokio_postgres::Client) -> Result<(), Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &self.at);
        let before = clock::now();
        let row = client.query_one("SELECT clock_timestamp()", &[]).await.map_err(said)?;
        let half = clock::instant().saturating_duration_since(before.instant).checked_div(2).unwrap_or_default();
        let At(theirs) = row.try_get(0).map_err(said)?;
        self.ahead.learn(theirs, before.utc.saturating_add(half));
        Ok(())
    }

    /// Performs acts of one program, in one transaction; again if others stood in the way.
    ///
    /// # Errors
    /// The database. Whether a commit whose answer was lost counts is not known; the acts' keys tell whoever asks again.
    pub async fn perform(&self, client: &mut Client, program: ProgramId, acts: &[&Act]) -> Result<Done, Trouble> {
        let mut tries = 1_u32;
        loop {
            match self.try_to_perform(client, program, acts).await {
                Err(trouble) if trouble.is_collision() && tries < TRIES_MAX => tries = tries.saturating_add(1),
                done => return done,
            }
        }
    }

    async fn try_to_perform(&self, client: &mut Client, program: ProgramId, acts: &[&Act]) -> Result<Done, Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &self.at);
        let transaction = client.transaction().await.map_err(said)?;
        if let [Act::Enter(..)] = acts {
            transaction.batch_execute(ENTERING_WAITS).await.map_err(said)?;
        }
        let done = self.perform_in(&transaction, program, acts, clock::now).await?;
        transaction.commit().await.map_err(said)?;
        Ok(done)
    }

    /// Performs acts in a transaction that somebody else ends.
    ///
    /// # Errors
    /// The database.
    pub async fn perform_in(
        &self,
        transaction: &Transaction<'_>,
        program: ProgramId,
        acts: &[&Act],
        clock: impl Fn() -> Moment,
    ) -> Result<Done, Trouble> {
        let mut named = Named::nothing(self.key, program);
        acts.iter().for_each(|act| named.add(act));
        let began = clock().utc;
        let holds = u16::try_from(acts.len()).unwrap_or(u16::MAX);
        let next_hold = self.numbers.take(holds, began);
        let loading = Loading { transaction, key: self.key, named: &named, now: began, at: &self.at };
        let mut loaded = loading.load(next_hold).await?;
        // The wait for the lock may have taken its time: what was in time before may not be any more.
        let now = clock();
        let answers = acts.iter().map(|act| match loaded.engine.attend(act, &now, Warmth::Found) {
            Performed::Now(answer) => answer,
            Performed::OnceDurable(answer) => Ok(answer),
            // Everything was looked for.
            Performed::Cold(_) => Err(LedgerError::Panicked),
        });
        let answers = answers.collect();
        let saving = Saving { transaction, named: &named, numbers: &self.numbers, now: now.utc, at: &self.at };
        let recording = saving.save(&loaded).await?;
        let (state, ..) = loaded.engine.performed();
        let account_of = |card: &CardToken| {
            let subject = Subject { card: Some(*card), ..Subject::default() };
            let place = usize::try_from(state.locate(&program, None, &subject, None).account?.0).ok()?;
            Some((*card, loaded.accounts.get(place)?.number))
        };
        let cards = named.cards.values().filter_map(account_of).collect();
        let news = News::of(&named, &loaded, &recording);
        Ok(Done { answers, records: recording.records(), cards, news })
    }

    /// Releases these holds if their time has come; how many records that made. Again if others stood in the way.
    ///
    /// # Errors
    /// The database.
    pub async fn expire(&self, client: &mut Client, program: ProgramId, holds: &[i64], now: Timestamp) -> Result<u32, Trouble> {
        let mut tries = 1_u32;
        loop {
            match self.try_to_expire(client, program, holds, now).await {
                Err(trouble) if trouble.is_collision() && tries < TRIES_MAX => tries = tries.saturating_add(1),
                done => return done,
            }
        }
    }

    async fn try_to_expire(
        &self,
        client: &mut Client,
        program: ProgramId,
        holds: &[i64],
        now: Timestamp,
    ) -> Result<u32, Trouble> {
        let mut named = Named::nothing(self.key, program);
        named.holds = holds.to_vec();
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &self.at);
        let transaction = client.transaction().await.map_err(said)?;
        transaction.batch_execute(EXPIRING_WAITS).await.map_err(said)?;
        let loading = Loading { transaction: &transaction, key: self.key, named: &named, now, at: &self.at };
        let mut loaded = loading.load(self.numbers.take(1, now)).await?;
        loaded.engine.expire(now, holds.len());
        let saving = Saving { transaction: &transaction, named: &named, numbers: &self.numbers, now, at: &self.at };
        let records = saving.save(&loaded).await?.records();
        transaction.commit().await.map_err(said)?;
        Ok(records)
    }
}
