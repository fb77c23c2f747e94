//! What a caller wrote about a payment of our own doors, beside what was known of merchant and instrument then. Values only.

use holdfast_core::{AddressVerification, SecurityCodeVerification, words};
use serde::{Deserialize, Serialize};

words! {
    /// Whose brand a card has.
    CardBrand {
        /// Visa.
        Visa = "visa",
        /// Mastercard.
        Mastercard = "mastercard",
        /// American Express.
        AmericanExpress = "american express",
        /// Discover.
        Discover = "discover",
        /// Diners Club.
        DinersClub = "dinersclub",
        /// Electronic benefit transfer.
        Ebt = "ebt",
    }
}

/// What was known of merchant and instrument when a payment was asked for. It is kept with the payment, so that what is shown of it
/// stays the same whatever becomes of either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The application that the merchant belongs to, as the door's documents call it.
    pub application: Option<String>,
    /// The merchant's name.
    pub merchant_name: String,
    /// The lines of its address.
    pub address: Vec<String>,
    /// Its telephone number.
    pub phone: Option<String>,
    /// Its time zone, by its IANA name.
    pub time_zone: String,
    /// The card's brand, where the instrument has a profile that says so.
    pub brand: Option<CardBrand>,
    /// The last four digits of the card.
    pub last_four: Option<String>,
    /// How the billing address compared.
    pub address_verification: AddressVerification,
    /// How the security code compared.
    pub security_code_verification: SecurityCodeVerification,
}

/// What a caller wrote about a payment, and what was known of merchant and instrument then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// As [`Slip::text`](crate::payment::Slip::text).
    pub text: String,
    /// What was known.
    pub seen: Seen,
    /// Of a payment that had to wait for its payer to be authenticated: the digest of what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<String>,
}
