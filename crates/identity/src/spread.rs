//! Where a key lies in a table whose keys are spread evenly already: digests and our own random ids.

use indexmap::IndexMap;
use std::{
    collections::BTreeSet,
    hash::{BuildHasher, Hash, Hasher},
};

/// Takes a key's last eight bytes and one multiplication for its hash: no dice. Only for keys that no
/// stranger can choose: SHA-256 digests of tokens that we signed, and ids that we made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread;

/// The state of one hash.
#[derive(Debug, Default)]
pub(crate) struct Last(u64);

impl BuildHasher for Spread {
    type Hasher = Last;

    fn build_hasher(&self) -> Last {
        Last::default()
    }
}

impl Hasher for Last {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk::<8>() {
            // An id's last eight bytes begin with two fixed bits: a multiplication hides them.
            self.0 = u64::from_be_bytes(*last).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// The length that precedes an array's bytes says nothing.
    fn write_usize(&mut self, _length: usize) {}
}

/// A bounded table that forgets its oldest key (ids begin with their time). Reads are one hash and
/// one probe; only writes keep the order.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    entries_max: usize,
    map: IndexMap<K, V, Spread>,
    order: BTreeSet<K>,
}

impl<K: Ord + Hash + Copy, V> Table<K, V> {
    pub(crate) fn new(entries_max: usize) -> Self {
        let map = IndexMap::with_hasher(Spread);
        Self { entries_max: entries_max.max(1), map, order: BTreeSet::new() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.map.get_mut(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Forgets the oldest, never the one just put in: whoever asks again must find it.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.map.insert(key, value);
        self.order.insert(key);
        while self.map.len() > self.entries_max {
            let oldest = self.order.iter().find(|old| **old != key).copied();
            let Some(oldest) = oldest else { return };
            self.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.map.swap_remove(key);
        self.order.remove(key);
    }

    /// Keeps what the test says.
    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.map.retain(|_, value| keep(value));
        let map = &self.map;
        self.order.retain(|key| map.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionId;
    use jiff::Timestamp;
    use seal::{SeededEntropy, sha256};
    use std::collections::BTreeSet;

    #[test]
    fn a_table_forgets_its_oldest_key_and_never_the_newest() {
        let mut table = Table::new(3);
        for key in [5_u64, 3, 9, 1, 7] {
            table.insert(key, key);
        }
        let kept: Vec<u64> = (0..10).filter(|key| table.get(key).is_some()).collect();
        assert_eq!(kept, [5, 7, 9]);
        table.insert(0, 0);
        assert!(table.get(&0).is_some() && table.len() == 3);
        table.retain(|value| *value != 9);
        table.remove(&0);
        assert_eq!((table.len(), table.order.len()), (1, 1));
    }

    #[test]
    fn digests_and_ids_of_one_moment_are_spread() {
        let mut entropy = SeededEntropy::new(1);
        let ids = (0..1000).map(|_| SessionId::new(Timestamp::UNIX_EPOCH, &mut entropy));
        let low = |hash: u64| hash % 4096;
        let of_ids: BTreeSet<u64> = ids.map(|id| low(Spread.hash_one(id))).collect();
        let of_digests: BTreeSet<u64> =
            (0..1000_u32).map(|n| low(Spread.hash_one(sha256(&n.to_le_bytes())))).collect();
        // Of 1000 balls in 4096 bins, some 890 bins are hit.
        assert!((850..950).contains(&of_ids.len()), "{}", of_ids.len());
        assert!((850..950).contains(&of_digests.len()), "{}", of_digests.len());
    }
}
