//! Whose a caller's own names of payments are (`idempotency_id`, `Idempotency-Key`): those of all merchants of the program, or each
//! merchant's.

use holdfast_core::MerchantId;

use crate::settings::{SettingError, Settings};

/// The setting of a mount.
pub(crate) const KEY: &str = "idempotency";

/// Whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamesAre {
    /// One name is one payment, whichever merchant it is for and at whichever of the program's mounts of this platform it comes: with another merchant it is a conflict. So it has always been.
    OfMount,
    /// Two merchants may use the same one.
    OfMerchant,
}

impl NamesAre {
    /// As a mount's settings say.
    pub(crate) fn parse(settings: &Settings, errors: &mut Vec<SettingError>) -> Self {
        match settings.text(KEY, "mount", errors) {
            "mount" => NamesAre::OfMount,
            "merchant" => NamesAre::OfMerchant,
            _ => {
                errors.push(SettingError { key: KEY.to_owned(), problem: "must be \"mount\" or \"merchant\"".to_owned() });
                NamesAre::OfMount
            }
        }
    }

    /// What a payment's name is made of.
    pub(crate) fn named(self, merchant: &MerchantId, name: &str) -> Vec<u8> {
        match self {
            NamesAre::OfMount => name.as_bytes().to_vec(),
            // No name that callers give has a zero byte in front.
            NamesAre::OfMerchant => [b"\0", merchant.as_str().as_bytes(), b"\0", name.as_bytes()].concat(),
        }
    }
}
