//! The schema that a hub tells its clients: which tables are live, and what their columns hold.

use serde::{Deserialize, Serialize};

/// What a person may do in a channel. Each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Edits what the tables grant to editors.
    Editor,
    /// Everything that a client can do in a channel.
    Owner,
}

impl Role {
    /// The role by its name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "viewer" => Some(Self::Viewer),
            "editor" => Some(Self::Editor),
            "owner" => Some(Self::Owner),
            _ => None,
        }
    }
}

/// All live tables of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Changes whenever anything below changes.
    pub hash: String,
    /// Left out when the client's hash was right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<TableSchema>>,
}

/// One live table as clients see it. Hidden columns are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The table's name.
    pub name: String,
    /// The pattern of its rows' channel, such as `project:{project_id}`.
    pub channel: String,
    /// The columns of the primary key. A row's `key` is the value of the one column, or a list of
    /// the values of several.
    pub key: Vec<String>,
    /// The column that arranges rows by hand, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The least role that may insert; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insert: Option<Role>,
    /// The least role that may update; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Role>,
    /// The least role that may delete; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<Role>,
    /// The columns in the table's order.
    pub columns: Vec<ColumnSchema>,
}

/// One column of a live table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSchema {
    /// The column's name.
    pub name: String,
    /// What its values look like on the wire.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// The type of the items of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ColumnType>,
    /// Whether it may be null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// Whether clients may not write it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub readonly: bool,
    /// The only texts that it may hold, where the database has a list of them; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// The closed list of column types; how each looks on the wire is in `PROTOCOL.md`, "Values".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// A boolean.
    Bool,
    /// An integer of up to 64 bits.
    Int,
    /// A double.
    Float,
    /// An exact decimal, as text.
    Decimal,
    /// Text.
    Text,
    /// A UUID, as lower-case text.
    Uuid,
    /// A day, `2026-11-20`.
    Date,
    /// A time of day, `10:15:00.000000`.
    Time,
    /// An instant, `2026-11-20T10:15:00.000000Z`.
    Timestamp,
    /// Bytes.
    Bytes,
    /// JSON.
    Json,
    /// A list of values of one of the other types.
    List,
    /// Anything else, as the database's text.
    Other,
}
