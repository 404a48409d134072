//! The latest value per key, with a cursor: what state and presence are made of.
//!
//! Each change gets the next version. A reader that stands at a version is given the newest value
//! of every key that changed since, never the ones in between. Removed keys leave a marker; when
//! too many markers pile up the oldest go, and a reader older than that is given everything.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// Markers of removed keys that are kept.
const MAX_REMOVED: usize = 256;

/// A change counter: 0 before anything happened.
pub type Version = u64;

/// The latest value per key.
#[derive(Debug)]
pub struct Latest<K, V> {
    version: Version,
    /// Readers before this version have missed removals.
    floor: Version,
    values: HashMap<K, (Version, V)>,
    removed: HashMap<K, Version>,
    /// Every key, present or removed, by the version of its last change.
    by_version: BTreeMap<Version, K>,
}

/// What a reader has not seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Changes<'a, K, V> {
    /// Whether `present` is all there is.
    pub full: bool,
    /// Keys with a value, in the order of their last change.
    pub present: Vec<(&'a K, &'a V)>,
    /// Keys that were removed.
    pub removed: Vec<&'a K>,
}

impl<K, V> Default for Latest<K, V> {
    fn default() -> Self {
        Self {
            version: 0,
            floor: 0,
            values: HashMap::new(),
            removed: HashMap::new(),
            by_version: BTreeMap::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Latest<K, V> {
    /// The newest version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key).map(|(_, value)| value)
    }

    /// The keys that have a value.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.values.keys()
    }

    /// Sets a value.
    pub fn set(&mut self, key: K, value: V) {
        self.forget_version(&key);
        self.version += 1;
        self.by_version.insert(self.version, key.clone());
        self.values.insert(key, (self.version, value));
    }

    /// Removes a key; `false` if it was not there.
    pub fn remove(&mut self, key: &K) -> bool {
        if !self.values.contains_key(key) {
            return false;
        }
        self.forget_version(key);
        self.version += 1;
        self.by_version.insert(self.version, key.clone());
        self.removed.insert(key.clone(), self.version);
        self.trim();
        true
    }

    /// What changed after a version; after 0 everything.
    #[must_use]
    pub fn after(&self, version: Version) -> Changes<'_, K, V> {
        let full = version < self.floor || version == 0;
        let from = if full { 0 } else { version };
        let mut changes = Changes { full, present: Vec::new(), removed: Vec::new() };
        for key in self.by_version.range(from + 1..).map(|(_, key)| key) {
            match self.values.get(key) {
                Some((_, value)) => changes.present.push((key, value)),
                None if full => {}
                None => changes.removed.push(key),
            }
        }
        changes
    }

    fn forget_version(&mut self, key: &K) {
        let version = match self.values.remove(key) {
            Some((version, _)) => Some(version),
            None => self.removed.remove(key),
        };
        if let Some(version) = version {
            self.by_version.remove(&version);
        }
    }

    fn trim(&mut self) {
        if self.removed.len() <= MAX_REMOVED {
            return;
        }
        if let Some((key, version)) = self
            .removed
            .iter()
            .min_by_key(|(_, version)| **version)
            .map(|(key, version)| (key.clone(), *version))
        {
            self.removed.remove(&key);
            self.by_version.remove(&version);
            self.floor = version;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_the_newest_value_of_each_key_that_changed() {
        let mut latest = Latest::default();
        latest.set("a", 1);
        latest.set("b", 1);
        let seen = latest.version();
        latest.set("a", 2);
        latest.set("a", 3);
        assert!(latest.remove(&"b"));
        let changes = latest.after(seen);
        assert_eq!(
            changes,
            Changes { full: false, present: vec![(&"a", &3)], removed: vec![&"b"] }
        );
        assert!(latest.after(latest.version()).present.is_empty());
    }

    #[test]
    fn a_reader_that_missed_forgotten_removals_is_given_everything() {
        let mut latest = Latest::default();
        latest.set(0, "stays");
        let seen = latest.version();
        for key in 1..=300 {
            latest.set(key, "goes");
            latest.remove(&key);
        }
        let changes = latest.after(seen);
        assert_eq!(changes, Changes { full: true, present: vec![(&0, &"stays")], removed: vec![] });
        assert!(!latest.after(latest.version() - 1).full);
    }

    #[test]
    fn removing_what_is_not_there_is_no_change() {
        let mut latest = Latest::<&str, i32>::default();
        assert!(!latest.remove(&"a"));
        assert_eq!(latest.version(), 0);
    }
}
