//! Which of the ledger's rows a record is about, as it is read and written. Nothing here knows a row.

use serde::{Deserialize, Serialize};

/// Which of the ledger's rows a record is about: numbers that last, in the order in which rows came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PlaceWritten", into = "PlaceWritten")]
pub struct Place {
    /// The account.
    pub account: Option<u32>,
    /// The card; of a payment, the one that it counts for.
    pub card: Option<u32>,
    /// The card's owner.
    pub cardholder: Option<u32>,
    /// The hold.
    pub hold: Option<u64>,
    /// Whether the names that it gave to the hold were free.
    pub naming: Naming,
}

/// Whether names that a record gave to its hold had led to another one, so that whoever follows has to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Naming {
    /// Perhaps; or it gave none.
    #[default]
    Perhaps,
    /// None of them led anywhere.
    Free,
}

/// [`Place`], as it is written: the last two in one.
#[derive(Serialize, Deserialize)]
struct PlaceWritten(Option<u32>, Option<u32>, Option<u32>, HoldWritten);

#[derive(Serialize, Deserialize)]
enum HoldWritten {
    None,
    Hold(u64),
    HoldOfFreeNames(u64),
}

impl From<Place> for PlaceWritten {
    fn from(Place { account, card, cardholder, hold, naming }: Place) -> Self {
        let hold = match (hold, naming) {
            (None, _) => HoldWritten::None,
            (Some(hold), Naming::Perhaps) => HoldWritten::Hold(hold),
            (Some(hold), Naming::Free) => HoldWritten::HoldOfFreeNames(hold),
        };
        PlaceWritten(account, card, cardholder, hold)
    }
}

impl From<PlaceWritten> for Place {
    fn from(PlaceWritten(account, card, cardholder, hold): PlaceWritten) -> Self {
        let (hold, naming) = match hold {
            HoldWritten::None => (None, Naming::Perhaps),
            HoldWritten::Hold(hold) => (Some(hold), Naming::Perhaps),
            HoldWritten::HoldOfFreeNames(hold) => (Some(hold), Naming::Free),
        };
        Place { account, card, cardholder, hold, naming }
    }
}
