//! News: what the hub tells without being asked, about a channel or about the session.

use serde::{Deserialize, Serialize};

use crate::{
    code::ErrorCode,
    draft::shown,
    name::{ChannelName, EditId},
    position::{Cursor, Epoch, Seq},
    reply::SnapshotReason,
    schema::Schema,
    value::{Fields, Value},
};

/// Everything the hub tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum News {
    /// Entries of a log, in order, without a gap.
    Entries(Entries),
    /// A piece of a message too long for one frame.
    Part(Part),
    /// A snapshot begins: what the client had of the channel is void.
    SnapshotBegin(SnapshotBegin),
    /// Rows of a snapshot.
    Snapshot(SnapshotPage),
    /// All rows were sent.
    SnapshotEnd(SnapshotEnd),
    /// States that were set or cleared.
    States(States),
    /// Who is there.
    Presence(Presence),
    /// Signals, in order.
    Signals(Signals),
    /// Signals were missed.
    Missed(Missed),
    /// The hub ended a subscription.
    Removed(Removed),
    /// The token expires soon.
    TokenExpiring(TokenExpiring),
    /// The node is about to stop.
    Drain(Drain),
    /// What works less well at present.
    Degraded(Degraded),
    /// The live tables are others from now on.
    Schema(Schema),
}

/// Entries of a log. The first follows what the client has; each follows the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entries {
    /// The channel.
    pub channel: ChannelName,
    /// In order of their numbers.
    pub entries: Vec<Entry>,
    /// The place after the last of them.
    pub cursor: Cursor,
}

/// What one database transaction did to one channel. Clients apply it as a whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// When it was numbered, RFC 3339.
    pub at: String,
    /// The edits in it, if the hub made it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<EditOf>,
    /// Who made it, if it came from outside and the writer said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The changes of rows, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Tables that changed by more than an entry holds: take a fresh snapshot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset: Vec<String>,
}

/// An edit named in an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditOf {
    /// The edit.
    pub id: EditId,
    /// Who made it.
    pub user: String,
}

/// What happened to one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", try_from = "AnyChange")]
pub enum Change {
    /// A row came to be.
    Insert(RowChange),
    /// Fields changed.
    Update(FieldsChange),
    /// A row is gone.
    Delete(KeyChange),
    /// A row came from another channel.
    Enter(RowChange),
    /// A row went to another channel.
    Leave(KeyChange),
}

impl Change {
    /// The key of the row.
    #[must_use]
    pub fn key(&self) -> &Value {
        match self {
            Self::Insert(row) | Self::Enter(row) => &row.key,
            Self::Update(fields) => &fields.key,
            Self::Delete(gone) | Self::Leave(gone) => &gone.key,
        }
    }

    /// Which edit of the entry did it, counted from 0.
    #[must_use]
    pub fn edit(&self) -> Option<u32> {
        match self {
            Self::Insert(row) | Self::Enter(row) => row.edit,
            Self::Update(fields) => fields.edit,
            Self::Delete(gone) | Self::Leave(gone) => gone.edit,
        }
    }
}

/// A change as it is read, in one pass and whatever the order of its members; a tagged enum would
/// make serde keep all of them in a buffer.
#[derive(Deserialize)]
struct AnyChange {
    op: String,
    table: String,
    key: Value,
    row: Option<Fields>,
    set: Option<Fields>,
    edit: Option<u32>,
}

impl TryFrom<AnyChange> for Change {
    type Error = String;

    fn try_from(change: AnyChange) -> Result<Self, String> {
        let AnyChange { op, table, key, row, set, edit } = change;
        match (op.as_str(), row, set) {
            ("insert", Some(row), None) => Ok(Self::Insert(RowChange { table, key, row, edit })),
            ("enter", Some(row), None) => Ok(Self::Enter(RowChange { table, key, row, edit })),
            ("update", None, Some(set)) => Ok(Self::Update(FieldsChange { table, key, set, edit })),
            ("delete", None, None) => Ok(Self::Delete(KeyChange { table, key, edit })),
            ("leave", None, None) => Ok(Self::Leave(KeyChange { table, key, edit })),
            _ => Err(format!("no change is called `{}` with these members", shown(&op))),
        }
    }
}

/// A whole row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowChange {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// All its fields.
    pub row: Fields,
    /// Which edit of the entry did it, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<u32>,
}

/// Fields of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldsChange {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// The fields that changed.
    pub set: Fields,
    /// Which edit of the entry did it, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<u32>,
}

/// A row by its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// Which edit of the entry did it, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<u32>,
}

/// A piece of a message too long for one frame. The pieces come one after the other; their data,
/// put together, are the message in this encoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// This piece, counted from 1.
    pub part: u32,
    /// How many there are.
    pub of: u32,
    /// The piece: text in JSON, bytes in MessagePack.
    pub data: Value,
}

/// A snapshot begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotBegin {
    /// The channel.
    pub channel: ChannelName,
    /// The incarnation of the log.
    pub epoch: Epoch,
    /// Why it comes.
    pub reason: SnapshotReason,
}

/// Some rows of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotPage {
    /// The channel.
    pub channel: ChannelName,
    /// The table.
    pub table: String,
    /// The newest entry these rows contain.
    pub seq: Seq,
    /// Whole rows.
    pub rows: Vec<Fields>,
}

/// All rows were sent. Entries follow from the place where the first page was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotEnd {
    /// The channel.
    pub channel: ChannelName,
    /// The place from which entries follow.
    pub cursor: Cursor,
    /// The number of that place.
    pub seq: Seq,
    /// The rows are whole once this entry has been applied; at once if it is `seq`.
    pub show: Seq,
}

/// States that were set or cleared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct States {
    /// The channel.
    pub channel: ChannelName,
    /// Whether this is all there is: what is not named is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
    /// The newest values; a null value: cleared.
    pub states: Vec<StateItem>,
}

/// One state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateItem {
    /// Whose it is.
    pub session: String,
    /// The person behind that session.
    pub user: String,
    /// Which state.
    pub key: String,
    /// The latest value; null: cleared.
    pub value: Value,
}

/// Who is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    /// The channel.
    pub channel: ChannelName,
    /// Whether this is all: who is not named is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
    /// People who came or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub here: Vec<PresentPerson>,
    /// People whose last device left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
}

/// A person who is there, once, with however many devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PresentPerson {
    /// The person.
    pub user: String,
    /// What others see.
    pub name: String,
    /// How many sockets.
    pub devices: u32,
    /// What the newest device said of itself.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub meta: Value,
}

/// Signals, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// The channel.
    pub channel: ChannelName,
    /// In the order in which they were sent.
    pub signals: Vec<SignalItem>,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalItem {
    /// The session that sent it.
    pub session: String,
    /// The person behind that session.
    pub user: String,
    /// What kind.
    pub name: String,
    /// Anything.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

/// This reader was too slow for some signals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    /// The channel.
    pub channel: ChannelName,
    /// How many.
    pub signals: u64,
}

/// The hub ended a subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    /// The channel.
    pub channel: ChannelName,
    /// Why.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
}

/// The token expires soon; renew it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenExpiring {
    /// When, RFC 3339.
    pub expires: String,
}

/// The node is about to stop; come back later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drain {
    /// How long to wait before connecting again. Each client is told another time.
    pub reconnect_after_ms: u64,
}

/// What works less well at present; empty: all is well again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Degraded {
    /// `store`: edits fail and news from outside writers waits. `bus`: news from other nodes is slow.
    pub parts: Vec<String>,
}
