//! Payments that turned out to be one, as far as a day's sum has to know: over which network they go, and which day was told of them.
//! Sums nothing.

use std::collections::BTreeMap;

use holdfast_core::NetworkName;

/// Of each hold, by its number.
#[derive(Debug, Default)]
pub(super) struct Joined {
    networks: BTreeMap<u64, NetworkName>,
    /// The first day that was told of it.
    days: BTreeMap<u64, i32>,
    /// Which took over another.
    takes: BTreeMap<u64, u64>,
}

impl Joined {
    /// Before the first record.
    pub fn beginning_with(networks: BTreeMap<u64, NetworkName>) -> Self {
        Joined { networks, ..Joined::default() }
    }

    /// A record tells a hold's network; the first one counts.
    pub fn goes_over(&mut self, hold: u64, network: NetworkName) {
        self.networks.entry(hold).or_insert(network);
    }

    /// A record tells a day of a hold.
    pub fn is_settled_on(&mut self, hold: u64, day: i32) {
        self.days.entry(hold).or_insert(day);
    }

    /// One hold takes over another; which day was told of that one.
    pub fn take_over(&mut self, takes: u64, gives: u64) -> Option<i32> {
        self.takes.insert(gives, takes);
        if let Some(network) = self.networks.get(&gives).copied() {
            self.goes_over(takes, network);
        }
        self.days.get(&gives).copied()
    }

    /// Which hold took over another.
    pub fn into_takes(self) -> BTreeMap<u64, u64> {
        self.takes
    }

    /// The network of a hold, by all that is known at the end.
    pub fn network_of(&self, hold: u64) -> Option<NetworkName> {
        let payment = std::iter::successors(Some(hold), |hold| self.takes.get(hold).copied()).last()?;
        self.networks.get(&payment).copied()
    }
}
