//! A worker's own time: it stands still while the worker does not get to its sockets.
//!
//! Deadlines of clients are measured with it, so that nobody is closed because the hub was late: what
//! was sent in time may lie unread in the kernel. The worker beats a few times a second; what passes
//! between two beats beyond [`PATIENCE`] is not counted. Whoever reads the clock from another thread
//! sees it stand still as well.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::planted::{self, Bug};

/// How often the worker beats.
const BEAT: Duration = Duration::from_millis(250);
/// Milliseconds after a beat that count although there is no other.
const PATIENCE: u64 = 500;

/// A worker's time, in milliseconds since it began.
#[derive(Debug)]
pub struct WorkerClock {
    began: Instant,
    /// When the last beat was.
    beat: AtomicU64,
    /// What the clock showed then.
    shown: AtomicU64,
}

impl Default for WorkerClock {
    fn default() -> Self {
        Self { began: Instant::now(), beat: AtomicU64::new(0), shown: AtomicU64::new(0) }
    }
}

impl WorkerClock {
    fn wall(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What it shows, at least 1.
    #[must_use]
    pub fn now(&self) -> u64 {
        let wall = self.wall();
        if planted::is(Bug::LatenessCounts) {
            return wall.max(1);
        }
        // In this order: a beat in between makes it show less, never more.
        let shown = self.shown.load(Ordering::Acquire);
        let since = wall.saturating_sub(self.beat.load(Ordering::Acquire));
        shown.saturating_add(since.min(PATIENCE)).max(1)
    }

    /// By how much the worker is late at present.
    #[must_use]
    pub fn late(&self) -> Duration {
        let since = self.wall().saturating_sub(self.beat.load(Ordering::Acquire));
        Duration::from_millis(since.saturating_sub(PATIENCE))
    }

    /// Beats for ever, on the worker.
    pub async fn run(&self) {
        loop {
            self.beat();
            tokio::time::sleep(BEAT).await;
        }
    }

    fn beat(&self) {
        let shown = self.now();
        self.beat.store(self.wall(), Ordering::Release);
        self.shown.store(shown, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_stands_still_while_the_worker_is_late() {
        let clock = WorkerClock::default();
        let beats = async || {
            let forty = BEAT * 40 + Duration::from_millis(100);
            let _ = tokio::time::timeout(forty, clock.run()).await;
        };
        // The runtime's timers are a millisecond coarse.
        let shows = |expected: u64| (expected..expected + 100).contains(&clock.now());
        beats().await;
        assert!(shows(10_100), "{}", clock.now());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(shows(10_000 + PATIENCE), "{}", clock.now());
        assert!(clock.late() > Duration::from_secs(59));
        beats().await;
        assert!(shows(10_000 + PATIENCE + 10_100), "{}", clock.now());
        assert_eq!(clock.late(), Duration::ZERO);
    }
}
