//! What was read from the store for one reader and is kept for the next: bounded in bytes over all
//! channels of the node, and forgotten when it is of no use for a while.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes that all channels together keep.
const KEPT_BYTES: usize = 128 * 1024 * 1024;

/// Bytes that count among those that are kept, until this is dropped.
#[derive(Debug)]
pub struct Kept {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Kept {
    /// Takes room for so many; `None`: there is none, and what was read serves one reader only.
    #[must_use]
    pub fn take(all: &Arc<AtomicUsize>, bytes: usize) -> Option<Self> {
        let before = all.fetch_add(bytes, Ordering::AcqRel);
        let kept = Self { bytes, all: Arc::clone(all) };
        (before + bytes <= KEPT_BYTES).then_some(kept)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_when_something_is_dropped() {
        let all = Arc::default();
        let first = Kept::take(&all, KEPT_BYTES - 10);
        assert!(first.is_some());
        assert!(Kept::take(&all, 11).is_none());
        let second = Kept::take(&all, 10);
        assert!(second.is_some());
        drop(first);
        assert!(Kept::take(&all, 11).is_some());
    }
}
