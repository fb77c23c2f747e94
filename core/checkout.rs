//! What is told of a payment at a door of ours, and a card network's question never has: what a shop knows of the order, and what
//! verifications came to. It is fixed-size, like the question that it belongs to. Nothing here decides.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Enums of which each variant is a word of files, lists and answers. Whoever uses it has serde's two traits in scope.
#[macro_export]
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$note])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// All of them, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// As files, lists and answers write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The one that is written so.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }
    };
}

words! {
    /// How the billing address compared, when the instrument was last verified. The address itself is nowhere here.
    AddressVerification {
        /// Postal code and street are right.
        PostalCodeAndStreetMatch = "POSTAL_CODE_AND_STREET_MATCH",
        /// Only the postal code is.
        PostalCodeMatch = "POSTAL_CODE_MATCH",
        /// Only the street is.
        StreetMatch = "STREET_MATCH",
        /// Neither is.
        NoMatch = "NO_MATCH",
        /// It was never verified.
        Unavailable = "UNAVAILABLE",
    }
}

words! {
    /// How the security code compared, when the instrument was last verified. The code itself is nowhere, ever.
    SecurityCodeVerification {
        /// It is right.
        Matched = "MATCHED",
        /// It is not.
        NotMatched = "NOT_MATCHED",
        /// It was never verified.
        Unavailable = "UNAVAILABLE",
    }
}

words! {
    /// What 3-D Secure came to: whether the card's issuer knows who pays.
    ThreeDSecure {
        /// The payer was authenticated.
        Authenticated = "AUTHENTICATED",
        /// It was attempted, and the issuer does not take part.
        Attempted = "ATTEMPTED",
        /// The payer was not authenticated.
        NotAuthenticated = "NOT_AUTHENTICATED",
        /// Nothing is told about it.
        NotTold = "NOT_TOLD",
    }
}

/// Whether the program's rules are asked about a payment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Monitoring {
    /// They are.
    #[default]
    Asked,
    /// Its caller may skip them, and does. Limits count all the same.
    Bypassed,
    /// Its caller wants to skip them, and may not: they are asked.
    BypassRefused,
}

/// What is told of a payment at a door of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The part of the amount that is a surcharge, in minor units; 0 without one.
    pub surcharge: i64,
    /// The part of the amount that is a gratuity, likewise.
    pub gratuity: i64,
    /// What is kept back of what the merchant is paid, before and after settlement, likewise.
    pub fees: i64,
    /// How many lines of items the order has.
    pub items: u16,
    /// What 3-D Secure came to.
    pub three_d_secure: ThreeDSecure,
    /// How the billing address compared.
    pub address_verification: AddressVerification,
    /// How the security code compared.
    pub security_code: SecurityCodeVerification,
    /// Where the payer's device is on the Internet.
    pub ip_address: Option<IpAddr>,
    /// Whether rules are asked. Written apart from the rest: it came later.
    #[serde(skip)]
    pub monitoring: Monitoring,
}

impl Checkout {
    /// An order of which nothing is told.
    pub const NOTHING_TOLD: Checkout = Checkout {
        surcharge: 0,
        gratuity: 0,
        fees: 0,
        items: 0,
        three_d_secure: ThreeDSecure::NotTold,
        address_verification: AddressVerification::Unavailable,
        security_code: SecurityCodeVerification::Unavailable,
        ip_address: None,
        monitoring: Monitoring::Asked,
    };

    /// Whatever of the amount is no surcharge: what a surcharge is a share of.
    #[must_use]
    pub const fn before_surcharge(&self, amount: Money) -> i64 {
        amount.minor().saturating_sub(self.surcharge)
    }

    /// Whatever of the amount is no gratuity: what a gratuity is a share of.
    #[must_use]
    pub const fn before_gratuity(&self, amount: Money) -> i64 {
        amount.minor().saturating_sub(self.gratuity)
    }
}
