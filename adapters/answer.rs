//! What goes back: the decision, with what the platform wants repeated.

use std::fmt;

use arrayvec::{ArrayString, ArrayVec};
use holdfast_core::agent::{BindingId, IntentReference, PolicyId, ReasonCode};
use holdfast_core::{AccountId, ContentDigest, Decision, IdempotencyKey, Money, PlatformName, ProgramId, StandInCause};
use http::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::inbound::Malformed;
use crate::payment::{Checked, NotDone, Page, Payment};
use crate::proof::Permission;
use crate::token::TokenFault;

/// What an answer repeats of its callback: raw JSON values, quotes included, borrowed from its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Echo<'a> {
    /// The adapter's own number for the kind of answer that is owed: a dialect, a version, a route.
    pub dialect: u8,
    /// Names and raw JSON values, in the order in which they are written.
    pub fields: ArrayVec<(&'static str, &'a str), 8>,
}

/// What the responder answers.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// A decision on an authorization.
    Decided {
        /// Yes or no.
        decision: Decision,
        /// Our name for it, the same for every retry.
        reference: DecisionReference,
        /// The account's balance, where the question was a balance inquiry or the platform takes one.
        balance: Option<&'a AccountBalance>,
        /// What an agent's authority has to do with it, where the question named one.
        said: Option<&'a Said>,
    },
    /// Balances, one an account.
    Balances(&'a [AccountBalance]),
    /// Recorded, or nothing to do.
    Acknowledged,
    /// A payment of ours as it stands.
    Payment(&'a Payment),
    /// A page of payments of ours.
    Payments(&'a Page),
    /// What the rules say of a payment that is only checked.
    Checked(&'a Checked),
    /// What was asked of a payment of ours is not done.
    NotDone(NotDone<'a>),
}

/// What an answer says of an agent's authority: the same for every retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Why.
    pub code: ReasonCode,
    /// The policy that was asked.
    pub policy: Option<PolicyId>,
    /// The binding that led there.
    pub binding: Option<BindingId>,
    /// The intent that it was for.
    pub intent: Option<IntentReference>,
    /// Why stand-in answered, if it did.
    pub stand_in: Option<StandInCause>,
}

/// Our name for a decision: 128 bits, made of program, platform and key, so that a retry hears the same one. Displays as a
/// UUID (version 8: made by our own rule).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionReference([u8; 16]);

impl DecisionReference {
    /// Our name for the decision on a key of a program's platform.
    #[must_use]
    pub fn of(program: &ProgramId, platform: &PlatformName, key: &IdempotencyKey) -> Self {
        let mut digest = Sha256::new();
        for part in [program.as_str(), platform.as_str(), key.as_str()] {
            digest.update(part);
            digest.update([0]);
        }
        DecisionReference::from_digest(digest.finalize().first_chunk().copied().unwrap_or_default())
    }

    /// By the text that it displays as.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let digits: String = text.split('-').collect();
        let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
        let read = DecisionReference::from_digest(number.to_be_bytes());
        // What has another version was never one.
        (read.to_string() == text).then_some(read)
    }

    /// Our name for the refusal of a question under a key that another question has: its own, and the same for every retry.
    #[must_use]
    pub fn of_conflict(program: &ProgramId, platform: &PlatformName, key: &IdempotencyKey, asked: &ContentDigest) -> Self {
        let DecisionReference(of_key) = DecisionReference::of(program, platform, key);
        let digest = Sha256::new().chain_update(of_key).chain_update(asked.as_bytes()).finalize();
        DecisionReference::from_digest(digest.first_chunk().copied().unwrap_or_default())
    }

    /// Takes 16 bytes of a digest.
    #[must_use]
    pub const fn from_digest(mut digest: [u8; 16]) -> Self {
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut digest;
        *version = (*version & 0x0f) | 0x80;
        *variant = (*variant & 0x3f) | 0x80;
        DecisionReference(digest)
    }
}

impl DecisionReference {
    /// As it is displayed.
    #[must_use]
    pub fn text(&self) -> ArrayString<36> {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let mut text = ArrayString::new();
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for nibble in [byte >> 4, byte & 0x0f] {
                text.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
            }
        }
        text
    }
}

impl fmt::Display for DecisionReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: AccountId,
    /// What is on it.
    pub posted: Money,
    /// What of it is held for payments under way.
    pub held: Money,
    /// What can be spent: posted − held + credit line.
    pub available: Money,
    /// Whether it can be used at all.
    pub usable: bool,
}

/// Why a callback is refused instead of answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A stranger: 401.
    NotAuthentic,
    /// A stranger, or somebody known who may not, by a bearer token: 401 or 403, and the caller hears why.
    Token(TokenFault),
    /// Authentic and not understood: 400.
    Malformed(Malformed),
    /// The credential does not allow this: 403.
    Forbidden(Permission),
    /// A path below the mount that is none of its routes: 404.
    NoRoute,
    /// A route that is called with another method: 405.
    NotThisWay,
    /// The body did not arrive in time: 408.
    TooSlow,
    /// The body is larger than allowed: 413.
    TooLarge,
    /// The same question is being decided right now: 425.
    TooEarly,
    /// A notification that could not be made durable: 503, so that the platform sends it again.
    NotDurable,
    /// A question that nobody can answer now, and that asks for no decision of ours: a balance that the ledger does not tell, or an
    /// authorization that is left to the platform's own stand-in. 503.
    Unavailable,
}

impl Refused {
    /// The HTTP status that every platform understands for it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Refused::NotAuthentic => 401,
            Refused::Token(fault) => fault.status(),
            Refused::Malformed(_) => 400,
            Refused::Forbidden(_) => 403,
            Refused::NoRoute => 404,
            Refused::NotThisWay => 405,
            Refused::TooSlow => 408,
            Refused::TooLarge => 413,
            Refused::TooEarly => 425,
            Refused::NotDurable | Refused::Unavailable => 503,
        }
    }
}

/// How an answer goes back; its body is in the buffer that the adapter was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status. Some platforms read the decision in it.
    pub status: u16,
    /// The body's media type.
    pub content_type: &'static str,
    /// Further headers: a signature, its time stamp.
    pub headers: ArrayVec<(HeaderName, HeaderValue), 4>,
    /// Where the platform wants the decision on its own API: say it there first, then respond.
    pub call_back: Option<Box<CallBack>>,
}

impl Reply {
    /// A JSON body with a status, nothing else.
    #[must_use]
    pub fn json(status: u16) -> Self {
        Reply { status, content_type: "application/json", headers: ArrayVec::new(), call_back: None }
    }
}

/// A call to the platform's own API that carries the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallBack {
    /// The path below the platform's configured API address.
    pub path: String,
    /// The body, JSON.
    pub body: Vec<u8>,
}
