//! How an approved payment is held: for how long, with how much on top, and how much more than authorized is captured
//! without a word. Part of a verdict, in plain amounts; nothing here reads a clock.

use serde::{Deserialize, Serialize};

/// How one approved payment is held. Amounts in minor units of the program's currency, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPolicy {
    /// How long a hold lives whose life is ours to end, in seconds.
    pub lifetime_seconds: u32,
    /// After how long a hold is released whose end the platform never told, in seconds.
    pub safety_timer_seconds: u32,
    /// Held on top of what was asked, if it is there.
    pub extra: i64,
    /// How much more than authorized may be captured without a word.
    pub tolerance: i64,
    /// The least that may be approved where not all of it is there; `None`: all or nothing.
    pub partial_min: Option<i64>,
}

impl HoldPolicy {
    /// What holds where a program wrote nothing: seven days for holds of ours, 35 for the platform's, nothing on top.
    pub const PLAIN: HoldPolicy =
        HoldPolicy { lifetime_seconds: 7 * 86_400, safety_timer_seconds: 35 * 86_400, extra: 0, tolerance: 0, partial_min: None };
}

impl Default for HoldPolicy {
    fn default() -> Self {
        HoldPolicy::PLAIN
    }
}
