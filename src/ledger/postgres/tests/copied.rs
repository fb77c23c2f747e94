//! A copy of the journal is read as an embedded one's is: decided again, everything comes out the same.

use std::sync::Arc;

use holdfast_core::rules::{NoTrace, Ruleset, evaluate};
use holdfast_core::{AuthorizationRequest, Decision};

use super::conforming::start;
use super::server::{Server, run, shared};
use crate::clock;
use crate::config::ruleset::read_kept;
use crate::fixture::RULES;
use crate::journal::{KeptKind, Reader};
use crate::ledger::conformance::*;
use crate::ledger::postgres::Postgres;
use crate::ledger::postgres::copying::copy;
use crate::ledger::{Act, Decide, KeptRuleset, Ledger};
use crate::replay::{Difference, Replayed, replay};

struct Desk {
    ledger: Postgres,
    ruleset: Arc<Ruleset>,
}

impl Client for Desk {
    fn ledger(&self) -> &dyn Ledger {
        &self.ledger
    }
}

impl Desk {
    fn at(server: &Server, name: &str) -> Self {
        let ruleset = Arc::new(read_kept("rules", RULES, program()).unwrap());
        let desk = Desk { ledger: start(server, name, 2), ruleset };
        let kept = KeptRuleset {
            kind: KeptKind::Rules,
            hash: *desk.ruleset.hash().as_bytes(),
            program: program().to_string(),
            source: RULES.to_owned(),
            published_at: clock::utc(),
            published_by: "ann".to_owned(),
            why: "to begin".to_owned(),
        };
        desk.act(Act::Publish(Box::new(kept), None)).unwrap();
        desk
    }

    fn question(&self, request: AuthorizationRequest) -> Decision {
        let plain = asked(request);
        let verdict = evaluate(&self.ruleset, &request, plain.received_at, &mut NoTrace);
        said(self.act(Act::Decide(Decide { verdict, ruleset: *self.ruleset.hash().as_bytes(), ..plain }))).0
    }
}

fn decided_again(server: &Server, name: &str) -> (Replayed, Vec<Difference>) {
    let directory = tempfile::tempdir().unwrap();
    run(async {
        let database = server.reach(name);
        let (mut client, _driving) = database.open(|_| {}).await.unwrap();
        copy(&mut client, &database.whereabouts(), directory.path(), |_, _| {}).await.unwrap();
    });
    let mut differences = Vec::new();
    let mut found = |difference| {
        differences.push(difference);
        Ok(())
    };
    let reader = Reader::open(directory.path()).unwrap();
    let replayed = replay(&reader, &(1..=i64::MAX), &mut found, &mut |_, _, _| {}).unwrap();
    (replayed, differences)
}

#[test]
fn cards_of_a_copy_are_those_that_decided() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let desk = Desk::at(server, &name);
    // Numbers were given in the order of the file; the copy has all accounts' first changes before anybody's second one.
    let of_file = vec![
        account("a", 1_000),
        account("b", 500),
        card("a1", "a", Some("ha")),
        card("a2", "a", Some("ha")),
        card("b1", "b", Some("hb")),
        card("b2", "b", None),
    ];
    desk.enter(of_file).unwrap();
    for (number, (token, owner)) in
        [("a2", Some("ha")), ("b1", Some("hb")), ("b2", None), ("a1", Some("ha"))].into_iter().enumerate()
    {
        let request = AuthorizationRequest { cardholder: owner.map(id), ..with_card(token, purchase(&number.to_string(), 10)) };
        assert_eq!(desk.question(request), Decision::Approve { amount: usd(10) });
    }
    let (replayed, differences) = decided_again(server, &name);
    assert_eq!(differences, []);
    assert_eq!((replayed.decided, replayed.differing), (4, 0));
}

#[test]
fn another_versions_records_keep_its_name_in_a_copy() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let desk = Desk::at(server, &name);
    desk.enter(vec![account("a", 1_000), card("c", "a", Some("h"))]).unwrap();
    assert_eq!(desk.question(purchase("1", 10)), Decision::Approve { amount: usd(10) });
    let ours = env!("CARGO_PKG_VERSION");
    let other: String = ours.chars().map(|digit| if digit == '.' { '.' } else { '9' }).collect();
    let rename = format!(
        "UPDATE holdfast.record SET body = overlay(body PLACING '{other}'::bytea FROM 3 FOR {}) WHERE kind = 'decided'",
        ours.len()
    );
    server.run_sql(&name, &rename);
    let (replayed, differences) = decided_again(server, &name);
    assert_eq!(differences, []);
    assert_eq!(replayed.engines.into_iter().collect::<Vec<_>>(), [other]);
}
