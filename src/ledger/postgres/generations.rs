//! A map that forgets what did not pass by for long. Nothing here knows what is in it.

use std::collections::HashMap;
use std::hash::Hash;

/// Two generations: when the young one is full it is the old one, and what was old is forgotten.
#[derive(Debug)]
pub struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    each_max: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Nothing yet, and never more than twice so many.
    pub fn new(each_max: usize) -> Self {
        Generations { young: HashMap::new(), old: HashMap::new(), each_max }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub fn put(&mut self, key: K, value: V) {
        if self.is_full() && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Keeps those that are to stay.
    pub fn retain(&mut self, mut stays: impl FnMut(&mut V) -> bool) {
        for generation in [&mut self.young, &mut self.old] {
            generation.retain(|_, value| stays(value));
        }
    }

    /// Whether more would have others forgotten.
    pub fn is_full(&self) -> bool {
        self.young.len() >= self.each_max
    }
}
