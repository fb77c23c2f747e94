//! The settings of a mount of this door.

use crate::idempotency::{self, NamesAre};
use crate::settings::{SettingError, Settings};

const THREE_D_SECURE: &str = "three_d_secure";

/// The settings, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    /// What becomes of a payment with `attempt_3d_secure`.
    pub three_d_secure: ThreeDSecureIs,
    /// Whose callers' keys are.
    pub names: NamesAre,
}

/// What becomes of a payment whose payer is to be authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThreeDSecureIs {
    /// It waits for the result.
    Awaited,
    /// It is decided at once, without.
    Ignored,
}

impl Options {
    pub fn parse(settings: &Settings) -> Result<Self, Vec<SettingError>> {
        let mut errors = Vec::new();
        let three_d_secure = match settings.text(THREE_D_SECURE, "awaited", &mut errors) {
            "awaited" => ThreeDSecureIs::Awaited,
            "ignored" => ThreeDSecureIs::Ignored,
            _ => {
                let problem = "must be \"awaited\" or \"ignored\"".to_owned();
                errors.push(SettingError { key: THREE_D_SECURE.to_owned(), problem });
                ThreeDSecureIs::Awaited
            }
        };
        let names = NamesAre::parse(settings, &mut errors);
        settings.refuse_unknown(&[THREE_D_SECURE, idempotency::KEY], &mut errors);
        if errors.is_empty() { Ok(Options { three_d_secure, names }) } else { Err(errors) }
    }
}
