//! The live tables as the database has them: what a declaration and the catalogue say together.

use std::sync::Arc;

use rowcast_protocol::{ColumnType, Role, Schema};

use super::declaration::{AccessDeclaration, TimestampSpelling};

/// The tables that ship; one of them without the engine's own belongs to somebody else.
pub(super) const SHIPPED: [&str; 6] =
    ["users", "projects", "members", "tasks", "comments", "notifications"];

/// All live tables of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSchema {
    /// In the order in which snapshots send them.
    pub tables: Vec<Arc<LiveTable>>,
    /// The access rules.
    pub access: Vec<AccessDeclaration>,
    /// What clients are told, with its hash.
    pub wire: Schema,
}

impl LiveSchema {
    /// These tables and nothing else, for tests.
    #[cfg(test)]
    pub(crate) fn of(tables: Vec<LiveTable>) -> Self {
        let tables = tables.into_iter().map(Arc::new).collect();
        Self { tables, access: Vec::new(), wire: Schema { hash: String::new(), tables: None } }
    }

    /// The index and the table with this name, if it is live on this kind of channel.
    #[must_use]
    pub fn table(&self, name: &str, channel_kind: &str) -> Option<(usize, &Arc<LiveTable>)> {
        self.tables
            .iter()
            .enumerate()
            .find(|(_, table)| table.name == name && table.channel_kind == channel_kind)
    }
}

/// One live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTable {
    /// The table's name.
    pub name: String,
    /// The kind of the channels of its rows.
    pub channel_kind: String,
    /// The index of the column that holds the channel's id.
    pub channel_column: usize,
    /// The indexes of the key's columns.
    pub key: Vec<usize>,
    /// The index of the column that arranges rows by hand.
    pub order: Option<usize>,
    /// The index of the column filled with the person's id at insert.
    pub author: Option<usize>,
    /// The index of the column filled with the person's id at insert and update.
    pub editor: Option<usize>,
    /// The least role that may insert.
    pub insert: Option<Role>,
    /// The least role that may update.
    pub update: Option<Role>,
    /// The least role that may delete.
    pub delete: Option<Role>,
    /// All columns, hidden ones too, in the table's order.
    pub columns: Vec<LiveColumn>,
    /// Where its rows are: the table itself, then its partitions. Empty where the store knows tables
    /// by name alone.
    pub relations: Vec<Relation>,
}

/// A table or a partition of one, as the database itself knows it: by numbers that no renaming
/// changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its number.
    pub oid: i64,
    /// Its name within its schema.
    pub name: String,
    /// Its whole name as SQL has it.
    pub sql_name: String,
    /// The number and the type of each column, in the order of the live table's columns.
    pub columns: Vec<(i16, i64)>,
}

impl LiveTable {
    /// The index and the column with this name; hidden ones do not exist for clients.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<(usize, &LiveColumn)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name && !column.hidden)
    }

    /// Whether the name of a column or of a constraint, such as `cards_secret_key`, has that of a
    /// hidden column in it.
    pub(super) fn tells_of_hidden(&self, name: &str) -> bool {
        let tells = |hidden: &LiveColumn| {
            let longer =
                |column: &&LiveColumn| !column.hidden && column.name.contains(&hidden.name);
            let visible = self.columns.iter().filter(longer);
            let rest = visible.fold(format!("_{name}_"), |rest, c| rest.replace(&c.name, ""));
            rest.contains(&format!("_{}_", hidden.name))
        };
        self.columns.iter().filter(|column| column.hidden).any(tells)
    }
}

/// One column of a live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveColumn {
    /// The column's name.
    pub name: String,
    /// What its values look like on the wire.
    pub kind: ColumnType,
    /// The database's own name of the type, for casts; of a domain the type beneath it, and without
    /// a length or precision, so that a cast refuses and changes nothing.
    pub sql_type: String,
    /// What else there is to know of its values.
    pub form: ColumnForm,
    /// Whether the type, or that of its items, does not come with the database: what its operators
    /// and casts do is its maker's business.
    pub made_type: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether the database fills it when it is left out.
    pub has_default: bool,
    /// The only texts that it may hold; empty where no list of them is known.
    pub values: Vec<String>,
    /// Whether the database computes it from the row's other columns, so that nobody writes it.
    pub generated: bool,
    /// Whether clients cannot write it.
    pub readonly: bool,
    /// Whether clients never see it.
    pub hidden: bool,
}

/// What a column's type on the wire does not say of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColumnForm {
    /// The type of a list's items.
    pub item: Option<ColumnType>,
    /// Whether the database fills texts up with blanks that mean nothing.
    pub padded: bool,
    /// Whether the database lets it hold what does not fit its type.
    pub loose: bool,
    /// How instants are written, where the database keeps them as texts.
    pub timestamps: TimestampSpelling,
}
