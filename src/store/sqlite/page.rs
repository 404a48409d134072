//! Pages of a snapshot: rows of one table and the log's head, by one statement.

use std::sync::Arc;

use rowcast_protocol::{ChannelName, ColumnType, Value};
use sqlx::{SqlitePool, sqlite::SqliteRow};

use super::{
    super::{
        Page, PagePlace,
        error::StoreError,
        fold::fields_of,
        schema::{LiveSchema, LiveTable},
    },
    connection::quoted,
    facts::Facts,
    raw::{Bound, number, own, raw},
    read::{heads, rows, tag},
    row::{image, in_channel, key_columns, push_channel, push_key, visible_columns},
};
use crate::store::values::Raw;

/// Columns of a page before those of the row: the head, its tag, whether there is a row.
const HEAD: usize = 3;

/// A page.
pub(super) async fn page(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    after: Option<PagePlace>,
    limit: u32,
) -> Result<Page, StoreError> {
    let schema = &facts.schema;
    let place = match after {
        Some(place) if place.schema != *schema => return Err(StoreError::Changed),
        place => place.or_else(|| next_table(schema, channel, 0)),
    };
    let table = place.as_ref().and_then(|place| schema.tables.get(place.table));
    let (Some(place), Some(table)) = (&place, table) else {
        return nothing(facts, pool, channel).await;
    };
    let limit = limit.max(1);
    let (sql, bound) = select(table, channel, place.key.as_deref(), limit);
    let found = rows(pool, sql, bound.done()).await?;
    let head = found.first().map_or(Ok(facts.cursor(0, 0)), |row| {
        let seq = own::<Option<i64>>(row, 0)?.unwrap_or_default();
        if seq == 0 {
            Ok(facts.cursor(0, 0))
        } else {
            Ok(facts.cursor(number(row, 0)?, tag(row, 1)?))
        }
    })?;
    let mut page = Page { head, table: Some(Arc::clone(table)), rows: Vec::new(), next: None };
    let of_page: Vec<&SqliteRow> = present(&found)?;
    for row in &of_page {
        page.rows.push(fields_of(table, &image(table, row, HEAD + 1)?));
    }
    let is_full = of_page.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    page.next = match of_page.last().filter(|_| is_full) {
        Some(last) => Some(PagePlace { key: Some(key_of(table, last)?), ..place.clone() }),
        None => next_table(schema, channel, place.table + 1),
    };
    Ok(page)
}

/// The page of a channel that no row can have.
async fn nothing(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
) -> Result<Page, StoreError> {
    let heads = heads(facts, pool, std::slice::from_ref(channel)).await?;
    let head = heads.first().map_or_else(|| facts.cursor(0, 0), |head| head.cursor);
    Ok(Page { head, table: None, rows: Vec::new(), next: None })
}

/// The beginning of the first table from here on whose rows stand in channels of this kind.
fn next_table(schema: &Arc<LiveSchema>, channel: &ChannelName, from: usize) -> Option<PagePlace> {
    let mut tables = schema.tables.iter().enumerate().skip(from);
    let (table, _) = tables.find(|(_, table)| table.channel_kind == channel.kind())?;
    Some(PagePlace { schema: Arc::clone(schema), table, key: None })
}

fn present(rows: &[SqliteRow]) -> Result<Vec<&SqliteRow>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        if own::<Option<i64>>(row, 2)?.is_some() {
            found.push(row);
        }
    }
    Ok(found)
}

fn select(
    table: &LiveTable,
    channel: &ChannelName,
    after: Option<&[Value]>,
    limit: u32,
) -> (String, Bound) {
    let names: Vec<String> = key_columns(table).map(|column| quoted(&column.name)).collect();
    let sorted: Vec<String> = names.iter().map(|name| format!("t.{name}")).collect();
    let names = names.join(", ");
    let beyond = match after {
        Some(key) => format!("AND ({names}) > ({})", vec!["?"; key.len()].join(", ")),
        None => String::new(),
    };
    let sql = format!(
        "SELECT c.head, c.tag, t.\"rowcast there\", t.*
         FROM (SELECT 1) LEFT JOIN rowcast_channel c ON c.name = ?
         LEFT JOIN (SELECT 1 AS \"rowcast there\", {} FROM {} WHERE {} {beyond} ORDER BY {names} LIMIT ?) t
         ORDER BY {}",
        visible_columns(table),
        quoted(&table.name),
        in_channel(table),
        sorted.join(", "),
    );
    let mut bound = Bound::default().with(channel.as_str().to_owned());
    push_channel(&mut bound, table, channel);
    if let Some(key) = after {
        push_key(&mut bound, table, key);
    }
    (sql, bound.with(i64::from(limit)))
}

/// The key of a row just as it stands, to go on after it.
fn key_of(table: &LiveTable, row: &SqliteRow) -> Result<Vec<Value>, StoreError> {
    let mut key = Vec::new();
    for index in &table.key {
        let visible = table.columns.iter().take(*index).filter(|column| !column.hidden).count();
        key.push(plain(raw(row, HEAD + 1 + visible)?));
    }
    Ok(key)
}

fn plain(raw: Raw) -> Value {
    match raw {
        Raw::Int(number) => Value::Int(number),
        Raw::Real(number) => Value::Float(number),
        Raw::Text(text) => Value::Text(text),
        Raw::Blob(bytes) => Value::Bytes(bytes),
        other => crate::store::values::wire_value(ColumnType::Other, other),
    }
}
