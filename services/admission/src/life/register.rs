//! A map whose copies share what they have in common, so that a state can be kept aside for the price of a pointer.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A persistent hash map (a hash array mapped trie). Values stand behind pointers, so that changing one copies little.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    transparent,
    bound(
        serialize = "K: Serialize + Hash + Eq, V: Serialize",
        deserialize = "K: Deserialize<'de> + Hash + Eq + Clone, V: Deserialize<'de>"
    )
)]
pub(crate) struct Register<K, V>(imbl::HashMap<K, Arc<V>>);

impl<K, V> Default for Register<K, V> {
    fn default() -> Self {
        Self(imbl::HashMap::new())
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Register<K, V> {
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map(Arc::as_ref)
    }

    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key).map(Arc::make_mut)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert(key, Arc::new(value));
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    pub(crate) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// The value to be changed, made first if there is none.
    pub(crate) fn entry<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> &mut V
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        V: Default,
    {
        Arc::make_mut(self.0.entry(K::from(key)).or_default())
    }

    /// The key as it is kept.
    pub(crate) fn key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<K>
    where
        K: Borrow<Q>,
    {
        self.0.get_key_value(key).map(|(key, _)| key.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
