//! What payments are called in a simulated world: by whoever asks or tells, who need not know each other's names.

use holdfast_core::{IdError, IdempotencyKey, PaymentRef};

use super::deed::id;

/// A payment by its number in its program, and which of its names are used. Nobody else knows which payment is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub payment: usize,
    pub number: u32,
    pub name: Name,
}

/// Which of a payment's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The first one, and the second if it has one.
    Full { alias: bool },
    /// Only the second one.
    Alias,
    /// That of one of its increments.
    Increment(u32),
    /// That of a message about it.
    Message(u32),
}

/// One name under which something is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    First,
    Second,
    Increment(u32),
    Message(u32),
}

impl Name {
    /// Each of the names, in the order in which they are looked for.
    pub fn labels(self) -> impl Iterator<Item = Label> + Clone {
        let (first, second) = match self {
            Name::Full { alias: true } => (Label::First, Some(Label::Second)),
            Name::Full { alias: false } => (Label::First, None),
            Name::Alias => (Label::Second, None),
            Name::Increment(key) => (Label::Increment(key), None),
            Name::Message(key) => (Label::Message(key), None),
        };
        std::iter::once(first).chain(second)
    }
}

impl Label {
    /// A message that says only this.
    pub fn alone(self) -> Name {
        match self {
            Label::First => Name::Full { alias: false },
            Label::Second => Name::Alias,
            Label::Increment(key) => Name::Increment(key),
            Label::Message(key) => Name::Message(key),
        }
    }
}

impl Named {
    /// The payment, as it is named.
    pub fn reference(&self) -> Result<PaymentRef, IdError> {
        let number = self.number;
        Ok(match self.name {
            Name::Full { alias: true } => PaymentRef::of(id("pay", number)?).with_alias(id("alias", number)?),
            Name::Full { alias: false } => PaymentRef::of(id("pay", number)?),
            Name::Alias => PaymentRef::by_alias(id("alias", number)?),
            Name::Increment(key) => PaymentRef::of(id("more", key)?),
            Name::Message(key) => PaymentRef::by_alias(id("tell", key)?),
        })
    }
}

/// One message of four may be named by others, in place of the payment that it is about.
pub fn has_a_name(message: u32) -> bool {
    message.is_multiple_of(4)
}

/// The key of a message: its name and what it is, as that platform writes it, where it has one.
pub fn message_key(number: u32) -> Result<IdempotencyKey, IdError> {
    if has_a_name(number) { id("tell", format_args!("{number}/advice")) } else { id("tell", number) }
}
