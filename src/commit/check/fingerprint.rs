//! What tells two edits with the same id apart.

use std::io;

use rowcast_protocol::{ChannelName, Edit, Entry, ErrorCode};
use sha2::{Digest as _, Sha256};

use crate::store::EditError;

/// The first 16 bytes of SHA-256 over the channel and the operations, written as compact JSON with
/// the members of objects in bytewise order. Equal edits have equal fingerprints, whichever
/// encoding carried them.
pub(super) fn of(edit: &Edit) -> Result<[u8; 16], EditError> {
    let mut sink = Sink(Sha256::new());
    serde_json::to_writer(&mut sink, &(&edit.channel, &edit.ops))
        .map_err(|error| EditError::new(ErrorCode::BadMessage, error.to_string()))?;
    Ok(first_half(sink.0))
}

/// The same for an undoing, which says what it undoes instead of how.
pub(super) fn of_undo(channel: &ChannelName, entry: &Entry) -> [u8; 16] {
    let mut hash = Sha256::new_with_prefix(format!("undo {channel} {}", entry.seq));
    for edit in &entry.edits {
        hash.update(edit.id.0.as_bytes());
    }
    first_half(hash)
}

/// The same for an edit that applies only while its row has this tag.
#[must_use]
pub fn with_tag(edit: [u8; 16], tag: &str) -> [u8; 16] {
    first_half(Sha256::new_with_prefix(edit).chain_update(tag))
}

fn first_half(hash: Sha256) -> [u8; 16] {
    let digest: [u8; 32] = hash.finalize().into();
    let mut half = [0; 16];
    half.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    half
}

struct Sink(Sha256);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
