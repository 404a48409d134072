//! Turns: a session that has much to do lets the other tasks of its worker go on now and then.
//!
//! The runtime does that by itself only where a task waits for something that is not there.

/// Work after which others have a turn. What a client sends at once is told on at once if it is less: a
/// turn of others cuts it in two batches.
const TURN: u32 = 256;
/// Bytes read that count as one piece of work.
const READ_BYTES: usize = 512;

/// What a message counts, beside its bytes.
pub(super) const MESSAGE: u32 = 1;
/// What a batch of a channel counts.
pub(super) const BATCH: u32 = 64;

/// What a read counts.
pub(super) fn read(bytes: usize) -> u32 {
    u32::try_from(bytes / READ_BYTES).unwrap_or(u32::MAX).saturating_add(1)
}

/// Work since others had a turn.
#[derive(Debug, Default)]
pub(super) struct Turn(u32);

impl Turn {
    /// Counts some work, and lets others go on if it was enough.
    pub(super) async fn worked(&mut self, work: u32) {
        self.0 = self.0.saturating_add(work);
        if self.0 >= TURN {
            self.0 = 0;
            tokio::task::yield_now().await;
        }
    }
}
