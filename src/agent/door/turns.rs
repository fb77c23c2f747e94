//! Requests under one idempotency key, one after the other, where each would take something from the others meanwhile. Only within this
//! process: whoever comes to another one is found out when what it made is written, and gives back what it took.

use std::hash::{BuildHasher as _, RandomState};

use tokio::sync::{Mutex, MutexGuard};

use crate::agent::store::Once;

/// How many keys can have their turn at a time; two that share a place wait for each other, and nothing else comes of it.
const PLACES: usize = 64;

/// Whose turn it is.
pub struct Turns {
    places: [Mutex<()>; PLACES],
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        Turns { places: [const { Mutex::const_new(()) }; PLACES], hasher: RandomState::new() }
    }
}

impl Turns {
    /// Waits for the turn of a key; it is over when what comes back is dropped. `None` is no turn to wait for.
    pub(super) async fn of(&self, once: &Once) -> Option<MutexGuard<'_, ()>> {
        let places = u64::try_from(PLACES).unwrap_or(1);
        let place = self.hasher.hash_one((&once.space, &once.key)).checked_rem(places)?;
        let place = self.places.get(usize::try_from(place).ok()?)?;
        Some(place.lock().await)
    }
}
