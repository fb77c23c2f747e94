//! A profile as a row has it, of the data directory's file or of the shared ledger's table: what it is called, and a body that is sealed
//! where there is a key, tied to the row's name. Nothing here reads or writes one.

use holdfast_core::{ProgramId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Instrument, Merchant, Profile};
use crate::seal::{Sealed, Sealer};

/// A profile that is kept, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose it is.
    pub program: ProgramId,
    /// What it says.
    pub profile: Profile,
    /// When it was asked for; older versions did not keep that.
    pub put_at: Option<Timestamp>,
}

/// The same as a row has it.
pub struct Row {
    /// Whose it is.
    pub program: String,
    /// `merchant` or `instrument`.
    pub kind: String,
    /// The merchant's id, or the card's token.
    pub name: String,
    /// The rest.
    pub sealed: Sealed,
}

/// A row's body.
#[derive(Serialize, Deserialize)]
struct Body<T> {
    #[serde(flatten)]
    profile: T,
    /// Microseconds since 1970.
    #[serde(default)]
    put_at: Option<Timestamp>,
}

impl Kept {
    /// As a row has it; nothing if the key cannot be used.
    #[must_use]
    pub fn to_row(&self, sealer: &Sealer) -> Option<Row> {
        let Kept { program, profile, put_at } = self;
        let (kind, name) = profile.kind_and_name();
        let put_at = *put_at;
        let body = match profile {
            Profile::Merchant(profile) => serde_json::to_vec(&Body { profile, put_at }),
            Profile::Instrument(profile) => serde_json::to_vec(&Body { profile, put_at }),
        };
        let sealed = sealer.seal(&about(program.as_str(), kind, &name), &body.ok()?).ok()?;
        Some(Row { program: program.to_string(), kind: kind.to_owned(), name, sealed })
    }
}

impl Row {
    /// What it says; nothing if it does not open, or is none.
    #[must_use]
    pub fn open(&self, sealer: &Sealer) -> Option<Kept> {
        let clear = sealer.open(&about(&self.program, &self.kind, &self.name), &self.sealed).ok()?;
        let program = ProgramId::new(&self.program).ok()?;
        let (profile, put_at) = match self.kind.as_str() {
            "merchant" => {
                let Body::<Merchant> { profile, put_at } = serde_json::from_slice(&clear).ok()?;
                (Profile::Merchant(profile), put_at)
            }
            "instrument" => {
                let Body::<Instrument> { profile, put_at } = serde_json::from_slice(&clear).ok()?;
                (Profile::Instrument(profile), put_at)
            }
            _ => return None,
        };
        Some(Kept { program, profile, put_at })
    }

    /// How messages call it.
    #[must_use]
    pub fn called(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

impl Profile {
    /// `merchant` and its id, or `instrument` and its card.
    #[must_use]
    pub fn kind_and_name(&self) -> (&'static str, String) {
        match self {
            Profile::Merchant(merchant) => ("merchant", merchant.id.to_string()),
            Profile::Instrument(instrument) => ("instrument", instrument.card.to_string()),
        }
    }
}

/// What a sealed row is tied to.
fn about(program: &str, kind: &str, name: &str) -> String {
    format!("{program}\0{kind}\0{name}")
}
