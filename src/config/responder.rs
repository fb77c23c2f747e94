//! `[responder]`: how much the authorization path may have in hand at once.

use super::optional::OptionalSection;

/// The authorization path's own bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponderConfig {
    /// `in_flight_max`: authorizations that may wait for the ledger at once; a further one is answered by stand-in.
    pub in_flight_max: u32,
    /// `told_max`: a program's approvals of stand-in that the ledger has not confirmed or a cap still counts, beyond which it only
    /// declines; and all answers that the ledger has yet to hear, beyond which declines are not remembered.
    pub told_max: u32,
}

impl Default for ResponderConfig {
    fn default() -> Self {
        ResponderConfig { in_flight_max: 1024, told_max: 100_000 }
    }
}

/// Reads the section; without a section, the defaults.
pub(super) fn read(section: OptionalSection<'_>) -> ResponderConfig {
    let default = ResponderConfig::default();
    let responder = ResponderConfig {
        in_flight_max: section.number("in_flight_max", 1..=1_000_000, default.in_flight_max),
        told_max: section.number("told_max", 1..=100_000_000, default.told_max),
    };
    section.finish();
    responder
}
