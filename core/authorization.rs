//! The question: what a platform asks, in our words.
//!
//! Adapters make these values from a callback's bytes; rules and the ledger read them. They are fixed-size and own what
//! they say, so that the same value is evaluated, submitted and journaled. Nothing here decides.

use serde::{Deserialize, Serialize};

use crate::checkout::Checkout;
use crate::ids::{AuthorizationId, CardToken, CardholderToken, IdempotencyKey, NetworkName};
use crate::merchant::Merchant;
use crate::money::Money;
use crate::time::Timestamp;

/// What the cardholder wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthorizationKind {
    /// Goods or services.
    Purchase,
    /// Goods or services with cash on top; the amount includes the cash.
    PurchaseWithCashback,
    /// Cash from a machine or a counter.
    CashWithdrawal,
    /// What turns into cash at once: money orders, chips, crypto-currency.
    QuasiCash,
    /// A bill paid from the account.
    BillPayment,
    /// Zero amount: is this card good? Places no hold and is never refused for funds.
    AccountVerification,
    /// More on top of an earlier authorization of the same payment.
    Incremental,
    /// Money for the cardholder (original credit, refund authorization). Not spendable until it clears.
    Credit,
    /// How much is there? Answered with the balance; moves nothing.
    BalanceInquiry,
    /// Something that this version does not know: declined before any rule, and counted.
    Unknown,
}

impl AuthorizationKind {
    /// All kinds that can be approved, in the order of declaration.
    pub const ALL: [AuthorizationKind; 9] = [
        AuthorizationKind::Purchase,
        AuthorizationKind::PurchaseWithCashback,
        AuthorizationKind::CashWithdrawal,
        AuthorizationKind::QuasiCash,
        AuthorizationKind::BillPayment,
        AuthorizationKind::AccountVerification,
        AuthorizationKind::Incremental,
        AuthorizationKind::Credit,
        AuthorizationKind::BalanceInquiry,
    ];

    /// Whether it opens a payment that takes money from the account.
    #[must_use]
    pub const fn takes_money(self) -> bool {
        match self {
            AuthorizationKind::Purchase
            | AuthorizationKind::PurchaseWithCashback
            | AuthorizationKind::CashWithdrawal
            | AuthorizationKind::QuasiCash
            | AuthorizationKind::BillPayment => true,
            AuthorizationKind::AccountVerification
            | AuthorizationKind::Incremental
            | AuthorizationKind::Credit
            | AuthorizationKind::BalanceInquiry
            | AuthorizationKind::Unknown => false,
        }
    }

    /// Whether funds are needed for it: whatever takes money, and what adds to that. Credits are not spendable until they clear, and are
    /// not held either.
    #[must_use]
    pub const fn moves_money(self) -> bool {
        self.takes_money() || matches!(self, AuthorizationKind::Incremental)
    }

    /// The kind as rulesets, metrics and listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AuthorizationKind::Purchase => "purchase",
            AuthorizationKind::PurchaseWithCashback => "purchase_with_cashback",
            AuthorizationKind::CashWithdrawal => "cash_withdrawal",
            AuthorizationKind::QuasiCash => "quasi_cash",
            AuthorizationKind::BillPayment => "bill_payment",
            AuthorizationKind::AccountVerification => "account_verification",
            AuthorizationKind::Incremental => "incremental",
            AuthorizationKind::Credit => "credit",
            AuthorizationKind::BalanceInquiry => "balance_inquiry",
            AuthorizationKind::Unknown => "unknown",
        }
    }
}

/// How an approved amount leaves the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Posting {
    /// Dual message: held now, debited by a later clearing.
    Hold,
    /// Single message, or a program that captures at authorization: debited now; its completion moves nothing.
    Immediate,
}

/// How the card's data came to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EntryMode {
    /// Contact chip, fallback not included.
    Chip,
    /// Contactless chip or contactless magnetic stripe.
    Contactless,
    /// Magnetic stripe, also as fallback from a chip.
    MagneticStripe,
    /// Typed in at a terminal or told over the phone.
    Keyed,
    /// Typed in or provided by a wallet on a web page or in an app.
    Ecommerce,
    /// Stored by the merchant, used on the cardholder's wish.
    CardOnFile,
    /// Stored by the merchant, charged by a schedule the cardholder agreed to.
    Recurring,
    /// The platform did not tell, or told something newer than this program.
    Unknown,
}

impl EntryMode {
    /// All entry modes, in the order of declaration.
    pub const ALL: [EntryMode; 8] = [
        EntryMode::Chip,
        EntryMode::Contactless,
        EntryMode::MagneticStripe,
        EntryMode::Keyed,
        EntryMode::Ecommerce,
        EntryMode::CardOnFile,
        EntryMode::Recurring,
        EntryMode::Unknown,
    ];

    /// The entry mode as rulesets and listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EntryMode::Chip => "chip",
            EntryMode::Contactless => "contactless",
            EntryMode::MagneticStripe => "magnetic_stripe",
            EntryMode::Keyed => "keyed",
            EntryMode::Ecommerce => "ecommerce",
            EntryMode::CardOnFile => "card_on_file",
            EntryMode::Recurring => "recurring",
            EntryMode::Unknown => "unknown",
        }
    }
}

/// Whether a device wallet's token was presented instead of the card itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wallet {
    /// The card's own credentials.
    None,
    /// A network token of a wallet.
    Token,
}

/// Whether merchant and cardholder are in different countries, as the platform tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CrossBorder {
    /// One country.
    No,
    /// Two.
    Yes,
    /// Not told: the rules compare the merchant's country with the program's.
    NotTold,
}

/// Whether the terminal can hand out less than was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PartialApproval {
    /// All or nothing.
    NotSupported,
    /// The terminal, and the platform's answer, can carry a lower amount.
    Supported,
}

/// Whether the platform asks for more than the merchant did: then we hold nothing on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Padding {
    /// The merchant's amount.
    None,
    /// The platform added something for tips, fuel or rates.
    ByPlatform,
}

/// Who ends a hold that nobody captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    /// The platform tells; we only watch that it does.
    Told,
    /// We do.
    Ours,
}

/// The payment that a message is about, by every name the platform may use for it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "KeptRef", into = "KeptRef")]
pub struct PaymentRef {
    /// The platform's id of the payment: what its hold belongs to.
    pub authorization: AuthorizationId,
    /// Whether it has, or is, a second name.
    pub alias: Alias,
}

/// A second name of a payment, of another kind, where the platform refers to it by either. The two kinds never meet: one payment's
/// second name is no other's first, whatever their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alias {
    /// None is told.
    NotTold,
    /// This one, beside the first; it may be the same text.
    Also(AuthorizationId),
    /// What `authorization` says is the second name: the first is not told.
    Alone,
}

/// As a journal keeps a reference: in its first versions the same text twice said that only the second name was told.
#[derive(Clone, Serialize, Deserialize)]
struct KeptRef {
    authorization: AuthorizationId,
    alias: KeptAlias,
}

/// An optional name in the bytes of a journal, and one case more.
#[derive(Clone, Serialize, Deserialize)]
enum KeptAlias {
    NotTold,
    Also(AuthorizationId),
    AlsoTheSame,
}

impl From<KeptRef> for PaymentRef {
    fn from(kept: KeptRef) -> Self {
        let KeptRef { authorization, alias } = kept;
        let alias = match alias {
            KeptAlias::NotTold => Alias::NotTold,
            KeptAlias::Also(alias) if alias == authorization => Alias::Alone,
            KeptAlias::Also(alias) => Alias::Also(alias),
            KeptAlias::AlsoTheSame => Alias::Also(authorization),
        };
        PaymentRef { authorization, alias }
    }
}

impl From<PaymentRef> for KeptRef {
    fn from(payment: PaymentRef) -> Self {
        let PaymentRef { authorization, alias } = payment;
        let alias = match alias {
            Alias::NotTold => KeptAlias::NotTold,
            Alias::Also(alias) if alias == authorization => KeptAlias::AlsoTheSame,
            Alias::Also(alias) => KeptAlias::Also(alias),
            Alias::Alone => KeptAlias::Also(authorization),
        };
        KeptRef { authorization, alias }
    }
}

impl PaymentRef {
    /// A payment with one name.
    #[must_use]
    pub const fn of(authorization: AuthorizationId) -> Self {
        PaymentRef { authorization, alias: Alias::NotTold }
    }

    /// A payment of which only the second name is told.
    #[must_use]
    pub const fn by_alias(alias: AuthorizationId) -> Self {
        PaymentRef { authorization: alias, alias: Alias::Alone }
    }

    /// The same payment with a second name beside its first.
    #[must_use]
    pub const fn with_alias(self, alias: AuthorizationId) -> Self {
        PaymentRef { alias: Alias::Also(alias), ..self }
    }

    /// Every text that names it, once.
    pub fn names(&self) -> impl Iterator<Item = AuthorizationId> + use<> {
        let first = self.authorization;
        let second = match self.alias {
            Alias::Also(alias) if alias != first => Some(alias),
            Alias::Also(_) | Alias::NotTold | Alias::Alone => None,
        };
        std::iter::once(first).chain(second)
    }
}

/// One authorization to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The same key is the same question and hears the same answer.
    pub key: IdempotencyKey,
    /// What later events will call this payment.
    pub payment: PaymentRef,
    /// For an increment: the payment it adds to.
    pub increments: Option<PaymentRef>,
    /// What the cardholder wants to do.
    pub kind: AuthorizationKind,
    /// How an approved amount leaves the account.
    pub posting: Posting,
    /// The card, by the platform's token; `None` where the platform names only the cardholder.
    pub card: Option<CardToken>,
    /// Who presents it, by the platform's token: a card is good in its owner's name only, where it is known who that is.
    pub cardholder: Option<CardholderToken>,
    /// How much, in the account's currency; never negative ([`AuthorizationKind::Credit`] carries the direction).
    pub amount: Money,
    /// How much in the merchant's currency, where that is another one and told.
    pub original: Option<Money>,
    /// Whether `amount` has something on top of what the merchant asked.
    pub padding: Padding,
    /// Who ends the hold if nobody captures it.
    pub expiry: Expiry,
    /// Who asks to be paid.
    pub merchant: Merchant,
    /// How the card's data came to the terminal.
    pub entry_mode: EntryMode,
    /// Whether a wallet's token was presented.
    pub wallet: Wallet,
    /// Whether the payment crosses a border.
    pub cross_border: CrossBorder,
    /// Whether less than `amount` may be approved.
    pub partial_approval: PartialApproval,
    /// The card network's name as the platform writes it: `VISA`, `MASTERCARD`.
    pub network: Option<NetworkName>,
    /// When it happened, by the platform's clock.
    pub occurred_at: Option<Timestamp>,
    /// What is told of it besides, at a door of ours. A journal writes it apart, and only where it is.
    #[serde(skip)]
    pub checkout: Option<Checkout>,
}

impl AuthorizationRequest {
    /// Whether it names nobody whose money it could be about: whoever looked for somebody knows why.
    #[must_use]
    pub const fn presents_nothing(&self) -> bool {
        self.card.is_none() && self.cardholder.is_none()
    }

    /// The payment whose hold it concerns, and the increment's own name where it is one.
    #[must_use]
    pub fn payments(&self) -> (&PaymentRef, Option<&PaymentRef>) {
        match &self.increments {
            Some(original) if self.kind == AuthorizationKind::Incremental => (original, Some(&self.payment)),
            Some(_) | None => (&self.payment, None),
        }
    }
}
