//! The seam between the responder and the platforms: what an adapter must do, and what it lets its platform vary.
//!
//! Methods have no defaults, so that a platform that differs says so; but for what only some doors of ours do.

use std::time::Duration;

use holdfast_core::{AuthorizationId, IdempotencyKey, MerchantId, Money, PaymentRef, Timestamp};
use http::HeaderMap;

use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::payment::{Authentication, OrderCall, Payment, PaymentCall, Slip};
use crate::proof::{Authentic, Keyring, Refusal};
use crate::settings::{SettingError, Settings};

/// A platform as the registry knows it: facts, and how to make its adapter.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// The name that configurations, metrics and the journal use: lower case and underscores, at most 16 letters.
    pub name: &'static str,
    /// The paths it calls, below the mount's own.
    pub routes: &'static [Route],
    /// The paths, below the mount's own, at which it may send card numbers: on a listener of their own, if there is one. Their ids are
    /// none of `routes`.
    pub card_number_routes: &'static [Route],
    /// How long it waits, and from when.
    pub budget: Budget,
    /// What it expects of us when it asks the same question again before we have answered.
    pub in_flight_duplicate: InFlightDuplicate,
    /// Which credentials its verification looks at.
    pub credentials: Credentials,
    /// What the platform's own files and reports call the message that has this idempotency key: the key itself, or the
    /// platform's part of it where its messages have no id and the key is made of several things.
    pub message_name: fn(&str) -> &str,
    /// What later messages may call the payment of the message with this key, beside the names that the message itself has for it: its own
    /// token, where a platform's messages name the one before them instead of the payment. None where they name the payment.
    pub payment_of_message: fn(&str) -> Option<PaymentRef>,
    /// Which payment its transaction token names, as others know it who see the same transaction: the first or the second of a payment's
    /// names.
    pub payment_of_token: fn(AuthorizationId) -> PaymentRef,
    /// Whether what its callers write (names, descriptions, metadata) is kept to be given back: then a production program needs the key
    /// that seals it.
    pub texts: Use,
    /// How the platform's own documents have webhooks tell a decision, where they do.
    pub decision_event: Option<DecisionEvent>,
    /// Makes the adapter of one mount from the mount's settings; names every setting that is wrong.
    pub build: BuildAdapter,
}

/// How a platform's own documents have webhooks tell a decision.
#[derive(Debug, Clone, Copy)]
pub struct DecisionEvent {
    /// What they call it.
    pub name: &'static str,
    /// Writes its body: of an event's name, the door's own kind of payment, and the payment.
    pub body: fn(&str, u8, &Payment) -> Vec<u8>,
}

/// Makes a mount's adapter, or names every setting that is wrong.
pub type BuildAdapter = fn(&Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>>;

/// One path that a platform calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The adapter's own number for it; comes back in [`Callback::route`].
    pub id: u8,
    /// The method.
    pub method: RouteMethod,
    /// The path below the mount's; `{name}` matches one segment, which comes back in [`Callback::segment`]. At most one.
    pub path: &'static str,
}

/// The methods that platforms use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMethod {
    /// HTTP GET.
    Get,
    /// HTTP POST.
    Post,
    /// HTTP PUT.
    Put,
}

/// How long a platform waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// From `start` to the last byte of the answer, unless the mount says otherwise.
    pub default: Duration,
    /// The shortest that the platform can be configured to.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// From when it counts.
    pub start: BudgetStart,
}

/// From when a platform counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetStart {
    /// From the moment that we received the callback.
    Receipt,
    /// From the time stamp in the callback ([`AuthorizationCall::sent_at`](crate::AuthorizationCall::sent_at)), where it has one.
    SentAt,
}

/// What a platform expects when it asks again while the first question is still being decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlightDuplicate {
    /// Both get the first one's answer.
    Join,
    /// The second gets 425 Too Early and asks later.
    TooEarly,
}

/// What a platform does with each kind of credential that a [`Keyring`] can hold, so that a configuration can be refused
/// that leaves a mount shut, or that names a key which nobody would ever check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// [`Keyring::basic`].
    pub basic: Use,
    /// [`Keyring::headers`].
    pub headers: Use,
    /// [`Keyring::signing`].
    pub signing: Use,
    /// [`Keyring::answering`].
    pub answering: Use,
    /// Whether a credential of [`Keyring::basic`] can allow that its callers have rules bypassed.
    pub bypass: Use,
}

/// Whether a platform makes use of a kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Without one every callback is a stranger's, or no answer is accepted.
    Needed,
    /// Looked at where the program sets it up.
    Possible,
    /// Never looked at.
    Never,
}

/// One mount's adapter.
pub trait Adapter: Send + Sync {
    /// Checks that the caller is who it says.
    ///
    /// Every adapter does this for every route; without the value that it yields nothing can be decoded. Secrets are
    /// compared in constant time.
    ///
    /// # Errors
    /// The cause, for a counter; a stranger learns nothing from it.
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, now: Timestamp) -> Result<Authentic<'a>, Refusal>;

    /// Whether the head of a callback, whose body is not there yet, shows that [`verify`](Adapter::verify) would refuse it: then nobody waits
    /// for the body. What covers the body is not looked at, and whoever passes here is no less a stranger.
    ///
    /// # Errors
    /// As [`verify`](Adapter::verify) would say.
    fn verify_head(&self, callback: &Callback<'_>, keyring: &Keyring, now: Timestamp) -> Result<(), Refusal>;

    /// Understands an authentic callback. Never panics, whatever the bytes.
    ///
    /// Unknown fields and unknown enum values are tolerated; a malformed optional field counts as absent. Authentic
    /// notifications never fail: what is not understood becomes [`Notice::Unrecognized`](crate::Notice::Unrecognized).
    ///
    /// # Errors
    /// The path of the field that is missing or wrong, never its value.
    fn decode<'a>(&self, authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed>;

    /// Understands what was fetched, for platforms that send a thin event ([`Inbound::Fetch`]). `thin` is the callback
    /// that asked for it.
    ///
    /// # Errors
    /// As [`Adapter::decode`]; an adapter that never asks for a fetch answers that nothing was asked for.
    fn decode_fetched<'a>(&self, thin: &Authentic<'a>, fetched: &'a [u8]) -> Result<Inbound<'a>, Malformed>;

    /// The payment that a caller wrote about earlier, now that its payer was authenticated, or was not
    /// ([`Inbound::Authenticated`]). The same slip and the same authentication make the same payment.
    ///
    /// # Errors
    /// No payment of this door waits for that, or what was written is none.
    fn resume(
        &self,
        payment: AuthorizationId,
        slip: &Slip,
        authentication: &Authentication,
    ) -> Result<PaymentCall<'static>, Malformed> {
        let (_, _, _) = (payment, slip, authentication);
        Err(Malformed::field("", "is of a payment that waits for nothing"))
    }

    /// The key under which a payment of ours was asked for, by its name: at most doors they are one.
    fn key_of(&self, payment: &AuthorizationId) -> Option<IdempotencyKey> {
        IdempotencyKey::new(payment.as_str()).ok()
    }

    /// The key of an order about a payment of this merchant: what its caller called it, where those names are one space for all merchants.
    fn key_of_order(&self, asked: &OrderCall<'_>, merchant: &MerchantId) -> IdempotencyKey {
        let _ = merchant;
        asked.key
    }

    /// Writes the answer: appends the body to `body` and says with what status and headers, and by what way, it goes.
    ///
    /// The same answer to the same callback gives the same bytes, a signature's own time stamp aside. `keyring` signs
    /// where the platform wants that.
    fn encode(&self, echo: &Echo<'_>, answer: &Answer<'_>, keyring: &Keyring, now: Timestamp, body: &mut Vec<u8>) -> Reply;

    /// Writes an error in the platform's shape: a stranger's 401, bytes not understood 400, too large 413, 425, 503.
    fn refuse(&self, refused: &Refused, body: &mut Vec<u8>) -> Reply;

    /// Adds to `headers` (and, where the platform proves in the body, to `body`) what the platform itself would: the
    /// inverse of [`Adapter::verify`]. For the load generator and the adapters' laws, never for the answering path.
    fn prove(&self, route: u8, headers: &mut HeaderMap, body: &mut Vec<u8>, keyring: &Keyring, now: Timestamp);

    /// A valid authorization callback for load tests: like the platform's real ones in size and shape, about 2 KB.
    ///
    /// `variation` makes its keys unique: two variations share no key, payment or transaction id.
    fn sample_authorization(&self, variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) -> u8;
}
