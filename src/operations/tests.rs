//! Publications in their turn, and what a refusal repeats.

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

/// A ledger that answers when it is told to.
#[derive(Default)]
struct Slow(Mutex<Vec<Arc<Ticket>>>);

impl Slow {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn answer(&self, place: usize) {
        let ticket = Arc::clone(&self.0.lock().unwrap()[place]);
        let mut completions = Completions::default();
        completions.complete(&ticket, Ok(Answer::Recorded(None)));
        completions.announce();
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

fn publish(kind: KeptKind, text: String) -> RulesPublish {
    let (file, by, why) = ("f.toml".to_owned(), "ann".to_owned(), "to see".to_owned());
    RulesPublish { kind, program: program(), file, text, by, why }
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
        let in_force = match kind {
            KeptKind::Rules => live.rules.load().hash(),
            KeptKind::StandIn | KeptKind::StandInOf(_) => live.stand_in.tables()[0].in_force.load_full().unwrap().hash(),
        };
        assert_eq!(in_force, RulesetHash::of(&texts[1]));
    }
}

#[test]
fn a_cards_number_that_was_typed_for_a_hash_is_not_repeated() {
    let refused = |prefix| match unique_by_prefix(&[], prefix) {
        Err(OperationError::Refused(problems)) => problems.join("\n"),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused("4111111111111111"), "no version's hash begins with `(a card's number)`; `history` lists them");
    assert!(refused("abc").contains("`abc`"));
}
