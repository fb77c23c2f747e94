//! What is told: applied once, adopted, kept.

use super::*;

#[test]
fn a_told_message_is_applied_once_also_after_a_restart() {
    let mut house = House::with(1_000);
    assert_eq!(house.tell("m", load(50)), None);
    for _ in 0..2 {
        assert_eq!(house.tell("m", load(50)), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (1_050, 0));
        house.restart();
    }
}

#[test]
fn a_payment_is_found_by_either_of_its_names_also_an_increment() {
    for (number, by) in ["p", "p-alias", "more", "more-alias"].into_iter().enumerate() {
        let mut house = House::with(1_000);
        let named = |name: &str| PaymentRef { alias: Some(id(&format!("{name}-alias"))), ..payment(name) };
        house.decide(AuthorizationRequest { payment: named("p"), ..purchase("p", 100) });
        let by_alias = payment("p-alias");
        let increment = AuthorizationRequest {
            payment: named("more"),
            increments: Some(by_alias),
            kind: AuthorizationKind::Incremental,
            ..purchase("more", 50)
        };
        assert_eq!(house.decide(increment), approved(50));
        if number % 2 == 0 {
            house.restart();
        }
        assert_eq!(house.balance(), (1_000, 150));
        assert_eq!(house.tell("1", Fact::Released { payment: payment(by), cause: ReleaseCause::Reversed }), None, "{by}");
        assert_eq!(house.balance(), (1_000, 0), "{by}");
    }
}

#[test]
fn an_overtaken_approval_is_undone_and_says_so_after_a_restart() {
    let mut house = House::with(1_000);
    house.decide(purchase("k", 600));
    let no = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };
    assert_eq!(house.adopt(purchase("k", 600), no), Ok(Answer::Recorded(Some(Finding::AdoptedOverOurs))));
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_000, 0));
        assert_eq!(house.decide(purchase("k", 600)), again(declined(DeclineReason::LedgerUnavailable)));
        house.restart();
    }
}

#[test]
fn what_is_not_understood_is_kept() {
    let mut house = House::with(1_000);
    let kept = kept("`type` is unknown");
    assert_eq!(house.act(Act::Keep(origin(), kept)), Ok(Answer::Recorded(None)));
    house.ledger = None;
    let mut problems = Vec::new();
    Journal::open(house.directory.path(), Sync::Full)
        .unwrap()
        .read(1, &mut |_, bytes| {
            for record in Group::open(bytes).unwrap() {
                if let Body::Kept { problem, .. } = record.unwrap().body {
                    problems.push(problem);
                }
            }
            Ok::<(), JournalError>(())
        })
        .unwrap();
    assert_eq!(problems, ["`type` is unknown"]);
}

#[test]
fn rulesets_are_told_oldest_first() {
    let mut house = House::empty();
    let ruleset = |hash| KeptRuleset {
        hash: [hash; 32],
        program: "demo".to_owned(),
        source: String::new(),
        published_at: Timestamp::EPOCH,
        published_by: "operator".to_owned(),
        why: String::new(),
    };
    for hash in [3, 1, 2] {
        house.act(Act::Publish(Box::new(ruleset(hash)))).unwrap();
    }
    house.restart();
    assert_eq!(house.act(Act::Rulesets(program())), Ok(Answer::Rulesets(vec![ruleset(3), ruleset(1), ruleset(2)])));
}

#[test]
fn a_retry_that_stand_in_declined_does_not_release_what_the_first_was_told() {
    let house = House::with(1_000);
    assert_eq!(house.decide(purchase("key", 300)), approved(300));
    // The retry came while the ledger was away: another callback, told no.
    let request = purchase("key", 300);
    let adopt = Adopt {
        origin: origin(),
        request,
        digest: request.content_digest(),
        verdict: None,
        told: ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable },
        basis: Basis::StandIn(StandInCause::Starting),
        received_at: asked_at().saturating_add(Duration::from_secs(60)),
    };
    assert_eq!(house.act(Act::Adopt(adopt.clone())), Ok(Answer::Recorded(Some(Finding::ApprovedBefore))));
    assert_eq!(house.everyone(), [("a".to_owned(), 1_000, 300)]);
    assert_eq!(house.decide(purchase("key", 300)), again(approved(300)));

    // The same callback's approval was overtaken by its own stand-in: nobody heard it.
    assert_eq!(
        house.act(Act::Adopt(Adopt { received_at: asked_at(), ..adopt })),
        Ok(Answer::Recorded(Some(Finding::AdoptedOverOurs)))
    );
    assert_eq!(house.everyone(), [("a".to_owned(), 1_000, 0)]);
}

#[test]
fn what_a_platform_tells_of_an_unknown_card_goes_to_its_owners_only_account() {
    let house = House::with(10_000);
    let told = |key: &str, card: &str, cardholder: &str| {
        let subject = Subject { account: None, card: Some(id(card)), cardholder: Some(id(cardholder)) };
        let fact = Fact::Captured { payment: None, amount: usd(700), finality: Finality::Final };
        match house.act(tell_about(key, subject, fact)) {
            Ok(Answer::Recorded(finding)) => finding,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told("post-1", "a-new-card", "h"), Some(Finding::ForcePosted));
    assert_eq!(house.balances(Whose::Account(id("a"))), [("a".to_owned(), 9300, 0)]);

    // Nobody's: kept, and not forgotten as heard; sent again when its account is there, it counts.
    assert_eq!(told("post-2", "nobodys", "nobody"), Some(Finding::AccountUnknown));
    assert_eq!(house.enter(vec![card("nobodys", "a", None)]), Ok(Answer::Entered { accounts: 0, cards: 1 }));
    assert_eq!(told("post-2", "nobodys", "nobody"), Some(Finding::ForcePosted));
    assert_eq!(told("post-2", "nobodys", "nobody"), Some(Finding::HeardBefore));
    assert_eq!(house.balances(Whose::Account(id("a"))), [("a".to_owned(), 8600, 0)]);
}
