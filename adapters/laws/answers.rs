//! The laws of answering: every reason has its bytes, a no is never a yes, the same answer is the same bytes.

use std::time::Duration;

use holdfast_core::{Decision, DeclineReason, Timestamp};

use super::reply::{REFERENCE, balances};
use super::{Case, Failures, NOW, cases, keyring};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{AuthorizationCall, Inbound, Malformed};

/// Runs a law for every fixture that is an authorization.
fn for_each_authorization(mut law: impl FnMut(&Case, &AuthorizationCall<'_>, &mut Failures)) {
    let mut failures = Failures::default();
    for case in cases() {
        if let Ok(Inbound::Authorization(call)) = case.owed() {
            law(&case, &call, &mut failures);
        }
    }
    failures.report();
}

fn encode(case: &Case, echo: &Echo<'_>, answer: &Answer<'_>, now: Timestamp) -> (Reply, Vec<u8>) {
    let mut body = Vec::new();
    let reply = case.adapter.encode(echo, answer, &keyring(), now, &mut body);
    (reply, body)
}

fn decided(decision: Decision) -> Answer<'static> {
    Answer::Decided { decision, reference: REFERENCE, balance: None, said: None }
}

fn expect_json(failures: &mut Failures, case: &Case, what: &str, reply: &Reply, body: &[u8]) {
    let is_json = |bytes: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    let body_is = body.is_empty() || reply.content_type != "application/json" || is_json(body);
    failures.expect(body_is, case, || format!("{what}: not JSON: {}", String::from_utf8_lossy(body)));
    let call_is = reply.call_back.as_ref().is_none_or(|call| is_json(&call.body) && call.path.starts_with('/'));
    failures.expect(call_is, case, || format!("{what}: a call back without a path or JSON"));
}

#[test]
fn every_reason_is_written_and_differs_from_a_yes() {
    for_each_authorization(|case, call, failures| {
        let approve = decided(Decision::Approve { amount: call.request.amount });
        let (yes, yes_body) = encode(case, &call.echo, &approve, NOW);
        expect_json(failures, case, "approve", &yes, &yes_body);
        failures.expect(yes.status == 200, case, || format!("a yes has status {}", yes.status));
        for reason in DeclineReason::ALL {
            let (no, no_body) = encode(case, &call.echo, &decided(Decision::Decline { reason: *reason }), NOW);
            expect_json(failures, case, reason.name(), &no, &no_body);
            let differs = (no.status, &no_body, &no.call_back) != (yes.status, &yes_body, &yes.call_back);
            failures.expect(differs, case, || format!("{reason} is answered like a yes"));
        }
    });
}

/// The signature's own time stamp aside: the status, the body and what is said by a call back stay for ever.
#[test]
fn the_same_answer_is_the_same_bytes() {
    for_each_authorization(|case, call, failures| {
        let (decline, balance) = (DeclineReason::InsufficientFunds, balances(call.request.amount.currency())[0]);
        let approve = Decision::Approve { amount: call.request.amount };
        for answer in [
            decided(approve),
            decided(Decision::Decline { reason: decline }),
            Answer::Decided { decision: approve, reference: REFERENCE, balance: Some(&balance), said: None },
        ] {
            let (first, again) = (encode(case, &call.echo, &answer, NOW), encode(case, &call.echo, &answer, NOW));
            failures.expect(first == again, case, || format!("{answer:?} is not the same twice"));
            let (later, body) = encode(case, &call.echo, &answer, NOW.saturating_add(Duration::from_secs(86_400)));
            let same = (first.0.status, &first.1, &first.0.call_back) == (later.status, &body, &later.call_back);
            failures.expect(same, case, || format!("{answer:?} is another one a day later"));
        }
    });
}

/// The buffer may hold something already: an answer is appended.
#[test]
fn an_answer_is_appended() {
    for_each_authorization(|case, call, failures| {
        let answer = decided(Decision::Approve { amount: call.request.amount });
        let (_, alone) = encode(case, &call.echo, &answer, NOW);
        let mut behind = b"before".to_vec();
        case.adapter.encode(&call.echo, &answer, &keyring(), NOW, &mut behind);
        failures.expect(behind == [b"before", alone.as_slice()].concat(), case, || "an answer is not appended".to_owned());
    });
}

#[test]
fn every_refusal_is_written() {
    let mut failures = Failures::default();
    for case in cases() {
        for refused in [
            Refused::NotAuthentic,
            Refused::Malformed(Malformed::field("zz.path[1]", "is missing")),
            Refused::Malformed(Malformed::field("zz\"\\\u{7}", "is missing")),
            Refused::Malformed(Malformed::field("", "is not JSON")),
            Refused::Forbidden(crate::proof::Permission::Capture),
            Refused::NoRoute,
            Refused::NotThisWay,
            Refused::TooSlow,
            Refused::TooLarge,
            Refused::TooEarly,
            Refused::NotDurable,
            Refused::Unavailable,
        ] {
            let mut body = Vec::new();
            let reply = case.adapter.refuse(&refused, &mut body);
            expect_json(&mut failures, &case, &format!("{refused:?}"), &reply, &body);
            failures.expect(reply.status >= 400, &case, || format!("{refused:?} has status {}", reply.status));
            if matches!(&refused, Refused::Malformed(malformed) if malformed.path == "zz.path[1]") {
                let told = String::from_utf8_lossy(&body).into_owned();
                failures.expect(told.contains("zz.path[1]"), &case, || format!("the field is not named: {told}"));
            }
        }
    }
    failures.report();
}
