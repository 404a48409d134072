//! Frames as they go to the kernel: WebSocket headers and the shared list frames.
//!
//! A server's frames are not masked, so the same bytes serve every subscriber that stands at the
//! same place. An item (an entry, a signal, a state) is encoded once per codec; a frame is its
//! items put together, never encoded again.

use bytes::Bytes;
use rowcast_protocol::{ChannelName, Codec, Cursor, News, Seq, Value, news::Part};

/// No frame's payload is larger, by the protocol.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// What list frames aim at, leaving room for the members beside the list.
const LIST_PAYLOAD: usize = MAX_PAYLOAD - 1024;
/// Bytes of a long message in one part. In JSON each byte may become two when it is quoted.
const PART_BYTES: usize = LIST_PAYLOAD / 2;

/// Appends one whole WebSocket frame.
pub fn push_frame(out: &mut Vec<u8>, codec: Codec, payload: &[u8]) {
    let opcode = match codec {
        Codec::Json => 0x81,
        Codec::MsgPack => 0x82,
    };
    out.push(opcode);
    push_length(out, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a message: one frame, or numbered parts if it is too long for one.
pub fn push_message(out: &mut Vec<u8>, codec: Codec, message: &[u8]) {
    if message.len() <= MAX_PAYLOAD {
        return push_frame(out, codec, message);
    }
    let pieces = pieces(codec, message);
    let of = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    for (part, data) in (1..).zip(pieces) {
        push_frame(out, codec, &codec.encode(&News::Part(Part { part, of, data })));
    }
}

/// The frames of one message.
#[must_use]
pub fn message_frames(codec: Codec, message: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(message.len() + 10);
    push_message(&mut out, codec, message);
    out.into()
}

/// One message in one frame, however long it is.
#[must_use]
pub fn data_frame(codec: Codec, message: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(message.len() + 10);
    push_frame(&mut out, codec, message);
    out.into()
}

/// A control frame; its payload has at most 125 bytes.
#[must_use]
pub fn control_frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(payload.len() + 2);
    out.push(0x80 | opcode);
    push_length(&mut out, payload.len());
    out.extend_from_slice(payload);
    out.into()
}

#[expect(clippy::cast_possible_truncation, reason = "each branch knows its range")]
fn push_length(out: &mut Vec<u8>, length: usize) {
    match length {
        0..=125 => out.push(length as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Which list a frame carries, with what stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind<'a> {
    /// Entries of the log.
    Entries,
    /// States set or cleared.
    States,
    /// Signals.
    Signals,
    /// Rows of a snapshot.
    Rows {
        /// The table.
        table: &'a str,
        /// The newest entry that the rows contain.
        seq: Seq,
    },
}

impl ListKind<'_> {
    fn message(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::States => "states",
            Self::Signals => "signals",
            Self::Rows { .. } => "snapshot",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::Rows { .. } => "rows",
            other => other.message(),
        }
    }
}

/// Puts encoded items into as few messages as the protocol allows.
#[derive(Debug)]
pub struct ListFrames<'a> {
    codec: Codec,
    kind: ListKind<'a>,
    channel: &'a ChannelName,
    full: bool,
    items: Vec<&'a [u8]>,
    bytes: usize,
    out: Vec<u8>,
}

impl<'a> ListFrames<'a> {
    /// Begins.
    #[must_use]
    pub fn new(codec: Codec, kind: ListKind<'a>, channel: &'a ChannelName) -> Self {
        Self { codec, kind, channel, full: false, items: Vec::new(), bytes: 0, out: Vec::new() }
    }

    /// The first message says that it begins all there is; it is made even without items.
    #[must_use]
    pub fn full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// Adds an item. `before` is the place before it, told in the message that ends there.
    pub fn push(&mut self, item: &'a [u8], before: Option<Cursor>) {
        if self.bytes + item.len() > LIST_PAYLOAD && !self.items.is_empty() {
            self.cut(before);
        }
        self.bytes += item.len() + 1;
        self.items.push(item);
    }

    fn cut(&mut self, cursor: Option<Cursor>) {
        if self.items.is_empty() && !self.full {
            return;
        }
        let payload = match self.codec {
            Codec::Json => self.json(cursor),
            Codec::MsgPack => self.msgpack(cursor),
        };
        push_message(&mut self.out, self.codec, &payload);
        self.items.clear();
        self.bytes = 0;
        self.full = false;
    }

    fn json(&self, cursor: Option<Cursor>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes + 256);
        let kind = self.kind.message();
        // A channel's name holds no character that JSON would have to escape.
        push_str(&mut out, &format!("{{\"type\":\"{kind}\",\"channel\":\"{}\"", self.channel));
        if let ListKind::Rows { table, seq } = self.kind {
            push_str(&mut out, ",\"table\":");
            Codec::Json.encode_into(&table, &mut out);
            push_str(&mut out, &format!(",\"seq\":{seq}"));
        }
        if self.full {
            push_str(&mut out, ",\"full\":true");
        }
        push_str(&mut out, &format!(",\"{}\":[", self.kind.list()));
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(item);
        }
        out.push(b']');
        if let Some(cursor) = cursor {
            push_str(&mut out, &format!(",\"cursor\":\"{cursor}\""));
        }
        out.push(b'}');
        out
    }

    fn msgpack(&self, cursor: Option<Cursor>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes + 256);
        let page = u8::from(matches!(self.kind, ListKind::Rows { .. })) * 2;
        out.push(0x80 | (3 + page + u8::from(self.full) + u8::from(cursor.is_some())));
        let mut member = |name: &str| Codec::MsgPack.encode_into(&name, &mut out);
        member("type");
        member(self.kind.message());
        member("channel");
        member(self.channel.as_str());
        if let ListKind::Rows { table, seq } = self.kind {
            member("table");
            member(table);
            member("seq");
            Codec::MsgPack.encode_into(&seq, &mut out);
        }
        if self.full {
            Codec::MsgPack.encode_into(&"full", &mut out);
            Codec::MsgPack.encode_into(&true, &mut out);
        }
        Codec::MsgPack.encode_into(&self.kind.list(), &mut out);
        push_list_header(&mut out, self.items.len());
        for item in &self.items {
            out.extend_from_slice(item);
        }
        if let Some(cursor) = cursor {
            Codec::MsgPack.encode_into(&"cursor", &mut out);
            Codec::MsgPack.encode_into(&cursor, &mut out);
        }
        out
    }

    /// The frames, whole and in order. `cursor` is the place after the last item.
    #[must_use]
    pub fn finish(mut self, cursor: Option<Cursor>) -> Bytes {
        self.cut(cursor);
        self.out.into()
    }
}

/// An encoded entry and its place.
#[derive(Debug, Clone, Copy)]
pub struct PlacedEntry<'a> {
    /// The entry's number.
    pub seq: Seq,
    /// The tag stored with it.
    pub tag: u32,
    /// The entry in the codec of the frames.
    pub bytes: &'a [u8],
}

/// Frames with these entries, of which the first follows `from`, and the place after them. Stops
/// after about `budget` bytes.
pub fn entry_frames<'a>(
    codec: Codec,
    channel: &'a ChannelName,
    from: Cursor,
    entries: impl Iterator<Item = PlacedEntry<'a>>,
    budget: usize,
) -> (Bytes, Cursor) {
    let mut frames = ListFrames::new(codec, ListKind::Entries, channel);
    let mut place = from;
    let mut taken = 0;
    for entry in entries {
        if taken >= budget {
            break;
        }
        taken += entry.bytes.len();
        frames.push(entry.bytes, Some(place));
        place = Cursor { epoch: from.epoch, seq: entry.seq, tag: entry.tag };
    }
    (frames.finish(Some(place)), place)
}

fn pieces(codec: Codec, message: &[u8]) -> Vec<Value> {
    match codec {
        Codec::MsgPack => {
            message.chunks(PART_BYTES).map(|piece| Value::Bytes(piece.to_vec())).collect()
        }
        Codec::Json => text_pieces(&String::from_utf8_lossy(message)),
    }
}

fn text_pieces(mut text: &str) -> Vec<Value> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, rest) = text.split_at(text.floor_char_boundary(PART_BYTES));
        pieces.push(Value::from(piece));
        text = rest;
    }
    pieces
}

fn push_str(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[expect(clippy::cast_possible_truncation, reason = "each branch knows its range")]
fn push_list_header(out: &mut Vec<u8>, length: usize) {
    match length {
        0..=15 => out.push(0x90 | length as u8),
        16..=0xffff => {
            out.push(0xdc);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdd);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::{Entry, Epoch, ServerMessage};

    use super::*;

    const EPOCH: Epoch = Epoch(7);

    fn channel() -> ChannelName {
        ChannelName::new("project:1").unwrap()
    }

    fn encoded(codec: Codec, seq: Seq, padding: usize) -> Vec<u8> {
        let by = Some("é\"".repeat(padding));
        codec.encode(&Entry { seq, at: "now".to_owned(), by, ..Entry::default() }).to_vec()
    }

    /// The payloads of consecutive server frames.
    fn payloads(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut payloads = Vec::new();
        while !bytes.is_empty() {
            let (length, start) = match bytes[1] {
                126 => (usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
                127 => panic!("a frame above 64 KiB"),
                short => (usize::from(short), 2),
            };
            payloads.push(&bytes[start..start + length]);
            bytes = &bytes[start + length..];
        }
        payloads
    }

    /// The messages in these frames, parts put together.
    fn decoded(codec: Codec, frames: &[u8]) -> Vec<News> {
        let mut messages = Vec::new();
        let mut whole = Vec::new();
        for payload in payloads(frames) {
            assert!(payload.len() <= MAX_PAYLOAD);
            let ServerMessage::News(news) = codec.decode(payload).unwrap() else {
                panic!("a reply")
            };
            let News::Part(part) = news else {
                messages.push(news);
                continue;
            };
            match &part.data {
                Value::Text(text) => whole.extend_from_slice(text.as_bytes()),
                Value::Bytes(bytes) => whole.extend_from_slice(bytes),
                other => panic!("{other:?}"),
            }
            if part.part == part.of {
                messages.push(codec.decode(&std::mem::take(&mut whole)).unwrap());
            }
        }
        messages
    }

    fn framed(codec: Codec, sizes: &[usize]) -> (Vec<News>, Cursor) {
        let items: Vec<_> =
            (1..).zip(sizes).map(|(seq, &size)| (seq, encoded(codec, seq, size))).collect();
        let entries = items.iter().map(|(seq, bytes)| PlacedEntry { seq: *seq, tag: 9, bytes });
        let from = Cursor { epoch: EPOCH, seq: 0, tag: 0 };
        let (bytes, after) = entry_frames(codec, &channel(), from, entries, usize::MAX);
        (decoded(codec, &bytes), after)
    }

    fn in_order(news: Vec<News>) -> Seq {
        let mut last = 0;
        for message in news {
            let News::Entries(message) = message else { panic!("{message:?}") };
            for entry in &message.entries {
                assert_eq!(entry.seq, last + 1);
                last = entry.seq;
            }
            assert_eq!(message.cursor.seq, last);
        }
        last
    }

    #[test]
    fn many_short_entries_share_a_frame_that_names_the_place_after_the_last() {
        for codec in Codec::ALL {
            let (news, after) = framed(codec, &[1; 40]);
            assert_eq!(news.len(), 1);
            assert_eq!(in_order(news), 40);
            assert_eq!(after, Cursor { epoch: EPOCH, seq: 40, tag: 9 });
        }
    }

    #[test]
    fn a_long_list_is_cut_between_entries_and_each_frame_names_its_own_place() {
        for codec in Codec::ALL {
            let (news, _) = framed(codec, &[5_000; 20]);
            assert!(news.len() > 1);
            assert_eq!(in_order(news), 20);
        }
    }

    #[test]
    fn an_entry_above_64_kib_comes_in_parts_that_make_it_again() {
        for codec in Codec::ALL {
            let (news, after) = framed(codec, &[1, 60_000, 1]);
            assert_eq!(in_order(news), 3);
            assert_eq!(after.seq, 3);
        }
    }

    #[test]
    fn rows_of_a_snapshot_name_their_table_and_instant() {
        for codec in Codec::ALL {
            let row = codec.encode(&rowcast_protocol::Fields::from_iter([("id", 7)]));
            let channel = channel();
            let kind = ListKind::Rows { table: "tasks", seq: 3 };
            let mut frames = ListFrames::new(codec, kind, &channel);
            frames.push(&row, None);
            let news = decoded(codec, &frames.finish(None));
            let [News::Snapshot(page)] = &news[..] else { panic!("{news:?}") };
            assert_eq!((page.table.as_str(), page.seq, page.rows.len()), ("tasks", 3, 1));
        }
    }
}
