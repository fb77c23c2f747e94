//! Each condition where it holds, fails, and where its datum is not known.

use super::*;
use crate::rules::{AmountRange, Check, EntryModeSet, Hours, Listed, NetworkSet, SortedSet, Span, TimeOfDay, Weekday, Zone};

const APPROVES: RowAnswer = RowAnswer::Approve;
const DECLINES: RowAnswer = RowAnswer::Decline(DeclineReason::SuspectedFraud);

/// Whether a row that approves and a row that declines apply.
fn applying(conditions: &Conditions, request: &AuthorizationRequest, snapshot: &Snapshot) -> (bool, bool) {
    let applies = |answer| {
        let row = Row::new(id("row"), conditions.clone(), answer);
        by(row, request, snapshot) == StandInBy::Row(id("row"))
    };
    (applies(APPROVES), applies(DECLINES))
}

const HOLDS: (bool, bool) = (true, true);
const FAILS: (bool, bool) = (false, false);
/// What is not known never helps an approval.
const NOT_KNOWN: (bool, bool) = (false, true);

#[test]
fn what_the_request_tells() {
    let seen = snapshot();
    let purchase = request();
    let abroad = AuthorizationRequest { merchant: Merchant { country: Country::new("FRA"), ..purchase.merchant }, ..purchase };
    let nowhere = AuthorizationRequest { merchant: Merchant { country: None, mcc: None, ..purchase.merchant }, ..purchase };
    let range = |min, max| Conditions { amount: Some(AmountRange::new(min, max).unwrap()), ..Conditions::default() };
    let home = SortedSet::new(vec![Country::new("USA").unwrap()]).unwrap();
    let chips = Some(EntryModeSet::new(&[EntryMode::Chip, EntryMode::Contactless]).unwrap());
    let not_told = Some(EntryModeSet::new(&[EntryMode::Unknown]).unwrap());
    let visa = NetworkSet::new(vec![crate::ids::NetworkName::new("VISA").unwrap()]).unwrap();
    let border = |border| when(When { border: Some(border), ..When::default() });
    let groceries = when(When { mcc: mcc(&["groceries"]), ..When::default() });
    let cases: [(&str, Conditions, AuthorizationRequest, (bool, bool)); 21] = [
        ("no condition", Conditions::default(), purchase, HOLDS),
        ("kind", when(When { kinds: kinds(&[AuthorizationKind::Purchase]), ..When::default() }), purchase, HOLDS),
        ("other kind", when(When { kinds: kinds(&[AuthorizationKind::Credit]), ..When::default() }), purchase, FAILS),
        ("entry mode", when(When { entry_modes: chips, ..When::default() }), purchase, HOLDS),
        (
            "entry mode that was not told",
            when(When { entry_modes: chips, ..When::default() }),
            AuthorizationRequest { entry_mode: EntryMode::Unknown, ..purchase },
            NOT_KNOWN,
        ),
        (
            "entry mode that is listed as not told",
            when(When { entry_modes: not_told, ..When::default() }),
            AuthorizationRequest { entry_mode: EntryMode::Unknown, ..purchase },
            HOLDS,
        ),
        (
            "other entry mode",
            when(When { entry_modes: chips, ..When::default() }),
            AuthorizationRequest { entry_mode: EntryMode::Keyed, ..purchase },
            FAILS,
        ),
        ("category", groceries.clone(), purchase, HOLDS),
        ("other category", when(When { mcc: mcc(&["5812", "7800-7999"]), ..When::default() }), purchase, FAILS),
        ("no category", groceries, nowhere, NOT_KNOWN),
        ("country", when(When { countries: Some(home.clone()), ..When::default() }), purchase, HOLDS),
        ("other country", when(When { countries: Some(home.clone()), ..When::default() }), abroad, FAILS),
        ("no country", when(When { countries: Some(home), ..When::default() }), nowhere, NOT_KNOWN),
        ("border", border(CrossBorder::Yes), abroad, HOLDS),
        ("no border", border(CrossBorder::Yes), purchase, FAILS),
        ("border that was not told", border(CrossBorder::Yes), nowhere, NOT_KNOWN),
        ("network that was not told", when(When { networks: Some(visa), ..When::default() }), purchase, NOT_KNOWN),
        ("amount at its lower end", range(Some(usd(2000)), None), purchase, HOLDS),
        ("amount at its upper end", range(Some(usd(1)), Some(usd(2000))), purchase, HOLDS),
        ("amount below", range(Some(usd(2001)), None), purchase, FAILS),
        ("amount above", range(None, Some(usd(1999))), purchase, FAILS),
    ];
    for (name, conditions, request, expected) in cases {
        assert_eq!(applying(&conditions, &request, &seen), expected, "{name}");
    }
}

#[test]
fn what_has_to_be_known() {
    let none = Conditions::default();
    let age = |seconds_min, seconds_max| Conditions { card_age: Some(AgeRange { seconds_min, seconds_max }), ..none.clone() };
    let balance = |seconds| Conditions { balance_age_seconds_max: Some(seconds), ..none.clone() };
    let status = |seconds| Conditions { status_age_seconds_max: Some(seconds), ..none.clone() };
    let with_card = |card| Snapshot { card: Sight::Seen(card), ..snapshot() };
    let with_account = |account| Snapshot { account: Sight::Seen(account), ..snapshot() };
    let unknown_age = with_card(CardSight { since: None, ..card() });
    let poor = with_account(AccountSight { available: usd(1999), ..account() });
    let exact = with_account(AccountSight { available: usd(2000), ..account() });
    let known = |merchant_known| Conditions { merchant_known: Some(merchant_known), ..none.clone() };
    let used = |card_used| Conditions { card_used: Some(card_used), ..none.clone() };
    let stranger = Snapshot { merchant: Acquaintance::New, ..snapshot() };
    let cases: [(&str, Conditions, Snapshot, (bool, bool)); 19] = [
        ("as old as it must be", age(Some(86_400), None), snapshot(), HOLDS),
        ("too young", age(Some(86_401), None), snapshot(), FAILS),
        ("as old as it may be", age(None, Some(86_400)), snapshot(), HOLDS),
        ("too old", age(None, Some(86_399)), snapshot(), FAILS),
        ("of unknown age", age(Some(1), None), unknown_age, NOT_KNOWN),
        ("status that is young enough", status(60), snapshot(), HOLDS),
        ("status that is too old", status(59), snapshot(), NOT_KNOWN),
        ("balance that covers", balance(60), exact, HOLDS),
        ("balance that does not", balance(60), poor, FAILS),
        ("balance that is too old", balance(59), exact, NOT_KNOWN),
        ("old balance that would not cover", balance(59), poor, NOT_KNOWN),
        ("merchant known", known(true), snapshot(), HOLDS),
        ("merchant new", known(true), stranger, FAILS),
        ("new merchants only", known(false), stranger, HOLDS),
        ("merchant not known of", known(false), Snapshot { merchant: Acquaintance::NotKnown, ..snapshot() }, NOT_KNOWN),
        ("card used", used(true), snapshot(), HOLDS),
        ("card not used", used(true), with_card(CardSight { used: Acquaintance::New, ..card() }), FAILS),
        ("cards not used only", used(false), with_card(CardSight { used: Acquaintance::New, ..card() }), HOLDS),
        ("card not known of", used(true), with_card(CardSight { used: Acquaintance::NotKnown, ..card() }), NOT_KNOWN),
    ];
    for (name, conditions, snapshot, expected) in cases {
        assert_eq!(applying(&conditions, &request(), &snapshot), expected, "{name}");
    }
}

#[test]
fn one_condition_that_fails_decides_whatever_is_not_known() {
    let conditions = Conditions {
        when: When { mcc: mcc(&["groceries"]), ..When::default() },
        card_used: Some(false),
        ..Conditions::default()
    };
    let no_category = AuthorizationRequest { merchant: Merchant::default(), ..request() };
    assert_eq!(applying(&conditions, &no_category, &snapshot()), FAILS);
}

#[test]
fn hours_are_those_of_the_wall() {
    let span =
        |from, to| Span::new(Weekday::ALL.to_vec(), TimeOfDay::parse(from).unwrap(), TimeOfDay::parse(to).unwrap()).unwrap();
    // 15:09 in UTC.
    let hours = |from, to| {
        let hours = Hours::new(Listed::Allow(vec![span(from, to)]), std::sync::Arc::new(Zone::utc())).unwrap();
        Conditions { hours: Some(hours), ..Conditions::default() }
    };
    assert_eq!(applying(&hours("15:00", "16:00"), &request(), &snapshot()), HOLDS);
    assert_eq!(applying(&hours("16:00", "15:00"), &request(), &snapshot()), FAILS);
}

#[test]
fn the_first_row_that_applies_decides() {
    let cash = Row::new(id("cash"), when(When { mcc: mcc(&["cash"]), ..When::default() }), DECLINES);
    let small = Conditions { amount: Some(AmountRange::new(None, Some(usd(2500))).unwrap()), ..Conditions::default() };
    let small = Row::new(id("small"), small, APPROVES);
    let all = Row::new(id("all"), Conditions::default(), DECLINES);
    let policy = policy(vec![cash, small, all]);
    let said = |request: &AuthorizationRequest| asked(&policy, request, &snapshot()).uncapped().1;
    assert_eq!(said(&request()), StandInBy::Row(id("small")));
    assert_eq!(said(&AuthorizationRequest { amount: usd(2501), ..request() }), StandInBy::Row(id("all")));
    let teller = Merchant { mcc: MerchantCategoryCode::new("6011"), ..request().merchant };
    assert_eq!(said(&AuthorizationRequest { merchant: teller, ..request() }), StandInBy::Row(id("cash")));
}

#[test]
fn what_the_rules_decline_stays_declined() {
    let rules = ruleset(vec![Rule::new(id("no-gambling"), Check::Mcc(Listed::Deny(mcc(&["gambling"]).unwrap())))], vec![]);
    let betting = Merchant { mcc: MerchantCategoryCode::new("7995"), ..request().merchant };
    let betting = AuthorizationRequest { merchant: betting, ..request() };
    let verdict = evaluate(&rules, &betting, NOW, &mut NoTrace);
    let all = policy(vec![Row::new(id("all"), Conditions::default(), APPROVES)]);
    let proposal = stand_in(&all, &platform(), &betting, Some(&verdict), &snapshot(), CAUSE, NOW);
    let reason = DeclineReason::MerchantCategoryNotAllowed;
    assert_eq!(proposal.uncapped(), (StandInAnswer::Decline { reason }, StandInBy::Rule(id("no-gambling"))));
}
