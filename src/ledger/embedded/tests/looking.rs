//! Looking at memory while the ledger works, waits, or hangs on its disk.

use std::path::Path as FilePath;

use holdfast_core::hold::{CardStatus, Fact, RecordedOutcome, ToldAnswer};
use holdfast_core::stand_in::{Acquaintance, Sight};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, Decision, DeclineReason, Merchant, PaymentRef, Timestamp};

use super::*;
use crate::journal::{Checkpoint, EachGroup, Erase, MemoryDisk, Noted, Operation, Slip, SlipsFound, SlipsWanted};
use crate::ledger::sight::{Lasts, Seen};
use crate::ledger::{Decide, Glimpse};

/// A log whose disk stands still until it is told how to go on.
struct Stalling {
    log: Box<dyn Log>,
    began: Sender<()>,
    go_on: Receiver<GoOn>,
}

/// How a disk that stood still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GoOn {
    Write,
    Fail,
}

impl Stalling {
    fn stand_still(&self) -> Result<(), JournalError> {
        self.began.send(()).unwrap();
        match self.go_on.recv() {
            Ok(GoOn::Fail) => Err(JournalError::Directory("a disk".into(), std::io::Error::other("full"))),
            Ok(GoOn::Write) | Err(_) => Ok(()),
        }
    }
}

impl Log for Stalling {
    fn place(&self) -> &FilePath {
        self.log.place()
    }

    fn next(&self) -> i64 {
        self.log.next()
    }

    fn chain(&self) -> &[u8; 32] {
        self.log.chain()
    }

    fn append(&mut self, records: u32, bytes: &[u8]) -> Result<(), JournalError> {
        self.stand_still()?;
        self.log.append(records, bytes)
    }

    fn tidy(&mut self) {
        self.log.tidy();
    }

    fn remarks(&mut self) -> Vec<String> {
        self.log.remarks()
    }

    fn read(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        self.log.read(from, each)
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        self.log.reopen()
    }

    fn keep_ruleset(&mut self, ruleset: KeptRuleset) {
        self.log.keep_ruleset(ruleset);
    }

    fn keep_slip(&mut self, slip: Arc<Slip>) {
        self.log.keep_slip(slip);
    }

    fn keep_slips_now(&mut self) -> Result<(), JournalError> {
        self.log.keep_slips_now()
    }

    fn begin_slip(&mut self, slip: &Arc<Slip>) -> Result<SlipsFound, JournalError> {
        self.log.begin_slip(slip)
    }

    fn end_waits(&mut self, asked_until: Timestamp) -> Result<u64, JournalError> {
        self.log.end_waits(asked_until)
    }

    fn slips(&self, wanted: &SlipsWanted) -> Result<SlipsFound, JournalError> {
        self.log.slips(wanted)
    }

    fn erase_slips(&mut self, which: &Erase) -> Result<u64, JournalError> {
        self.log.erase_slips(which)
    }

    fn rulesets(&self, program: &str) -> Result<Vec<KeptRuleset>, JournalError> {
        self.log.rulesets(program)
    }

    fn note(&mut self, operation: &Operation) -> Result<Noted, JournalError> {
        self.stand_still()?;
        self.log.note(operation)
    }

    fn noted(&self, id: &[u8; 16]) -> Result<Option<Timestamp>, JournalError> {
        self.log.noted(id)
    }

    fn begin_at(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        self.log.begin_at(checkpoint)
    }

    fn take_away(&mut self) -> Result<u64, JournalError> {
        self.log.take_away()
    }

    fn has_room(&self) -> bool {
        self.log.has_room()
    }

    fn give_room_back(&mut self) {
        self.log.give_room_back();
    }
}

struct Quiet;

impl Observer for Quiet {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn readiness(&self, _readiness: Readiness) {}
    fn expired(&self, _holds: usize) {}
    fn say(&self, _message: &str) {}
}

/// Looks until the writer leaves its memory in the window, which it does whenever it waits.
fn look(ledger: &Embedded, request: &AuthorizationRequest) -> Seen {
    loop {
        match ledger.look(&origin(), request) {
            Glimpse::Seen(seen) => return seen,
            // A ledger that just started shows nothing before its writer waits for the first time.
            Glimpse::Busy | Glimpse::Nothing => std::thread::yield_now(),
        }
    }
}

/// A ledger on such a disk; when an append of it begins, and how it goes on.
fn on_stalling_disk() -> (Embedded, Receiver<()>, Sender<GoOn>) {
    let ((began, begins), (go_on, told)) = (mpsc::channel(), mpsc::channel());
    let log = Box::new(MemoryDisk::new().open(Sync::Full).unwrap());
    let log = Box::new(Stalling { log, began, go_on: told });
    let (ledger, opening) = Embedded::start_on(log, 256, Box::new(Quiet)).unwrap();
    opening.blocking_recv().unwrap().unwrap();
    (ledger, begins, go_on)
}

#[test]
fn a_ledger_that_hangs_on_its_disk_can_be_looked_at() {
    let (ledger, begins, go_on) = on_stalling_disk();
    let submit = |act| {
        let ticket = Ticket::new(act);
        ledger.submit(Arc::clone(&ticket));
        ledger.nudge();
        begins.recv().unwrap();
        ticket
    };
    let entered = submit(Act::Enter(origin(), vec![account("a", 1_000), card("c", "a", Some("h"))]));
    go_on.send(GoOn::Write).unwrap();
    wait(entered).unwrap();
    let question = purchase("first", 300);
    assert_eq!(look(&ledger, &question).answered, None);
    let used = |seen: Seen| match seen.snapshot.card {
        Sight::Seen(card) => card.used,
        Sight::NotSeen | Sight::Absent => panic!("{seen:?}"),
    };
    assert_eq!(used(look(&ledger, &question)), Acquaintance::New);
    for (name, is_the_owner) in [("h", true), ("somebody else", false)] {
        let in_a_name = look(&ledger, &AuthorizationRequest { cardholder: Some(id(name)), ..question });
        assert_eq!(matches!(in_a_name.snapshot.card, Sight::Seen(_)), is_the_owner, "{in_a_name:?}");
    }
    let asked = submit(Act::Decide(asked(question)));
    // The disk stands still: that is seen, and so is what was held, and what was answered, though nobody knows it yet.
    let stands_still_since = ledger.at_it_since();
    let strange = AuthorizationRequest { card: Some(id("nobody's")), cardholder: None, ..purchase("second", 300) };
    let (seen, nothing) = (look(&ledger, &question), look(&ledger, &strange).snapshot);
    go_on.send(GoOn::Write).unwrap();
    assert_eq!(said(wait(asked)), approved(300));
    assert!(stands_still_since.is_some_and(|since| since <= clock::instant()), "{stands_still_since:?}");
    while ledger.at_it_since().is_some() {
        std::thread::yield_now();
    }
    // What a question placed itself is no earlier use of the card; to the next one it is.
    let (next, lasting) = (look(&ledger, &purchase("third", 1)), look(&ledger, &question));
    assert_eq!((used(seen), used(next)), (Acquaintance::New, Acquaintance::Known));
    drop(go_on);
    drop(ledger);
    let available = |seen: Seen| match seen.snapshot.account {
        Sight::Seen(account) => account.available,
        Sight::NotSeen | Sight::Absent => panic!("{seen:?}"),
    };
    assert_eq!((available(seen), available(next)), (usd(1_000), usd(700)));
    assert!(matches!(seen.snapshot.card, Sight::Seen(card) if card.status == CardStatus::Active));
    assert!(seen.answered.is_some());
    assert_eq!((seen.lasts, lasting.lasts), (Lasts::NotYet, Lasts::Yes), "an approval lasts once it is durable");
    assert_eq!((nothing.card, nothing.account), (Sight::Absent, Sight::Absent));
}

#[test]
fn a_ledger_that_hangs_in_what_it_writes_beside_its_records_can_be_looked_at() {
    let (ledger, begins, go_on) = on_stalling_disk();
    let submit = |act| {
        let ticket = Ticket::new(act);
        ledger.submit(Arc::clone(&ticket));
        ledger.nudge();
        begins.recv().unwrap();
        ticket
    };
    let entered = submit(Act::Enter(origin(), vec![account("a", 1_000), card("c", "a", None)]));
    go_on.send(GoOn::Write).unwrap();
    wait(entered).unwrap();
    let [program, key, who, why] = ["p", "key", "ann", "a test"].map(str::to_owned);
    let operation = Operation { program, key, request: [1; 32], who, why, at: Timestamp::EPOCH };
    let noted = submit(Act::Note(Box::new(operation)));
    // The disk stands still, and memory is there already.
    let seen = ledger.look(&origin(), &purchase("meanwhile", 1));
    assert!(ledger.at_it_since().is_some());
    go_on.send(GoOn::Write).unwrap();
    assert!(matches!(seen, Glimpse::Seen(Seen { answered: None, .. })), "{seen:?}");
    assert_eq!(wait(noted), Ok(Answer::Noted(Noted::New)));
    drop(go_on);
}

/// What the platform told of a payment before its question came is seen as the ledger would say it.
#[test]
fn what_was_heard_before_a_question_is_seen() {
    let mut house = House::with(1_000);
    let approved_for = |minor| RecordedOutcome::Approved { amount: usd(minor) };
    house.tell("1", recorded("declined", RecordedOutcome::Declined));
    house.tell("2", recorded("more", approved_for(400)));
    house.tell("3", recorded("less", approved_for(200)));
    house.tell("4", recorded("given back", approved_for(100)));
    house.tell("5", released("given back"));
    assert_eq!(house.decide(purchase("ours", 100)), approved(100));
    assert_eq!(house.decide(purchase("other", 100)), approved(100));
    // What the platform says of increments that have transactions of their own.
    let named = |key: &str| PaymentRef::of(id(key)).with_alias(id(&format!("tx-{key}")));
    let (yes, no) = (approved_for(40), RecordedOutcome::Declined);
    for (key, outcome) in [("added", yes), ("refused", no), ("added elsewhere", yes), ("refused elsewhere", no)] {
        let fact = Fact::Recorded { payment: named(key), asked: id(key), increments: Some(payment("ours")), outcome };
        house.tell(&format!("tells of {key}"), fact);
    }
    let adds = |key: &str, to: &str| {
        let (kind, increments) = (AuthorizationKind::Incremental, Some(payment(to)));
        AuthorizationRequest { kind, increments, payment: named(key), ..purchase(key, 40) }
    };
    let refused = Some(Decision::Decline { reason: DeclineReason::TransactionNotPermitted });
    let approves = |minor| Some(Decision::Approve { amount: usd(minor) });
    let over = Some(Decision::Decline { reason: DeclineReason::AuthorizationOver });
    let strange = AuthorizationRequest { payment: payment("more"), ..purchase("another of it", 401) };
    let cases = [
        (purchase("declined", 300), over),
        (purchase("more", 300), approves(300)),
        (purchase("less", 300), approves(200)),
        (purchase("given back", 100), over),
        (adds("added", "ours"), approves(40)),
        (adds("refused", "ours"), refused),
        // The platform told of another payment.
        (adds("added elsewhere", "other"), approves(40)),
        (adds("refused elsewhere", "other"), refused),
        // Whatever rules and funds say.
        (strange, None),
        (purchase("ours", 100), None),
        (purchase("never heard of", 100), None),
    ];
    for _ in 0..2 {
        for (question, expected) in &cases {
            assert_eq!(look(house.ledger.as_ref().unwrap(), question).by_word, *expected, "{}", question.key);
        }
        house.restart();
    }
    // And so the ledger says.
    for (question, expected) in &cases {
        if let Some(expected) = expected {
            assert_eq!(house.decide(*question).0, *expected, "{}", question.key);
        }
    }
}

/// A door's question is kept under a digest of its own, which its content does not make known.
#[test]
fn what_is_said_again_to_an_answered_question_is_seen_whatever_it_is_known_by() {
    let mut house = House::with(1_000);
    let question = purchase("doors", 300);
    let digest = purchase("as a door knows it", 1).content_digest();
    house.act(Act::Decide(Decide { digest, ..asked(question) })).unwrap();
    let again = |house: &House| look(house.ledger.as_ref().unwrap(), &question).again;
    assert_eq!(again(&house), None, "what was answered is all that there is");
    house.tell("1", recorded("doors", RecordedOutcome::Approved { amount: usd(300) }));
    assert_eq!(again(&house), Some(Decision::Approve { amount: usd(300) }));
    house.tell("2", recorded("doors", RecordedOutcome::Declined));
    let refused = Some(Decision::Decline { reason: DeclineReason::TransactionNotPermitted });
    assert_eq!(again(&house), refused);
    house.restart();
    assert_eq!(again(&house), refused);
}

#[test]
fn whom_a_card_paid_is_known_after_a_restart_too() {
    let mut house = House::with(1_000);
    let paying = |merchant: &str, key: &str| {
        let merchant = Merchant { id: Some(id(merchant)), ..Merchant::default() };
        AuthorizationRequest { merchant, ..purchase(key, 10) }
    };
    assert_eq!(house.decide(paying("grocer", "1")), approved(10));
    assert_eq!(
        house.decide(AuthorizationRequest { merchant: Merchant { mcc: None, ..Merchant::default() }, ..purchase("2", 9_999) }).0,
        declined(NO_FUNDS).0
    );
    for _ in 0..2 {
        let ledger = house.ledger.as_ref().unwrap();
        let merchant = |request: &AuthorizationRequest| look(ledger, request).snapshot.merchant;
        assert_eq!(merchant(&paying("grocer", "new")), Acquaintance::Known);
        assert_eq!(merchant(&paying("baker", "new")), Acquaintance::New);
        assert_eq!(merchant(&purchase("new", 10)), Acquaintance::NotKnown, "nobody says whom it is to pay");
        assert_eq!(merchant(&paying("grocer", "1")), Acquaintance::New, "it is known by this very question alone");
        house.ledger = None;
        house.start().unwrap();
    }
}

#[test]
fn what_nobody_heard_approved_is_no_use_of_its_card_after_a_restart_either() {
    let mut house = House::with(1_000);
    let paying = |merchant: &str, key: &str| {
        let merchant = Merchant { id: Some(id(merchant)), ..Merchant::default() };
        AuthorizationRequest { merchant, ..purchase(key, 10) }
    };
    let sees = |house: &House| {
        let seen = look(house.ledger.as_ref().unwrap(), &paying("grocer", "new")).snapshot;
        let Sight::Seen(card) = seen.card else { panic!("{seen:?}") };
        (card.used, seen.merchant)
    };
    let declined = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };
    let hears = |house: &House, key: &str| {
        house.act(Act::Adopt(adoption(paying("grocer", key), declined))).unwrap();
        house.tell(key, recorded(key, RecordedOutcome::Declined));
    };
    let decide = |house: &House, merchant: &str, key: &str| assert_eq!(house.decide(paying(merchant, key)), approved(10));
    // One that is taken back alone; then beside one that stands, before it and after it.
    decide(&house, "grocer", "1");
    assert_eq!(sees(&house), (Acquaintance::Known, Acquaintance::Known));
    hears(&house, "1");
    for _ in 0..2 {
        assert_eq!(sees(&house), (Acquaintance::New, Acquaintance::New));
        house.restart();
    }
    decide(&house, "baker", "2");
    decide(&house, "grocer", "3");
    hears(&house, "3");
    for _ in 0..2 {
        assert_eq!(sees(&house), (Acquaintance::Known, Acquaintance::New));
        house.restart();
    }
    decide(&house, "grocer", "4");
    decide(&house, "grocer", "5");
    hears(&house, "4");
    for _ in 0..2 {
        assert_eq!(sees(&house), (Acquaintance::Known, Acquaintance::Known));
        house.restart();
    }
}

#[test]
fn memory_is_seen_whole_while_a_sick_disk_is_proven() {
    let (ledger, begins, go_on) = on_stalling_disk();
    let submit = |act, how| {
        let ticket = Ticket::new(act);
        ledger.submit(Arc::clone(&ticket));
        ledger.nudge();
        begins.recv().unwrap();
        go_on.send(how).unwrap();
        wait(ticket)
    };
    submit(Act::Enter(origin(), vec![account("a", 1_000), card("c", "a", Some("h"))]), GoOn::Write).unwrap();
    let answered = purchase("answered", 300);
    assert_eq!(said(submit(Act::Decide(asked(answered)), GoOn::Write)), approved(300));
    assert_eq!(submit(Act::Decide(asked(purchase("lost", 300))), GoOn::Fail), Err(LedgerError::Unavailable));
    // The proof that the disk can be written again stands still in its turn.
    for how in [GoOn::Fail, GoOn::Write] {
        begins.recv().unwrap();
        let seen = look(&ledger, &answered);
        assert_eq!(seen.answered.map(|answered| answered.decision), Some(Decision::Approve { amount: usd(300) }));
        assert!(matches!(seen.snapshot.card, Sight::Seen(_)), "{seen:?}");
        assert!(matches!(seen.snapshot.account, Sight::Seen(account) if account.available == usd(1_000)), "{seen:?}");
        go_on.send(how).unwrap();
    }
    let next = submit(Act::Decide(asked(purchase("next", 701))), GoOn::Write);
    assert_eq!(said(next), declined(NO_FUNDS), "memory is where it belongs");
}
