//! Edits: what a client asks to be changed. How operations are decoded is in [`draft`](crate::draft).

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct as _};

use crate::{
    name::{ChannelName, EditId},
    request::Ref,
    value::{Fields, Value},
};

/// An edit with its `ref`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Sent")]
pub struct EditRequest {
    /// Repeated in the reply.
    pub reference: Ref,
    /// The edit.
    pub edit: Edit,
}

/// An edit as it is sent: its members stand beside the `ref`.
#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "ref")]
    reference: Ref,
    id: EditId,
    channel: ChannelName,
    ops: Vec<Op>,
}

impl From<Sent> for EditRequest {
    fn from(sent: Sent) -> Self {
        let Sent { reference, id, channel, ops } = sent;
        Self { reference, edit: Edit { id, channel, ops } }
    }
}

impl Serialize for EditRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sent = serializer.serialize_struct("Edit", 4)?;
        sent.serialize_field("ref", &self.reference)?;
        sent.serialize_field("id", &self.edit.id)?;
        sent.serialize_field("channel", &self.edit.channel)?;
        sent.serialize_field("ops", &self.edit.ops)?;
        sent.end()
    }
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Insert {
    /// The table.
    pub table: String,
    /// The fields; those left out take the database's defaults.
    pub row: Fields,
    /// Where the row goes in the hand-made order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Changes fields of a row: fields that are not named stay.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Update {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// New values.
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub set: Fields,
    /// Numbers to add to the fields' values.
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub inc: Fields,
    /// Lists of items to add to the fields' lists, where they are missing.
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub add: Fields,
    /// Lists of items to remove from the fields' lists.
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub remove: Fields,
    /// Where the row goes in the hand-made order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Applied only if these fields hold these values.
    #[serde(rename = "if", skip_serializing_if = "Fields::is_empty")]
    pub guard: Fields,
}

/// Removes a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delete {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// Applied only if these fields hold these values.
    #[serde(rename = "if", skip_serializing_if = "Fields::is_empty")]
    pub guard: Fields,
}

/// Moves a row to another channel of the same kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Move {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: Value,
    /// Where it goes.
    pub to: ChannelName,
    /// Applied only if these fields hold these values.
    #[serde(rename = "if", skip_serializing_if = "Fields::is_empty")]
    pub guard: Fields,
}

/// A place in a hand-made order, named by an anchor.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
