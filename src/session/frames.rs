//! Where frames begin and end in what comes in, without a look at their content.
//!
//! Between two messages nothing of a parser has to be kept; this knows when that is.

use std::io::Cursor;

use tungstenite::protocol::frame::{FrameHeader, coding::OpCode};

/// The longest header: opcode, length, mask.
const HEADER_BYTES: usize = 14;

/// Follows the frames of one socket.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a header whose rest has not come yet.
    header: Vec<u8>,
    /// Bytes of a payload that have not come yet.
    left: u64,
    /// Whether a message goes on in further frames.
    fragmented: bool,
}

impl Frames {
    /// Whether something was begun that is not finished: a message, or a frame.
    pub(super) fn is_unfinished(&self) -> bool {
        self.fragmented || self.left > 0 || !self.header.is_empty()
    }

    /// Takes the next bytes. What is no frame is left to the parser to refuse.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        loop {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= skipped as u64;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            let Some(taken) = self.begin_frame(bytes) else { return };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// Reads a header; returns how many of these bytes belong to it, or `None` if they all do and
    /// more must come.
    fn begin_frame(&mut self, bytes: &[u8]) -> Option<usize> {
        let held = self.header.len();
        let more = bytes.len().min(HEADER_BYTES);
        self.header.extend_from_slice(bytes.get(..more).unwrap_or_default());
        let mut cursor = Cursor::new(&self.header);
        let (header, length) = FrameHeader::parse(&mut cursor).ok().flatten()?;
        let end = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        self.header = Vec::new();
        self.left = length;
        if matches!(header.opcode, OpCode::Data(_)) {
            self.fragmented = !header.is_final;
        }
        Some(end.saturating_sub(held))
    }
}
