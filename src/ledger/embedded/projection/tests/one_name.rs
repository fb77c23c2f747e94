//! Two accounts' payments under one name: the name leads to the first one's hold, and the other one's is found by its number.

use super::*;

/// Two accounts, each with a hold of a payment `p`; the second one's is ours to end.
fn two_of_one_name() -> Bench {
    let mut bench = Bench::with(1_000);
    let entries = vec![account("b", 1_000), card("d", "b", None)];
    bench.done(&Act::Enter(Origin::of(program()), entries)).unwrap();
    assert_eq!(bench.decide("p", 600), yes(600));
    let second = AuthorizationRequest { key: id("second"), card: Some(id("d")), expiry: Expiry::Ours, ..purchase("p", 400) };
    let second = decide(second, &[], bench.now);
    assert!(matches!(bench.done(&second), Ok(Answer::Decided { decision, .. }) if decision == yes(400)));
    assert_eq!(held(&mut bench), [600, 400]);
    bench
}

fn held(bench: &mut Bench) -> Vec<i64> {
    bench.memory().accounts.iter().map(|row| row.account.held).collect()
}

/// Whoever follows the journal, reads it anew or decides it again comes to the same.
fn assert_told_alike(bench: &mut Bench) {
    bench.catch_up();
    assert_eq!(bench.replayed(), bench.memory());
    assert_eq!(bench.restored(), bench.memory());
    bench.assert_decided_again("two of one name");
}

#[test]
fn a_hold_expires_by_its_number() {
    let mut bench = two_of_one_name();
    let due = bench.memory().holds[&2].hold.expires_at.unwrap();
    assert!(bench.memory().holds[&1].hold.expires_at.unwrap() > due);
    bench.now = due.saturating_add(Duration::from_secs(61));
    let now = bench.now;
    assert_eq!(bench.engine().expire(now, 4), 1);
    assert_eq!(bench.engine().never_ended, 0, "how long it lasts was ours to say");
    bench.commit();
    assert_eq!(held(&mut bench), [600, 0]);
    assert_eq!(bench.engine().expire(now, 4), 0, "it is not due any more");
    assert_told_alike(&mut bench);
    let holds = bench.reader().holds_of_account(1, None, 9).unwrap();
    assert_eq!(holds.iter().map(|line| (line.number, line.hold.status)).collect::<Vec<_>>(), [(2, HoldStatus::Expired)]);
    // The name is still the first one's.
    assert_eq!(bench.finding(&tell("clear", captured("p", 600))), None);
    assert_eq!(held(&mut bench), [0, 0]);
    assert_told_alike(&mut bench);
}

#[test]
fn a_platforms_hold_that_nobody_ended_is_counted_when_the_safety_timer_does() {
    let mut bench = two_of_one_name();
    bench.now = bench.memory().holds[&1].hold.expires_at.unwrap().saturating_add(Duration::from_secs(1));
    let now = bench.now;
    assert_eq!((bench.engine().expire(now, 4), bench.engine().never_ended), (2, 1), "the other one was ours to end");
}

#[test]
fn a_hold_is_released_by_its_number() {
    for (number, left) in [(None, [0, 400]), (Some(1), [0, 400]), (Some(2), [600, 0]), (Some(7), [600, 400])] {
        let mut bench = two_of_one_name();
        let Act::Order(origin, ordering) = order("release", "p", Order::Release) else { panic!() };
        bench.done(&Act::Order(origin, Ordering { hold: number, ..ordering })).unwrap();
        assert_eq!(held(&mut bench), left, "{number:?}");
        assert_told_alike(&mut bench);
    }
}

#[test]
fn a_timer_takes_no_name_of_what_memory_has_let_go_of() {
    let mut bench = two_of_one_name();
    assert_eq!(bench.finding(&tell("clear", captured("p", 600))), None);
    bench.catch_up();
    bench.now = bench.memory().holds[&2].hold.expires_at.unwrap().saturating_add(Duration::from_secs(61));
    bench.pass(Duration::from_secs(1));
    assert!(bench.engine().state.hold_numbered(HoldNumber(1)).is_none(), "it was let go of");
    let now = bench.now;
    assert_eq!(bench.engine().expire(now, 4), 1);
    bench.commit();
    assert_eq!(held(&mut bench), [0, 0]);
    assert_told_alike(&mut bench);
    // The name is still the first one's, which was captured to the last unit.
    assert_eq!(bench.finding(&tell("more", captured("p", 5))), Some(Finding::CapturedAboveAuthorized));
    assert_told_alike(&mut bench);
    assert_eq!(bench.restart(), None);
    assert_told_alike(&mut bench);
    assert_eq!(bench.memory().accounts.iter().map(|row| row.account.posted).collect::<Vec<_>>(), [395, 1_000]);
}

/// A hold under way, and a message that calls it by the name of one that memory has let go of: also where that message is read again.
#[test]
fn what_memory_has_let_go_of_keeps_its_names() {
    for follows_at_once in [false, true] {
        let mut bench = Bench::keeping_closed(Duration::ZERO);
        bench.furnish(1_000);
        let called = |name: &str, minor| AuthorizationRequest {
            payment: payment(name).with_alias(id(&format!("{name}-tx"))),
            ..purchase(name, minor)
        };
        let asked = decide(called("old", 40), &[], bench.now);
        bench.done(&asked).unwrap();
        assert_eq!(bench.finding(&tell("old", captured("old", 40))), None);
        let asked = decide(called("new", 50), &[], bench.now);
        bench.done(&asked).unwrap();
        bench.catch_up();
        bench.pass(Duration::from_secs(1));
        assert!(bench.engine().state.hold_numbered(HoldNumber(1)).is_none(), "it was let go of");
        let both = payment("new").with_alias(id("old-tx"));
        assert_eq!(bench.finding(&tell("less", Fact::Reduced { payment: both, by: usd(10), original: None })), None);
        if follows_at_once {
            bench.catch_up();
        }
        // What the projection does not have yet is read from the journal.
        assert_eq!(bench.restart(), None);
        assert_eq!(held(&mut bench), [40]);
        let back = Fact::Released { payment: PaymentRef::by_alias(id("old-tx")), cause: ReleaseCause::Reversed };
        assert_eq!(bench.finding(&tell("back", back)), None);
        assert_eq!(held(&mut bench), [40], "{follows_at_once}");
        assert_told_alike(&mut bench);
    }
}
