//! Where in which log: epochs, sequence numbers and cursors.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The number of an entry in its channel's log: 1, 2, 3 … without gaps. 0 stands before the first.
pub type Seq = u64;

/// Names one incarnation of a log: a random number, 16 hexadecimal digits on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = u64::from_str_radix(&text, 16).map(Self).ok();
        number
            .filter(|epoch| epoch.to_string() == text)
            .ok_or_else(|| D::Error::custom("an epoch is 16 lower-case hexadecimal digits"))
    }
}

/// A place in a log, opaque on the wire: the epoch, the number of the last entry that was applied,
/// and the random tag stored with that entry. If they do not match the log, its history is not the
/// one the client knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The incarnation of the log.
    pub epoch: Epoch,
    /// The last entry applied; 0 before the first.
    pub seq: Seq,
    /// The tag of that entry; 0 before the first.
    pub tag: u32,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 20];
        let (epoch, rest) = bytes.split_at_mut(8);
        let (seq, tag) = rest.split_at_mut(8);
        epoch.copy_from_slice(&self.epoch.0.to_be_bytes());
        seq.copy_from_slice(&self.seq.to_be_bytes());
        tag.copy_from_slice(&self.tag.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl std::str::FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let bytes: [u8; 20] = bytes.try_into().map_err(|_| BadCursor)?;
        let (epoch, rest) = bytes.split_first_chunk().ok_or(BadCursor)?;
        let (seq, rest) = rest.split_first_chunk().ok_or(BadCursor)?;
        let (tag, _) = rest.split_first_chunk().ok_or(BadCursor)?;
        Ok(Self {
            epoch: Epoch(u64::from_be_bytes(*epoch)),
            seq: u64::from_be_bytes(*seq),
            tag: u32::from_be_bytes(*tag),
        })
    }
}

/// A text that no hub gave out as a cursor.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this is no cursor; send one that a message of this hub carried, or none")]
pub struct BadCursor;

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
