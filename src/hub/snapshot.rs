//! Snapshots: pages of rows in frames, read once for many.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use rowcast_protocol::{Codec, Cursor, Seq};

use super::{
    channel::Channel,
    frame::{ListFrames, ListKind},
    tail::Tail,
};
use crate::{
    planted::{self, Bug},
    store::{PagePlace, StoreError},
};

/// Rows read at a time.
const PAGE_ROWS: u32 = 500;
/// How much of a snapshot is read at once and shared. What lies beyond is read by each reader.
const SHARED_BYTES: usize = 4 * 1024 * 1024;

/// A snapshot, or the beginning of a long one.
#[derive(Debug)]
pub struct Snapshot {
    codec: Codec,
    /// Where the log stood when the first page was read: entries follow from here.
    pub first: Cursor,
    /// The newest entry that any of the rows contains.
    pub newest: Seq,
    /// Pages, in order.
    pub frames: Vec<Bytes>,
    /// Where the rest begins; `None`: this is all.
    pub rest: Option<PagePlace>,
}

/// One page in frames.
#[derive(Debug)]
pub struct FramedPage {
    /// Where the log stood when it was read.
    pub head: Cursor,
    /// Its rows; empty if there are none.
    pub frames: Bytes,
    /// Where the next one begins.
    pub next: Option<PagePlace>,
}

impl Snapshot {
    /// The snapshot made last, as long as the tail still continues it; else a new one. Whoever
    /// comes while one is being made waits for it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn shared(channel: &Arc<Channel>, codec: Codec) -> Result<Arc<Self>, StoreError> {
        let mut shared = channel.snapshot.lock().await;
        if let Some((known, _)) = shared.as_ref().filter(|(known, _)| known.serves(channel, codec))
        {
            channel.reads_used.store(true, Ordering::Release);
            return Ok(Arc::clone(known));
        }
        // What is void by now makes room first.
        *shared = None;
        let made = Arc::new(Self::read(channel, codec).await?);
        let bytes = made.frames.iter().map(Bytes::len).sum();
        *shared = channel.keeps(bytes).map(|kept| (Arc::clone(&made), kept));
        Ok(made)
    }

    fn serves(&self, channel: &Channel, codec: Codec) -> bool {
        let continued = |tail: &mut Tail| {
            let void = tail.has_reset_after(self.first.seq) && !planted::is(Bug::StaleSnapshot);
            tail.continues(self.first, codec) && !void
        };
        self.codec == codec && channel.with_tail(continued)
    }

    async fn read(channel: &Channel, codec: Codec) -> Result<Self, StoreError> {
        let page = read_page(channel, codec, None).await?;
        let mut bytes = page.frames.len();
        let (first, newest) = (page.head, page.head.seq);
        let mut made = Self { codec, first, newest, frames: vec![page.frames], rest: page.next };
        while let Some(place) = made.rest.take_if(|_| bytes < SHARED_BYTES) {
            let page = read_page(channel, codec, Some(place)).await?;
            if page.head.epoch != first.epoch {
                return Err(StoreError::Busy("the log was replaced meanwhile".to_owned()));
            }
            bytes += page.frames.len();
            made.newest = made.newest.max(page.head.seq);
            made.frames.push(page.frames);
            made.rest = page.next;
        }
        Ok(made)
    }
}

/// Reads one page.
///
/// # Errors
/// If the store cannot be read.
pub async fn read_page(
    channel: &Channel,
    codec: Codec,
    place: Option<PagePlace>,
) -> Result<FramedPage, StoreError> {
    let (store, pages) = (&channel.context.store, &channel.context.pages);
    // The semaphore is never closed.
    let reading = pages.acquire().await.ok();
    let page = store.snapshot_page(channel.name(), place, PAGE_ROWS).await?;
    drop(reading);
    let table = page.table.as_ref().map_or("", |table| table.name.as_str());
    let rows: Vec<Bytes> = page.rows.iter().map(|row| codec.encode(row)).collect();
    let kind = ListKind::Rows { table, seq: page.head.seq };
    let mut frames = ListFrames::new(codec, kind, channel.name());
    for row in &rows {
        frames.push(row, None);
    }
    Ok(FramedPage { head: page.head, frames: frames.finish(None), next: page.next })
}
