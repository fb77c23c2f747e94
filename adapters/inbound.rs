//! What a callback turns out to be.

use std::fmt;

use arrayvec::ArrayVec;
use holdfast_core::agent::{BindingId, InstrumentId, IntentReference};
use holdfast_core::hold::ToldEvent;
use holdfast_core::{
    AmountError, AuthorizationId, AuthorizationRequest, CardToken, CardholderToken, DeclineReason, IdError, PlatformName,
    Timestamp,
};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use crate::answer::Echo;
use crate::payment::{AuthenticatedCall, CheckCall, ListCall, LookCall, OrderCall, PaymentCall};
use crate::token::Caller;

/// A callback as it came from the wire, unverified.
#[derive(Debug, Clone, Copy)]
pub struct Callback<'a> {
    /// Which of the platform's routes it came to.
    pub route: u8,
    /// What stood for the route's `{name}` segment, empty if it has none. Percent-encoding is not undone.
    pub segment: &'a str,
    /// What followed the `?`, empty if nothing did.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, whole.
    pub body: &'a [u8],
}

/// What an authentic callback asks for.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives in place on the request path; boxing would allocate there")]
pub enum Inbound<'a> {
    /// Decide this.
    Authorization(AuthorizationCall<'a>),
    /// Tell a balance.
    Balance(BalanceCall<'a>),
    /// Record these facts, and acknowledge. At most one callback's worth.
    Notification {
        /// In the order of the body; one that is not understood never blocks the others.
        notices: Vec<Notice>,
        /// What the acknowledgement repeats.
        echo: Echo<'a>,
    },
    /// Answer [`Answer::Acknowledged`](crate::Answer::Acknowledged), nothing else to do: a ping, a handshake, an
    /// informative message.
    Handshake {
        /// What the answer repeats.
        echo: Echo<'a>,
    },
    /// Decide a payment of ours, asked for at a door of ours.
    Payment(PaymentCall<'a>),
    /// Go on with a payment of ours that waits for its payer to be authenticated.
    Authenticated(AuthenticatedCall<'a>),
    /// Do something with a payment of ours.
    Order(OrderCall<'a>),
    /// Show a payment of ours.
    Look(LookCall<'a>),
    /// List payments of ours.
    List(ListCall<'a>),
    /// Check a payment against the rules.
    Check(CheckCall<'a>),
    /// Get this first, then come back with it through [`Adapter::decode_fetched`](crate::Adapter::decode_fetched).
    Fetch(Fetch),
}

/// An authorization to decide, with what its answer must repeat.
#[derive(Debug)]
pub struct AuthorizationCall<'a> {
    /// The question in our words.
    pub request: AuthorizationRequest,
    /// What the answer repeats.
    pub echo: Echo<'a>,
    /// When the platform says that it asked; its clock may be the budget's.
    pub sent_at: Option<Timestamp>,
    /// Where the question names an agent's authority instead of a card: by what, and who asks.
    pub lookup: Option<Lookup>,
}

/// By what a question leads to a spending authority. Whatever is named must lead to the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// Who asks.
    pub caller: Caller,
    /// Who issued the instrument, in lower case.
    pub platform: PlatformName,
    /// By what an agent said that it was about to buy.
    pub intent: Option<IntentReference>,
    /// By the binding.
    pub binding: Option<BindingId>,
    /// By the platform's name of what pays.
    pub instrument: Option<InstrumentId>,
    /// The platform's own name of the payment, which makes it that payment.
    pub transaction: Option<AuthorizationId>,
    /// Something that was named and can be nobody's name here.
    pub stranger: Option<Stranger>,
    /// Whether the caller named the question, so that it can be asked again.
    pub named: Named,
    /// The digest of the text by which the caller follows its request, if it sent one. Nobody's key is in it: it is not to be kept as it is.
    pub correlation: Option<[u8; 32]>,
}

/// A name that is none of ours by its form: whoever sends it hears what an unknown one hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stranger {
    /// What is said to it.
    pub reason: DeclineReason,
    /// What it is told apart by; the name itself goes nowhere.
    pub digest: [u8; 16],
}

/// Whether a caller named its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The key is the caller's.
    ByCaller,
    /// It sent none: each call is a question of its own, and the key that the adapter made is to be replaced.
    ByNobody,
}

/// A question for a balance.
#[derive(Debug)]
pub struct BalanceCall<'a> {
    /// By card,
    pub card: Option<CardToken>,
    /// or by owner, who may have several accounts.
    pub cardholder: Option<CardholderToken>,
    /// What the answer repeats.
    pub echo: Echo<'a>,
}

/// One element of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a batch has at most ten of them")]
pub enum Notice {
    /// Understood: facts for the ledger, in order.
    Told(ArrayVec<ToldEvent, 8>),
    /// Understood: a fact about a payment that was asked for at a door of ours. Who names one that is not there hears so
    /// ([`Answer::NotDone`](crate::Answer::NotDone)), and nothing is recorded.
    OfOurs(ToldEvent),
    /// Understood, and nothing to do with money or standing.
    Nothing,
    /// Not understood: kept, acknowledged and listed.
    Unrecognized(Unrecognized),
}

impl Notice {
    /// The facts in it.
    #[must_use]
    pub fn events(&self) -> &[ToldEvent] {
        match self {
            Notice::Told(events) => events,
            Notice::OfOurs(event) => std::slice::from_ref(event),
            Notice::Nothing | Notice::Unrecognized(_) => &[],
        }
    }
}

/// What is kept of a notification that was not understood: never a value that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecognized {
    /// SHA-256 of `redacted`, or of what else is nobody's secret. Never of what came: beside the redacted text, a digest without a key
    /// would give away what was left out, if that is as short as a card's number.
    pub digest: [u8; 32],
    /// What was not understood: a field's path, an unknown type's name.
    pub problem: String,
    /// The element redacted: field names, identifiers and amounts only; empty if it could not be parsed.
    pub redacted: String,
}

impl Unrecognized {
    /// What is kept of one, known by the digest of that.
    #[must_use]
    pub fn new(problem: String, redacted: String) -> Self {
        Unrecognized { digest: Sha256::digest(&redacted).into(), problem, redacted }
    }
}

/// Something to get from the platform before the callback can be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The path below the platform's configured API address.
    pub path: String,
}

/// Authentic bytes that are not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The path of the field, as in `gpa_order.jit_funding.token`; empty if the body as a whole is meant.
    pub path: String,
    /// What is wrong with it, without its value.
    pub problem: &'static str,
    /// Where a body ceases to be JSON, where that is told.
    pub position: Option<Position>,
    /// What else is wrong, where a platform's contract wants to hear all of it.
    pub others: Vec<Malformed>,
}

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in bytes.
    pub column: usize,
}

impl Malformed {
    /// A field that is wrong.
    #[must_use]
    pub fn field(path: impl Into<String>, problem: &'static str) -> Self {
        Malformed { path: path.into(), problem, position: None, others: Vec::new() }
    }

    /// A body that is JSON up to a place.
    #[must_use]
    pub fn not_json(error: &serde_json::Error) -> Self {
        let position = Some(Position { line: error.line(), column: error.column() });
        Malformed { position, ..Malformed::field("", "is not JSON") }
    }

    /// An amount, or its currency, that is wrong.
    #[must_use]
    pub fn amount(path: impl Into<String>, error: AmountError) -> Self {
        let problem = match error {
            AmountError::NotANumber => "is not a decimal number",
            AmountError::TooPrecise => "has more decimal places than its currency",
            AmountError::TooLarge => "is too large",
            AmountError::UnknownCurrency => "is not a currency of ISO 4217",
            AmountError::Negative => "is negative",
            AmountError::CurrencyMismatch => "is in another currency",
        };
        Malformed::field(path, problem)
    }

    /// An identifier that is none.
    #[must_use]
    pub fn identifier(path: impl Into<String>, error: IdError) -> Self {
        let problem = match error {
            IdError::Empty => "is empty",
            IdError::TooLong(_) => "is too long",
            IdError::CardNumber => "has a card number in it",
            IdError::Unprintable => "has a character that no identifier has",
        };
        Malformed::field(path, problem)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the body {}", self.problem),
            path => write!(f, "`{path}` {}", self.problem),
        }?;
        match self.position {
            Some(Position { line, column }) => write!(f, " from line {line}, column {column} on"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Malformed {}
