//! Names of a policy's rules and limits. A limit's name says what it counts, so that it counts on while the policy changes.

use sha2::{Digest as _, Sha256};

use crate::ids::RuleId;
use crate::rules::{LimitWindow, Weekday, Zone};

/// The longest name of a limit, so that a number fits behind it.
const LIMIT_NAME_BYTES_MAX: usize = RuleId::BYTES_MAX - 3;

/// A limit is named by what it counts and over which time, and not by its place or its maximum: what it has counted stays with it while the
/// policy around it changes. `budget-month` counts UTC's months, `budget-day-america-new-york` New York's days, `count-rolling-3600s` an hour.
pub(super) fn limit_name(name: &str, window: &LimitWindow) -> String {
    let of_zone = |zone: &Zone| match zone.name() {
        "UTC" => String::new(),
        // `Etc/GMT+5` and `Etc/GMT-5` are ten hours apart.
        zone => {
            let told = zone.to_ascii_lowercase().replace('+', "-plus-").replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            format!("-{told}")
        }
    };
    let scope = match window {
        LimitWindow::Day(zone) | LimitWindow::Month(zone) => of_zone(zone),
        LimitWindow::Week(zone, Weekday::Monday) => of_zone(zone),
        LimitWindow::Week(zone, first) => format!("{}-{}", of_zone(zone), first.name()),
        LimitWindow::Rolling(rolling) => format!("-{}s", rolling.length_seconds()),
        LimitWindow::Lifetime => String::new(),
    };
    let name = format!("{name}-{}", window.name());
    let told = format!("{name}{scope}");
    if told.len() <= LIMIT_NAME_BYTES_MAX {
        return told;
    }
    // The longest zones' names leave no room: a digest is as good to tell them apart.
    let digest: [u8; 32] = Sha256::digest(scope).into();
    let short = digest.first_chunk().copied().map_or(0, u32::from_be_bytes);
    format!("{name}-{short:08x}")
}

/// `max-amount`, and where that is taken `max-amount-2`.
pub(super) fn free_id(name: &str, known: &[RuleId]) -> Option<RuleId> {
    let name = name.replace('_', "-");
    let numbered = (2..=known.len().saturating_add(2)).map(|number| format!("{name}-{number}"));
    let ids = std::iter::once(name.clone()).chain(numbered).filter_map(|id| RuleId::new(&id).ok());
    ids.into_iter().find(|id| !known.contains(id))
}
