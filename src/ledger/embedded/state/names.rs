//! Names as memory and the projection know them: fingerprints under a key of the data directory. Nothing here remembers any.

use std::hash::Hasher as _;

use holdfast_core::hold::StepId;
use holdfast_core::{
    AccountId, Alias, AuthorizationId, CardToken, CardholderToken, IdempotencyKey, Merchant, PaymentRef, PlatformName, ProgramId,
};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::Fingerprint;

/// Which kind of name a fingerprint is of; the same text may be several.
#[derive(Debug, Clone, Copy)]
enum Naming {
    Account = 1,
    Card = 2,
    Cardholder = 3,
    Payment = 4,
    Asked = 5,
    Told = 6,
    PaymentAlias = 7,
    Merchant = 8,
    MerchantName = 9,
}

/// A payment's names, as holds are found by them.
#[derive(Debug, Clone, Copy)]
pub struct PaymentNames {
    pub first: Fingerprint,
    pub second: Option<Fingerprint>,
    /// Where both are told: the question that the first is the key of, if it is one.
    pub question: Option<StepId>,
}

impl PaymentNames {
    /// The names, one after the other.
    pub fn iter(self) -> impl Iterator<Item = Fingerprint> {
        std::iter::once(self.first).chain(self.second)
    }
}

/// What keys the fingerprints of one data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameKey(pub u64, pub u64);

impl NameKey {
    /// The fingerprint of an account's name.
    pub fn account(self, program: &ProgramId, account: &AccountId) -> Fingerprint {
        self.fingerprint(Naming::Account, program, None, account.as_str())
    }

    /// The fingerprint of a card's token.
    pub fn card(self, program: &ProgramId, card: &CardToken) -> Fingerprint {
        self.fingerprint(Naming::Card, program, None, card.as_str())
    }

    /// The fingerprint of a cardholder's token.
    pub fn cardholder(self, program: &ProgramId, cardholder: &CardholderToken) -> Fingerprint {
        self.fingerprint(Naming::Cardholder, program, None, cardholder.as_str())
    }

    /// The fingerprint of an asked key.
    pub fn asked(self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) -> Fingerprint {
        self.fingerprint(Naming::Asked, program, platform, key.as_str())
    }

    /// The fingerprint of a told key.
    pub fn told(self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) -> Fingerprint {
        self.fingerprint(Naming::Told, program, platform, key.as_str())
    }

    /// The fingerprints of a payment's names.
    pub fn payment(self, program: &ProgramId, platform: Option<&PlatformName>, payment: &PaymentRef) -> PaymentNames {
        let name = |naming, id: &AuthorizationId| self.fingerprint(naming, program, platform, id.as_str());
        let PaymentRef { authorization, alias } = payment;
        match alias {
            Alias::Alone => PaymentNames { first: name(Naming::PaymentAlias, authorization), second: None, question: None },
            Alias::Also(alias) => PaymentNames {
                first: name(Naming::Payment, authorization),
                second: Some(name(Naming::PaymentAlias, alias)),
                // It was let in as a name: nothing is looked for in it again.
                question: IdempotencyKey::try_from(authorization.as_str()).ok().map(|key| StepId::of(&key)),
            },
            Alias::NotTold => PaymentNames { first: name(Naming::Payment, authorization), second: None, question: None },
        }
    }

    /// A merchant as cards remember it: by the acquirer's identifier, or by name where none is told. Never 0.
    pub fn merchant(self, program: &ProgramId, merchant: &Merchant) -> Option<u32> {
        let fingerprint = match (&merchant.id, &merchant.name) {
            (Some(id), _) => self.fingerprint(Naming::Merchant, program, None, id.as_str()),
            (None, Some(name)) => self.digested(Naming::MerchantName, program, None, name.as_bytes()),
            (None, None) => return None,
        };
        let Fingerprint([half, _]) = fingerprint;
        Some(u32::try_from(half >> 32).unwrap_or(0).max(1))
    }

    fn fingerprint(self, naming: Naming, program: &ProgramId, platform: Option<&PlatformName>, name: &str) -> Fingerprint {
        self.digested(naming, program, platform, name.as_bytes())
    }

    fn digested(self, naming: Naming, program: &ProgramId, platform: Option<&PlatformName>, name: &[u8]) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write_u8(naming as u8);
        hasher.write(program.as_str().as_bytes());
        hasher.write_u8(0);
        hasher.write(platform.map_or("", PlatformName::as_str).as_bytes());
        hasher.write_u8(0);
        hasher.write(name);
        let hash = hasher.finish128();
        Fingerprint([hash.h1, hash.h2])
    }
}
