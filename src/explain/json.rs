//! A story as one object, for machines: amounts in minor units beside their currency, moments in RFC 3339.

use holdfast_core::hold::{Account, Outcome};
use holdfast_core::rules::{LimitCheck, RulesetHash, Verdict, Way, Ways};
use holdfast_core::{Money, RuleId};
use serde_json::{Value, json};

use super::matched;
use super::phrases;
use super::story::{Moment, Story};
use crate::books::Standings;
use crate::journal::{Body, Uses};
use crate::kept_rules::Described;

/// The whole story.
#[must_use]
pub fn of(story: &Story) -> Value {
    json!({
        "program": story.payment.program.map(|program| program.to_string()),
        "platform": story.payment.platform.map(|platform| platform.to_string()),
        "names": story.payment.names,
        "hold": story.payment.hold,
        "begins": story.begins.map(|begins| json!({"record": begins.record, "dropped_up_to": begins.at.to_string()})),
        "moments": story.moments.iter().map(|each| moment(story, each)).collect::<Vec<_>>(),
        "now": {
            "payment": story.hold.map(|hold| json!({
                "status": hold.status.name(),
                "authorized": hold.authorized,
                "held": hold.held,
                "debited": hold.ahead,
                "captured": hold.captured,
                "refunded": hold.refunded,
                "expires_at": hold.expires_at.map(|at| at.to_string()),
            })),
            "posted": story.posted().unwrap_or(0),
            "standing": standing(&story.now),
        },
    })
}

fn moment(story: &Story, moment: &Moment) -> Value {
    let record = &moment.record;
    let mut object = json!({
        "record": moment.number,
        "at": record.at.to_string(),
        "ruleset": record.ruleset.map(|hash| RulesetHash::from_bytes(hash).to_string()),
        "governed": record.governed,
        "operator": moment.operator.as_ref().map(|operation| json!({"who": operation.who, "why": operation.why})),
        "before": standing(&moment.before),
        "after": standing(&moment.after),
    });
    let more = match &record.body {
        Body::Decided { received_at, request, verdict, uses, outcome } => json!({
            "kind": "decided",
            "received_at": received_at.to_string(),
            "request": request,
            "checkout": request.checkout,
            "rules_bypassed": phrases::are_rules_bypassed(request),
            "bypass_refused": phrases::was_bypass_refused(request),
            "verdict": self::verdict(story, moment, verdict, uses),
            "matched": matched(story, moment),
            "way": way(outcome),
            "outcome": outcome,
        }),
        Body::Adopted { received_at, request, verdict, told, basis, outcome } => json!({
            "kind": "adopted",
            "received_at": received_at.to_string(),
            "request": request,
            "checkout": request.checkout,
            "rules_bypassed": phrases::are_rules_bypassed(request),
            "bypass_refused": phrases::was_bypass_refused(request),
            "verdict": verdict.as_ref().map(|verdict| self::verdict(story, moment, verdict, &Uses::new())),
            "matched": matched(story, moment),
            "told": told,
            "basis": basis,
            "way": way(outcome),
            "outcome": outcome,
        }),
        Body::Told { event, outcome } => json!({
            "kind": "told",
            "occurred_at": event.occurred_at.map(|at| at.to_string()),
            "settlement_day": event.settlement_day.map(date),
            "card": event.subject.card.map(|card| card.to_string()),
            "says": phrases::fact(&event.fact),
            "fact": event.fact,
            "outcome": outcome,
        }),
        Body::Ordered { key, order, outcome, .. } => {
            json!({"kind": "ordered", "key": key, "says": phrases::order(order), "order": order, "outcome": outcome})
        }
        Body::Joined { gives, outcome, .. } => {
            json!({"kind": "joined", "hold": record.place.hold, "takes_over_hold": gives, "outcome": outcome})
        }
        Body::Reassigned { increment, side, outcome, .. } => json!({
            "kind": "reassigned",
            "increment": increment.authorization,
            "says": phrases::reassigned(*side),
            "outcome": outcome,
        }),
        Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. } => {
            json!({})
        }
    };
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

/// What its ruleset says of a rule or limit.
fn described(story: &Story, moment: &Moment, rule: &RuleId) -> Option<Described> {
    let (program, hash) = moment.record.program.as_ref().zip(moment.record.ruleset.as_ref())?;
    story.rules.describe(program, hash, rule)
}

/// Every rule that matched, the one that decided among them; `null` where none was asked, or which ones is not known any more.
fn matched(story: &Story, moment: &Moment) -> Value {
    let Some(Ok(matches)) = matched::of(story, moment) else { return Value::Null };
    let each = matches.iter().map(|found| {
        json!({
            "rule": found.rule,
            "description": described(story, moment, &found.rule).and_then(|known| known.description),
            "reason": found.reason.name(),
            "enforcement": found.enforcement,
        })
    });
    each.collect()
}

fn verdict(story: &Story, moment: &Moment, verdict: &Verdict, uses: &Uses) -> Value {
    let described = |rule: &RuleId| described(story, moment, rule);
    match verdict {
        Verdict::Decline { reason, rule } => json!({
            "declines": reason.name(),
            "rule": rule,
            "description": described(rule).and_then(|known| known.description),
        }),
        Verdict::Proceed(proceed) => {
            let limit = |(place, check): (usize, &LimitCheck)| {
                let used = uses.get(place);
                json!({
                    "limit": check.limit,
                    "description": described(&check.limit).and_then(|known| known.description),
                    "currency": proceed.ceiling.currency().code(),
                    "amount_max": check.amount_max,
                    "amount_used": used.map(|used| used.amount),
                    "count_max": check.count_max,
                    "count_used": used.map(|used| used.count),
                    "enforcement": check.enforcement,
                    "ways": check.ways.map(numbers),
                })
            };
            let limits = proceed.limits.iter().enumerate().map(limit).collect::<Vec<_>>();
            // Of what was adopted only the way is kept that it took.
            let is_known = !matches!(moment.record.body, Body::Adopted { .. });
            let open = proceed.ways.filter(|_| is_known).map(numbers);
            json!({"ceiling": amount(proceed.ceiling), "limits": limits, "open_ways": open})
        }
    }
}

/// Ways as people count them.
fn numbers(ways: Ways) -> Vec<u8> {
    ways.iter().map(Way::number).collect()
}

/// Of several ways the one that was taken.
fn way(outcome: &Outcome) -> Option<u8> {
    outcome.way.map(Way::number)
}

fn standing(standings: &Standings) -> Value {
    json!({
        "card": standings.card.map(|status| status.name()),
        "cardholder": standings.cardholder.map(|status| status.name()),
        "account": standings.book.as_ref().map(|book| account(book.id.as_str(), &book.account)),
    })
}

fn account(id: &str, account: &Account) -> Value {
    json!({
        "account_id": id,
        "status": account.status.name(),
        "currency": account.currency.code(),
        "posted": account.posted,
        "held": account.held,
        "credit_line": account.credit_line,
        "available": account.available(),
    })
}

fn amount(money: Money) -> Value {
    json!({"minor": money.minor(), "currency": money.currency().code()})
}

/// A count of days since 1970-01-01 as a date.
#[must_use]
pub fn date(days: i32) -> String {
    let at = holdfast_core::Timestamp::from_unix_seconds(i64::from(days).saturating_mul(86_400)).to_string();
    at.chars().take_while(|character| *character != 'T').collect()
}
