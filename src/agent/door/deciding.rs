//! `/v1/authorize` and what is told afterwards, described: the path of callbacks answers them, through the adapter `agent_spend`, and not this
//! service. Nothing here runs; the end-to-end tests hold description and answers together.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::codes::ReasonCodes;
use super::openapi::{EventProblems, QuestionProblems};

/// A question of a processor.
#[derive(Serialize, ToSchema)]
pub struct Question {
    /// Who issued what pays, in any case.
    #[schema(example = "MARQETA")]
    issuing_platform: String,
    /// Whole minor units; 0 asks whether a payment could be made, and holds nothing.
    #[schema(minimum = 0, maximum = 999_999_999_999_i64, example = 4_999)]
    amount: i64,
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// What an agent said that it was about to buy. Of this, `binding_id` and `instrument_id` at least one is there; together they must lead
    /// to the same authority. Alone it leads to the binding that it names, or to its authority's only active one of `issuing_platform`; where
    /// several are active there, name one: otherwise the answer is `BINDING_NOT_FOUND`.
    intent_reference: Option<String>,
    /// The binding.
    #[schema(example = "bind_demo")]
    binding_id: Option<String>,
    /// The platform's name of what pays.
    instrument_id: Option<String>,
    /// What the merchant sells: four digits, as a text.
    #[schema(pattern = "^[0-9]{4}$", example = "5734")]
    mcc: Option<String>,
    /// The merchant's name; letters and digits count.
    #[schema(max_length = 128)]
    merchant: Option<String>,
    /// The acquirer's identifier of the merchant.
    merchant_id: Option<String>,
    /// ISO 3166-1.
    #[schema(example = "USA")]
    merchant_country: Option<String>,
    /// The platform's own name of the payment: both doors then speak of one payment, and budgets count it once. Of Marqeta it is the
    /// transaction's `token`, the outermost one of its callback; that of `jit_funding`, or any other text, joins nothing: it is another payment.
    /// Where the platform does not call this server, it makes one payment of what you ask under it.
    platform_transaction_token: Option<String>,
    /// The card network.
    network: Option<String>,
    /// When it happened.
    #[schema(format = DateTime)]
    occurred_at: Option<String>,
    /// Repeated in the answer; a digest of it is kept, by which `GET /v1/authorizations?correlation_id=` finds the decision.
    #[schema(max_length = 128)]
    correlation_id: Option<String>,
}

/// A decision.
#[derive(Serialize, ToSchema)]
pub struct DecisionAnswer {
    /// `APPROVE` or `DECLINE`.
    #[schema(example = "APPROVE")]
    decision: String,
    /// Why.
    #[schema(value_type = ReasonCodes, example = "POLICY_MATCH")]
    reason_code: String,
    /// Its name, in every later question and event.
    request_id: String,
    /// Of an approval: how much, in minor units.
    approved_amount: Option<i64>,
    /// Of an approval.
    currency: Option<String>,
    /// The policy that was asked.
    policy_id: Option<String>,
    /// What led to the authority.
    binding_id: Option<String>,
    /// The intent that it was for.
    intent_reference: Option<String>,
    /// There only if stand-in answered, because the ledger could not be asked in time: why not (`starting`, `deadline_passed`,
    /// `ledger_unavailable`, `overloaded`, `panicked` or `switched`). What it approved is `STAND_IN`; what it declined has the reason of whoever
    /// objected, the policy and its budgets among them, or `STAND_IN` where nothing allowed it. A retry after a restart may be without it.
    #[schema(example = "ledger_unavailable")]
    stand_in: Option<String>,
    /// As it came.
    correlation_id: Option<String>,
}

/// What became of a payment.
#[derive(Serialize, ToSchema)]
pub struct PaymentEvent {
    /// `reversal`, `clearing` or `expiry`.
    #[serde(rename = "type")]
    #[schema(example = "reversal")]
    kind: String,
    /// The caller's name for it: the same one is applied once.
    #[schema(min_length = 1, max_length = 128)]
    event_id: String,
    /// Whole minor units. A clearing needs one; a reversal without one is of all that is left.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64)]
    amount: Option<i64>,
    /// ISO 4217; with an amount.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// Of a clearing: whether nothing more comes; it is unless told.
    #[serde(rename = "final")]
    is_final: Option<bool>,
    /// When it happened; not in the future, but for 60 seconds of which clocks may differ (400).
    #[schema(format = DateTime)]
    occurred_at: Option<String>,
    /// Repeated in the answer.
    #[schema(max_length = 128)]
    correlation_id: Option<String>,
}

/// It is recorded, or was before.
#[derive(Serialize, ToSchema)]
pub struct RecordedAnswer {
    /// Always true.
    recorded: bool,
    /// As it came.
    correlation_id: Option<String>,
}

/// What every question may bring.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, read by the adapter")]
pub struct QuestionHeaders {
    /// Your name for the question: asked again, it hears the same answer, and another question under it 409 `idempotency_conflict`. Without one each call is a payment of its own.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 128)]
    idempotency_key: Option<String>,
    /// As `correlation_id`, where the body has none.
    #[param(rename = "X-Correlation-Id")]
    correlation_id: Option<String>,
}

/// Decides a payment of a software agent, for a processor with a grant. An id that is not there, or that you may not ask about, is a
/// `DECLINE` with its reason: a payment path needs a decision. Money is held, and the card program's rules are asked, for what is paid from an
/// account of this server; where the money is elsewhere (a platform that does not call this server, or the kind `instrument`) the policy
/// decides, with its limits and, in the program's currency, the program's.
#[utoipa::path(post, operation_id = "authorize", path = "/v1/authorize", tag = "decisions", params(QuestionHeaders),
    request_body = Question, responses((status = 200, body = DecisionAnswer), QuestionProblems))]
#[expect(dead_code, reason = "the path of callbacks answers it")]
pub(super) fn authorize() {}

/// Tells what became of a payment that was asked about here. What is given back to budgets goes to the window in which it was counted; a full
/// reversal, at once or in parts, gives the intent back, and what a policy counts. An expiry gives back the amount alone: what expired may still
/// be cleared, so that its intent stays used, and it stays counted. The same event again is answered alike. Refused, with nothing recorded: a `request_id`
/// under which nothing is held or taken (404), one of a payment that was approved with `platform_transaction_token`, of which its platform
/// tells (409 `told_by_platform`), an `event_id` that came with something else (409 `event_conflict`), another currency than the
/// payment's (409 `currency_mismatch`), and a clearing of more than is left of what was approved (409 `clearing_above_authorized`). After a full
/// reversal, with an amount or without, and after a `final` clearing, nothing is left. An expiry has no amount. A reversal of more than is held gives back what is held.
#[utoipa::path(post, operation_id = "tell_event", path = "/v1/authorizations/{request_id}/events", tag = "decisions",
    params(("request_id" = String, Path)), request_body = PaymentEvent,
    responses((status = 200, body = RecordedAnswer), EventProblems))]
#[expect(dead_code, reason = "the path of callbacks answers it")]
pub(super) fn tell_event() {}
