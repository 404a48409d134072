//! Names: channels and edit ids.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// The longest channel name, in bytes.
pub const MAX_CHANNEL_NAME: usize = 160;

/// The name of a channel: `kind:id`, such as `project:7f3c…` or `user:ada`.
///
/// The kind is a lower-case letter followed by lower-case letters, digits and `_`; the id is one or
/// more of `A–Z a–z 0–9 . _ ~ @ + | = / : -`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// Why a text is no channel name.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no channel name: write `kind:id`, at most 160 bytes, the id of letters, digits and . _ ~ @ + | = / : -"
)]
pub struct BadChannelName(String);

impl ChannelName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// If it is not `kind:id` in the allowed characters, or too long.
    pub fn new(name: &str) -> Result<Self, BadChannelName> {
        let well_formed = name.len() <= MAX_CHANNEL_NAME
            && name.split_once(':').is_some_and(|(kind, id)| is_kind(kind) && is_id(id));
        if well_formed {
            Ok(Self(name.into()))
        } else {
            Err(BadChannelName(name.chars().take(60).collect()))
        }
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the colon.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(kind, _)| kind)
    }

    /// What stands after the colon.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, id)| id)
    }
}

fn is_kind(kind: &str) -> bool {
    kind.starts_with(|first: char| first.is_ascii_lowercase())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~@+|=/:-".contains(&b))
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for ChannelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ChannelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).map_err(D::Error::custom)
    }
}

/// The id of an edit: a UUID that the client makes (version 7 by custom) and uses again when it
/// sends the same edit again. Text in both encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EditId(pub Uuid);

impl fmt::Display for EditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for EditId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.hyphenated())
    }
}

impl<'de> Deserialize<'de> for EditId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Uuid::try_parse(&text)
            .ok()
            .filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
            .map(Self)
            .ok_or_else(|| D::Error::custom("an edit's id must be a UUID of 36 characters"))
    }
}
