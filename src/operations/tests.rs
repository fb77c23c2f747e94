//! Publications in their turn, and rollbacks among them.

use std::pin::pin;
use std::sync::Mutex;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::FutureExt as _;
use holdfast_core::stand_in::Share;
use holdfast_core::{Country, Currency};

use super::*;
use crate::config::stand_in as table;
use crate::fixture::program;
use crate::ledger::{Completions, KeptKind, Readiness, Ticket};
use crate::responder::{StandIn, StandInTable};
use crate::spool::{self, FILE, Settings, Spool};
use crate::switchboard::Switchboard;

/// A ledger that answers when it is told to.
#[derive(Default)]
struct Slow(Mutex<Vec<Arc<Ticket>>>);

impl Slow {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn answer(&self, place: usize) {
        self.say(place, Answer::Recorded(None));
    }

    fn say(&self, place: usize, answer: Answer) {
        self.end(place, Ok(answer));
    }

    fn end(&self, place: usize, became: Result<Answer, LedgerError>) {
        let ticket = self.ticket(place);
        let mut completions = Completions::default();
        completions.complete(&ticket, became);
        completions.announce();
    }

    fn ticket(&self, place: usize) -> Arc<Ticket> {
        Arc::clone(&self.0.lock().unwrap()[place])
    }

    /// Until when that may be published.
    fn not_after(&self, place: usize) -> Option<clock::Instant> {
        self.ticket(place).with_act(|act| {
            let Act::Publish(_, not_after) = act else { panic!("{act:?}") };
            *not_after
        })
    }
}

impl Ledger for Slow {
    fn submit(&self, ticket: Arc<Ticket>) {
        self.0.lock().unwrap().push(ticket);
    }

    fn nudge(&self) {}

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

const RULES: &str = "currency = 'USD'\n";
const TABLE: &str = "currency = 'USD'\nmode = 'decline'\n";

fn counter() -> Counter {
    let home = Home { program: program(), currency: Currency::USD, country: Country::new("USA").unwrap() };
    let in_force = ArcSwapOption::from_pointee(table::read("t.toml", TABLE, &home).unwrap());
    let table = StandInTable { platform: None, in_force, configured: None };
    let live = Program {
        id: home.program,
        rules: ArcSwap::from_pointee(ruleset::read("r.toml", RULES, &home).unwrap()),
        configured_rules: RULES.into(),
        stand_in: StandIn::new(vec![table], Share::WHOLE, 8),
    };
    Counter { home, live: Arc::new(live) }
}

struct Silent;

impl spool::Observer for Silent {}

/// A ledger that can be stood in for, with a spool that takes nothing.
fn with_a_full_spool(directory: &tempfile::TempDir) -> Outage {
    let settings = Settings { path: directory.path().join(FILE), sync: spool::Sync::None, entries_max: 0 };
    let spool = Spool::open(settings.clone(), Arc::new(Silent)).unwrap();
    let switchboard = Arc::new(Switchboard::new(settings, Vec::new()));
    Outage { switchboard, spool: SpoolOf::Running(Arc::new(spool)), publications: Arc::default() }
}

fn not_now(told: Result<RulesVersion, OperationError>) -> String {
    match told {
        Err(OperationError::Unavailable(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

fn publish(kind: KeptKind, text: String) -> RulesPublish {
    let (file, by, why) = ("f.toml".to_owned(), "ann".to_owned(), "to see".to_owned());
    RulesPublish { kind, program: program(), file, text, by, why }
}

fn rollback(kind: KeptKind) -> RulesRollback {
    RulesRollback { kind, program: program(), to: None, by: "bob".to_owned(), why: "too loose".to_owned() }
}

fn in_force(live: &Program, kind: KeptKind) -> RulesetHash {
    match kind {
        KeptKind::Rules => live.rules.load().hash(),
        KeptKind::StandIn | KeptKind::StandInOf(_) => live.stand_in.tables()[0].in_force.load_full().unwrap().hash(),
    }
}

#[tokio::test]
async fn what_is_kept_last_is_in_force_last() {
    for (kind, text) in [(KeptKind::Rules, RULES), (KeptKind::StandIn, TABLE)] {
        let (ledger, counter) = (Arc::new(Slow::default()), counter());
        let live = Arc::clone(&counter.live);
        let desk = Desk::new(Arc::clone(&ledger) as Arc<dyn Ledger>, vec![counter], None);
        let texts = [format!("{text}# first\n"), format!("{text}# second\n")];
        let mut first = pin!(desk.rules_publish(publish(kind, texts[0].clone())));
        let mut second = pin!(desk.rules_publish(publish(kind, texts[1].clone())));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        assert_eq!(ledger.asked(), 1, "the second waits until the first one is in force");
        ledger.answer(0);
        first.await.unwrap();
        assert!(second.as_mut().now_or_never().is_none());
        ledger.answer(1);
        second.await.unwrap();
        assert_eq!(in_force(&live, kind), RulesetHash::of(&texts[1]));
    }
}

/// What a ledger keeps of these texts, published in this order.
fn versions(kind: KeptKind, texts: &[String]) -> Vec<KeptRuleset> {
    let counter = counter();
    texts.iter().map(|text| kept_now(&counter, (kind, RulesetHash::of(text)), text, "ann", "to see")).collect()
}

#[tokio::test]
async fn what_was_in_force_may_be_again_whatever_is_asked_of_new_ones() {
    let counts_nothing = format!(
        "{RULES}\n[[limit]]\nid = \"of-checks\"\nscope = \"card\"\nwindow = \"lifetime\"\namount_max = \"1.00\"\n\
         when = {{ kinds = [\"account_verification\"] }}\n"
    );
    let (ledger, counter) = (Arc::new(Slow::default()), counter());
    let live = Arc::clone(&counter.live);
    let desk = Desk::new(Arc::clone(&ledger) as Arc<dyn Ledger>, vec![counter], None);
    assert!(desk.rules_publish(publish(KeptKind::Rules, counts_nothing.clone())).await.is_err(), "new ones must count something");
    let mut back = pin!(desk.rules_rollback(rollback(KeptKind::Rules)));
    assert!(back.as_mut().now_or_never().is_none());
    ledger.say(0, Answer::Rulesets(versions(KeptKind::Rules, &[counts_nothing.clone(), RULES.to_owned()])));
    assert!(back.as_mut().now_or_never().is_none());
    ledger.answer(1);
    back.await.unwrap();
    assert_eq!(in_force(&live, KeptKind::Rules), RulesetHash::of(&counts_nothing));
}

#[tokio::test]
async fn a_rollback_goes_back_from_what_is_in_force_when_its_turn_comes() {
    for (kind, text) in [(KeptKind::Rules, RULES), (KeptKind::StandIn, TABLE)] {
        let texts = ["first", "second", "third"].map(|name| format!("{text}# {name}\n"));
        let (ledger, counter) = (Arc::new(Slow::default()), counter());
        let live = Arc::clone(&counter.live);
        let desk = Desk::new(Arc::clone(&ledger) as Arc<dyn Ledger>, vec![counter], None);
        let mut third = pin!(desk.rules_publish(publish(kind, texts[2].clone())));
        let mut back = pin!(desk.rules_rollback(rollback(kind)));
        assert!(third.as_mut().now_or_never().is_none() && back.as_mut().now_or_never().is_none());
        assert_eq!(ledger.asked(), 1, "it does not look before the third is in force");
        ledger.answer(0);
        third.await.unwrap();
        assert!(back.as_mut().now_or_never().is_none());
        // And nobody publishes between its look and its end.
        let mut again = pin!(desk.rules_publish(publish(kind, texts[0].clone())));
        assert!(again.as_mut().now_or_never().is_none());
        assert_eq!(ledger.asked(), 2, "it looks what is in force");
        ledger.say(1, Answer::Rulesets(versions(kind, &texts)));
        assert!(back.as_mut().now_or_never().is_none() && again.as_mut().now_or_never().is_none());
        assert_eq!(ledger.asked(), 3, "it publishes what it goes back to");
        ledger.answer(2);
        back.await.unwrap();
        assert_eq!(in_force(&live, kind), RulesetHash::of(&texts[1]));
        assert!(again.as_mut().now_or_never().is_none());
        ledger.answer(3);
        again.await.unwrap();
        assert_eq!(in_force(&live, kind), RulesetHash::of(&texts[0]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_ledger_may_yet_do_is_not_said_to_be_undone() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, counter) = (Arc::new(Slow::default()), counter());
    let live = Arc::clone(&counter.live);
    let desk = Desk::new(Arc::clone(&ledger) as Arc<dyn Ledger>, vec![counter], None).with_outage(with_a_full_spool(&directory));
    let may_yet = |told: &str| told.contains("may yet come into force") && told.contains("`holdfast stand-in history`");
    let told = not_now(desk.rules_publish(publish(KeptKind::StandIn, format!("{TABLE}# late\n"))).await);
    assert!(may_yet(&told), "{told}");
    // What the ledger had not begun when nobody waited any more, it leaves undone.
    assert!(ledger.not_after(0).unwrap() <= clock::instant());
    let texts = ["first", "second"].map(|name| format!("{TABLE}# {name}\n"));
    let mut back = pin!(desk.rules_rollback(rollback(KeptKind::StandIn)));
    assert!(back.as_mut().now_or_never().is_none());
    ledger.say(1, Answer::Rulesets(versions(KeptKind::StandIn, &texts)));
    let told = not_now(back.await);
    assert!(may_yet(&told), "{told}");
    assert!(ledger.not_after(2).unwrap() <= clock::instant());
    assert_eq!(in_force(&live, KeptKind::StandIn), RulesetHash::of(TABLE), "as far as anybody knows");
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_was_asked_too_late_and_the_spool_does_not_take_is_not_done() {
    let directory = tempfile::tempdir().unwrap();
    let cases = [
        (LedgerError::Late, "the version in force stays"),
        (LedgerError::Starting, "the version in force stays"),
        (LedgerError::Unavailable, "when the ledger is back"),
    ];
    for (error, expected) in cases {
        let (ledger, counter) = (Arc::new(Slow::default()), counter());
        let outage = with_a_full_spool(&directory);
        let desk = Desk::new(Arc::clone(&ledger) as Arc<dyn Ledger>, vec![counter], None).with_outage(outage);
        let mut published = pin!(desk.rules_publish(publish(KeptKind::StandIn, format!("{TABLE}# refused\n"))));
        assert!(published.as_mut().now_or_never().is_none());
        ledger.end(0, Err(error));
        let told = not_now(published.await);
        assert!(told.ends_with(expected), "{error:?}: {told}");
    }
}

/// They need the ledger: nobody is told that they are not in force before it has said so.
#[tokio::test]
async fn rules_may_be_published_however_long_the_ledger_takes() {
    let (ledger, counter) = (Arc::new(Slow::default()), counter());
    let desk = Desk::new(Arc::clone(&ledger) as Arc<dyn Ledger>, vec![counter], None);
    let mut published = pin!(desk.rules_publish(publish(KeptKind::Rules, format!("{RULES}# new\n"))));
    assert!(published.as_mut().now_or_never().is_none());
    assert_eq!(ledger.not_after(0), None);
    ledger.answer(0);
    published.await.unwrap();
}
