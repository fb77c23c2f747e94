//! Limits, over restarts and reissued cards.

use super::*;

#[test]
fn limits_go_on_counting_after_a_restart() {
    let reached = (Decision::Decline { reason: DeclineReason::AmountLimitReached }, Basis::Limit(id("limit")));
    let day = |number: i64| Window::Since(Timestamp::from_unix_seconds(number * 86_400));
    let rolling = |bucket| Window::Rolling { bucket, buckets: 3 };
    for (then, now, later) in [
        (day(1), day(1), Some(day(2))),
        (rolling(10), rolling(12), Some(rolling(13))),
        (Window::Lifetime, Window::Lifetime, None),
    ] {
        let mut house = House::with(1_000);
        let ask = |house: &House, key: &str, minor, window| {
            decided(house.act(decide_with(purchase(key, minor), &[limit(window)], clock::instant() + LONG)))
        };
        assert_eq!(ask(&house, "first", 60, then), approved(60));
        for key in ["second", "third"] {
            assert_eq!(ask(&house, key, 41, now), reached, "{now:?}");
            house.restart();
        }
        assert_eq!(ask(&house, "fourth", 40, now), approved(40), "{now:?}");
        if let Some(later) = later {
            assert_eq!(ask(&house, "fifth", 60, later), approved(60), "{later:?}");
        }
    }
}

#[test]
fn what_comes_back_comes_back_to_the_card_that_counted_it() {
    let house = House::with(1_000);
    house.enter(vec![card("reissued", "a", Some("h"))]).unwrap();
    let lifetime = limit(Window::Lifetime);
    let ask = |key: &str, card: &str, minor| {
        let request = AuthorizationRequest { card: Some(id(card)), ..purchase(key, minor) };
        decided(house.act(decide_with(request, &[lifetime], clock::instant() + LONG))).0
    };
    assert_eq!(ask("p", "c", 100), approved(100).0);
    let reissued = Subject { card: Some(id("reissued")), ..Subject::default() };
    house.act(tell_about("1", reissued, Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed })).unwrap();
    assert_eq!(ask("q", "c", 100), approved(100).0, "it was returned");
    assert_eq!(ask("r", "reissued", 101), Decision::Decline { reason: DeclineReason::AmountLimitReached }, "and nowhere else");
}
