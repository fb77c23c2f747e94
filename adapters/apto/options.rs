//! A mount's settings, parsed: what a program chooses where Apto, or its document, leaves a choice.

use std::collections::BTreeMap;

use holdfast_core::{Currency, DeclineReason, Posting};

use super::answer::json_text;
use super::reasons::DECLINE_CODE;
use crate::settings::{SettingError, Settings};

const LEGACY_ROUTES: &str = "legacy_routes";
const CAPTURE_AT_AUTHORIZATION: &str = "capture_at_authorization";
const DECLINE_CODES: &str = "decline_codes";
/// Longer than any code that Apto or its SDKs know.
const CODE_BYTES_MAX: usize = 64;

/// What one mount chose.
#[derive(Debug)]
pub(super) struct Options {
    /// Whether V2 and V1 are understood.
    pub(super) legacy_routes: bool,
    /// How approved debits leave the account.
    pub(super) posting_of_debits: Posting,
    /// The currency of amounts that have none: the settlement announcement's.
    pub(super) currency: Currency,
    /// [`DECLINE_CODE`], as JSON.
    default_code: String,
    /// The codes that the program chose instead, as JSON.
    decline_codes: Vec<(DeclineReason, String)>,
}

impl Options {
    pub(super) fn parse(settings: &Settings) -> Result<Self, Vec<SettingError>> {
        let mut errors = Vec::new();
        settings.refuse_unknown(&[LEGACY_ROUTES, CAPTURE_AT_AUTHORIZATION, DECLINE_CODES], &mut errors);
        let captured = settings.switch(CAPTURE_AT_AUTHORIZATION, false, &mut errors);
        let options = Options {
            legacy_routes: settings.switch(LEGACY_ROUTES, true, &mut errors),
            posting_of_debits: if captured { Posting::Immediate } else { Posting::Hold },
            currency: settings.currency,
            default_code: json_text(DECLINE_CODE),
            decline_codes: decline_codes(settings.table(DECLINE_CODES, &mut errors), &mut errors),
        };
        if errors.is_empty() { Ok(options) } else { Err(errors) }
    }

    /// What V3 hears as `decline_reason_code`, as JSON.
    pub(super) fn decline_code(&self, reason: DeclineReason) -> &str {
        self.decline_codes.iter().find(|(known, _)| *known == reason).map_or(&self.default_code, |(_, code)| code)
    }
}

fn decline_codes(table: BTreeMap<String, String>, errors: &mut Vec<SettingError>) -> Vec<(DeclineReason, String)> {
    let mut codes = Vec::new();
    for (name, code) in table {
        let key = format!("{DECLINE_CODES}.{name}");
        let Some(reason) = DeclineReason::ALL.iter().copied().find(|reason| reason.name() == name) else {
            errors.push(SettingError { key, problem: "is no reason of ours, such as insufficient_funds or card_frozen".into() });
            continue;
        };
        let graphic = code.bytes().all(|byte| byte.is_ascii_graphic());
        if code.is_empty() || code.len() > CODE_BYTES_MAX || !graphic {
            let problem = format!("must be a code of at most {CODE_BYTES_MAX} visible ASCII characters, such as {DECLINE_CODE}");
            errors.push(SettingError { key, problem });
            continue;
        }
        codes.push((reason, json_text(&code)));
    }
    codes
}
