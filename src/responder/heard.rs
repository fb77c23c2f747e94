//! What this process remembers of answers and messages that the ledger has yet to hear: taken from the spool at the start, and let
//! go of when the ledger has heard them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrayvec::ArrayVec;
use holdfast_core::hold::{Answered, ToldAnswer, ToldEvent};
use holdfast_core::stand_in::{Taken, ToldApproval, ToldName};
use holdfast_core::{AccountId, IdempotencyKey, PlatformName, ProgramId, Timestamp};
use tokio::sync::Notify;

use super::breaker::{Breaker, Response};
use super::budgets::Spending;
use super::mount::Program;
use super::orders::Orders;
use super::publications::Publications;
use super::recorded::{Declined, Recorded};
use super::stand_in::StandIn;
use super::standings::Standings;
use super::told::{Name, Told, ToldBook};
use super::waiting::Waiting;
use crate::clock;
use crate::ledger::{Adopt, Counted, KeptRuleset, MoneyOf, Origin, weight_of};
use crate::spool::{Entry, File, Heard, Refused, Spool, SpoolError, Standing, Wave};

/// What is remembered until the ledger has heard it.
pub struct Unheard {
    /// What was told, by key.
    pub book: ToldBook,
    /// What was told of cards, owners and accounts.
    pub standings: Standings,
    /// What was told of whose money.
    pub waiting: Waiting,
    /// What platforms recorded of questions.
    pub recorded: Recorded,
    /// What operators were promised.
    pub orders: Orders,
    /// Which tables they put in force.
    pub publications: Arc<Publications>,
    /// Rung when the ledger has heard something.
    pub heard: Notify,
    /// How many entries it has heard, or refused.
    pub entries_heard: AtomicU64,
    /// Whether it is asked to hear some just now.
    pub is_asked: AtomicBool,
    /// Learns from what is brought to the ledger whether it answers.
    pub breaker: Arc<Breaker>,
    /// Which program and platform, by number.
    principals: Vec<(ProgramId, PlatformName)>,
    programs: Vec<Arc<Program>>,
}

impl Unheard {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(
        book: ToldBook,
        principals: Vec<(ProgramId, PlatformName)>,
        programs: Vec<Arc<Program>>,
        breaker: Arc<Breaker>,
    ) -> Self {
        Unheard {
            book,
            standings: Standings::default(),
            waiting: Waiting::default(),
            recorded: Recorded::default(),
            orders: Orders::default(),
            publications: Arc::default(),
            heard: Notify::new(),
            entries_heard: AtomicU64::new(0),
            is_asked: AtomicBool::new(false),
            breaker,
            principals,
            programs,
        }
    }

    /// The name of what was told.
    fn name_of(&self, adopt: &Adopt) -> Option<Name> {
        self.named((adopt.origin.program, adopt.origin.platform?), adopt.request.key)
    }

    fn named(&self, whose: (ProgramId, PlatformName), key: IdempotencyKey) -> Option<Name> {
        // As mounts are numbered: the first mount of the same program and platform gives the pair its number.
        let principal = self.principals.iter().position(|known| *known == whose)?;
        Some(Name { principal: u16::try_from(principal).ok()?, key })
    }

    /// Where an approval counts, and under which name. A decline of a key that was approved before is not about that.
    fn approval_of(&self, entry: &Entry) -> Option<(&StandIn, ToldName)> {
        let Entry::Told(adopt, _) = entry else { return None };
        match adopt.told {
            ToldAnswer::Approved { .. } => {}
            ToldAnswer::Declined { .. } => return None,
        }
        let program = self.program(adopt.origin.program)?;
        Some((&program.stand_in, ToldName::of(adopt.origin.platform.as_ref()?, &adopt.request.key)))
    }

    fn program(&self, id: ProgramId) -> Option<&Program> {
        self.programs.iter().find(|program| program.id == id).map(AsRef::as_ref)
    }
}

impl Unheard {
    /// Whose money a message is about, as it is seen, or as we approved its payment while the ledger was away.
    pub fn account_of(&self, origin: &Origin, event: &ToldEvent, seen: MoneyOf) -> Option<AccountId> {
        let (payment, _) = event.fact.payments();
        // Of another account than this card's: its money is meant.
        let opened = payment.and_then(|payment| self.waiting.opened().of(origin, payment)).map(|opened| opened.account);
        opened.or(match seen {
            MoneyOf::Account(account) => Some(account),
            MoneyOf::Busy | MoneyOf::NotSeen => None,
        })
    }

    /// What a platform told is durable in the spool. An approval that it recorded as declined is at risk no more, as nothing will be held for it.
    pub fn keeps(&self, origin: &Origin, event: &ToldEvent) {
        self.undone_by(origin, event).into_iter().for_each(|told| self.is_undone(told));
    }

    /// The same; caps still count what it declines.
    fn undone_by(&self, origin: &Origin, event: &ToldEvent) -> ArrayVec<(ProgramId, ToldName), 3> {
        self.waiting.is_durable(origin, event);
        self.recorded.is_durable(origin, event);
        self.recorded.declines(origin, event).into_iter().filter_map(|declined| self.told_of(declined)).collect()
    }

    /// The answer that is declined.
    fn told_of(&self, declined: Declined) -> Option<(ProgramId, ToldName)> {
        match declined {
            Declined::Question(program, name) => Some((program, name)),
            Declined::Payment(name) => self.waiting.opened().by(&name).map(|opened| (name.0, opened.told)),
        }
    }

    /// What an answer approved is at risk no more.
    fn is_undone(&self, (program, name): (ProgramId, ToldName)) {
        if let Some(program) = self.program(program) {
            program.stand_in.undone(&name);
        }
    }

    /// Takes up what an earlier process told and heard: one entry of the spool, before a question of its key is decided.
    pub fn remember(&self, entry: &Entry, at: Timestamp, standing: Standing, earlier: &mut Earlier) {
        if standing == Standing::Aside(Refused::AnothersKey) && entry.is_decline() {
            // What was told to the other question counts.
            return;
        }
        self.takes_up(entry, earlier);
        earlier.approvals.extend(entry.approval(at).map(|approval| (entry.origin().program, approval)));
        self.counts_in_budgets(entry);
        match standing {
            Standing::Waiting => {}
            Standing::Aside(why) => self.refused(entry, why),
        }
    }

    fn takes_up(&self, entry: &Entry, earlier: &mut Earlier) {
        match entry {
            Entry::Told(adopt, _) => {
                // It is here until the ledger has heard it.
                let _ = self.waiting.says(entry);
                if let Some(name) = self.name_of(adopt) {
                    self.book.restore(name, adopt.digest, told(adopt));
                }
            }
            Entry::Fact(origin, event) => {
                self.standings.told(origin.program, event);
                // Whose money it is about is not to be seen yet, but where its payment waits, too.
                self.waiting.waits(origin, event, self.account_of(origin, event, MoneyOf::NotSeen));
                self.recorded.waits(origin, event);
                earlier.undone.extend(self.undone_by(origin, event));
            }
            Entry::Ordered(origin, operation, event) => {
                self.orders.waits(operation);
                self.standings.told(origin.program, event);
            }
            Entry::Published(_, kept) => self.publications.waits(KeptRuleset::clone(kept)),
            Entry::Kept(..) => {}
        }
    }

    /// Takes up what caps count of an earlier process, before stand-in approves anything and before the ledger hears what waits: what was
    /// remembered of it, and what the spool has of confirmed approvals.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub fn count(&self, spool: &Spool, earlier: Earlier, now: Timestamp) -> Result<(), SpoolError> {
        let Earlier { mut approvals, undone } = earlier;
        spool.confirmed(|program, approval| approvals.push((program, approval.taken(Taken::Confirmed))))?;
        // In the order of telling.
        approvals.sort_by_key(|(_, approval)| approval.at());
        for program in &self.programs {
            let own = approvals.iter().filter(|(whose, _)| *whose == program.id).map(|(_, approval)| *approval);
            program.stand_in.restore(own, now);
        }
        let declined = self.recorded.declined().into_iter().filter_map(|declined| self.told_of(declined));
        undone.into_iter().chain(declined).for_each(|told| self.is_undone(told));
        Ok(())
    }
}

impl Unheard {
    /// Of what waits in a spool, what the ledger had taken over already, as is seen by its answers: what is seen of its account has that money,
    /// and it is at risk no more. The ledger hears it once more all the same.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub fn was_taken_over(
        &self,
        spool: &File,
        seen: impl Fn(&Origin, &IdempotencyKey) -> Option<Answered>,
    ) -> Result<(), SpoolError> {
        for row in spool.waiting() {
            let row = row?;
            // One that cannot be read is set aside by the reconciler, who says so.
            let Ok(entry) = Entry::from_bytes(&row.body, &row.digest) else { continue };
            let (Entry::Told(adopt, _), Some((stand_in, name))) = (&entry, self.approval_of(&entry)) else { continue };
            let is_this =
                |answered: &Answered| adopt.digest.is_of(&answered.digest) && answered.decision == adopt.told.decision();
            if seen(&adopt.origin, &adopt.request.key).as_ref().is_some_and(is_this) {
                stand_in.settle(&name);
            }
        }
        Ok(())
    }
}

/// What an earlier process approved and the ledger has not confirmed, as far as it was remembered: for [`Unheard::count`].
#[derive(Debug, Default)]
pub struct Earlier {
    approvals: Vec<(ProgramId, ToldApproval)>,
    /// What the platform recorded as declined since, whatever it recorded after that.
    undone: Vec<(ProgramId, ToldName)>,
}

impl Unheard {
    /// An approval that an earlier process told counts in its authority's budgets until the ledger has heard it.
    fn counts_in_budgets(&self, entry: &Entry) {
        let (Entry::Told(adopt, _), Some((stand_in, name))) = (entry, self.approval_of(entry)) else { return };
        if let (ToldAnswer::Approved { amount }, true) = (adopt.told, entry.is_own_approval()) {
            let verdict = adopt.verdict.as_ref().map(|(verdict, _)| verdict);
            let spending = Spending::of(verdict, &Counted::Never, weight_of(adopt.governed.as_ref()));
            stand_in.restore_budgets(name, (&adopt.origin, &adopt.request), amount.minor(), &spending);
        }
    }
}

/// What a platform heard.
fn told(adopt: &Adopt) -> Told {
    Told { decision: adopt.told.decision(), basis: adopt.basis, asked_at: Some(adopt.received_at) }
}

impl Heard for Unheard {
    fn heard(&self, entry: &Entry) {
        self.entries_heard.fetch_add(1, Ordering::AcqRel);
        self.waiting.gone(entry);
        match entry {
            Entry::Told(adopt, _) => {
                if let Some(name) = self.name_of(adopt) {
                    self.book.adopted(&name);
                }
                if let Some((stand_in, name)) = self.approval_of(entry) {
                    stand_in.settle(&name);
                }
            }
            Entry::Fact(origin, event) => {
                self.standings.heard(origin.program, event);
                self.recorded.gone(origin, event);
            }
            Entry::Ordered(origin, operation, event) => {
                self.standings.heard(origin.program, event);
                self.orders.heard(operation);
            }
            Entry::Published(_, kept) => self.publications.heard(kept),
            Entry::Kept(..) => {}
        }
    }

    fn wave_ended(&self, wave: Wave) {
        self.is_asked.store(false, Ordering::Release);
        match wave {
            Wave::Answered => self.breaker.heard_of(Response::Answered, clock::instant()),
            Wave::NotAnswered => {}
        }
        self.heard.notify_waiters();
    }

    // What was told stays told, and what was approved stays at risk, until somebody has looked at it; but no decline keeps a key that is another
    // question's. Nobody waits for it.
    fn refused(&self, entry: &Entry, why: Refused) {
        self.entries_heard.fetch_add(1, Ordering::AcqRel);
        self.waiting.gone(entry);
        match entry {
            Entry::Ordered(_, operation, _) => self.orders.heard(operation),
            Entry::Published(_, kept) => self.publications.forget(kept),
            Entry::Fact(origin, event) => {
                self.recorded.gone(origin, event);
            }
            Entry::Told(adopt, _) if why == Refused::AnothersKey && entry.is_decline() => {
                if let Some(name) = self.name_of(adopt) {
                    self.book.forget(&name, &adopt.digest);
                }
            }
            Entry::Told(..) | Entry::Kept(..) => {}
        }
        if let Some(event) = entry.told() {
            self.standings.set_aside(entry.origin().program, event);
            self.heard.notify_waiters();
        }
        if let (Some((stand_in, name)), Some((account, minor))) = (self.approval_of(entry), entry.approved()) {
            stand_in.set_aside(name, account, minor);
        }
    }

    fn bringing(&self, entry: &Entry) {
        self.is_asked.store(true, Ordering::Release);
        if let Some(event) = entry.told() {
            self.standings.told(entry.origin().program, event);
        }
        self.waiting.is_brought(entry);
        if let Entry::Fact(origin, event) = entry {
            self.recorded.is_brought(origin, event);
        }
        if let Some((stand_in, name)) = self.approval_of(entry) {
            stand_in.brought_again(&name);
        }
    }
}
