//! What was found under many keys at once. A row that cannot be read is the failure of its own key, and of no other.

use std::collections::HashMap;
use std::hash::Hash;

use chat_core::store::StoreError;

use super::columns::{Columns, Row};
use super::error::Done;

/// Values by key.
#[derive(Debug)]
pub(super) struct Found<K, V>(HashMap<K, Result<V, StoreError>>);

impl<K: Eq + Hash, V> Found<K, V> {
    /// Nothing.
    pub(super) fn nothing() -> Self {
        Self(HashMap::new())
    }

    /// Reads rows: first each one's key, then the value.
    pub(super) fn read(
        rows: &[Row],
        key: impl Fn(&mut Columns<'_>) -> Done<K>,
        value: impl Fn(&mut Columns<'_>) -> Done<V>,
    ) -> Done<Self> {
        let one = |row: &Row| {
            let mut columns = Columns::of(row);
            Ok((key(&mut columns)?, value(&mut columns).map_err(StoreError::from)))
        };
        rows.iter().map(one).collect::<Done<_>>().map(Self)
    }

    /// Takes the value of a key out.
    pub(super) fn take(&mut self, key: &K) -> Done<Option<V>> {
        Ok(self.0.remove(key).transpose()?)
    }

    /// The values that can be read, with their keys.
    pub(super) fn readable(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().filter_map(|(key, value)| Some((key, value.as_ref().ok()?)))
    }

    /// Changes values; what becomes an error stays one.
    pub(super) fn change(&mut self, mut change: impl FnMut(&K, V) -> Result<V, StoreError>) {
        let all = self.0.drain().map(|(key, value)| {
            let value = value.and_then(|value| change(&key, value));
            (key, value)
        });
        self.0 = all.collect::<Vec<_>>().into_iter().collect();
    }
}

impl<K: Eq + Hash, V: Clone> Found<K, V> {
    /// The value of a key.
    pub(super) fn get(&self, key: &K) -> Done<Option<V>> {
        Ok(self.0.get(key).cloned().transpose()?)
    }

    /// The values of these keys, in their order.
    pub(super) fn all<'k>(&self, keys: impl IntoIterator<Item = &'k K>) -> Done<Vec<Option<V>>>
    where
        K: 'k,
    {
        keys.into_iter().map(|key| self.get(key)).collect()
    }
}
