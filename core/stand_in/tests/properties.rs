//! Whatever is asked, confirmed, given back and forgotten in whatever order: caps are never exceeded, never refuse what fits, and
//! counters that are made again from what was told are the same. Held against a model that adds everything up anew each time.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::rules::Zone;

#[derive(Debug, Clone)]
enum Deed {
    Ask { card: u8, account: u8, minor: i64, wait: u64 },
    Settle(usize),
    GiveBack(usize),
    Forget,
    Publish(u8),
}

#[derive(Debug, Clone)]
struct Known {
    approval: ToldApproval,
    card: u8,
    account: u8,
    minor: i64,
    at: Timestamp,
    taken: Taken,
}

/// Two tables to publish in turn.
fn table(which: u8) -> Caps {
    let zone = Arc::new(Zone::utc());
    let (count, amount) = if which.is_multiple_of(2) { (3, 900) } else { (2, 1400) };
    let caps = vec![
        Cap { count_max: Some(count), ..cap("card-minute", LimitScope::Card, CapWindow::Last(60)) },
        Cap { amount_max: Some(usd(amount)), ..cap("account-day", LimitScope::Account, CapWindow::Day(zone)) },
        Cap { amount_max: Some(usd(amount / 2)), ..cap("card-open", LimitScope::Card, CapWindow::Unconfirmed) },
        Cap { count_max: Some(5), ..cap("program-hour", LimitScope::Program, CapWindow::Last(3600)) },
    ];
    Caps { exposure_max: Some(usd(1500)), caps }
}

/// The first cap that one more would pass, added up anew.
fn model(caps: &Caps, known: &[Known], asked: &Known) -> Option<RuleId> {
    let exposure = Cap { amount_max: caps.exposure_max, ..cap("exposure", LimitScope::Program, CapWindow::Unconfirmed) };
    let passed = |cap: &&Cap| {
        let counts = |told: &&Known| {
            let same = match cap.scope {
                LimitScope::Card => told.card == asked.card,
                LimitScope::Account => told.account == asked.account,
                LimitScope::Program
                | LimitScope::Merchant
                | LimitScope::Cardholder
                | LimitScope::Authority
                | LimitScope::Intent
                | LimitScope::IpAddress
                | LimitScope::Payment
                | LimitScope::Unreviewed => true,
            };
            let in_window = match &cap.window {
                CapWindow::Last(seconds) => {
                    asked.at.saturating_since(told.at) < std::time::Duration::from_secs(u64::from(*seconds))
                }
                CapWindow::Day(zone) => told.at >= zone.day_start(asked.at),
                CapWindow::Unconfirmed => told.taken == Taken::Unconfirmed,
            };
            same && in_window && told.taken != Taken::GivenBack
        };
        let (sum, count) = known.iter().filter(counts).fold((0, 0), |(sum, count), told| (sum + told.minor, count + 1));
        cap.count_max.is_some_and(|max| count + 1 > max) || cap.amount_max.is_some_and(|max| sum + asked.minor > max.minor())
    };
    [exposure].iter().chain(&caps.caps).find(passed).map(|cap| cap.id)
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let ask = (0..3_u8, 0..2_u8, 1..400_i64, prop_oneof![Just(0), 1..90_u64, Just(30_000)])
        .prop_map(|(card, account, minor, wait)| Deed::Ask { card, account, minor, wait });
    let deed = prop_oneof![
        8 => ask,
        3 => any::<usize>().prop_map(Deed::Settle),
        1 => any::<usize>().prop_map(Deed::GiveBack),
        1 => Just(Deed::Forget),
        1 => (0..2_u8).prop_map(Deed::Publish),
    ];
    prop::collection::vec(deed, 1..120)
}

fn proposal(
    policy: &StandInPolicy,
    key: usize,
    (card, account_of, minor): (u8, u8, i64),
    now: Timestamp,
) -> (Proposal, ToldApproval) {
    let request = AuthorizationRequest {
        key: IdempotencyKey::new(&format!("key-{key}")).unwrap(),
        card: Some(CardToken::new(&format!("card-{card}")).unwrap()),
        amount: usd(minor),
        ..request()
    };
    let owned = AccountSight { id: AccountId::new(&format!("account-{account_of}")).unwrap(), ..account() };
    let seen = Snapshot { account: Sight::Seen(owned), ..snapshot() };
    let approval = ToldApproval::of(&platform(), &request, &owned.id, request.amount, now).unwrap();
    (stand_in(policy, &platform(), &request, Some(&proceed(&request)), &seen, CAUSE, now), approval)
}

fn by_of(stood_in: StoodIn) -> StandInBy {
    let Basis::StandInTable(StandInBasis { by, .. }) = stood_in.basis else { panic!("{stood_in:?}") };
    by
}

proptest! {
    #[test]
    fn caps_are_kept_exactly(deeds in deeds()) {
        let policy = policy(vec![Row::new(id("all"), Conditions::default(), RowAnswer::Approve)]);
        let mut caps = table(0);
        let mut counters = CapCounters::new(&[&caps], Share::WHOLE, 1000);
        let mut known: Vec<Known> = Vec::new();
        let mut now = NOW;
        for (number, deed) in deeds.into_iter().enumerate() {
            match deed {
                Deed::Ask { card, account, minor, wait } => {
                    now = now.saturating_add(std::time::Duration::from_secs(wait));
                    let (proposal, approval) = proposal(&policy, number, (card, account, minor), now);
                    let asked = Known { approval, card, account, minor, at: now, taken: Taken::Unconfirmed };
                    let expected = model(&caps, &known, &asked);
                    let by = by_of(counters.try_take(0, &proposal));
                    prop_assert_eq!(by, expected.map_or(StandInBy::Row(id("all")), StandInBy::Cap));
                    if expected.is_none() {
                        known.push(asked);
                    }
                }
                Deed::Settle(which) | Deed::GiveBack(which) => {
                    let Some(place) = which.checked_rem(known.len()) else { continue };
                    let told = &mut known[place];
                    let taken = if matches!(deed, Deed::Settle(_)) { Taken::Confirmed } else { Taken::GivenBack };
                    match taken {
                        Taken::Confirmed => counters.settle(&told.approval.name()),
                        Taken::GivenBack | Taken::Unconfirmed => counters.give_back(&told.approval.name()),
                    }
                    if told.taken == Taken::Unconfirmed {
                        told.taken = taken;
                    }
                }
                Deed::Forget => counters.forget(now),
                Deed::Publish(which) => {
                    caps = table(which);
                    counters.follow(&[&caps]);
                }
            }
            let open = known.iter().filter(|told| told.taken == Taken::Unconfirmed);
            prop_assert_eq!(counters.exposure(), open.map(|told| told.minor).sum::<i64>());
            prop_assert!(counters.exposure() <= 1500);
        }
        // Made again from what was told, they answer the same.
        let told = known.iter().map(|told| told.approval.taken(told.taken));
        let mut again = CapCounters::restored(&[&caps], Share::WHOLE, 1000, told, now);
        prop_assert_eq!(again.exposure(), counters.exposure());
        for (card, account, minor) in (0..3).flat_map(|card| [(card, 0, 1), (card, 1, 150), (card, 0, 350), (card, 1, 600)]) {
            let (proposal, _) = proposal(&policy, 1_000_000 + usize::try_from(minor).unwrap() + usize::from(card), (card, account, minor), now);
            let (mut one, mut other) = (counters.clone(), again.clone());
            prop_assert_eq!(by_of(one.try_take(0, &proposal)), by_of(other.try_take(0, &proposal)));
        }
        again.forget(now);
    }
}

#[test]
fn workers_at_once_never_pass_a_cap() {
    let policy = policy(vec![Row::new(id("all"), Conditions::default(), RowAnswer::Approve)]);
    let caps = Caps { exposure_max: Some(usd(100_000)), caps: vec![] };
    let counters = Mutex::new(CapCounters::new(&[&caps], Share::WHOLE, 10_000));
    let approved: i64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let (policy, counters) = (&policy, &counters);
                scope.spawn(move || {
                    let mut approved = 0;
                    for number in 0..500 {
                        let (proposal, _) = proposal(policy, worker * 1000 + number, (0, 0, 99), NOW);
                        let said = counters.lock().unwrap().try_take(0, &proposal);
                        approved += i64::from(matches!(said.answer, StandInAnswer::Approve { .. })) * 99;
                    }
                    approved
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!((approved, counters.lock().unwrap().exposure()), (99_990, 99_990));
}
