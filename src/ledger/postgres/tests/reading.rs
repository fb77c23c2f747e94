//! What the management API lists of a shared ledger.

use holdfast_core::hold::{Finality, HoldStatus};

use super::conforming::start;
use super::server::{run, shared};
use crate::api::page::Page;
use crate::api::reads::shared::SharedReads;
use crate::api::reads::{Reads, Wanted, Whose};
use crate::ledger::conformance::*;
use crate::ledger::postgres::Postgres;
use crate::ledger::{Act, Ledger};

struct Desk(Postgres);

impl Client for Desk {
    fn ledger(&self) -> &dyn Ledger {
        &self.0
    }
}

fn page(last: Option<i64>) -> Page {
    Page { limit: 2, last }
}

#[test]
fn accounts_cards_and_holds_are_listed_a_page_at_a_time() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let desk = Desk(start(server, &name, 2));
    let cards = ["c", "d", "e"].map(|name| card(name, "a", Some("h")));
    desk.enter(vec![account("a", 1_000), account("b", 5)].into_iter().chain(cards).collect()).unwrap();
    for key in ["1", "2", "3"] {
        desk.decide(purchase(key, 100));
    }
    desk.decide(with_card("d", purchase("4", 7)));
    desk.tell("t", captured("2", 100, Finality::Final));
    assert!(desk.act(Act::Rest).is_ok());
    let reads = SharedReads::new(&server.reach(&name)).unwrap();
    run(async {
        let accounts = reads.accounts(program(), page(None)).await.unwrap();
        let found: Vec<_> = accounts.found.lines.iter().map(|line| (line.account.to_string(), line.posted, line.held)).collect();
        assert_eq!(found, [("a".to_owned(), usd(900), 207), ("b".to_owned(), usd(5), 0)]);
        assert!(accounts.fresh && reads.accounts(id("other"), page(None)).await.unwrap().found.lines.is_empty());

        let first = reads.cards(program(), id("a"), page(None)).await.unwrap().found.unwrap();
        let rest = reads.cards(program(), id("a"), page(first.more_behind)).await.unwrap().found.unwrap();
        let names: Vec<_> = first.lines.iter().chain(&rest.lines).map(|line| line.card.to_string()).collect();
        assert_eq!((names, rest.more_behind), (vec!["c".to_owned(), "d".to_owned(), "e".to_owned()], None));
        assert_eq!(reads.cards(program(), id("nobody's"), page(None)).await.unwrap().found, None);
        let one = reads.card(program(), id("d")).await.unwrap().found.unwrap();
        assert_eq!((one.account, one.cardholder), (Some(id("a")), Some(id("h"))));

        let list = |whose, wanted, last| reads.holds(program(), whose, wanted, page(last));
        let newest = list(Whose::Account(id("a")), Wanted::default(), None).await.unwrap().found.unwrap();
        let payments: Vec<_> = newest.lines.iter().map(|line| line.payment.to_string()).collect();
        assert_eq!(payments, ["4", "3"]);
        let older = list(Whose::Account(id("a")), Wanted::default(), newest.more_behind).await.unwrap().found.unwrap();
        let payments: Vec<_> = older.lines.iter().map(|line| (line.payment.to_string(), line.confirmed)).collect();
        assert_eq!(payments, [("2".to_owned(), true), ("1".to_owned(), false)]);
        let open = list(Whose::OpenOnes, Wanted::default(), None).await.unwrap().found.unwrap();
        let rest = list(Whose::OpenOnes, Wanted::default(), open.more_behind).await.unwrap().found.unwrap();
        let payments: Vec<_> = open.lines.iter().chain(&rest.lines).map(|line| line.payment.to_string()).collect();
        assert_eq!((payments, rest.more_behind), (vec!["4".to_owned(), "3".to_owned(), "1".to_owned()], None));
        let captured = Wanted { status: Some(HoldStatus::Captured), ..Wanted::default() };
        let of_card = list(Whose::Card(id("c")), captured, None).await.unwrap().found.unwrap();
        assert_eq!(of_card.lines.len(), 1);
        let number = of_card.lines[0].number;
        assert_eq!(reads.hold(program(), number).await.unwrap().found.as_ref(), Some(&of_card.lines[0]));
        assert_eq!(reads.hold(id("other"), number).await.unwrap().found, None);
    });
}
