//! Requests: what a client asks. Each carries a `ref` that its reply repeats.

use serde::{Deserialize, Serialize};

use crate::{
    name::{ChannelName, EditId},
    position::{Cursor, Seq},
    value::{Fields, Value},
};

/// The number by which a client matches a reply to its request.
pub type Ref = u64;

/// Everything a client may send.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// The first message on every socket.
    Hello(Hello),
    /// A new token for the same person, in place.
    Renew(Renew),
    /// Follow a channel.
    Subscribe(Subscribe),
    /// Stop following a channel.
    Unsubscribe(Unsubscribe),
    /// Change rows.
    Edit(EditRequest),
    /// Set or clear one's own state in a channel.
    State(SetState),
    /// Say something to whoever is there now.
    Signal(SendSignal),
    /// The past of one row.
    History(History),
    /// Ask whether the connection lives.
    Ping(Ping),
}

/// Greets the hub.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Hello {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The bearer token; may be absent if the upgrade request had an `Authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The name and version of the client, for the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The hash of the schema the client already knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// Renews the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Renew {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The new token; it must name the same person.
    pub token: String,
}

/// Whether a subscriber sees who is there, and is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceMode {
    /// Neither.
    #[default]
    Off,
    /// Sees, is not seen.
    Watch,
    /// Sees and is seen.
    Join,
}

/// Follows a channel. On a channel already followed it starts again from the given place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
    /// Where the client stands in the log; absent: it wants a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Whether the client takes part in presence.
    #[serde(default)]
    pub presence: PresenceMode,
    /// What others see beside the person's name, with `presence: join`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// Stops following a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
}

/// An edit with its `ref`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditRequest {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The edit.
    #[serde(flatten)]
    pub edit: Edit,
}

/// Operations on rows of one channel, applied together or not at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// Made by the client; the same id with the same content is applied once.
    pub id: EditId,
    /// The channel of every row named.
    pub channel: ChannelName,
    /// At least one operation, applied in order.
    pub ops: Vec<Op>,
}

/// One operation of an edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Op {
    /// Adds a row.
    Insert(Insert),
    /// Changes fields of a row.
    Update(Update),
    /// Removes a row.
    Delete(Delete),
    /// Moves a row to another channel. It stands alone in its edit.
    Move(Move),
}

impl Op {
    /// The table named.
    #[must_use]
    pub fn table(&self) -> &str {
        match self {
            Self::Insert(op) => &op.table,
            Self::Update(op) => &op.table,
            Self::Delete(op) => &op.table,
            Self::Move(op) => &op.table,
        }
    }
}

/// Adds a row. The column that holds the channel's id may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insert {
    /// The table.
    pub table: String,
    /// The fields; those left out take the database's defaults.
    pub row: Fields,
    /// Where the row goes in the hand-made order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Changes fields of a row: fields that are not named stay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Update {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// New values.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub set: Fields,
    /// Numbers to add to the fields' values.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub inc: Fields,
    /// Lists of items to add to the fields' lists, where they are missing.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub add: Fields,
    /// Lists of items to remove from the fields' lists.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub remove: Fields,
    /// Where the row goes in the hand-made order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Applied only if these fields hold these values.
    #[serde(default, rename = "if", skip_serializing_if = "Fields::is_empty")]
    pub guard: Fields,
}

/// Removes a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delete {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// Applied only if these fields hold these values.
    #[serde(default, rename = "if", skip_serializing_if = "Fields::is_empty")]
    pub guard: Fields,
}

/// Moves a row to another channel of the same kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// Where it goes.
    pub to: ChannelName,
    /// Applied only if these fields hold these values.
    #[serde(default, rename = "if", skip_serializing_if = "Fields::is_empty")]
    pub guard: Fields,
}

/// A place in a hand-made order, named by an anchor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Before all others.
    First,
    /// After all others that have a place.
    Last,
    /// Right after the row with this key.
    After(Value),
    /// Right before the row with this key.
    Before(Value),
}

/// Sets or clears one's own state in a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetState {
    /// Repeated in the reply; absent: no reply unless it fails.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The channel.
    pub channel: ChannelName,
    /// Which state; its owner is this session.
    pub key: String,
    /// The latest value; null clears it.
    #[serde(default)]
    pub value: Value,
}

/// Says something to whoever is there now, at most once each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendSignal {
    /// Repeated in the reply; absent: no reply unless it fails.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The channel.
    pub channel: ChannelName,
    /// What kind of signal.
    pub name: String,
    /// Anything.
    #[serde(default)]
    pub body: Value,
}

/// Asks for the past of one row, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The channel.
    pub channel: ChannelName,
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// Only entries before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// How many changes at most: 1 to 100, 50 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Asks whether the connection lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ping {
    /// Repeated in the reply.
    #[serde(rename = "ref")]
    pub reference: Ref,
}
