//! A map that can go back: what it was before a mark comes back exactly.
//!
//! While marks are held, every change remembers what it replaced. Going back costs as much as what changed, keeping a
//! mark next to nothing, and reading what any map costs. Values stand behind pointers, so that a copy of the whole, to be
//! written down elsewhere, copies no value.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The map, and what its changes since the oldest mark replaced.
#[derive(Debug, Clone)]
pub(crate) struct Register<K, V> {
    map: HashMap<K, Arc<V>>,
    replaced: VecDeque<(K, Option<Arc<V>>)>,
    /// Changes whose past has been forgotten: positions count from the first change ever remembered.
    forgotten: u64,
    remembers: bool,
}

impl<K, V> Default for Register<K, V> {
    fn default() -> Self {
        Self { map: HashMap::new(), replaced: VecDeque::new(), forgotten: 0, remembers: false }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Register<K, V> {
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.map.get(key).map(Arc::as_ref)
    }

    pub(crate) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.contains_key(key)
    }

    /// The key as it is kept.
    pub(crate) fn key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<K>
    where
        K: Borrow<Q>,
    {
        self.map.get_key_value(key).map(|(key, _)| key.clone())
    }

    /// All of it, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.map.iter().map(|(key, value)| (key, value.as_ref()))
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if self.remembers {
            let (kept, value) = self.map.get_key_value(key)?;
            self.replaced.push_back((kept.clone(), Some(value.clone())));
        }
        self.map.get_mut(key).map(Arc::make_mut)
    }

    /// The value to be changed, made first if there is none.
    pub(crate) fn entry<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> &mut V
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        V: Default,
    {
        let kept = self.key(key).unwrap_or_else(|| K::from(key));
        if self.remembers {
            self.replaced.push_back((kept.clone(), self.map.get(key).cloned()));
        }
        Arc::make_mut(self.map.entry(kept).or_default())
    }

    /// The value of a key that is not borrowed, to be changed; made first if there is none.
    pub(crate) fn make(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        if self.remembers {
            self.replaced.push_back((key.clone(), self.map.get(&key).cloned()));
        }
        Arc::make_mut(self.map.entry(key).or_default())
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let earlier = self.map.insert(key.clone(), Arc::new(value));
        self.remember(key, earlier);
    }

    fn remember(&mut self, key: K, earlier: Option<Arc<V>>) {
        if self.remembers {
            self.replaced.push_back((key, earlier));
        }
    }

    /// The present, to come back to. From here on changes are remembered.
    pub(crate) fn mark(&mut self) -> u64 {
        self.remembers = true;
        self.forgotten + self.replaced.len() as u64
    }

    /// Goes back to a mark.
    pub(crate) fn go_back(&mut self, mark: u64) {
        while self.forgotten + self.replaced.len() as u64 > mark {
            match self.replaced.pop_back() {
                Some((key, Some(value))) => drop(self.map.insert(key, value)),
                Some((key, None)) => drop(self.map.remove(&key)),
                // The mark is older than what is remembered; whoever holds it has said that it is not needed any more.
                None => return,
            }
        }
    }

    /// No mark before this one is needed any more.
    pub(crate) fn forget(&mut self, mark: u64) {
        while self.forgotten < mark && self.replaced.pop_front().is_some() {
            self.forgotten += 1;
        }
    }

    /// No mark is needed any more.
    pub(crate) fn forget_all(&mut self) {
        self.forgotten += self.replaced.len() as u64;
        self.replaced.clear();
        self.remembers = false;
    }
}

impl<K: Serialize + Hash + Eq, V: Serialize> Serialize for Register<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.map.serialize(serializer)
    }
}

impl<'de, K: Deserialize<'de> + Hash + Eq, V: Deserialize<'de>> Deserialize<'de> for Register<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { map: HashMap::deserialize(deserializer)?, ..Self::default() })
    }
}
