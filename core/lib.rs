//! The pure centre of Holdfast: the words of card issuing, the rules, the hold engine and stand-in.
//!
//! Everything here is a function of its arguments. This crate has no socket, no disk, no clock, no thread and no log, and
//! its manifest names nothing that could bring one; therefore nothing in it can fail for a reason outside its arguments.
//! Time arrives as a [`Timestamp`] parameter called `now`.
//!
//! Suggested reading order: [`money`], [`authorization`], [`merchant`], [`checkout`], [`decision`], then [`rules`], [`hold`],
//! [`stand_in`], [`agent`].

pub mod agent;
pub mod authorization;
pub mod card_number;
pub mod checkout;
pub mod decision;
pub mod hold;
pub mod ids;
pub mod merchant;
pub mod money;
pub mod question_digest;
pub mod rules;
pub mod stand_in;
pub mod time;

pub use authorization::{
    Alias, AuthorizationKind, AuthorizationRequest, CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef,
    Posting, Wallet,
};
pub use checkout::{AddressVerification, Checkout, Monitoring, SecurityCodeVerification, ThreeDSecure};
pub use decision::{Basis, Decision, DeclineReason, StandInBasis, StandInBy, StandInCause};
pub use ids::{
    AccountId, AuthorizationId, CardToken, CardholderToken, IdError, IdempotencyKey, MerchantId, NetworkName, PlatformName,
    ProgramId, RuleId,
};
pub use merchant::{Country, Merchant, MerchantCategoryCode, MerchantName};
pub use money::{AmountError, Currency, Money};
pub use question_digest::{ContentDigest, QuestionDigest};
pub use time::Timestamp;
