//! Tables over the fixtures, the answers' bytes, the proofs, and what must never happen. The laws that every adapter obeys
//! are tested elsewhere.

mod completed;
mod damaged;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use holdfast_core::hold::{Fact, RecordedOutcome, ToldEvent};
use holdfast_core::{AccountId, Alias, AuthorizationKind, AuthorizationRequest, Decision, DeclineReason, PaymentRef};
use http::HeaderMap;
use proptest::prelude::*;

use super::method::{INFORMATIVE, Method};
use super::*;
use crate::answer::{AccountBalance, DecisionReference};
use crate::inbound::{AuthorizationCall, Notice};
use crate::proof::{BasicCredential, Secret};
use crate::settings::SettingValue;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);

struct Fixture {
    name: String,
    settings: Settings,
    route: u8,
    body: String,
    /// By the marker's text: `inbound`, `reply approve`.
    sections: BTreeMap<String, String>,
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("marqeta/fixtures");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fixture(path.file_stem().unwrap().to_str().unwrap(), &fs::read_to_string(path).unwrap())).collect()
}

fn named(name: &str) -> Fixture {
    fixtures().into_iter().find(|fixture| fixture.name == name).unwrap_or_else(|| panic!("no fixture {name}"))
}

fn fixture(name: &str, text: &str) -> Fixture {
    let mut settings = Settings::defaults(Currency::USD);
    let mut parts = text.split("\n--- ");
    let request = parts.next().unwrap();
    let sections = parts
        .map(|part| part.split_once('\n').unwrap_or((part, "")))
        .map(|(name, content)| (name.trim().to_owned(), content.trim_end_matches('\n').to_owned()))
        .collect();
    for line in request.lines().filter_map(|line| line.strip_prefix("#! setting ")) {
        let (key, value) = line.split_once(" = ").unwrap();
        settings.values.insert(key.to_owned(), SettingValue::Switch(value == "true"));
    }
    let (head, body) = request.split_once("\n\n").unwrap();
    let path = head.lines().find_map(|line| line.strip_prefix("POST ")).unwrap();
    let route = PLATFORM.routes.iter().find(|route| route.path == path).unwrap().id;
    Fixture { name: name.to_owned(), settings, route, body: body.to_owned(), sections }
}

fn keyring() -> Keyring {
    Keyring {
        basic: vec![BasicCredential::new("fixture", &Secret::new(*b"fixture-password"))],
        headers: vec![("x-fixture".to_owned(), Secret::new(*b"fixture-header"))],
        signing: vec![Secret::new(*b"old-signing-key"), Secret::new(*b"fixture-signing-key")],
        answering: Vec::new(),
        bearer: None,
    }
}

fn adapter(settings: &Settings) -> Box<dyn Adapter> {
    (PLATFORM.build)(settings).unwrap()
}

fn with(switches: &[(&str, bool)]) -> Settings {
    let mut settings = Settings::defaults(Currency::USD);
    settings.values.extend(switches.iter().map(|(key, on)| ((*key).to_owned(), SettingValue::Switch(*on))));
    settings
}

/// Proves, verifies and decodes, as the responder does.
fn decode<'a>(settings: &Settings, route: u8, body: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
    static NO_HEADERS: OnceLock<HeaderMap> = OnceLock::new();
    let mut headers = HeaderMap::new();
    let mut proved = body.to_vec();
    adapter(settings).prove(route, &mut headers, &mut proved, &keyring(), NOW);
    assert_eq!(proved, body, "nothing is proved in the body");
    verified(settings, &keyring(), route, &headers, body).unwrap();
    // The proof does not outlive this function, and nothing that is decoded needs it.
    let headers = NO_HEADERS.get_or_init(HeaderMap::new);
    adapter(settings).decode(&Authentic::accept(Callback { route, segment: "", query: "", headers, body }))
}

fn call(fixture: &Fixture) -> AuthorizationCall<'_> {
    match decode(&fixture.settings, fixture.route, fixture.body.as_bytes()) {
        Ok(Inbound::Authorization(call)) => call,
        other => panic!("{}: {other:?}", fixture.name),
    }
}

fn notices(fixture: &Fixture) -> Vec<Notice> {
    match decode(&fixture.settings, fixture.route, fixture.body.as_bytes()) {
        Ok(Inbound::Notification { notices, .. }) => notices,
        other => panic!("{}: {other:?}", fixture.name),
    }
}

fn encoded(settings: &Settings, echo: &Echo<'_>, answer: &Answer<'_>) -> (u16, String) {
    let mut body = Vec::new();
    let reply = adapter(settings).encode(echo, answer, &keyring(), NOW, &mut body);
    assert_eq!(reply.content_type, "application/json");
    let body = String::from_utf8(body).unwrap();
    serde_json::from_str::<serde::de::IgnoredAny>(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    (reply.status, body)
}

fn decided(decision: Decision) -> Answer<'static> {
    Answer::Decided { decision, reference: DecisionReference::from_digest([7; 16]), balance: None, said: None }
}

const REFERENCE: &str = "07070707-0707-8707-8707-070707070707";

fn short(token: &str) -> &str {
    // The fixtures' tokens begin with a letter for their role and a number: that is enough to tell them apart.
    token.get(..4).filter(|_| token.len() == 36).unwrap_or(token)
}

fn payment(payment: &PaymentRef) -> String {
    let first = short(payment.authorization.as_str());
    match payment.alias {
        Alias::Alone => format!("/{first}"),
        Alias::Also(alias) => format!("{first}/{}", short(alias.as_str())),
        Alias::NotTold => first.to_owned(),
    }
}

fn optional(reference: Option<&PaymentRef>) -> String {
    reference.map_or_else(|| "-".to_owned(), payment)
}

fn lines(notice: &Notice) -> Vec<String> {
    match notice {
        Notice::Nothing => vec!["nothing".to_owned()],
        Notice::Unrecognized(odd) => vec![format!("unrecognized: {}", odd.problem)],
        Notice::Told(_) | Notice::OfOurs(_) => notice.events().iter().map(line).collect(),
    }
}

fn line(event: &ToldEvent) -> String {
    match event.fact {
        Fact::Recorded { payment: of, asked, increments, outcome } => {
            let outcome = match outcome {
                RecordedOutcome::Approved { amount } => format!("approved {amount}"),
                RecordedOutcome::ApprovedByStandIn { amount, posting } => format!("stood in {amount} {posting:?}"),
                RecordedOutcome::Declined => "declined".to_owned(),
            };
            let increments = increments.map(|of| format!(" on {}", payment(&of))).unwrap_or_default();
            format!("recorded {} asked {}{increments} {outcome}", payment(&of), short(asked.as_str()))
        }
        Fact::Reduced { payment: of, by, original } => {
            let original = original.map(|original| format!(", {original}")).unwrap_or_default();
            format!("reduced {} by {by}{original}", payment(&of))
        }
        Fact::Replaced { payment: of, total } => format!("replaced {} total {total}", payment(&of)),
        Fact::Released { payment: of, cause } => format!("released {} {cause:?}", payment(&of)),
        Fact::Captured { payment: of, amount, finality } => format!("captured {} {amount} {finality:?}", optional(of.as_ref())),
        Fact::Completed { payment: of, amount } => format!("completed {} {amount}", payment(&of)),
        Fact::Credited { payment: of, amount, cause } => format!("credited {} {amount} {cause:?}", optional(of.as_ref())),
        Fact::Debited { payment: of, amount, cause } => format!("debited {} {amount} {cause:?}", optional(of.as_ref())),
        Fact::Card { card, status } => format!("card {card} {}", status.name()),
        Fact::Cardholder { cardholder, status } => format!("cardholder {cardholder} {}", status.name()),
        Fact::Account { .. } | Fact::SettlementAnnounced { .. } => panic!("Marqeta does not tell this"),
    }
}

#[test]
fn every_fixture_is_understood_as_its_file_says() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 30, "{}", fixtures.len());
    for fixture in &fixtures {
        let decoded = decode(&fixture.settings, fixture.route, fixture.body.as_bytes());
        let inbound = &fixture.sections["inbound"];
        match &decoded {
            Ok(_) => assert!(!inbound.starts_with("malformed"), "{}", fixture.name),
            Err(malformed) => {
                let path = if malformed.path.is_empty() { "(body)" } else { &malformed.path };
                assert_eq!(*inbound, format!("malformed {path} {}", malformed.problem), "{}", fixture.name);
            }
        }
        let (marker, status, body) = match decoded {
            Ok(Inbound::Notification { echo, .. } | Inbound::Handshake { echo }) => {
                let (status, body) = encoded(&fixture.settings, &echo, &Answer::Acknowledged);
                ("reply acknowledged", status, body)
            }
            Err(malformed) => {
                let mut body = Vec::new();
                let reply = adapter(&fixture.settings).refuse(&Refused::Malformed(malformed), &mut body);
                ("reply refused", reply.status, String::from_utf8(body).unwrap())
            }
            Ok(Inbound::Authorization(_) | Inbound::Balance(_) | Inbound::Fetch(_)) => continue,
            Ok(
                Inbound::Payment(_)
                | Inbound::Authenticated(_)
                | Inbound::Order(_)
                | Inbound::Look(_)
                | Inbound::List(_)
                | Inbound::Check(_),
            ) => continue,
        };
        let expected = &fixture.sections[marker];
        assert!(expected.is_empty() || *expected == format!("{status}\n{body}"), "{}: {status}\n{body}", fixture.name);
    }
}

#[test]
fn requests_in_our_words() {
    // fixture, kind, posting, entry mode, amount, payment, increments
    let table: &[[&str; 7]] = &[
        ["purchase_v2", "purchase", "Hold", "contactless", "41.80 USD", "9c01/5d01", "-"],
        ["purchase_v1", "purchase", "Hold", "ecommerce", "9.00 USD", "9c02/5d02", "-"],
        ["purchase_ecommerce_wallet", "purchase", "Hold", "ecommerce", "129.99 USD", "9c03/5d03", "-"],
        ["purchase_recurring", "purchase", "Hold", "recurring", "41.80 USD", "9c04/5d04", "-"],
        ["amount_as_text", "purchase", "Hold", "contactless", "70.00 USD", "9c05/5d05", "-"],
        ["nulls", "purchase", "Hold", "unknown", "41.80 USD", "9c07/5d07", "-"],
        ["malformed_optional", "purchase", "Hold", "unknown", "41.80 USD", "9c08/5d08", "-"],
        ["unknown_fields_and_values", "purchase", "Hold", "unknown", "41.80 USD", "9c09/5d09", "-"],
        ["minimal", "purchase", "Hold", "unknown", "3.00 USD", "j-min/501", "-"],
        ["yen", "purchase", "Hold", "contactless", "1250 JPY", "9c14/5d14", "-"],
        ["dinar", "purchase", "Hold", "contactless", "1.250 KWD", "9c15/5d15", "-"],
        ["incremental", "incremental", "Hold", "contactless", "10.00 USD", "9c18/5d18", "9c01/5d01"],
        ["incremental_own_token", "incremental", "Hold", "contactless", "10.00 USD", "9c41/5d41", "/5d01"],
        ["incremental_cross_currency", "incremental", "Hold", "contactless", "10.00 USD", "9c91/5d91", "9c01/5d01"],
        ["padded_by_program", "purchase", "Hold", "contactless", "110.00 USD", "9c90/5d90", "-"],
        ["malformed_conversion", "purchase", "Hold", "contactless", "41.80 USD", "9c92/5d92", "-"],
        ["incremental_by_transaction", "incremental", "Hold", "contactless", "10.00 USD", "9c19/5d19", "/5d01"],
        ["account_verification_method", "account_verification", "Hold", "contactless", "0.00 USD", "9c20/5d20", "-"],
        ["account_verification_zero", "account_verification", "Hold", "contactless", "0.00 USD", "9c21/5d21", "-"],
        ["atm_by_type", "cash_withdrawal", "Immediate", "contactless", "80.00 USD", "9c22/5d22", "-"],
        ["atm_by_mcc", "cash_withdrawal", "Hold", "contactless", "80.00 USD", "9c23/5d23", "-"],
        ["pindebit_cashback", "purchase_with_cashback", "Immediate", "contactless", "31.20 USD", "9c24/5d24", "-"],
        ["cashback_method", "purchase_with_cashback", "Hold", "contactless", "51.00 USD", "9c25/5d25", "-"],
        ["quasi_cash_method", "quasi_cash", "Hold", "contactless", "20.00 USD", "9c26/5d26", "-"],
        ["quasi_cash_indicator", "quasi_cash", "Hold", "contactless", "200.00 USD", "9c27/5d27", "-"],
        ["bill_payment", "bill_payment", "Hold", "contactless", "88.08 USD", "9c28/5d28", "-"],
        ["bill_payment_capture", "bill_payment", "Immediate", "contactless", "88.08 USD", "9c29/5d29", "-"],
        ["original_credit", "credit", "Hold", "contactless", "150.00 USD", "9c30/5d30", "-"],
        ["original_credit_single", "credit", "Hold", "contactless", "150.00 USD", "9c31/5d31", "-"],
        ["both_orders", "purchase", "Hold", "contactless", "25.00 USD", "9c32/5d32", "-"],
        ["balance_inquiry", "balance_inquiry", "Hold", "contactless", "0.00 USD", "9c33/5d33", "-"],
        ["unknown_method", "unknown", "Hold", "contactless", "41.80 USD", "9c35/5d35", "-"],
    ];
    for row in table {
        let fixture = named(row[0]);
        let AuthorizationCall { request, .. } = call(&fixture);
        let found = [
            row[0].to_owned(),
            request.kind.name().to_owned(),
            format!("{:?}", request.posting),
            request.entry_mode.name().to_owned(),
            request.amount.to_string(),
            payment(&request.payment),
            optional(request.increments.as_ref()),
        ];
        assert_eq!(found, row.map(str::to_owned));
        assert_eq!(request.key.as_str(), request.payment.authorization.as_str());
    }
}

fn request_of(name: &str) -> AuthorizationRequest {
    call(&named(name)).request
}

#[test]
fn who_where_and_when() {
    use holdfast_core::{CrossBorder, PartialApproval, Wallet};

    let plain = request_of("purchase_v2");
    assert_eq!(plain.card.unwrap().as_str(), "card-fixture-7");
    assert_eq!(plain.cardholder.unwrap().as_str(), "user-fixture-7");
    assert_eq!(plain.merchant.id.unwrap().as_str(), "MERCH0000004711");
    assert_eq!(plain.merchant.mcc.unwrap().number(), 5411);
    assert_eq!(plain.merchant.country.unwrap().code(), "USA");
    assert_eq!(plain.network.unwrap().as_str(), "VISA");
    assert_eq!(plain.occurred_at.unwrap().to_string(), "2026-03-14T15:09:25.000000Z");
    assert_eq!((plain.wallet, plain.cross_border), (Wallet::None, CrossBorder::No));
    assert_eq!(call(&named("purchase_v2")).sent_at.unwrap().to_string(), "2026-03-14T15:09:25.612000Z");

    let old = request_of("purchase_v1");
    assert_eq!(old.merchant.country.unwrap().code(), "USA");
    assert_eq!(old.cross_border, CrossBorder::NotTold);

    let web = request_of("purchase_ecommerce_wallet");
    assert_eq!(web.merchant.country.unwrap().code(), "GBR");
    assert_eq!((web.wallet, web.cross_border), (Wallet::Token, CrossBorder::Yes));

    let numbers = request_of("amount_as_text");
    assert_eq!((numbers.merchant.mcc.unwrap().number(), numbers.merchant.id.unwrap().as_str()), (5999, "4711"));

    let padded = request_of("padded_texts");
    assert_eq!((padded.merchant, padded.network), (plain.merchant, plain.network));

    let odd = request_of("malformed_optional");
    assert_eq!((odd.merchant, odd.network, odd.wallet), (holdfast_core::Merchant::default(), None, Wallet::None));
    assert_eq!(odd.occurred_at.unwrap().to_string(), "2026-03-14T15:09:25.000000Z", "the next best time");

    assert_eq!(request_of("child_cardholder").cardholder.unwrap().as_str(), "user-fixture-child");
    let nameless = r#"{"token":"t","card_token":"c","gpa_order":{"jit_funding":{"token":"j","method":"pgfs.authorization",
        "user_token":"parent","acting_user_token":"child","amount":1}}}"#;
    let Ok(Inbound::Authorization(call)) = decode(&with(&[]), JIT, nameless.as_bytes()) else { panic!() };
    assert_eq!(call.request.cardholder.unwrap().as_str(), "child");
    assert_eq!(request_of("minimal").cardholder.unwrap().as_str(), "u-min");
    assert_eq!(request_of("purchase_escapes").cardholder.unwrap().as_str(), "user-fixture-7");
    assert_eq!(request_of("partial_approval").partial_approval, PartialApproval::Supported);
    assert_eq!(request_of("partial_approval_off").partial_approval, PartialApproval::NotSupported);
}

#[test]
fn how_the_card_was_presented() {
    // pan_entry_mode, is_recurring, initiated category, terminal type, channel
    let table: &[([&str; 5], &str)] = &[
        (["CHIP", "false", "", "", ""], "chip"),
        (["CHIP", "true", "RECURRING_PAYMENT", "", "ECOMMERCE"], "chip"),
        (["CHIP_CONTACTLESS", "false", "", "", ""], "contactless"),
        (["MAG_STRIPE_CONTACTLESS", "false", "", "", ""], "contactless"),
        (["MAG_STRIPE", "false", "", "", ""], "magnetic_stripe"),
        (["CHIP_FALLBACK", "false", "", "", ""], "magnetic_stripe"),
        (["MAG_STRIPE_READ_KEYED_PCSC", "false", "", "", ""], "magnetic_stripe"),
        (["MANUAL", "false", "", "", ""], "keyed"),
        (["KEY_ENTERED", "false", "", "", "MAIL"], "keyed"),
        (["KEY_ENTERED", "false", "", "", "ECOMMERCE"], "ecommerce"),
        (["UNKNOWN", "false", "", "ECOMMERCE", ""], "ecommerce"),
        (["OTHER", "false", "", "", "PHONE"], "keyed"),
        (["CARD_ON_FILE", "false", "", "", "ECOMMERCE"], "card_on_file"),
        (["CREDENTIALS_ON_FILE", "false", "", "", ""], "card_on_file"),
        (["KEY_ENTERED", "false", "UNSCHEDULED_PAYMENT", "", "ECOMMERCE"], "card_on_file"),
        (["CREDENTIALS_ON_FILE", "true", "", "", ""], "recurring"),
        (["KEY_ENTERED", "false", "INSTALLMENT_PAYMENT", "", "ECOMMERCE"], "recurring"),
        (["UNKNOWN", "false", "", "", "ATM"], "unknown"),
        (["BRAND_NEW", "false", "BRAND_NEW", "BRAND_NEW", "BRAND_NEW"], "unknown"),
    ];
    for ([mode, recurring, category, terminal, channel], expected) in table {
        let body = format!(
            r#"{{"token":"t","gpa_order":{{"jit_funding":{{"token":"j","method":"pgfs.authorization","user_token":"u","amount":1}}}},
            "pos":{{"pan_entry_mode":"{mode}","is_recurring":{recurring},"transaction_initiated_category":"{category}",
            "terminal_type":"{terminal}"}},"transaction_metadata":{{"payment_channel":"{channel}"}}}}"#
        );
        let Ok(Inbound::Authorization(call)) = decode(&with(&[]), JIT, body.as_bytes()) else { panic!("{body}") };
        assert_eq!(call.request.entry_mode.name(), *expected, "{mode} {recurring} {category} {terminal} {channel}");
    }
}

#[test]
fn facts_of_notifications() {
    let table: &[(&str, &[&str])] = &[
        ("webhook_authorization", &["recorded 9c01/5d01 asked 9c01 approved 41.80 USD"]),
        ("webhook_timed_out", &["recorded 9c01/5d01 asked 9c01 declined"]),
        ("webhook_stand_in", &["recorded 9c51/5d51 asked 9c51 stood in 41.80 USD Hold"]),
        (
            "webhook_network_stand_in",
            &[
                "recorded 9c52/5d52 asked 9c52 stood in 41.80 USD Hold",
                "recorded 9c53/5d53 asked 9c53 stood in 20.00 USD Immediate",
                "completed 9c53/5d53 20.00 USD",
            ],
        ),
        ("webhook_without_gateway", &["nothing"]),
        (
            "webhook_incremental",
            &[
                "recorded 9c18/5d18 asked 9c18 on 9c01/5d01 approved 10.00 USD",
                "recorded 9c19/5d19 asked 9c19 on 9c01/5d01 declined",
            ],
        ),
        (
            "webhook_incremental_stand_in",
            &[
                "recorded 9c96/5d96 asked 9c96 on 9c01/5d01 stood in 10.00 USD Hold",
                "recorded 9c97/5d97 asked 9c97 on 9c01/5d01 stood in 10.00 USD Hold",
                "recorded 9c98/5d98 asked 9c98 stood in 10.00 USD Hold",
            ],
        ),
        ("webhook_advice", &["replaced 9c01/5d01 total 39.60 USD"]),
        ("informative_at_gateway", &["replaced 9c01/5d01 total 39.60 USD"]),
        (
            "webhook_reversals_cross_currency",
            &["reduced 9c03/5d03 by 32.10 USD, 25.00 GBP", "reduced 9c03/5d03 by 6.00 USD", "reduced 9c03/5d03 by 7.00 USD"],
        ),
        ("webhook_reversals", &["reduced 9c01/5d01 by 5.00 USD", "reduced 9c01/5d01 by 36.80 USD", "released /5d02 Expired"]),
        (
            "webhook_clearings",
            &[
                "captured 9c01/5d01 20.00 USD More",
                "captured 9c01/5d01 21.80 USD Final",
                "captured 9c01/5d01 30.00 USD Final",
                "captured 9c01/5d01 82.50 USD More",
                "nothing",
            ],
        ),
        ("webhook_force_post", &["captured - 4.50 USD More"]),
        ("webhook_failed_completion", &["nothing", "nothing"]),
        ("webhook_pindebit", &["completed 9c24/5d24 31.20 USD", "recorded 9c67/5d67 asked 9c67 declined"]),
        (
            "webhook_refunds",
            &["credited - 8.00 USD NetworkSettlement", "credited /5d39 7.00 USD NetworkSettlement", "nothing", "nothing"],
        ),
        (
            "webhook_original_credit",
            &[
                "nothing",
                "recorded 9c71/5d71 asked 9c71 declined",
                "credited 9c30/5d30 150.00 USD NetworkSettlement",
                "credited - 150.00 USD NetworkSettlement",
            ],
        ),
        (
            "webhook_disputes",
            &["credited /5d59 20.00 USD Dispute", "debited /5d59 20.00 USD Dispute", "debited - 3.00 USD Dispute"],
        ),
        (
            "webhook_loads_and_fees",
            &[
                "credited - 500.00 USD Funding",
                "debited - 500.00 USD Funding",
                "unrecognized: `type` is not known",
                "unrecognized: `type` is not known",
                "debited - 1.50 USD Fee",
                "credited - 1.50 USD Fee",
            ],
        ),
        (
            "webhook_odd_elements",
            &[
                "unrecognized: `type` is not known",
                "recorded 9c01/5d01 asked 9c01 approved 41.80 USD",
                "unrecognized: `amount` is missing",
                "unrecognized: `gpa_order.currency_code` is not a currency of ISO 4217",
                "unrecognized: `preceding_related_transaction_token` is missing",
                "unrecognized: `state` is not known",
                "unrecognized: the body is not an object",
                "unrecognized: the body is not an object",
                "unrecognized: the body is not an object",
            ],
        ),
        (
            "webhook_unknown_group",
            &[
                "unrecognized: `chargebacktransitions` is an unknown group of events",
                "nothing",
                "recorded 9c01/5d01 asked 9c01 approved 41.80 USD",
            ],
        ),
        (
            "webhook_card_transitions",
            &[
                "card card-fixture-0 unactivated",
                "card card-fixture-1 active",
                "card card-fixture-2 frozen",
                "card card-fixture-3 lost",
                "card card-fixture-4 stolen",
                "card card-fixture-5 expired",
                "card card-fixture-6 closed",
                "unrecognized: `state` is not known",
            ],
        ),
        ("webhook_cards_group", &["card card-fixture-90 active"]),
        (
            "webhook_user_transitions",
            &[
                "cardholder user-fixture-0 active",
                "cardholder user-fixture-1 active",
                "cardholder user-fixture-2 unverified",
                "cardholder user-fixture-3 suspended",
                "cardholder user-fixture-4 closed",
                "unrecognized: `status` is not known",
            ],
        ),
        ("webhook_not_json", &["unrecognized: the body is not JSON"]),
        ("webhook_no_events", &["unrecognized: the body has no events"]),
    ];
    for (name, expected) in table {
        let lines: Vec<_> = notices(&named(name)).iter().flat_map(lines).collect();
        assert_eq!(lines, *expected, "{name}");
    }
    assert_eq!(notices(&named("webhook_batch_of_twelve")).len(), 12);
}

fn events(name: &str) -> Vec<ToldEvent> {
    notices(&named(name)).iter().flat_map(Notice::events).copied().collect()
}

#[test]
fn an_event_carries_its_key_owner_network_and_days() {
    let event = events("webhook_authorization").remove(0);
    assert_eq!(event.key.as_str(), "5d01f1c8-0a4b-4c6e-b7d3-91e2a6c4f001/authorization/PENDING");
    assert_eq!(event.subject.card.unwrap().as_str(), "card-fixture-7");
    assert_eq!(event.subject.cardholder.unwrap().as_str(), "user-fixture-7");
    assert_eq!(event.network.unwrap().as_str(), "VISA");
    assert_eq!(event.occurred_at.unwrap().to_string(), "2026-03-14T15:08:11.000000Z");
    assert_eq!(event.settlement_day, Some(20_527), "2026-03-15");

    let card = events("webhook_card_transitions").remove(1);
    assert_eq!(card.key.as_str(), "ct-1/card/ACTIVE");
    assert_eq!(card.subject.cardholder.unwrap().as_str(), "user-fixture-7");

    // Too long for a key: a digest stands for what does not fit, another one for another event.
    let keys: Vec<_> = events("webhook_long_token").iter().map(|event| event.key.as_str().to_owned()).collect();
    assert_eq!(keys[0].len(), 36 + 1 + 16);
    assert!(keys[0].starts_with("5d88f1c8-0a4b-4c6e-b7d3-91e2a6c4f088/"), "{}", keys[0]);
    assert_eq!(keys[1].len(), 16);
    let twelve = events("webhook_batch_of_twelve");
    let different: BTreeSet<_> = twelve.iter().map(|event| event.key).collect();
    assert_eq!(different.len(), 12);
}

#[test]
fn what_moved_is_what_is_told_and_no_direction_is_guessed() {
    let said = |kind: &str, impact: &str| {
        let body = format!(
            r#"{{"transactions":[{{"type":"{kind}","state":"COMPLETION","token":"t","user_token":"u","amount":7,"currency_code":"USD"{impact}}}]}}"#
        );
        match decode(&with(&[]), WEBHOOK, body.as_bytes()) {
            Ok(Inbound::Notification { notices, .. }) => match notices.as_slice() {
                [Notice::Told(events)] => {
                    let fact = events[0].fact;
                    if let Fact::Credited { amount, .. } = fact {
                        return format!("+{amount}");
                    }
                    let Fact::Debited { amount, .. } = fact else { panic!("{kind}: {fact:?}") };
                    format!("-{amount}")
                }
                [Notice::Unrecognized(_)] => "kept".to_owned(),
                other => panic!("{kind}: {other:?}"),
            },
            other => panic!("{kind}: {other:?}"),
        }
    };
    let impact = |amount: &str| format!(r#","gpa":{{"currency_code":"USD","impacted_amount":{amount}}}"#);
    for kind in
        ["directdeposit.credit.reject", "dispute.credit", "fee.charge", "pindebit.chargeback.completed", "adjustment.debit"]
    {
        assert_eq!(said(kind, &impact("0")), "+0.00 USD", "{kind}");
        assert_eq!(said(kind, &impact("-3")), "-3.00 USD", "{kind}");
        assert_eq!(said(kind, &impact("3")), "+3.00 USD", "{kind}");
    }
    for (kind, unsigned) in [
        ("dispute.credit", "+7.00 USD"),
        ("dispute.debit", "-7.00 USD"),
        ("authorization.clearing.chargeback", "+7.00 USD"),
        ("pindebit.chargeback.reversal", "-7.00 USD"),
        ("directdeposit.debit.reversal", "+7.00 USD"),
        ("adjustment.debit", "-7.00 USD"),
        ("fee.charge", "-7.00 USD"),
        ("fee.charge.reversal", "+7.00 USD"),
        ("fee.charge.refund", "kept"),
        ("fee.charge.pending", "kept"),
        ("directdeposit.credit.reject", "kept"),
        ("pindebit.chargeback.provisional.debit", "kept"),
        ("authorization.clearing.chargeback.writeoff", "kept"),
    ] {
        assert_eq!(said(kind, ""), unsigned, "{kind}");
    }
}

#[test]
fn what_is_kept_is_redacted() {
    for name in ["webhook_odd_elements", "webhook_unknown_group", "webhook_card_transitions"] {
        for notice in notices(&named(name)) {
            let Notice::Unrecognized(odd) = notice else { continue };
            for secret in ["Jane", "555", "400000", "person", "fixture memo", "memo\":\"x"] {
                assert!(!odd.redacted.contains(secret), "{name}: {}", odd.redacted);
            }
        }
    }
    let Notice::Unrecognized(odd) = notices(&named("webhook_odd_elements")).remove(0) else { panic!() };
    for kept in [
        "\"type\":\"…\"",
        "\"state\":\"COMPLETION\"",
        "\"amount\":9.00",
        "\"token\":\"5d82f1c8-",
        "\"note\":\"…\"",
        "\"pan\":\"…\"",
    ] {
        assert!(odd.redacted.contains(kept), "{kept} in {}", odd.redacted);
    }
    let Notice::Unrecognized(odd) = notices(&named("webhook_not_json")).remove(0) else { panic!() };
    assert_eq!(odd.redacted, "");
    assert_ne!(odd.digest, [0; 32]);
}

#[test]
fn card_numbers_are_never_kept() {
    for number in ["4111111111111111", "4111-1111-1111-1111", "4111.1111.1111.1111", "x4111111111111111"] {
        let body = format!(
            r#"{{"odd":[{{"token":"{number}","card_token":"{number}","amount":"{number}","type":"{number}","{number}":true,
            "list":["{number}"],"card":{{"token":"{number}"}}}}]}}"#
        );
        let Ok(Inbound::Notification { notices, .. }) = decode(&with(&[]), WEBHOOK, body.as_bytes()) else { panic!() };
        let [Notice::Unrecognized(odd)] = notices.as_slice() else { panic!("{notices:?}") };
        assert!(!odd.redacted.contains("1111"), "{}", odd.redacted);
    }
    let body = br#"{"odd":[{"amount":4111111111111111,"token":4111111111111111}]}"#;
    let Ok(Inbound::Notification { notices, .. }) = decode(&with(&[]), WEBHOOK, body) else { panic!() };
    let [Notice::Unrecognized(odd)] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!(odd.redacted, r#"{"amount":"…","token":"…"}"#);
}

#[test]
fn answers_byte_for_byte() {
    let token = "9c01b2e7-3f18-4d95-8a60-d7f5b3e1c801";
    let fixture = named("purchase_v2");
    let call = call(&fixture);
    let echoed = format!(
        r#"{{"jit_funding":{{"token":"{token}","method":"pgfs.authorization","user_token":"user-fixture-7","acting_user_token":"user-fixture-7","amount":41.80"#
    );
    let approve = |minor| decided(Decision::Approve { amount: Money::from_minor(minor, Currency::USD) });
    let decline = |reason| decided(Decision::Decline { reason });
    let answers = [
        (approve(4180), 200, format!(r#"{echoed},"tags":"dec={REFERENCE}"}}}}"#)),
        (approve(1234), 200, format!(r#"{},"tags":"dec={REFERENCE}"}}}}"#, echoed.replace("41.80", "12.34"))),
        (
            decline(DeclineReason::InsufficientFunds),
            402,
            format!(r#"{echoed},"decline_reason":"INSUFFICIENT_FUNDS","tags":"dec={REFERENCE}"}}}}"#),
        ),
        (
            decline(DeclineReason::ConflictingDuplicate),
            402,
            format!(r#"{echoed},"decline_reason":"DUPLICATE_TRANSACTION","tags":"dec={REFERENCE}"}}}}"#),
        ),
        (Answer::Acknowledged, 200, format!("{echoed}}}}}")),
    ];
    for (answer, status, body) in answers {
        assert_eq!(encoded(&fixture.settings, &call.echo, &answer), (status, body));
    }
}

#[test]
fn the_echo_repeats_what_was_sent() {
    let approved = |name: &str| {
        let fixture = named(name);
        let call = call(&fixture);
        encoded(&fixture.settings, &call.echo, &decided(Decision::Approve { amount: call.request.amount })).1
    };
    assert!(approved("amount_as_text").contains(r#""amount":70.00,"#));
    assert!(approved("business").contains(r#""acting_user_token":"user-fixture-7","business_token":"biz-fixture","amount":"#));
    assert!(approved("incremental").contains(r#""amount":10.00,"original_jit_funding_token":"9c01b2e7-"#));
    assert!(approved("purchase_escapes").contains(r#""user_token":"user\u002dfixture-7""#));
    assert!(
        approved("minimal").starts_with(
            r#"{"jit_funding":{"token":"j-min","method":"pgfs.authorization","user_token":"u-min","amount":3,"tags""#
        )
    );
    assert!(!approved("nulls").contains("null"));
    assert!(approved("dinar").contains(r#""amount":1.250,"#));
}

#[test]
fn a_balance_inquiry_is_answered_with_balances() {
    let usd = |minor| Money::from_minor(minor, Currency::USD);
    let account = AccountId::new("acct-fixture").unwrap();
    let balance = AccountBalance { account, posted: usd(44_000), held: usd(2745), available: usd(41_255), usable: true };
    let answer = Answer::Decided {
        decision: Decision::Approve { amount: usd(0) },
        reference: DecisionReference::from_digest([7; 16]),
        balance: Some(&balance),
        said: None,
    };
    let balances = r#""balances":{"USD":{"currency_code":"USD","ledger_balance":440.00,"available_balance":412.55,"credit_balance":0,"pending_credits":0}}}}"#;
    for (name, amount) in [("balance_inquiry", "0"), ("balance_inquiry_in_amount", "412.55")] {
        let fixture = named(name);
        let (status, body) = encoded(&fixture.settings, &call(&fixture).echo, &answer);
        assert_eq!(status, 200);
        assert!(body.contains(&format!(r#""amount":{amount},"tags":"dec={REFERENCE}",{balances}"#)), "{body}");
    }
}

#[test]
fn every_reason_has_its_word() {
    use DeclineReason as R;
    // Marqeta OpenAPI, CoreAPI 3.0.40.
    let listed = [
        "INVALID_AMOUNT",
        "INSUFFICIENT_FUNDS",
        "TRANSACTION_NOT_PERMITTED",
        "SUSPECTED_FRAUD",
        "AMOUNT_LIMIT_EXCEEDED",
        "TRANSACTION_COUNT_LIMIT_EXCEEDED",
        "DUPLICATE_TRANSACTION",
        "INVALID_MERCHANT",
        "INVALID_CARD",
        "NO_CREDIT_ACCOUNT",
        "EXPIRED_CARD",
        "NO_CHECKING_ACCOUNT",
        "NO_SAVINGS_ACCOUNT",
        "STOP_PAYMENT",
        "REVOCATION_AUTHORIZATION_ORDER",
        "REVOCATION_ALL_AUTHORIZATION_ORDER",
        "SOFT_DECLINE_AUTHENTICATION_REQUIRED",
        "CLOSED_ACCOUNT",
        "SOFT_DECLINE_PIN_REQUIRED",
        "CARD_NOT_ACTIVE",
        "CARDHOLDER_NOT_ACTIVE",
    ];
    let fixture = named("purchase_v2");
    let call = call(&fixture);
    for reason in R::ALL {
        let word = Vocabulary::Classic.decline_reason(*reason);
        assert!(listed.contains(&word), "{reason}: {word}");
        let extended = Vocabulary::Extended.decline_reason(*reason);
        assert!(listed.contains(&extended) || extended == "BLOCKED_BY_ISSUER", "{reason}: {extended}");
        let (status, body) = encoded(&fixture.settings, &call.echo, &decided(Decision::Decline { reason: *reason }));
        assert_eq!(status, 402);
        assert!(body.contains(&format!("\"decline_reason\":\"{word}\"")), "{body}");
    }
    let table = [
        (R::InsufficientFunds, "INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS"),
        (R::AmountAboveMaximum, "AMOUNT_LIMIT_EXCEEDED", "AMOUNT_LIMIT_EXCEEDED"),
        (R::CountLimitReached, "TRANSACTION_COUNT_LIMIT_EXCEEDED", "TRANSACTION_COUNT_LIMIT_EXCEEDED"),
        (R::MerchantCategoryNotAllowed, "INVALID_MERCHANT", "INVALID_MERCHANT"),
        (R::CardUnknown, "INVALID_CARD", "INVALID_CARD"),
        (R::CardFrozen, "CARD_NOT_ACTIVE", "BLOCKED_BY_ISSUER"),
        (R::CardExpired, "EXPIRED_CARD", "EXPIRED_CARD"),
        (R::CardholderNotActive, "CARDHOLDER_NOT_ACTIVE", "CARDHOLDER_NOT_ACTIVE"),
        (R::AccountFrozen, "TRANSACTION_NOT_PERMITTED", "BLOCKED_BY_ISSUER"),
        (R::AccountClosed, "CLOSED_ACCOUNT", "CLOSED_ACCOUNT"),
        (R::ConflictingDuplicate, "DUPLICATE_TRANSACTION", "DUPLICATE_TRANSACTION"),
        (R::LedgerUnavailable, "TRANSACTION_NOT_PERMITTED", "TRANSACTION_NOT_PERMITTED"),
    ];
    for (reason, classic, extended) in table {
        let found = (Vocabulary::Classic.decline_reason(reason), Vocabulary::Extended.decline_reason(reason));
        assert_eq!(found, (classic, extended), "{reason}");
    }
}

#[test]
fn every_method_of_the_list_is_known() {
    let decided = [
        ("pgfs.authorization", "purchase", "Hold"),
        ("pgfs.authorization.incremental", "incremental", "Hold"),
        ("pgfs.authorization.account_verification", "account_verification", "Hold"),
        ("pgfs.authorization.cashback", "purchase_with_cashback", "Hold"),
        ("pgfs.authorization.quasi.cash", "quasi_cash", "Hold"),
        ("pgfs.atm.withdrawal", "cash_withdrawal", "Hold"),
        ("pgfs.auth_plus_capture", "purchase", "Immediate"),
        ("pgfs.billpayment", "bill_payment", "Hold"),
        ("pgfs.billpayment.capture", "bill_payment", "Immediate"),
        ("pgfs.original.credit.authorization", "credit", "Hold"),
        ("pgfs.original.credit.auth_plus_capture", "credit", "Hold"),
        ("pgfs.network.load", "credit", "Hold"),
        ("pgfs.balanceinquiry", "balance_inquiry", "Hold"),
        ("pgfs.pindebit", "purchase", "Immediate"),
        ("pgfs.pindebit.cashback", "purchase_with_cashback", "Immediate"),
        ("pgfs.pindebit.authorization", "purchase", "Hold"),
        ("pgfs.pindebit.atm.withdrawal", "cash_withdrawal", "Immediate"),
        ("pgfs.pindebit.quasi.cash", "quasi_cash", "Immediate"),
        ("pgfs.pindebit.balanceinquiry", "balance_inquiry", "Hold"),
        ("pgfs.product.inquiry", "account_verification", "Hold"),
    ];
    for (name, kind, posting) in decided {
        let Method::Decide { kind: found, posting: how } = Method::of(name) else { panic!("{name}") };
        assert_eq!((found.name(), format!("{how:?}")), (kind, posting.to_owned()), "{name}");
    }
    for name in INFORMATIVE {
        assert_eq!(Method::of(name), Method::Informative, "{name}");
        // What only tells us must say what it tells, even under a type that is new.
        let body = format!(
            r#"{{"type":"brand.new","state":"COMPLETION","token":"t","amount":2,"preceding_related_transaction_token":"p",
            "gpa_order":{{"jit_funding":{{"token":"j","method":"{name}","user_token":"u","amount":2}}}}}}"#
        );
        let Ok(Inbound::Notification { notices, .. }) = decode(&with(&[]), JIT, body.as_bytes()) else { panic!("{name}") };
        assert!(!matches!(notices[0], Notice::Unrecognized(_)), "{name}: {:?}", notices[0]);
    }
    assert_eq!(Method::of("pgfs.refund.authorization"), Method::Answered);
    for name in ["", "pgfs.", "pgfs.authorization ", "PGFS.AUTHORIZATION", "pgfs.teleportation"] {
        assert_eq!(Method::of(name), Method::Unknown, "{name}");
    }
}

#[test]
fn a_payments_two_names_are_of_two_kinds() {
    let request = |token: &str, transaction: &str| {
        let body = format!(
            r#"{{"token":"{transaction}","gpa_order":{{"jit_funding":{{"token":"{token}","method":"pgfs.authorization","user_token":"u","amount":1}}}}}}"#
        );
        match decode(&with(&[]), JIT, body.as_bytes()) {
            Ok(Inbound::Authorization(call)) => call.request.payment,
            other => panic!("{other:?}"),
        }
    };
    let (victim, other) = (request("victim", "vtx"), request("att", "victim"));
    let follower = br#"{"transactions":[{"type":"authorization.reversal","state":"COMPLETION","token":"r","preceding_related_transaction_token":"victim"}]}"#;
    let Ok(Inbound::Notification { notices, .. }) = decode(&with(&[]), WEBHOOK, follower) else { panic!() };
    let [Notice::Told(events)] = notices.as_slice() else { panic!("{notices:?}") };
    let Fact::Released { payment, .. } = events[0].fact else { panic!() };
    assert_eq!(other.alias, Alias::Also(payment.authorization));
    assert_eq!(payment, PaymentRef::by_alias(victim.authorization));
    // One text may be both names of one payment, and then it is found by either kind.
    let both = request("twin", "twin");
    assert_eq!(both, PaymentRef::of(both.authorization).with_alias(both.authorization));
}

#[test]
fn an_amount_is_repeated_as_a_number() {
    for (asked, repeated) in [
        ("10.00", "10.00"),
        ("1e1", "1e1"),
        ("\"10.00\"", "10.00"),
        ("\" 10.0 \"", "10.0"),
        ("\"1e1\"", "1e1"),
        ("\"-0\"", "0"),
        ("\"05.00\"", "5.00"),
        ("\"00\"", "0"),
        ("\"000.50\"", "0.50"),
    ] {
        let body = format!(
            r#"{{"token":"t","gpa_order":{{"jit_funding":{{"token":"j","method":"pgfs.authorization","user_token":"u","amount":{asked}}}}}}}"#
        );
        let Ok(Inbound::Authorization(call)) = decode(&with(&[]), JIT, body.as_bytes()) else { panic!("{body}") };
        let answers =
            [Decision::Approve { amount: call.request.amount }, Decision::Decline { reason: DeclineReason::InsufficientFunds }];
        for decision in answers {
            let told = encoded(&with(&[]), &call.echo, &decided(decision)).1;
            assert!(told.contains(&format!("\"amount\":{repeated},")), "{asked}: {told}");
        }
    }
}

#[test]
fn what_has_a_card_number_in_it_is_not_repeated() {
    for (field, number) in [
        ("method", r#""pgfs.4111111111111111""#),
        ("method", "4111111111111111"),
        ("method", r#""4111 \u0031111 1111 1111""#),
        ("acting_user_token", r#""4111111111111111""#),
        ("business_token", r#""b 4111-1111-1111-1111""#),
    ] {
        let method = if field == "method" { "" } else { r#""method":"pgfs.authorization","# };
        let body = format!(
            r#"{{"token":"t","gpa_order":{{"jit_funding":{{"token":"j",{method}"{field}":{number},"user_token":"u","amount":1}}}}}}"#
        );
        let Ok(Inbound::Authorization(call)) = decode(&with(&[]), JIT, body.as_bytes()) else { panic!("{body}") };
        let no = Decision::Decline { reason: DeclineReason::InsufficientFunds };
        let told = encoded(&with(&[]), &call.echo, &decided(no)).1;
        assert!(!told.contains("4111") && !told.contains(field), "{told}");
        assert!(told.contains(r#""token":"j","#) && told.contains(r#""user_token":"u""#), "{told}");
    }
}

#[test]
fn what_only_tells_us_is_never_refused_for_what_it_lacks() {
    let whole = [("token", "\"j\""), ("user_token", "\"u\""), ("amount", "2")];
    for name in INFORMATIVE.iter().copied().chain(["pgfs.refund.authorization"]) {
        for lacking in ["token", "user_token", "amount"] {
            let fields = whole.map(|(field, value)| format!("\"{field}\":{}", if field == lacking { "null" } else { value }));
            let body = format!(
                r#"{{"type":"authorization","state":"PENDING","token":"t","amount":2,"gpa_order":{{"jit_funding":{{"method":"{name}",{}}}}}}}"#,
                fields.join(",")
            );
            let (echo, kept) = match decode(&with(&[]), JIT, body.as_bytes()) {
                Ok(Inbound::Notification { notices, echo }) => {
                    assert!(matches!(notices.as_slice(), [Notice::Unrecognized(_)]), "{name} without {lacking}: {notices:?}");
                    (echo, notices.len())
                }
                Ok(Inbound::Handshake { echo }) => (echo, 0),
                other => panic!("{name} without {lacking}: {other:?}"),
            };
            assert_eq!(kept, usize::from(name != "pgfs.refund.authorization"), "{name} without {lacking}");
            assert_eq!(encoded(&with(&[]), &echo, &Answer::Acknowledged).0, 200);
        }
    }
}

#[test]
fn a_merchant_is_told_by_a_number_or_a_text() {
    let asked = |acceptor: &str| {
        format!(
            r#"{{"token":"t","gpa_order":{{"jit_funding":{{"token":"j","method":"pgfs.authorization","user_token":"u","amount":1}}}},
            "card_acceptor":{acceptor}}}"#
        )
    };
    let of = |acceptor: &str| {
        let body = asked(acceptor);
        let Ok(Inbound::Authorization(call)) = decode(&with(&[]), JIT, body.as_bytes()) else { panic!("{body}") };
        let merchant = call.request.merchant;
        (merchant.mcc.map(|mcc| mcc.to_string()), merchant.id.map(|id| id.to_string()))
    };
    for mcc in ["7995", "7995.0", "7.995e3", "\"7995\"", "\"07995\"", "\" 7995 \""] {
        assert_eq!(of(&format!("{{\"mcc\":{mcc}}}")).0.as_deref(), Some("7995"), "{mcc}");
    }
    for mid in ["1234567890", "1234567890.0", "\"1234567890\""] {
        assert_eq!(of(&format!("{{\"mid\":{mid}}}")).1.as_deref(), Some("1234567890"), "{mid}");
    }
    for untold in [r#"{"mcc":null}"#, r#"{"mcc":""}"#, r#"{"mcc":"  "}"#, "{}", "null"] {
        assert_eq!(of(untold), (None, None), "{untold}");
    }
    // Untold it would pass a rule that denies what was meant.
    for odd in ["7995.5", "79950.0", "-7995.0", "1e300", "[7995]", "true", r#""7995.0""#, r#""54a1""#, r#""79 95""#] {
        let body = asked(&format!("{{\"mcc\":{odd}}}"));
        let refused = decode(&with(&[]), JIT, body.as_bytes()).unwrap_err();
        assert_eq!((refused.path.as_str(), refused.problem), ("card_acceptor.mcc", "is not a merchant category"), "{odd}");
    }
}

/// Untold, a merchant of another type would pass every rule that denies the one that was meant.
#[test]
fn a_merchant_that_is_no_object_is_refused() {
    let asked = |more: &str| {
        format!(
            r#"{{"token":"t","gpa_order":{{"jit_funding":{{"token":"j","method":"pgfs.authorization","user_token":"u","amount":1}}}},{more}}}"#
        )
    };
    // A half character makes the reader begin anew, member by member.
    for more in [
        r#""card_acceptor":[{"mcc":"7995"}]"#,
        r#""card_acceptor":"7995""#,
        r#""card_acceptor":7995"#,
        r#""card_acceptor":true,"network":"\ud800""#,
        r#""card_acceptor":"\ud800""#,
    ] {
        let refused = decode(&with(&[]), JIT, asked(more).as_bytes()).unwrap_err();
        assert_eq!((refused.path.as_str(), refused.problem), ("card_acceptor", "is not an object"), "{more}");
    }
    for more in [r#""card_acceptor":null"#, r#""card_acceptor":null,"network":"\ud800""#, r#""card_acceptor":{}"#] {
        assert!(matches!(decode(&with(&[]), JIT, asked(more).as_bytes()), Ok(Inbound::Authorization(_))), "{more}");
    }
}

/// What `verify` says of a body with these headers.
fn verified(settings: &Settings, keyring: &Keyring, route: u8, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let callback = Callback { route, segment: "", query: "", headers, body };
    adapter(settings).verify(callback, keyring, NOW).map(|_| ())
}

#[test]
fn strangers_are_refused() {
    let settings = with(&[]);
    let (keyring, body) = (keyring(), b"{\"transactions\":[]}");
    let mut proof = HeaderMap::new();
    adapter(&settings).prove(WEBHOOK, &mut proof, &mut body.to_vec(), &keyring, NOW);
    assert_eq!(verified(&settings, &keyring, WEBHOOK, &proof, body), Ok(()));

    let without = |name: &str| {
        let mut headers = proof.clone();
        headers.remove(name).unwrap();
        headers
    };
    let instead = |name: &'static str, value: &'static str| {
        let mut headers = proof.clone();
        headers.insert(name, HeaderValue::from_static(value)).unwrap();
        headers
    };
    let table = [
        (WEBHOOK, HeaderMap::new(), Err(Refusal::Missing)),
        (WEBHOOK, without("authorization"), Err(Refusal::Missing)),
        (WEBHOOK, without("x-fixture"), Err(Refusal::Wrong)),
        (WEBHOOK, without("x-marqeta-signature"), Err(Refusal::Missing)),
        (WEBHOOK, instead("x-marqeta-signature", ""), Err(Refusal::WrongSignature)),
        (WEBHOOK, instead("x-fixture", "other"), Err(Refusal::Wrong)),
        (WEBHOOK, instead("authorization", "Bearer x"), Err(Refusal::Unreadable)),
        (WEBHOOK, instead("authorization", "Basic Zml4dHVyZTp3cm9uZw=="), Err(Refusal::Wrong)),
        (JIT, without("x-marqeta-signature"), Ok(())),
        (JIT, without("x-fixture"), Err(Refusal::Wrong)),
        (JIT, without("authorization"), Err(Refusal::Missing)),
    ];
    for (index, (route, headers, expected)) in table.into_iter().enumerate() {
        assert_eq!(verified(&settings, &keyring, route, &headers, body), expected, "row {index}");
    }
    assert_eq!(verified(&settings, &keyring, WEBHOOK, &proof, b"{\"transactions\":[ ]}"), Err(Refusal::WrongSignature));
    for (name, refused) in
        [("authorization", Refusal::Unreadable), ("x-fixture", Refusal::Wrong), ("x-marqeta-signature", Refusal::Unreadable)]
    {
        let mut headers = proof.clone();
        headers.append(name, proof[name].clone());
        assert_eq!(verified(&settings, &keyring, WEBHOOK, &headers, body), Err(refused), "{name} twice");
    }
    let unsigned = Keyring { signing: Vec::new(), ..keyring };
    assert_eq!(verified(&settings, &unsigned, WEBHOOK, &without("x-marqeta-signature"), body), Ok(()));
}

#[test]
fn signatures_by_setting() {
    // HMAC of {"transactions":[]} with fixture-signing-key, computed with another library.
    let sha256 = "b881271ca201f3580a4b47a4b137ab1d7410a2a1b6aa6f82e301cd1ac2cdd47d";
    let sha256_base64 = "uIEnHKIB81gKS0eksTerHXQQoqG2qm+C4wHNGsLN1H0=";
    let sha1 = "b07d212fb6892f509066bf53503059045ef841c0";
    let sha1_base64 = "sH0hL7aJL1CQZr9TUDBZBF74QcA=";
    let table = [
        (sha256, true, false, true),
        (sha256, false, false, true),
        ("B881271CA201F3580A4B47A4B137AB1D7410A2A1B6AA6F82E301CD1AC2CDD47D", true, false, true),
        (sha1, true, false, true),
        (sha1, false, false, false),
        (sha256_base64, true, false, false),
        (sha256_base64, true, true, true),
        (sha1_base64, true, true, true),
        (sha1_base64, false, true, false),
        ("b881271ca201f3580a4b47a4b137ab1d7410a2a1b6aa6f82e301cd1ac2cdd47", true, true, false),
    ];
    let (keyring, body) = (keyring(), b"{\"transactions\":[]}");
    for (signature, takes_sha1, takes_base64, expected) in table {
        let settings = with(&[("signature_sha1", takes_sha1), ("signature_base64", takes_base64)]);
        let mut headers = HeaderMap::new();
        adapter(&settings).prove(JIT, &mut headers, &mut body.to_vec(), &keyring, NOW);
        headers.insert("x-marqeta-signature", HeaderValue::from_static(signature));
        let found = verified(&settings, &keyring, WEBHOOK, &headers, body).is_ok();
        assert_eq!(found, expected, "{signature} sha1 {takes_sha1} base64 {takes_base64}");
    }
}

#[test]
fn settings_are_checked() {
    let mut settings = with(&[("signature_sha1", false)]);
    assert!((PLATFORM.build)(&settings).is_ok());
    settings.values.insert("signature_base64".to_owned(), SettingValue::Text("yes".to_owned()));
    settings.values.insert("signature_md5".to_owned(), SettingValue::Switch(true));
    let Err(errors) = (PLATFORM.build)(&settings) else { panic!() };
    let keys: Vec<_> = errors.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(keys, ["signature_md5", "signature_base64"]);
}

#[test]
fn refusals_say_no_more_than_they_should() {
    let adapter = adapter(&with(&[]));
    let table = [
        (Refused::NotAuthentic, 401, "{}"),
        (Refused::NoRoute, 404, r#"{"error_code":"404","error_message":"there is nothing at this path"}"#),
        (Refused::NotThisWay, 405, r#"{"error_code":"405","error_message":"this path is not called with this method"}"#),
        (Refused::TooSlow, 408, r#"{"error_code":"408","error_message":"the body did not arrive in time"}"#),
        (Refused::TooLarge, 413, r#"{"error_code":"413","error_message":"the body is too large"}"#),
        (Refused::TooEarly, 425, r#"{"error_code":"425","error_message":"the same question is being decided"}"#),
        (Refused::NotDurable, 503, r#"{"error_code":"503","error_message":"not recorded: send it again"}"#),
        (Refused::Unavailable, 503, r#"{"error_code":"503","error_message":"no answer can be given now"}"#),
        (
            Refused::Malformed(Malformed::field("a\"b", "is missing")),
            400,
            r#"{"error_code":"400","error_message":"`a\"b` is missing"}"#,
        ),
    ];
    for (refused, status, expected) in table {
        let mut body = Vec::new();
        let reply = adapter.refuse(&refused, &mut body);
        assert_eq!((reply.status, std::str::from_utf8(&body).unwrap()), (status, expected));
    }
}

#[test]
fn samples_are_real_requests_with_keys_of_their_own() {
    let adapter = adapter(&with(&[]));
    let mut seen = BTreeSet::new();
    for variation in [0, 1, 2, 0xffff_ffff, 0x1_0000_0000, u64::MAX] {
        let mut body = Vec::new();
        let amount = Money::from_minor(1999, Currency::USD);
        let route = adapter.sample_authorization(variation, "card \"1\"", "user-1", amount, &mut body);
        assert!((1900..2600).contains(&body.len()), "{}", body.len());
        let Ok(Inbound::Authorization(call)) = decode(&with(&[]), route, &body) else { panic!() };
        assert_eq!((call.request.amount, call.request.kind), (amount, AuthorizationKind::Purchase));
        assert_eq!(call.request.card.unwrap().as_str(), "card \"1\"");
        assert_eq!(call.request.entry_mode.name(), "ecommerce");
        for name in call.request.payment.names() {
            assert!(seen.insert(name), "{name} comes twice");
        }
    }
}

/// Decodes, and answers whatever can be answered: the answer is JSON, whatever was asked.
fn survive(route: u8, body: &[u8]) {
    let settings = with(&[("partial_approvals", true)]);
    let none = HeaderMap::new();
    let authentic = Authentic::accept(Callback { route, segment: "", query: "", headers: &none, body });
    let adapter = adapter(&settings);
    match adapter.decode(&authentic) {
        Ok(Inbound::Authorization(call)) => {
            assert!(!call.request.amount.is_negative());
            encoded(&settings, &call.echo, &decided(Decision::Approve { amount: call.request.amount }));
        }
        Ok(Inbound::Notification { echo, .. } | Inbound::Handshake { echo }) => {
            encoded(&settings, &echo, &Answer::Acknowledged);
        }
        Ok(Inbound::Balance(_) | Inbound::Fetch(_)) => panic!("Marqeta does not ask this"),
        Ok(
            Inbound::Payment(_)
            | Inbound::Authenticated(_)
            | Inbound::Order(_)
            | Inbound::Look(_)
            | Inbound::List(_)
            | Inbound::Check(_),
        ) => {
            panic!("Marqeta does not ask this")
        }
        Err(malformed) => {
            assert_eq!(route, JIT, "a notification is never refused: {malformed}");
            adapter.refuse(&Refused::Malformed(malformed), &mut Vec::new());
        }
    }
}

static FIXTURES: OnceLock<Vec<Fixture>> = OnceLock::new();

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), route in 0..2_u8) {
        survive(route, &bytes);
    }

    #[test]
    fn no_mutated_fixture_panics(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"{}[]\",:-0e9\\nx\x00\xff "[..])), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let fixtures = FIXTURES.get_or_init(fixtures);
        let fixture = which.get(fixtures);
        let mut body = fixture.body.clone().into_bytes();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(at) = cut {
            body.truncate(at.index(body.len()));
        }
        survive(fixture.route, &body);
    }

    /// Every value of every object replaced by one of another type: decoded or refused with a path, never a panic, and a
    /// notification never refused.
    #[test]
    fn no_replaced_value_panics(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        value in prop::sample::select(vec!["null", "[]", "{}", "-1", "1e999", "true", "\"\"", "\"\\u0000\"", "[[[[]]]]"]),
    ) {
        let fixtures = FIXTURES.get_or_init(fixtures);
        let fixture = which.get(fixtures);
        // Each part but the first begins with a value.
        let parts: Vec<_> = fixture.body.split("\": ").collect();
        prop_assume!(parts.len() > 1);
        let (before, after) = parts.split_at(at.index(parts.len().saturating_sub(1)).saturating_add(1));
        let (before, after) = (before.join("\": "), after.join("\": "));
        let mut values = serde_json::Deserializer::from_str(&after).into_iter::<serde::de::IgnoredAny>();
        prop_assume!(matches!(values.next(), Some(Ok(_))));
        let rest = after.get(values.byte_offset()..).unwrap();
        survive(fixture.route, format!("{before}\": {value}{rest}").as_bytes());
    }
}

#[test]
fn nothing_is_answered_as_nothing_and_never_with_a_sign() {
    let fixture = named("purchase_v2");
    let amount = Money::zero(Currency::USD);
    for (written, answered) in [("-0", "0"), ("-0.00", "0.00"), ("\"-0.0\"", "0.0"), ("0", "0")] {
        let (head, tail) = fixture.body.split_once("\"jit_funding\"").unwrap();
        let body = format!("{head}\"jit_funding\"{}", tail.replacen("41.80", written, 1));
        assert!(body.contains(written), "{body}");
        let Ok(Inbound::Authorization(call)) = decode(&fixture.settings, JIT, body.as_bytes()) else { panic!("{body}") };
        assert!(call.request.amount.is_zero());
        let reason = DeclineReason::CardFrozen;
        for decision in [Decision::Approve { amount }, Decision::Decline { reason }] {
            let (_, told) = encoded(&fixture.settings, &call.echo, &decided(decision));
            assert!(told.contains(&format!("\"amount\":{answered}")), "{told}");
        }
    }
}
