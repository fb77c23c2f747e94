//! What happens in a simulated world, in plain numbers: the engine hears it as an [`Act`], the model as it is.

use holdfast_adapters::payment::KeyIs;
use holdfast_core::hold::{
    AccountStatus, CardStatus, CardholderStatus, Fact, Finality, MovementCause, Order, RecordedOutcome, ReleaseCause, Subject,
    ToldAnswer, ToldEvent,
};
use holdfast_core::rules::{HoldPolicy, LimitCheck, Proceed, StillOpen, Verdict, Ways};
use holdfast_core::{
    AuthorizationKind, AuthorizationRequest, Basis, ContentDigest, CrossBorder, Currency, DeclineReason, EntryMode, Expiry,
    IdError, Merchant, Money, Padding, PartialApproval, PaymentRef, PlatformName, Posting, ProgramId, RuleId, StandInCause,
    Timestamp, Wallet,
};

use super::limits::{LIMITS, Limit, counter};
use super::naming::{Label, Name, Named, has_a_name, message_key};
use crate::clock::Instant;
use crate::ledger::{Act, Adopt, Decide, Ordering, Origin};

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub enum Deed {
    /// A platform asks.
    Ask(Question),
    /// An answer was told without the ledger.
    Adopt(Question, Heard),
    /// A platform tells.
    Tell(Message),
    /// A program orders something about a payment.
    Order(Command),
}

/// What a platform heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Yes(i64),
    No,
}

/// A question. `program`, `card` and `account` are numbers of the world.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub program: usize,
    pub card: usize,
    pub account: usize,
    pub in_the_name_of: Holder,
    pub key: u32,
    pub of: Named,
    pub kind: AuthorizationKind,
    pub posting: Posting,
    pub amount: i64,
    /// In a currency that the account does not have.
    pub foreign: bool,
    /// What the merchant asked, in its own currency.
    pub original: Option<i64>,
    pub padding: Padding,
    pub expiry: Expiry,
    pub partial: PartialApproval,
    pub policy: HoldPolicy,
    /// Which of the world's limits apply.
    pub limits: [bool; LIMITS.len()],
    /// How many ways are open; nothing where there are not several.
    pub ways: Option<u8>,
    /// On which way, from 0, each of the limits counts; on every one where none is named.
    pub on: [Option<u8>; LIMITS.len()],
    /// A rule says no.
    pub refused: bool,
    /// Somebody else has answered already.
    pub late: bool,
    pub occurred_at: Option<Timestamp>,
    pub received_at: Timestamp,
}

impl Question {
    /// Whether it adds to a payment.
    pub fn adds(&self) -> bool {
        self.kind == AuthorizationKind::Incremental
    }

    /// Whether the platform says of it that it adds to a payment, whatever it says when it asks.
    pub fn is_said_to_add(&self) -> bool {
        self.adds() || self.of.name == Name::Increment(self.key)
    }

    /// Whether it asks for money.
    pub fn wants_money(&self) -> bool {
        !matches!(
            self.kind,
            AuthorizationKind::AccountVerification
                | AuthorizationKind::Credit
                | AuthorizationKind::BalanceInquiry
                | AuthorizationKind::Unknown
        )
    }

    /// How many transactions it is.
    pub fn transactions(&self) -> i32 {
        i32::from(self.kind == AuthorizationKind::AccountVerification || (self.wants_money() && !self.adds()))
    }

    /// What else its payment is called, once something of it is there.
    pub fn own_label(&self) -> Option<Label> {
        self.adds().then_some(Label::Increment(self.key))
    }

    /// Whether another question under the same key is the same one.
    pub fn is_again(&self, other: &Question) -> bool {
        (self.kind, self.posting, self.card, self.in_the_name_of, self.amount, self.foreign, self.of.payment)
            == (other.kind, other.posting, other.card, other.in_the_name_of, other.amount, other.foreign, other.of.payment)
    }
}

/// Who presents a card, as the platform says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    NotTold,
    Owner,
    /// The owner of the next account, of whatever program.
    Another,
    /// Somebody of whom nobody ever told.
    Nobody,
}

/// A message of a platform, or of an operator.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    pub program: usize,
    pub card: usize,
    pub account: usize,
    pub key: u32,
    pub at: Option<Timestamp>,
    pub of: Option<Named>,
    pub foreign: bool,
    /// Its subject names the account instead of the card.
    pub by_account: bool,
    pub says: Says,
}

/// What a message says.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    Recorded { asked: u32, increment: Option<u32>, outcome: Outcome },
    Less { by: i64, original: Option<i64> },
    Total(i64),
    Released(ReleaseCause),
    Captured(i64, Finality),
    Completed(i64),
    Credited(i64, MovementCause),
    Debited(i64, MovementCause),
    Card(CardStatus),
    Owner(CardholderStatus),
    Account(AccountStatus),
}

/// How an authorization ended, by a platform's word.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    Approved(i64),
    StoodIn(i64, Posting),
    Declined,
}

/// An order of a program.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    pub program: usize,
    pub key: u32,
    pub of: Named,
    pub wants: Wants,
}

/// What an order wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Capture(i64, Finality),
    Release,
    Refund(i64),
}

/// The day on which every world begins.
pub const BEGINNING: Timestamp = Timestamp::from_unix_seconds(1_773_500_400);

/// An identifier of a kind and a number.
pub fn id<T: for<'a> TryFrom<&'a str, Error = IdError>>(kind: &str, number: impl std::fmt::Display) -> Result<T, IdError> {
    use std::fmt::Write as _;
    let mut text = arrayvec::ArrayString::<40>::new();
    // What does not fit is cut, and still a name.
    let _ = write!(text, "{kind}{number}");
    T::try_from(&text)
}

fn dollars(minor: i64, foreign: bool) -> Money {
    let currency = if foreign { Currency::from_alpha("JPY") } else { None };
    Money::from_minor(minor, currency.unwrap_or(Currency::USD))
}

fn euros(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_alpha("EUR").unwrap_or(Currency::USD))
}

/// Who speaks for a program of the world.
pub fn origin(program: usize) -> Result<Origin, IdError> {
    // One whose messages may name each other.
    let (program, platform) = (id::<ProgramId>("program", program)?, id::<PlatformName>("marqeta", "")?);
    Ok(Origin { program, platform: Some(platform), operator: None })
}

impl Deed {
    /// What it calls its payment, and what else that is called from then on.
    pub fn names(&self) -> Option<(Named, Option<Label>)> {
        match self {
            Deed::Ask(question) | Deed::Adopt(question, _) => Some((question.of, question.own_label())),
            Deed::Tell(message) => Some((message.of?, message.own_label())),
            Deed::Order(command) => Some((command.of, None)),
        }
    }

    /// The same for the engine.
    pub fn act(&self, not_after: Instant) -> Result<Act, IdError> {
        match self {
            Deed::Ask(question) => question.decide(not_after),
            Deed::Adopt(question, heard) => question.adopt(*heard),
            Deed::Tell(message) => message.tell(),
            Deed::Order(command) => command.order(),
        }
    }
}

impl Question {
    fn request(&self) -> Result<AuthorizationRequest, IdError> {
        let payment = self.of.reference()?;
        let own = PaymentRef::of(id("more", self.key)?);
        Ok(AuthorizationRequest {
            key: id("ask", self.key)?,
            payment: if self.adds() { own } else { payment },
            increments: self.adds().then_some(payment),
            kind: self.kind,
            posting: self.posting,
            card: Some(id("card", self.card)?),
            cardholder: match self.in_the_name_of {
                Holder::NotTold => None,
                Holder::Owner => Some(id("owner", self.account)?),
                Holder::Another => Some(id("owner", self.account + 1)?),
                Holder::Nobody => Some(id("stranger", "")?),
            },
            amount: dollars(self.amount, self.foreign),
            original: self.original.map(euros),
            padding: self.padding,
            expiry: self.expiry,
            merchant: Merchant { id: Some(id("merchant", self.of.number % 12)?), ..Merchant::default() },
            entry_mode: EntryMode::Chip,
            wallet: Wallet::None,
            cross_border: CrossBorder::No,
            partial_approval: self.partial,
            network: None,
            occurred_at: self.occurred_at,
            checkout: None,
        })
    }

    fn verdict(&self) -> Result<Verdict, IdError> {
        if self.refused {
            return Ok(Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: id("rule", "")? });
        }
        let limit: RuleId = id("limit", "")?;
        let checks = self.applying().map(|(number, of)| LimitCheck {
            limit,
            counter: counter(self.program, number),
            scope: of.scope,
            window: of.window(self.received_at),
            amount_max: of.amount_max,
            count_max: of.count_max,
            enforcement: of.enforcement,
            still: StillOpen::NOTHING,
            ways: self.on(number).and_then(|place| Ways::first_of(usize::MAX).iter().nth(place.into())).map(Ways::from),
        });
        let ceiling = dollars(self.amount, self.foreign);
        Ok(Verdict::Proceed(Proceed {
            ceiling,
            limits: checks.collect(),
            hold: self.policy,
            ways: self.ways.map(|count| Ways::first_of(count.into())),
        }))
    }

    /// On which way a limit counts, where there are several and it does not count on all.
    fn on(&self, number: usize) -> Option<u8> {
        self.ways.and_then(|_| self.on.get(number).copied().flatten())
    }

    /// The ways that are open, from 0; where there are not several, the one that there is.
    pub fn each_way(&self) -> impl Iterator<Item = Option<u8>> + use<> {
        let only = self.ways.is_none().then_some(None);
        only.into_iter().chain((0..self.ways.unwrap_or(0)).map(Some))
    }

    /// Whether a limit counts on a way alone, and not on this one.
    pub fn is_elsewhere(&self, number: usize, way: Option<u8>) -> bool {
        self.on(number).is_some_and(|on| Some(on) != way)
    }

    /// Whether a limit counts on this way alone.
    pub fn is_on_it_alone(&self, number: usize, way: Option<u8>) -> bool {
        self.on(number).is_some_and(|on| Some(on) == way)
    }

    /// The limits that apply, with their numbers.
    pub fn applying(&self) -> impl Iterator<Item = (usize, &'static Limit)> {
        let applies = self.limits;
        LIMITS.iter().enumerate().filter(move |(number, _)| applies.get(*number).copied().unwrap_or(false))
    }

    fn decide(&self, not_after: Instant) -> Result<Act, IdError> {
        let request = self.request()?;
        Ok(Act::Decide(Decide {
            origin: origin(self.program)?,
            request,
            digest: self.digest().into(),
            verdict: self.verdict()?,
            ruleset: [0; 32],
            governed: None,
            received_at: self.received_at,
            not_after,
            choice: None,
            slip: None,
        }))
    }

    fn adopt(&self, heard: Heard) -> Result<Act, IdError> {
        let told = match heard {
            Heard::Yes(amount) => ToldAnswer::Approved { amount: dollars(amount, self.foreign) },
            Heard::No => ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable },
        };
        Ok(Act::Adopt(Adopt {
            origin: origin(self.program)?,
            request: self.request()?,
            digest: self.digest().into(),
            verdict: Some((self.verdict()?, [0; 32])),
            told,
            basis: Basis::StandIn(StandInCause::DeadlinePassed),
            governed: None,
            received_at: self.received_at,
            slip: None,
        }))
    }

    /// Another digest for every other content; SHA-256 is tested elsewhere and would take half of the simulation's time.
    fn digest(&self) -> ContentDigest {
        let posting = u64::from(self.posting == Posting::Hold) + 2 * u64::from(self.foreign);
        let [amount, rest] = [self.amount.unsigned_abs(), (posting << 32) | u64::from(self.of.number)];
        let kind = self.kind as u64;
        let (head, tail) = (amount.to_le_bytes(), (rest ^ (kind << 40)).to_le_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(head.into_iter().chain(tail)).for_each(|(to, from)| *to = from);
        ContentDigest::from_bytes(bytes)
    }
}

impl Message {
    /// What else its payment is called from then on.
    pub fn own_label(&self) -> Option<Label> {
        match self.says {
            Says::Recorded { increment: Some(own), .. } => Some(Label::Increment(own)),
            Says::Recorded { increment: None, .. }
            | Says::Less { .. }
            | Says::Total(_)
            | Says::Released(_)
            | Says::Captured(..)
            | Says::Completed(_)
            | Says::Credited(..)
            | Says::Debited(..)
            | Says::Card(_)
            | Says::Owner(_)
            | Says::Account(_) => has_a_name(self.key).then_some(Label::Message(self.key)),
        }
    }

    fn tell(&self) -> Result<Act, IdError> {
        let key = message_key(self.key)?;
        let subject = if self.by_account {
            Subject { account: Some(id("account", self.account)?), ..Subject::default() }
        } else {
            Subject { card: Some(id("card", self.card)?), ..Subject::default() }
        };
        let fact = self.fact()?;
        let event = ToldEvent { key, occurred_at: self.at, network: None, settlement_day: None, subject, fact };
        Ok(Act::Tell(origin(self.program)?, event))
    }

    fn fact(&self) -> Result<Fact, IdError> {
        let amount = |minor| dollars(minor, self.foreign);
        let named = self.of.map(|of| of.reference()).transpose()?;
        // Only facts about a payment read it.
        let payment = named.unwrap_or(PaymentRef::of(id("nothing", "")?));
        Ok(match self.says {
            Says::Recorded { asked, increment, outcome } => Fact::Recorded {
                payment: increment.map_or(Ok(payment), |own| id("more", own).map(PaymentRef::of))?,
                asked: id("ask", asked)?,
                increments: increment.map(|_| payment),
                outcome: match outcome {
                    Outcome::Approved(minor) => RecordedOutcome::Approved { amount: amount(minor) },
                    Outcome::StoodIn(minor, posting) => RecordedOutcome::ApprovedByStandIn { amount: amount(minor), posting },
                    Outcome::Declined => RecordedOutcome::Declined,
                },
            },
            Says::Less { by, original } => Fact::Reduced { payment, by: amount(by), original: original.map(euros) },
            Says::Total(total) => Fact::Replaced { payment, total: amount(total) },
            Says::Released(cause) => Fact::Released { payment, cause },
            Says::Captured(minor, finality) => Fact::Captured { payment: named, amount: amount(minor), finality },
            Says::Completed(minor) => Fact::Completed { payment, amount: amount(minor) },
            Says::Credited(minor, cause) => Fact::Credited { payment: named, amount: amount(minor), cause },
            Says::Debited(minor, cause) => Fact::Debited { payment: named, amount: amount(minor), cause },
            Says::Card(status) => Fact::Card { card: id("card", self.card)?, status },
            Says::Owner(status) => Fact::Cardholder { cardholder: id("owner", self.account)?, status },
            Says::Account(status) => Fact::Account { account: id("account", self.account)?, status },
        })
    }
}

impl Command {
    fn order(&self) -> Result<Act, IdError> {
        let order = match self.wants {
            Wants::Capture(minor, finality) => Order::Capture { amount: dollars(minor, false), finality },
            Wants::Release => Order::Release,
            Wants::Refund(minor) => Order::Refund { amount: dollars(minor, false) },
        };
        let ordering = Ordering {
            key: id("order", self.key)?,
            key_is: KeyIs::Callers,
            digest: self.digest(),
            payment: self.of.reference()?,
            hold: None,
            order,
        };
        Ok(Act::Order(origin(self.program)?, ordering))
    }

    fn digest(&self) -> ContentDigest {
        let (kind, amount) = match self.wants {
            Wants::Capture(amount, Finality::More) => (1, amount),
            Wants::Capture(amount, Finality::Final) => (2, amount),
            Wants::Release => (3, 0),
            Wants::Refund(amount) => (4, amount),
        };
        let mut bytes = [kind; 16];
        bytes.iter_mut().zip(amount.to_le_bytes()).for_each(|(to, from)| *to = from);
        ContentDigest::from_bytes(bytes)
    }
}
