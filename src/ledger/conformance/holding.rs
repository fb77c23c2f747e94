//! Holds over time: what a process that begins knows of them, and what is released when nobody says anything.

use holdfast_core::hold::{Fact, Finality, Finding, MovementCause, Order, RecordedOutcome, ToldEvent};
use holdfast_core::rules::HoldPolicy;
use holdfast_core::{AuthorizationRequest, DeclineReason, Expiry, Posting, Timestamp};

use super::*;
use crate::ledger::{Act, Decide};

const DAY: u64 = 86_400;

pub fn a_process_that_begins_agrees_about_everything(engine: &dyn Engine) {
    for end in End::BOTH {
        let mut house = House::with(engine, 10_000);
        house.enter(vec![account("b", 500), card("d", "b", Some("h"))]).unwrap();
        house.decide(AuthorizationRequest { posting: Posting::Immediate, ..purchase("single", 100) });
        for name in ["p", "q", "r", "s"] {
            house.decide(purchase(name, 1_000));
        }
        house.tell("1", captured("p", 400, Finality::More));
        house.tell("2", released("q"));
        house.tell("3", reduced("r", 400));
        house.tell("4", Fact::Captured { payment: None, amount: usd(400), finality: Finality::Final });
        house.adopt(purchase("s", 1_000), NO);
        house.adopt(purchase("t", 50), yes(50));
        let before = house.all_of(program());
        assert_eq!(house.balance(), (10_000 - 100 - 400 - 400, 600 + 600 + 50));
        house.end(end);
        assert_eq!(house.all_of(program()), before);
        // And the holds are still found.
        house.tell("5", captured("p", 600, Finality::Final));
        house.tell("6", Fact::Completed { payment: payment("single"), amount: usd(100) });
        house.tell("7", Fact::Credited { payment: Some(payment("p")), amount: usd(1), cause: MovementCause::NetworkSettlement });
        assert_eq!(house.balance(), (10_000 - 100 - 400 - 400 - 600 + 1, 600 + 50));
    }
}

/// A question that arrived so long ago, held by a policy of one day for our own holds and ten for the platform's.
fn held_since(received_at: Timestamp, request: AuthorizationRequest) -> Act {
    let policy = HoldPolicy { lifetime_seconds: 86_400, safety_timer_seconds: 864_000, ..HoldPolicy::PLAIN };
    Act::Decide(Decide { verdict: proceed(&request, &[], policy), received_at, ..asked(request) })
}

fn ours(key: &str) -> AuthorizationRequest {
    AuthorizationRequest { expiry: Expiry::Ours, ..purchase(key, 100) }
}

pub fn a_hold_of_ours_is_released_when_its_time_has_come(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    said(house.act(held_since(ago(DAY - 3_600), ours("not yet"))));
    said(house.act(held_since(ago(DAY + 1), ours("over"))));
    house.premises().let_time_work();
    house.always(|house| assert_eq!((house.balance(), house.all_of(program())[0].holds_open), ((1_000, 100), 1)));
    assert_eq!(house.order("capture", "over", capture(1, Finality::More)), declined(DeclineReason::AuthorizationOver));
    assert_eq!(house.decide(ours("over")), again(approved(100)), "its answer was yes");
}

pub fn a_hold_of_the_platforms_is_released_by_the_safety_timer(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    said(house.act(held_since(ago(2 * DAY), purchase("not yet", 100))));
    said(house.act(held_since(ago(10 * DAY + 1), purchase("over", 100))));
    house.premises().let_time_work();
    house.always(|house| assert_eq!((house.balance(), house.all_of(program())[0].holds_open), ((1_000, 100), 1)));
}

pub fn a_total_that_is_told_lives_as_long_as_what_was_asked(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    for (name, replaced) in [("not yet", DAY), ("over", 8 * DAY + 1)] {
        said(house.act(held_since(ago(9 * DAY), purchase(name, 100))));
        let fact = Fact::Replaced { payment: payment(name), total: usd(50) };
        found(house.act(Act::Tell(origin(), ToldEvent { occurred_at: Some(ago(replaced)), ..told(name, fact) })));
    }
    house.premises().age(Duration::from_secs(2 * DAY));
    house.premises().let_time_work();
    house.always(|house| assert_eq!(house.balance(), (1_000, 50)));
}

pub fn a_hold_waits_for_the_latest_of_its_placements(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    said(house.act(held_since(ago(3_600), ours("p"))));
    // An increment that was long on the way is over before its payment is.
    let more = AuthorizationRequest { expiry: Expiry::Ours, ..increment("more", "p", 50) };
    assert_eq!(said(house.act(held_since(ago(DAY + 1), more))), approved(50));
    house.premises().let_time_work();
    house.always(|house| assert_eq!(house.balance(), (1_000, 150)));
}

pub fn what_was_released_by_time_is_still_captured_in_full(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    said(house.act(held_since(ago(11 * DAY), purchase("p", 100))));
    house.premises().let_time_work();
    assert_eq!(house.balance(), (1_000, 0));
    assert_eq!(house.tell("late", captured("p", 100, Finality::Final)), Some(Finding::CapturedAfterEnd));
    house.always(|house| assert_eq!(house.balance(), (900, 0)));
}

pub fn what_a_platform_stood_in_for_is_not_held_for_ever(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let outcome = RecordedOutcome::ApprovedByStandIn { amount: usd(100), posting: Posting::Hold };
    for (name, days) in [("not yet", 34), ("over", 36)] {
        let event = ToldEvent { occurred_at: Some(ago(days * DAY)), ..told(name, recorded(name, outcome)) };
        found(house.act(Act::Tell(origin(), event)));
    }
    house.premises().let_time_work();
    house.always(|house| assert_eq!(house.balance(), (1_000, 100)));
}

pub fn what_ends_by_us_holds_nothing_however_far_ahead_the_platforms_clock_is(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let ahead = Some(Timestamp::from_unix_seconds(4_000_000_000));
    let more = |key: &str, of: &str| AuthorizationRequest { occurred_at: ahead, ..increment(key, of, 50) };
    said(house.act(held_since(ago(3_600), purchase("released", 100))));
    said(house.act(held_since(ago(3_600), more("1", "released"))));
    said(house.act(held_since(ago(10 * DAY + 1), purchase("over", 100))));
    said(house.act(held_since(ago(10 * DAY + 1), more("2", "over"))));
    house.restart();
    assert_eq!(house.order("release", "released", Order::Release), approved(0));
    house.premises().let_time_work();
    house.always(|house| assert_eq!((house.balance(), house.all_of(program())[0].holds_open), ((1_000, 0), 0)));
}
