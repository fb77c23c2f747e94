//! Days, weeks and months over changes of the clock, by tables from the zones' laws.

use std::sync::Arc;
use std::time::Duration;

use super::*;

const HOUR: i32 = 3600;

fn unix(text: &str) -> i64 {
    at(text).unix_seconds()
}

pub(super) fn new_york() -> Zone {
    let transitions = [
        (unix("2025-03-09 07:00:00"), -4 * HOUR),
        (unix("2025-11-02 06:00:00"), -5 * HOUR),
        (unix("2026-03-08 07:00:00"), -4 * HOUR),
        (unix("2026-11-01 06:00:00"), -5 * HOUR),
    ];
    Zone::new("America/New_York", -5 * HOUR, &transitions).unwrap()
}

fn berlin() -> Zone {
    let transitions = [(unix("2026-03-29 01:00:00"), 2 * HOUR), (unix("2026-10-25 01:00:00"), HOUR)];
    Zone::new("Europe/Berlin", HOUR, &transitions).unwrap()
}

/// Midnight does not exist on 4 November 2018, and 17 February 2018 has its last hour twice.
fn sao_paulo() -> Zone {
    let transitions = [(unix("2018-02-18 02:00:00"), -3 * HOUR), (unix("2018-11-04 03:00:00"), -2 * HOUR)];
    Zone::new("America/Sao_Paulo", -2 * HOUR, &transitions).unwrap()
}

/// At one minute past midnight of 29 October 2006 the clock went back to the day before.
fn st_johns() -> Zone {
    Zone::new("America/St_Johns", -(2 * HOUR + 1800), &[(unix("2006-10-29 02:31:00"), -(3 * HOUR + 1800))]).unwrap()
}

/// 30 December 2011 did not take place.
fn apia() -> Zone {
    Zone::new("Pacific/Apia", -10 * HOUR, &[(unix("2011-12-30 10:00:00"), 14 * HOUR)]).unwrap()
}

#[test]
fn days_begin_where_the_wall_first_shows_them() {
    let cases: &[(&str, Zone, &str, &str)] = &[
        ("an ordinary day", new_york(), "2026-03-14 15:09:26", "2026-03-14 04:00:00"),
        ("the last second of a day", new_york(), "2026-03-14 03:59:59", "2026-03-13 04:00:00"),
        ("the day on which it springs forward, 23 hours long", new_york(), "2026-03-09 03:59:59", "2026-03-08 05:00:00"),
        ("and the next", new_york(), "2026-03-09 04:00:00", "2026-03-09 04:00:00"),
        ("the day on which it falls back, 25 hours long", new_york(), "2026-11-02 04:59:59", "2026-11-01 04:00:00"),
        ("and the next", new_york(), "2026-11-02 05:00:00", "2026-11-02 05:00:00"),
        ("Berlin springs forward", berlin(), "2026-03-29 21:59:59", "2026-03-28 23:00:00"),
        ("Berlin falls back", berlin(), "2026-10-25 22:59:59", "2026-10-24 22:00:00"),
        ("midnight is skipped: the day begins at one", sao_paulo(), "2018-11-04 12:00:00", "2018-11-04 03:00:00"),
        ("the moment before is the day before", sao_paulo(), "2018-11-04 02:59:59", "2018-11-03 03:00:00"),
        ("the hour before midnight comes twice: first time", sao_paulo(), "2018-02-18 01:30:00", "2018-02-17 02:00:00"),
        ("second time, still the same day", sao_paulo(), "2018-02-18 02:30:00", "2018-02-17 02:00:00"),
        ("and then the next day", sao_paulo(), "2018-02-18 03:00:00", "2018-02-18 03:00:00"),
        ("a minute of the new day", st_johns(), "2006-10-29 02:30:30", "2006-10-29 02:30:00"),
        ("the clock says the old day again, the new one goes on", st_johns(), "2006-10-29 03:00:00", "2006-10-29 02:30:00"),
        ("and does not begin twice", st_johns(), "2006-10-29 04:00:00", "2006-10-29 02:30:00"),
        ("the day before the one that was skipped", apia(), "2011-12-30 09:59:59", "2011-12-29 10:00:00"),
        ("the day after it", apia(), "2011-12-31 09:59:59", "2011-12-30 10:00:00"),
        ("before the table the first offset holds", new_york(), "1999-07-01 12:00:00", "1999-07-01 05:00:00"),
        ("after it the last one", new_york(), "2099-07-01 12:00:00", "2099-07-01 05:00:00"),
        ("UTC", Zone::utc(), "2026-03-14 23:59:59", "2026-03-14 00:00:00"),
    ];
    for (case, zone, now, expected) in cases {
        assert_eq!(zone.day_start(at(now)), at(expected), "{case}: {} at {now}", zone.name());
    }
}

#[test]
fn weeks_and_months_begin_at_their_first_day() {
    let zone = new_york();
    let weeks: &[(&str, Weekday, &str)] = &[
        // 14 March 2026 is a Saturday; the clocks changed on Sunday the 8th.
        ("2026-03-14 15:09:26", Weekday::Monday, "2026-03-09 04:00:00"),
        ("2026-03-14 15:09:26", Weekday::Sunday, "2026-03-08 05:00:00"),
        ("2026-03-14 15:09:26", Weekday::Saturday, "2026-03-14 04:00:00"),
        ("2026-03-09 04:00:00", Weekday::Monday, "2026-03-09 04:00:00"),
        ("2026-03-09 03:59:59", Weekday::Monday, "2026-03-02 05:00:00"),
    ];
    for (now, first_day, expected) in weeks {
        assert_eq!(zone.week_start(at(now), *first_day), at(expected), "{now} {first_day:?}");
    }
    // Wednesday, 31 December 1969, before the epoch: that week began on the 29th.
    let (noon, monday) = (Timestamp::from_unix_seconds(-43_200), Timestamp::from_unix_seconds(-3 * 86_400 + 5 * 3600));
    assert_eq!(zone.week_start(noon, Weekday::Monday), monday);
    let months = [
        ("2026-03-14 15:09:26", "2026-03-01 05:00:00"),
        ("2026-04-01 03:59:59", "2026-03-01 05:00:00"),
        ("2026-04-01 04:00:00", "2026-04-01 04:00:00"),
        ("2028-02-29 12:00:00", "2028-02-01 05:00:00"),
        ("2026-11-30 12:00:00", "2026-11-01 04:00:00"),
    ];
    for (now, expected) in months {
        assert_eq!(zone.month_start(at(now)), at(expected), "{now}");
    }
}

#[test]
fn minutes_of_the_week_are_the_walls() {
    let cases = [
        (new_york(), "2026-03-09 04:00:00", 0),
        (new_york(), "2026-03-14 15:09:26", 5 * 1440 + 11 * 60 + 9),
        (new_york(), "2026-03-08 06:59:59", 6 * 1440 + 60 + 59),
        (new_york(), "2026-03-08 07:00:00", 6 * 1440 + 3 * 60),
        (new_york(), "2026-11-01 05:30:00", 6 * 1440 + 60 + 30),
        (new_york(), "2026-11-01 06:30:00", 6 * 1440 + 60 + 30),
        (Zone::utc(), "2026-03-15 23:59:59", 10_079),
    ];
    for (zone, now, expected) in cases {
        assert_eq!(zone.minute_of_week(at(now)), expected, "{} {now}", zone.name());
    }
}

#[test]
fn a_table_must_be_one() {
    assert_eq!(Zone::new("x", 0, &[(10, 0), (10, 1)]), Err(TransitionError::NotAscending));
    assert_eq!(Zone::new("x", 0, &[(10, 0), (9, 1)]), Err(TransitionError::NotAscending));
    assert_eq!(Zone::new("x", 26 * HOUR, &[]), Err(TransitionError::OffsetTooLarge));
    assert_eq!(Zone::new("x", 0, &[(10, i32::MIN)]), Err(TransitionError::OffsetTooLarge));
    assert!(Zone::new("x", 26 * HOUR - 1, &[]).is_ok());
}

/// A zone that changes its clock often and by much.
fn any_zone() -> impl proptest::strategy::Strategy<Value = Zone> {
    use proptest::prelude::*;
    let transitions = prop::collection::btree_map(0_i64..400 * 86_400, -14 * HOUR..=14 * HOUR, 0..12);
    (transitions, -14 * HOUR..=14 * HOUR)
        .prop_map(|(transitions, first)| Zone::new("any", first, &transitions.into_iter().collect::<Vec<_>>()).unwrap())
}

/// The start of the window after the one that is open now: found by looking, a minute at a time.
fn next_start(start_at: impl Fn(Timestamp) -> Timestamp, now: Timestamp, days_max: i64) -> Timestamp {
    let open = start_at(now);
    let mut later = now.unix_seconds() + 1;
    let (mut step, end) = (86_400, now.unix_seconds() + days_max * 86_400);
    loop {
        let start = start_at(Timestamp::from_unix_seconds(later));
        if start == open {
            later += step;
            assert!(later < end, "the window never ends");
        } else if step == 1 {
            return start;
        } else {
            later -= step;
            step = 1.max(step / 60);
            later += step;
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn windows_follow_each_other(zone in any_zone(), seconds in 0_i64..400 * 86_400) {
        let now = Timestamp::from_unix_seconds(seconds);
        let (start, next) = (zone.day_start(now), next_start(|at| zone.day_start(at), now, 5));
        proptest::prop_assert!(start <= now && now < next);
        // A start is the start of its own day, and the moment before it belongs to another.
        proptest::prop_assert_eq!(zone.day_start(start), start);
        proptest::prop_assert!(zone.day_start(Timestamp::from_unix_seconds(start.unix_seconds() - 1)) < start);
        for start_at in [
            &(|at| zone.week_start(at, Weekday::Monday)) as &dyn Fn(Timestamp) -> Timestamp,
            &|at| zone.month_start(at),
        ] {
            let (start, next) = (start_at(now), next_start(start_at, now, 40));
            proptest::prop_assert!(start <= now && now < next);
            proptest::prop_assert_eq!(start_at(start), start);
        }
    }

    #[test]
    fn a_calendar_that_is_moved_closes_no_window_that_is_open(
        micros in 1_700_000_000_000_000_i64..1_800_000_000_000_000,
        minutes in -12 * 60..14 * 60,
        weekday in 0_usize..7,
        kind in 0_usize..3,
        back: bool,
    ) {
        let now = Timestamp::from_unix_micros(micros);
        let (here, there) = (new_york(), Zone::new("There", minutes * 60, &[]).unwrap());
        let (here, there) = if back { (there, here) } else { (here, there) };
        let [before, after] = [(here, Weekday::Monday), (there, Weekday::ALL[weekday])].map(|(zone, first_day)| match kind {
            0 => LimitWindow::Day(Arc::new(zone)),
            1 => LimitWindow::Week(Arc::new(zone), first_day),
            _ => LimitWindow::Month(Arc::new(zone)),
        });
        let since = |window: &LimitWindow, at| match window.at(at) {
            Window::Since(since) => since,
            Window::Rolling { .. } | Window::Lifetime => panic!("it is a calendar's"),
        };
        let (counted, open, still) = (since(&before, now), since(&after, now), after.still_open(after.at(now), now));
        proptest::prop_assert!(counted >= open || still.has(counted), "{before:?} to {after:?}");
        // By the same calendar nothing is open but what is.
        let mut last = counted;
        for _ in 0..3 {
            last = since(&before, last.saturating_sub(Duration::from_micros(1)));
            proptest::prop_assert!(!before.still_open(before.at(now), now).has(last));
        }
        // What the other one had two windows ago is over by any.
        proptest::prop_assert!(!still.has(since(&before, last)));
    }

    #[test]
    fn no_moment_is_too_far(micros: i64) {
        let now = Timestamp::from_unix_micros(micros);
        let zone = new_york();
        proptest::prop_assert!(zone.day_start(now) <= now);
        proptest::prop_assert!(zone.week_start(now, Weekday::Sunday) <= now);
        proptest::prop_assert!(zone.month_start(now) <= now);
        proptest::prop_assert!(zone.minute_of_week(now) < 10_080);
    }
}
