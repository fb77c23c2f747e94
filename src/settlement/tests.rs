//! A day's settlement against a sum that is written another way, over a real ledger's journal; cut-offs; files.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use std::collections::BTreeMap;

use holdfast_core::hold::*;
use holdfast_core::*;
use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::fixture::{House, payment, program, purchase, told, usd};
use crate::journal::{Body, Reader, Record};
use crate::ledger::embedded::projection::checkpoint::Beginning;
use crate::ledger::{Act, Entry, Origin};
use crate::settlement_day::{Cutoff, TimeOfDay, date_of, days};

const DAY: i32 = 20_526; // 2026-03-14

fn new_york(time: &str) -> Cutoff {
    Cutoff::new(TimeZone::get("America/New_York").unwrap(), time.parse().unwrap())
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_unix_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn yen(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_alpha("JPY").unwrap())
}

fn other() -> ProgramId {
    ProgramId::new("tokyo").unwrap()
}

fn increment(key: &str, of: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { kind: AuthorizationKind::Incremental, increments: Some(payment(of)), ..purchase(key, minor) }
}

fn captured(name: Option<&str>, amount: Money) -> Fact {
    Fact::Captured { payment: name.map(payment), amount, finality: Finality::Final }
}

fn credited(name: Option<&str>, amount: Money, cause: MovementCause) -> Fact {
    Fact::Credited { payment: name.map(payment), amount, cause }
}

/// Two programs' days: clearings late and in time, over- and force posts, refunds, a chargeback, loads, fees.
fn two_programs() -> Vec<(i64, Record)> {
    let mut house = House::with(1_000_000);
    let (account, card) = (AccountId::new("tokyo-1").unwrap(), CardToken::new("t").unwrap());
    let entries = vec![
        Entry::Account { account, balance: yen(90_000), credit_line: 0, status: AccountStatus::Active },
        Entry::Card { card, account, cardholder: None, status: CardStatus::Active },
    ];
    house.act(Act::Enter(Origin::of(other()), entries));
    for (key, minor) in [("a", 5000), ("b", 4000), ("c", 3000)] {
        house.ask(purchase(key, minor));
    }
    house.ask(AuthorizationRequest { posting: Posting::Immediate, ..purchase("pin", 700) });
    let (in_time, late) = (Some(at("2026-03-14T20:59:59Z")), Some(at("2026-03-14T21:00:00Z")));
    let dispute = MovementCause::Dispute;
    let network = MovementCause::NetworkSettlement;
    let tell = |key: &str, day: Option<i32>, occurred_at, fact| {
        house.act(Act::Tell(crate::fixture::origin(), ToldEvent { settlement_day: day, occurred_at, ..told(key, fact) }));
    };
    tell("in-time", None, in_time, captured(Some("tx-a"), usd(5000)));
    tell("late-by-cutoff", None, late, captured(Some("tx-b"), usd(4100)));
    // The platform's day counts, whenever it happened.
    tell("late-by-word", Some(DAY), late, captured(Some("tx-c"), usd(9000)));
    tell("forced", Some(DAY), in_time, captured(None, usd(1234)));
    tell("refund", Some(DAY), in_time, credited(Some("tx-a"), usd(600), network));
    tell("chargeback", Some(DAY), in_time, credited(Some("tx-c"), usd(9000), dispute));
    tell("load", None, in_time, credited(None, usd(20_000), MovementCause::Funding));
    tell("fee", Some(DAY), in_time, Fact::Debited { payment: None, amount: usd(150), cause: MovementCause::Fee });
    // Decided on its own day; the network settles it on this one.
    tell("pin-done", Some(DAY), late, Fact::Completed { payment: payment("tx-pin"), amount: usd(700) });
    tell("announced", Some(DAY), None, Fact::SettlementAnnounced { total: usd(15_334) });
    let apto = |key: &str, fact| {
        let origin = Origin { platform: PlatformName::new("apto").ok(), ..crate::fixture::origin() };
        house.act(Act::Tell(origin, ToldEvent { settlement_day: Some(DAY), ..told(key, fact) }));
    };
    apto("apto-forced", captured(None, usd(321)));
    apto("apto-announced", Fact::SettlementAnnounced { total: usd(321) });
    let elsewhere = Subject { card: CardToken::new("t").ok(), ..Subject::default() };
    let visa = NetworkName::new("JCB").ok();
    let event =
        ToldEvent { subject: elsewhere, network: visa, settlement_day: Some(DAY), ..told("yen", captured(None, yen(8000))) };
    house.act(Act::Tell(Origin { program: other(), ..crate::fixture::origin() }, event));
    let mut records = Vec::new();
    house
        .stop()
        .records(i64::MAX, &mut |_, _, _| {}, &mut |numbered| {
            records.push((numbered.number, numbered.record.clone()));
            Ok(())
        })
        .unwrap();
    records
}

fn day_of(program: ProgramId, records: &[(i64, Record)]) -> Day {
    of_day(Question { program, day: DAY, cutoff: new_york("17:00") }, &mut records.iter().cloned())
}

/// The same sum in another way: by what was told, not by what became of it.
fn plain_sum(program: ProgramId, records: &[(i64, Record)]) -> BTreeMap<&'static str, i64> {
    let mut sums = BTreeMap::new();
    for (_, record) in records.iter().filter(|(_, record)| record.program == Some(program)) {
        let Body::Told { event, .. } = &record.body else { continue };
        // 17:00 in New York on the 14th, in UTC.
        let by_time = event.occurred_at.is_some_and(|at| at < self::at("2026-03-14T21:00:00Z"));
        if event.settlement_day.map_or(!by_time, |day| day != DAY) {
            continue;
        }
        let (cause, less) = match event.fact {
            Fact::Captured { amount, .. } | Fact::Completed { amount, .. } => ("network_settlement", amount.minor()),
            Fact::Credited { amount, cause: MovementCause::NetworkSettlement, .. } => ("network_settlement", -amount.minor()),
            Fact::Credited { amount, cause: MovementCause::Dispute, .. } => ("dispute", -amount.minor()),
            Fact::Credited { amount, .. } => ("funding", -amount.minor()),
            Fact::Debited { amount, .. } => ("fee", amount.minor()),
            Fact::Recorded { .. }
            | Fact::Reduced { .. }
            | Fact::Replaced { .. }
            | Fact::Released { .. }
            | Fact::Card { .. }
            | Fact::Cardholder { .. }
            | Fact::Account { .. }
            | Fact::SettlementAnnounced { .. } => continue,
        };
        *sums.entry(cause).or_default() += less;
    }
    sums
}

#[test]
fn a_day_equals_a_sum_that_is_written_another_way() {
    let records = two_programs();
    for (program, expected) in [(program(), 15_655), (other(), 8000)] {
        let day = day_of(program, &records);
        let entries: BTreeMap<_, _> =
            day.counter_entries.iter().map(|((cause, _), sum)| (cause.name(), i64::try_from(*sum).unwrap())).collect();
        assert_eq!(entries, plain_sum(program, &records), "{program}");
        assert_eq!(day.due.values().sum::<i128>(), expected, "{program}");
    }
}

#[test]
fn networks_currencies_float_and_announcement_are_told_apart() {
    let records = two_programs();
    let day = day_of(program(), &records);
    let visa = NetworkName::new("VISA").ok();
    // Clearings do not tell their network: their authorizations did. The force post had none.
    let due: Vec<_> = day.due.iter().map(|((network, currency), due)| (*network, currency.code(), *due)).collect();
    assert_eq!(due, [(None, "USD", 1555), (visa, "USD", 14_100)]);
    // Each platform's total with what is due of it.
    let compared: Vec<_> = report::announced(&day).iter().map(|compared| (compared.announced, compared.due)).collect();
    assert_eq!(compared, [(15_334, 15_334), (321, 321)]);
    // The account was entered today: of that day there is what counts to it. 200.00 and 90.00 came and 1.50 went beside it.
    let then = day.float[&Currency::USD];
    assert_eq!((then.posted + 15_655, then.accounts), (20_000 + 9000 - 150, 0));
    let cutoff = new_york("17:00");
    let later = || Question { program: program(), day: cutoff.day_of(crate::clock::utc()) + 1, cutoff: cutoff.clone() };
    let float = of_day(later(), &mut records.iter().cloned()).float[&Currency::USD];
    // 10000.00 less 5000, 4100, 9000, 1234, 700, 321 and 150; and 600, 9000 and 20000 more.
    assert_eq!((float.posted, float.held, float.accounts), (1_009_095, 0, 1));
    let title = report::Title { program: program(), date: "today".to_owned() };
    let today = of_day(later(), &mut records.iter().cloned());
    let wallet = json!([{"currency": "USD", "posted": 1_009_095, "held": 0, "due": 0, "needed": 1_009_095, "accounts": 1}]);
    assert_eq!(report::as_json(&title, &today, None)["wallet"], wallet);
    let text = report::as_text(&report::Title { program: program(), date: "2026-03-14".to_owned() }, &day, None);
    for line in [
        "  VISA                               141.00 USD",
        "  network_settlement                 156.55 USD",
        "  dispute                            -90.00 USD",
        "Announced by marqeta: 153.34 USD, the same as due",
        "Announced by apto: 3.21 USD, the same as due",
    ] {
        assert!(text.contains(line), "{line}\n---\n{text}");
    }
}

/// Recorded today and settled on another day: what is needed is 10000.00 until the network has taken its 30.00, whenever that is.
#[test]
fn money_is_needed_once() {
    let mut house = House::with(1_000_000);
    house.ask(purchase("a", 3000));
    let cutoff = new_york("17:00");
    let today = cutoff.day_of(crate::clock::utc());
    let settled = ToldEvent { settlement_day: Some(today + 2), ..told("cleared", captured(Some("tx-a"), usd(3000))) };
    house.act(Act::Tell(crate::fixture::origin(), settled));
    let reader = house.stop();
    // Of a run over midnight, the day after today is the first that surely has the account.
    let needed: Vec<_> = [today + 1, today + 2, today + 3]
        .map(|day| {
            let day = sum(&reader, day);
            let (float, due) = (day.float[&Currency::USD], report::total_due(&day, Currency::USD));
            (float.posted, due, float.posted + due)
        })
        .into();
    assert_eq!(needed, [(1_000_000, 0, 1_000_000), (997_000, 3000, 1_000_000), (997_000, 0, 997_000)]);
}

#[test]
fn a_day_ends_at_the_cutoff_of_its_zone() {
    let cases = [
        ("17:00", "2026-03-14T20:59:59Z", DAY),
        ("17:00", "2026-03-14T21:00:00Z", DAY + 1),
        // An hour later before the clocks went forward on the 8th.
        ("17:00", "2026-03-07T21:59:59Z", DAY - 7),
        ("24:00", "2026-03-15T03:59:59Z", DAY),
        ("24:00", "2026-03-15T04:00:00Z", DAY + 1),
    ];
    for (cutoff, moment, day) in cases {
        assert_eq!(new_york(cutoff).day_of(at(moment)), day, "{cutoff} {moment}");
    }
    for wrong in ["", "17", "5:00", "00:00", "24:01", "17:60", "ab:cd", "17:00:00"] {
        assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
    }
}

fn marqeta() -> Option<PlatformName> {
    PlatformName::new("marqeta").ok()
}

fn columns() -> FileColumns {
    FileColumns {
        payment: "token".to_owned(),
        amount: "amount".to_owned(),
        currency: Some("currency".to_owned()),
        network: Some("network".to_owned()),
        sign: Sign::Due,
    }
}

fn rows(text: &str, columns: &FileColumns) -> Result<Vec<FileRow>, String> {
    let told = |problems: Vec<FileProblem>| problems.iter().map(FileProblem::to_string).collect::<Vec<_>>().join("\n");
    read_file(text.as_bytes(), columns, Currency::USD).map_err(told)
}

#[test]
fn a_file_is_compared_payment_by_payment() {
    let day = day_of(program(), &two_programs());
    let whole = "token,amount,currency,network\n\
                 tx-a,50.00,USD,Visa\ntx-a,-6.00,USD,VISA\nlate-by-word,90.00,USD,VISA\nforced,12.34,USD,VISA\ntx-pin,7.00,USD,VISA\n";
    let reconciled = reconcile(&day, &rows(whole, &columns()).unwrap(), marqeta().as_ref());
    assert_eq!((reconciled.matching, reconciled.differences), (4, vec![]));
    let of_apto = "token,amount,currency,network\napto-forced,3.21,USD,\n";
    let reconciled = reconcile(&day, &rows(of_apto, &columns()).unwrap(), PlatformName::new("apto").ok().as_ref());
    assert_eq!((reconciled.matching, reconciled.differences), (1, vec![]));
    let odd = "token,amount,currency,network\ntx-a,50.00,USD,VISA\nnobody,1.00,USD,VISA\ntx-c,90.00,USD,MASTERCARD\n";
    let found: Vec<_> = reconcile(&day, &rows(odd, &columns()).unwrap(), marqeta().as_ref())
        .differences
        .into_iter()
        .map(|difference| (difference.payment, difference.verdict, difference.ours, difference.file))
        .collect();
    assert_eq!(
        found,
        [
            ("tx-a".to_owned(), Verdict::AmountDiffers, Some(4400), Some(5000)),
            ("nobody".to_owned(), Verdict::MissingHere, None, Some(100)),
            ("tx-c".to_owned(), Verdict::NetworkDiffers, Some(9000), Some(9000)),
            ("tx-pin".to_owned(), Verdict::MissingInFile, Some(700), None),
            ("forced".to_owned(), Verdict::MissingInFile, Some(1234), None),
        ]
    );
}

/// Both sides come to the same, and neither names a network that the other does not.
#[test]
fn what_was_settled_over_another_network_differs() {
    let mut day = day_of(program(), &two_programs());
    day.movements.retain(|movement| movement.names.iter().any(|name| name == "tx-a"));
    let [first, second] = &mut day.movements[..] else { panic!("two movements") };
    (first.posted, first.network) = (usd(-3000), NetworkName::new("VISA").ok());
    (second.posted, second.network) = (usd(-2000), NetworkName::new("MASTERCARD").ok());
    let verdict = |visa: &str, mastercard: &str| {
        let text = format!("token,amount,currency,network\ntx-a,{visa},USD,Visa\ntx-a,{mastercard},USD,Mastercard\n");
        let reconciled = reconcile(&day, &rows(&text, &columns()).unwrap(), marqeta().as_ref());
        reconciled.differences.first().map(|difference| difference.verdict)
    };
    assert_eq!((verdict("30.00", "20.00"), verdict("20.00", "30.00")), (None, Some(Verdict::NetworkDiffers)));
}

#[test]
fn what_is_missing_here_says_where_else_it_is() {
    let mut house = House::with(1_000_000);
    let alias = AuthorizationId::new("also-a").unwrap();
    house.ask(AuthorizationRequest { payment: payment("tx-a").with_alias(alias), ..purchase("a", 3000) });
    house.ask(purchase("b", 2000));
    let settled = |key: &str, day, fact| {
        house.act(Act::Tell(crate::fixture::origin(), ToldEvent { settlement_day: Some(day), ..told(key, fact) }));
    };
    let both = Some(payment("tx-a").with_alias(alias));
    settled("c-a", DAY, Fact::Captured { payment: both, amount: usd(3000), finality: Finality::Final });
    settled("c-b", DAY + 1, captured(Some("tx-b"), usd(2000)));
    let question = Question { program: program(), day: DAY, cutoff: new_york("17:00") };
    let mut summing = Summing::new(question).seeking(["tx-b".to_owned()].into());
    let mut take = |numbered: crate::journal::Numbered<'_>| {
        summing.take(numbered.number, numbered.record);
        Ok(())
    };
    house.stop().records(i64::MAX, &mut |_, _, _| {}, &mut take).unwrap();
    let day = summing.finish();
    let file =
        "token,amount,currency,network\ntx-a,30.00,USD,VISA\nalso-a,30.00,USD,VISA\ntx-b,20.00,USD,VISA\nnobody,1.00,USD,VISA\n";
    let reconciled = reconcile(&day, &rows(file, &columns()).unwrap(), None);
    let found: Vec<_> =
        reconciled.differences.iter().map(|row| (row.payment.as_str(), row.verdict, row.elsewhere.clone())).collect();
    let (cleared, later) = (day.movements[0].record, day.elsewhere[0].1.record);
    let here = reconciled.differences.iter().find(|row| row.verdict != Verdict::MissingHere);
    assert_eq!((here, reconciled.matching), (None, 1), "{found:?}");
    let (other, matching) = if found[0].0 == "tx-a" { ("tx-a", "also-a") } else { ("also-a", "tx-a") };
    assert_eq!(
        found,
        [
            (other, Verdict::MissingHere, Some(Elsewhere::Under(matching.to_owned(), cleared))),
            ("tx-b", Verdict::MissingHere, Some(Elsewhere::OfDay(DAY + 1, later))),
            ("nobody", Verdict::MissingHere, None),
        ]
    );
    let title = report::Title { program: program(), date: "2026-03-14".to_owned() };
    let text = report::as_text(&title, &day, Some(&reconciled));
    assert!(text.contains(&format!("; our record {later} of it counts to 2026-03-15")), "{text}");
}

/// A day of a journal, with what other messages call its payments.
fn called(reader: &Reader, day: i32) -> Day {
    let mut day = sum(reader, day);
    let mut called = Called::of(program(), &day);
    if let Some(beginning) = Beginning::of(reader).unwrap() {
        called.begin(&beginning).unwrap();
    }
    let mut take = |numbered: crate::journal::Numbered<'_>| {
        called.take(numbered.record);
        Ok(())
    };
    reader.records(i64::MAX, &mut |_, _, _| {}, &mut take).unwrap();
    called.tell(&mut day);
    day
}

/// Messages name the one before them, each another; files name payments as they began, or each message.
#[test]
fn a_payment_is_compared_under_whatever_its_messages_called_it() {
    let mut house = House::with(1_000_000);
    house.ask(purchase("a", 3000));
    house.ask(increment("more", "tx-a", 1000));
    house.ask(purchase("b", 2000));
    let settled = |key: &str, name: &str, amount| {
        let fact = Fact::Captured { payment: Some(payment(name)), amount, finality: Finality::More };
        house.act(Act::Tell(crate::fixture::origin(), ToldEvent { settlement_day: Some(DAY), ..told(key, fact) }));
    };
    settled("c-1", "tx-more", usd(2500));
    settled("c-2", "tx-more", usd(1500));
    // Another payment's, so that nothing matches by chance.
    settled("c-b", "tx-b", usd(2000));
    let day = called(&house.stop(), DAY);
    let compared = |lines: &str| {
        let reconciled = reconcile(&day, &rows(&format!("token,amount,currency,network\n{lines}"), &columns()).unwrap(), None);
        let found: Vec<_> = reconciled.differences.into_iter().map(|row| (row.payment, row.verdict)).collect();
        (reconciled.matching, found)
    };
    assert_eq!(day.movements[0].payment_name(), Some("tx-a"));
    let title = report::Title { program: program(), date: "2026-03-14".to_owned() };
    let names = &report::as_json(&title, &day, None)["movements"][1]["names"];
    assert_eq!(names, &json!(["tx-a", "a", "tx-more", "more", "c-2"]), "the payment's first, the message's own last, each once");
    let other = "tx-b,20.00,USD,VISA\n";
    for names_it in ["tx-a,40.00,USD,VISA\n", "tx-more,40.00,USD,VISA\n"] {
        assert_eq!(compared(&format!("{names_it}{other}")), (2, vec![]), "{names_it}");
    }
    assert_eq!(compared(&format!("c-2,15.00,USD,VISA\nc-1,25.00,USD,VISA\n{other}")), (3, vec![]));
    // What another message is called is no name of this one.
    let missing = vec![("tx-a".to_owned(), Verdict::MissingInFile)];
    assert_eq!(compared(&format!("c-1,25.00,USD,VISA\n{other}")), (2, missing));
}

#[test]
fn the_names_of_what_was_debited_at_once_begin_with_its_payment_too() {
    let mut house = House::with(1_000_000);
    let settled = |house: &mut House, key: &str, fact| {
        house.act(Act::Tell(crate::fixture::origin(), ToldEvent { settlement_day: Some(DAY), ..told(key, fact) }));
    };
    house.ask(AuthorizationRequest { posting: Posting::Immediate, ..purchase("pin", 700) });
    settled(&mut house, "done", Fact::Completed { payment: payment("tx-pin"), amount: usd(700) });
    settled(&mut house, "refund", credited(Some("tx-pin"), usd(200), MovementCause::NetworkSettlement));
    let day = called(&house.stop(), DAY);
    let title = report::Title { program: program(), date: "2026-03-14".to_owned() };
    let json = report::as_json(&title, &day, None);
    let names = |place: usize| (day.movements[place].payment_name(), json["movements"][place]["names"][0].as_str());
    assert!(day.movements.len() >= 2);
    for place in 0..day.movements.len() {
        let (payment, first) = names(place);
        assert_eq!(payment, first, "{:?}", day.movements[place]);
    }
}

#[test]
fn a_card_number_in_a_platforms_file_is_not_printed() {
    let file = "token,amount,currency,network\n4111111111111111,1.00,USD,VISA\n";
    let day = Day::default();
    let reconciled = reconcile(&day, &rows(file, &columns()).unwrap(), None);
    assert_eq!(reconciled.differences[0].verdict, Verdict::MissingHere);
    let title = report::Title { program: program(), date: "2026-03-14".to_owned() };
    let printed =
        report::as_text(&title, &day, Some(&reconciled)) + &report::as_json(&title, &day, Some(&reconciled)).to_string();
    assert!(!printed.contains("4111111111111111") && printed.contains("(a card's number)"), "{printed}");
}

#[test]
fn the_order_of_a_files_rows_means_nothing() {
    let mut house = House::with(1_000_000);
    house.ask(purchase("q", 3000));
    let settled = |key: &str, fact| {
        house.act(Act::Tell(crate::fixture::origin(), ToldEvent { settlement_day: Some(DAY), ..told(key, fact) }));
    };
    settled("c-q", captured(Some("tx-q"), usd(3000)));
    settled("rf-q", credited(Some("tx-q"), usd(1000), MovementCause::NetworkSettlement));
    let day = sum(&house.stop(), DAY);
    let (first, second) = ("tx-q,30.00,USD,VISA\n", "rf-q,-10.00,USD,VISA\n");
    for (text, matching) in [(format!("{first}{second}"), 2), (format!("{second}{first}"), 2), ("tx-q,20,USD,\n".to_owned(), 1)] {
        let text = format!("token,amount,currency,network\n{text}");
        let reconciled = reconcile(&day, &rows(&text, &columns()).unwrap(), None);
        assert_eq!((reconciled.matching, reconciled.differences), (matching, vec![]), "{text}");
    }
}

/// Its keys are made of token, type and state; its files have the tokens.
#[test]
fn a_file_names_messages_by_the_platforms_own_tokens() {
    let mut house = House::with(1_000_000);
    house.ask(purchase("a", 5000));
    let network = MovementCause::NetworkSettlement;
    for (key, fact) in [
        ("tx-C1/authorization.clearing/COMPLETION", captured(Some("tx-a"), usd(3000))),
        ("tx-C2/authorization.clearing/COMPLETION", captured(Some("tx-a"), usd(2000))),
        ("tx-FP1/authorization.clearing/COMPLETION", captured(None, usd(1234))),
        ("tx-R1/refund/COMPLETION", credited(Some("tx-a"), usd(500), network)),
        // Shortened, as what would be too long for a key is.
        ("tx-R2/01316b447e625948", credited(None, usd(100), network)),
    ] {
        house.act(Act::Tell(crate::fixture::origin(), ToldEvent { settlement_day: Some(DAY), ..told(key, fact) }));
    }
    let mut records = Vec::new();
    let reader = house.stop();
    let keep = &mut |numbered: crate::journal::Numbered| {
        records.push((numbered.number, numbered.record.clone()));
        Ok(())
    };
    reader.records(i64::MAX, &mut |_, _, _| {}, keep).unwrap();
    let day = day_of(program(), &records);
    let file = "token,amount,currency,network\ntx-C1,30.00,USD,VISA\ntx-C2,19.00,USD,VISA\ntx-FP1,12.34,USD,VISA\n\
                tx-R1,-5.00,USD,VISA\ntx-R2,-1.00,USD,VISA\n";
    let reconciled = reconcile(&day, &rows(file, &columns()).unwrap(), None);
    let differing: Vec<_> = reconciled.differences.iter().map(|row| (row.payment.as_str(), row.ours, row.file)).collect();
    assert_eq!((reconciled.matching, differing), (4, vec![("tx-C2", Some(2000), Some(1900))]));
    // Another platform's slash is part of its own id.
    let apto = PlatformName::new("apto").ok();
    records.iter_mut().for_each(|(_, record)| record.platform = apto);
    assert_eq!(reconcile(&day_of(program(), &records), &rows(file, &columns()).unwrap(), None).matching, 0);
}

#[test]
fn a_file_that_is_not_understood_says_where() {
    let text = "token,amount,currency,network\ntx-a,fifty,USD,VISA\n,1.00,USD,VISA\ntx-b,1.00,ZZZ,VISA\n";
    assert_eq!(
        rows(text, &columns()).unwrap_err(),
        "line 2: amount: is not a decimal number\nline 3: token: is empty\nline 4: currency: is not a currency of ISO 4217"
    );
    // As an editor counts, also where lines end as in files of Windows, and with empty ones.
    let error = rows(&text.replace('\n', "\r\n"), &columns()).unwrap_err();
    assert!(error.starts_with("line 2: ") && error.contains("\nline 3: ") && error.contains("\nline 4: "), "{error}");
    let good = "token,amount,currency,network\r\n\r\ntx-a,1.00,USD,VISA\r\ntx-b,1.00,USD,VISA\r\n";
    let lines: Vec<_> = rows(good, &columns()).unwrap().iter().map(|row| row.line).collect();
    assert_eq!(lines, [3, 4]);
    let rounded = "token,amount,currency,network\ntx-a,1.23457E+09,USD,VISA\n";
    assert_eq!(rows(rounded, &columns()).unwrap_err(), "line 2: amount: is not a decimal number");
    let missing = rows("token,sum\n", &columns()).unwrap_err();
    assert!(missing.starts_with("line 1: amount: is not a column of the file"), "{missing}");
    let twice = rows("token,amount,currency,network,amount\n", &columns()).unwrap_err();
    assert!(twice.starts_with("line 1: amount: is the name of several columns"), "{twice}");
    let negative = FileColumns { sign: Sign::Ours, currency: None, network: None, ..columns() };
    assert_eq!(rows("token,amount\ntx-a,-5.00\n", &negative).unwrap()[0].due, usd(500));
}

fn sum(reader: &Reader, day: i32) -> Day {
    let question = Question { program: program(), day, cutoff: new_york("17:00") };
    let mut summing = match Beginning::of(reader).unwrap() {
        None => Summing::new(question),
        Some(beginning) => {
            let before = Before::of(&beginning, &question).unwrap();
            Summing::beginning_with(question, before)
        }
    };
    let mut take = |numbered: crate::journal::Numbered<'_>| {
        summing.take(numbered.number, numbered.record);
        Ok(())
    };
    reader.records(i64::MAX, &mut |_, _, _| {}, &mut take).unwrap();
    summing.finish()
}

#[test]
fn a_day_behind_a_checkpoint_is_summed_as_before() {
    const LATER: i32 = 60_000;
    let mut house = House::with(1_000_000);
    house.ask(purchase("a", 5000));
    house.ask(increment("more", "tx-a", 100));
    house.tell("cleared", captured(Some("tx-a"), usd(5000)));
    house.ask(AuthorizationRequest { posting: Posting::Immediate, ..purchase("pin", 300) });
    let early = ToldEvent { settlement_day: Some(LATER + 1), ..told("early", captured(Some("tx-a"), usd(10))) };
    house.act(Act::Tell(crate::fixture::origin(), early));
    // Of a later day, about a payment whose network, and whose first name, only its questions tell.
    let refund = credited(Some("tx-more"), usd(700), MovementCause::NetworkSettlement);
    let refund = ToldEvent { settlement_day: Some(LATER), ..told("refund", refund) };
    house.act(Act::Tell(crate::fixture::origin(), refund));
    // Of a debit that was dropped.
    let completed = Fact::Completed { payment: payment("tx-pin"), amount: usd(300) };
    house.act(Act::Tell(crate::fixture::origin(), ToldEvent { settlement_day: Some(LATER), ..told("done", completed) }));
    house.tell("load", credited(None, usd(900), MovementCause::Funding));
    let reader = house.stop();
    let (first, next) = reader.bounds().unwrap();
    let whole = sum(&reader, LATER);
    assert_eq!(whole.due.keys().next().unwrap().0, NetworkName::new("VISA").ok());
    house.start();
    house.trim(next - 3);
    let reader = house.stop();
    assert!(reader.bounds().unwrap().0 > first);
    let mut trimmed = sum(&reader, LATER);
    let kept = called(&reader, LATER);
    let refund = kept.movements.iter().find(|movement| movement.what == "credited").unwrap();
    assert_eq!((refund.payment_name(), &*refund.names), (Some("tx-a"), &["tx-more".to_owned(), "refund".to_owned()][..]));
    // Of its names only the payment's is kept.
    assert_eq!(trimmed.movements[0].names, whole.movements[0].names[..1]);
    trimmed.movements[0].names.clone_from(&whole.movements[0].names);
    assert_eq!(trimmed, whole);
    let beginning = Beginning::of(&reader).unwrap().unwrap();
    let has_settled = |program, day| beginning.has_settled(&program, &new_york("17:00"), day).unwrap();
    assert!(has_settled(program(), LATER + 1), "what was dropped counts to this day");
    assert!(!has_settled(program(), LATER) && !has_settled(other(), LATER + 1));
}

#[test]
fn what_was_completed_under_another_name_is_due_once_on_its_day() {
    const LATER: i32 = 60_000;
    let mut house = House::with(1_000_000);
    let alias = |name: &str| PaymentRef::by_alias(AuthorizationId::new(name).unwrap());
    let named = payment("tx-pin").with_alias(alias("tx").authorization);
    house.ask(AuthorizationRequest { payment: named, posting: Posting::Immediate, ..purchase("pin", 700) });
    let completed = Fact::Completed { payment: alias("advice"), amount: usd(700) };
    let completed = ToldEvent { settlement_day: Some(LATER), ..told("done/authorization.clearing/COMPLETION", completed) };
    house.act(Act::Tell(crate::fixture::origin(), completed));
    house.tell("advice/authorization.advice/PENDING", Fact::Replaced { payment: alias("tx"), total: usd(700) });
    house.tell("load", credited(None, usd(900), MovementCause::Funding));
    let reader = house.stop();
    let (_, next) = reader.bounds().unwrap();
    let (due, before) = (sum(&reader, LATER), sum(&reader, LATER - 1));
    assert_eq!(due.movements.iter().map(|movement| movement.posted.minor()).sum::<i64>(), -700);
    assert_eq!(due.movements.len(), 3, "debited, completed, and given back once");
    assert!(due.due.keys().all(|(network, _)| *network == NetworkName::new("VISA").ok()), "{:?}", due.due);
    house.start();
    house.trim(next - 1);
    let reader = house.stop();
    assert_eq!(sum(&reader, LATER - 1).float, before.float, "as the projection keeps it");
}

#[test]
fn days_and_dates_are_the_same() {
    for day in [-1, 0, DAY, 60_000] {
        assert_eq!(days(date_of(day)), day);
    }
    assert_eq!(date_of(DAY).to_string(), "2026-03-14");
}
