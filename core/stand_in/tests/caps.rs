//! Caps one by one: what counts, for whom, for how long, and what comes back.

use super::*;
use crate::rules::Zone;

fn with_caps(caps: Vec<Cap>) -> StandInPolicy {
    let all = Row::new(id("all"), Conditions::default(), RowAnswer::Approve);
    let caps = Caps { exposure_max: Some(usd(1_000_000)), caps };
    StandInPolicy::new(StandInParts { caps, ..parts(vec![all]) }).unwrap()
}

struct Till {
    policy: StandInPolicy,
    counters: CapCounters,
    asked: u32,
}

impl Till {
    fn new(caps: Vec<Cap>) -> Self {
        let policy = with_caps(caps);
        let counters = CapCounters::new(&[policy.caps()], Share::WHOLE, 100);
        Till { policy, counters, asked: 0 }
    }

    fn request(&mut self, card: &str, minor: i64) -> AuthorizationRequest {
        self.asked += 1;
        let key = IdempotencyKey::new(&format!("key-{}", self.asked)).unwrap();
        AuthorizationRequest { key, card: Some(CardToken::new(card).unwrap()), amount: usd(minor), ..request() }
    }

    /// Asks for an amount on a card; what decided, and under which name an approval is counted.
    fn ask(&mut self, card: &str, minor: i64, now: Timestamp) -> (StandInBy, Option<ToldName>) {
        let request = self.request(card, minor);
        self.ask_for(&request, now)
    }

    fn ask_for(&mut self, request: &AuthorizationRequest, now: Timestamp) -> (StandInBy, Option<ToldName>) {
        let generous = Snapshot { account: Sight::Seen(AccountSight { available: usd(1 << 40), ..account() }), ..snapshot() };
        let proposal = stand_in(&self.policy, &platform(), request, Some(&proceed(request)), &generous, CAUSE, now);
        let StoodIn { basis, .. } = self.counters.try_take(0, &proposal);
        let Basis::StandInTable(StandInBasis { by, .. }) = basis else { panic!("{basis:?}") };
        (by, proposal.name())
    }
}

const ALL: &str = "all";

fn row() -> StandInBy {
    StandInBy::Row(id(ALL))
}

fn capped(name: &str) -> StandInBy {
    StandInBy::Cap(id(name))
}

#[test]
fn a_card_has_its_own_count_and_sum_an_account_all_of_its_cards() {
    let three = Cap { count_max: Some(3), ..cap("three", LimitScope::Card, CapWindow::Unconfirmed) };
    let sum = Cap { amount_max: Some(usd(500)), ..cap("sum", LimitScope::Account, CapWindow::Unconfirmed) };
    let mut till = Till::new(vec![three, sum]);
    let said: Vec<_> = [("a", 100), ("a", 100), ("a", 100), ("a", 100), ("b", 201), ("b", 200), ("b", 1)]
        .map(|(card, minor)| till.ask(card, minor, NOW).0)
        .into();
    assert_eq!(said, [row(), row(), row(), capped("three"), capped("sum"), row(), capped("sum")]);
    assert_eq!(till.counters.exposure(), 500);
}

#[test]
fn windows_forget_to_the_microsecond() {
    let minute = Cap { count_max: Some(1), ..cap("minute", LimitScope::Card, CapWindow::Last(60)) };
    let mut till = Till::new(vec![minute]);
    assert_eq!(till.ask("a", 1, NOW).0, row());
    let later = |micros| NOW.saturating_add(std::time::Duration::from_micros(micros));
    assert_eq!(till.ask("a", 1, later(59_999_999)).0, capped("minute"));
    assert_eq!(till.ask("a", 1, later(60_000_000)).0, row());
    // A clock that is set back brings nothing back.
    assert_eq!(till.ask("a", 1, later(61_000_000)).0, capped("minute"));
    assert_eq!(till.ask("a", 1, NOW).0, capped("minute"));
}

#[test]
fn a_day_is_one_of_the_calendar() {
    let zone = std::sync::Arc::new(Zone::utc());
    let day = Cap { count_max: Some(1), ..cap("day", LimitScope::Card, CapWindow::Day(zone)) };
    let mut till = Till::new(vec![day]);
    // 15:09:26 in UTC; the day ends in 8 h 50 min 34 s.
    assert_eq!(till.ask("a", 1, NOW).0, row());
    assert_eq!(till.ask("a", 1, seconds_later(31_833)).0, capped("day"));
    assert_eq!(till.ask("a", 1, seconds_later(31_834)).0, row());
}

#[test]
fn what_the_ledger_confirms_is_no_exposure_and_counts_on_in_time() {
    let hour = Cap { amount_max: Some(usd(300)), ..cap("hour", LimitScope::Card, CapWindow::Last(3600)) };
    let open = Cap { amount_max: Some(usd(200)), ..cap("open", LimitScope::Card, CapWindow::Unconfirmed) };
    let mut till = Till::new(vec![hour, open]);
    let (by, name) = till.ask("a", 200, NOW);
    assert_eq!((by, till.counters.exposure()), (row(), 200));
    assert_eq!(till.ask("a", 1, NOW).0, capped("open"));
    till.counters.settle(&name.unwrap());
    assert_eq!(till.counters.exposure(), 0);
    assert_eq!(till.ask("a", 101, NOW).0, capped("hour"));
    assert_eq!(till.ask("a", 100, NOW).0, row());
    assert_eq!(till.ask("a", 200, seconds_later(3600)).0, capped("open"));
    assert_eq!(till.ask("a", 100, seconds_later(3600)).0, row());
}

#[test]
fn what_is_given_back_never_was() {
    let one = Cap { count_max: Some(1), ..cap("one", LimitScope::Card, CapWindow::Last(3600)) };
    let mut till = Till::new(vec![one]);
    let request = till.request("a", 100);
    let (_, name) = till.ask_for(&request, NOW);
    till.counters.give_back(&name.unwrap());
    // Giving back twice, or settling what was given back, changes nothing.
    till.counters.give_back(&name.unwrap());
    till.counters.settle(&name.unwrap());
    assert_eq!(till.counters.exposure(), 0);
    // The same key is counted when it is asked again.
    assert_eq!(till.ask_for(&request, NOW).0, row());
    assert_eq!((till.counters.exposure(), till.ask("a", 1, NOW).0), (100, capped("one")));
}

#[test]
fn the_same_key_counts_once() {
    let mut till = Till::new(vec![]);
    let request = till.request("a", 100);
    assert_eq!([till.ask_for(&request, NOW).0, till.ask_for(&request, NOW).0], [row(), row()]);
    assert_eq!(till.counters.exposure(), 100);
}

#[test]
fn a_key_that_the_ledger_confirmed_is_held_against_caps_when_it_is_asked_again() {
    let two = Cap { count_max: Some(2), ..cap("two", LimitScope::Card, CapWindow::Last(3600)) };
    let open = Cap { amount_max: Some(usd(500)), ..cap("open", LimitScope::Card, CapWindow::Unconfirmed) };
    let mut till = Till::new(vec![two, open]);
    let request = till.request("a", 100);
    let (_, name) = till.ask_for(&request, NOW);
    till.counters.settle(&name.unwrap());
    let other_content = AuthorizationRequest { amount: usd(501), ..request };
    assert_eq!(till.ask_for(&other_content, NOW).0, capped("open"));
    assert_eq!((till.ask_for(&request, NOW).0, till.counters.exposure()), (row(), 100));
    assert!(till.counters.is_unconfirmed(&name.unwrap()));
    till.counters.settle(&name.unwrap());
    assert_eq!((till.ask_for(&request, NOW).0, till.counters.exposure()), (capped("two"), 0));
    // Counted again under tables, or given back, it is the later one.
    let caps = till.policy.caps().clone();
    till.counters.follow(&[&caps]);
    assert_eq!(till.ask("a", 1, NOW).0, capped("two"));
}

#[test]
fn only_what_takes_money_counts() {
    let one = Cap { count_max: Some(1), ..cap("one", LimitScope::Card, CapWindow::Last(3600)) };
    let mut till = Till::new(vec![one]);
    assert_eq!(till.ask("a", 100, NOW).0, row());
    for kind in [AuthorizationKind::AccountVerification, AuthorizationKind::Credit, AuthorizationKind::BalanceInquiry] {
        let request = AuthorizationRequest { kind, ..till.request("a", 100) };
        assert_eq!(till.ask_for(&request, NOW), (row(), None), "{}", kind.name());
    }
    // An increment counts its amount, and is no transaction of its own.
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..till.request("a", 50) };
    assert_eq!(till.ask_for(&increment, NOW).0, row());
    assert_eq!((till.counters.exposure(), till.ask("a", 1, NOW).0), (150, capped("one")));
}

/// Where the platform names only the owner, it may be any card of the account: leaving the card out is no second cap.
#[test]
fn what_is_asked_without_a_card_counts_for_every_card_of_its_account() {
    let two = Cap { count_max: Some(2), ..cap("two", LimitScope::Card, CapWindow::Last(3600)) };
    let mut till = Till::new(vec![two]);
    let mut ask = |card: Option<&str>| {
        let request = AuthorizationRequest { card: card.map(|card| CardToken::new(card).unwrap()), ..till.request("x", 1) };
        till.ask_for(&request, NOW)
    };
    let (first, _) = ask(Some("a"));
    let (without, given_back) = ask(None);
    assert_eq!([first, without], [row(), row()]);
    assert_eq!([ask(Some("a")).0, ask(None).0], [capped("two"), capped("two")], "one and one");
    assert_eq!([ask(Some("b")).0, ask(Some("b")).0], [row(), capped("two")], "it may have been this one");
    till.counters.give_back(&given_back.unwrap());
    let mut ask = |card: Option<&str>| {
        let request = AuthorizationRequest { card: card.map(|card| CardToken::new(card).unwrap()), ..till.request("x", 1) };
        till.ask_for(&request, NOW).0
    };
    assert_eq!([ask(Some("a")), ask(Some("b")), ask(Some("a")), ask(None)], [row(), row(), capped("two"), capped("two")]);
}

#[test]
fn a_balance_covers_what_stand_in_approved_since() {
    let covered = Conditions { balance_age_seconds_max: Some(3600), ..Conditions::default() };
    let table = policy(vec![Row::new(id("covered"), covered, RowAnswer::Approve)]);
    let mut counters = CapCounters::new(&[table.caps()], Share::WHOLE, 10);
    let mut ask = |key: &str, minor| {
        let key = IdempotencyKey::new(key).unwrap();
        let proposal = asked(&table, &AuthorizationRequest { key, amount: usd(minor), ..request() }, &snapshot());
        counters.try_take(0, &proposal).answer
    };
    let poor = StandInAnswer::Decline { reason: DeclineReason::InsufficientFunds };
    assert_eq!(ask("one", 6000), StandInAnswer::Approve { amount: usd(6000) });
    assert_eq!(ask("two", 4001), poor);
    assert_eq!(ask("three", 4000), StandInAnswer::Approve { amount: usd(4000) });
    assert_eq!(ask("four", 1), poor);
}

/// A balance that was seen before an approval was let go of does not have it in it.
#[test]
fn what_is_let_go_of_while_a_balance_is_looked_at_counts_once() {
    let covered = Conditions { balance_age_seconds_max: Some(3600), ..Conditions::default() };
    let table = policy(vec![Row::new(id("covered"), covered, RowAnswer::Approve)]);
    let mut counters = CapCounters::new(&[table.caps()], Share::WHOLE, 10);
    let ask = |counters: &mut CapCounters, key: &str, minor, let_go| {
        let key = IdempotencyKey::new(key).unwrap();
        let seen = Snapshot { account: Sight::Seen(AccountSight { let_go, ..account() }), ..snapshot() };
        let proposal = asked(&table, &AuthorizationRequest { key, amount: usd(minor), ..request() }, &seen);
        (counters.try_take(0, &proposal).answer, proposal.name().unwrap())
    };
    let before = Some(counters.let_go(&account().id));
    let (yes, name) = ask(&mut counters, "one", 6000, before);
    assert_eq!(yes, StandInAnswer::Approve { amount: usd(6000) });
    counters.settle(&name);
    let poor = StandInAnswer::Decline { reason: DeclineReason::InsufficientFunds };
    assert_eq!(ask(&mut counters, "two", 4001, before).0, poor);
    let after = Some(counters.let_go(&account().id));
    assert_eq!(ask(&mut counters, "two", 4001, after).0, StandInAnswer::Approve { amount: usd(4001) });
    assert_eq!(ask(&mut counters, "three", 5999, None).0, StandInAnswer::Approve { amount: usd(5999) });
}

#[test]
fn shares_never_add_up_to_more_than_the_cap() {
    let table = with_caps(vec![Cap {
        amount_max: Some(usd(1000)),
        count_max: Some(8),
        ..cap("cap", LimitScope::Program, CapWindow::Unconfirmed)
    }]);
    let three = Share::one_of(std::num::NonZeroU32::new(3).unwrap());
    let (mut approved, mut sum) = (0, 0);
    for responder in 0..3 {
        let mut till =
            Till { counters: CapCounters::new(&[table.caps()], three, 100), policy: table.clone(), asked: 100 * responder };
        for _ in 0..10 {
            let (by, _) = till.ask("a", 110, NOW);
            approved += u32::from(by == row());
        }
        sum += till.counters.exposure();
    }
    assert_eq!((approved, sum), (6, 660));
}

#[test]
fn a_table_that_is_published_counts_what_was_told_before() {
    let wide = Cap { count_max: Some(99), ..cap("wide", LimitScope::Program, CapWindow::Last(3600)) };
    let mut till = Till::new(vec![wide]);
    assert_eq!(till.ask("a", 100, NOW).0, row());
    let (_, confirmed) = till.ask("a", 50, seconds_later(1));
    till.counters.settle(&confirmed.unwrap());
    let cap_of = |count, window, name: &str| Cap { count_max: Some(count), ..cap(name, LimitScope::Card, window) };
    for (open, hour, expected) in [(1, 9, capped("open")), (2, 2, capped("hour")), (2, 3, row())] {
        let caps = vec![cap_of(open, CapWindow::Unconfirmed, "open"), cap_of(hour, CapWindow::Last(3600), "hour")];
        till.policy = with_caps(caps);
        till.counters.follow(&[till.policy.caps()]);
        assert_eq!(till.ask("a", 1, seconds_later(2)).0, expected);
    }
}

/// What is counted beside is what would have been counted on the spot; what was told in the meantime is in it, and what became of
/// something else makes it worthless.
#[test]
fn other_tables_are_counted_beside_the_questions() {
    let of_hour = |count| vec![Cap { count_max: Some(count), ..cap("hour", LimitScope::Card, CapWindow::Last(3600)) }];
    let mut till = Till::new(of_hour(99));
    let (_, first) = till.ask("a", 10, NOW);
    let remembered = till.counters.remembered();
    till.ask("a", 10, seconds_later(1));
    for (count, expected) in [(2, capped("hour")), (3, row())] {
        let mut beside = Till { counters: till.counters.clone(), policy: with_caps(of_hour(count)), asked: till.asked };
        let mut on_the_spot = Till { counters: till.counters.clone(), policy: with_caps(of_hour(count)), asked: till.asked };
        on_the_spot.counters.follow(&[on_the_spot.policy.caps()]);
        let mut recounted = remembered.recounted(&[beside.policy.caps()]);
        assert_eq!(beside.counters.take_over(&mut recounted), Ok(()));
        assert_eq!([beside.ask("a", 10, seconds_later(2)).0, on_the_spot.ask("a", 10, seconds_later(2)).0], [expected; 2]);
        // An hour after the first, there is room for one more.
        assert_eq!(beside.ask("a", 10, seconds_later(3600)).0, row());
        // It is another one's now.
        assert_eq!(beside.counters.take_over(&mut recounted), Err(Outdated));
    }
    till.counters.settle(&first.unwrap());
    assert_eq!(till.counters.take_over(&mut remembered.recounted(&[till.policy.caps()])), Err(Outdated));
}

#[test]
fn each_table_is_held_to_its_own_caps_and_to_all_that_was_told() {
    let [wide, narrow] = [1000, 300].map(|most| Caps { exposure_max: Some(usd(most)), caps: vec![] });
    let table = with_caps(vec![]);
    let mut counters = CapCounters::new(&[&wide, &narrow], Share::WHOLE, 10);
    let mut ask = |place, key: &str, minor| {
        let key = IdempotencyKey::new(key).unwrap();
        let proposal = asked(&table, &AuthorizationRequest { key, amount: usd(minor), ..request() }, &snapshot());
        matches!(counters.try_take(place, &proposal).answer, StandInAnswer::Approve { .. })
    };
    assert_eq!([ask(0, "one", 200), ask(1, "two", 101), ask(1, "three", 100), ask(0, "four", 700)], [true, false, true, true]);
}

#[test]
fn what_is_over_makes_room_behind_what_is_not() {
    let mut till = Till::new(vec![Cap { count_max: Some(100), ..cap("m", LimitScope::Card, CapWindow::Last(60)) }]);
    till.counters = CapCounters::new(&[till.policy.caps()], Share::WHOLE, 3);
    let names: Vec<_> = (0..3).map(|_| till.ask("a", 1, NOW).1.unwrap()).collect();
    assert_eq!(till.ask("a", 1, NOW).0, StandInBy::Full);
    till.counters.settle(&names[1]);
    till.counters.forget(seconds_later(61));
    assert_eq!((till.counters.fill(), till.counters.exposure()), ((2, 3), 2));
    assert_eq!(till.ask("a", 1, seconds_later(61)).0, row());
    // What is overdue is still known by its name, and counts once.
    till.counters.settle(&names[2]);
    till.counters.give_back(&names[0]);
    till.counters.settle(&names[0]);
    // What is confirmed stays for caps to come, while there is room.
    assert_eq!((till.counters.exposure(), till.counters.fill()), (1, (2, 3)));
}

/// A table without caps, or one that a restart begins with, makes nothing forgotten that the next one counts.
#[test]
fn a_cap_counts_what_was_told_under_tables_that_had_none() {
    let day = |count| vec![Cap { count_max: Some(count), ..cap("day", LimitScope::Card, CapWindow::Last(86_400)) }];
    let mut till = Till::new(vec![]);
    let (_, confirmed) = till.ask("a", 100, NOW);
    till.counters.settle(&confirmed.unwrap());
    till.ask("a", 50, seconds_later(1));
    for hours in 1..3 {
        till.counters.forget(seconds_later(3600 * hours));
        till.policy = with_caps(day(2));
        till.counters.follow(&[till.policy.caps()]);
        assert_eq!(till.ask("a", 1, seconds_later(3600 * hours)).0, capped("day"), "published, and gone back to");
        till.policy = with_caps(vec![]);
        till.counters.follow(&[till.policy.caps()]);
    }
    till.policy = with_caps(day(2));
    till.counters.follow(&[till.policy.caps()]);
    // Each leaves when its day is over, whether the ledger heard of it or not.
    let said = [86_400, 86_400, 86_401, 86_401].map(|later| till.ask("a", 1, seconds_later(later)).0);
    assert_eq!(said, [row(), capped("day"), row(), capped("day")]);
}

#[test]
fn what_a_restart_counts_before_the_table_in_force_is_known_is_counted_by_it() {
    let one = with_caps(vec![Cap { count_max: Some(1), ..cap("week", LimitScope::Card, CapWindow::Last(604_800)) }]);
    let [none, narrow] =
        [vec![], vec![Cap { count_max: Some(9), ..cap("s", LimitScope::Card, CapWindow::Last(1)) }]].map(with_caps);
    for (configured, taken) in [(&none, Taken::Confirmed), (&narrow, Taken::Confirmed), (&none, Taken::Unconfirmed)] {
        let mut till = Till::new(vec![]);
        let request = till.request("a", 10);
        let account = AccountId::new("account").unwrap();
        let told = ToldApproval::of(&platform(), &request, &account, usd(10), NOW).unwrap().taken(taken);
        let now = seconds_later(3600);
        till.counters = CapCounters::restored(&[configured.caps()], Share::WHOLE, 3, [told], now);
        till.policy = one.clone();
        till.counters.follow(&[till.policy.caps()]);
        assert_eq!(till.ask("a", 10, now).0, capped("week"), "{taken:?}");
        assert_eq!(till.ask("a", 10, seconds_later(604_800)).0, row());
    }
}

/// What is unconfirmed and makes room is still there for a cap to come; what is kept only for that makes room for what is told.
#[test]
fn room_is_for_what_counts_now() {
    let hour = vec![Cap { count_max: Some(3), ..cap("hour", LimitScope::Card, CapWindow::Last(3600)) }];
    let mut till = Till::new(vec![]);
    till.counters = CapCounters::new(&[till.policy.caps()], Share::WHOLE, 3);
    let names: Vec<_> = (0..3).map(|_| till.ask("a", 1, NOW).1.unwrap()).collect();
    assert_eq!(till.ask("a", 1, NOW).0, StandInBy::Full);
    till.policy = with_caps(hour);
    till.counters.follow(&[till.policy.caps()]);
    assert_eq!(till.ask("a", 1, NOW).0, capped("hour"));
    till.policy = with_caps(vec![]);
    till.counters.follow(&[till.policy.caps()]);
    names.iter().for_each(|name| till.counters.settle(name));
    let said: Vec<_> = (0..4).map(|_| till.ask("b", 1, NOW).0).collect();
    assert_eq!(said, [row(), row(), row(), StandInBy::Full], "confirmed ones made room");
    assert_eq!(till.counters.exposure(), 3);
}
