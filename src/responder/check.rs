//! Payments that are only checked: what the program's rules and the merchant's profile think of one, and which limits it would pass.
//! Nothing moves. The ledger is asked what limits have counted, and waited for but a moment: rules are told without it.

use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::payment::{CardExpiry, CheckCall, Checked, CheckedRule, CurrencyIs, LimitsAre, Written, roc_of};
use holdfast_adapters::{Answer, Malformed, Refused, Reply, strict};
use holdfast_core::agent::Governed;
use holdfast_core::hold::LimitUse;
use holdfast_core::rules::{Enforcement, LimitCheck, MatchList, Ruleset, Verdict, evaluate};
use holdfast_core::{AuthorizationRequest, CardToken, Currency, DeclineReason, MerchantId, RuleId, Timestamp};
use tokio::time::{timeout, timeout_at};

use super::breaker::BreakerIs;
use super::deadline::Deadline;
use super::mount::Mount;
use super::payments::{about, presented_merchant, verified};
use super::question::Payer;
use super::{Responder, encode};
use crate::clock;
use crate::ledger::{self, Act, Decide, Readiness, Slip, Ticket};
use crate::profiles::{self, Surcharges};
use crate::server::Call;

/// How long what limits have counted, or which account pays, is waited for, at most.
const COUNTED_MAX: Duration = Duration::from_millis(100);

/// The card of a recorded check whose number is none of ours.
const NOBODYS: &str = "unregistered-number";

/// The card and the merchant of one that told none.
const NOT_TOLD: &str = "not-told";

/// What is thought of a payment, before limits.
struct Thought {
    request: AuthorizationRequest,
    merchant: Option<Arc<profiles::Merchant>>,
    verdict: Verdict,
    /// Under which agent's authority the card would pay, if under any.
    governed: Option<Governed>,
    /// Whether that is certain.
    payer: Payer,
    rules: Vec<CheckedRule>,
}

impl Responder {
    /// Checks a payment against the rules, the merchant's profile, and what limits have counted. Nothing moves, and what it came to is
    /// written with whatever is written next, or when nobody wants anything.
    pub(super) async fn check(&self, call: &Call<'_>, mount: &Mount, asked: &CheckCall<'_>, body: &mut Vec<u8>) -> Reply {
        if !self.is_open() {
            // The rules in force are not known yet.
            return mount.adapter.refuse(&Refused::Unavailable, body);
        }
        let rules = mount.program.rules.load_full();
        let Thought { request, merchant, verdict, governed, payer, rules: mut listed } =
            match self.thought(call, mount, asked, &rules).await {
                Ok(thought) => thought,
                Err(malformed) => {
                    mount.metrics.malformed();
                    return mount.adapter.refuse(&Refused::Malformed(malformed), body);
                }
            };
        let limits = match (asked.limits, payer) {
            (LimitsAre::Asked, Payer::Known) => self.passed_limits(call, mount, (&request, &verdict, governed), &rules).await,
            (LimitsAre::Asked, Payer::Unknown) | (LimitsAre::NotAsked, _) => None,
        };
        let limits_are = if limits.is_some() { LimitsAre::Asked } else { LimitsAre::NotAsked };
        listed.extend(limits.unwrap_or_default());
        let allowed = listed.iter().all(|found| found.enforcement == Enforcement::Observe);
        let id = request.payment.authorization;
        let checked = Checked { id, roc: roc_of(&id), allowed, rules: listed, limits: limits_are };
        self.keep_check(mount, asked, &checked, &request, merchant.as_deref(), call.received.utc);
        encode(mount, &asked.echo, &Answer::Checked(&checked), body)
    }

    /// What rules and profile think, and every rule that matched.
    async fn thought(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        asked: &CheckCall<'_>,
        rules: &Ruleset,
    ) -> Result<Thought, Malformed> {
        let (program, now) = (mount.program.id, call.received.utc);
        let mut request = asked.request;
        (request.key, request.payment) = (asked.make)(&self.till.unique.draw())?;
        let merchant = match request.merchant.id {
            None => None,
            Some(id) => {
                let known = self.till.reader.profiles.merchant(program, id);
                Some(known.ok_or_else(|| Malformed::field(asked.field, "is no merchant of this program"))?)
            }
        };
        if let Some(number) = &asked.number {
            request.card = self.till.card_by(&program, number);
        }
        let instrument = request.card.and_then(|card| self.till.reader.profiles.instrument(program, card));
        request.cardholder = instrument.as_ref().and_then(|instrument| instrument.owner);
        self.name_owner(call, mount, &mut request).await;
        request.checkout = verified(request.checkout, instrument.as_deref());
        if let Some(merchant) = &merchant {
            request.merchant = presented_merchant(merchant);
        }
        let mut matched = MatchList::default();
        let of_rules = evaluate(rules, &request, now, &mut matched);
        let verdict = match &merchant {
            None => of_rules,
            Some(merchant) => profiles::opinion(program, merchant, &request, now, of_rules),
        };
        let (verdict, governed, payer) = match asked.currency {
            CurrencyIs::LookedAt => self.of_authority(call, mount, &request, verdict).await,
            // A capture and a refund are of a payment that was asked about.
            CurrencyIs::OfItsPayment => (verdict, None, Payer::Known),
        };
        let described = |id: &RuleId| {
            let rule = rules.rules().iter().find(|rule| rule.id() == *id);
            rule.and_then(|rule| rule.description()).map(str::to_owned)
        };
        let matches = matched.matches.iter().map(|found| CheckedRule {
            id: found.rule,
            description: described(&found.rule),
            reason: found.reason,
            enforcement: found.enforcement,
        });
        let mut listed: Vec<CheckedRule> = matches.collect();
        if let Verdict::Decline { reason, rule } = &verdict
            && !listed.iter().any(|found| found.id == *rule)
        {
            listed.push(CheckedRule { id: *rule, description: None, reason: *reason, enforcement: Enforcement::Enforce });
        }
        for refused in refused_at_its_door(asked, merchant.as_deref(), rules.currency(), now) {
            if listed.iter().all(|found| found.id != refused.id) {
                listed.push(refused);
            }
        }
        Ok(Thought { request, merchant, verdict, governed, payer, rules: listed })
    }

    /// What the authority thinks, too, that the card or its account is bound to. Which account that is, is waited for but a moment.
    async fn of_authority(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        request: &AuthorizationRequest,
        verdict: Verdict,
    ) -> (Verdict, Option<Governed>, Payer) {
        let mut question = self.question_of_card(mount, request);
        let by_account = self.lead_by_account(call, mount, &mut question);
        let in_time = timeout(COUNTED_MAX, by_account).await.is_ok();
        let payer = if in_time { question.payer } else { Payer::Unknown };
        match question.lead {
            None => (verdict, None, payer),
            Some(lead) => {
                let (verdict, governed) = lead.govern_unheard(verdict, request, call.received.utc);
                (verdict, Some(governed), payer)
            }
        }
    }

    /// The limits that the payment would pass; nothing if nobody can tell now. Where rules decline, no limit would count it.
    async fn passed_limits(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        (request, verdict, governed): (&AuthorizationRequest, &Verdict, Option<Governed>),
        rules: &Ruleset,
    ) -> Option<Vec<CheckedRule>> {
        let Verdict::Proceed(proceed) = verdict else { return None };
        if proceed.limits.is_empty() || !request.kind.takes_money() {
            return Some(Vec::new());
        }
        let (program, now) = (mount.program.id, call.received.utc);
        let is_away = self.breaker.is() != BreakerIs::Closed || self.ledger.readiness() == Readiness::Starting;
        if is_away || self.switchboard.is_on(&program, &mount.platform, now) {
            return None;
        }
        let soon = clock::instant().checked_add(COUNTED_MAX)?;
        let not_after = Deadline::new(&call.received, None, &mount.patience).decide_by.min(soon);
        let decide = Decide {
            origin: mount.origin(),
            request: *request,
            digest: request.content_digest(),
            verdict: verdict.clone(),
            ruleset: *rules.hash().as_bytes(),
            governed,
            received_at: now,
            not_after,
            choice: None,
            slip: None,
        };
        let asking = ledger::ask(self.ledger.as_ref(), Act::Preview(Box::new(decide)));
        let Ok(Ok(ledger::Answer::Previewed { uses, .. })) = timeout_at(not_after, asking).await else { return None };
        let minor = request.amount.minor();
        let passed = proceed.limits.iter().zip(&uses).filter_map(|(check, used)| passed(check, used, minor, rules));
        Some(passed.collect())
    }

    /// Has a check recorded, and waits for nothing.
    fn keep_check(
        &self,
        mount: &Mount,
        asked: &CheckCall<'_>,
        checked: &Checked,
        request: &AuthorizationRequest,
        merchant: Option<&profiles::Merchant>,
        at: Timestamp,
    ) {
        // A refund names neither merchant nor card.
        let nobodys = if asked.number.is_some() { NOBODYS } else { NOT_TOLD };
        let source = request.card.or_else(|| CardToken::new(nobodys).ok());
        let named = merchant.map(|merchant| merchant.id).or_else(|| MerchantId::new(NOT_TOLD).ok());
        let Some((source, named)) = source.zip(named) else { return };
        let rules: Vec<&str> = checked.rules.iter().map(|rule| rule.id.as_str()).collect();
        let text = serde_json::json!({ "asked": asked.text, "roc": checked.roc, "allowed": checked.allowed, "rules": rules });
        let written = Written {
            text: strict::written(&text),
            seen: merchant.map_or_else(profiles::unseen, |merchant| profiles::seen(merchant, None)),
            awaited: None,
        };
        let clear = strict::written(&written);
        let Ok(body) = self.till.reader.sealer.seal(&about(mount, &checked.id), clear.as_bytes()) else { return };
        let slip = Slip {
            program: mount.program.id,
            platform: mount.platform,
            payment: checked.id,
            kind: 0,
            merchant: named,
            source,
            at,
            body: Some(body),
            lasting: None,
            waits: false,
        };
        self.ledger.submit(Ticket::new(Act::KeepSlip(Arc::new(slip))));
    }
}

/// A limit, if one payment more of this amount would pass it.
fn passed(check: &LimitCheck, used: &LimitUse, minor: i64, rules: &Ruleset) -> Option<CheckedRule> {
    let reason = used.passes(check, minor, 1)?;
    let limit = rules.limits().iter().find(|limit| limit.id() == check.limit);
    let description = limit.and_then(|limit| limit.description()).map(str::to_owned);
    Some(CheckedRule { id: check.limit, description, reason, enforcement: check.enforcement })
}

/// Why the door of the payment itself would refuse what is checked, whatever the rules say: under names like a profile's own.
fn refused_at_its_door(
    asked: &CheckCall<'_>,
    merchant: Option<&profiles::Merchant>,
    currency: Currency,
    now: Timestamp,
) -> Vec<CheckedRule> {
    let surcharge = asked.request.checkout.map_or(0, |checkout| checkout.surcharge);
    let is_prohibited = surcharge > 0 && merchant.is_some_and(|merchant| merchant.surcharges == Surcharges::Prohibited);
    let today = jiff::Timestamp::from_microsecond(now.unix_micros()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    let this_month = CardExpiry { year: today.year(), month: today.month() };
    let is_expired = asked.expiry.is_some_and(|expiry| expiry < this_month);
    // All accounts of a program are in its currency.
    let is_foreign = asked.currency == CurrencyIs::LookedAt && asked.request.amount.currency() != currency;
    let found = [
        (is_foreign, "account:currency", DeclineReason::CurrencyNotAllowed),
        (is_prohibited, "merchant:surcharge", DeclineReason::TransactionNotPermitted),
        (is_expired, "card:expired", DeclineReason::CardExpired),
    ];
    let refused = found.into_iter().filter(|(is_so, ..)| *is_so).filter_map(|(_, name, reason)| {
        let id = RuleId::new(name).ok()?;
        Some(CheckedRule { id, description: None, reason, enforcement: Enforcement::Enforce })
    });
    refused.collect()
}
