//! Merchants and instruments, as payment doors need to know them: who is to be paid, and what was once verified of a card.
//!
//! An instrument is a card of the ledger: its status, its account and its funds are there, as any card's are. Here is what the
//! ledger has no use for: brand, last four digits, *results* of verifications (never what was verified), and its owner. They are
//! looked up on the path of a payment, in a snapshot that never changes; [`store`] keeps them, [`shared`] where responders share a ledger,
//! and [`file`](mod@file) reads them as operators write them. Nothing here moves money.

pub mod file;
mod house;
mod row;
pub mod shared;
mod snapshot;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use holdfast_adapters::payment::{AddressVerification, CardBrand, SecurityCodeVerification, Seen};
use holdfast_core::{CardToken, CardholderToken, Country, MerchantCategoryCode, MerchantId, ProgramId, Timestamp, card_number};
use serde::{Deserialize, Serialize};

use crate::card_numbers::NumberToken;

pub use self::house::{is_of_house, opinion};
use self::row::Kept;
pub use self::shared::Shared;
use self::snapshot::{Snapshot, Whose};
pub use self::store::{Store, StoreError};

/// The longest text of a profile, in characters.
pub const TEXT_MAX: usize = 100;
/// The most lines of an address.
pub const ADDRESS_LINES_MAX: usize = 3;

/// Somebody who is paid through a payment door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// What callers name it by, unique in the program.
    #[serde(with = "as_text")]
    pub id: MerchantId,
    /// Its name, as receipts print it.
    pub name: String,
    /// The lines of its address.
    pub address: Vec<String>,
    /// Its telephone number.
    pub phone: Option<String>,
    /// What it sells.
    pub mcc: u16,
    /// Where it is, as ISO 3166-1 writes it.
    pub country: String,
    /// Its time zone, by its IANA name.
    pub time_zone: String,
    /// The application that it belongs to.
    pub application: Option<String>,
    /// Whether payments to it are processed.
    pub standing: MerchantStanding,
    /// Whether it may add a surcharge for cards: some states prohibit that.
    pub surcharges: Surcharges,
    /// What may be paid to it at most.
    pub limits: MerchantLimits,
    /// Whether its account has card brands' own tokens.
    #[serde(default)]
    pub network_tokenization: NetworkTokenization,
}

/// Whether a merchant's account has card brands' own tokens in place of numbers. It is recorded and shown, and decides nothing here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkTokenization {
    /// It has not.
    #[default]
    Off,
    /// It has.
    Automatic,
}

/// Whether payments to a merchant are processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MerchantStanding {
    /// They are.
    Enabled,
    /// They are declined.
    Disabled,
}

/// Whether a merchant may add a surcharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surcharges {
    /// It may.
    Allowed,
    /// Its state, or its contract, prohibits it.
    Prohibited,
}

/// What may be paid to a merchant at most, in minor units of the program's currency. Days and months are those of its time zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantLimits {
    /// One payment.
    pub amount_max: Option<i64>,
    /// All payments of a day.
    pub day_amount_max: Option<i64>,
    /// The number of payments of a day.
    pub day_count_max: Option<u32>,
    /// All payments of a month.
    pub month_amount_max: Option<i64>,
}

/// What is known of a card beside what the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// What callers name it by: the ledger's card.
    #[serde(with = "as_text")]
    pub card: CardToken,
    /// Whose brand it has.
    pub brand: CardBrand,
    /// The last four digits of its number; nothing where it is found by its number.
    #[serde(default)]
    pub last_four: Option<String>,
    /// The token of its number, where it is found by that: in place of the last four digits, never beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_token: Option<NumberToken>,
    /// How the billing address compared.
    pub address_verification: AddressVerification,
    /// How the security code compared.
    pub security_code_verification: SecurityCodeVerification,
    /// Who owns it: limits on cardholders count by this.
    #[serde(with = "as_optional_text")]
    pub owner: Option<CardholderToken>,
}

/// Merchants and instruments of all programs: the snapshot, swapped whole, and where it is durable.
#[derive(Debug)]
pub struct Profiles {
    seen: ArcSwap<Snapshot>,
    store: Store,
    /// Where they are everybody's, if responders share a ledger.
    shared: Option<Shared>,
}

/// When a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unless {
    /// Always.
    Never,
    /// Unless it was made already, or another one since.
    KeptSince,
    /// Unless there is one of its name.
    There,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// A merchant, new or instead of the one of that name.
    Merchant(Merchant),
    /// An instrument, new or instead of the one of that name.
    Instrument(Instrument),
}

impl Profiles {
    /// What a store has; where responders share a ledger, until it was asked what all of them have ([`Profiles::catch_up`]).
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(store: Store, shared: Option<Shared>) -> Result<Self, StoreError> {
        let mut snapshot = Snapshot::default();
        for kept in store.all()? {
            snapshot.put(&kept, Whose::Own);
        }
        Ok(Profiles { seen: ArcSwap::from_pointee(snapshot), store, shared })
    }

    /// A merchant.
    #[must_use]
    pub fn merchant(&self, program: ProgramId, id: MerchantId) -> Option<Arc<Merchant>> {
        self.seen.load().merchants.get(&(program, id)).cloned()
    }

    /// What is known of a card.
    #[must_use]
    pub fn instrument(&self, program: ProgramId, card: CardToken) -> Option<Arc<Instrument>> {
        self.seen.load().instruments.get(&(program, card)).cloned()
    }

    /// The card that is found by a number's token.
    #[must_use]
    pub fn card_by_number(&self, program: ProgramId, token: NumberToken) -> Option<CardToken> {
        self.seen.load().by_number.get(&(program, token)).copied()
    }

    /// A program's merchants in the order of their names, behind one of them.
    #[must_use]
    pub fn merchants(&self, program: ProgramId, behind: Option<&str>, most: usize) -> Vec<Arc<Merchant>> {
        let seen = self.seen.load();
        let of_program = seen.merchants.iter().filter(|((of, _), _)| *of == program).map(|(_, merchant)| merchant);
        in_order(of_program.cloned(), |merchant| merchant.id.as_str(), behind, most)
    }

    /// A program's instruments in the order of their names, behind one of them.
    #[must_use]
    pub fn instruments(&self, program: ProgramId, behind: Option<&str>, most: usize) -> Vec<Arc<Instrument>> {
        let seen = self.seen.load();
        let of_program = seen.instruments.iter().filter(|((of, _), _)| *of == program).map(|(_, instrument)| instrument);
        in_order(of_program.cloned(), |instrument| instrument.card.as_str(), behind, most)
    }

    /// Whether a program has any merchant or instrument.
    #[must_use]
    pub fn has_any(&self, program: ProgramId) -> bool {
        let seen = self.seen.load();
        seen.merchants.keys().any(|(of, _)| *of == program) || seen.instruments.keys().any(|(of, _)| *of == program)
    }

    /// Keeps changes that were asked for at that time: all of them are durable, and seen from now on, or none. Blocks for as long as the
    /// disk takes, or the shared ledger's database.
    ///
    /// # Errors
    /// The store cannot be written, or two cards would have one number.
    pub fn put(&self, program: ProgramId, profiles: &[Profile], at: Timestamp) -> Result<(), StoreError> {
        let kept = |profile: &Profile| Kept { program, profile: profile.clone(), put_at: Some(at) };
        self.keep(profiles.iter().map(kept).collect(), Unless::Never)
    }

    /// Keeps a change that was asked for before, at that time, unless it was kept then, or another one was since.
    ///
    /// # Errors
    /// As [`Profiles::put`].
    pub fn put_again(&self, program: ProgramId, profile: Profile, at: Timestamp) -> Result<(), StoreError> {
        self.keep(vec![Kept { program, profile, put_at: Some(at) }], Unless::KeptSince)
    }

    fn keep(&self, wanted: Vec<Kept>, unless: Unless) -> Result<(), StoreError> {
        if let Some(shared) = &self.shared {
            return shared.keep(self, wanted, unless);
        }
        // One at a time: the store is held until the snapshot has what is in it.
        let mut writing = self.store.begin();
        let mut next = Snapshot::clone(&self.seen.load());
        let wanted = next.change(wanted, unless, Whose::Own)?;
        if wanted.is_empty() {
            return Ok(());
        }
        writing.put(&wanted.iter().collect::<Vec<_>>())?;
        self.seen.store(Arc::new(next));
        Ok(())
    }
}

impl Merchant {
    /// What it sells.
    #[must_use]
    pub const fn category(&self) -> Option<MerchantCategoryCode> {
        MerchantCategoryCode::from_number(self.mcc)
    }

    /// Where it is.
    #[must_use]
    pub fn where_it_is(&self) -> Option<Country> {
        Country::new(&self.country)
    }
}

/// What is kept of merchant and instrument with a payment.
#[must_use]
pub fn seen(merchant: &Merchant, instrument: Option<&Instrument>) -> Seen {
    Seen {
        application: merchant.application.clone(),
        merchant_name: merchant.name.clone(),
        address: merchant.address.clone(),
        phone: merchant.phone.clone(),
        time_zone: merchant.time_zone.clone(),
        brand: instrument.map(|instrument| instrument.brand),
        last_four: instrument.and_then(|instrument| instrument.last_four.clone()),
        address_verification: instrument.map_or(AddressVerification::Unavailable, |instrument| instrument.address_verification),
        security_code_verification: instrument
            .map_or(SecurityCodeVerification::Unavailable, |instrument| instrument.security_code_verification),
    }
}

/// What is known of a merchant without a profile, and of no instrument.
#[must_use]
pub fn unseen() -> Seen {
    Seen {
        application: None,
        merchant_name: String::new(),
        address: Vec::new(),
        phone: None,
        time_zone: "UTC".to_owned(),
        brand: None,
        last_four: None,
        address_verification: AddressVerification::Unavailable,
        security_code_verification: SecurityCodeVerification::Unavailable,
    }
}

/// A text of a profile: on one line, and no card's number.
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn text(text: &str) -> Result<String, &'static str> {
    let fits = !text.trim().is_empty() && text.chars().count() <= TEXT_MAX && !text.chars().any(char::is_control);
    if !fits {
        return Err("must be 1 to 100 characters on one line");
    }
    if card_number::stands_in_text(text) { Err("has a card number in it") } else { Ok(text.to_owned()) }
}

/// The last four digits of a card.
///
/// # Errors
/// It is something else.
pub fn last_four(text: &str) -> Result<String, &'static str> {
    let four = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if four { Ok(text.to_owned()) } else { Err("must be four digits, the last ones of the card's number and no others") }
}

/// Either the last four digits of a card's number or the token of it.
///
/// # Errors
/// Both are there, or neither.
pub const fn one_of_two(last_four: Option<&String>, number_token: Option<&NumberToken>) -> Result<(), &'static str> {
    match (last_four, number_token) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        (None, None) => Err("has neither `last_four` nor `number_token`; one of them is needed"),
        (Some(_), Some(_)) => Err("has both `last_four` and `number_token`: the token of a number is not kept beside its digits"),
    }
}

/// A time zone's name.
///
/// # Errors
/// There is none of that name.
pub fn time_zone(name: &str) -> Result<String, &'static str> {
    jiff::tz::TimeZone::get(name)
        .map(|_| name.to_owned())
        .map_err(|_| "must be a name of the IANA database, such as \"America/New_York\"")
}

fn in_order<T>(all: impl Iterator<Item = Arc<T>>, name: impl Fn(&T) -> &str, behind: Option<&str>, most: usize) -> Vec<Arc<T>> {
    let mut found: Vec<Arc<T>> = all.filter(|item| behind.is_none_or(|behind| name(item) > behind)).collect();
    found.sort_by(|one, other| name(one).cmp(name(other)));
    found.truncate(most);
    found
}

/// Identifiers as texts that are owned: a profile is read from bytes that do not last.
mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(id: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

mod as_optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(id: &Option<impl Display>, serializer: S) -> Result<S::Ok, S::Error> {
        id.as_ref().map(ToString::to_string).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
