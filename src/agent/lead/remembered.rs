//! What a process remembers of the latest questions, and names for those whose callers name none. Nothing here is on a disk.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use dashmap::{DashMap, Entry};
use holdfast_core::IdempotencyKey;

/// Answers whose words are remembered for a retry.
pub const REMEMBERED_MAX: usize = 65_536;

/// What is remembered of the latest few, by name.
pub(super) struct Lately<K, V> {
    known: DashMap<K, V, foldhash::fast::RandomState>,
    by_age: Mutex<VecDeque<K>>,
}

impl<K: Copy + Eq + Hash, V: Clone> Lately<K, V> {
    pub fn new() -> Self {
        Lately { known: DashMap::default(), by_age: Mutex::default() }
    }

    /// What was kept first stays.
    pub fn keep(&self, name: K, value: V) {
        match self.known.entry(name) {
            Entry::Occupied(_) => return,
            Entry::Vacant(vacant) => drop(vacant.insert(value)),
        }
        let mut by_age = self.by_age.lock().unwrap_or_else(PoisonError::into_inner);
        by_age.push_back(name);
        let oldest = if by_age.len() > REMEMBERED_MAX { by_age.pop_front() } else { None };
        drop(by_age);
        if let Some(oldest) = oldest {
            self.known.remove(&oldest);
        }
    }

    /// What is put takes the place of what was kept.
    pub fn put(&self, name: K, value: V) {
        match self.known.get_mut(&name) {
            Some(mut known) => *known = value,
            None => self.keep(name, value),
        }
    }

    pub fn of(&self, name: &K) -> Option<V> {
        self.known.get(name).map(|known| known.clone())
    }
}

/// Keys that nobody else has: of this process, and counted.
pub(super) struct FreshKeys {
    process: (u64, u64),
    count: AtomicU64,
}

impl FreshKeys {
    /// The operating system's random numbers tell processes apart.
    pub fn new() -> Self {
        let random = || std::hash::RandomState::new().hash_one(0_u8);
        FreshKeys { process: (random(), random()), count: AtomicU64::new(0) }
    }

    pub fn next(&self) -> Option<IdempotencyKey> {
        let (high, low) = self.process;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        // Made here: digits of a random number are no card's number, whatever they look like.
        IdempotencyKey::try_from(format!("own-{high:016x}{low:016x}-{number:x}").as_str()).ok()
    }
}
