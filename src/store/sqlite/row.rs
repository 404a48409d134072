//! Rows of live tables in SQL: where one stands, which columns it has.

use rowcast_protocol::{ChannelName, ColumnType, Value};
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        error::StoreError,
        fold::RowImage,
        schema::{LiveColumn, LiveTable},
        values::{wire_of_checked, wire_value},
    },
    connection::quoted,
    raw::{Bound, as_it_stands, wire},
    triggers::recorded,
};

/// A row, by its channel and key.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowPlace<'a> {
    table: &'a LiveTable,
    channel: &'a ChannelName,
    key: &'a [Value],
}

impl<'a> RowPlace<'a> {
    /// The row of a channel with this key.
    pub(super) fn new(table: &'a LiveTable, channel: &'a ChannelName, key: &'a [Value]) -> Self {
        Self { table, channel, key }
    }

    /// `table WHERE key = ? AND channel = ?`.
    pub(super) fn clause(&self) -> String {
        format!("{} WHERE {}", quoted(&self.table.name), self.condition())
    }

    /// `key = ? AND channel = ?`.
    pub(super) fn condition(&self) -> String {
        let key = key_columns(self.table).map(is_given);
        key.chain([in_channel(self.table)]).collect::<Vec<_>>().join(" AND ")
    }

    /// Adds the parameters of [`Self::condition`].
    pub(super) fn push_onto(&self, bound: &mut Bound) {
        for (column, value) in key_columns(self.table).zip(self.key) {
            push_exact(bound, column, value);
        }
        push_channel(bound, self.table, self.channel);
    }

    /// The key as the wire has it.
    pub(super) fn wire_key(&self) -> Value {
        wire_key(self.table, self.key)
    }
}

/// A key in the edits' normal form as the wire has it.
pub(super) fn wire_key(table: &LiveTable, key: &[Value]) -> Value {
    let parts = key_columns(table).zip(key);
    let one = |(column, value): (&LiveColumn, &Value)| match as_it_stands(column.kind, value) {
        Some(raw) => wire_value(column.kind, raw),
        None => wire_of_checked(column.kind, value),
    };
    let mut parts: Vec<Value> = parts.map(one).collect();
    if parts.len() == 1 { parts.swap_remove(0) } else { Value::List(parts) }
}

/// The columns of a table's key, in the key's order.
pub(super) fn key_columns(table: &LiveTable) -> impl Iterator<Item = &LiveColumn> {
    table.key.iter().filter_map(|&index| table.columns.get(index))
}

/// The column with this index, quoted.
pub(super) fn column_name(table: &LiveTable, index: usize) -> String {
    table.columns.get(index).map(|column| quoted(&column.name)).unwrap_or_default()
}

/// The type of the column with this index.
pub(super) fn column_kind(table: &LiveTable, index: usize) -> ColumnType {
    table.columns.get(index).map_or(ColumnType::Other, |column| column.kind)
}

/// Adds the values of a key.
pub(super) fn push_key(bound: &mut Bound, table: &LiveTable, key: &[Value]) {
    for (column, value) in key_columns(table).zip(key) {
        bound.push_column(column, value);
    }
}

/// Adds a value of the column with this index.
pub(super) fn push_field(bound: &mut Bound, table: &LiveTable, index: usize, value: &Value) {
    if let Some(column) = table.columns.get(index) {
        bound.push_column(column, value);
    }
}

/// Whether a column compares by more than bytes, so that texts that differ may be equal in it.
fn collates(column: &LiveColumn) -> bool {
    matches!(column.kind, ColumnType::Text | ColumnType::Uuid | ColumnType::Other)
}

/// `column = value`, by bytes: first as the column compares, so that an index serves, and then
/// exactly. `of` is what stands before the name, such as `t.`.
pub(super) fn is_exactly(of: &str, column: &LiveColumn, value: &str) -> String {
    let name = quoted(&column.name);
    if collates(column) {
        format!("{of}{name} = {value} AND {of}{name} = {value} COLLATE BINARY")
    } else {
        format!("{of}{name} = {value}")
    }
}

/// [`is_exactly`] with the parameters of [`push_exact`].
pub(super) fn is_given(column: &LiveColumn) -> String {
    is_exactly("", column, "?")
}

/// Adds the parameters of [`is_given`].
pub(super) fn push_exact(bound: &mut Bound, column: &LiveColumn, value: &Value) {
    bound.push_column(column, value);
    if collates(column) {
        bound.push_column(column, value);
    }
}

/// The condition that a row stands in a channel, with the parameters of [`push_channel`].
pub(super) fn in_channel(table: &LiveTable) -> String {
    table.columns.get(table.channel_column).map(is_given).unwrap_or_default()
}

/// Adds the parameters of [`in_channel`].
pub(super) fn push_channel(bound: &mut Bound, table: &LiveTable, channel: &ChannelName) {
    if let Some(column) = table.columns.get(table.channel_column) {
        push_exact(bound, column, &channel_id(channel));
    }
}

/// Adds the value that a channel's rows have in their channel's column.
pub(super) fn push_channel_once(bound: &mut Bound, table: &LiveTable, channel: &ChannelName) {
    bound.push_value(column_kind(table, table.channel_column), &channel_id(channel));
}

fn channel_id(channel: &ChannelName) -> Value {
    Value::Text(channel.id().to_owned())
}

/// The columns that clients see, quoted, with commas.
pub(super) fn visible_columns(table: &LiveTable) -> String {
    let names: Vec<String> = recorded(table).map(|(_, column)| quoted(&column.name)).collect();
    names.join(", ")
}

/// A row of [`visible_columns`], which begin at this place.
pub(super) fn image(
    table: &LiveTable,
    row: &SqliteRow,
    offset: usize,
) -> Result<RowImage, StoreError> {
    let mut place = offset;
    let mut image = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        if column.hidden {
            image.push(None);
        } else {
            image.push(Some(wire(row, place, column.kind)?));
            place += 1;
        }
    }
    Ok(image)
}
