//! Filling holes: entries that this node should have and does not.
//!
//! Entries reach a node along several ways (its own commits, its poller, other nodes) that may
//! overtake each other. A hole waits a moment for the missing entries to arrive by themselves;
//! then the log is read, once for everybody who needs it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tracing::warn;

use super::{channel::Channel, tail::Tail};
use crate::store::{Appended, ReadAfter, StoreError};

/// How long a hole waits for its entries to arrive by themselves.
const PATIENCE: Duration = Duration::from_millis(10);
/// How long to wait when the store cannot be read.
const RETRY: Duration = Duration::from_millis(500);
/// Bytes read at a time.
const READ_BYTES: usize = 1024 * 1024;

/// Repairs a channel's tail in a task of its own; once at a time.
pub(super) fn spawn(channel: Arc<Channel>) {
    if channel.repairing.swap(true, Ordering::AcqRel) {
        return;
    }
    let tracker = channel.context.tracker.clone();
    tracker.spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        while let Err(error) = repair(&channel).await {
            warn!(channel = %channel.name(), %error, "a hole in the log has to wait");
            tokio::time::sleep(RETRY).await;
            if !channel.is_followed() {
                break;
            }
        }
        channel.repairing.store(false, Ordering::Release);
        if channel.is_followed() && channel.with_tail(|tail| tail.has_hole()) {
            // It appeared after the last read.
            spawn(channel);
        }
    });
}

/// Reads the log from the tail's head until nothing is missing.
async fn repair(channel: &Arc<Channel>) -> Result<(), StoreError> {
    let store = &channel.context.store;
    loop {
        let from = channel.head();
        match store.read_after(channel.name(), from, READ_BYTES).await? {
            ReadAfter::Entries { entries, .. } if entries.is_empty() => return Ok(()),
            ReadAfter::Entries { entries, head } => {
                channel.context.metrics.repairs.inc();
                let name = channel.name().clone();
                channel.take(&Appended { channel: name, epoch: head.epoch, entries });
            }
            ReadAfter::Snapshot(_) => {
                let heads = store.heads(std::slice::from_ref(channel.name())).await?;
                if let Some(head) = heads.first() {
                    let limit = channel.context.limits.tail_bytes;
                    channel.with_tail(|tail| *tail = Tail::new(head.cursor, limit));
                    // What lies between is not known here.
                    channel.context.access_changed(channel.name(), Some(channel));
                    channel.mark_dirty();
                }
                return Ok(());
            }
        }
    }
}
