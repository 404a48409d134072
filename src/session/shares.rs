//! A bounded number of things that many share: places for connections, bytes of answers.
//!
//! The last quarter is kept for those who have little: in it nobody may hold more than what is left
//! afterwards. So one alone takes at most three quarters, and whoever has nothing yet finds room as long as
//! there is any.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;

use super::Place;

/// What part of all is kept for those who have little: one of so many.
const RESERVE: u64 = 4;

/// Something that is shared.
#[derive(Debug, Clone)]
pub struct Shares<K> {
    state: Arc<Mutex<State<K>>>,
    total: u64,
}

#[derive(Debug)]
struct State<K> {
    free: u64,
    taken: HashMap<K, u64>,
}

impl<K: Eq + Hash + Copy + Send + Sync + 'static> Shares<K> {
    /// So much, all of it free.
    #[must_use]
    pub fn new(total: u64) -> Self {
        let state = State { free: total, taken: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)), total }
    }

    /// Takes so much for somebody, if there is room for that. `None` stands for many at once, such as the
    /// clients of a proxy: then only what is left in all counts.
    #[must_use]
    pub fn take(&self, whose: Option<K>, amount: u64) -> Option<Place> {
        let amount = amount.min(self.total);
        {
            let mut state = self.state.lock();
            let left = state.free.checked_sub(amount)?;
            if let Some(whose) = whose {
                let held = state.taken.get(&whose).copied().unwrap_or(0) + amount;
                if left < self.total / RESERVE && held > state.free {
                    return None;
                }
                state.taken.insert(whose, held);
            }
            state.free = left;
        }
        let state = Arc::clone(&self.state);
        Some(Place::new(move || state.lock().give_back(whose, amount)))
    }
}

impl<K: Eq + Hash> State<K> {
    fn give_back(&mut self, whose: Option<K>, amount: u64) {
        self.free += amount;
        let Some(whose) = whose else { return };
        let left = self.taken.get(&whose).copied().unwrap_or(0).saturating_sub(amount);
        if left == 0 {
            self.taken.remove(&whose);
        } else {
            self.taken.insert(whose, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_for(shares: &Shares<&'static str>, whose: &'static str) -> Vec<Place> {
        std::iter::from_fn(|| shares.take(Some(whose), 1)).collect()
    }

    #[test]
    fn nobody_takes_everything_and_a_newcomer_finds_room() {
        let shares = Shares::new(1000);
        let mallory = all_for(&shares, "mallory");
        assert_eq!(mallory.len(), 750);
        let others = ["a", "b", "c", "d"].map(|name| all_for(&shares, name));
        assert_eq!(others.each_ref().map(Vec::len), [125, 63, 31, 16]);
        assert!(shares.take(Some("ada"), 1).is_some());
        drop(mallory);
        assert!(all_for(&shares, "ada").len() > 500);
    }

    #[test]
    fn a_few_places_have_no_reserve() {
        let shares = Shares::new(3);
        assert_eq!(all_for(&shares, "ada").len(), 3);
    }

    #[test]
    fn many_at_once_are_bounded_by_what_there_is() {
        let shares: Shares<&str> = Shares::new(10);
        let taken: Vec<_> = std::iter::from_fn(|| shares.take(None, 3)).collect();
        assert_eq!(taken.len(), 3);
        drop(taken);
        assert!(shares.take(None, 11).is_some(), "what is larger than everything takes everything");
    }
}
