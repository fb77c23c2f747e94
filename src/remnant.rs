//! What is shown of a payment of a door of ours beside what stands of it: what its caller wrote or, once that was erased, what is left.
//!
//! Left is what is no person's and was kept beside the text from the beginning, in clear: amounts, what was known of merchant and
//! instrument but for names, addresses and digits, and what a retry is known by. The rest the profiles say, as they are now. Whoever shows a
//! payment, and whoever tells of it, goes this one way. Nothing here reads a ledger.

use std::fmt::Write as _;
use std::sync::Arc;

use holdfast_adapters::payment::{
    AddressVerification, Authentication, CardBrand, SecurityCodeVerification, Seen, Slip as Paper, Written,
};
use holdfast_core::{Currency, Decision, Money};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::ledger::Slip;
use crate::profiles::{self, Profiles};
use crate::seal::Sealer;

/// What is kept of a text whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remnant {
    /// As [`Paper::lasting`](holdfast_adapters::Slip::lasting).
    pub text: String,
    application: Option<String>,
    time_zone: String,
    brand: Option<CardBrand>,
    address_verification: AddressVerification,
    security_code_verification: SecurityCodeVerification,
    /// As [`Written::awaited`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<String>,
    /// The digest of what became of authenticating the payer ([`digest_of`]), once it was decided by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<String>,
}

impl Remnant {
    /// Of what a caller wrote.
    #[must_use]
    pub fn of(paper: &Paper, written: &Written, authenticated: Option<String>) -> Self {
        let seen = &written.seen;
        Remnant {
            text: paper.lasting.clone(),
            application: seen.application.clone(),
            time_zone: seen.time_zone.clone(),
            brand: seen.brand,
            address_verification: seen.address_verification,
            security_code_verification: seen.security_code_verification,
            awaited: written.awaited.clone(),
            authenticated,
        }
    }

    /// As a slip has it; nothing where an older version wrote it.
    #[must_use]
    pub fn in_slip(slip: &Slip) -> Option<Self> {
        serde_json::from_str(slip.lasting.as_deref()?).ok()
    }

    /// As a slip is to have it.
    #[must_use]
    pub fn kept(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// What makes a result of authentication the same one.
#[must_use]
pub fn digest_of(authentication: &Authentication) -> String {
    let Authentication { outcome, transaction } = authentication;
    let digest = Sha256::new().chain_update(outcome.name()).chain_update([0]).chain_update(transaction).finalize();
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing into memory cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a payment was decided to be, as far as whoever shows it knows: of texts that an older version wrote nothing else is left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decided {
    /// What was answered, if it was decided.
    pub decision: Option<Decision>,
    /// The account's currency.
    pub currency: Option<Currency>,
}

/// Reads what is there of what callers wrote.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Opens it.
    pub sealer: Sealer,
    /// Say what is not there any more.
    pub profiles: Arc<Profiles>,
}

impl Reader {
    /// What was written or, once that was erased, what is left; nothing where the text is there and does not open.
    #[must_use]
    pub fn read(&self, slip: &Slip, decided: Decided) -> Option<Written> {
        if slip.body.is_some() {
            return slip.read(&self.sealer);
        }
        let now = self.seen_now(slip);
        if let Some(remnant) = Remnant::in_slip(slip) {
            return Some(remnant.with(now.unwrap_or_else(profiles::unseen)));
        }
        let Decided { decision, currency } = decided;
        let approved = match decision {
            Some(Decision::Approve { amount }) => Some(amount),
            Some(Decision::Decline { .. }) | None => None,
        };
        let currency = approved.map(|amount| amount.currency()).or(currency);
        let text = json!({
            "kind": slip.kind,
            "amount": approved.map(Money::minor),
            "currency": currency.map(|currency| currency.code()),
        });
        Some(Written { text: text.to_string(), seen: now?, awaited: None })
    }

    /// What the profiles say.
    fn seen_now(&self, slip: &Slip) -> Option<Seen> {
        let merchant = self.profiles.merchant(slip.program, slip.merchant)?;
        let instrument = self.profiles.instrument(slip.program, slip.source);
        Some(profiles::seen(&merchant, instrument.as_deref()))
    }
}

impl Remnant {
    /// With names, address and digits as they are now: these are not kept.
    fn with(self, now: Seen) -> Written {
        let Remnant { text, application, time_zone, brand, awaited, authenticated: _, .. } = self;
        let (address_verification, security_code_verification) = (self.address_verification, self.security_code_verification);
        let seen = Seen { application, time_zone, brand, address_verification, security_code_verification, ..now };
        Written { text, seen, awaited }
    }
}
