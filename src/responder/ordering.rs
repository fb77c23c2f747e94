//! An order about a payment of ours, as the ledger is asked for it: under which key, what makes it this order, and what is told of it.

use holdfast_adapters::{OrderCall, Payment};
use holdfast_core::hold::Order;
use holdfast_core::{AuthorizationId, Basis, ContentDigest, Decision, DeclineReason, IdempotencyKey, PaymentRef};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout_at;

use super::Responder;
use super::mount::Mount;
use crate::clock::Instant;
use crate::ledger::{self, Act, Ordering};

/// What the ledger says to an order, and why.
pub(super) type Ordered = (Decision, Basis);

const CONFLICT: Decision = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };

impl Responder {
    /// Has the ledger obey an order, once for each key; nothing if it does not tell in time.
    pub(super) async fn ordered(
        &self,
        mount: &Mount,
        asked: &OrderCall<'_>,
        (key, order): (IdempotencyKey, Order),
        by: Instant,
    ) -> Option<Ordered> {
        if key != asked.key {
            // Versions before this one had one space for all merchants: what was ordered then is not done a second time. A key that is another
            // merchant's there, or another order's, says nothing of this one.
            let former = self.look_under(mount, PaymentRef::of(asked.payment), asked.key, by).await?;
            if former.answered.is_some() {
                let (decision, basis) = self.order_under(mount, asked, (asked.key, order), by).await?;
                if decision != CONFLICT {
                    return Some((decision, basis));
                }
            }
        }
        self.order_under(mount, asked, (key, order), by).await
    }

    async fn order_under(
        &self,
        mount: &Mount,
        asked: &OrderCall<'_>,
        (key, order): (IdempotencyKey, Order),
        by: Instant,
    ) -> Option<Ordered> {
        let (digest, payment) = (digest_of(&asked.payment, &order), PaymentRef::of(asked.payment));
        let ordering = Ordering { key, key_is: asked.key_is, digest, payment, hold: None, order };
        let ordered = timeout_at(by, ledger::ask(self.ledger.as_ref(), Act::Order(mount.origin(), ordering))).await;
        ordered.ok().and_then(Result::ok).and_then(ledger::Answer::into_decision_and_basis)
    }
}

fn digest_of(payment: &AuthorizationId, order: &Order) -> ContentDigest {
    let (what, minor) = match order {
        Order::Capture { amount, .. } => ("capture", amount.minor()),
        Order::Release => ("void", 0),
        Order::Refund { amount } => ("refund", amount.minor()),
    };
    let digest = Sha256::new().chain_update(what).chain_update(minor.to_le_bytes()).chain_update(payment.as_str()).finalize();
    ContentDigest::from_bytes(digest.first_chunk().copied().unwrap_or_default())
}

/// What is told of an order, by what the ledger said. A payment of nothing verifies a card and places no hold, so that the ledger knows of
/// none to void or capture: to let go of nothing is done already; whatever is to be captured or refunded is more
/// than there is.
pub(super) fn told(payment: &Payment, order: &Order, (said, basis): (Decision, Basis)) -> (Decision, Basis) {
    let unknown = Decision::Decline { reason: DeclineReason::AuthorizationUnknown };
    let Some(nothing) = payment.approved().filter(|amount| amount.is_zero() && payment.hold.is_none() && said == unknown) else {
        return (said, basis);
    };
    let told = match order {
        Order::Release => Decision::Approve { amount: nothing },
        Order::Capture { .. } => Decision::Decline { reason: DeclineReason::CaptureAboveAuthorized },
        Order::Refund { .. } => Decision::Decline { reason: DeclineReason::RefundAboveCaptured },
    };
    (told, basis)
}
