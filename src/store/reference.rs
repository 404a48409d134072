//! References between rows of one channel: the foreign keys that must not lead to a row of another one.
//!
//! A foreign key between live tables of one kind of channels stays within the channel, unless it is declared
//! to go `across`. Where it holds the channel's column too the database sees to it by itself; for the
//! others stores look at what an edit wrote, before it is committed.

use std::sync::Arc;

use rowcast_protocol::{ColumnType, ErrorCode};

use super::{
    EditError, Finding, LiveTable, Verdict,
    build::{CatalogueKey, CatalogueTable},
    declaration::TableDeclaration,
};
use crate::planted::{self, Bug};

/// A foreign key of a live table that an edit must not lead to another channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The constraint's name.
    pub constraint: String,
    /// The indexes of its columns.
    pub columns: Vec<usize>,
    /// The name of the table that it leads to.
    pub to: String,
    /// The indexes of the columns there, in the same order.
    pub to_columns: Vec<usize>,
    /// What happens to a row that refers to another one.
    pub follows: Follows,
    /// Whether it holds the channel's column, so that the database keeps it within the channel but for texts
    /// that its columns take for equal.
    pub paired: bool,
}

/// What the database does with a row when the one is changed that it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Follows {
    /// It is changed or deleted when that one is deleted.
    pub deletes: bool,
    /// It is changed when the columns of that one change to which it refers.
    pub updates: bool,
    /// It may refer to nothing until the transaction ends.
    pub later: bool,
}

impl Reference {
    /// The column that people know it by: its first one beside the channel's.
    pub(super) fn field<'a>(&self, of: &'a LiveTable) -> Option<&'a str> {
        let index = self.columns.iter().find(|index| **index != of.channel_column);
        of.columns.get(*index.or(self.columns.first())?).map(|column| column.name.as_str())
    }

    /// Why a row may not refer to another one, or be referred to.
    pub(super) fn broken(&self, of: &LiveTable, words: String) -> EditError {
        EditError {
            field: self.field(of).map(str::to_owned),
            constraint: Some(self.constraint.clone()),
            ..EditError::new(ErrorCode::ForeignKey, words).in_table(&of.name)
        }
    }
}

/// How a row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is new.
    New,
    /// It has new values.
    Changed,
    /// It has another channel.
    Moved,
}

/// Whether a row that was written and one that is in another channel would refer to each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// The table with the foreign key.
    pub(super) of: &'a LiveTable,
    /// The foreign key.
    pub(super) reference: &'a Reference,
    /// The table of the row that was written.
    pub(super) table: &'a LiveTable,
    /// Its columns.
    pub(super) columns: &'a [usize],
    /// The table in which the other row would be.
    pub(super) other: &'a LiveTable,
    /// The columns there that have the same values, in the same order.
    pub(super) other_columns: &'a [usize],
}

impl Question<'_> {
    /// Whether the row that was written is the one that refers.
    pub(super) fn refers(&self) -> bool {
        self.columns == self.reference.columns
    }
}

/// What is to be asked of a row of which these columns were written. Nothing, where none of them refers to
/// other rows; a row that others may refer to before it is there is asked about these too.
pub(super) fn questions<'a>(
    tables: &'a [Arc<LiveTable>],
    table: &'a LiveTable,
    written: Written,
    columns: &[usize],
) -> Vec<Question<'a>> {
    if planted::is(Bug::ReferenceAcross) {
        return Vec::new();
    }
    let moved = written == Written::Moved;
    let is_written = |column: &usize| moved || columns.contains(column);
    let refers = |reference: &&'a Reference| {
        let mut own = reference.columns.iter().filter(|c| **c != table.channel_column);
        own.any(is_written)
    };
    let own = table.references.iter().filter(refers).filter_map(|reference| {
        let other = tables.iter().find(|other| other.name == reference.to)?;
        let (columns, other_columns) = (&reference.columns, &reference.to_columns);
        Some(Question { of: table, reference, table, columns, other, other_columns })
    });
    let others = referrers(tables, table).filter(|(_, reference)| {
        moved || (reference.follows.later && reference.to_columns.iter().any(is_written))
    });
    let others = others.map(|(of, reference)| {
        let (columns, other_columns) = (&reference.to_columns, &reference.columns);
        Question { of, reference, table, columns, other: of, other_columns }
    });
    own.chain(others).collect()
}

/// The references that lead to a table, each with its own table.
fn referrers<'a>(
    tables: &'a [Arc<LiveTable>],
    to: &'a LiveTable,
) -> impl Iterator<Item = (&'a Arc<LiveTable>, &'a Reference)> {
    let of_kind = tables.iter().filter(|table| table.channel_kind == to.channel_kind);
    let all = of_kind.flat_map(|table| table.references.iter().map(move |one| (table, one)));
    all.filter(|(_, reference)| reference.to == to.name)
}

/// Whether other rows are changed with those of a table whose columns of these are changed.
pub(super) fn are_followed(
    tables: &[Arc<LiveTable>],
    table: &LiveTable,
    columns: &[usize],
) -> bool {
    referrers(tables, table).any(|(_, reference)| {
        reference.follows.updates && reference.to_columns.iter().any(|c| columns.contains(c))
    })
}

/// The names of the tables of a kind whose rows are changed when others are.
pub(super) fn followers<'a>(
    tables: &'a [Arc<LiveTable>],
    kind: &'a str,
) -> impl Iterator<Item = &'a str> {
    let follows = |one: &Reference| one.follows.deletes || one.follows.updates;
    let of_kind = tables.iter().filter(move |table| table.channel_kind == kind);
    of_kind
        .filter(move |table| table.references.iter().any(follows))
        .map(|table| table.name.as_str())
}

/// The tables with their references.
pub(super) fn linked(
    declared: &[TableDeclaration],
    catalogue: &[CatalogueTable],
    tables: Vec<Arc<LiveTable>>,
) -> Vec<Arc<LiveTable>> {
    let references: Vec<Vec<Reference>> =
        tables.iter().map(|table| references_of(table, declared, catalogue, &tables)).collect();
    let with = |(table, references): (Arc<LiveTable>, Vec<Reference>)| {
        if references.is_empty() {
            return table;
        }
        Arc::new(LiveTable { references, ..Arc::unwrap_or_clone(table) })
    };
    tables.into_iter().zip(references).map(with).collect()
}

fn references_of(
    table: &LiveTable,
    declared: &[TableDeclaration],
    catalogue: &[CatalogueTable],
    tables: &[Arc<LiveTable>],
) -> Vec<Reference> {
    let found = catalogue.iter().find(|found| found.name == table.name);
    let declared = declared.iter().find(|declared| declared.name == table.name);
    let across = declared.map_or(&[][..], |declared| &declared.across);
    let keys = found.iter().flat_map(|found| &found.foreign_keys);
    let stays = |key: &&CatalogueKey| !key.columns.iter().any(|column| across.contains(column));
    keys.filter(stays).filter_map(|key| reference(table, key, tables)).collect()
}

/// The reference that a foreign key is; none if it leads elsewhere than to a table of the same kind, or if
/// the database keeps it within the channel.
fn reference(
    table: &LiveTable,
    key: &CatalogueKey,
    tables: &[Arc<LiveTable>],
) -> Option<Reference> {
    let of_kind = |to: &&Arc<LiveTable>| to.channel_kind == table.channel_kind;
    let mut named =
        tables.iter().filter(of_kind).filter(|to| to.name.eq_ignore_ascii_case(&key.to));
    let to = named.clone().find(|to| to.name == key.to).or_else(|| named.next())?;
    let columns = indexes(table, &key.columns)?;
    let to_columns =
        if key.to_columns.is_empty() { to.key.clone() } else { indexes(to, &key.to_columns)? };
    let mut pairs = columns.iter().zip(&to_columns);
    let paired = pairs.any(|(c, t)| *c == table.channel_column && *t == to.channel_column);
    // Types and collations exist in which texts that differ are equal.
    let exact = |table: &LiveTable| {
        let column = table.columns.get(table.channel_column);
        column.is_some_and(|column| matches!(column.kind, ColumnType::Uuid | ColumnType::Int))
    };
    if paired && exact(table) && exact(to) {
        return None;
    }
    let (constraint, follows) = (key.name.clone(), key.follows);
    Some(Reference { constraint, columns, to: to.name.clone(), to_columns, follows, paired })
}

fn indexes(table: &LiveTable, names: &[String]) -> Option<Vec<usize>> {
    let columns = &table.columns;
    let index = |name: &String| {
        let exact = columns.iter().position(|column| column.name == *name);
        exact.or_else(|| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
    };
    names.iter().map(index).collect()
}

/// How many rows that lead out are counted.
const COUNTED: i64 = 1_000;

/// A reference that the database does not keep within the channel, as an examination sees it.
#[derive(Debug)]
pub(super) struct Unpaired<'a> {
    of: &'a LiveTable,
    reference: &'a Reference,
    /// What finds rows that refer to rows of other channels.
    rows: String,
    /// What makes the database keep it.
    mend: String,
}

/// The references that the database does not keep within the channel. `named` gives a table's name as SQL has
/// it.
pub(super) fn unpaired<'a>(
    tables: &'a [Arc<LiveTable>],
    named: impl Fn(&LiveTable) -> String,
) -> Vec<Unpaired<'a>> {
    let mut all = Vec::new();
    for of in tables {
        for reference in of.references.iter().filter(|reference| !reference.paired) {
            let Some(to) = tables.iter().find(|to| to.name == reference.to) else { continue };
            let (columns, to_columns) =
                (names(of, &reference.columns), names(to, &reference.to_columns));
            let channels = [of, to].map(|table| names(table, &[table.channel_column]).concat());
            let [channel, to_channel] = &channels;
            let (from, target) = (named(of), named(to));
            let pairs = columns.iter().zip(&to_columns).map(|(f, t)| format!("f.{f} = t.{t}"));
            let pairs = pairs.collect::<Vec<_>>().join(" AND ");
            let (columns, to_columns) = (columns.join(", "), to_columns.join(", "));
            let rows = format!(
                "SELECT f.* FROM {from} f JOIN {target} t ON {pairs} \
                 WHERE CAST(f.{channel} AS text) <> CAST(t.{to_channel} AS text)"
            );
            let mend = format!(
                "FOREIGN KEY ({channel}, {columns}) REFERENCES {target} ({to_channel}, {to_columns}), \
                 with UNIQUE ({to_channel}, {to_columns}) there"
            );
            all.push(Unpaired { of, reference, rows, mend });
        }
    }
    all
}

impl Unpaired<'_> {
    /// Counts the rows that lead out, up to [`COUNTED`].
    pub(super) fn count(&self) -> String {
        format!("SELECT count(*) FROM ({} LIMIT {COUNTED}) AS found", self.rows)
    }

    /// What is found where so many rows lead out.
    pub(super) fn finding(&self, found: i64) -> Finding {
        let Reference { constraint, to, .. } = self.reference;
        let held = format!("`{constraint}` would hold it for writers of SQL too as {}", self.mend);
        let (verdict, detail) = if found == 0 {
            let words = "edits may not lead it to another channel";
            (
                Verdict::Good,
                format!("no row leads to a row of `{to}` in another channel; {words}; {held}"),
            )
        } else {
            let some = if found == COUNTED { "at least " } else { "" };
            let words = format!(
                "{some}{found} rows refer to rows of `{to}` in other channels, whose people can then not delete \
                 these: {}",
                self.rows
            );
            (Verdict::Doubtful, format!("{words}\n{held}"))
        };
        Finding { subject: format!("references of {}", self.of.name), verdict, detail }
    }
}

fn names(table: &LiveTable, columns: &[usize]) -> Vec<String> {
    let columns = columns.iter().filter_map(|index| table.columns.get(*index));
    columns.map(|column| format!("\"{}\"", column.name.replace('"', "\"\""))).collect()
}
