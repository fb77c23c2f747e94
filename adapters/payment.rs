//! Payments of our own doors: what a merchant's side asks for, and what it is shown of it. Here are the words that the doors'
//! adapters and whoever answers behind them share; nothing here is a platform's wire format, and nothing decides.

use arrayvec::ArrayString;
use holdfast_core::card_number::CardNumber;
use holdfast_core::hold::{Hold, Order, StepId};
use holdfast_core::rules::Enforcement;
use holdfast_core::{
    AmountError, AuthorizationId, AuthorizationRequest, CardToken, Currency, Decision, DeclineReason, IdempotencyKey, MerchantId,
    Money, PaymentRef, RuleId, ThreeDSecure, Timestamp,
};
use sha2::{Digest as _, Sha256};

pub use holdfast_core::{AddressVerification, SecurityCodeVerification};

use crate::answer::{DecisionReference, Echo};
use crate::inbound::{AuthorizationCall, Malformed};
pub use crate::written::{CardBrand, Seen, Written};

/// A payment to decide, with what its caller gets back.
#[derive(Debug)]
pub struct PaymentCall<'a> {
    /// The question, as every door asks it. Its merchant is the door's identifier, its card the instrument.
    pub call: AuthorizationCall<'a>,
    /// What is kept of what the caller wrote.
    pub slip: Slip,
    /// The part of the amount that is a surcharge, and the field that says so: a merchant's state may prohibit it.
    pub surcharge: Option<(Money, &'static str)>,
    /// The fields that name merchant and instrument, for errors.
    pub fields: NamedBy,
    /// Makes the payment's names of something that nobody else has, where the caller named nothing: each call is then a new payment.
    pub unnamed: Option<MakeNames>,
    /// Its key and its name as versions before this one made them of what its caller called it, where those were others: what was answered
    /// under them is answered again.
    pub formerly: Option<(IdempotencyKey, PaymentRef)>,
    /// When it is decided.
    pub turn: PaymentTurn,
}

/// When a payment is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentTurn {
    /// At once.
    AtOnce,
    /// At once, unless a payment that waits for its payer to be authenticated has its name.
    AtOnceUnlessBegun,
    /// Once its payer was authenticated, or was not. Until then nothing is held.
    OnceAuthenticated,
}

/// What became of authenticating a payer.
#[derive(Debug)]
pub struct AuthenticatedCall<'a> {
    /// The payment that waits for it.
    pub payment: AuthorizationId,
    /// What became of it.
    pub authentication: Authentication,
    /// What the answer repeats if the payment does not wait.
    pub echo: Echo<'a>,
}

/// What became of authenticating a payer. The authentication value itself goes no further than its door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// What it came to.
    pub outcome: ThreeDSecure,
    /// Its own name, as whoever authenticated calls it.
    pub transaction: String,
}

/// Makes a payment's key and its name.
pub type MakeNames = fn(&[u8]) -> Result<(IdempotencyKey, PaymentRef), Malformed>;

/// Which fields of a door name merchant and instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedBy {
    /// The merchant.
    pub merchant: &'static str,
    /// The instrument.
    pub source: &'static str,
}

/// What is kept of what a caller wrote about a payment, to be given back: like the paper in a till.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// The door's own kind of payment: lists are of one kind.
    pub kind: u8,
    /// The merchant.
    pub merchant: MerchantId,
    /// The instrument.
    pub source: CardToken,
    /// What the caller wrote, in the door's own JSON: the same question has the same text.
    pub text: String,
    /// What of that is kept when the text is erased, in the same JSON: amounts, and nothing that anybody worded.
    pub lasting: String,
}

/// An order about a payment of ours.
#[derive(Debug)]
pub struct OrderCall<'a> {
    /// The payment.
    pub payment: AuthorizationId,
    /// The same key is the same order.
    pub key: IdempotencyKey,
    /// Who made the key.
    pub key_is: KeyIs,
    /// What is to be done.
    pub order: Ordered,
    /// What the answer repeats.
    pub echo: Echo<'a>,
}

/// Who made an order's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyIs {
    /// Its caller: whatever became of it is what the same key hears again.
    Callers,
    /// Made of what is ordered. What the payment did not allow then may be allowed later: a refusal is not remembered under it.
    OfContent,
}

/// What is to be done with a payment of ours. Callers tell amounts without a currency: it is the payment's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// Take this much, once; the rest is free at once.
    Capture(OrderAmount),
    /// Let go of what is held.
    Void,
    /// Give back this much of what was taken.
    Refund(OrderAmount),
}

/// An amount as a caller wrote it. How much it is only its payment's currency says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderAmount {
    /// In minor units.
    Minor(i64),
    /// A decimal number of major units.
    Decimal(ArrayString<16>),
}

impl OrderAmount {
    /// The amount in a currency.
    ///
    /// # Errors
    /// It has more decimal places than the currency, or is too large.
    pub fn in_currency(&self, currency: Currency) -> Result<Money, AmountError> {
        match self {
            OrderAmount::Minor(minor) => Ok(Money::from_minor(*minor, currency)),
            OrderAmount::Decimal(text) => Money::from_decimal(text, currency),
        }
    }
}

impl Ordered {
    /// The order in the currency of its payment.
    ///
    /// # Errors
    /// The currency has no such amount.
    pub fn in_currency_of(self, asked: Money) -> Result<Order, AmountError> {
        let currency = asked.currency();
        Ok(match self {
            Ordered::Capture(amount) => {
                Order::Capture { amount: amount.in_currency(currency)?, finality: holdfast_core::hold::Finality::Final }
            }
            Ordered::Void => Order::Release,
            Ordered::Refund(amount) => Order::Refund { amount: amount.in_currency(currency)? },
        })
    }

    /// The field that an amount of it came in.
    pub const AMOUNT: &'static str = "amount";
}

/// A question for one payment of ours.
#[derive(Debug)]
pub struct LookCall<'a> {
    /// The payment.
    pub payment: AuthorizationId,
    /// The payment that is meant if there is none of that name: a capture of it has the name.
    pub or: Option<AuthorizationId>,
    /// What the answer repeats.
    pub echo: Echo<'a>,
}

/// A question for a page of payments, the newest first.
#[derive(Debug)]
pub struct ListCall<'a> {
    /// Which ones.
    pub wanted: Wanted,
    /// What the answer repeats.
    pub echo: Echo<'a>,
}

/// Which payments a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Of this kind.
    pub kind: u8,
    /// Behind this one, as the page before says.
    pub before: Option<i64>,
    /// At most so many.
    pub most: u32,
    /// Of this merchant.
    pub merchant: Option<MerchantId>,
    /// With this instrument.
    pub source: Option<CardToken>,
    /// Asked for at this moment or later.
    pub since: Option<Timestamp>,
    /// Asked for at this moment or earlier.
    pub until: Option<Timestamp>,
    /// Only those that stand like this.
    pub standing: Option<StandingIs>,
}

/// How payments on a list stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingIs {
    /// They were approved.
    Approved,
    /// They were not.
    Declined,
    /// Nobody decided them yet.
    Undecided,
}

/// A payment to be checked against the rules: nothing moves.
#[derive(Debug)]
pub struct CheckCall<'a> {
    /// The question; its names are made by `make`.
    pub request: AuthorizationRequest,
    /// The card's number, where it came by that: the card is found by it, and then it is let go of.
    pub number: Option<CardNumber>,
    /// Until when the card can be used, where that was told.
    pub expiry: Option<CardExpiry>,
    /// Whether limits are asked.
    pub limits: LimitsAre,
    /// Whether the door of its payment would look at its currency.
    pub currency: CurrencyIs,
    /// What is kept of what the caller wrote.
    pub text: String,
    /// The field that names the merchant, for errors.
    pub field: &'static str,
    /// Makes the check's names.
    pub make: MakeNames,
    /// What the answer repeats.
    pub echo: Echo<'a>,
}

/// The last month in which a card can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardExpiry {
    /// The year, by all its digits.
    pub year: i16,
    /// The month, from 1 on.
    pub month: i8,
}

/// What callers pass on, to find a check again in reports: twelve digits of its name.
#[must_use]
pub fn roc_of(check: &AuthorizationId) -> String {
    let digest = Sha256::new().chain_update("roc").chain_update(check.as_str()).finalize();
    let number = digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    format!("{:012}", number.checked_rem(1_000_000_000_000).unwrap_or(0))
}

/// The field that has it, where a check is answered and where a payment passes it on.
pub const ROC: &str = "roc_text_data";

/// Whether a text could be one.
#[must_use]
pub fn is_roc(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a check asks, or asked, what limits have counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitsAre {
    /// It does, or did.
    Asked,
    /// It does not, or nobody could tell.
    NotAsked,
}

/// What becomes of a currency that is not the program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurrencyIs {
    /// The payment is refused for it.
    LookedAt,
    /// Nothing: what is captured or given back is in its payment's, whatever is told.
    OfItsPayment,
}

/// What rules say of a payment that is only checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The check's name.
    pub id: AuthorizationId,
    /// What callers pass on, to find the payment again in reports.
    pub roc: String,
    /// Whether nothing declines it.
    pub allowed: bool,
    /// Every rule that matched, in the order of the ruleset, and then every limit that the payment would pass.
    pub rules: Vec<CheckedRule>,
    /// Whether limits are among them.
    pub limits: LimitsAre,
}

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRule {
    /// Its name.
    pub id: RuleId,
    /// What its author says about it.
    pub description: Option<String>,
    /// The reason that it gives.
    pub reason: DeclineReason,
    /// Whether it declines, or is on trial.
    pub enforcement: Enforcement,
}

/// A payment of ours as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its name.
    pub id: AuthorizationId,
    /// Our name for the decision.
    pub reference: DecisionReference,
    /// The merchant.
    pub merchant: MerchantId,
    /// The instrument.
    pub source: CardToken,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When anything last happened to it.
    pub changed_at: Timestamp,
    /// What was answered, if it was decided.
    pub standing: Standing,
    /// What stands of it; nothing while the ledger has yet to hear of it, and of what was declined.
    pub hold: Option<Hold>,
    /// When the hold ends if nobody says anything; nothing where none was placed.
    pub expires_at: Option<Timestamp>,
    /// What its caller wrote, and what was known then; nothing once that was erased.
    pub written: Option<Written>,
    /// The step that let go of what was held, if one did.
    pub released_by: Option<StepId>,
    /// How much the order is about that is answered; nothing where no order is.
    pub ordered: Option<Money>,
}

/// How far a payment of ours has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was decided.
    Decided(Decision),
    /// It waits for its payer to be authenticated, and holds nothing.
    Awaiting {
        /// The last moment for that.
        until: Timestamp,
    },
    /// Its payer was not authenticated in time.
    Unauthenticated,
}

impl Payment {
    /// As a filter of lists has it.
    #[must_use]
    pub const fn standing_is(&self) -> StandingIs {
        match self.standing {
            Standing::Decided(Decision::Approve { .. }) => StandingIs::Approved,
            Standing::Decided(Decision::Decline { .. }) | Standing::Unauthenticated => StandingIs::Declined,
            Standing::Awaiting { .. } => StandingIs::Undecided,
        }
    }

    /// What was approved.
    #[must_use]
    pub const fn approved(&self) -> Option<Money> {
        match self.standing {
            Standing::Decided(Decision::Approve { amount }) => Some(amount),
            Standing::Decided(Decision::Decline { .. }) | Standing::Awaiting { .. } | Standing::Unauthenticated => None,
        }
    }
}

/// A page of payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The payments.
    pub payments: Vec<Payment>,
    /// Where the next page begins; nothing on the last one.
    pub next: Option<i64>,
}

/// Why something that was asked of a payment of ours is not done, beside what stands of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDone<'a> {
    /// Why.
    pub reason: DeclineReason,
    /// The payment, if there is one.
    pub payment: Option<&'a Payment>,
}
