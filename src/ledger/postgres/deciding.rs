//! A question that the database's own function decides, in one round trip.
//!
//! What becomes of it if everything is in order is worked out here, by [`hold::apply`] on a slice in which everything is; the
//! function looks whether it is, and writes that, or a decline. What is not plain (an increment, a payment of which something
//! was told before, a question that comes again, a part, an inquiry) it leaves to the engine: then it has written nothing.

use std::sync::atomic::{AtomicI64, Ordering};

use deadpool_postgres::GenericClient;
use holdfast_core::agent::Weight;
use holdfast_core::hold::{
    self, Account, AccountStatus, Answered, Asked, Card, CardStatus, CardholderStatus, Counted, Event, FoundBy, Heard, LimitUse,
    Outcome, Slice,
};
use holdfast_core::rules::{Enforcement, LIMITS_MAX, LimitCheck, StillOpen, Verdict, Window};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, Basis, Decision, PartialApproval, RuleId, Timestamp};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::fresh::{AccountNow, News};
use super::last_seen::number_of;
use super::load::Life;
use super::numbers::Numbers;
use super::trouble::{Trouble, Whereabouts};
use super::values::{At, Name, decline_reason, expiry_name, posting_name, word};
use crate::clock::Moment;
use crate::journal::{BodyRef, Draft, Place, RecordRef, Uses};
use crate::ledger::embedded::state::NameKey;
use crate::ledger::{Answer, Decide, LedgerError, Origin};

/// More than any question needs, and with room above it.
const PLENTY: i64 = i64::MAX / 4;

const CALL: &str = "SELECT * FROM holdfast.decide($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
    $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42,
    $43, $44, $45, $46, $47, $48, $49, $50)";

/// What the function said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on its way to whoever asked")]
pub enum Said {
    /// Decided, and written; which account it was about, and what that is now where it changed.
    Decided(Result<Answer, LedgerError>, Option<i64>, Option<AccountNow>),
    /// That the engine has to decide.
    Engine,
}

/// How far the database's clock is ahead of ours.
#[derive(Debug, Default)]
pub struct Ahead(AtomicI64);

impl Ahead {
    /// The database's clock showed this when ours showed that.
    pub fn learn(&self, theirs: Timestamp, ours: Timestamp) {
        self.0.store(theirs.unix_micros().saturating_sub(ours.unix_micros()), Ordering::Relaxed);
    }

    /// A moment of ours by the database's clock.
    pub fn theirs(&self, ours: Timestamp) -> Timestamp {
        Timestamp::from_unix_micros(ours.unix_micros().saturating_add(self.0.load(Ordering::Relaxed)))
    }
}

/// A question that is plain as far as it can be seen from here.
pub struct Plain<'a> {
    decide: &'a Decide,
    /// What becomes of it if everything is in order.
    outcome: Outcome,
    /// What has to be available; none where no money is needed.
    needs: Option<i64>,
}

/// The limits of a question, a list a column.
#[derive(Default)]
struct Limits {
    counters: Vec<i64>,
    scopes: Vec<&'static str>,
    kinds: Vec<&'static str>,
    slots: Vec<i64>,
    lengths: Vec<i64>,
    amounts_max: Vec<Option<i64>>,
    counts_max: Vec<Option<i64>>,
    enforced: Vec<bool>,
    bases: Vec<Vec<u8>>,
    /// From 1, in the order in which everybody locks counters.
    in_order: Vec<i32>,
}

impl<'a> Plain<'a> {
    /// A question, if it is plain.
    pub fn of(decide: &'a Decide) -> Option<Self> {
        let request = &decide.request;
        if decide.governed.is_some() || decide.choice.is_some() || decide.slip.is_some() {
            // An authority's limits have reasons of their own, and a preview moves nothing: the engine knows both. What a payment
            // door's caller wrote is kept in the same transaction, which the function does not do.
            return None;
        }
        if matches!(&decide.verdict, Verdict::Proceed(proceed) if proceed.ways.is_some()) {
            // Nor does it choose among several ways, which only authorities leave open.
            return None;
        }
        let plain = match request.kind {
            AuthorizationKind::Purchase
            | AuthorizationKind::PurchaseWithCashback
            | AuthorizationKind::CashWithdrawal
            | AuthorizationKind::QuasiCash
            | AuthorizationKind::BillPayment
            | AuthorizationKind::AccountVerification
            | AuthorizationKind::Credit => request.card.is_some() && (0..PLENTY / 2).contains(&request.amount.minor()),
            AuthorizationKind::Incremental | AuthorizationKind::BalanceInquiry | AuthorizationKind::Unknown => false,
        };
        #[cfg(test)]
        let plain = plain && decide.origin.program.as_str() != crate::ledger::conformance::PROGRAM_THAT_PANICS;
        if !plain {
            return None;
        }
        let outcome = in_order(decide);
        let needs = match outcome.decision? {
            (Decision::Approve { amount }, Basis::Ledger) if amount == request.amount => needed(request, &outcome)?,
            (Decision::Decline { .. }, Basis::Rule(_)) => None,
            // Not even with everything in order as it was asked.
            (_, _) => return None,
        };
        Some(Plain { decide, outcome, needs })
    }

    /// Asks the function.
    ///
    /// # Errors
    /// The database; [`Trouble::Collided`] if somebody else made the key or the payment at this moment.
    pub async fn ask(
        &self,
        client: &impl GenericClient,
        key: NameKey,
        numbers: &Numbers,
        ahead: &Ahead,
        now: &Moment,
        at: &Whereabouts,
    ) -> Result<Said, Trouble> {
        let Decide { origin, request, verdict, ruleset, not_after, .. } = self.decide;
        let Some(card) = &request.card else { return Ok(Said::Engine) };
        if now.instant > *not_after {
            return Ok(Said::Decided(Err(LedgerError::Late), None, None));
        }
        let (hold, record) = (numbers.take(1, now.utc), numbers.take(1, now.utc));
        let Some(written) = self.written(&origin.program, ruleset, now.utc, hold) else { return Ok(Said::Engine) };
        let names = key.payment(&origin.program, origin.platform.as_ref(), &request.payment);
        let question = Question {
            card: card.as_str(),
            names: names.iter().map(Name::from).collect(),
            asked: Name::from(key.asked(&origin.program, origin.platform.as_ref(), &request.key)),
            merchant: key.merchant(&origin.program, &request.merchant).map(i64::from),
            limits: Limits::of(verdict),
            numbers: (record, hold),
            now: now.utc,
            until: ahead.theirs(now.utc_at(*not_after)),
            written,
        };
        let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
        let statement = client.prepare_cached(CALL).await.map_err(said)?;
        let row = self.call(client, &statement, &question).await.map_err(said)?;
        self.heard(&row, &question.limits).ok_or_else(|| Trouble::Damaged("what decide says", at.clone()))
    }

    /// What is so after this answer, and with the account that it changed.
    pub fn news(&self, key: NameKey, answer: &Result<Answer, LedgerError>, account: Option<(i64, AccountNow)>) -> News {
        let Ok(Answer::Decided { decision, .. }) = answer else { return News::default() };
        let Decide { origin: Origin { program, platform, .. }, request, digest, received_at, .. } = self.decide;
        let answered = Answered { digest: digest.kept(), asked_at: *received_at, decision: *decision };
        News {
            answers: vec![(number_of(key, program, platform.as_ref(), &request.key), answered)],
            accounts: account.into_iter().collect(),
            ..News::default()
        }
    }

    /// Calls the function, with everything in the order of its parameters.
    async fn call(
        &self,
        client: &impl GenericClient,
        statement: &Statement,
        question: &Question<'_>,
    ) -> Result<Row, tokio_postgres::Error> {
        let Decide { origin, request, digest, verdict, received_at, .. } = self.decide;
        let Question { limits, written, .. } = question;
        let (approves, rule_reason) = match self.outcome.decision {
            Some((Decision::Decline { reason }, _)) => (false, Some(reason.name())),
            Some((Decision::Approve { .. }, _)) | None => (true, None),
        };
        let in_part = request.partial_approval == PartialApproval::Supported
            && matches!(verdict, Verdict::Proceed(proceed) if proceed.hold.partial_min.is_some());
        let stands = self.outcome.hold.unwrap_or(hold::Hold::NONE);
        let counted = self.outcome.counted.first();
        let (counts_amount, counts_count) = counted.map_or((0, 0), |counted| (counted.amount, i64::from(counted.count)));
        let platform = origin.platform.as_ref().map(|platform| platform.as_str());
        let owner = request.cardholder.as_ref().map(|owner| owner.as_str());
        #[rustfmt::skip]
        let values: [&(dyn ToSql + Sync); 50] = [
            &origin.program.as_str(), &platform, &question.card, &request.amount.currency().code(), &owner,
            &question.asked, &Name(*digest.kept().as_bytes()), &At(*received_at), &request.key.as_str(),
            &question.names, &request.payment.authorization.as_str(),
            &question.numbers.0, &question.numbers.1, &At(question.now), &At(question.until),
            &approves, &rule_reason,
            &request.amount.minor(), &self.needs, &in_part, &self.outcome.posted, &self.outcome.held,
            &stands.status.name(), &posting_name(stands.posting), &stands.authorized, &stands.held, &stands.ahead, &stands.tolerance,
            &expiry_name(request.expiry), &stands.expires_at.map(At), &written.life,
            &limits.counters, &limits.scopes, &limits.kinds, &limits.slots, &limits.lengths,
            &limits.amounts_max, &limits.counts_max, &limits.enforced, &limits.bases, &limits.in_order,
            &counted.is_some(), &counts_amount, &counts_count,
            &written.draft.head, &written.draft.middle, &written.outcome, &written.answered, &written.hold, &question.merchant,
        ];
        client.query_one(statement, &values).await
    }

    /// What the function's row means.
    fn heard(&self, row: &Row, limits: &Limits) -> Option<Said> {
        let account = row.try_get("account").ok()?;
        let decided = |decision, basis| {
            let answer = Answer::Decided { decision, basis, balance: None, intent: None };
            Some(Said::Decided(Ok(answer), account, self.left(row)))
        };
        match row.try_get("said").ok()? {
            "approved" => decided(Decision::Approve { amount: self.decide.request.amount }, Basis::Ledger),
            "declined" => {
                let basis = match row.try_get::<_, Option<i32>>("by_limit").ok()? {
                    Some(place) => Basis::Limit(limits.name(self.decide, place)?),
                    None => match self.outcome.decision? {
                        (Decision::Decline { reason }, basis) if reason == word(row, "reason", decline_reason)? => basis,
                        (_, _) => Basis::Ledger,
                    },
                };
                decided(Decision::Decline { reason: word(row, "reason", decline_reason)? }, basis)
            }
            "late" => Some(Said::Decided(Err(LedgerError::Late), None, None)),
            // What is said again depends on what became of the payment; the same key with other content is written down.
            "again" | "engine" => Some(Said::Engine),
            _ => None,
        }
    }

    /// What the account is that an approval changed: nothing else does, and of one that is active only.
    fn left(&self, row: &Row) -> Option<AccountNow> {
        let number = |column| row.try_get::<_, Option<i64>>(column).ok()?;
        let account = Account {
            currency: self.decide.request.amount.currency(),
            posted: number("now_posted")?,
            held: number("now_held")?,
            credit_line: number("now_credit_line")?,
            status: AccountStatus::Active,
        };
        Some(AccountNow { account, changes: number("now_changes")? })
    }

    /// Everything that the function writes as it is.
    fn written(&self, program: &holdfast_core::ProgramId, ruleset: &[u8; 32], now: Timestamp, hold: i64) -> Option<Written> {
        let Decide { origin, request, digest, verdict, received_at, .. } = self.decide;
        let uses = Uses::new();
        let body = BodyRef::Decided { received_at: *received_at, request, verdict, uses: &uses, outcome: &self.outcome };
        let draft = Draft::of(&RecordRef {
            at: now,
            program: Some(program),
            platform: origin.platform.as_ref(),
            ruleset: Some(ruleset),
            operator: origin.operator,
            governed: None,
            place: Place::default(),
            body,
        })?;
        let life = self.outcome.step.map(|step| {
            // What a hold counts is kept with it.
            let counted = self.outcome.counted.iter().copied().collect();
            postcard::to_allocvec(&Life { steps: std::iter::once(step).collect(), counted })
        });
        Some(Written {
            draft,
            life: life.transpose().ok()?,
            outcome: postcard::to_allocvec(&self.outcome).ok()?,
            answered: postcard::to_allocvec(&(digest.kept(), received_at)).ok()?,
            hold: postcard::to_allocvec(&Some(hold.cast_unsigned())).ok()?,
        })
    }
}

/// A question as the function is asked it, beside what it is itself.
struct Question<'q> {
    card: &'q str,
    names: Vec<Name>,
    asked: Name,
    merchant: Option<i64>,
    limits: Limits,
    /// Of the record, and of the hold if it opens one.
    numbers: (i64, i64),
    now: Timestamp,
    /// By the database's clock.
    until: Timestamp,
    written: Written,
}

/// Bytes that the function puts together.
struct Written {
    draft: Draft,
    life: Option<Vec<u8>>,
    outcome: Vec<u8>,
    answered: Vec<u8>,
    hold: Vec<u8>,
}

/// What becomes of a question if everything is in order.
fn in_order(decide: &Decide) -> Outcome {
    let Decide { request, digest, verdict, received_at, .. } = decide;
    let currency = request.amount.currency();
    let account = Account { currency, posted: PLENTY, held: 0, credit_line: 0, status: AccountStatus::Active };
    let slice = Slice {
        account: Some(account),
        card: Some(Card { status: CardStatus::Active, cardholder: CardholderStatus::Active }),
        hold: None,
        found_by: FoundBy::ItsNames,
        steps: &[],
        counted: &[],
        answered: None,
        heard: Heard::First,
        uses: &[LimitUse { amount: 0, count: 0 }; LIMITS_MAX],
        standing: None,
    };
    let asked = Asked { request, digest: *digest, asked_at: *received_at, verdict, weight: Weight::Moves };
    hold::apply(&slice, &Event::Asked(asked), *received_at)
}

/// What has to be available for an approval; the outer `None` where that is more than can be said here.
fn needed(request: &AuthorizationRequest, outcome: &Outcome) -> Option<Option<i64>> {
    match request.kind {
        // Nothing is needed for nothing.
        _ if request.amount.is_zero() && outcome.step.is_none() => Some(None),
        AuthorizationKind::AccountVerification | AuthorizationKind::Credit => Some(None),
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::Incremental
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => {
            let takes = outcome.held.checked_sub(outcome.posted)?;
            let same = |counted: &Counted| {
                outcome.counted.iter().all(|other| (other.amount, other.count) == (counted.amount, counted.count))
            };
            (takes < PLENTY / 2 && outcome.counted.first().is_none_or(same)).then_some(Some(takes))
        }
    }
}

fn reach(since: Timestamp, still: StillOpen) -> i64 {
    still.moment().map_or(0, |after| since.unix_micros().saturating_sub(after.unix_micros()).max(0))
}

impl Limits {
    fn of(verdict: &Verdict) -> Self {
        let mut limits = Limits::default();
        let Verdict::Proceed(proceed) = verdict else { return limits };
        for check in &proceed.limits {
            limits.add(check);
        }
        let mut order: Vec<(i64, &str, i32)> = limits
            .counters
            .iter()
            .zip(&limits.scopes)
            .zip(1..)
            .map(|((counter, scope), place)| (*counter, *scope, place))
            .collect();
        order.sort_unstable();
        limits.in_order = order.into_iter().map(|(.., place)| place).collect();
        limits
    }

    fn add(&mut self, check: &LimitCheck) {
        let (kind, slot, length) = match check.window {
            // How long before it a window began at most that is open in its place, because the calendar was moved.
            Window::Since(since) => ("since", since.unix_micros(), reach(since, check.still)),
            Window::Rolling { bucket, buckets } => ("rolling", bucket, i64::from(buckets)),
            Window::Lifetime => ("lifetime", 0, 0),
        };
        self.counters.push(check.counter.0.cast_signed());
        self.scopes.push(check.scope.kept_as().name());
        self.kinds.push(kind);
        self.slots.push(slot);
        self.lengths.push(length);
        self.amounts_max.push(check.amount_max);
        self.counts_max.push(check.count_max.map(i64::from));
        self.enforced.push(check.enforcement == Enforcement::Enforce);
        self.bases.push(postcard::to_allocvec(&Basis::Limit(check.limit)).unwrap_or_default());
    }

    fn name(&self, decide: &Decide, place: i32) -> Option<RuleId> {
        let Verdict::Proceed(proceed) = &decide.verdict else { return None };
        let place = usize::try_from(place).ok()?.checked_sub(1)?;
        proceed.limits.get(place).map(|check| check.limit)
    }
}
