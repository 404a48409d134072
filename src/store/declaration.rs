//! Declarations: which tables are live, and who may reach which channels.

use rowcast_protocol::Role;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// Everything that `rowcast migrate` applies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Declarations {
    /// The live tables.
    #[serde(default)]
    pub tables: Vec<TableDeclaration>,
    /// Who may reach the channels of each kind.
    #[serde(default)]
    pub access: Vec<AccessDeclaration>,
}

impl Declarations {
    /// Refuses a table that is not declared.
    pub(super) fn must_name(&self, table: &str) -> Result<(), StoreError> {
        if self.tables.iter().any(|declared| declared.name == table) {
            return Ok(());
        }
        Err(StoreError::Unfit(format!("no table `{table}` is declared live")))
    }
}

/// Declares a table live.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableDeclaration {
    /// The table; on PostgreSQL on the search path of the connection, or as `schema.table`.
    pub name: String,
    /// The channel of a row, `kind:{column}`. The column must be NOT NULL.
    pub channel: String,
    /// The least role that may insert; none: nobody.
    pub insert: Option<Role>,
    /// The least role that may update; none: nobody.
    pub update: Option<Role>,
    /// The least role that may delete; none: nobody.
    pub delete: Option<Role>,
    /// Columns that clients see and cannot write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readonly: Vec<String>,
    /// Columns that are never recorded and never sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// Columns by which rows may refer to rows of other channels of the same kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub across: Vec<String>,
    /// The text column that arranges rows by hand.
    pub order: Option<String>,
    /// The column that the hub fills with the person's id when a row is inserted.
    pub author: Option<String>,
    /// The column that the hub fills with the person's id at every insert and update.
    pub editor: Option<String>,
    /// How the hub writes instants into the table, where SQLite keeps them as texts.
    #[serde(default, skip_serializing_if = "TimestampSpelling::is_usual")]
    pub timestamps: TimestampSpelling,
}

/// How an application spells instants in a database that has no type for them. Whatever is written,
/// all spellings are read, and compare by the instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampSpelling {
    /// `2026-12-01T09:00:00.000000Z`.
    #[default]
    Rfc3339,
    /// `2026-12-01 09:00:00.000000`, as `SQLAlchemy` writes it.
    Spaced,
    /// `2026-12-01 09:00:00`, with a fraction only where there is one: as SQLite's own functions and
    /// Django write it.
    Seconds,
    /// Seconds since 1970 as a number.
    Unix,
}

impl TimestampSpelling {
    /// Whether it need not be declared.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Declares who may reach the channels of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessDeclaration {
    /// The kind of channel, such as `project`.
    pub kind: String,
    /// How a person comes to a role.
    #[serde(flatten)]
    pub rule: AccessRule,
}

/// How a person comes to a role in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessRule {
    /// The channel's id is the person's id; the role given.
    Own(Role),
    /// By a row of a membership table.
    Members(MembersRule),
}

/// A membership table. It must be declared live on the same kind of channel, so that a change of it
/// is seen at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MembersRule {
    /// The table.
    pub table: String,
    /// The column with the channel's id.
    pub channel: String,
    /// The column with the person's id.
    pub user: String,
    /// The column with the role: `viewer`, `editor` or `owner`.
    pub role: String,
}
