//! Plays scripts of what happens when. Wherever one is cut off by a crash, and whatever it says: one answer, in time; no approval
//! without a durable record; no cap exceeded; the exposure is the sum of what was approved and not confirmed; nothing approved on
//! a card whose freeze was acknowledged; and in the end the ledger agrees with what was told.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use holdfast_core::hold::{CardStatus, Fact, RecordedOutcome};
use holdfast_core::stand_in::{Sight, Snapshot};
use holdfast_core::{AccountId, Decision, Timestamp};

use super::process::{AMOUNT, Caller, EXPOSURE_MAX, Ended, Heard, PATIENCE, Process, RECORDS, platform};
use crate::clock::{self, Moment};
use crate::fixture::{origin, program, usd};
use crate::journal::{Fault, MemoryDisk};
use crate::ledger::sight::Seen;
use crate::ledger::{Act, Answer, Glimpse, Ledger as _, Whose};
use crate::responder::Responder;
use crate::spool::gate::Say;
use crate::spool::{Scope, Turn};
use crate::switchboard::Switchboard;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The platform asks the question of this number, for the first time or again.
    Ask(u64),
    /// The platform tells that the card is frozen.
    Freeze,
    /// The platform tells how it recorded the question of this number.
    Records(u64, Ended),
    /// What is on its way to the ledger reaches it: it is done there, and the answer is on its way back.
    Reach,
    /// The ledger's answers come back.
    Back,
    /// The ledger says that it cannot, until it is well.
    Ill,
    Well,
    /// The next group of the journal is written so.
    Journal(Fault),
    /// The spool's disk goes on with its next transaction.
    Disk(Say),
    /// The reconciler goes on, before any callback does.
    Reconcile,
    /// An operator switches stand-in on for the program, or for the platform alone.
    On(bool),
    Off(bool),
    /// Two operators switch it on for the program at once.
    OnTwice,
}

/// What happens, and after how many milliseconds.
pub type Script = Vec<(u64, Event)>;

/// When the process is gone: with the event of that number, before any callback could go on, or afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Never,
    With(usize),
    After(usize),
}

/// One script that is played.
struct Play {
    caller: Caller,
    process: Process,
    began: Moment,
    /// Milliseconds since.
    now: u64,
    received: u64,
    told: BTreeMap<u64, (u16, String)>,
    /// When the card's freeze was acknowledged.
    frozen: Option<Timestamp>,
    /// How the platform recorded questions, and when it was told that this is known.
    recorded: BTreeMap<u64, (Ended, Timestamp)>,
    /// What it sent of that.
    records: BTreeMap<u64, Ended>,
    /// What was heard when.
    log: Vec<String>,
}

impl Play {
    async fn begin() -> Self {
        let (caller, disk) = (Caller::new(), MemoryDisk::new());
        let process = Process::start(&caller, tempfile::tempdir().unwrap(), disk).await;
        process.enter_card().await;
        let (told, log) = (BTreeMap::new(), Vec::new());
        let (recorded, records) = (BTreeMap::new(), BTreeMap::new());
        Play { caller, process, began: clock::now(), now: 0, received: 0, told, frozen: None, recorded, records, log }
    }

    /// The moment it is, a microsecond later for each callback: no two were received at once.
    fn moment(&mut self) -> Moment {
        self.received += 1;
        let after = Duration::from_millis(self.now);
        let utc = self.began.utc.saturating_add(after).saturating_add(Duration::from_micros(self.received));
        Moment { instant: clock::instant(), utc }
    }

    /// Time passes, and everybody goes on; only of the last millisecond nobody has noticed anything yet.
    async fn until(&mut self, ms: u64) {
        while self.now < ms {
            let step = if self.now + 1 == ms { 1 } else { (ms - 1 - self.now).min(10) };
            tokio::time::advance(Duration::from_millis(step)).await;
            self.now += step;
            if self.now < ms {
                self.turn().await;
            }
        }
    }

    /// Everybody goes on as far as it can.
    async fn turn(&mut self) {
        for heard in self.process.turn().await {
            self.hears(heard);
        }
    }

    fn hears(&mut self, heard: Heard) {
        let Heard { number, received, at, said } = heard;
        let took = at - received.instant;
        assert!(number == 0 || number >= RECORDS || took <= PATIENCE.budget, "the answer to {number} is late: {took:?}");
        let said = said.unwrap();
        self.log.push(format!("at {} ms {number} hears {}", self.now, said.0));
        if number == 0 {
            if said.0 == 200 {
                self.frozen = self.frozen.or(Some(self.moment().utc));
            }
            return;
        }
        if let Some(of) = number.checked_sub(RECORDS) {
            if said.0 == 200 {
                let since = self.moment().utc;
                self.recorded.entry(of).or_insert((self.records[&of], since));
            }
            return;
        }
        let is_frozen = self.frozen.is_some_and(|since| received.utc > since);
        assert!(!is_frozen || self.told.contains_key(&number) || said.0 != 200, "{number} is approved on a frozen card");
        if said.0 == 200 {
            self.is_durable(number);
        }
        if let Some((ended, _)) = self.recorded.get(&number).filter(|(_, since)| received.utc > *since) {
            assert_eq!(said.0 == 200, *ended == Ended::Approved, "{number} hears something else than what the platform recorded");
            self.told.insert(number, said);
            return;
        }
        // Before the platform is told that its word is known, that may count already.
        if self.records.get(&number).is_some_and(|ended| (said.0 == 200) == (*ended == Ended::Approved)) {
            self.told.insert(number, said);
            return;
        }
        let told = self.told.entry(number).or_insert_with(|| said.clone());
        assert_eq!(*told, said, "{number} hears something else than before");
    }

    /// An approval that leaves is in the spool or in the journal.
    fn is_durable(&self, number: u64) {
        let key = self.caller.request(number).key;
        let spooled = self.process.spooled();
        let in_spool = spooled.iter().any(|entry| entry.approval(clock::utc()).is_some() && told_to(entry) == Some(key));
        let by_word = spooled.iter().any(|entry| recorded_of(entry) == Some((key, Ended::Approved)));
        let says = self.ledger_says(number);
        // The word that it was declined came right behind the approval.
        let is_overruled = self.records.get(&number) == Some(&Ended::Declined) && says.is_some();
        assert!(in_spool || by_word || says == Some(true) || is_overruled, "{number} is approved, and that is nowhere");
    }

    /// What the ledger says to a question that it remembers: whether it is approved, by us, or by the platform over our decline.
    fn ledger_says(&self, number: u64) -> Option<bool> {
        match self.process.ledger.look(&origin(), &self.caller.request(number)) {
            Glimpse::Seen(seen) => {
                let said = seen.again.or(seen.answered.map(|answered| answered.decision));
                said.map(|said| matches!(said, Decision::Approve { .. }))
            }
            Glimpse::Nothing | Glimpse::Busy => None,
        }
    }

    /// What holds at every moment.
    fn look(&mut self) {
        let exposure = self.process.responder.mounts[0].program.stand_in.exposure();
        assert!(exposure <= EXPOSURE_MAX, "{exposure} is at risk");
        let spooled = self.process.spooled();
        let is_undone = |entry: &crate::spool::Entry| {
            let declined = told_to(entry).map(|key| (key, Ended::Declined));
            declined.is_some() && spooled.iter().any(|other| recorded_of(other) == declined)
        };
        let at_risk = spooled.iter().filter(|entry| !is_undone(entry));
        let durable: i64 = at_risk.filter_map(crate::spool::Entry::approved).map(|(_, minor)| minor).sum();
        if !self.process.asks() {
            assert_eq!(exposure, durable, "at {} ms", self.now);
        }
    }

    async fn happens(&mut self, event: Event) {
        let moment = self.moment();
        match event {
            Event::Ask(number) => self.process.send(number, self.caller.question(number), moment),
            Event::Records(number, ended) => {
                self.records.insert(number, ended);
                self.process.send(RECORDS + number, self.caller.recorded(number, ended), moment);
            }
            Event::Freeze => self.process.send(0, self.caller.freeze(), moment),
            Event::Reach => self.process.ledger.reach().await,
            Event::Back => self.process.ledger.come_back(),
            Event::Ill => self.process.ledger.refuse(true),
            Event::Well => self.process.ledger.refuse(false),
            Event::Journal(fault) => self.process.disk.plan([fault]),
            Event::Disk(say) => self.process.disk_says(say),
            Event::Reconcile => self.process.reconcile().await,
            Event::On(alone) => assert!(turned(&self.process.responder.switchboard, alone, true)),
            Event::Off(alone) => assert!(turned(&self.process.responder.switchboard, alone, false)),
            Event::OnTwice => {
                let switchboard = &self.process.responder.switchboard;
                let both = std::thread::scope(|threads| {
                    let turns = [(); 2].map(|()| threads.spawn(|| turned(switchboard, false, true)));
                    turns.map(|turn| turn.join().unwrap())
                });
                assert!(both[0] != both[1], "one of two switches it on");
            }
        }
    }

    /// The process is gone, and another one begins.
    async fn crash(mut self) -> Self {
        // A transaction is there or not: one that waits for its disk is not.
        self.process.asks();
        let (directory, disk) = self.process.crash();
        let process = Process::start(&self.caller, directory, disk).await;
        self.log.push(format!("at {} ms the process is gone", self.now));
        self.process = process;
        let spooled = self.process.spooled();
        // What is durable counts, whether the platform was told so or not.
        let since = self.moment().utc;
        for (number, ended) in &self.records {
            let word = Some((self.caller.request(*number).key, *ended));
            let is_heard = self.ledger_says(*number) == Some(*ended == Ended::Approved);
            if is_heard || spooled.iter().any(|entry| recorded_of(entry) == word) {
                self.recorded.entry(*number).or_insert((*ended, since));
            }
        }
        let declines = spooled.iter().filter(|entry| entry.approved().is_none());
        let durable: Vec<_> = declines.filter_map(told_to).collect();
        let forgotten = |number: &u64, (status, _): &(u16, String)| {
            let is_decline = *status != 200;
            is_decline && !durable.contains(&self.caller.request(*number).key) && self.ledger_says(*number) != Some(false)
        };
        // Only a decline that a crash kept from being recorded may be decided afresh.
        let told = self.told.iter().filter(|(number, said)| !forgotten(number, said));
        self.told = told.map(|(number, said)| (*number, said.clone())).collect();
        self
    }

    /// Everything that is ill gets well, and everybody hears what is owed.
    async fn recover(&mut self) {
        self.process.ledger.refuse(false);
        self.process.open_disk();
        for alone in [false, true] {
            turned(&self.process.responder.switchboard, alone, false);
        }
        let longest = self.now + 5_000;
        while self.now < longest {
            self.process.ledger.reach().await;
            self.process.ledger.come_back();
            self.turn().await;
            self.process.reconcile().await;
            // Its disk is tried again in a time that nobody moves.
            while !self.process.responder.spool.is_at_rest() {
                std::thread::yield_now();
            }
            if self.process.is_done() {
                return;
            }
            self.until(self.now + 50).await;
        }
        panic!("somebody waits for ever");
    }

    /// Everything is asked again, and the ledger is asked what it ended up with.
    async fn ends_well(&mut self, asked: &[u64]) {
        self.recover().await;
        for number in asked {
            let moment = self.moment();
            self.process.send(*number, self.caller.question(*number), moment);
            self.recover().await;
        }
        let Responder { unheard, spool, in_flight, .. } = self.process.responder.as_ref();
        assert_eq!((unheard.book.waiting(), spool.fill().held.waiting, in_flight.now()), (0, 0, 0));
        assert_eq!(spool.fill().held.aside, 0);
        self.look();
        let mut held = 0;
        for number in asked {
            let recorded = self.recorded.get(number).map(|(ended, _)| *ended == Ended::Approved);
            let approved = recorded.unwrap_or(self.told[number].0 == 200);
            held += if approved { AMOUNT } else { 0 };
            assert_eq!(self.ledger_says(*number), Some(approved), "{number}");
        }
        let frozen = match self.process.ledger.look(&origin(), &self.caller.request(1)) {
            Glimpse::Seen(Seen { snapshot: Snapshot { card: Sight::Seen(card), .. }, .. }) => card.status == CardStatus::Frozen,
            unseen @ (Glimpse::Seen(_) | Glimpse::Nothing | Glimpse::Busy) => panic!("{unseen:?}"),
        };
        assert!(frozen || self.frozen.is_none(), "the freeze is forgotten");
        let whose = Whose::Account(AccountId::new("a").unwrap());
        let Answer::Balances(standings) = self.process.ledger.ask(Act::Balances(origin(), whose)).await else { panic!() };
        assert_eq!(standings[0].balance.held, usd(held), "what is held is what was told");
    }
}

/// Whether the switch was turned.
fn turned(switchboard: &Switchboard, alone: bool, on: bool) -> bool {
    let (scope, now) = (Scope { program: program(), platform: alone.then(platform) }, clock::utc());
    let on_until = on.then(|| now.saturating_add(Duration::from_secs(3_600)));
    let turn = Turn { scope, on_until, by: "ann".to_owned(), why: "a drill".to_owned(), key: None };
    switchboard.turn(&turn, now).is_ok()
}

/// Whose answer an entry is.
fn told_to(entry: &crate::spool::Entry) -> Option<holdfast_core::IdempotencyKey> {
    match entry {
        crate::spool::Entry::Told(adopt, _) => Some(adopt.request.key),
        crate::spool::Entry::Fact(..) | crate::spool::Entry::Kept(..) => None,
        crate::spool::Entry::Ordered(..) | crate::spool::Entry::Published(..) => None,
    }
}

/// Which question's end an entry tells of.
fn recorded_of(entry: &crate::spool::Entry) -> Option<(holdfast_core::IdempotencyKey, Ended)> {
    let Fact::Recorded { asked, outcome, .. } = entry.told()?.fact else { return None };
    let ended = match outcome {
        RecordedOutcome::Declined => Ended::Declined,
        RecordedOutcome::Approved { .. } | RecordedOutcome::ApprovedByStandIn { .. } => Ended::Approved,
    };
    Some((asked, ended))
}

/// Plays a script, and what comes after it; what was heard.
fn play(script: &[(u64, Event)], cut: Cut) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        // While it runs, time moves by hand only.
        let (keep, kept) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || kept.recv());
        let mut play = Play::begin().await;
        let mut asked = Vec::new();
        for (place, (ms, event)) in script.iter().enumerate() {
            play.until(*ms).await;
            play.happens(*event).await;
            if let Event::Ask(number) = event
                && !asked.contains(number)
            {
                asked.push(*number);
            }
            if cut == Cut::With(place) {
                play = play.crash().await;
            }
            play.turn().await;
            play.look();
            if cut == Cut::After(place) {
                play = play.crash().await;
            }
        }
        play.ends_well(&asked).await;
        drop(keep);
        play.log
    })
}

/// A script whole, and cut off everywhere.
pub fn everywhere(script: Script) -> Vec<(Script, Cut)> {
    let cuts = (0..script.len()).flat_map(|place| [Cut::With(place), Cut::After(place)]);
    [Cut::Never].into_iter().chain(cuts).map(|cut| (script.clone(), cut)).collect()
}

/// Plays it; whatever goes wrong is told with the script.
pub fn told_with(script: &[(u64, Event)], cut: Cut) -> Vec<String> {
    let played = std::panic::catch_unwind(|| play(script, cut));
    played.unwrap_or_else(|_| panic!("cut {cut:?} of {script:?}"))
}

/// Every one of them, one process after another; each waits now and then for a thread of its own.
pub fn each_of(plays: Vec<(Script, Cut)>) {
    let left = std::sync::Mutex::new(plays);
    std::thread::scope(|threads| {
        let players = [(); 4].map(|()| {
            threads.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop();
                    let Some((script, cut)) = next else { return };
                    let played = std::panic::catch_unwind(|| told_with(&script, cut));
                    if let Err(panic) = played {
                        left.lock().unwrap().clear();
                        std::panic::resume_unwind(panic);
                    }
                }
            })
        });
        for player in players {
            player.join().unwrap();
        }
    });
}
