//! Whose snapshot is sent now.
//!
//! What is live goes before what is new: only so many snapshots are sent at a time on a node, the
//! others wait in line, and beyond a bound whoever comes is told to come back later, at a random
//! time, so that not all come back at once. A reader that does not read gives its place up and
//! queues again when it has read.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use rand::RngExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::socket::Socket;

/// How long a place is kept for a reader that has no room.
const PATIENCE: Duration = Duration::from_millis(100);
/// How late a worker is when newcomers are refused although the line is short.
const LATE: Duration = Duration::from_secs(1);
/// When those who are refused may come back, in milliseconds.
const COME_BACK: std::ops::RangeInclusive<u64> = 1_000..=5_000;

/// The places, and how many wait for one.
#[derive(Debug)]
pub struct Admission {
    places: Semaphore,
    at_once: usize,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// A place among those who are being sent a snapshot.
#[derive(Debug)]
pub struct Sending<'a> {
    admission: &'a Admission,
    place: Option<SemaphorePermit<'a>>,
}

/// Counts one that waits, however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Admission {
    /// So many at a time, and so many in line.
    #[must_use]
    pub fn new(at_once: usize, most_waiting: usize) -> Self {
        let (places, waiting) = (Semaphore::new(at_once), AtomicUsize::new(0));
        Self { places, at_once, waiting, most_waiting }
    }

    /// When somebody who wants a snapshot must come back; `None`: now is right. `late` is how late
    /// the worker is.
    #[must_use]
    pub fn come_back_in(&self, late: Duration) -> Option<Duration> {
        let waiting = self.waiting.load(Ordering::Acquire);
        let refused = waiting >= self.most_waiting || (late > LATE && waiting >= self.at_once);
        refused.then(|| Duration::from_millis(rand::rng().random_range(COME_BACK)))
    }

    /// Waits in line for a place.
    pub async fn enter(&self) -> Sending<'_> {
        let _waiting = Waiting::new(&self.waiting);
        // The semaphore is never closed.
        Sending { admission: self, place: self.places.acquire().await.ok() }
    }
}

impl Sending<'_> {
    /// Waits until less than `bytes` wait for the socket, or it closes.
    pub async fn room(&mut self, socket: &Socket, bytes: usize) {
        if tokio::time::timeout(PATIENCE, socket.room_below(bytes)).await.is_ok() {
            return;
        }
        self.place = None;
        socket.room_below(bytes).await;
        *self = self.admission.enter().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_when_the_line_is_full_is_told_to_come_back() {
        let admission = Admission::new(1, 2);
        let first = admission.enter().await;
        let late = Duration::from_secs(2);
        assert_eq!(admission.come_back_in(late), None, "nobody waits");
        let (second, third) = (admission.enter(), admission.enter());
        tokio::pin!(second, third);
        assert!(tokio::time::timeout(PATIENCE, &mut second).await.is_err());
        assert_eq!(admission.come_back_in(Duration::ZERO), None);
        let told = admission.come_back_in(late).expect("the worker is late").as_millis();
        assert!((1_000..=5_000).contains(&told));
        assert!(tokio::time::timeout(PATIENCE, &mut third).await.is_err());
        assert!(admission.come_back_in(Duration::ZERO).is_some());
        drop(first);
        drop(second.await);
        drop(third.await);
        assert_eq!(admission.come_back_in(late), None);
    }
}
