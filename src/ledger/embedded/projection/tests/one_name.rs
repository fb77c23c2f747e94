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
