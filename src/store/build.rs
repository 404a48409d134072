//! Builds the live schema from what is declared and what the database's catalogue says.
//!
//! Every mistake is named with its table and column, so that an operator can mend it.

use std::sync::Arc;

use rowcast_protocol::{ColumnSchema, ColumnType, Schema, TableSchema};
use sha2::{Digest as _, Sha256};

use super::{
    declaration::{AccessDeclaration, AccessRule, Declarations, TableDeclaration},
    error::StoreError,
    reference::{Follows, linked},
    schema::{ColumnForm, LiveColumn, LiveSchema, LiveTable, Relation, Unwatched},
};

/// A table as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueTable {
    /// The table's name.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<CatalogueColumn>,
    /// The columns of its primary key, in the key's order.
    pub key: Vec<String>,
    /// Its foreign keys to declared tables.
    pub foreign_keys: Vec<CatalogueKey>,
    /// See [`LiveTable::relations`].
    pub relations: Vec<Relation>,
    /// Why it cannot be live whatever is declared, after "the live table `…`".
    pub refused: Option<String>,
}

impl CatalogueTable {
    /// A table of which only the name is known.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            foreign_keys: Vec::new(),
            relations: Vec::new(),
            refused: None,
        }
    }

    /// A table that cannot be live, and why: words that follow its name.
    pub(super) fn refused(name: &str, why: impl Into<String>) -> Self {
        Self { refused: Some(why.into()), ..Self::named(name) }
    }
}

/// A foreign key as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueKey {
    /// The constraint's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that it leads to, as that is declared.
    pub to: String,
    /// The columns there; none: its primary key.
    pub to_columns: Vec<String>,
    /// What happens to a row when the one changes that it refers to.
    pub follows: Follows,
}

/// A column as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueColumn {
    /// The column's name.
    pub name: String,
    /// The database's own name of the type.
    pub sql_type: String,
    /// See [`LiveColumn::made_type`].
    pub made_type: bool,
    /// What its values look like on the wire.
    pub kind: ColumnType,
    /// What else there is to know of its values; how instants are written is declared.
    pub form: ColumnForm,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether the database fills it when it is left out.
    pub has_default: bool,
    /// Who gives it its values.
    pub source: ValueSource,
    /// The only texts that it may hold; empty where no list of them is known.
    pub values: Vec<String>,
}

/// Who gives a column its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSource {
    /// Whoever writes, or a default.
    Writers,
    /// The database, which numbers rows and takes no other number (`GENERATED ALWAYS AS IDENTITY`).
    Identity,
    /// The database, from the row's other columns (`GENERATED ALWAYS AS (…)`).
    Expression,
}

/// The live schema of the declared tables, all of which must fit.
///
/// # Errors
/// [`StoreError::Unfit`], naming each declaration that does not fit the database.
pub fn live_schema(
    declarations: &Declarations,
    catalogue: &[CatalogueTable],
) -> Result<LiveSchema, StoreError> {
    let mut tables: Vec<Arc<LiveTable>> = Vec::new();
    let mut wrong = Vec::new();
    for declared in &declarations.tables {
        if tables.iter().any(|table| table.name == declared.name) {
            return Err(unfit(declared, "is declared twice"));
        }
        match found_table(declared, catalogue) {
            Ok(table) => tables.push(Arc::new(table)),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if !wrong.is_empty() {
        return Err(StoreError::Unfit(wrong.join("; ")));
    }
    for access in &declarations.access {
        check_access(access, &tables)?;
    }
    Ok(schema_of(declarations, linked(&declarations.tables, catalogue, tables), Vec::new()))
}

/// The live schema of those declared tables that fit at present. A table by which an access rule
/// goes must fit the rule too.
#[must_use]
pub fn fitting_schema(declarations: &Declarations, catalogue: &[CatalogueTable]) -> LiveSchema {
    let (mut tables, mut unwatched) = (Vec::new(), Vec::new());
    for declared in &declarations.tables {
        match found_table(declared, catalogue) {
            Ok(table) => tables.push(Arc::new(table)),
            Err(error) => unwatched.push(unwatched_table(declared, &error)),
        }
    }
    for access in &declarations.access {
        if let (Err(error), AccessRule::Members(rule)) =
            (check_access(access, &tables), &access.rule)
            && let Some(declared) = declarations.tables.iter().find(|t| t.name == rule.table)
            && tables.iter().any(|table| table.name == declared.name)
        {
            tables.retain(|table| table.name != declared.name);
            unwatched.push(unwatched_table(declared, &error));
        }
    }
    schema_of(declarations, linked(&declarations.tables, catalogue, tables), unwatched)
}

fn schema_of(
    declarations: &Declarations,
    tables: Vec<Arc<LiveTable>>,
    unwatched: Vec<Unwatched>,
) -> LiveSchema {
    let wire = wire_schema(&tables);
    LiveSchema { tables, unwatched, access: declarations.access.clone(), wire }
}

fn found_table(
    declared: &TableDeclaration,
    catalogue: &[CatalogueTable],
) -> Result<LiveTable, StoreError> {
    let found = catalogue.iter().find(|table| table.name == declared.name);
    live_table(declared, found.ok_or_else(|| unfit(declared, "is not in the database"))?)
}

fn unwatched_table(declared: &TableDeclaration, error: &StoreError) -> Unwatched {
    let kind = declared.channel.split_once(':').map_or("", |(kind, _)| kind);
    Unwatched { name: declared.name.clone(), channel_kind: kind.to_owned(), why: error.to_string() }
}

fn unfit(declared: &TableDeclaration, what: impl std::fmt::Display) -> StoreError {
    StoreError::Unfit(format!("the live table `{}` {what}", declared.name))
}

fn live_table(
    declared: &TableDeclaration,
    found: &CatalogueTable,
) -> Result<LiveTable, StoreError> {
    if let Some(reason) = &found.refused {
        return Err(unfit(declared, reason));
    }
    let finder = Finder { declared, found };
    let (channel_kind, channel_column) = finder.channel()?;
    for column in declared.readonly.iter().chain(&declared.hidden) {
        finder.column(column, "readonly or hidden")?;
    }
    for column in &declared.across {
        finder.column(column, "across")?;
    }
    Ok(LiveTable {
        name: declared.name.clone(),
        channel_kind,
        channel_column,
        key: finder.key()?,
        order: finder.text_column(declared.order.as_deref(), "order")?,
        author: finder.text_column(declared.author.as_deref(), "author")?,
        editor: finder.text_column(declared.editor.as_deref(), "editor")?,
        insert: declared.insert,
        update: declared.update,
        delete: declared.delete,
        columns: found.columns.iter().map(|column| live_column(declared, column)).collect(),
        references: Vec::new(),
        relations: found.relations.clone(),
    })
}

fn live_column(declared: &TableDeclaration, found: &CatalogueColumn) -> LiveColumn {
    LiveColumn {
        name: found.name.clone(),
        kind: found.kind,
        sql_type: found.sql_type.clone(),
        form: ColumnForm { timestamps: declared.timestamps, ..found.form },
        made_type: found.made_type,
        nullable: found.nullable,
        has_default: found.has_default || found.source != ValueSource::Writers,
        generated: found.source == ValueSource::Expression,
        values: found.values.clone(),
        readonly: declared.readonly.contains(&found.name)
            || found.source != ValueSource::Writers
            || declared.author.as_ref() == Some(&found.name)
            || declared.editor.as_ref() == Some(&found.name),
        hidden: declared.hidden.contains(&found.name),
    }
}

/// Looks up what a declaration names.
struct Finder<'a> {
    declared: &'a TableDeclaration,
    found: &'a CatalogueTable,
}

impl Finder<'_> {
    fn column(&self, name: &str, part: &str) -> Result<usize, StoreError> {
        self.found.columns.iter().position(|column| column.name == name).ok_or_else(|| {
            unfit(self.declared, format_args!("has no column `{name}`, named in `{part}`"))
        })
    }

    fn visible(&self, name: &str, part: &str) -> Result<usize, StoreError> {
        let index = self.column(name, part)?;
        if self.declared.hidden.iter().any(|hidden| hidden == name) {
            let what = format_args!("hides the column `{name}`, which `{part}` needs");
            return Err(unfit(self.declared, what));
        }
        Ok(index)
    }

    fn channel(&self) -> Result<(String, usize), StoreError> {
        let pattern = &self.declared.channel;
        let (kind, column) = pattern
            .strip_suffix('}')
            .and_then(|pattern| pattern.split_once(":{"))
            .filter(|(kind, _)| is_kind(kind))
            .ok_or_else(|| {
                let what = format!("has the channel `{pattern}`; write `kind:{{column}}`");
                unfit(self.declared, what)
            })?;
        let index = self.visible(column, "channel")?;
        if self.found.columns.get(index).is_none_or(|column| column.nullable) {
            let what = format!("has the channel `{pattern}`, but `{column}` may be null");
            return Err(unfit(self.declared, what));
        }
        Ok((kind.to_owned(), index))
    }

    fn key(&self) -> Result<Vec<usize>, StoreError> {
        if self.found.key.is_empty() {
            return Err(unfit(self.declared, "has no primary key"));
        }
        self.found.key.iter().map(|column| self.visible(column, "primary key")).collect()
    }

    fn text_column(&self, name: Option<&str>, part: &str) -> Result<Option<usize>, StoreError> {
        let Some(name) = name else { return Ok(None) };
        let index = self.visible(name, part)?;
        if self.found.columns.get(index).is_none_or(|column| column.kind != ColumnType::Text) {
            let what = format_args!("names `{name}` in `{part}`, which is no text column");
            return Err(unfit(self.declared, what));
        }
        Ok(Some(index))
    }
}

fn is_kind(kind: &str) -> bool {
    rowcast_protocol::ChannelName::new(&format!("{kind}:x")).is_ok_and(|name| name.kind() == kind)
}

fn check_access(access: &AccessDeclaration, tables: &[Arc<LiveTable>]) -> Result<(), StoreError> {
    let AccessRule::Members(rule) = &access.rule else { return Ok(()) };
    let wrong = |what: String| {
        Err(StoreError::Unfit(format!("the access rule for `{}` channels {what}", access.kind)))
    };
    let Some(table) =
        tables.iter().find(|table| table.name == rule.table && table.channel_kind == access.kind)
    else {
        return wrong(format!("names `{}`, which is not live on such channels", rule.table));
    };
    for name in [&rule.channel, &rule.user, &rule.role] {
        if table.column(name).is_none() {
            return wrong(format!("names `{}.{name}`, which does not exist", rule.table));
        }
    }
    let channel = table.columns.get(table.channel_column).map(|column| &column.name);
    if channel != Some(&rule.channel) {
        return wrong(format!("names `{}`, which is not the channel's column", rule.channel));
    }
    Ok(())
}

/// What clients are told of these tables.
pub(super) fn wire_schema(tables: &[Arc<LiveTable>]) -> Schema {
    let tables: Vec<TableSchema> = tables.iter().map(|table| wire_table(table)).collect();
    let encoded = rowcast_protocol::Codec::Json.encode(&tables);
    let digest = Sha256::digest(&encoded);
    let hash = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Schema { hash, tables: Some(tables) }
}

fn wire_table(table: &LiveTable) -> TableSchema {
    let name_of = |index: usize| table.columns.get(index).map(|column| column.name.clone());
    let channel = name_of(table.channel_column).unwrap_or_default();
    TableSchema {
        name: table.name.clone(),
        channel: format!("{}:{{{channel}}}", table.channel_kind),
        key: table.key.iter().filter_map(|&index| name_of(index)).collect(),
        order: table.order.and_then(name_of),
        insert: table.insert,
        update: table.update,
        delete: table.delete,
        columns: table.columns.iter().filter(|column| !column.hidden).map(wire_column).collect(),
    }
}

fn wire_column(column: &LiveColumn) -> ColumnSchema {
    ColumnSchema {
        name: column.name.clone(),
        kind: column.kind,
        items: column.form.item,
        nullable: column.nullable,
        readonly: column.readonly,
        values: column.values.clone(),
    }
}
