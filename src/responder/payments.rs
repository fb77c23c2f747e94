//! Payments of our own doors: what a merchant's side asks for is decided like any other question, and what it may do with a payment
//! afterwards is an order to the ledger. What callers wrote is kept with the decision, and shown again with what stands of it.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::payment::{Ordered, PaymentTurn, Standing, Written};
use holdfast_adapters::{Answer, Echo, Malformed, NotDone, OrderCall, Payment, PaymentCall, Refused, Reply, strict};
use holdfast_core::card_number::CardNumber;
use holdfast_core::hold::Order;
use holdfast_core::rules::Verdict;
use holdfast_core::stand_in::Silence;
use holdfast_core::{
    AuthorizationId, AuthorizationRequest, Basis, CardToken, Checkout, ContentDigest, Decision, DeclineReason, IdempotencyKey,
    Merchant, MerchantName, PaymentRef, Posting, ProgramId,
};
use http::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::authentication::{self, Awaited};
use super::deadline::Deadline;
use super::mount::Mount;
use super::question::Question;
use super::showing::Found;
use super::unique::Unique;
use super::watch::{Phase, Watch};
use super::{Decided, Responder, Turn, encode, ordering};
use crate::card_numbers::NumberKey;
use crate::clock;
use crate::ledger::{Slip, Which};
use crate::metrics::LedgerStanding;
use crate::profiles::{self, Profiles, Surcharges};
use crate::remnant::{Reader, Remnant};
use crate::seal::Sealer;
use crate::server::Call;

/// The header of an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";

/// What payment doors need besides the ledger.
pub struct Till {
    /// Merchants and instruments, and what seals and opens what callers wrote.
    pub reader: Reader,
    /// Makes tokens of card numbers, where they are taken.
    number_key: Option<NumberKey>,
    pub(super) unique: Unique,
}

impl Till {
    /// With these merchants and instruments.
    #[must_use]
    pub fn new(profiles: Arc<Profiles>, sealer: Sealer) -> Self {
        Till { reader: Reader { sealer, profiles }, number_key: None, unique: Unique::default() }
    }

    /// With what makes tokens of card numbers.
    #[must_use]
    pub fn with_number_key(self, number_key: Option<NumberKey>) -> Self {
        Till { number_key, ..self }
    }

    /// Whether card numbers may have been in memory.
    pub(super) const fn takes_numbers(&self) -> bool {
        self.number_key.is_some()
    }

    /// The card that came as a number, if it is one of ours.
    pub(super) fn card_by(&self, program: &ProgramId, number: &CardNumber) -> Option<CardToken> {
        let token = self.number_key.as_ref()?.token(program, number);
        self.reader.profiles.card_by_number(*program, token)
    }
}

/// What a question of a payment door has besides what every question has.
pub struct Own {
    /// Who is to be paid.
    merchant: Arc<profiles::Merchant>,
    /// What its caller wrote, as it is kept.
    slip: Arc<Slip>,
    pub(super) written: Written,
    /// How long its hold lives, once the rules have said so.
    life_seconds: Cell<Option<u32>>,
}

impl Own {
    /// As the ledger keeps it with the decision.
    pub(super) fn slip(&self) -> Arc<Slip> {
        Arc::clone(&self.slip)
    }

    /// Whether what is kept is this one, and not one that was there before.
    pub(super) fn is_kept_as(&self, kept: &Slip) -> bool {
        (self.slip.at, &self.slip.body) == (kept.at, &kept.body)
    }

    /// What rules and the merchant's profile say together.
    pub(super) fn opinion(&self, mount: &Mount, call: &Call<'_>, request: &AuthorizationRequest, of_rules: Verdict) -> Verdict {
        let verdict = profiles::opinion(mount.program.id, &self.merchant, request, call.received.utc, of_rules);
        let verdict = if self.written.awaited.is_some() { authentication::opinion(request, verdict) } else { verdict };
        if let Verdict::Proceed(proceed) = &verdict {
            self.life_seconds.set(Some(proceed.hold.lifetime_seconds));
        }
        verdict
    }
}

impl Responder {
    /// Decides a payment of ours and shows it.
    pub(super) async fn pay(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        asked: &PaymentCall<'_>,
        watch: &mut Watch<'_>,
        body: &mut Vec<u8>,
    ) -> Option<Reply> {
        let awaited = match asked.turn {
            PaymentTurn::OnceAuthenticated => Some(Awaited::of(asked, call.received.utc)),
            PaymentTurn::AtOnce | PaymentTurn::AtOnceUnlessBegun => None,
        };
        self.pay_presented(call, mount, (asked, awaited), watch, body).await
    }

    /// Decides a payment, or has it wait.
    pub(super) async fn pay_presented(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        (asked, awaited): (&PaymentCall<'_>, Option<Awaited>),
        watch: &mut Watch<'_>,
        body: &mut Vec<u8>,
    ) -> Option<Reply> {
        let formerly = self.names_of_before(call, mount, asked).await;
        let refused = |malformed, body: &mut Vec<u8>| -> Option<Reply> {
            mount.metrics.malformed();
            mount.adapter.refuse(&Refused::Malformed(malformed), body).into()
        };
        let (mut request, own) = match self.presented(call, mount, (asked, awaited), formerly) {
            Ok(presented) => presented,
            Err(malformed) => return refused(malformed, body),
        };
        if let Some(malformed) = self.prohibited(mount, asked, &request, &own).await {
            return refused(malformed, body);
        }
        match asked.turn {
            PaymentTurn::AtOnce => {}
            PaymentTurn::OnceAuthenticated => {
                let names = (request.key, digest_of(&request, &asked.slip.text).into());
                return self.begin(mount, &own, names, &asked.call.echo, body).await.into();
            }
            PaymentTurn::AtOnceUnlessBegun => {
                if let Some(refused) = self.refused_for_one_that_waits(mount, &request, &asked.call.echo, body).await {
                    return refused.into();
                }
            }
        }
        self.name_owner(call, mount, &mut request).await;
        let digest = digest_of(&request, &asked.slip.text);
        let mut question = self.question_of(mount, (&request, &own), digest, asked.call.sent_at);
        self.lead_by_account(call, mount, &mut question).await;
        let Some((decided, turn)) = pin!(self.hear_or_decide(call, mount, &question, watch)).await else {
            return mount.adapter.refuse(&Refused::TooEarly, body).into();
        };
        if let Some(silence) = Silence::of(&decided.told.decision) {
            return super::silent(mount, silence, body);
        }
        let echo = &asked.call.echo;
        let reply = if decided.told.decision == (Decision::Decline { reason: DeclineReason::ConflictingDuplicate }) {
            mount.metrics.conflict();
            not_done(mount, echo, DeclineReason::ConflictingDuplicate, None, body)
        } else {
            let Some(payment) = self.as_answered(call, mount, &question, &own, &decided, turn).await else {
                return mount.adapter.refuse(&Refused::Unavailable, body).into();
            };
            let is_replay = turn == Turn::Later || decided.told.basis == Basis::Replay;
            replayed_if(is_replay, encode(mount, echo, &Answer::Payment(&payment), body))
        };
        watch.ended(Phase::Encode);
        watch.told(decided.told);
        reply.into()
    }

    /// What is wrong with a surcharge that its merchant may not ask for. Nothing where the payment was asked for before that was prohibited: it
    /// hears the same again. Nor where nobody can tell: the merchant's profile declines it then.
    async fn prohibited(
        &self,
        mount: &Mount,
        asked: &PaymentCall<'_>,
        request: &AuthorizationRequest,
        own: &Own,
    ) -> Option<Malformed> {
        let (_, field) = asked.surcharge.as_ref().filter(|_| own.merchant.surcharges == Surcharges::Prohibited)?;
        let malformed = Malformed::field(*field, "is prohibited for this merchant");
        if asked.unnamed.is_some() {
            return Some(malformed);
        }
        if self.may_be_unheard(mount, request.key) {
            return None;
        }
        let by = self.beside_until(mount, Deadline::new(&clock::now(), None, &mount.patience).decide_by);
        let found = self.slips(mount, Which::Named(request.payment.authorization), by).await?;
        found.slips.is_empty().then_some(malformed)
    }

    /// The question with what is known of merchant and instrument, and what is kept of what its caller wrote.
    fn presented(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        (asked, awaited): (&PaymentCall<'_>, Option<Awaited>),
        formerly: Option<(IdempotencyKey, PaymentRef)>,
    ) -> Result<(AuthorizationRequest, Own), Malformed> {
        let (program, slip) = (mount.program.id, &asked.slip);
        let Some(merchant) = self.till.reader.profiles.merchant(program, slip.merchant) else {
            return Err(Malformed::field(asked.fields.merchant, "is no merchant of this program"));
        };
        let instrument = self.till.reader.profiles.instrument(program, slip.source);
        let mut request = asked.call.request;
        if let Some(names) = formerly {
            (request.key, request.payment) = names;
        }
        if let Some(make) = asked.unnamed {
            (request.key, request.payment) = make(&self.till.unique.draw())?;
        }
        request.merchant = presented_merchant(&merchant);
        request.cardholder = instrument.as_ref().and_then(|instrument| instrument.owner);
        request.checkout = verified(request.checkout, instrument.as_deref());
        let at = awaited.as_ref().map_or(call.received.utc, |awaited| awaited.since);
        let (awaited, authenticated) = awaited.map(|awaited| (awaited.digest, awaited.authenticated)).unzip();
        let written = Written { text: slip.text.clone(), seen: profiles::seen(&merchant, instrument.as_deref()), awaited };
        let name = request.payment.authorization;
        let clear = strict::written(&written);
        let body = self.till.reader.sealer.seal(&about(mount, &name), clear.as_bytes());
        let body = body.map_err(|_| Malformed::field("", "is too large to be sealed"))?;
        let slip = Arc::new(Slip {
            program,
            platform: mount.platform,
            payment: name,
            kind: slip.kind,
            merchant: slip.merchant,
            source: slip.source,
            at,
            body: Some(body),
            lasting: Remnant::of(slip, &written, authenticated.flatten()).kept(),
            waits: false,
        });
        Ok((request, Own { merchant, slip, written, life_seconds: Cell::new(None) }))
    }

    /// The payment as it was decided now, or as it stands if it was decided before; nothing where nobody can tell now how that is.
    async fn as_answered(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        question: &Question<'_>,
        own: &Own,
        decided: &Decided,
        turn: Turn,
    ) -> Option<Payment> {
        let request = &*question.request;
        let name = request.payment.authorization;
        let mut asked_at = call.received.utc;
        if turn == Turn::Later || decided.told.basis == Basis::Replay {
            let standing = match (self.ledger_stands(), decided.told.asked_at) {
                // What was answered without a ledger that is away is not asked of it: that was told already, and is told again as it was.
                (LedgerStanding::Down, Some(_)) => Found::NotNow,
                (LedgerStanding::Down, None) => {
                    let by = Deadline::new(&call.received, None, &mount.patience).decide_by;
                    Box::pin(self.find(mount, name, by)).await
                }
                (LedgerStanding::Up, _) => {
                    let by = Deadline::new(&clock::now(), None, &mount.patience).decide_by;
                    Box::pin(self.find(mount, name, by)).await
                }
            };
            asked_at = match standing {
                Found::Payment(payment) => return Some(*payment),
                Found::Nobody => decided.told.asked_at.unwrap_or(asked_at),
                // It was captured since, or voided, or neither.
                Found::NotNow => decided.told.asked_at?,
            };
        }
        if own.life_seconds.get().is_none() {
            // It was answered before, and rules were not asked again.
            question.opinion_unheard(&mount.program.rules.load(), mount, call);
        }
        let life = own.life_seconds.get().filter(|_| request.posting == Posting::Hold);
        let expires_at = match decided.told.decision {
            Decision::Approve { amount } if !amount.is_zero() => {
                life.map(|seconds| asked_at.saturating_add(Duration::from_secs(u64::from(seconds))))
            }
            Decision::Approve { .. } | Decision::Decline { .. } => None,
        };
        Some(Payment {
            id: name,
            reference: mount.reference(&request.key),
            merchant: own.slip.merchant,
            source: own.slip.source,
            asked_at,
            changed_at: asked_at,
            standing: Standing::Decided(decided.told.decision),
            hold: None,
            expires_at,
            written: Some(own.written.clone()),
            released_by: None,
            ordered: None,
        })
    }

    /// Does something with a payment of ours, and shows what stands of it then, or why not.
    pub(super) async fn order(&self, mount: &Mount, asked: &OrderCall<'_>, body: &mut Vec<u8>) -> Reply {
        let by = Deadline::new(&clock::now(), None, &mount.patience).decide_by;
        let payment = match self.find(mount, asked.payment, by).await {
            Found::Payment(payment) => payment,
            Found::Nobody => return not_done(mount, &asked.echo, DeclineReason::AuthorizationUnknown, None, body),
            Found::NotNow => return mount.adapter.refuse(&Refused::Unavailable, body),
        };
        let Some(amount) = payment.approved() else {
            return not_done(mount, &asked.echo, DeclineReason::AuthorizationUnknown, Some(&payment), body);
        };
        let order = match asked.order.in_currency_of(amount) {
            Ok(order) => order,
            Err(error) => {
                mount.metrics.malformed();
                return mount.adapter.refuse(&Refused::Malformed(Malformed::amount(Ordered::AMOUNT, error)), body);
            }
        };
        let key = mount.adapter.key_of_order(asked, &payment.merchant);
        let answered = self.ordered(mount, asked, (key, order), by).await;
        let mut now_is = match self.find(mount, asked.payment, by).await {
            Found::Payment(now_is) => now_is,
            Found::Nobody | Found::NotNow => payment,
        };
        now_is.ordered = match order {
            Order::Capture { amount, .. } | Order::Refund { amount } => Some(amount),
            Order::Release => None,
        };
        match answered.map(|answered| ordering::told(&now_is, &order, answered)) {
            Some((Decision::Approve { .. }, basis)) => {
                replayed_if(basis == Basis::Replay, encode(mount, &asked.echo, &Answer::Payment(&now_is), body))
            }
            Some((Decision::Decline { reason }, basis)) => {
                let is_conflict = reason == DeclineReason::ConflictingDuplicate;
                let reply = not_done(mount, &asked.echo, reason, Some(&now_is), body);
                replayed_if(basis == Basis::Replay && !is_conflict, reply)
            }
            // It may be done all the same: the same order sent again hears what became of it.
            None => mount.adapter.refuse(&Refused::Unavailable, body),
        }
    }
}

/// A merchant as rules know it.
pub(super) fn presented_merchant(merchant: &profiles::Merchant) -> Merchant {
    Merchant {
        id: Some(merchant.id),
        name: MerchantName::presented(&merchant.name),
        mcc: merchant.category(),
        country: merchant.where_it_is(),
    }
}

/// What was told of an order, with what verifications of its instrument came to.
pub(super) fn verified(told: Option<Checkout>, instrument: Option<&profiles::Instrument>) -> Option<Checkout> {
    let (Some(checkout), Some(instrument)) = (told, instrument) else { return told };
    Some(Checkout {
        address_verification: instrument.address_verification,
        security_code: instrument.security_code_verification,
        ..checkout
    })
}

/// What a sealed slip is tied to.
pub(super) fn about(mount: &Mount, name: &AuthorizationId) -> String {
    Slip::about(&mount.program.id, &mount.platform, name)
}

pub(super) fn not_done(
    mount: &Mount,
    echo: &Echo<'_>,
    reason: DeclineReason,
    payment: Option<&Payment>,
    body: &mut Vec<u8>,
) -> Reply {
    encode(mount, echo, &Answer::NotDone(NotDone { reason, payment }), body)
}

/// What makes the question this question: with everything that its caller gets back. So the journal has its digest, too.
fn digest_of(request: &AuthorizationRequest, text: &str) -> ContentDigest {
    // What is looked up of merchant and instrument may change; what was asked does not.
    let bare = AuthorizationRequest {
        merchant: Merchant { id: request.merchant.id, ..Merchant::default() },
        cardholder: None,
        ..*request
    };
    let digest = Sha256::new()
        .chain_update(bare.content_digest().without_names().as_bytes())
        .chain_update(Sha256::digest(text))
        .finalize();
    ContentDigest::from_bytes(digest.first_chunk().copied().unwrap_or_default())
}

/// An answer that was given before says so, so that whoever meant something new sees that nothing was done now.
pub(super) fn replayed_if(is_replay: bool, mut reply: Reply) -> Reply {
    if is_replay {
        // There is room: doors of ours put at most one header there.
        let _ = reply.headers.try_push((HeaderName::from_static(REPLAYED), HeaderValue::from_static("true")));
    }
    reply
}
