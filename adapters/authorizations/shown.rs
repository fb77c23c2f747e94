//! One payment, every field of the interface. Members stand in the order of their names; what its caller wrote is borrowed as it stands in
//! the slip, and not taken apart.

use holdfast_core::hold::HoldStatus;
use holdfast_core::{Decision, Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{captured, is_authorization, path, state, was_voided};
use super::{Kind, Options, PURCHASE, TAGS, names, reasons};
use crate::exact;
use crate::payment::{AddressVerification, Payment, SecurityCodeVerification, Standing};

/// A slip's text.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Text<'t> {
    amount: Option<i64>,
    #[serde(borrow)]
    currency: Option<&'t RawValue>,
    #[serde(borrow)]
    idempotency_id: Option<&'t RawValue>,
    #[serde(borrow)]
    tags: Option<&'t RawValue>,
    tags_as_written: Option<String>,
    #[serde(borrow)]
    additional_buyer_charges: Option<&'t RawValue>,
    #[serde(borrow)]
    additional_purchase_data: Option<&'t RawValue>,
    additional_purchase_data_as_written: Option<String>,
    #[serde(borrow, rename = "3d_secure_authentication")]
    three_d_secure: Option<&'t RawValue>,
}

/// A surcharge, as the text has it.
#[derive(Deserialize)]
struct Charges {
    cc_surcharge_amount: Option<i64>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "3d_secure_authentication", skip_serializing_if = "Option::is_none")]
    three_d_secure: Option<&'a RawValue>,
    #[serde(rename = "_links")]
    links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_buyer_charges: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_purchase_data: Option<&'a RawValue>,
    address_verification: &'static str,
    amount: i64,
    amount_requested: i64,
    application: Option<&'a str>,
    /// Of a transfer that is a capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<&'a str>,
    /// Of authorizations, as all that is none for transfers.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_amount: Option<i64>,
    created_at: Moment,
    currency: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Option<Moment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_message: Option<&'static str>,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_void: Option<bool>,
    merchant: &'a str,
    security_code_verification: &'static str,
    source: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags<'a>>,
    trace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<Option<String>>,
    /// Of transfers.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    updated_at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    void_state: Option<&'static str>,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    itself: Link,
}

#[derive(Serialize)]
struct Link {
    href: String,
}

/// Tags that somebody sent, or an empty object.
#[derive(Serialize)]
#[serde(untagged)]
enum Tags<'a> {
    Sent(&'a RawValue),
    None {},
}

/// A moment as the interface writes it: to the millisecond.
struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_string();
        // The last three digits of the microseconds go.
        match text.strip_suffix('Z').and_then(|text| text.get(..text.len().saturating_sub(3))) {
            Some(text) => serializer.collect_str(&format_args!("{text}Z")),
            None => serializer.serialize_str(&text),
        }
    }
}

/// Writes a payment.
pub(super) fn write(payment: &Payment, kind: Kind, options: &Options, body: &mut Vec<u8>) {
    let text = payment.written.as_ref().and_then(|written| serde_json::from_str::<Text<'_>>(&written.text).ok());
    let text = text.unwrap_or_default();
    let seen = payment.written.as_ref().map(|written| &written.seen);
    let approved = payment.approved().map_or(0, Money::minor);
    let captured = captured(payment);
    let is_capture = kind == Kind::Transfer && is_authorization(payment);
    let transfer = (is_capture || captured > 0).then(|| names::transfer_of(&payment.id));
    let id = transfer.as_deref().filter(|_| is_capture).unwrap_or(payment.id.as_str());
    let (failure_code, failure_message) = match payment.standing {
        Standing::Decided(Decision::Decline { reason }) => Some(reasons::failure(reason)).unzip(),
        Standing::Decided(Decision::Approve { .. }) | Standing::Awaiting { .. } | Standing::Unauthenticated => (None, None),
    };
    let is_void = payment.hold.map(|hold| hold.status) == Some(HoldStatus::Released) && was_voided(payment);
    let of_authorization = kind == Kind::Authorization;
    let shown = Shown {
        three_d_secure: text.three_d_secure,
        links: Links { itself: Link { href: format!("{}/{}/{id}", options.links, path(kind)) } },
        additional_buyer_charges: text.additional_buyer_charges,
        // As they were written they stand behind everything else.
        additional_purchase_data: text.additional_purchase_data.filter(|_| text.additional_purchase_data_as_written.is_none()),
        address_verification: seen.map_or(AddressVerification::Unavailable, |seen| seen.address_verification).name(),
        amount: if is_capture { captured } else { approved },
        amount_requested: text.asked_for().unwrap_or(approved),
        application: seen.and_then(|seen| seen.application.as_deref()),
        authorization: is_capture.then(|| payment.id.as_str()),
        captured_amount: of_authorization.then_some(captured),
        created_at: Moment(payment.asked_at),
        currency: text.currency,
        expires_at: of_authorization.then(|| payment.expires_at.map(Moment)),
        failure_code,
        failure_message,
        id,
        idempotency_id: text.idempotency_id,
        is_void: of_authorization.then_some(is_void),
        merchant: payment.merchant.as_str(),
        security_code_verification: seen
            .map_or(SecurityCodeVerification::Unavailable, |seen| seen.security_code_verification)
            .name(),
        source: payment.source.as_str(),
        state: state(payment),
        tags: text.tags_as_written.is_none().then(|| text.tags.map_or(Tags::None {}, Tags::Sent)),
        trace_id: payment.reference.to_string(),
        transfer: of_authorization.then(|| transfer.clone()),
        kind: (kind == Kind::Transfer).then_some("DEBIT"),
        updated_at: Moment(payment.changed_at),
        void_state: of_authorization.then_some(if is_void { "SUCCEEDED" } else { "UNATTEMPTED" }),
    };
    let as_written = [(TAGS, text.tags_as_written.as_deref()), (PURCHASE, text.additional_purchase_data_as_written.as_deref())];
    exact::write(&shown, &as_written, body);
}

impl Text<'_> {
    /// What was asked for in all: the amount, and the surcharge on top of it.
    fn asked_for(&self) -> Option<i64> {
        let charges = self.additional_buyer_charges.and_then(|charges| serde_json::from_str::<Charges>(charges.get()).ok());
        self.amount?.checked_add(charges.and_then(|charges| charges.cc_surcharge_amount).unwrap_or(0))
    }
}
