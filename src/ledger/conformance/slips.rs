//! What callers of payment doors wrote is kept with the decision, shown, listed and erased; and what stands of their payments.

use std::sync::Arc;

use holdfast_adapters::payment::Wanted;
use holdfast_core::hold::{Finality, HoldStatus, Order};
use holdfast_core::{Decision, DeclineReason};

use super::*;
use crate::clock;
use crate::ledger::{Act, Answer, Decide, Erase, Looked, Slip, SlipsFound, SlipsWanted, Which};
use crate::seal::{Form, Sealed};

fn slip(name: &str, merchant: &str, text: &str) -> Slip {
    Slip {
        program: program(),
        platform: id("marqeta"),
        payment: id(name),
        kind: 0,
        merchant: id(merchant),
        source: id("c"),
        at: now(),
        body: Some(Sealed { bytes: text.as_bytes().to_vec(), form: Form::Clear }),
        lasting: Some(format!("what lasts of {text}")),
        waits: false,
    }
}

fn ask(house: &House, name: &str, minor: i64, slip: Slip) -> Decision {
    let slip = Some(Arc::new(slip));
    said(house.act(Act::Decide(Decide { slip, ..asked(purchase(name, minor)) }))).0
}

fn find(house: &House, which: Which) -> Vec<Slip> {
    let wanted = SlipsWanted { program: program(), platform: id("marqeta"), which };
    match house.act(Act::Slips(wanted)) {
        Ok(Answer::Slips(found)) => found.slips.into_iter().map(|(_, slip)| slip).collect(),
        other => panic!("{other:?}"),
    }
}

fn look(house: &House, name: &str) -> Looked {
    match house.act(Act::Look(origin(), payment(name), id(name))) {
        Ok(Answer::Looked(looked)) => looked,
        other => panic!("{other:?}"),
    }
}

fn page() -> Wanted {
    Wanted { kind: 0, before: None, most: 10, merchant: None, source: None, since: None, until: None, standing: None }
}

pub fn what_a_caller_wrote_is_kept_with_the_decision(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let (yes, no) = (slip("yes", "m", "a yes"), slip("no", "m", "a no"));
    assert_eq!(ask(&house, "yes", 400, yes.clone()), Decision::Approve { amount: usd(400) });
    assert_eq!(ask(&house, "no", 5_000, no.clone()), Decision::Decline { reason: NO_FUNDS });
    // Whoever asks again, or something else under the same key, changes nothing of it.
    assert_eq!(ask(&house, "yes", 400, slip("yes", "m", "another")), Decision::Approve { amount: usd(400) });
    let conflict = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
    assert_eq!(ask(&house, "yes", 401, slip("yes", "m", "another")), conflict);
    // So is what goes with an answer that was told without the ledger.
    let stood = slip("stood", "other", "stood in");
    let adopt = Adopt { slip: Some(Arc::new(stood.clone())), ..adoption(purchase("stood", 100), yes_of(100)) };
    found(house.act(Act::Adopt(adopt)));
    house.decide(purchase("bare", 1));
    house.always(|house| {
        assert_eq!(find(house, Which::Named(id("yes"))), vec![yes.clone()]);
        assert_eq!(find(house, Which::Named(id("no"))), vec![no.clone()]);
        assert_eq!(find(house, Which::Named(id("bare"))), []);
        assert_eq!(find(house, Which::Page(page())), [stood.clone(), no.clone(), yes.clone()], "the newest first");
        assert_eq!(find(house, Which::Page(Wanted { most: 1, ..page() })), vec![stood.clone()]);
        assert_eq!(find(house, Which::Page(Wanted { merchant: Some(id("m")), ..page() })), [no.clone(), yes.clone()]);
        assert_eq!(find(house, Which::Page(Wanted { source: Some(id("d")), ..page() })), []);
        assert_eq!(find(house, Which::Page(Wanted { since: Some(later(60)), ..page() })), []);
        assert_eq!(find(house, Which::Page(Wanted { kind: 1, ..page() })), []);
        let elsewhere = SlipsWanted { program: id("other"), platform: id("marqeta"), which: Which::Page(page()) };
        assert_eq!(house.act(Act::Slips(elsewhere)), Ok(Answer::Slips(SlipsFound::default())));
    });
    let erase = |payment| Erase { program: program(), payment, merchant: None, source: None, before: None };
    let elsewhere = Erase { merchant: Some(id("nobody")), ..erase(None) };
    assert_eq!(house.act(Act::EraseSlips(elsewhere)), Ok(Answer::Erased(0)));
    assert_eq!(house.act(Act::EraseSlips(erase(Some(id("no"))))), Ok(Answer::Erased(1)));
    house.always(|house| {
        assert_eq!(find(house, Which::Named(id("no"))), [Slip { body: None, ..no.clone() }]);
        assert_eq!(find(house, Which::Named(id("yes"))), vec![yes.clone()]);
        assert_eq!(look(house, "no").answered.map(|answered| answered.decision), Some(Decision::Decline { reason: NO_FUNDS }));
    });
    assert_eq!(house.act(Act::EraseSlips(erase(None))), Ok(Answer::Erased(2)));
}

fn yes_of(minor: i64) -> holdfast_core::hold::ToldAnswer {
    yes(minor)
}

pub fn what_stands_of_a_payment_is_told(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(look(&house, "p"), Looked::default());
    house.decide(purchase("p", 400));
    let of = |house: &House| {
        let looked = look(house, "p");
        let hold = looked.hold.unwrap();
        (looked.answered.map(|answered| answered.decision), hold.status, hold.held, hold.captured)
    };
    let approved = Some(Decision::Approve { amount: usd(400) });
    house.always(|house| assert_eq!(of(house), (approved, HoldStatus::Open, 400, 0)));
    house.order("capture", "p", Order::Capture { amount: usd(300), finality: Finality::Final });
    house.always(|house| assert_eq!(of(house), (approved, HoldStatus::Captured, 0, 300)));
    assert!(look(&house, "p").changed_at >= look(&house, "p").answered.map(|answered| answered.asked_at));
}

pub fn a_payment_that_waits_keeps_what_was_written_first(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let soon = || clock::instant() + LONG;
    let begin = |house: &House, text: &str| match house.act(Act::BeginSlip(Arc::new(slip("waits", "m", text)), soon())) {
        Ok(Answer::Slips(found)) => found.slips.into_iter().map(|(_, slip)| slip).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let (first, decided) = (Slip { waits: true, ..slip("waits", "m", "first") }, slip("waits", "m", "decided"));
    assert_eq!(begin(&house, "first"), vec![first.clone()]);
    assert_eq!(begin(&house, "second"), vec![first.clone()], "the one that is there stays");
    house.always(|house| {
        assert_eq!(find(house, Which::Named(id("waits"))), vec![first.clone()], "durable, without a decision");
        assert_eq!(look(house, "waits").answered, None);
    });
    assert_eq!(begin(&house, "first"), vec![first.clone()]);
    let asked_at = first.at;
    let just_before = holdfast_core::Timestamp::from_unix_micros(asked_at.unix_micros() - 1);
    assert_eq!(house.act(Act::EndWaits(just_before)), Ok(Answer::WaitsEnded(0)), "its time is not over");
    assert!(house.act(Act::BeginSlip(Arc::new(slip("waits on", "m", "in vain")), soon())).is_ok());
    assert!(find(&house, Which::Named(id("waits on"))).iter().all(|slip| slip.waits));
    assert_eq!(ask(&house, "waits", 400, decided.clone()), Decision::Approve { amount: usd(400) });
    assert_eq!(begin(&house, "third"), vec![decided.clone()]);
    house.always(|house| assert_eq!(find(house, Which::Named(id("waits"))), vec![decided.clone()]));
    assert_eq!(house.act(Act::EndWaits(asked_at)), Ok(Answer::WaitsEnded(1)), "the one that nobody decided");
    house.always(|house| {
        assert_eq!(house.act(Act::EndWaits(asked_at)), Ok(Answer::WaitsEnded(0)), "once");
        let in_vain = find(house, Which::Named(id("waits on")));
        assert_eq!(in_vain.iter().map(|slip| slip.waits).collect::<Vec<_>>(), [false], "it stays so, whatever time it is");
    });
}

/// Its caller was told that it cannot wait now: nothing is left of it.
pub fn a_payment_that_would_wait_too_late_is_not_kept(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    let not_after = clock::instant();
    while clock::instant() <= not_after {
        std::hint::spin_loop();
    }
    let late = house.act(Act::BeginSlip(Arc::new(slip("late", "m", "text")), not_after));
    assert!(late.is_err(), "{late:?}");
    assert_eq!(find(&house, Which::Named(id("late"))), []);
}
