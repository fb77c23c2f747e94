//! What a stand-in table can say, and every way to say it wrong with its place.

use holdfast_core::stand_in::{Mode, Row, RowAnswer, unreachable_rows};
use holdfast_core::{Country, Currency, ProgramId};

use super::*;

const CAUTIOUS: &str = include_str!("../../../config/stand-in/cautious.toml");
const COLLATERAL: &str = include_str!("../../../config/stand-in/collateral.toml");
const REFERENCE: &str = include_str!("../../../config/stand-in/reference.toml");
const HEAD: &str = "currency = \"USD\"\ncountry = \"USA\"\nexposure_max = \"100.00\"\n";

fn home() -> Home {
    let (program, currency) = (ProgramId::new("demo").unwrap(), Currency::USD);
    Home { program, currency, country: Country::new("USA").unwrap() }
}

fn errors(text: &str) -> String {
    read("t.toml", text, &home()).map(drop).unwrap_err().to_string()
}

#[test]
fn the_shipped_tables_load_and_read_like_the_table_on_the_wall() {
    let lines = |text: &str| {
        let policy = read("t.toml", text, &home()).unwrap();
        assert_eq!(unreachable_rows(&policy), []);
        policy.rows().iter().map(Row::to_string).collect::<Vec<_>>().join("\n") + "\n" + &policy.caps().to_string()
    };
    assert_eq!(
        lines(CAUTIOUS),
        "zero-amount: approves, when kind account_verification (Is this card good? That takes no money)\n\
         money-back: approves, when kind credit (Refunds and credits must arrive)\n\
         no-cash: declines as cash_not_allowed, when kind purchase_with_cashback, cash_withdrawal (Cash waits for the \
         ledger)\n\
         no-cash-at-tellers: declines as cash_not_allowed, when MCC cash (So does what is cash by the merchant's \
         category)\n\
         no-quasi-cash: declines as quasi_cash_not_allowed, when kind quasi_cash (Nothing that turns into cash at once)\n\
         no-gambling-or-transfers: declines as merchant_category_not_allowed, when MCC gambling, money_transfer, \
         quasi_cash, crypto (No betting, money transfer, crypto-currency or stored value)\n\
         no-cross-border: declines as cross_border_not_allowed, when across a border (Nothing abroad)\n\
         no-first-use: declines as ledger_unavailable, when card never used (A card's first payment waits for the \
         ledger)\n\
         everyday: approves, when kind purchase, incremental and MCC groceries, transit, fuel and amount to 50.00 USD \
         and covered by a balance of the last 1d (Small groceries, transit and fuel, covered by what was last known to \
         be there)\n\
         exposure: at most 10000.00 USD at risk in the program\n\
         card-day: at most 100.00 USD and 4 transactions per card in the last 1d (A card's stand-in in a day)\n\
         account-day: at most 150.00 USD per account in the last 1d (An account's, on all of its cards)"
    );
    assert_eq!(
        lines(COLLATERAL),
        "zero-amount: approves, when kind account_verification (Is this card good? That takes no money)\n\
         money-back: approves, when kind credit (Refunds and credits must arrive)\n\
         no-cash: declines as cash_not_allowed, when kind purchase_with_cashback, cash_withdrawal, quasi_cash (Nothing \
         from a machine or a counter, and no cash on top)\n\
         no-cash-by-category: declines as cash_not_allowed, when MCC cash, quasi_cash (Nothing that is cash, or turns \
         into it, by the merchant's category)\n\
         no-cross-border: declines as cross_border_not_allowed, when across a border (Nothing abroad)\n\
         at-a-time: approves up to 250.00 USD, when kind purchase, bill_payment, incremental (At most 250.00 USD at a \
         time; a part of it where the terminal takes one)\n\
         exposure: at most 25000.00 USD at risk in the program\n\
         card-in-total: at most 500.00 USD and 3 transactions per card that the ledger has not confirmed (Three \
         payments and 500.00 USD that nobody has confirmed)\n\
         account-week: at most 1000.00 USD per account in the last 7d (What an account's cards may have had of \
         stand-in in a week)"
    );
    let reference = read("t.toml", REFERENCE, &home()).unwrap();
    assert_eq!((reference.mode(), reference.rows().len(), reference.caps().caps.len()), (Mode::Decline, 2, 3));
    assert_eq!(
        reference.rows()[0].to_string(),
        "everything-at-once: approves up to 25.00 USD, when kind purchase, incremental and posting hold and entry mode chip, \
         contactless and without a wallet and within one country and MCC groceries, 5811-5814, 4111 and merchant country USA \
         and network VISA and amount from 0.01 USD to 50.00 USD and covered by a balance of the last 6h and card at least 7d \
         old and card status known in the last 10m and merchant known to the card and card used before and on monday \
         tuesday 06:00-22:00 in America/New_York (What a row can ask about the request)"
    );
}

#[test]
fn a_tables_hash_is_that_of_its_text() {
    let policy = read("t.toml", HEAD, &home()).unwrap();
    assert_eq!(policy.hash(), RulesetHash::of(HEAD));
    assert_eq!(read_kept("kept", HEAD, home().program).unwrap(), policy);
}

#[test]
fn a_card_number_is_refused_and_one_that_was_kept_is_read() {
    let source = format!("{HEAD}# as 4111-1111-1111-1111 was\n");
    for told in [read("t.toml", &source, &home()), read_to_publish("t.toml", &source, &home(), Timestamp::EPOCH)] {
        let told = told.unwrap_err().to_string();
        assert!(told.ends_with("has a card number in it, in a text that is kept for good: write it without"), "{told}");
        assert!(!told.contains("4111"), "{told}");
    }
    assert!(!check("t.toml", &source, &home().into()).is_empty());
    assert!(read_kept("kept", &source, home().program).is_ok());
    assert!(read_in_force("kept", &source, &home()).is_ok());
}

#[test]
fn modes() {
    let mode = |text: &str| read("t.toml", &format!("{HEAD}{text}"), &home()).map(|policy| policy.mode());
    let until = Timestamp::from_unix_seconds(1_773_511_200);
    assert_eq!(mode(""), Ok(Mode::Rules));
    assert_eq!(mode("mode = 'approve'\nuntil = '2026-03-14T18:00:00Z'"), Ok(Mode::Approve { until }));
    assert_eq!(mode("mode = 'drop'\ndrop = '503'"), Ok(Mode::Drop(Silence::Unavailable)));
    assert_eq!(mode("mode = 'drop'\ndrop = 'silence'"), Ok(Mode::Drop(Silence::NoAnswer)));
    let cases = [
        ("mode = 'approve'", "t.toml:4:8: mode: needs its end: write for example until = \"2026-03-14T18:00:00Z\""),
        ("mode = 'approve'\nuntil = 'noon'", "t.toml:5:9: until: is not a moment; write for example \"2026-03-14T18:00:00Z\""),
        ("mode = 'drop'", "t.toml:4:8: mode: needs to say how: write drop = \"503\" or drop = \"silence\""),
        ("mode = 'drop'\ndrop = 'hang up'", "t.toml:5:8: drop: must be \"503\" or \"silence\""),
        ("mode = 'open'", "t.toml:4:8: mode: is none of rules, decline, approve, drop"),
        ("until = '2026-03-14T18:00:00Z'", "t.toml:4:9: until: goes only with `mode = \"approve\"`"),
        ("drop = '503'", "t.toml:4:8: drop: goes only with `mode = \"drop\"`"),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(&format!("{HEAD}{text}")), expected);
    }
}

#[test]
fn an_end_that_is_past_is_wrong_for_whoever_publishes() {
    let table = "currency = 'USD'\nexposure_max = '1'\nmode = 'approve'\nuntil = '2026-03-14T18:00:00Z'\n";
    let until = Timestamp::from_unix_seconds(1_773_511_200);
    let at =
        |now| read_to_publish("t.toml", table, &home(), now).map(|policy| policy.mode()).map_err(|errors| errors.to_string());
    assert_eq!(at(until.saturating_sub(std::time::Duration::from_secs(1))), Ok(Mode::Approve { until }));
    let told = at(until).unwrap_err();
    assert!(told.starts_with("t.toml:4:9: until: is past: the table would go by its rows at once"), "{told}");
    assert!(read("t.toml", table, &home()).is_ok(), "one that was published in time stays as it is");
}

#[test]
fn every_error_at_once_with_line_and_column() {
    let text = "currency = \"USD\"
country = \"FRA\"
colour = \"red\"
[[row]]
id = \"a\"
when = { mcc = [], amount = { max = \"1,50\" }, kinds = [\"purchase\"], until = 3 }
answer = \"approve\"
[[row]]
id = \"b\"
when = { card_age = { min = \"soon\" }, merchant_known = \"yes\", hours = { allow = [] } }
answer = \"decline\"
[[row]]
id = \"c\"
answer = \"decline\"
reason = \"card_lost\"
[[row]]
id = \"d\"
answer = \"approve\"
up_to = \"10.001\"
reason = \"cash_not_allowed\"
[[cap]]
id = \"e\"
scope = \"family\"
window = \"always\"
length = \"1h\"
amount_max = 5
[[cap]]
id = \"f\"
scope = \"card\"
window = \"last\"
length = \"99d\"
";
    assert_eq!(
        errors(text),
        "t.toml:1:1: approves without an `exposure_max`: write at the top of the file how much money an outage may put at risk\n\
         t.toml:2:11: country: must be the program's, USA\n\
         t.toml:3:1: colour: is not a key of this table; its keys are currency, country, time_zone, mode, until, drop, \
         exposure_max, row, cap\n\
         t.toml:6:16: row.a.when.mcc: is an empty list, which could mean all or nothing; leave the key out, or list something\n\
         t.toml:6:37: row.a.when.amount.max: is not a decimal number; amounts are in USD, such as \"750.00\"\n\
         t.toml:6:69: row.a.when.until: is not a key of this table; its keys are kinds, posting, entry_modes, wallet, \
         cross_border, mcc, merchant_countries, networks, surcharge, gratuity, fees, items, three_d_secure, \
         address_verification, security_code, ip_address, amount, balance_within, card_age, status_within, \
         merchant_known, card_used, hours\n\
         t.toml:10:29: row.b.when.card_age.min: is not a length of time; write for example \"90m\", \"24h\" or \"7d\"\n\
         t.toml:10:56: row.b.when.merchant_known: must be true or false\n\
         t.toml:10:71: row.b.when.hours: needs a `time_zone`, here or at the top of the file\n\
         t.toml:10:81: row.b.when.hours.allow: is an empty list, which could mean all or nothing; leave the key out, or list \
         something\n\
         t.toml:11:10: row.b.answer: needs a `reason`, such as \"cash_not_allowed\" or \"ledger_unavailable\"\n\
         t.toml:15:10: row.c.reason: is not a reason that a row can have\n\
         t.toml:19:9: row.d.up_to: has more decimal places than its currency; amounts are in USD, such as \"750.00\"\n\
         t.toml:20:10: row.d.reason: goes only with `answer = \"decline\"`\n\
         t.toml:23:9: cap.e.scope: is none of card, account, program\n\
         t.toml:24:10: cap.e.window: is none of day, last, unconfirmed\n\
         t.toml:26:14: cap.e.amount_max: must be a text in quotes\n\
         t.toml:27:1: cap.f: has neither `amount_max` nor `count_max`\n\
         t.toml:31:10: cap.f.length: counts for longer than is remembered: at most 31 days"
    );
}

/// What only makes sense of a whole row or cap is told at its key, whatever else is wrong with the same row or cap.
#[test]
fn no_error_waits_for_another_one_to_be_mended() {
    let text = "currency = 'USD'
[[row]]
id = 'a'
answer = 'approve'
up_to = '0.00'
when = { kinds = [] }
[[row]]
id = 'a'
answer = 'decline'
reason = 'card_lost'
when = { kinds = [], card_age = { min = '2d', max = '1d' } }
[[cap]]
id = 'exposure'
scope = 'card'
window = 'last'
length = '32d'
[[cap]]
id = 'a'
scope = 'family'
window = 'unconfirmed'
amount_max = '0'
";
    let empty = "is an empty list, which could mean all or nothing; leave the key out, or list something";
    assert_eq!(
        errors(text),
        format!(
            "t.toml:1:1: approves without an `exposure_max`: write at the top of the file how much money an outage may put at risk\n\
             t.toml:5:9: row.a.up_to: must be more than zero: an approval of nothing is a decline\n\
             t.toml:6:18: row.a.when.kinds: {empty}\n\
             t.toml:8:6: row.a.id: has the id of an earlier row or cap\n\
             t.toml:10:10: row.a.reason: is not a reason that a row can have\n\
             t.toml:11:18: row.a.when.kinds: {empty}\n\
             t.toml:11:33: row.a.when.card_age: has a `min` above its `max`\n\
             t.toml:12:1: cap.exposure: has neither `amount_max` nor `count_max`\n\
             t.toml:13:6: cap.exposure.id: is called `exposure`, as only the exposure cap is\n\
             t.toml:16:10: cap.exposure.length: counts for longer than is remembered: at most 31 days\n\
             t.toml:18:6: cap.a.id: has the id of an earlier row or cap\n\
             t.toml:19:9: cap.a.scope: is none of card, account, program\n\
             t.toml:21:14: cap.a.amount_max: must be more than zero; to approve nothing at all, write a row that declines"
        )
    );
}

#[test]
fn nothing_that_approves_is_without_an_exposure_cap() {
    let row = "[[row]]\nid = 'all'\nanswer = 'approve'\n";
    assert_eq!(
        errors(&format!("currency = 'USD'\n{row}")),
        "t.toml:1:1: approves without an `exposure_max`: write at the top of the file how much money an outage may put at risk"
    );
    assert!(read("t.toml", &format!("{HEAD}{row}"), &home()).is_ok());
    let policy = read("t.toml", &format!("{HEAD}{row}up_to = '5.00'\n"), &home()).unwrap();
    assert!(matches!(policy.rows()[0].answer(), RowAnswer::ApproveUpTo(most) if most.minor() == 500));
}

#[test]
fn a_head_that_is_wrong_hides_nothing_below_it() {
    let below = "[[row]]
id = 'a'
when = { amount = { max = '1,50' } }
answer = 'approve'
[[row]]
id = 'b'
answer = 'approve'
up_to = '0.00001'
[[row]]
id = 'c'
answer = 'approve'
up_to = '1.005'
[[row]]
id = 'c'
answer = 'decline'
reason = 'card_lost'
[[cap]]
id = 'd'
scope = 'card'
window = 'last'
length = '99d'
amount_max = '10.00'
";
    let of_rows = |line: usize| {
        let at = |below: usize| line + below;
        format!(
            "t.toml:{}:27: row.a.when.amount.max: is not a decimal number; write for example \"750.00\"\n\
             t.toml:{}:9: row.b.up_to: has more decimal places than its currency; write for example \"750.00\"\n\
             t.toml:{}:6: row.c.id: has the id of an earlier row or cap\n\
             t.toml:{}:10: row.c.reason: is not a reason that a row can have\n\
             t.toml:{}:10: cap.d.length: counts for longer than is remembered: at most 31 days",
            at(3),
            at(8),
            at(14),
            at(16),
            at(21)
        )
    };
    let nowhere = |head: &str| check("t.toml", &format!("{head}{below}"), &HalfKnown::default()).to_string();
    let wrong = "currency = 'dollars'\ncountry = 'France'\nmode = 'perhaps'\nexposure_max = 100\n";
    let told = format!(
        "t.toml:1:12: currency: is not a currency of ISO 4217; write for example \"USD\"\n\
         t.toml:2:11: country: is not a country of ISO 3166-1; write for example \"USA\"\n\
         t.toml:3:8: mode: is none of rules, decline, approve, drop\n\
         t.toml:4:16: exposure_max: must be a text in quotes\n{}",
        of_rows(4)
    );
    assert_eq!(nowhere(wrong), told);
    // Without any head: what stands nowhere is told of the file.
    let headless = nowhere("");
    assert!(headless.starts_with("t.toml:1:1: currency: is missing\n"), "{headless}");
    let rows = of_rows(0);
    let (_, below_the_first) = rows.split_once('\n').unwrap();
    assert!(headless.ends_with(below_the_first), "{headless}");
}

#[test]
fn the_row_and_the_cap_that_are_one_too_many_say_where_they_stand() {
    let row = |number: usize| {
        format!("[[row]]\nid = \"r{number}\"\nwhen = {{}}\nanswer = \"decline\"\nreason = \"ledger_unavailable\"\n")
    };
    let cap = |number: usize| format!("[[cap]]\nid = \"c{number}\"\nscope = \"card\"\nwindow = \"unconfirmed\"\ncount_max = 1\n");
    let table = |rows: usize, caps: usize| -> String {
        let rows: String = (0..rows).map(row).collect();
        "currency = 'USD'\n".to_owned() + &rows + &(0..caps).map(cap).collect::<String>()
    };
    assert_eq!(read("t.toml", &table(50, 15), &home()).map(drop).map_err(|errors| errors.to_string()), Ok(()));
    let refused = errors(&table(52, 17));
    let told: Vec<&str> = refused.lines().filter(|line| line.contains("too many")).collect();
    assert_eq!(
        told,
        [
            "t.toml:252:1: row.r50: is one too many: a table has at most 50 rows",
            "t.toml:337:1: cap.c15: is one too many: a table has at most 15 caps"
        ]
    );
}
