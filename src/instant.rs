//! An instant as the wire has it, over sockets and over HTTP.

use jiff::Timestamp;

/// RFC 3339 in UTC with microseconds.
#[must_use]
pub fn instant(time: Timestamp) -> String {
    format!("{time:.6}")
}
