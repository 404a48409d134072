//! How many bytes of edits wait in a lane.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The lane is full: the database does not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

/// Bytes of the edits that wait in a lane.
#[derive(Debug, Default)]
pub(super) struct LaneLoad(AtomicUsize);

impl LaneLoad {
    /// Adds bytes, unless there are too many then. One edit may wait alone, however large.
    pub(super) fn add(&self, bytes: usize, most: usize) -> Result<(), QueueFull> {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        if before > 0 && before + bytes > most {
            self.sub(bytes);
            return Err(QueueFull);
        }
        Ok(())
    }

    /// Takes bytes off that wait no longer.
    pub(super) fn sub(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_wait_up_to_so_many_bytes_and_a_large_one_alone() {
        let load = LaneLoad::default();
        assert_eq!(load.add(150, 100), Ok(()));
        assert_eq!(load.add(1, 100), Err(QueueFull));
        load.sub(150);
        assert_eq!([load.add(60, 100), load.add(40, 100)], [Ok(()); 2]);
        assert_eq!(load.add(1, 100), Err(QueueFull));
        load.sub(60);
        assert_eq!(load.add(60, 100), Ok(()), "what was refused is not counted");
    }
}
