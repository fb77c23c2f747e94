//! Payments that wait for their payer to be authenticated (3-D Secure): what was asked for is kept, durably and undecided; nothing is held.
//! The result of the authentication has the payment decided, once, under the name that it has had from the beginning.
//!
//! There is no timer for it: whether a payment still waits is a matter of when it was asked for. A result that comes in time may take
//! the door's whole budget to be decided, so that nobody is told of a failure before that is over.

use std::sync::Weak;
use std::time::Duration;

use holdfast_adapters::payment::{AuthenticatedCall, Slip as Paper, Standing, Written};
use holdfast_adapters::proof::Permissions;
use holdfast_adapters::{Answer, Echo, Payment, PaymentCall, Refused, Reply};
use holdfast_core::rules::Verdict;
use holdfast_core::{
    AuthorizationRequest, Basis, DeclineReason, IdempotencyKey, QuestionDigest, RuleId, ThreeDSecure, Timestamp,
};
use sha2::{Digest as _, Sha256};
use tokio::time::{timeout, timeout_at};

use super::deadline::Deadline;
use super::mount::Mount;
use super::payments::{Own, not_done, replayed_if};
use super::told::{self, Told};
use super::watch::Watch;
use super::{Responder, encode, permission};
use crate::clock;
use crate::journal::WAITS_MAX;
use crate::ledger::{self, Act, Slip, Which};
use crate::remnant::{self, Remnant};
use crate::server::Call;

/// How often it is looked whether payments have waited in vain, so that it is told: nothing else depends on when that is.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What a payment that waits, or waited, is known by.
pub(super) struct Awaited {
    /// The digest of what was asked for: the same key with something else is another payment.
    pub digest: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// The digest of what became of authenticating its payer, once that is known.
    pub authenticated: Option<String>,
}

impl Awaited {
    /// Of one that begins to wait.
    pub fn of(asked: &PaymentCall<'_>, since: Timestamp) -> Self {
        let digest = Sha256::new().chain_update([asked.slip.kind]);
        let names = [asked.slip.merchant.as_str(), asked.slip.source.as_str(), &asked.slip.text];
        let digest = names.iter().fold(digest, |digest, name| digest.chain_update(name).chain_update([0])).finalize();
        Awaited { digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(), since, authenticated: None }
    }
}

/// How far a payment has come that nobody decided, and since when that is so. What was noted to have waited in vain may have been told so:
/// it no longer waits, also where the clock was set back since.
pub(super) fn standing((since, waits): (Timestamp, bool), now: Timestamp, budget: Duration) -> (Standing, Timestamp) {
    let until = since.saturating_add(WAITS_MAX);
    if waits && now < until.saturating_add(budget) {
        (Standing::Awaiting { until }, since)
    } else {
        (Standing::Unauthenticated, until)
    }
}

/// What is thought of a payment that waited: whoever was not authenticated does not pay. It is named as a profile's limits are, which a
/// replay takes from the record.
pub(super) fn opinion(request: &AuthorizationRequest, of_others: Verdict) -> Verdict {
    let outcome = request.checkout.map_or(ThreeDSecure::NotTold, |checkout| checkout.three_d_secure);
    match (outcome, RuleId::new("merchant:three_d_secure")) {
        (ThreeDSecure::NotAuthenticated | ThreeDSecure::NotTold, Ok(rule)) => {
            Verdict::Decline { reason: DeclineReason::SuspectedFraud, rule }
        }
        (ThreeDSecure::Authenticated | ThreeDSecure::Attempted, _) | (_, Err(_)) => of_others,
    }
}

/// Has it noted which payments have waited in vain, for ever or as long as there is a responder.
pub async fn end_waits(responder: Weak<Responder>) {
    while let Some(responder) = responder.upgrade() {
        responder.end_waits().await;
        drop(responder);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Responder {
    /// Has those noted that are told to have failed from now on. What was decided without the ledger did not wait in vain: while that has
    /// to hear of something, nothing is noted. What cannot be noted now will be at another look.
    async fn end_waits(&self) {
        let budget = self.mounts.iter().map(|mount| mount.patience.budget).max().unwrap_or_default();
        loop {
            self.until_open().await;
            if self.spool.fill().held.waiting > 0 {
                return;
            }
            let asked_until = clock::utc().saturating_sub(WAITS_MAX).saturating_sub(budget);
            let ended = timeout(LOOK_EVERY, ledger::ask(self.ledger.as_ref(), Act::EndWaits(asked_until))).await;
            match ended.ok().and_then(Result::ok).and_then(ledger::Answer::into_waits_ended) {
                Some(1..) => {}
                Some(0) | None => return,
            }
        }
    }

    /// Has a payment wait for its payer, and shows it; one that waits already, or did, as it stands. Who hears that it cannot wait now has
    /// left nothing behind: what is not kept in time is not kept at all.
    pub(super) async fn begin(
        &self,
        mount: &Mount,
        own: &Own,
        (key, digest): (IdempotencyKey, QuestionDigest),
        echo: &Echo<'_>,
        body: &mut Vec<u8>,
    ) -> Reply {
        let by = Deadline::new(&clock::now(), None, &mount.patience).decide_by;
        // The key is this payment's until it is kept: nothing is decided under it meanwhile.
        let name = told::Name { principal: mount.principal, key };
        let Ok(Some(_claim)) = timeout_at(by, self.unheard.book.alone(name, digest)).await else {
            return mount.adapter.refuse(&Refused::Unavailable, body);
        };
        let begun = async {
            self.until_open().await;
            ledger::ask(self.ledger.as_ref(), Act::BeginSlip(own.slip(), by)).await
        };
        let begun = timeout_at(by, begun).await.ok().and_then(Result::ok).and_then(ledger::Answer::into_slips);
        let Some((_, slip)) = begun.and_then(|mut found| found.slips.pop()) else {
            return mount.adapter.refuse(&Refused::Unavailable, body);
        };
        if own.is_kept_as(&slip) {
            let payment = self.that_begins(mount, key, &slip);
            return encode(mount, echo, &Answer::Payment(&payment), body);
        }
        let may_be_same = is_erased(&slip) && Remnant::in_slip(&slip).is_none_or(|left| left.awaited == own.written.awaited);
        match self.shown(mount, slip, by).await {
            Some(Some(payment)) if is_same(&payment, &own.written) => {
                replayed_if(true, encode(mount, echo, &Answer::Payment(&payment), body))
            }
            // What was asked for was erased before anybody decided it.
            Some(None) if may_be_same => not_done(mount, echo, DeclineReason::AuthorizationUnknown, None, body),
            // It was not kept: something else has its name.
            Some(_) => {
                mount.metrics.conflict();
                not_done(mount, echo, DeclineReason::ConflictingDuplicate, None, body)
            }
            None => mount.adapter.refuse(&Refused::Unavailable, body),
        }
    }

    /// A payment that begins to wait.
    fn that_begins(&self, mount: &Mount, key: IdempotencyKey, slip: &Slip) -> Payment {
        let (standing, changed_at) = standing((slip.at, slip.waits), slip.at, mount.patience.budget);
        Payment {
            id: slip.payment,
            reference: mount.reference(&key),
            merchant: slip.merchant,
            source: slip.source,
            asked_at: slip.at,
            changed_at,
            standing,
            hold: None,
            expires_at: None,
            written: self.till.reader.read(slip, remnant::Decided { decision: None, currency: None }),
            released_by: None,
            ordered: None,
        }
    }

    /// What is answered to a payment whose name is that of one that waits, or waited: it has other content.
    pub(super) async fn refused_for_one_that_waits(
        &self,
        mount: &Mount,
        request: &AuthorizationRequest,
        echo: &Echo<'_>,
        body: &mut Vec<u8>,
    ) -> Option<Reply> {
        let by = self.beside_until(mount, Deadline::new(&clock::now(), None, &mount.patience).decide_by);
        // Without the ledger nothing is known of it; the payment is decided as any other is then.
        let (_, slip) = self.slips(mount, Which::Named(request.payment.authorization), by).await?.slips.pop()?;
        let waited = slip.read(&self.till.reader.sealer).and_then(|written| written.awaited);
        let waited = waited.or_else(|| Remnant::in_slip(&slip)?.awaited);
        waited.is_some().then(|| {
            mount.metrics.conflict();
            not_done(mount, echo, DeclineReason::ConflictingDuplicate, None, body)
        })
    }

    /// Goes on with a payment that waits for its payer: it is decided now. One that was decided before hears the same again.
    pub(super) async fn authenticated(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        (asked, granted): (&AuthenticatedCall<'_>, Permissions),
        watch: &mut Watch<'_>,
        body: &mut Vec<u8>,
    ) -> Option<Reply> {
        let by = Deadline::new(&call.received, None, &mount.patience).decide_by;
        let Some(mut found) = self.slips(mount, Which::Named(asked.payment), by).await else {
            return mount.adapter.refuse(&Refused::Unavailable, body).into();
        };
        let refused = |reason, payment: Option<&Payment>, body: &mut Vec<u8>| not_done(mount, &asked.echo, reason, payment, body);
        let Some((_, slip)) = found.slips.pop() else {
            return refused(DeclineReason::AuthorizationUnknown, None, body).into();
        };
        if let Some(left) = Remnant::in_slip(&slip).filter(|left| is_erased(&slip) && left.awaited.is_some()) {
            return self.authenticated_before(mount, (asked, granted), (slip, left), watch, body).await.into();
        }
        let (since, waits, written) = (slip.at, slip.waits, slip.read(&self.till.reader.sealer));
        let Some(Written { awaited: Some(digest), text, .. }) = written else {
            let payment = self.shown(mount, slip, by).await.flatten();
            return refused(DeclineReason::AuthorizationUnknown, payment.as_ref(), body).into();
        };
        let (kind, merchant, source, lasting) = (slip.kind, slip.merchant, slip.source, String::new());
        let paper = Paper { kind, merchant, source, text, lasting };
        let Some(payment) = self.shown(mount, slip, by).await else {
            return mount.adapter.refuse(&Refused::Unavailable, body).into();
        };
        let in_time = waits && call.received.utc < since.saturating_add(WAITS_MAX);
        match payment {
            Some(Payment { standing: Standing::Decided(_), .. }) => {}
            Some(_) if in_time => {}
            payment => return refused(DeclineReason::AuthorizationOver, payment.as_ref(), body).into(),
        }
        match mount.adapter.resume(asked.payment, &paper, &asked.authentication) {
            Ok(resumed) => {
                if let Some(missing) = permission::missing_to_finish(&resumed, granted) {
                    return mount.adapter.refuse(&Refused::Forbidden(missing), body).into();
                }
                let awaited = Some(Awaited { digest, since, authenticated: Some(remnant::digest_of(&asked.authentication)) });
                Box::pin(self.pay_presented(call, mount, (&resumed, awaited), watch, body)).await
            }
            Err(malformed) => {
                mount.metrics.malformed();
                mount.adapter.refuse(&Refused::Malformed(malformed), body).into()
            }
        }
    }

    /// Answers a result about a payment whose text was erased: one that was decided by this result hears the same again, and one that
    /// nobody decided is gone.
    async fn authenticated_before(
        &self,
        mount: &Mount,
        (asked, granted): (&AuthenticatedCall<'_>, Permissions),
        (slip, left): (Slip, Remnant),
        watch: &mut Watch<'_>,
        body: &mut Vec<u8>,
    ) -> Reply {
        let by = Deadline::new(&clock::now(), None, &mount.patience).decide_by;
        let (kind, merchant, source, text) = (slip.kind, slip.merchant, slip.source, left.text);
        let Some(payment) = self.shown(mount, slip, by).await else {
            return mount.adapter.refuse(&Refused::Unavailable, body);
        };
        let Some(payment) = payment else {
            return not_done(mount, &asked.echo, DeclineReason::AuthorizationUnknown, None, body);
        };
        match left.authenticated {
            Some(same) if same == remnant::digest_of(&asked.authentication) => {}
            Some(_) => {
                mount.metrics.conflict();
                return not_done(mount, &asked.echo, DeclineReason::ConflictingDuplicate, Some(&payment), body);
            }
            // Decided by an older version, which kept nothing to compare with.
            None => return not_done(mount, &asked.echo, DeclineReason::AuthorizationUnknown, Some(&payment), body),
        }
        // It is answered in the form in which it was decided.
        let paper = Paper { kind, merchant, source, text, lasting: String::new() };
        match mount.adapter.resume(asked.payment, &paper, &asked.authentication) {
            Ok(resumed) => {
                if let Some(missing) = permission::missing_to_finish(&resumed, granted) {
                    return mount.adapter.refuse(&Refused::Forbidden(missing), body);
                }
                if let Standing::Decided(decision) = payment.standing {
                    watch.told(Told { decision, basis: Basis::Replay, asked_at: Some(payment.asked_at) });
                }
                replayed_if(true, encode(mount, &resumed.call.echo, &Answer::Payment(&payment), body))
            }
            Err(malformed) => {
                mount.metrics.malformed();
                mount.adapter.refuse(&Refused::Malformed(malformed), body)
            }
        }
    }
}

/// Whether a text was erased.
const fn is_erased(slip: &Slip) -> bool {
    slip.body.is_none()
}

/// Whether a payment is the one that its caller asked for.
fn is_same(payment: &Payment, asked: &Written) -> bool {
    payment.written.as_ref().is_some_and(|written| written.awaited == asked.awaited)
}

#[cfg(test)]
mod tests {
    use holdfast_core::Checkout;

    use super::*;
    use crate::fixture::purchase;

    #[test]
    fn a_payment_waits_for_fifteen_minutes_and_a_result_in_time_is_never_told_as_a_failure() {
        let (since, budget) = (Timestamp::from_unix_seconds(1_000), Duration::from_secs(5));
        let until = Timestamp::from_unix_seconds(1_900);
        let standing = |seconds, waits| standing((since, waits), Timestamp::from_unix_seconds(seconds), budget);
        let at = |seconds| standing(seconds, true).0;
        assert_eq!(at(1_000), Standing::Awaiting { until });
        assert_eq!(at(1_904), Standing::Awaiting { until }, "a result of 1,899 may be on its way");
        assert_eq!(at(1_905), Standing::Unauthenticated);
        assert_eq!(standing(9_999, true).1, until, "it failed then, whoever asks when");
        assert_eq!(at(0), Standing::Awaiting { until }, "a clock that was set back");
        assert_eq!(standing(0, false), (Standing::Unauthenticated, until), "and a payment that was told to have failed");
    }

    #[test]
    fn whoever_was_not_authenticated_does_not_pay() {
        let decline = |outcome| {
            let checkout = Some(Checkout { three_d_secure: outcome, ..Checkout::NOTHING_TOLD });
            let request = AuthorizationRequest { checkout, ..purchase("key", 500) };
            let rule = RuleId::new("some-rule").unwrap();
            match opinion(&request, Verdict::Decline { reason: DeclineReason::CashNotAllowed, rule }) {
                Verdict::Decline { rule, .. } => rule.to_string(),
                Verdict::Proceed(_) => String::new(),
            }
        };
        assert_eq!(decline(ThreeDSecure::NotAuthenticated), "merchant:three_d_secure");
        assert_eq!(decline(ThreeDSecure::Authenticated), "some-rule");
        assert_eq!(decline(ThreeDSecure::Attempted), "some-rule");
    }
}
