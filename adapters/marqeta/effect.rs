//! What a notified transaction did to money: what it is ([`family`]) and its `state` to a fact.
//!
//! Only COMPLETION moves money; PENDING holds it; CLEARED ends an earlier PENDING; DECLINED and ERROR undo what was asked.
//! Sources: Marqeta OpenAPI, CoreAPI 3.0.40, schema `transaction_model`; "Event Types"; "Ledger Management with JIT
//! Funding". An advice is the exception to the latter's rule of reading `gpa.impacted_amount`.

use arrayvec::ArrayVec;
use holdfast_core::hold::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause};
use holdfast_core::{AmountError, Currency, IdempotencyKey, Money, PaymentRef, Posting};

use super::family::{Direction, Family};
use super::wire::{JitFunding, Transaction, money, text_of};
use super::{amounts, chain, family};
use crate::inbound::Malformed;
use crate::json::Amount;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Cleared,
    Completion,
    /// Declined, in error, or completed with a code that means failure.
    Failed,
}

/// What a transaction means, in the order in which it is told; none if it means nothing to money.
pub(super) type Facts = ArrayVec<Fact, 2>;

/// What a transaction means.
///
/// # Errors
/// What of it is not understood.
pub(super) fn facts(transaction: &Transaction<'_>, program: Currency) -> Result<Facts, Malformed> {
    let (_, order) = transaction.order();
    let jit = order.and_then(|order| order.jit_funding.0.as_ref());
    let family = family::of(transaction, jit).ok_or_else(|| Malformed::field("type", "is not known"))?;
    if family == Family::Nothing {
        return Ok(Facts::new());
    }
    let state = state(transaction)?;
    let currency = transaction.currency(program)?;
    let message = Message { transaction, jit, currency };
    let mut facts: Facts = message.fact(family, state)?.into_iter().collect();
    let says_no_amount =
        matches!(facts.first(), None | Some(Fact::Released { .. } | Fact::Recorded { outcome: RecordedOutcome::Declined, .. }));
    // Of a movement the sign of what moved says all that there is to say.
    if !says_no_amount && !matches!(family, Family::Movement(_, _)) {
        message.is_unsigned()?;
    }
    // A single message that somebody else approved says two things at once: whose word it was, and that it is complete. No
    // other message completes it.
    if let Some(&Fact::Recorded { payment, outcome, .. }) = facts.first()
        && matches!(outcome, RecordedOutcome::ApprovedByStandIn { posting: Posting::Immediate, .. })
        && state == State::Completion
    {
        facts.push(Fact::Completed { payment, amount: message.impact()? });
    }
    Ok(facts)
}

fn state(transaction: &Transaction<'_>) -> Result<State, Malformed> {
    let state = transaction.state.text().ok_or_else(|| Malformed::field("state", "is missing"))?;
    let code = transaction.response.0.as_ref().and_then(|response| response.code.text());
    match state {
        "PENDING" => Ok(State::Pending),
        "CLEARED" => Ok(State::Cleared),
        "COMPLETION" if matches!(code, None | Some("0000" | "0002" | "1830")) => Ok(State::Completion),
        "COMPLETION" | "DECLINED" | "ERROR" => Ok(State::Failed),
        _ => Err(Malformed::field("state", "is not known")),
    }
}

/// The number of a clearing that is not the first of several, where all of them are called by the authorization's own token: nothing else
/// tells one from another.
pub(super) fn later_part(transaction: &Transaction<'_>) -> Option<u32> {
    if transaction.kind.text() != Some("authorization.clearing") || chain::original(transaction, None).is_some() {
        return None;
    }
    sequence_number(transaction).filter(|number| *number > 1)
}

fn sequence_number(transaction: &Transaction<'_>) -> Option<u32> {
    transaction.multi_clearing_sequence_number.text().and_then(|text| text.parse().ok())
}

fn finality(transaction: &Transaction<'_>) -> Finality {
    let number = sequence_number(transaction);
    let count = transaction.multi_clearing_sequence_count.text().and_then(|text| text.parse::<u32>().ok());
    let is_last = matches!((number, count), (Some(number), Some(count)) if number >= count && count > 0);
    if transaction.is_final_clearing.0 == Some(true) || is_last { Finality::Final } else { Finality::More }
}

/// A transaction with what is needed to read it.
struct Message<'t, 'a> {
    transaction: &'t Transaction<'a>,
    jit: Option<&'t JitFunding<'a>>,
    currency: Currency,
}

impl Message<'_, '_> {
    /// What a message of this family says in this state.
    fn fact(&self, family: Family, state: State) -> Result<Option<Fact>, Malformed> {
        match (family, state) {
            (Family::Asked(posting), State::Pending | State::Completion) => self.approved(posting, state),
            (Family::Asked(_) | Family::AskedToCredit | Family::CreditedAtOnce, State::Failed) => self.declined(),
            (Family::Advice, State::Pending | State::Completion) if self.stood_in() && self.original().is_err() => {
                self.approved(Posting::Hold, State::Pending)
            }
            (Family::Advice, State::Pending | State::Completion) => {
                Ok(Some(Fact::Replaced { payment: self.original()?, total: self.amount()? }))
            }
            (Family::Reversal, State::Pending | State::Cleared | State::Completion) => self.reversed(state).map(Some),
            (Family::Expiry, State::Pending | State::Cleared | State::Completion) => {
                Ok(Some(Fact::Released { payment: self.original()?, cause: ReleaseCause::Expired }))
            }
            (Family::Clearing, State::Completion) => {
                Ok(Some(Fact::Captured { payment: self.cleared(), amount: self.impact()?, finality: finality(self.transaction) }))
            }
            (Family::Refund | Family::CreditedAtOnce, State::Completion) => Ok(Some(Fact::Credited {
                payment: self.original().ok(),
                amount: self.incoming()?,
                cause: MovementCause::NetworkSettlement,
            })),
            (Family::Movement(cause, direction), State::Completion) => self.movement(cause, direction).map(Some),
            (Family::Asked(_) | Family::Advice, State::Cleared)
            | (Family::Advice | Family::Reversal | Family::Expiry, State::Failed)
            | (Family::Clearing | Family::Refund | Family::Movement(_, _), State::Pending | State::Cleared | State::Failed)
            | (Family::AskedToCredit, State::Pending | State::Cleared | State::Completion)
            | (Family::CreditedAtOnce, State::Pending | State::Cleared)
            | (Family::Nothing, _) => Ok(None),
        }
    }

    /// What is reversed is what the message says, also where it clears: it may be one increment, or what was left of a payment. One that
    /// clears and says no amount is of all that there is.
    fn reversed(&self, state: State) -> Result<Fact, Malformed> {
        let payment = self.original()?;
        if state != State::Pending && self.transaction.amount.is_none() {
            return Ok(Fact::Released { payment, cause: ReleaseCause::Reversed });
        }
        Ok(Fact::Reduced { payment, by: self.amount()?, original: amounts::original(self.transaction, self.currency) })
    }

    fn original(&self) -> Result<PaymentRef, Malformed> {
        chain::original(self.transaction, self.jit)
            .ok_or_else(|| Malformed::field("preceding_related_transaction_token", "is missing"))
    }

    /// What a clearing is about: the payment that it follows, else the one that its own tokens name, which may be the authorization's.
    /// A force post says by its method that there is none; and where the transaction's token is no name, a JIT token alone is no link.
    fn cleared(&self) -> Option<PaymentRef> {
        let method = self.jit.and_then(|jit| jit.method).and_then(text_of);
        let is_forced = method.as_deref() == Some("pgfs.force_capture");
        let is_named = chain::own(self.transaction, None).is_some();
        let own = || self.own(self.jit_token().as_deref()).ok().filter(|_| is_named && !is_forced);
        self.original().ok().or_else(own)
    }

    /// The JIT token of our conversation, as the order or the gateway's log has it.
    fn jit_token(&self) -> Option<String> {
        let told = self.jit.and_then(|jit| jit.token).and_then(text_of).map(std::borrow::Cow::into_owned);
        told.or_else(|| {
            let (_, order) = self.transaction.order();
            let log = order?.funding.0.as_ref()?.gateway_log.0.as_ref()?;
            log.transaction_id.text().map(str::to_owned)
        })
    }

    fn approved(&self, posting: Posting, state: State) -> Result<Option<Fact>, Malformed> {
        if let (Posting::Immediate, State::Completion, Ok(payment)) = (posting, state, self.original()) {
            // It follows the message that the money was debited for, whoever approved that.
            return Ok(Some(Fact::Completed { payment, amount: self.impact()? }));
        }
        let asked = self.jit_token();
        let amount = match self.jit.and_then(|jit| jit.amount) {
            Some(amount) => self.read("jit_funding.amount", amount)?,
            None => self.amount()?,
        };
        let payment = self.own(asked.as_deref())?;
        if self.stood_in() || (asked.is_none() && !amount.is_zero()) {
            let key = asked.as_deref().unwrap_or_else(|| self.transaction.token.text().unwrap_or_default());
            return self.recorded(payment, key, RecordedOutcome::ApprovedByStandIn { amount, posting });
        }
        let Some(asked) = asked else { return Ok(None) };
        match (posting, state) {
            (Posting::Immediate, State::Completion) => Ok(Some(Fact::Completed { payment, amount: self.impact()? })),
            (Posting::Immediate | Posting::Hold, _) => self.recorded(payment, &asked, RecordedOutcome::Approved { amount }),
        }
    }

    /// Without a JIT token nobody asked us, so there is nothing to undo: Marqeta declined on its own.
    fn declined(&self) -> Result<Option<Fact>, Malformed> {
        let Some(asked) = self.jit_token() else { return Ok(None) };
        self.recorded(self.own(Some(&asked))?, &asked, RecordedOutcome::Declined)
    }

    /// How a question ended. What an increment adds to is said too, whoever answered it: it counts on that payment.
    fn recorded(&self, payment: PaymentRef, asked: &str, outcome: RecordedOutcome) -> Result<Option<Fact>, Malformed> {
        let method = self.jit.and_then(|jit| jit.method).and_then(text_of);
        let is_increment = self.transaction.kind.text() == Some("authorization.incremental")
            || method.as_deref() == Some("pgfs.authorization.incremental");
        let increments = if is_increment { self.original().ok() } else { None };
        Ok(Some(Fact::Recorded { payment, asked: asked_key(asked)?, increments, outcome }))
    }

    fn own(&self, jit_token: Option<&str>) -> Result<PaymentRef, Malformed> {
        chain::own(self.transaction, jit_token).ok_or_else(|| Malformed::field("token", "is not an identifier"))
    }

    /// Whether somebody else approved: Marqeta's Commando Mode, the network, or (after our answer came too late) anyone.
    fn stood_in(&self) -> bool {
        let (_, order) = self.transaction.order();
        let log = order.and_then(|order| order.funding.0.as_ref()).and_then(|funding| funding.gateway_log.0.as_ref());
        let method = self.jit.and_then(|jit| jit.method).and_then(text_of);
        self.transaction.standin_approved_by.text().is_some()
            || self.transaction.standin_by.text().is_some()
            || self.transaction.standin_reason.text().is_some()
            || log.is_some_and(|log| log.timed_out.0 == Some(true))
            || self.transaction.kind.text().is_some_and(|name| name.ends_with(".standin"))
            || method.is_some_and(|method| method.ends_with(".standin"))
    }

    /// The transaction's own amount. It has no sign: what one would mean is not known.
    fn amount(&self) -> Result<Money, Malformed> {
        let amount = self.transaction.amount.ok_or_else(|| Malformed::field("amount", "is missing"))?;
        self.read("amount", amount)
    }

    /// That the transaction's amount, where another one is read, has no sign either.
    fn is_unsigned(&self) -> Result<(), Malformed> {
        let amount = self.transaction.amount.and_then(|amount| amount.money(self.currency).ok());
        match amount {
            Some(amount) if amount.is_negative() => Err(Malformed::amount("amount", AmountError::Negative)),
            Some(_) | None => Ok(()),
        }
    }

    /// What Marqeta's own account moved by, signed; `None` if it does not say. One that is no amount is not as good as none: the
    /// transaction's own may be another.
    fn signed_impact(&self) -> Result<Option<Money>, Malformed> {
        let Some(gpa) = self.transaction.gpa.0.as_ref() else { return Ok(None) };
        let Some(amount) = gpa.impacted_amount else { return Ok(None) };
        let currency = match gpa.currency_code.text() {
            None => self.currency,
            Some(code) => {
                Currency::from_alpha(code).ok_or_else(|| Malformed::amount("gpa.currency_code", AmountError::UnknownCurrency))?
            }
        };
        let problem = |error| Malformed::amount("gpa.impacted_amount", error);
        amount.money(currency).map(Some).map_err(problem)
    }

    /// How much moved: the impact without its sign, else the transaction's amount.
    fn impact(&self) -> Result<Money, Malformed> {
        match self.signed_impact()? {
            Some(impact) => impact.checked_abs().map_err(|error| Malformed::amount("gpa.impacted_amount", error)),
            None => self.amount(),
        }
    }

    /// How much came in. What has the sign of money that went out is no credit.
    fn incoming(&self) -> Result<Money, Malformed> {
        match self.signed_impact()? {
            Some(impact) if impact.is_negative() => Err(Malformed::amount("gpa.impacted_amount", AmountError::Negative)),
            Some(_) | None => self.impact(),
        }
    }

    fn movement(&self, cause: MovementCause, unsigned: Option<Direction>) -> Result<Fact, Malformed> {
        let direction = match self.signed_impact()? {
            Some(impact) if impact.is_negative() => Direction::Out,
            Some(_) => Direction::In,
            None => {
                unsigned.ok_or_else(|| Malformed::field("gpa.impacted_amount", "is missing: which way it moved is not known"))?
            }
        };
        let amount = self.impact()?;
        let payment = self.original().ok();
        Ok(match direction {
            Direction::In => Fact::Credited { payment, amount, cause },
            Direction::Out => Fact::Debited { payment, amount, cause },
        })
    }

    fn read(&self, path: &str, amount: Amount<'_>) -> Result<Money, Malformed> {
        money(amount, self.currency).map_err(|error| Malformed::amount(path, error))
    }
}

fn asked_key(token: &str) -> Result<IdempotencyKey, Malformed> {
    IdempotencyKey::new(token).map_err(|error| Malformed::identifier("jit_funding.token", error))
}
