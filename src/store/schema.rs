//! The live tables as the database has them: what a declaration and the catalogue say together.

use std::{collections::BTreeSet, sync::Arc};

use rowcast_protocol::{ColumnType, ErrorCode, Role, Schema};

use super::{
    EditError, Finding, StoreError, Verdict,
    declaration::{AccessDeclaration, TimestampSpelling},
    reference::Reference,
};

/// The tables that ship; one of them without the engine's own belongs to somebody else.
pub(super) const SHIPPED: [&str; 6] =
    ["users", "projects", "members", "tasks", "comments", "notifications"];

/// All live tables of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSchema {
    /// In the order in which snapshots send them.
    pub tables: Vec<Arc<LiveTable>>,
    /// Tables that are declared and do not fit their declaration at present.
    pub unwatched: Vec<Unwatched>,
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
        let wire = Schema { hash: String::new(), tables: None };
        Self { tables, unwatched: Vec::new(), access: Vec::new(), wire }
    }

    /// Takes a table out that cannot be recorded.
    pub(super) fn stop_watching(&mut self, table: &LiveTable, why: &StoreError) {
        self.tables.retain(|live| live.name != table.name);
        self.unwatched.push(Unwatched {
            name: table.name.clone(),
            channel_kind: table.channel_kind.clone(),
            why: format!("the live table `{}` cannot be recorded: {why}", table.name),
        });
        self.wire = super::build::wire_schema(&self.tables);
    }

    /// The index and the table with this name.
    ///
    /// # Errors
    /// `unknown_table`; `unavailable` if the table is declared and not as declared at present.
    pub fn find(
        &self,
        name: &str,
        channel_kind: &str,
    ) -> Result<(usize, &Arc<LiveTable>), EditError> {
        if let Some(found) = self.table(name, channel_kind) {
            return Ok(found);
        }
        let name: String = name.chars().take(64).collect();
        let absent = |table: &Unwatched| table.name == name && table.channel_kind == channel_kind;
        let error = if self.unwatched.iter().any(absent) {
            let words = format!("the table `{name}` is being changed at present; try again later");
            EditError::new(ErrorCode::Unavailable, words)
        } else {
            let words = format!("channels of kind `{channel_kind}` have no live table `{name}`");
            EditError::new(ErrorCode::UnknownTable, words)
        };
        Err(error.in_table(&name))
    }

    /// The kinds of channels of all declared tables.
    pub(super) fn kinds(&self) -> Vec<&str> {
        let live = self.tables.iter().map(|table| table.channel_kind.as_str());
        let kinds = live.chain(self.unwatched.iter().map(|table| table.channel_kind.as_str()));
        kinds.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The tables that are not as they were, came or went: the kinds of their channels, and their
    /// names.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Self) -> BTreeSet<(&'a str, &'a str)> {
        let differs = |kind: &str, name: &str| {
            let of = |schema: &'a Self| schema.table(name, kind).map(|(_, table)| table);
            of(self) != of(before)
        };
        let all = self.tables.iter().chain(&before.tables);
        let named = all.map(|table| (table.channel_kind.as_str(), table.name.as_str()));
        named.filter(|(kind, name)| differs(kind, name)).collect()
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

/// A declared table that is not live at present: a migration is under way, or went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwatched {
    /// The table's name.
    pub name: String,
    /// The kind of the channels of its rows.
    pub channel_kind: String,
    /// What does not fit, for operators.
    pub why: String,
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
    /// The foreign keys that edits must not lead to other channels.
    pub references: Vec<Reference>,
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

impl Unwatched {
    /// What an examination says of it.
    pub(super) fn finding(&self) -> Finding {
        let detail = format!(
            "not live at present: {}; once the table fits, a running hub takes it over by itself",
            self.why
        );
        Finding { subject: format!("table {}", self.name), verdict: Verdict::Bad, detail }
    }
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
    /// Whether the database makes an integer of 64 bits or a double of a text that is a number.
    pub doubles: bool,
    /// How instants are written, where the database keeps them as texts.
    pub timestamps: TimestampSpelling,
}
