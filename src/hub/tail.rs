//! The newest part of a channel's log in memory, already encoded.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use rowcast_protocol::{ChannelName, Codec, Cursor, Epoch, Seq};

use super::frame::{PlacedEntry, entry_frames};
use crate::{
    planted::{self, Bug},
    store::StoredEntry,
};

/// Bytes of one shared batch: how much a subscriber is given at a time.
pub const BATCH_BYTES: usize = 128 * 1024;
/// Entries that may wait for a hole before them to be filled, and their bytes.
const MAX_AHEAD: usize = 1024;
const MAX_AHEAD_BYTES: usize = 4 * 1024 * 1024;

/// The codecs that somebody on a channel uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecsInUse {
    /// JSON.
    pub json: bool,
    /// MessagePack.
    pub msgpack: bool,
}

impl CodecsInUse {
    /// These and one more.
    #[must_use]
    pub fn with(self, codec: Codec) -> Self {
        Self {
            json: self.json || codec == Codec::Json,
            msgpack: self.msgpack || codec == Codec::MsgPack,
        }
    }
}

/// An entry, encoded for the codecs that were in use when it came.
#[derive(Debug, Clone)]
pub struct EncodedEntry {
    /// Its number.
    pub seq: Seq,
    /// The tag stored with it.
    pub tag: u32,
    /// Whether it voids rows that were read before it.
    is_reset: bool,
    json: Option<Bytes>,
    msgpack: Option<Bytes>,
}

impl EncodedEntry {
    /// Encodes an entry; in JSON if no codec is in use.
    #[must_use]
    pub fn new(stored: &StoredEntry, codecs: CodecsInUse) -> Self {
        let json = codecs.json || !codecs.msgpack;
        Self {
            seq: stored.entry.seq,
            tag: stored.tag,
            is_reset: !stored.entry.reset.is_empty(),
            json: json.then(|| Codec::Json.encode(&stored.entry)),
            msgpack: codecs.msgpack.then(|| Codec::MsgPack.encode(&stored.entry)),
        }
    }

    /// The entry in a codec, if it was in use.
    #[must_use]
    pub fn bytes(&self, codec: Codec) -> Option<&Bytes> {
        match codec {
            Codec::Json => self.json.as_ref(),
            Codec::MsgPack => self.msgpack.as_ref(),
        }
    }

    /// What it costs in memory, about.
    fn size(&self) -> usize {
        let payload = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        payload(&self.json) + payload(&self.msgpack) + size_of::<Self>()
    }
}

/// What came of entries that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// They were known already.
    Known,
    /// The log grew.
    Grew,
    /// They wait: entries before them are missing.
    Hole,
}

/// The newest entries of one log, without a gap, within a bound in bytes.
#[derive(Debug)]
pub struct Tail {
    /// The place before the oldest entry held.
    base: Cursor,
    entries: VecDeque<EncodedEntry>,
    bytes: usize,
    limit: usize,
    /// The newest reset that was met; 0: none.
    reset: Seq,
    /// Entries that came before the ones they follow.
    ahead: BTreeMap<Seq, EncodedEntry>,
    ahead_bytes: usize,
}

impl Tail {
    /// An empty tail that begins after `head`.
    #[must_use]
    pub fn new(head: Cursor, limit: usize) -> Self {
        Self {
            base: head,
            entries: VecDeque::new(),
            bytes: 0,
            limit,
            reset: 0,
            ahead: BTreeMap::new(),
            ahead_bytes: 0,
        }
    }

    /// The place after the newest entry.
    #[must_use]
    pub fn head(&self) -> Cursor {
        self.entries.back().map_or(self.base, |entry| self.place(entry))
    }

    /// Bytes of the entries held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The incarnation of the log.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.base.epoch
    }

    /// Whether the entries after a cursor are all here, in this codec.
    #[must_use]
    pub fn continues(&self, cursor: Cursor, codec: Codec) -> bool {
        self.index_after(cursor).is_some_and(|index| {
            // Encodings begin somewhere and go on from there, so the oldest one decides.
            self.entries.get(index).is_none_or(|entry| entry.bytes(codec).is_some())
        })
    }

    /// Whether rows that were read when the log stood here are void by now.
    #[must_use]
    pub fn has_reset_after(&self, seq: Seq) -> bool {
        self.reset > seq
    }

    /// The frames that lie after a cursor and the place after them, at most a batch; `None` if
    /// they are not all here.
    #[must_use]
    pub fn batch_after(
        &self,
        cursor: Cursor,
        codec: Codec,
        channel: &ChannelName,
    ) -> Option<(Bytes, Cursor)> {
        if !self.continues(cursor, codec) {
            return None;
        }
        let entries = self.entries.range(self.index_after(cursor)?..);
        Some(frames_of(codec, channel, cursor, entries))
    }

    /// Takes entries of an epoch, in order and without a gap among themselves.
    pub fn append(&mut self, epoch: Epoch, entries: Vec<EncodedEntry>) -> Arrival {
        let Some(first) = entries.first() else { return Arrival::Known };
        if epoch != self.base.epoch {
            let before = Cursor { epoch, seq: first.seq.saturating_sub(1), tag: 0 };
            *self = Self::new(before, self.limit);
        }
        let mut arrival = Arrival::Known;
        for entry in entries {
            arrival = match (self.take(entry), arrival) {
                (Arrival::Known, earlier) | (Arrival::Hole, earlier @ Arrival::Grew) => earlier,
                (now, _) => now,
            };
        }
        if arrival == Arrival::Grew {
            self.take_ahead();
            self.trim();
        }
        if self.ahead.is_empty() { arrival } else { Arrival::Hole }
    }

    /// Whether entries wait for others before them.
    #[must_use]
    pub fn has_hole(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Puts older entries in front, if they end right before the oldest one held and there is room.
    pub fn prepend(&mut self, before: Cursor, older: &[EncodedEntry]) {
        let follows = older.last().is_some_and(|last| self.place(last) == self.base);
        let bytes: usize = older.iter().map(EncodedEntry::size).sum();
        if follows && before.epoch == self.base.epoch && self.bytes + bytes <= self.limit {
            for entry in older.iter().rev() {
                self.entries.push_front(entry.clone());
            }
            self.bytes += bytes;
            self.base = before;
        }
    }

    fn place(&self, entry: &EncodedEntry) -> Cursor {
        Cursor { epoch: self.base.epoch, seq: entry.seq, tag: entry.tag }
    }

    /// The index of the first entry after a cursor, if the cursor lies on this piece of history.
    fn index_after(&self, cursor: Cursor) -> Option<usize> {
        if is_same(cursor, self.base) {
            return Some(0);
        }
        let distance = cursor.seq.checked_sub(self.base.seq)?;
        let index = usize::try_from(distance).ok()?;
        let last_applied = self.entries.get(index.checked_sub(1)?)?;
        is_same(self.place(last_applied), cursor).then_some(index)
    }

    fn take(&mut self, entry: EncodedEntry) -> Arrival {
        let next = self.head().seq + 1;
        if entry.seq < next {
            return Arrival::Known;
        }
        if entry.seq > next && !planted::is(Bug::NoGapCheck) {
            self.keep_ahead(entry);
            return Arrival::Hole;
        }
        if entry.is_reset {
            self.reset = entry.seq;
        }
        self.bytes += entry.size();
        self.entries.push_back(entry);
        Arrival::Grew
    }

    /// Keeps an early entry. What is too much is read from the store when the hole is filled.
    fn keep_ahead(&mut self, entry: EncodedEntry) {
        self.ahead_bytes += entry.size();
        if let Some(same) = self.ahead.insert(entry.seq, entry) {
            self.ahead_bytes -= same.size();
        }
        while self.ahead.len() > 1
            && (self.ahead.len() > MAX_AHEAD || self.ahead_bytes > MAX_AHEAD_BYTES)
        {
            self.ahead_bytes -= self.ahead.pop_last().map_or(0, |(_, last)| last.size());
        }
    }

    fn take_ahead(&mut self) {
        while let Some(entry) = self.ahead.first_entry() {
            if *entry.key() > self.entries.back().map_or(self.base.seq, |last| last.seq) + 1 {
                break;
            }
            let entry = entry.remove();
            self.ahead_bytes -= entry.size();
            self.take(entry);
        }
    }

    fn trim(&mut self) {
        while self.bytes > self.limit && self.entries.len() > 1 {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes -= oldest.size();
                self.base = self.place(&oldest);
            }
        }
    }
}

/// Whether two places are the same in the same history.
fn is_same(one: Cursor, other: Cursor) -> bool {
    let numbers = |place: Cursor| (place.epoch, place.seq);
    one == other || (planted::is(Bug::CursorTagIgnored) && numbers(one) == numbers(other))
}

/// Frames with entries that follow `from`, at most a batch, and the place after them.
pub fn frames_of<'a>(
    codec: Codec,
    channel: &ChannelName,
    from: Cursor,
    entries: impl Iterator<Item = &'a EncodedEntry>,
) -> (Bytes, Cursor) {
    let placed: Vec<_> = entries
        .map_while(|entry| {
            let bytes = entry.bytes(codec)?;
            Some(PlacedEntry { seq: entry.seq, tag: entry.tag, bytes })
        })
        .scan(0, |taken, entry| {
            let before = *taken;
            *taken += entry.bytes.len();
            (before < BATCH_BYTES).then_some(entry)
        })
        .collect();
    entry_frames(codec, channel, from, placed.into_iter(), BATCH_BYTES)
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::Entry;

    use super::*;

    const EPOCH: Epoch = Epoch(1);
    const JSON: CodecsInUse = CodecsInUse { json: true, msgpack: false };

    fn entry(seq: Seq) -> EncodedEntry {
        let entry = Entry { seq, at: "now".to_owned(), ..Entry::default() };
        EncodedEntry::new(&StoredEntry { tag: tag(seq), entry }, JSON)
    }

    fn tag(seq: Seq) -> u32 {
        u32::try_from(seq).unwrap() * 7
    }

    fn at(seq: Seq) -> Cursor {
        Cursor { epoch: EPOCH, seq, tag: tag(seq) }
    }

    fn tail() -> Tail {
        Tail::new(at(0), 1 << 20)
    }

    fn grow(tail: &mut Tail, seqs: impl IntoIterator<Item = Seq>) -> Arrival {
        tail.append(EPOCH, seqs.into_iter().map(entry).collect())
    }

    #[test]
    fn entries_that_follow_make_the_log_grow_and_known_ones_do_nothing() {
        let mut tail = tail();
        assert_eq!(grow(&mut tail, 1..=3), Arrival::Grew);
        assert_eq!(grow(&mut tail, 2..=3), Arrival::Known);
        assert_eq!(grow(&mut tail, 3..=4), Arrival::Grew);
        assert_eq!(tail.head(), at(4));
    }

    #[test]
    fn an_early_entry_waits_until_the_hole_before_it_is_filled() {
        let mut tail = tail();
        assert_eq!(grow(&mut tail, [3]), Arrival::Hole);
        assert_eq!(tail.head(), at(0));
        assert_eq!(grow(&mut tail, [1]), Arrival::Hole);
        assert_eq!(tail.head(), at(1));
        assert_eq!(grow(&mut tail, [2]), Arrival::Grew);
        assert_eq!(tail.head(), at(3));
        assert!(!tail.has_hole());
    }

    #[test]
    fn a_reset_voids_what_was_read_before_it() {
        let mut tail = tail();
        grow(&mut tail, 1..=2);
        let reset = Entry { seq: 3, reset: vec!["tasks".to_owned()], ..Entry::default() };
        let reset = EncodedEntry::new(&StoredEntry { tag: tag(3), entry: reset }, JSON);
        tail.append(EPOCH, vec![reset]);
        grow(&mut tail, 4..=5);
        assert!(tail.has_reset_after(2) && !tail.has_reset_after(3));
    }

    #[test]
    fn only_a_cursor_with_the_right_tag_is_continued() {
        let mut tail = tail();
        grow(&mut tail, 1..=3);
        assert!(tail.continues(at(2), Codec::Json));
        assert!(!tail.continues(Cursor { tag: 1, ..at(2) }, Codec::Json));
        assert!(!tail.continues(Cursor { epoch: Epoch(2), ..at(2) }, Codec::Json));
        assert!(!tail.continues(at(4), Codec::Json));
        assert!(!tail.continues(at(2), Codec::MsgPack), "nobody used it when they came");
        assert!(tail.continues(at(3), Codec::MsgPack), "nothing has come since");
    }

    #[test]
    fn a_full_tail_forgets_its_oldest_entries_and_takes_them_back_in_front() {
        let mut tail = Tail::new(at(0), 10 * entry(1).size());
        grow(&mut tail, 1..=25);
        assert!(!tail.continues(at(3), Codec::Json));
        assert!(tail.continues(at(20), Codec::Json));
        let mut roomy = Tail::new(at(3), 1 << 20);
        grow(&mut roomy, 4..=6);
        roomy.prepend(at(1), &[entry(2), entry(3)]);
        assert!(roomy.continues(at(1), Codec::Json));
    }

    #[test]
    fn another_epoch_begins_a_new_tail() {
        let mut tail = tail();
        grow(&mut tail, 1..=3);
        assert_eq!(tail.append(Epoch(2), vec![entry(2)]), Arrival::Grew);
        assert_eq!(tail.head(), Cursor { epoch: Epoch(2), seq: 2, tag: tag(2) });
        assert!(!tail.continues(at(3), Codec::Json));
    }
}
