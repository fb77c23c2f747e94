//! `POST /v1/authorize-intent`: whether an agent may go on, before it acts. The same evaluator as a payment's, and nothing moves but what
//! is [reserved](super::reserving) where that is asked for.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use holdfast_core::agent::{
    Asking, Authority as KnownAuthority, Binding as KnownBinding, BindingId, BindingStatus, Door, Found, Instrument,
    InstrumentId, InstrumentKind, Intent as KnownIntent, IntentReference, IntentStatus, Mode, Presented, ReasonCode, Scope,
    govern,
};
use holdfast_core::hold::{LimitUse, way_with_room};
use holdfast_core::rules::{LimitCheck, LimitScope, NoTrace, Proceed, Verdict, Way, Window, evaluate, limits_alone};
use holdfast_core::{
    AuthorizationKind, AuthorizationRequest, CardToken, CrossBorder, Currency, Decision, DeclineReason, EntryMode, Expiry,
    IdempotencyKey, Padding, PartialApproval, PaymentRef, PlatformName, Posting, Timestamp, Wallet,
};
use http::StatusCode;
use serde_json::{Value, json};

use super::House;
use super::asking::{KeyParameter, Versioned, Wanted, Write};
use super::authorities::of_field;
use super::intent_request::{Asked, IntentAnswer, IntentRequest, read};
use super::openapi::WriteProblems;
use super::reserving::{LEDGER_MAX, Reservation};
use super::shown::State;
use crate::agent::bodies::{Authority, Binding, Intent, Moment, Remaining};
use crate::agent::lead::{Calls, OneOfOurs};
use crate::agent::office::change::New;
use crate::agent::office::{Owner, archived, no_randomness, seconds_after, unavailable};
use crate::agent::policy_names::seal_name;
use crate::agent::store::{Kind, List, Row};
use crate::api::problem::{Code, Problem};
use crate::clock;
use crate::ledger::{Act, Answer, Decide, Origin};

/// Validates what an agent is about to buy: status, policy, limits, and funds where a card of ours would pay. Moves nothing, and keeps nothing
/// but with `reserve`: the payment is evaluated again. Above an amount that the policy wants reviewed, the intent waits for a reviewer; of
/// several ways of a policy (`any_of`), only if none lets it pass without a person and one would with.
#[utoipa::path(post, operation_id = "authorize_intent", path = "/v1/authorize-intent", tag = "intents", params(KeyParameter),
    request_body = IntentRequest, responses((status = 200, body = IntentAnswer), WriteProblems))]
pub(super) async fn authorize_intent(house: State, write: Write) -> Result<Response, Problem> {
    let wanted = write.read(Scope::Intents, Versioned::New, read)?;
    // Of one key's requests one reserves: else those that lose would take each other's room meanwhile.
    let _turn = match wanted.change.once().filter(|_| wanted.what.reserve) {
        Some(once) => Some(house.turns.of(once).await),
        None => None,
    };
    let owner = wanted.asker.owner();
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return said(&house.as_it_stands(owner, row).await?);
    }
    let found = house.office.own::<Authority>(owner, &wanted.what.authority).await;
    let (row, _) = found.map_err(|problem| of_field("spending_authority_id", problem))?;
    if row.status == "archived" {
        return Err(archived(Kind::Authority));
    }
    let authority = row.id.parse().ok().and_then(|id| house.office.registry().authority(&id));
    let authority = authority.ok_or_else(|| Problem::of(Code::Internal, "the authority is not in force"))?;
    let binding = house.binding_of(owner, &authority, wanted.what.binding.as_deref()).await?;
    let reference = IntentReference::of_random(house.office.sealer.random().map_err(no_randomness)?);
    let tried =
        house.evaluate(owner, (&authority, &binding), intent_of(owner, &authority, reference, &wanted), &wanted.what).await?;
    let reserved = tried.reserved;
    let kept = house.keep_intent(wanted, &authority, reference, tried).await;
    // What was reserved for an intent that is not kept is of nobody: another request of the same key, at another responder, was faster.
    let is_kept = kept.as_ref().is_ok_and(|row| row.id == reference.as_str());
    if reserved && !is_kept {
        // Where even this fails, it expires with the intent that is not there.
        drop(house.give_back(owner, reference.as_str()).await);
    }
    let kept = kept?;
    said(&if is_kept { kept } else { house.as_it_stands(owner, kept).await? })
}

/// The platform of what stands for no binding.
const NO_PLATFORM: &str = "none";

/// What a validation comes to.
pub(super) struct Tried {
    pub objection: Option<DeclineReason>,
    pub reason: ReasonCode,
    pub remaining: Vec<Remaining>,
    pub reserved: bool,
}

impl Tried {
    fn refused(reason: DeclineReason, remaining: Vec<Remaining>) -> Self {
        Tried { objection: Some(reason), reason: ReasonCode::of_decline(reason), remaining, reserved: false }
    }
}

/// A purchase to be looked at.
struct Looking {
    origin: Origin,
    request: AuthorizationRequest,
    ruleset: [u8; 32],
    at: Timestamp,
}

impl House {
    /// The binding that would pay: the one that is named, or the authority's only one, or a stand-in for none.
    pub(super) async fn binding_of(
        &self,
        owner: Owner,
        authority: &KnownAuthority,
        named: Option<&str>,
    ) -> Result<KnownBinding, Problem> {
        let registry = self.office.registry();
        let known = |id: &str| id.parse::<BindingId>().ok().and_then(|id| registry.binding(&id));
        if let Some(id) = named {
            let (row, _) = self.office.own::<Binding>(owner, id).await.map_err(|problem| of_field("binding_id", problem))?;
            let found = known(&row.id).filter(|binding| binding.authority == authority.id);
            return found.map(|binding| *binding).ok_or_else(|| super::asking::bad("binding_id", "is not of this authority"));
        }
        let list =
            List { parent: Some(authority.id.to_string()), status: Some("active".to_owned()), ..List::of(Kind::Binding, 2) };
        let found = self.office.store.list(list).await.map_err(unavailable)?;
        if let [(_, only)] = found.as_slice()
            && let Some(binding) = known(&only.id)
        {
            return Ok(*binding);
        }
        no_binding(authority).ok_or_else(|| Problem::of(Code::Internal, "an authority without a name"))
    }

    /// Asks the program's rules, the authority's policy, and the ledger, which looks and changes nothing.
    pub(super) async fn evaluate(
        &self,
        owner: Owner,
        (authority, binding): (&Arc<KnownAuthority>, &KnownBinding),
        (intent, now): (KnownIntent, Timestamp),
        asked: &Asked,
    ) -> Result<Tried, Problem> {
        let reference = intent.reference;
        let no_program = || Problem::of(Code::Internal, "no program decides in this environment");
        let program = self.office.registry().programs().of(owner.environment).ok_or_else(no_program)?;
        let rules = self.programs.iter().find(|known| known.id == program).ok_or_else(no_program)?.rules.load_full();
        let is_ours = self.is_called_by(owner, binding.instrument.platform.as_str());
        let ours = OneOfOurs { program: &program, platforms: self.callers(program) };
        if is_ours && !self.agents.is_in_force(ours, binding) {
            return Ok(Tried::refused(DeclineReason::BindingUnknown, Vec::new()));
        }
        let card = binding.instrument.card().filter(|_| is_ours);
        if let Some(card) = card.filter(|_| self.agents.registry.may_be_of_anothers_account(binding)) {
            let bound = self.binding_of_its_account(program, card).await?;
            if bound.is_some_and(|bound| bound.organization != binding.organization && self.agents.precedes(&bound, binding)) {
                return Ok(Tried::refused(DeclineReason::BindingUnknown, Vec::new()));
            }
        }
        let request = request(reference, asked, card).ok_or_else(|| Problem::of(Code::Internal, "a name that is none"))?;
        let verdict = match purse(binding, if is_ours { Calls::Yes } else { Calls::No }) {
            Purse::OfProgram => evaluate(&rules, &request, now, &mut NoTrace),
            Purse::Elsewhere => limits_alone(&rules, &request, now),
        };
        let found = Found::Authority { authority, binding, intent: Presented::Known(&intent) };
        let asking = Asking::AT_PLATFORM;
        let (opinion, governed) = govern(verdict.clone(), &found, &request, asking, now);
        let (origin, ruleset) =
            (Origin { program, platform: Some(binding.instrument.platform), operator: None }, *rules.hash().as_bytes());
        let looking = Looking { origin, request, ruleset, at: now };
        // Nobody is asked to look at what could not be paid all the same.
        let approved = KnownIntent { status: IntentStatus::Approved, ..intent };
        let looked_at = Found::Authority { authority, binding, intent: Presented::Known(&approved) };
        let with_a_person = || govern(verdict.clone(), &looked_at, &request, asking, now).0;
        let proceed = match &opinion {
            Verdict::Proceed(proceed) => proceed,
            Verdict::Decline { reason: reason @ DeclineReason::ReviewRequired, .. } => {
                let (objection, remaining) = match &with_a_person() {
                    Verdict::Proceed(proceed) => self.weigh(&looking, proceed).await?,
                    Verdict::Decline { reason, .. } => (Some(*reason), self.left(&looking, authority).await),
                };
                return Ok(Tried::refused(objection.unwrap_or(*reason), remaining));
            }
            Verdict::Decline { reason, .. } => return Ok(Tried::refused(*reason, self.left(&looking, authority).await)),
        };
        let (objection, remaining) = self.weigh(&looking, proceed).await?;
        if let Some(reason) = objection
            && is_of_ways(reason)
            && let Verdict::Proceed(more) = with_a_person()
            && more.ways != proceed.ways
            && let (None, remaining) = self.weigh(&looking, &more).await?
        {
            // No way that needs nobody has room, and one that a person opens has.
            return Ok(Tried::refused(DeclineReason::ReviewRequired, remaining));
        }
        let lifetime_seconds = asked.ttl_seconds;
        let wanted = Reservation { program, intent: reference, request, proceed, ruleset, governed, at: now, lifetime_seconds };
        let objection = match objection {
            None if asked.reserve => self.reserve(&wanted).await?,
            known => known,
        };
        let observed = authority.mode == Mode::Observe || governed.would.is_some();
        let reason = if observed { ReasonCode::ObserveOnly } else { ReasonCode::PolicyMatch };
        match objection {
            Some(reason) => Ok(Tried::refused(reason, remaining)),
            None => Ok(Tried { objection: None, reason, remaining, reserved: asked.reserve }),
        }
    }

    /// What the ledger has against a purchase that nothing else is against, and what the authority's limits have left: those of the way that
    /// it would take, or of the first that is open where it would take none.
    async fn weigh(&self, looking: &Looking, proceed: &Proceed) -> Result<(Option<DeclineReason>, Vec<Remaining>), Problem> {
        let Looking { origin, request, ruleset, at } = *looking;
        let (decision, uses, way) = self.look(origin, request, Verdict::Proceed(proceed.clone()), ruleset, at).await?;
        let taken = match decision {
            Decision::Decline { reason } if request.card.is_some() || !is_of_card(reason) => Err(reason),
            // The ledger had no card to look further at.
            Decision::Decline { .. } => way_with_room(&request, proceed, &uses),
            Decision::Approve { .. } => Ok(way),
        };
        let shown = taken.unwrap_or_else(|_| proceed.first_way());
        Ok((taken.err(), remaining((proceed, shown), &uses, request.amount.currency())))
    }

    /// What the authority's limits have left that count whatever way is taken, where something else is against the purchase already. That
    /// stands whether or not the ledger can be asked.
    async fn left(&self, looking: &Looking, authority: &KnownAuthority) -> Vec<Remaining> {
        let Some(policy) = &authority.policy else { return Vec::new() };
        match limits_alone(&policy.always.ruleset, &looking.request, looking.at) {
            Verdict::Proceed(proceed) => self.weigh(looking, &proceed).await.map(|(_, left)| left).unwrap_or_default(),
            Verdict::Decline { .. } => Vec::new(),
        }
    }

    /// What the ledger would decide, what the verdict's limits have counted, and the way that would be taken.
    pub(super) async fn look(
        &self,
        origin: Origin,
        request: AuthorizationRequest,
        verdict: Verdict,
        ruleset: [u8; 32],
        received_at: Timestamp,
    ) -> Result<(Decision, Vec<LimitUse>, Option<Way>), Problem> {
        let away = || Problem::of(Code::LedgerUnavailable, "nothing was validated; send it again").retry_after(1);
        let instant = clock::instant();
        let decide = Decide {
            origin,
            request,
            digest: request.content_digest(),
            verdict,
            ruleset,
            governed: None,
            received_at,
            not_after: instant.checked_add(LEDGER_MAX).unwrap_or(instant),
            choice: None,
            slip: None,
        };
        let answer = self.done(Act::Preview(Box::new(decide))).await?;
        if let Answer::Previewed { decision, uses, way } = answer { Ok((decision, uses, way)) } else { Err(away()) }
    }

    async fn keep_intent(
        &self,
        wanted: Wanted<Asked>,
        authority: &KnownAuthority,
        reference: IntentReference,
        tried: Tried,
    ) -> Result<Row, Problem> {
        let Wanted { asker, what, mut change, .. } = wanted;
        let owner = asker.owner();
        let whose = self.office.whose(owner);
        let (eligible, status) = match tried.objection {
            None => (true, IntentStatus::Open.name()),
            Some(DeclineReason::ReviewRequired) => (true, IntentStatus::PendingReview.name()),
            Some(_) => (false, "not_eligible"),
        };
        let sealed = |name| seal_name(&self.office.sealer, owner.organization.as_str(), &name);
        let body = Intent {
            spending_authority_id: authority.id.to_string(),
            binding_id: what.binding.clone(),
            amount: what.amount.minor(),
            currency: what.amount.currency().code().to_owned(),
            mcc: what.merchant.mcc.map(|mcc| mcc.to_string()),
            merchant: self.office.some_words(&mut change, &whose, what.merchant_name.as_deref())?,
            merchant_id: what.merchant.id.map(|id| id.to_string()),
            merchant_country: what.merchant.country.map(|country| country.to_string()),
            description: self.office.some_words(&mut change, &whose, what.description.as_deref())?,
            expires_at: Moment(seconds_after(change.at(), what.ttl_seconds)),
            eligible,
            reserve: what.reserve,
            reserved: tried.reserved,
            reason_code: tried.reason.code().to_owned(),
            policy_id: authority.policy.as_ref().map(|policy| policy.version.policy.to_string()),
            remaining_limits: tried.remaining,
            requested_by: asker.who(),
            reviewed_by: None,
            reviewed_at: None,
            review_note: None,
            merchant_token: what.merchant.name.map(sealed).transpose().map_err(no_randomness)?,
            merchant_digest: None,
            credential: asker.caller.credential.to_string(),
        };
        let place = New {
            id: reference.as_str(),
            organization: owner.organization.as_str(),
            environment: Some(owner.environment),
            parent: authority.id.as_str(),
            status,
        };
        change.create(&place, &body, Vec::new(), "intent.validated");
        self.office.make(change).await
    }
}

/// The intent that a request would make, and when.
fn intent_of(
    owner: Owner,
    authority: &KnownAuthority,
    reference: IntentReference,
    wanted: &Wanted<Asked>,
) -> (KnownIntent, Timestamp) {
    let (now, asked) = (wanted.change.at(), &wanted.what);
    let intent = KnownIntent {
        reference,
        organization: owner.organization,
        environment: owner.environment,
        authority: authority.id,
        binding: None,
        amount: asked.amount,
        merchant: asked.merchant,
        status: IntentStatus::Open,
        expires_at: seconds_after(now, asked.ttl_seconds),
    };
    (intent, now)
}

/// An authority without a binding can be asked about all the same: by nothing that any card has.
fn no_binding(authority: &KnownAuthority) -> Option<KnownBinding> {
    let platform = PlatformName::new(NO_PLATFORM).ok()?;
    Some(KnownBinding {
        id: BindingId::of_random([0; 10]),
        organization: authority.organization,
        environment: authority.environment,
        authority: authority.id,
        instrument: Instrument { platform, kind: InstrumentKind::Instrument, id: InstrumentId::new("none").ok()? },
        status: BindingStatus::Active,
        door: Door::Authorize,
        made_at: Timestamp::from_unix_seconds(0),
    })
}

/// The payment as it would come: at a merchant that is not there in person.
pub(super) fn request(reference: IntentReference, asked: &Asked, card: Option<CardToken>) -> Option<AuthorizationRequest> {
    Some(AuthorizationRequest {
        key: IdempotencyKey::new(reference.as_str()).ok()?,
        payment: PaymentRef::of(reference.as_str().parse().ok()?),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card,
        cardholder: None,
        amount: asked.amount,
        original: None,
        padding: Padding::None,
        expiry: Expiry::Ours,
        merchant: asked.merchant,
        entry_mode: EntryMode::Ecommerce,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    })
}

/// Whose rules a purchase goes by, as at `/v1/authorize`.
enum Purse {
    OfProgram,
    Elsewhere,
}

/// Of no binding it is not known: any card may pay.
fn purse(binding: &KnownBinding, calls: Calls) -> Purse {
    match (calls, binding.instrument.kind) {
        (Calls::Yes, InstrumentKind::Card | InstrumentKind::Token | InstrumentKind::Account) => Purse::OfProgram,
        (Calls::No, _) if binding.instrument.platform.as_str() == NO_PLATFORM => Purse::OfProgram,
        (Calls::Yes, InstrumentKind::Instrument) | (Calls::No, _) => Purse::Elsewhere,
    }
}

/// Whether a reason is only that no card, or none of our ledger's, was named.
const fn is_of_card(reason: DeclineReason) -> bool {
    matches!(reason, DeclineReason::CardUnknown | DeclineReason::AccountUnknown)
}

/// Whether a reason may be that of ways which are open, where another one might have been with a person's yes.
const fn is_of_ways(reason: DeclineReason) -> bool {
    matches!(reason, DeclineReason::PolicyLimitReached | DeclineReason::PolicyAmount | DeclineReason::PolicyOther)
}

/// What the authority's own limits have left on a way.
fn remaining((proceed, way): (&Proceed, Option<Way>), uses: &[LimitUse], currency: Currency) -> Vec<Remaining> {
    let counts = |check: &LimitCheck| check.scope == LimitScope::Authority && check.counts_on(way);
    let of_authority = proceed.limits.iter().zip(uses).filter(|(check, _)| counts(check));
    of_authority
        .map(|(check, used)| Remaining {
            limit: check.limit.to_string(),
            window: window_name(check.window).to_owned(),
            amount: check.amount_max.map(|most| most.saturating_sub(used.amount).max(0)),
            currency: check.amount_max.map(|_| currency.code().to_owned()),
            count: check.count_max.map(|most| most.saturating_sub(used.count)),
        })
        .collect()
}

/// Over which time a limit counts, as far as the limit's own name does not tell.
const fn window_name(window: Window) -> &'static str {
    match window {
        Window::Since(_) => "calendar",
        Window::Rolling { .. } => "rolling",
        Window::Lifetime => "lifetime",
    }
}

/// The answer, made of what was kept: a retry hears what has become of it.
fn said(row: &Row) -> Result<Response, Problem> {
    let body: Intent = crate::agent::office::read(row)?;
    let reason = ReasonCode::named(&body.reason_code).map(ReasonCode::meaning).unwrap_or_default();
    let mut answer = json!({
        "intent_reference": row.id,
        "eligible": body.eligible,
        "status": row.status,
        "reason_code": body.reason_code,
        "reason": reason,
        "spending_authority_id": body.spending_authority_id,
        "reserved": body.reserved,
        "remaining_limits": body.remaining_limits,
        "expires_at": body.expires_at,
    });
    if let (Some(fields), Some(policy)) = (answer.as_object_mut(), body.policy_id) {
        fields.insert("policy_id".to_owned(), Value::String(policy));
    }
    Ok((StatusCode::OK, Json(answer)).into_response())
}
