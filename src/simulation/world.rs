//! One simulated world: programs with accounts and cards, an engine on a simulated disk, the model beside it, and time.

use std::time::Duration;

use fastrand::Rng;
use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, StepId};
use holdfast_core::{AccountId, CardToken, Currency, Money, Timestamp};

use super::attic::Attic;
use super::chance::Chance;
use super::compare::agrees;
use super::deed::{BEGINNING, Deed, Message, Says, id, origin};
use super::faults::Doubt;
use super::limits::oldest_bucket;
use super::model::payment::Source;
use super::model::{Account, Card, Expected, Model};
use super::{Difference, Report};
use crate::clock::{self, Moment};
use crate::journal::{MemoryDisk, Sync};
use crate::ledger::embedded::cold::{Cold as _, Found, Need, Nowhere};
use crate::ledger::embedded::engine::{Engine, Performed, Warmth, Writable};
use crate::ledger::embedded::state::{GoneNames, State};
use crate::ledger::{Act, Entry, Origin};

/// Keys that are younger are in memory.
const KEYS_YOUNG: Duration = Duration::from_secs(47 * 3600);

/// Nobody names a window that ended longer ago.
const NAMED_LATE: Duration = Duration::from_secs(48 * 3600);

/// The most holds that expire at once.
const EXPIRE_MAX: usize = 256;

/// What the world cannot do without: it says what, and ends.
pub type Checked<T> = Result<T, Box<Difference>>;

/// A world.
pub struct World {
    pub(super) rng: Rng,
    pub(super) chance: Chance,
    pub(super) model: Model,
    pub(super) engine: Engine,
    /// What its memory has let go of.
    pub(super) attic: Attic,
    /// How long memory keeps a hold that ended.
    closed_kept: Duration,
    pub(super) disk: MemoryDisk,
    /// Keys the engine's fingerprints, the same over restarts.
    secret: (u64, u64),
    pub(super) doubt: Doubt,
    pub(super) now: Moment,
    pub(super) report: Report,
    pub(super) origins: Vec<Origin>,
    pub(super) accounts: Vec<AccountId>,
    pub(super) cards: Vec<CardToken>,
    history: Vec<(u64, Timestamp, Deed)>,
}

impl World {
    /// A world in which nothing has happened yet but the entry of its accounts and cards.
    pub fn new(mut rng: Rng) -> Checked<Self> {
        let (programs, accounts, cards) = (rng.usize(1..=2), rng.usize(1..=4), rng.usize(1..=6));
        let secret = (rng.u64(..), rng.u64(..));
        let disk = MemoryDisk::new();
        let log = disk.open(Sync::Full).map_err(broken)?;
        let now = Moment { instant: clock::instant(), utc: BEGINNING };
        let closed_kept = if rng.bool() { Duration::ZERO } else { Duration::from_secs(600) };
        let mut world = World {
            chance: Chance::new(rng.fork()),
            rng,
            model: Model::default(),
            engine: Engine::new(Box::new(log), Box::new(State::small(secret))),
            attic: Attic::new(secret),
            closed_kept,
            disk,
            secret,
            doubt: Doubt::None,
            now,
            report: Report { worlds: 1, ..Report::default() },
            origins: (0..programs).map(origin).collect::<Result<_, _>>().map_err(broken)?,
            accounts: (0..accounts).map(|number| id("account", number)).collect::<Result<_, _>>().map_err(broken)?,
            cards: (0..cards.max(accounts)).map(|number| id("card", number)).collect::<Result<_, _>>().map_err(broken)?,
            history: Vec::new(),
        };
        world.remember_everything();
        world.furnish()?;
        Ok(world)
    }

    /// Enters the accounts, each with an owner, and the cards.
    fn furnish(&mut self) -> Checked<()> {
        let never = (Timestamp::from_unix_micros(i64::MIN), StepId(0));
        for number in 0..self.accounts.len() {
            let (program, posted) = (number % self.origins.len(), self.rng.i64(0..=400_000));
            let credit_line = if self.rng.bool() { 0 } else { self.rng.i64(0..=100_000) };
            let (status, owner) = ((never, AccountStatus::Active), (never, CardholderStatus::Active));
            self.model.accounts.push(Account { program, posted, held: 0, credit_line, status, owner });
            let (account, balance) = (self.accounts[number], Money::from_minor(posted, Currency::USD));
            self.enter(program, Entry::Account { account, balance, credit_line, status: status.1 })?;
        }
        for number in 0..self.cards.len() {
            let account = number % self.accounts.len();
            self.model.cards.push(Card { account, status: (never, CardStatus::Active) });
            let cardholder = Some(id("owner", account).map_err(broken)?);
            let (card, program, status) = (self.cards[number], self.model.accounts[account].program, CardStatus::Active);
            self.enter(program, Entry::Card { card, account: self.accounts[account], cardholder, status })?;
        }
        self.engine.commit().map(drop).map_err(broken)
    }

    fn enter(&mut self, program: usize, entry: Entry) -> Checked<()> {
        let act = Act::Enter(Origin::of(self.origins[program].program), vec![entry]);
        match self.engine.attend(&act, &self.now, Warmth::Unknown) {
            Performed::OnceDurable(_) => Ok(()),
            other @ (Performed::Now(_) | Performed::Cold(_)) => Err(self.differs("an entry", "it is recorded", other, None)),
        }
    }

    /// So many steps.
    pub fn run(mut self, steps: u64) -> Checked<Report> {
        for _ in 0..steps {
            self.step()?;
        }
        self.settle()?;
        (self.report.joined, self.report.contrary) = (self.model.joined, self.model.contrary);
        Ok(self.report)
    }

    /// Time passes, something happens, and now and then a group is committed or the process dies.
    pub(super) fn step(&mut self) -> Checked<()> {
        self.report.steps += 1;
        self.pass_time()?;
        if self.engine.writable() == Writable::No {
            self.try_to_come_back();
        }
        self.expire()?;
        let deed = self.chance.next(&mut self.model, self.now.utc);
        self.history.push((self.report.steps, self.now.utc, deed));
        *self.report.kinds.entry(kind(&deed)).or_default() += 1;
        self.report.same_time += u64::from(self.is_of_the_time_of_another(&deed));
        self.model.changed = false;
        self.perform(&deed)?;
        self.report.changed += u64::from(self.model.changed);
        self.check(&deed)?;
        self.commit_or_die()
    }

    /// A moment, now and then hours or weeks: then only when nothing is under way, as keys are kept by the hour.
    fn pass_time(&mut self) -> Checked<()> {
        let quiet = self.engine.gathered() == 0 && self.engine.writable() == Writable::Yes;
        let seconds = match self.rng.u32(0..200) {
            0 if quiet => self.rng.u64(86_400..40 * 86_400),
            1..4 if quiet => self.rng.u64(3600..100_000),
            4..20 => self.rng.u64(0..600),
            _ => 0,
        };
        let passed = Duration::from_secs(seconds) + Duration::from_millis(self.rng.u64(1..2_000));
        self.now.instant += passed;
        // The last digits number the steps: no two things happen at the same microsecond.
        let millis = self.now.utc.saturating_add(passed).unix_micros() / 1000;
        let step = i64::try_from(self.report.steps % 1000).unwrap_or(0);
        self.now.utc = Timestamp::from_unix_micros(millis * 1000 + step);
        if quiet {
            if self.rng.u32(0..8) == 0 {
                let followed = self.attic.follow(&self.engine).map_err(broken)?;
                self.engine.projected_to(followed);
            }
            // As the writer does every second that nobody needs it.
            self.engine.tidy(self.now.utc);
        }
        Ok(())
    }

    /// What a process begins with was read from the log: nothing was let go of before it.
    fn remember_everything(&mut self) {
        self.engine.keep_closed(self.closed_kept);
        self.engine.gone_before(GoneNames::default());
        self.engine.projected_to(self.attic.followed());
    }

    /// Looks for what memory has let go of, as the finder does.
    fn attend_with_found(&mut self, act: &Act, need: &Need) -> Checked<Performed> {
        let found = self.attic.find(need).map_err(broken)?;
        self.report.looked_for += 1;
        self.report.found += u64::from(found != Found::default());
        self.engine.warm(found, self.now.utc);
        Ok(self.engine.attend(act, &self.now, Warmth::Found))
    }

    fn expire(&mut self) -> Checked<()> {
        if self.engine.writable() == Writable::No {
            return Ok(());
        }
        let due = self.model.expire(self.now.utc);
        let released = self.engine.expire(self.now.utc, EXPIRE_MAX);
        self.report.expired += u64::try_from(released).unwrap_or(0);
        if released != due.len() {
            return Err(self.differs("holds whose time has come", due.len(), released, None));
        }
        due.iter().try_for_each(|payment| self.check_payment(*payment))
    }

    fn perform(&mut self, deed: &Deed) -> Checked<()> {
        let late = matches!(deed, Deed::Ask(question) if question.late);
        let not_after = if late { self.now.instant - Duration::from_millis(1) } else { self.now.instant };
        let act = deed.act(not_after).map_err(broken)?;
        let now = self.now.utc;
        let expected = match (self.engine.writable(), deed) {
            (Writable::No, Deed::Ask(question)) => self.model.ask_in_vain(question),
            (Writable::No, Deed::Adopt(..) | Deed::Tell(_) | Deed::Order(_)) => Expected::Unavailable,
            (Writable::Yes, Deed::Ask(question)) => self.model.ask(question),
            (Writable::Yes, Deed::Adopt(question, heard)) => self.model.adopt(question, *heard),
            (Writable::Yes, Deed::Tell(message)) => self.model.tell(message, now),
            (Writable::Yes, Deed::Order(command)) => self.model.order(command, now),
        };
        let performed = match self.engine.attend(&act, &self.now, Warmth::Unknown) {
            Performed::Cold(need) => self.attend_with_found(&act, &need)?,
            performed @ (Performed::Now(_) | Performed::OnceDurable(_)) => performed,
        };
        if !agrees(&expected, &performed) {
            return Err(self.differs("the answer", expected, performed, Some(deed)));
        }
        Ok(())
    }

    /// Whether a message is of the very time of another one about its payment, so that kind and name say which comes first.
    fn is_of_the_time_of_another(&self, deed: &Deed) -> bool {
        let Deed::Tell(Message { at: Some(at), of: Some(of), key, .. }) = deed else { return false };
        let another = |source| matches!(source, Source::Message(other) if other != *key);
        let mut entries = self.model.payments[of.payment].entries();
        entries.any(|entry| entry.at == *at && another(entry.source))
    }

    /// Compares what an event touched.
    fn check(&self, deed: &Deed) -> Checked<()> {
        let (account, payment) = about(deed, &self.model);
        self.check_account(account)?;
        if let Some(payment) = payment {
            self.check_payment(payment)?;
        }
        // Its own name may be another payment's.
        let (of, own) = deed.names().unzip();
        let elsewhere = of.and_then(|of| self.model.filed(of.payment, own.flatten().into_iter().chain(of.name.labels())));
        if let Some(place) = elsewhere.filter(|place| Some(place.payment) != payment) {
            self.check_payment(place.payment)?;
        }
        match deed {
            Deed::Ask(question) | Deed::Adopt(question, _) => self.check_limits(question.card),
            Deed::Tell(message) => self.check_limits(message.card),
            Deed::Order(_) => Ok(()),
        }
    }

    /// The process begins again, on what the disk kept; if nothing was under way, it remembers what the one before did.
    pub(super) fn restart(&mut self, quiet: bool) -> Checked<()> {
        let log = self.disk.open(Sync::Full).map_err(broken)?;
        let mut before = std::mem::replace(&mut self.engine, Engine::new(Box::new(log), Box::new(State::small(self.secret))));
        self.remember_everything();
        self.engine.rebuild(1, &Nowhere, |_| {}).map_err(broken)?;
        self.engine.tidy(self.now.utc);
        before.tidy(self.now.utc);
        if quiet {
            let young = self.now.utc.saturating_sub(KEYS_YOUNG);
            let oldest = oldest_bucket(self.now.utc.saturating_sub(NAMED_LATE));
            let [lived, read] = [&before, &self.engine].map(|engine| engine.state().picture().whatever_was_let_go(young, oldest));
            if let Some((expected, got)) = lived.differs_from(&read) {
                return Err(self.differs("memory after a restart", expected, got, self.history_end()));
            }
        }
        self.report.restarts += 1;
        self.check_everything("after a restart")
    }

    pub(super) fn history_end(&self) -> Option<&Deed> {
        self.history.last().map(|(.., deed)| deed)
    }

    /// A difference, with the latest events of the same payment or account.
    pub(super) fn differs(
        &self,
        what: impl Into<String>,
        expected: impl std::fmt::Debug,
        got: impl std::fmt::Debug,
        deed: Option<&Deed>,
    ) -> Box<Difference> {
        let (account, payment) = deed.map_or((0, None), |deed| about(deed, &self.model));
        let same = |(.., other): &&(u64, Timestamp, Deed)| {
            let (of_account, of_payment) = about(other, &self.model);
            if payment.is_some() { of_payment == payment } else { of_account == account }
        };
        let mut events: Vec<_> = self.history.iter().rev().filter(same).take(12).map(|event| format!("{event:?}")).collect();
        events.reverse();
        let (expected, got) = (format!("{expected:?}"), format!("{got:?}"));
        Box::new(Difference { step: self.report.steps, world: 0, what: what.into(), expected, got, events })
    }
}

/// The simulation's own trouble: what should not fail did.
pub fn broken(error: impl std::fmt::Display) -> Box<Difference> {
    let (expected, got) = ("nothing of the kind".to_owned(), error.to_string());
    Box::new(Difference { step: 0, world: 0, what: "an error".to_owned(), expected, got, events: Vec::new() })
}

/// Which account and payment an event is about.
pub fn about(deed: &Deed, model: &Model) -> (usize, Option<usize>) {
    match deed {
        Deed::Ask(question) | Deed::Adopt(question, _) => (question.account, Some(question.of.payment)),
        Deed::Tell(message) => (message.account, message.of.map(|of| of.payment)),
        Deed::Order(command) => (model.payments[command.of.payment].account, Some(command.of.payment)),
    }
}

pub fn kind(deed: &Deed) -> &'static str {
    match deed {
        Deed::Ask(question) => question.kind.name(),
        Deed::Adopt(..) => "adopted",
        Deed::Order(_) => "ordered",
        Deed::Tell(message) => match message.says {
            Says::Recorded { .. } => "recorded",
            Says::Less { .. } => "reduced",
            Says::Total(_) => "replaced",
            Says::Released(_) => "released",
            Says::Captured(..) => "captured",
            Says::Completed(_) => "completed",
            Says::Credited(..) => "credited",
            Says::Debited(..) => "debited",
            Says::Card(_) | Says::Owner(_) | Says::Account(_) => "standing",
        },
    }
}
