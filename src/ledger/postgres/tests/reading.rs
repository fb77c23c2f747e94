//! What the management API lists of a shared ledger.

use holdfast_core::hold::{Finality, HoldStatus, MovementCause, Order};

use super::conforming::start;
use super::server::{run, shared};
use crate::api::page::Page;
use crate::api::reads::shared::SharedReads;
use crate::api::reads::{Reads, Wanted, Whose};
use crate::ledger::conformance::*;
use crate::ledger::postgres::Postgres;
use crate::ledger::{Act, Ledger, Operation, Origin};

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
    let reads = SharedReads::new(&server.reach(&name), std::collections::BTreeMap::new()).unwrap();
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

#[test]
fn movements_and_their_sums_are_listed_with_what_was_on_the_account_and_who_did_them() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let desk = Desk(start(server, &name, 2));
    desk.enter(vec![account("a", 1_000), account("empty", 0), card("c", "a", Some("h"))]).unwrap();
    desk.decide(purchase("1", 100));
    desk.decide(purchase("2", 50));
    desk.decide(purchase("declined", 5_000));
    desk.tell("t", captured("1", 80, Finality::Final));
    let operation = Operation {
        program: program().to_string(),
        key: "k".to_owned(),
        request: [7; 32],
        who: "ann".to_owned(),
        why: "a test".to_owned(),
        at: later(1),
    };
    let id_of_it = operation.id();
    assert!(desk.act(Act::Note(Box::new(operation))).is_ok());
    let by_ann = Origin { operator: Some(id_of_it), ..origin() };
    assert!(desk.act(Act::Order(by_ann, ordered("o", "2", Order::Release))).is_ok());
    // Entered again, it moves nothing.
    desk.enter(vec![account("a", 77)]).unwrap();
    // Whoever adds movements up in SQL comes to what is posted; also where openings were written before they were movements.
    let differs = || -> i64 {
        let sql = "SELECT count(*) FROM (
            SELECT a.posted, a.held, coalesce(sum(m.posted), 0) AS moved, coalesce(sum(m.held), 0) AS reserved
            FROM holdfast.account a LEFT JOIN holdfast.movement m ON m.account = a.name AND m.program = a.program GROUP BY a.number
            ) AS both_sides WHERE posted <> moved OR held <> reserved";
        run(async {
            let (client, connection) = server.config(&name).connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.query_one(sql, &[]).await.unwrap().get(0)
        })
    };
    assert_eq!(differs(), 0);
    server.run_sql(&name, "UPDATE holdfast.record SET posted = 0, cause = NULL WHERE kind = 'account_entered'");
    assert_eq!(differs(), 1);
    let (openings, _) = include_str!("../migrations/0013_truth.sql").split_once(";\n").unwrap();
    server.run_sql(&name, openings);
    assert_eq!(differs(), 0);
    let reads = SharedReads::new(&server.reach(&name), std::collections::BTreeMap::new()).unwrap();
    run(async {
        let list = |name, last| reads.movements(program(), id(name), None, page(last));
        let (mut last, mut listed, mut pages) = (None, Vec::new(), 0);
        loop {
            let lines = list("a", last).await.unwrap().found.unwrap();
            pages += 1;
            let of_line = |line: &crate::api::reads::MovementLine| {
                let amounts = [line.posted, line.held, line.posted_after, line.held_after].map(|amount| amount.minor());
                (amounts, line.cause, line.done.as_ref().map(|done| (done.by.clone(), done.why.clone())))
            };
            listed.extend(lines.lines.iter().map(of_line));
            last = lines.more_behind;
            if last.is_none() {
                break;
            }
        }
        let by_ann = Some(("ann".to_owned(), "a test".to_owned()));
        let settled = Some(MovementCause::NetworkSettlement);
        let expected = [
            ([0, -50, 920, 0], None, by_ann.clone()),
            ([-80, -100, 920, 50], settled, None),
            ([0, 50, 1_000, 150], None, None),
            ([0, 100, 1_000, 100], None, None),
            ([1_000, 0, 1_000, 0], Some(MovementCause::Funding), None),
        ];
        assert_eq!((listed, pages), (expected.to_vec(), 3));
        assert_eq!(list("empty", None).await.unwrap().found.unwrap().lines, []);
        assert_eq!(list("nobody's", None).await.unwrap().found, None);

        let holds = reads.holds(program(), Whose::Account(id("a")), Wanted::default(), page(None)).await.unwrap().found.unwrap();
        let changed = holds.lines.iter().map(|line| line.changed.as_ref().map(|done| (done.by.clone(), done.why.clone())));
        assert_eq!(changed.collect::<Vec<_>>(), [by_ann, None], "the newest first");

        let day = i32::try_from(crate::clock::utc().unix_micros().div_euclid(86_400_000_000)).unwrap();
        let sums = reads.sums(program(), (day - 2, day + 2)).await.unwrap().found;
        let mut sums: Vec<_> = sums.iter().map(|sum| (sum.cause, sum.minor, sum.movements)).collect();
        sums.sort_by_key(|(_, minor, _)| *minor);
        assert_eq!(sums, [(MovementCause::NetworkSettlement, -80, 1), (MovementCause::Funding, 1_000, 1)]);
        assert_eq!(reads.sums(program(), (day - 40, day - 30)).await.unwrap().found, []);
    });
}
