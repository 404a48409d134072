//! What everybody in a run shares: how much is left to do, how far it is, whether it ends.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use crate::support::waiting::{in_time, patience};

/// The common state of a run.
#[derive(Debug)]
pub(super) struct Fate {
    left: AtomicUsize,
    acks: watch::Sender<usize>,
    troubles: watch::Sender<usize>,
    /// Whether the outside writer shall stop.
    pub(super) calm: watch::Sender<bool>,
    /// Whether the clients shall stop once they have seen the end in every project.
    pub(super) end: watch::Sender<bool>,
}

impl Fate {
    /// Before a run of so many edits.
    pub(super) fn new(edits: usize) -> Self {
        Self {
            left: AtomicUsize::new(edits),
            acks: watch::Sender::new(0),
            troubles: watch::Sender::new(0),
            calm: watch::Sender::new(false),
            end: watch::Sender::new(false),
        }
    }

    /// Takes one edit to make; `false`: all have been taken.
    pub(super) fn takes_one(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok()
    }

    /// One more edit is settled.
    pub(super) fn settles_one(&self) {
        self.acks.send_modify(|acks| *acks += 1);
    }

    /// An edit failed and may be sent again.
    pub(super) fn meets_trouble(&self) {
        self.troubles.send_modify(|troubles| *troubles += 1);
    }

    /// Waits until some edit fails, or it is plain that none does.
    pub(super) async fn is_troubled(&self) {
        let mut troubles = self.troubles.subscribe();
        troubles.mark_unchanged();
        let _ = tokio::time::timeout(patience() / 2, troubles.changed()).await;
    }

    /// How many edits are settled.
    pub(super) fn settled(&self) -> usize {
        *self.acks.borrow()
    }

    /// Waits until so many edits are settled, or none is left to be made.
    pub(super) async fn reaches(&self, acks: usize) {
        let mut progress = self.acks.subscribe();
        loop {
            let now = *progress.borrow_and_update();
            if now >= acks || self.left.load(Ordering::Acquire) == 0 {
                return;
            }
            let place = std::panic::Location::caller();
            in_time(place, "any progress", progress.changed()).await.expect("it goes on");
        }
    }

    /// Waits until so many edits are settled, as long as there is progress.
    pub(super) async fn settles(&self, acks: usize) {
        let mut progress = self.acks.subscribe();
        while *progress.borrow_and_update() < acks {
            let waiting = tokio::time::timeout(2 * patience(), progress.changed()).await;
            let settled = self.settled();
            assert!(waiting.is_ok(), "{settled} of {acks} edits are settled, and nothing moves");
        }
    }
}
