//! A small journal, and what tables would have made of it.

use super::*;
use crate::config::ruleset::Home;
use crate::config::stand_in::read;
use crate::fixture::{House, program, purchase, usd};
use holdfast_core::stand_in::StoodIn;
use holdfast_core::{Country, Currency, DeclineReason, MerchantCategoryCode, MerchantId, Money};

const HOUR: Duration = Duration::from_secs(3600);

fn table(rows: &str) -> StandInPolicy {
    let text = format!("currency = 'USD'\nexposure_max = '1000.00'\n{rows}");
    let home = Home { program: program(), currency: Currency::USD, country: Country::new("USA").unwrap() };
    read("t.toml", &text, &home).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The account begins with 1,000.00: three purchases are approved, one is above a limit, one is declined by a rule.
fn house() -> House {
    let house = House::with(100_000);
    for (key, minor, mcc) in
        [("one", 10_000, 5411), ("two", 20_000, 5411), ("three", 5_000, 5411), ("four", 90_000, 5411), ("five", 100, 7995)]
    {
        let mut request = purchase(key, minor);
        request.merchant.mcc = MerchantCategoryCode::from_number(mcc);
        house.ask(request);
    }
    house
}

fn preview(rows: &str, exposure_max: &str, outage: Duration) -> (Questions, Tally) {
    let mut house = house();
    let policy = table(rows);
    let wanted = Wanted { program: program(), platform: None, outage };
    let questions = Questions::of(&house.stop(), &policy, &wanted, &mut |_, _, _| {}).unwrap();
    let exposure_max = Some(Money::from_decimal(exposure_max, Currency::USD).unwrap());
    let tally = questions.under(&Caps { exposure_max, ..policy.caps().clone() }, outage);
    (questions, tally)
}

fn sum(count: u64, amount: i64) -> Sum {
    Sum { count, amount }
}

fn by(tally: &Tally) -> Vec<String> {
    tally.by.iter().map(|((answer, by), sum)| format!("{answer} {by} {} {}", sum.count, sum.amount)).collect()
}

const ALL: &str = "[[row]]\nid = 'all'\nanswer = 'approve'\n";

#[test]
fn what_a_table_would_have_approved_against_what_the_ledger_said() {
    let (questions, tally) = preview(ALL, "1000.00", HOUR);
    assert_eq!((questions.judged(), questions.not_judged), (5, 0));
    assert_eq!(by(&tally), ["approve row all 3 35000", "decline cap exposure 1 90000", "decline rule no-gambling 1 100"]);
    assert_eq!((tally.approved, tally.declined), (sum(3, 35_000), sum(2, 90_100)));
    assert_eq!((tally.wrongly_approved, tally.wrongly_declined), (sum(0, 0), sum(0, 0)));
    assert_eq!(tally.worst.unwrap().exposure, 95_000, "begun with the third");
    // A wider cap lets through what the ledger did not; a narrower one keeps out what it did.
    let (_, wide) = preview(ALL, "2000.00", HOUR);
    assert_eq!((wide.wrongly_approved, wide.worst.unwrap().exposure), (sum(1, 90_000), 125_000));
    let (_, narrow) = preview(ALL, "250.00", HOUR);
    assert_eq!(
        (narrow.approved, narrow.wrongly_declined, narrow.worst.unwrap().exposure),
        (sum(2, 15_000), sum(1, 20_000), 25_000)
    );
    // With a ledger that is away for no time everything is confirmed at once.
    let (_, instant) = preview(ALL, "250.00", Duration::ZERO);
    assert_eq!((instant.approved, instant.worst.unwrap().exposure), (sum(3, 35_000), 20_000));
}

/// An outage begins with caps that nobody has used up: what comes before it in the journal takes none of them.
#[test]
fn the_worst_outage_begins_with_nothing_unconfirmed() {
    let once = "[[cap]]\nid = 'once'\nscope = 'program'\nwindow = 'unconfirmed'\ncount_max = 1\n";
    // All at one moment: the outage that begins with the largest that a row approves is the worst.
    let (_, tally) = preview(&format!("{ALL}{once}"), "1000.00", HOUR);
    assert_eq!((tally.approved, tally.worst.map(|worst| worst.exposure)), (sum(1, 10_000), Some(90_000)));
    let (questions, _) = preview(ALL, "1000.00", HOUR);
    let worst = |exposure_max: &str| {
        let exposure_max = Some(Money::from_decimal(exposure_max, Currency::USD).unwrap());
        questions.worst(&Caps { exposure_max, caps: Vec::new() }, HOUR, TRIED_MAX).map(|worst| (worst.exposure, worst.at_most))
    };
    assert_eq!((worst("2000.00"), worst("300.00"), worst("10.00")), (Some((125_000, 125_000)), Some((30_000, 30_000)), None));
    assert_eq!(
        questions.worst(&Caps { exposure_max: None, caps: Vec::new() }, Duration::ZERO, TRIED_MAX).map(|worst| worst.exposure),
        Some(90_000)
    );
    // Of which not all could be tried, more is not ruled out; also where those that were tried came to nothing.
    let bounded = |rows: &str, exposure_max: &str, tried_max: usize| {
        let exposure_max = Some(Money::from_decimal(exposure_max, Currency::USD).unwrap());
        let (questions, caps) = (preview(rows, "1000.00", HOUR).0, table(rows).caps().caps.clone());
        questions
            .worst(&Caps { exposure_max, caps }, HOUR, tried_max)
            .map(|worst| (worst.exposure, worst.at.is_some(), worst.at_most))
    };
    assert_eq!(bounded(&format!("{ALL}{once}"), "2000.00", 0), Some((10_000, true, 115_000)));
    assert_eq!(bounded(ALL, "10.00", 0), Some((0, false, 1_000)));
}

#[test]
fn what_is_known_comes_from_the_records_before() {
    let row = |when: &str| format!("[[row]]\nid = 'known'\nanswer = 'approve'\nwhen = {{ {when} }}\n");
    // The card's first payment is at this merchant.
    for when in ["card_used = true", "merchant_known = true"] {
        let (_, tally) = preview(&row(when), "1000.00", HOUR);
        assert_eq!(tally.approved, sum(2, 25_000), "{when}");
        assert_eq!(tally.wrongly_declined, sum(1, 10_000), "{when}");
    }
    // Balances are those of an hour before, less what stand-in approved since.
    let (_, tally) = preview(&row("balance_within = '2h'"), "9999.00", HOUR);
    assert_eq!(by(&tally)[..2], ["approve row known 3 35000", "decline row known 1 90000"]);
    let (_, tally) = preview(&row("balance_within = '30m'"), "9999.00", HOUR);
    assert_eq!(tally.approved, sum(0, 0));
}

/// An answer of a table that approves so much, or declines.
fn said(approved: Option<i64>) -> StoodIn {
    let answer = approved.map_or(StandInAnswer::Decline { reason: DeclineReason::SuspectedFraud }, |minor| {
        StandInAnswer::Approve { amount: usd(minor) }
    });
    StoodIn { answer, basis: Basis::StandIn(StandInCause::LedgerUnavailable) }
}

#[test]
fn what_is_more_or_less_than_the_ledger_gave_counts_too() {
    let none = sum(0, 0);
    let cases = [
        ("both all of it", said(Some(30_000)), Some(30_000), none, none),
        ("all of it, the ledger a part", said(Some(30_000)), Some(10_000), sum(1, 20_000), none),
        ("a part, the ledger all of it", said(Some(10_000)), Some(30_000), none, sum(1, 20_000)),
        ("all of it, the ledger nothing", said(Some(30_000)), None, sum(1, 30_000), none),
        ("nothing, the ledger a part", said(None), Some(10_000), none, sum(1, 10_000)),
        ("both nothing", said(None), None, none, none),
    ];
    for (what, said, ledger, over, under) in cases {
        let mut tally = Tally::default();
        tally.count(&said, 30_000, ledger);
        assert_eq!((tally.wrongly_approved, tally.wrongly_declined), (over, under), "{what}");
    }
}

/// As the server, which remembers eight: a ninth takes the place of the first, and of others nothing is said from then on.
#[test]
fn merchants_that_the_server_would_not_remember_are_not_known() {
    let mut house = House::with(100_000);
    let at = |merchant: &str, key: &str| {
        let mut request = purchase(key, 100);
        request.merchant.id = MerchantId::new(merchant).ok();
        house.ask(request);
    };
    for number in 0..9 {
        at(&format!("m-{number}"), &format!("first-{number}"));
    }
    at("m-8", "known");
    at("m-0", "forgotten");
    at("m-9", "never met");
    let wanted = Wanted { program: program(), platform: None, outage: HOUR };
    let reader = house.stop();
    for (known, expected) in [(true, 1), (false, 9)] {
        let policy = table(&format!("[[row]]\nid = 'row'\nanswer = 'approve'\nwhen = {{ merchant_known = {known} }}\n"));
        let questions = Questions::of(&reader, &policy, &wanted, &mut |_, _, _| {}).unwrap();
        assert_eq!(questions.under(policy.caps(), HOUR).approved.count, expected, "{known}");
    }
}

#[test]
fn only_the_platform_that_is_asked_for() {
    let mut house = house();
    let wanted = Wanted { program: program(), platform: PlatformName::new("apto").ok(), outage: HOUR };
    let questions = Questions::of(&house.stop(), &table(ALL), &wanted, &mut |_, _, _| {}).unwrap();
    assert_eq!(questions.judged(), 0);
}

#[test]
fn a_journal_that_was_trimmed_begins_with_what_was_known_then() {
    let mut house = house();
    // Rules, account, card and the first two questions are in what is dropped.
    house.trim(6);
    drop(house.stop());
    let wanted = Wanted { program: program(), platform: None, outage: HOUR };
    let judged = |rows: &str| {
        let policy = table(rows);
        let reader = Reader::open(house.directory.path()).unwrap();
        let questions = Questions::of(&reader, &policy, &wanted, &mut |_, _, _| {}).unwrap();
        (questions.judged(), questions.under(policy.caps(), HOUR).approved)
    };
    let row = |when: &str| format!("[[row]]\nid = 'known'\nanswer = 'approve'\nwhen = {{ {when} }}\n");
    assert_eq!(judged(&row("card_used = true, amount = { max = '50.00' }")), (3, sum(1, 5_000)));
    // 700.00 were left then.
    assert_eq!(judged(&row("balance_within = '2h'")), (3, sum(1, 5_000)));
    // Whom the card had met is not kept: the question after the trim is at a merchant of whom nothing is known.
    assert_eq!(judged(&row("merchant_known = false")), (3, sum(0, 0)));
}
