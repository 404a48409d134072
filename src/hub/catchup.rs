//! Catching up: from a cursor, or from nothing, to where the flush loop takes over.
//!
//! Live delivery, reconnect, a slow reader and a late joiner are one mechanism: send what lies
//! after the cursor. The tail answers where it can; otherwise the store is read, one read at a
//! time per channel, and shared by all who stand in the same stretch.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use rand::RngExt as _;
use rowcast_protocol::{
    Codec, Cursor, News,
    news::{SnapshotBegin, SnapshotEnd},
    reply::SnapshotReason,
};
use tokio::time::Instant;
use tracing::warn;

use super::{
    channel::Channel,
    snapshot::{self, Snapshot},
    subscription::Subscription,
    tail::{EncodedEntry, Tail},
};
use crate::store::{ReadAfter, StoreError};

/// Bytes read from the store at a time.
const READ_BYTES: usize = 512 * 1024;
/// A reader gets its next batch when less than this waits.
const ROOM: usize = 64 * 1024;
/// Entries beyond which a snapshot is the shorter way.
const FAR_BEHIND: u64 = 20_000;
/// How long to wait for entries that another task is just about to append.
const SOON: Duration = Duration::from_millis(5);
/// How long a channel that cannot be read is tried again; unless the database is away, which everybody
/// is told, the subscription then ends, and the client may try again.
const PATIENCE: Duration = Duration::from_secs(3);
/// The first and the longest wait when the store cannot be read.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Where catching up begins.
#[derive(Debug, Clone, Copy)]
pub enum Begin {
    /// With the entries after a cursor.
    After(Cursor),
    /// With a snapshot.
    Snapshot(SnapshotReason),
}

/// What lies after a cursor that the tail does not continue.
#[derive(Debug)]
enum Behind {
    /// These frames, and the place after them.
    Frames(Bytes, Cursor),
    /// Nothing: the cursor stands at the head, or entries are just coming.
    Nothing,
    /// The cursor cannot be continued.
    Snapshot(SnapshotReason),
}

/// Catches a subscription up in a task of its own.
pub fn spawn(subscription: Arc<Subscription>, begin: Begin) {
    let tracker = subscription.channel.context.tracker.clone();
    tracker.spawn(async move { run(&subscription, begin).await });
}

/// Begins a subscription: at once in the flush loop if the tail continues its cursor.
pub fn begin(subscription: Arc<Subscription>, begin: Begin) {
    if let Begin::After(cursor) = begin
        && subscription.channel.with_tail(|tail| tail.continues(cursor, subscription.socket.codec))
    {
        return subscription.go_live(cursor);
    }
    spawn(subscription, begin);
}

/// Decides how a new subscription begins: whether its cursor can be continued.
///
/// # Errors
/// If the store has to be asked and cannot be read.
pub async fn beginning(
    channel: &Arc<Channel>,
    cursor: Option<Cursor>,
    codec: Codec,
) -> Result<Begin, StoreError> {
    let Some(cursor) = cursor else { return Ok(Begin::Snapshot(SnapshotReason::NoCursor)) };
    if channel.with_tail(|tail| tail.continues(cursor, codec)) {
        return Ok(Begin::After(cursor));
    }
    Ok(match read_behind(channel, cursor, codec).await? {
        Behind::Snapshot(reason) => Begin::Snapshot(reason),
        Behind::Frames(..) | Behind::Nothing => Begin::After(cursor),
    })
}

async fn run(subscription: &Arc<Subscription>, mut begin: Begin) {
    let mut wait = RETRY.0;
    let mut failing: Option<Instant> = None;
    while !subscription.is_gone() && !subscription.socket.is_closing() {
        match step(subscription, begin).await {
            Ok(Some(next)) => {
                begin = next;
                wait = RETRY.0;
                failing = None;
            }
            Ok(None) => return,
            Err(error) => {
                warn!(channel = %subscription.channel.name(), %error, "catching up has to wait");
                let since = *failing.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE && !matches!(error, StoreError::Unavailable(_)) {
                    return give_up(subscription, &error);
                }
                tokio::time::sleep(jittered(wait)).await;
                wait = (wait * 2).min(RETRY.1);
            }
        }
    }
}

fn give_up(subscription: &Arc<Subscription>, error: &StoreError) {
    let words = "the channel cannot be read at present; subscribe again later";
    subscription.remove(error.code(), words);
}

/// Half to all of it, so that many do not come at once.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.0))
}

/// One piece; `None`: the flush loop has taken over, or it is over.
async fn step(subscription: &Arc<Subscription>, begin: Begin) -> Result<Option<Begin>, StoreError> {
    let cursor = match begin {
        Begin::After(cursor) => cursor,
        Begin::Snapshot(reason) => {
            return send_snapshot(subscription, reason).await;
        }
    };
    let (channel, socket) = (&subscription.channel, &subscription.socket);
    if channel.with_tail(|tail| tail.continues(cursor, socket.codec)) {
        subscription.go_live(cursor);
        return Ok(None);
    }
    socket.room_below(ROOM).await;
    Ok(Some(match read_behind(channel, cursor, socket.codec).await? {
        Behind::Frames(frames, after) => {
            // Other channels of the socket may have used the room meanwhile.
            if !send_page(subscription, frames).await {
                return Ok(None);
            }
            Begin::After(after)
        }
        Behind::Nothing => {
            tokio::time::sleep(SOON).await;
            begin
        }
        Behind::Snapshot(reason) => Begin::Snapshot(reason),
    }))
}

/// Reads what the tail does not have, or takes it from what was read for somebody else.
async fn read_behind(
    channel: &Arc<Channel>,
    cursor: Cursor,
    codec: Codec,
) -> Result<Behind, StoreError> {
    let head = channel.head();
    if head.epoch == cursor.epoch && head.seq.saturating_sub(cursor.seq) > FAR_BEHIND {
        return Ok(Behind::Snapshot(SnapshotReason::FarBehind));
    }
    let mut shared = channel.read_back.lock().await;
    if let Some((frames, after)) =
        shared.as_ref().and_then(|(tail, _)| tail.batch_after(cursor, codec, channel.name()))
        && after != cursor
    {
        channel.reads_used.store(true, Ordering::Release);
        return Ok(Behind::Frames(frames, after));
    }
    let read = channel.context.store.read_after(channel.name(), cursor, READ_BYTES).await?;
    let (entries, head) = match read {
        ReadAfter::Entries { entries, head } => (entries, head),
        ReadAfter::Snapshot(reason) => return Ok(Behind::Snapshot(reason)),
    };
    if entries.is_empty() {
        channel.meet_head(head);
        return Ok(Behind::Nothing);
    }
    let codecs = channel.codecs().with(codec);
    let entries: Vec<_> = entries.iter().map(|entry| EncodedEntry::new(entry, codecs)).collect();
    channel.with_tail(|tail| tail.prepend(cursor, &entries));
    let mut read_back = Tail::new(cursor, usize::MAX);
    read_back.append(cursor.epoch, entries);
    let batch = read_back.batch_after(cursor, codec, channel.name());
    *shared = channel.keeps(read_back.bytes()).map(|kept| (read_back, kept));
    Ok(batch.map_or(Behind::Nothing, |(frames, after)| Behind::Frames(frames, after)))
}

/// Sends a snapshot and returns where to go on; `None`: it is over.
async fn send_snapshot(
    subscription: &Arc<Subscription>,
    reason: SnapshotReason,
) -> Result<Option<Begin>, StoreError> {
    let (channel, socket) = (&subscription.channel, &subscription.socket);
    let mut sending = channel.context.admission.enter().await;
    if subscription.is_gone() {
        // Somebody who subscribes again and again does not hold the line up.
        return Ok(None);
    }
    let snapshot = Snapshot::shared(channel, socket.codec).await?;
    let (first, name) = (snapshot.first, channel.name().clone());
    let begin = SnapshotBegin { channel: name.clone(), epoch: first.epoch, reason };
    if !subscription.tell(&News::SnapshotBegin(begin)) {
        return Ok(None);
    }
    for frames in &snapshot.frames {
        sending.room(socket, ROOM).await;
        if !send_page(subscription, frames.clone()).await {
            return Ok(None);
        }
    }
    let mut show = snapshot.newest;
    let mut rest = snapshot.rest.clone();
    while let Some(place) = rest {
        // Room first, then the page: nothing is read for whoever does not read.
        sending.room(socket, ROOM).await;
        let page = snapshot::read_page(channel, socket.codec, Some(place)).await?;
        if page.head.epoch != first.epoch {
            return Ok(Some(Begin::Snapshot(SnapshotReason::OtherHistory)));
        }
        if !send_page(subscription, page.frames).await {
            return Ok(None);
        }
        show = show.max(page.head.seq);
        rest = page.next;
    }
    // A shared snapshot may be older than the log; what is shown first should be as new as it is.
    let head = channel.head();
    if head.epoch == first.epoch {
        show = show.max(head.seq);
    }
    let end = SnapshotEnd { channel: name, cursor: first, seq: first.seq, show };
    subscription.tell(&News::SnapshotEnd(end));
    Ok(Some(Begin::After(first)))
}

/// Sends a page once there is room; `false`: the subscription is over.
async fn send_page(subscription: &Arc<Subscription>, frames: Bytes) -> bool {
    let socket = &subscription.socket;
    socket.room_below(ROOM).await;
    // The right to read is looked at per page: whoever was removed meanwhile is gone.
    while !subscription.is_gone() && !socket.is_closing() {
        if !subscription.is_in_doubt() {
            socket.send_frame(frames);
            return true;
        }
        tokio::time::sleep(SOON).await;
    }
    false
}
