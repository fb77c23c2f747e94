//! An intent is taken back by the ledger's act, as it is used by one: whichever comes first uses it up, and the other is refused. What the store
//! says of it afterwards is for those who look.

use holdfast_core::agent::{Governed, IntentReference, IntentStatus, Mode, Weight, cancellation_of, cancelling};
use holdfast_core::rules::Verdict;
use holdfast_core::{AuthorizationRequest, Decision, DeclineReason, IdempotencyKey, Merchant, Money};

use super::House;
use super::authorize_intent::request;
use super::intent_request::Asked;
use super::intent_standing::intent_used;
use super::reserving::LEDGER_MAX;
use crate::agent::bodies::Intent;
use crate::agent::office::change::Change;
use crate::agent::office::{Owner, no_randomness, read};
use crate::agent::outside;
use crate::agent::store::Row;
use crate::api::problem::{Code, Problem};
use crate::clock;
use crate::ledger::{Act, Decide, Origin};

/// How often a change of the same intent by others may come between.
const TRIES_MAX: u32 = 4;

/// How much longer than the intent its end is kept: the clocks of those who decide differ.
const LONGER_SECONDS: i64 = 300;

impl House {
    /// Takes an intent back: in the ledger, then in the store. Where the ledger cannot be asked the store has it all the same, so that no payment can
    /// be for it from now on; whether one was before, the same request tells once the ledger answers.
    pub(super) async fn take_back(&self, owner: Owner, row: Row, change: Change) -> Result<Row, Problem> {
        self.must_be_there(owner, &row).await?;
        let body = read::<Intent>(&row)?;
        let in_ledger = match self.use_up(owner, &row, &body).await {
            Err(problem) if problem.is(Code::LedgerUnavailable) => Err(problem),
            known => Ok(known?),
        };
        let reserved = body.reserved;
        let (row, body) = self.write_cancelled(owner, (row, body), change).await?;
        in_ledger?;
        if body.reserved && !reserved {
            // A reviewer's approval came between: what it reserved is of nobody.
            self.give_back(owner, &row.id).await?;
        }
        Ok(row)
    }

    /// What the ledger did not hear when an intent was taken back, it hears now; what it heard changes nothing.
    pub(super) async fn take_back_again(&self, owner: Owner, row: &Row) -> Result<(), Problem> {
        let body = read::<Intent>(row)?;
        if body.expires_at.0 > clock::utc() {
            self.use_up(owner, row, &body).await?;
        }
        if body.reserved { self.give_back(owner, &row.id).await } else { Ok(()) }
    }

    /// Written over whatever others made of it meanwhile, as long as there is something to take back: in the ledger it is used up.
    async fn write_cancelled(&self, owner: Owner, read: (Row, Intent), change: Change) -> Result<(Row, Intent), Problem> {
        let (mut row, mut body) = read;
        let mut tries = 0_u32;
        loop {
            let mut tried = change.clone();
            tried.update(&row, IntentStatus::Cancelled.name(), &body, Vec::new(), "intent.cancelled");
            tries = tries.saturating_add(1);
            match self.office.make(tried).await {
                Ok(row) => return Ok((row, body)),
                Err(problem) if problem.is(Code::VersionConflict) && tries < TRIES_MAX => {}
                Err(problem) => return Err(problem),
            }
            (row, body) = self.office.own::<Intent>(owner, &row.id).await?;
            self.must_be_there(owner, &row).await?;
        }
    }

    /// Uses an intent up as its payment would, on an account of no money, and takes over what it reserved. Taken back twice it is once.
    async fn use_up(&self, owner: Owner, row: &Row, body: &Intent) -> Result<(), Problem> {
        let no_name = || Problem::of(Code::Internal, "a name that is none");
        let program = self.office.registry().programs().of(owner.environment);
        let rules = self.programs.iter().find(|known| Some(known.id) == program).map(|known| known.rules.load_full());
        // Where no program decides, there are no payments.
        let (Some(program), Some(rules)) = (program, rules) else { return Ok(()) };
        let intent: IntentReference = row.id.parse().map_err(|_| no_name())?;
        let request = self.cancellation(&intent, body)?.ok_or_else(no_name)?;
        let card = request.card.ok_or_else(no_name)?;
        self.enter_outside(program, card, request.amount.currency()).await?;
        let instant = clock::instant();
        let decide = Decide {
            origin: Origin::of(program),
            digest: request.content_digest(),
            verdict: Verdict::Proceed(cancelling(&intent, request.amount, left_of(body))),
            request,
            ruleset: *rules.hash().as_bytes(),
            governed: Some(Governed {
                authority: body.spending_authority_id.parse().ok(),
                policy: None,
                binding: None,
                intent: Some(intent),
                asked_by: None,
                mode: Mode::Enforce,
                // Who takes it back again joins what took it back.
                weight: Weight::Joins,
                would: None,
                correlation: None,
            }),
            received_at: clock::utc(),
            not_after: instant.checked_add(LEDGER_MAX).unwrap_or(instant),
            choice: None,
            slip: None,
        };
        match self.done(Act::Decide(decide)).await?.into_decision() {
            Some(Decision::Approve { .. }) => Ok(()),
            Some(Decision::Decline { reason: DeclineReason::IntentUsed }) => Err(intent_used()),
            Some(Decision::Decline { .. }) | None => {
                let detail = "the ledger did not take the intent back; send it again";
                Err(Problem::of(Code::LedgerUnavailable, detail).retry_after(1))
            }
        }
    }

    /// The question that takes an intent back. Each has a key of its own: a refusal is no answer for later, when the intent may be free again.
    fn cancellation(&self, intent: &IntentReference, body: &Intent) -> Result<Option<AuthorizationRequest>, Problem> {
        let key = IntentReference::of_random(self.office.sealer.random().map_err(no_randomness)?);
        let Ok(currency) = body.currency.parse() else { return Ok(None) };
        let asked = Asked {
            authority: String::new(),
            binding: None,
            amount: Money::from_minor(1, currency),
            merchant: Merchant::default(),
            merchant_name: None,
            description: None,
            ttl_seconds: 0,
            reserve: false,
        };
        let card = outside::card_for(&body.spending_authority_id, currency);
        let parts = request(*intent, &asked, card).zip(cancellation_of(intent)).zip(IdempotencyKey::new(key.as_str()).ok());
        Ok(parts.map(|((request, payment), key)| AuthorizationRequest { key, payment, ..request }))
    }
}

/// For how long a payment can be for it, and some more.
fn left_of(body: &Intent) -> u32 {
    let left = body.expires_at.0.unix_micros().saturating_sub(clock::utc().unix_micros());
    let seconds = left.checked_div(1_000_000).unwrap_or(0).max(0).saturating_add(LONGER_SECONDS);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
