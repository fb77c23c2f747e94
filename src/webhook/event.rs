//! What is told: one event for each record that did something to a payment, named and written for the outside.
//!
//! An event says only what the record says: the platform's tokens, amounts in minor units beside their currency, moments in RFC 3339.
//! Nothing here reads a journal or sends anything.

use std::fmt;

use holdfast_core::agent::Weight;
use holdfast_core::hold::{Fact, Order, Outcome, ReleaseCause, ToldEvent};
use holdfast_core::{
    AuthorizationId, AuthorizationRequest, Basis, Decision, DeclineReason, Money, PaymentRef, PlatformName, ProgramId, Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::answered::{AnsweredPayment, has_own_event};
use crate::journal::{Body, Record};
use crate::ledger::weight_of;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// An authorization was approved, by the ledger or by stand-in.
    AuthorizationApproved,
    /// An authorization was declined.
    AuthorizationDeclined,
    /// A merchant took money of a payment.
    HoldCaptured,
    /// What a payment held is free again, all of it or the rest.
    HoldReleased,
    /// A merchant gave back money that it had taken.
    PaymentRefunded,
    /// A program is stood in for from now on.
    StandInEntered,
    /// A program's ledger decides again.
    StandInLeft,
    /// A door of ours answered a payment: told in that interface's own words, instead of the two above, to whom asks for it.
    PaymentAuth,
    /// A person approved, or denied, an intent of agent spend that waited for that.
    IntentReviewed,
    /// Somebody tries whether the endpoint hears us.
    EndpointTest,
}

impl EventKind {
    /// All kinds that an endpoint can ask for, in the order of declaration.
    pub const ALL: [EventKind; 9] = [
        EventKind::AuthorizationApproved,
        EventKind::AuthorizationDeclined,
        EventKind::HoldCaptured,
        EventKind::HoldReleased,
        EventKind::PaymentRefunded,
        EventKind::StandInEntered,
        EventKind::StandInLeft,
        EventKind::PaymentAuth,
        EventKind::IntentReviewed,
    ];

    /// The kind as bodies, configurations and listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::AuthorizationApproved => "authorization.approved",
            EventKind::AuthorizationDeclined => "authorization.declined",
            EventKind::HoldCaptured => "hold.captured",
            EventKind::HoldReleased => "hold.released",
            EventKind::PaymentRefunded => "payment.refunded",
            EventKind::StandInEntered => "stand_in.entered",
            EventKind::StandInLeft => "stand_in.left",
            EventKind::PaymentAuth => "PAYMENT_AUTH",
            EventKind::IntentReviewed => "intent.reviewed",
            EventKind::EndpointTest => "endpoint.test",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        EventKind::ALL.into_iter().chain([EventKind::EndpointTest]).find(|kind| kind.name() == name)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name, the same however often it is sent: `evt_` and 32 hexadecimal digits.
    pub id: String,
    /// What it is about.
    pub kind: EventKind,
    /// Whose.
    pub program: ProgramId,
    /// What has this number in common is told in the order in which it happened: a payment's, or a program's stand-in.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What is said besides, as the body's `data`.
    pub data: Value,
    /// The payment that was answered, if the documents of the door that it came to have an event of their own for that.
    pub answered: Option<AnsweredPayment>,
}

impl Event {
    /// The same event in the words of its door.
    #[must_use]
    pub fn in_words_of_its_door(self) -> Self {
        if self.answered.is_some() { Event { kind: EventKind::PaymentAuth, ..self } } else { self }
    }

    /// The body that is sent, unless it is [`EventKind::PaymentAuth`]'s.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let body = json!({ "type": self.kind.name(), "timestamp": self.at.to_string(), "data": self.data });
        body.to_string().into_bytes()
    }

    /// What a record tells, if it tells anything. The same record makes the same event, whoever asks and whenever.
    #[must_use]
    pub fn of_record(number: i64, record: &Record) -> Option<Event> {
        let program = record.program?;
        let told = Told::of(record)?;
        let platform = record.platform.as_ref().map_or("", PlatformName::as_str);
        // A platform may call a payment by two names; its hold has one number. At a door of ours it has one name, and that already
        // while it waits.
        let sequence = match (record.place.hold, told.payment) {
            (_, Some(payment)) if has_own_event(platform) => sequence_of_payment(&program, platform, &payment.authorization),
            (Some(hold), _) => sequence_of(&[program.as_str(), &hold.to_string()]),
            (None, Some(payment)) => sequence_of_payment(&program, platform, &payment.authorization),
            (None, None) => sequence_of(&[program.as_str(), platform, &number.to_string()]),
        };
        let mut data = json!({
            "program": program.as_str(),
            "platform": record.platform.as_ref().map(PlatformName::as_str),
            "record": number,
            "recorded_at": record.at.to_string(),
            "payment": told.payment.map(|payment| payment.authorization.as_str()),
            "hold": record.place.hold,
        });
        if let (Value::Object(data), Value::Object(more)) = (&mut data, told.more) {
            data.extend(more);
        }
        Some(Event {
            id: id_of(&[program.as_str(), &number.to_string(), &record.at.unix_micros().to_string()]),
            kind: told.kind,
            program,
            sequence,
            at: told.at,
            data,
            answered: AnsweredPayment::of_record(record),
        })
    }
}

/// What everything about one payment has in common, by its name.
#[must_use]
pub fn sequence_of_payment(program: &ProgramId, platform: &str, payment: &AuthorizationId) -> u64 {
    sequence_of(&[program.as_str(), platform, payment.as_str()])
}

/// An event's name, made of what makes it this event.
#[must_use]
pub fn id_of(parts: &[&str]) -> String {
    let digest = digest_of(parts);
    digest.iter().take(16).fold("evt_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

/// What is told one after the other, made of what it has in common. Two of one number only wait for each other.
#[must_use]
pub fn sequence_of(parts: &[&str]) -> u64 {
    u64::from_le_bytes(digest_of(parts).first_chunk().copied().unwrap_or_default())
}

fn digest_of(parts: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    digest.finalize().into()
}

/// What a record says of a payment.
struct Told<'r> {
    kind: EventKind,
    payment: Option<&'r PaymentRef>,
    at: Timestamp,
    more: Value,
}

impl<'r> Told<'r> {
    fn of(record: &'r Record) -> Option<Told<'r>> {
        match &record.body {
            Body::Decided { received_at, request, outcome, .. } => {
                let (decision, basis) = outcome.decision?;
                Told::decided(record, request, (decision, basis), *received_at)
            }
            Body::Adopted { received_at, request, told, basis, .. } => {
                Told::decided(record, request, (told.decision(), *basis), *received_at)
            }
            Body::Told { event, outcome } => Told::notified(event, outcome, record.at),
            Body::Ordered { payment, order, outcome, .. } => Told::ordered(record, payment, order, outcome),
            Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            // The message, or the question, that says so comes with it, and is told: of the payment that it names.
            | Body::Joined { .. } | Body::Reassigned { .. } => None,
        }
    }

    fn decided(
        record: &Record,
        request: &'r AuthorizationRequest,
        (decision, basis): (Decision, Basis),
        received_at: Timestamp,
    ) -> Option<Told<'r>> {
        let (kind, approved, reason) = match decision {
            // Somebody used a key twice. Of the payment that has it, and that listeners know by its name, it says nothing.
            Decision::Decline { reason: DeclineReason::ConflictingDuplicate } => return None,
            Decision::Approve { amount } => (EventKind::AuthorizationApproved, Some(money(amount)), None),
            Decision::Decline { reason } => (EventKind::AuthorizationDeclined, None, Some(reason.name())),
        };
        let (payment, _) = request.payments();
        let more = json!({
            "kind": request.kind.name(),
            "card": request.card.as_ref().map(|card| card.as_str()),
            "cardholder": request.cardholder.as_ref().map(|cardholder| cardholder.as_str()),
            "amount": money(request.amount),
            "approved": approved,
            "reason": reason,
            "basis": basis.name(),
            "stand_in_cause": basis.stand_in_cause().map(|cause| cause.name()),
            // Answered without the ledger, which heard of it when it was recorded.
            "adopted": matches!(record.body, Body::Adopted { .. }),
            // Of a question at a door that is not its binding's: it moved nothing.
            "preview": weight_of(record.governed.as_ref()) == Weight::Preview,
            "authority": record.governed.and_then(|governed| governed.authority).map(|authority| authority.to_string()),
            "merchant": {
                "id": request.merchant.id.as_ref().map(|id| id.as_str()),
                "mcc": request.merchant.mcc.map(|mcc| mcc.to_string()),
                "country": request.merchant.country.as_ref().map(|country| country.to_string()),
            },
        });
        Some(Told { kind, payment: Some(payment), at: received_at, more })
    }

    /// What became no step of a payment changed nothing, and is not told.
    fn notified(event: &'r ToldEvent, outcome: &Outcome, recorded_at: Timestamp) -> Option<Told<'r>> {
        outcome.step.as_ref()?;
        let (kind, amount, cause) = match &event.fact {
            Fact::Captured { amount, .. } | Fact::Completed { amount, .. } => (EventKind::HoldCaptured, Some(*amount), None),
            Fact::Released { cause, .. } => (EventKind::HoldReleased, None, Some(release_name(*cause))),
            Fact::Reduced { by, .. } => (EventKind::HoldReleased, Some(*by), Some(release_name(ReleaseCause::Reversed))),
            Fact::Recorded { .. }
            | Fact::Replaced { .. }
            | Fact::Credited { .. }
            | Fact::Debited { .. }
            | Fact::Card { .. }
            | Fact::Cardholder { .. }
            | Fact::Account { .. }
            | Fact::SettlementAnnounced { .. } => return None,
        };
        let more = json!({ "amount": amount.map(money), "cause": cause, "standing": standing(outcome) });
        Some(Told { kind, payment: event.fact.payments().0, at: event.occurred_at.unwrap_or(recorded_at), more })
    }

    fn ordered(record: &Record, payment: &'r PaymentRef, order: &Order, outcome: &Outcome) -> Option<Told<'r>> {
        outcome.step.as_ref()?;
        let (kind, amount, cause) = match order {
            Order::Capture { amount, .. } => (EventKind::HoldCaptured, Some(*amount), None),
            Order::Release if record.operator.is_some() => {
                (EventKind::HoldReleased, None, Some(release_name(ReleaseCause::Operator)))
            }
            // At a door of ours, by whoever asked for the payment.
            Order::Release => (EventKind::HoldReleased, None, Some(VOIDED)),
            Order::Refund { amount } => (EventKind::PaymentRefunded, Some(*amount), None),
        };
        let more = json!({ "amount": amount.map(money), "cause": cause, "standing": standing(outcome) });
        Some(Told { kind, payment: Some(payment), at: record.at, more })
    }
}

/// Why a hold was released that its own merchant's side let go of.
const VOIDED: &str = "voided";

/// What stands of the payment after it, in minor units of its account's currency; named as the management API names it.
fn standing(outcome: &Outcome) -> Value {
    outcome.hold.map_or(Value::Null, |hold| {
        json!({ "status": hold.status.name(), "authorized": hold.authorized, "held": hold.held, "captured": hold.captured,
            "debited": hold.ahead, "refunded": hold.refunded })
    })
}

const fn release_name(cause: ReleaseCause) -> &'static str {
    match cause {
        ReleaseCause::Reversed => "reversed",
        ReleaseCause::Expired => "expired",
        ReleaseCause::Operator => "operator",
        ReleaseCause::Declined => "declined",
        ReleaseCause::SafetyTimer => "safety_timer",
    }
}

fn money(amount: Money) -> Value {
    json!({ "minor": amount.minor(), "currency": amount.currency().code() })
}

#[cfg(test)]
mod tests;
