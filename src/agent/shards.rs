//! A map that is read without a lock and changed by copying one part of it: the path reads whole snapshots, and a change costs a 256th.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// A power of two, so that a hash's top byte names a shard.
const SHARDS: usize = 256;

/// A map in shards. Values are cheap to clone: copies and `Arc`s.
pub struct Shards<K, V> {
    hasher: RandomState,
    shards: Box<[ArcSwap<HashMap<K, V, RandomState>>]>,
    /// Whoever changes anything holds it, so that no change is lost to another one's copy.
    changing: Mutex<()>,
}

impl<K: Eq + Hash + Clone, V: Clone> Default for Shards<K, V> {
    fn default() -> Self {
        let hasher = RandomState::default();
        let shard = || ArcSwap::from_pointee(HashMap::with_hasher(hasher.clone()));
        Shards { shards: (0..SHARDS).map(|_| shard()).collect(), changing: Mutex::new(()), hasher }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Shards<K, V> {
    /// What a key leads to.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.shard_of(key)?.load().get(key).cloned()
    }

    /// Puts what a key leads to.
    pub fn put(&self, key: K, value: V) {
        self.change(&key, |shard| drop(shard.insert(key.clone(), value)));
    }

    /// Takes a key away.
    pub fn remove(&self, key: &K) {
        self.change(key, |shard| drop(shard.remove(key)));
    }

    /// Makes what a key leads to from what it led to; `None` takes it away.
    pub fn update(&self, key: &K, make: impl FnOnce(Option<&V>) -> Option<V>) {
        self.change(key, |shard| match make(shard.get(key)) {
            Some(value) => drop(shard.insert(key.clone(), value)),
            None => drop(shard.remove(key)),
        });
    }

    /// Fills it, as a start does: each shard is made once, however many there are.
    pub fn fill(&self, pairs: impl IntoIterator<Item = (K, V)>) {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts: Vec<HashMap<K, V, RandomState>> = self.shards.iter().map(|shard| HashMap::clone(&shard.load())).collect();
        for (key, value) in pairs {
            if let Some(part) = parts.get_mut(self.number_of(&key)) {
                part.insert(key, value);
            }
        }
        for (shard, part) in self.shards.iter().zip(parts) {
            shard.store(part.into());
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn change(&self, key: &K, change: impl FnOnce(&mut HashMap<K, V, RandomState>)) {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(shard) = self.shard_of(key) else { return };
        let mut copy = HashMap::clone(&shard.load());
        change(&mut copy);
        shard.store(copy.into());
    }

    fn shard_of<Q: Hash + ?Sized>(&self, key: &Q) -> Option<&ArcSwap<HashMap<K, V, RandomState>>> {
        self.shards.get(self.number_of(key))
    }

    /// By bits that the shard's own table does not choose its place by.
    fn number_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        usize::from(self.hasher.hash_one(key).to_be_bytes()[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_and_what_was_taken_is_not() {
        let map: Shards<String, u32> = Shards::default();
        map.fill((0..10_000).map(|number| (number.to_string(), number)));
        assert_eq!(map.len(), 10_000);
        assert_eq!(map.get("77"), Some(77));
        map.put("77".to_owned(), 78);
        map.remove(&"78".to_owned());
        map.update(&"79".to_owned(), |old| old.map(|old| old + 1000));
        map.update(&"80".to_owned(), |_| None);
        assert_eq!(["77", "78", "79", "80", "81"].map(|key| map.get(key)), [Some(78), None, Some(1079), None, Some(81)]);
    }

    #[test]
    fn changes_from_several_threads_are_all_there() {
        let map: Shards<u32, u32> = Shards::default();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let map = &map;
                scope.spawn(move || (0..500).for_each(|number| map.put(thread * 500 + number, number)));
            }
        });
        assert_eq!(map.len(), 2000);
    }
}
