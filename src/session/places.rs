//! Bounds on how many connections and sockets there are per network and per person.

use std::{hash::Hash, sync::Arc};

use dashmap::{DashMap, Entry};

/// Places for sockets, counted per key.
#[derive(Debug, Clone)]
pub struct Places<K: Eq + Hash> {
    taken: Arc<DashMap<K, u32>>,
    limit: u32,
}

/// A place that is held until this is dropped.
pub struct Place(Option<Box<dyn FnOnce() + Send + Sync>>);

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            release();
        }
    }
}

impl Place {
    /// A place that is given back like this.
    pub(super) fn new(release: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(release)))
    }
}

impl<K: Eq + Hash + Clone + Send + Sync + 'static> Places<K> {
    /// `limit` places per key.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { taken: Arc::default(), limit }
    }

    /// A place, if one is free.
    #[must_use]
    pub fn take(&self, key: K) -> Option<Place> {
        {
            let mut count = self.taken.entry(key.clone()).or_insert(0);
            if *count >= self.limit {
                return None;
            }
            *count += 1;
        }
        let taken = Arc::clone(&self.taken);
        Some(Place::new(move || release(&taken, key)))
    }
}

fn release<K: Eq + Hash>(taken: &DashMap<K, u32>, key: K) {
    if let Entry::Occupied(mut count) = taken.entry(key) {
        *count.get_mut() = count.get().saturating_sub(1);
        if *count.get() == 0 {
            count.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::new(2);
        let first = places.take("ada").unwrap();
        let _second = places.take("ada").unwrap();
        assert!(places.take("ada").is_none());
        assert!(places.take("bob").is_some());
        drop(first);
        assert!(places.take("ada").is_some());
    }
}
