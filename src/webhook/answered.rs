//! A payment as a door of ours answered it, where the door's documents have an event of their own for that: of a record, and of what is
//! kept to tell of one that waits. Values only.

use holdfast_adapters::payment::Standing;
use holdfast_core::{AuthorizationId, CardToken, Decision, DeclineReason, IdempotencyKey, MerchantId, PlatformName, Timestamp};
use serde_json::Value;

use crate::journal::{Body, Record, WAITS_MAX, Waiting};

/// A payment as a door of ours answered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsweredPayment {
    /// The door.
    pub platform: PlatformName,
    /// The payment.
    pub id: AuthorizationId,
    /// Its key.
    pub key: IdempotencyKey,
    /// The merchant.
    pub merchant: MerchantId,
    /// The instrument.
    pub source: CardToken,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What was answered.
    pub standing: Standing,
}

impl AnsweredPayment {
    /// The payment that a record answers, if its door has an event for that. A key that came with something else is not about it.
    #[must_use]
    pub fn of_record(record: &Record) -> Option<Self> {
        let platform = record.platform?;
        if !has_own_event(platform.as_str()) {
            return None;
        }
        let (received_at, request, decision) = match &record.body {
            Body::Decided { received_at, request, outcome, .. } => (received_at, request, outcome.decision?.0),
            Body::Adopted { received_at, request, told, .. } => (received_at, request, told.decision()),
            Body::Told { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => return None,
        };
        if decision == (Decision::Decline { reason: DeclineReason::ConflictingDuplicate }) {
            return None;
        }
        let (merchant, source) = request.merchant.id.zip(request.card)?;
        let standing = Standing::Decided(decision);
        let (id, asked_at) = (request.payment.authorization, *received_at);
        Some(AnsweredPayment { platform, id, key: request.key, merchant, source, asked_at, standing })
    }

    /// A payment that waits, or did in vain, of what is kept to tell that ([`Waiting::told`]).
    #[must_use]
    pub fn of_waiting(told: &Value) -> Option<(Self, Waiting)> {
        let text = |name: &str| told.get(name).and_then(Value::as_str);
        let waiting = Waiting::from_name(text("waiting")?)?;
        let asked_at = Timestamp::from_unix_micros(told.get("asked_at_us")?.as_i64()?);
        let standing = match waiting {
            Waiting::Begins => Standing::Awaiting { until: asked_at.saturating_add(WAITS_MAX) },
            Waiting::InVain => Standing::Unauthenticated,
        };
        let payment = text("payment")?;
        let answered = AnsweredPayment {
            platform: PlatformName::try_from(text("platform")?).ok()?,
            id: AuthorizationId::new(payment).ok()?,
            key: IdempotencyKey::new(payment).ok()?,
            merchant: MerchantId::try_from(text("merchant")?).ok()?,
            source: CardToken::try_from(text("source")?).ok()?,
            asked_at,
            standing,
        };
        Some((answered, waiting))
    }
}

/// Whether the documents of a door have an event of their own for what it answers.
pub(super) fn has_own_event(platform: &str) -> bool {
    holdfast_adapters::platform(platform).is_some_and(|platform| platform.decision_event.is_some())
}
