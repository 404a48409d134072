//! What tells two edits with the same id apart.

use std::io;

use rowcast_protocol::{Edit, ErrorCode};
use sha2::{Digest as _, Sha256};

use crate::store::EditError;

/// The first 16 bytes of SHA-256 over the channel and the operations, written as compact JSON with
/// the members of objects in bytewise order. Equal edits have equal fingerprints, whichever
/// encoding carried them.
pub(super) fn of(edit: &Edit) -> Result<[u8; 16], EditError> {
    let mut sink = Sink(Sha256::new());
    serde_json::to_writer(&mut sink, &(&edit.channel, &edit.ops))
        .map_err(|error| EditError::new(ErrorCode::BadMessage, error.to_string()))?;
    let digest: [u8; 32] = sink.0.finalize().into();
    let mut fingerprint = [0; 16];
    fingerprint.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    Ok(fingerprint)
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
