//! What is told of a payment that was only checked: what it came to, and that nothing moved.

use std::fmt::Write as _;

use holdfast_adapters::payment::roc_of;
use serde_json::{Map, Value, json};

use crate::journal::Slip;
use crate::seal::Sealer;

/// The door whose payments are only checked.
pub const DOOR: &str = "pre_auth";

/// What is known of a check. Its text is there with the key that sealed it, as long as it was not erased.
#[derive(Debug)]
pub struct Check {
    slip: Slip,
    told: Option<Map<String, Value>>,
}

impl Check {
    /// A check, read with the configuration's key.
    #[must_use]
    pub fn of(slip: Slip, sealer: &Sealer) -> Self {
        let told = slip.read(sealer).and_then(|written| serde_json::from_str(&written.text).ok());
        Check { slip, told }
    }

    /// To be read out.
    #[must_use]
    pub fn words(&self) -> String {
        let Slip { program, platform, payment, merchant, source, at, .. } = &self.slip;
        let mut text = format!("Check {payment} / {} (program {program}, door {platform})\n", roc_of(payment));
        let _ = writeln!(text, "{at}  merchant {merchant}, card {source}; nothing moved");
        match &self.told {
            None => text
                .push_str("What it came to is not told: it was erased, or the key that sealed it is not in the configuration\n"),
            Some(told) => {
                let allowed = told.get("allowed").and_then(Value::as_bool) == Some(true);
                let _ = writeln!(text, "    {}", if allowed { "allowed" } else { "declined" });
                let rules = told.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                for rule in rules.iter().filter_map(Value::as_str) {
                    let _ = writeln!(text, "    by {rule}");
                }
                if let Some(asked) = told.get("asked").and_then(Value::as_str) {
                    let _ = writeln!(text, "    asked: {asked}");
                }
            }
        }
        text
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let Slip { program, platform, payment, merchant, source, at, .. } = &self.slip;
        let of = |name: &str| self.told.as_ref().and_then(|told| told.get(name)).cloned();
        let asked = of("asked").and_then(|asked| serde_json::from_str::<Value>(asked.as_str()?).ok());
        json!({
            "check": payment.as_str(), "roc_text_data": roc_of(payment), "program": program.as_str(), "platform": platform.as_str(),
            "merchant": merchant.as_str(), "card": source.as_str(), "at": at.to_string(),
            "allowed": of("allowed"), "rules": of("rules"), "asked": asked,
        })
    }
}
