//! Pages of a snapshot: rows of one table and the log's head, by one statement.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use rowcast_protocol::{ChannelName, Value};
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqliteRow};

use super::{
    super::{
        Page, PagePlace,
        error::StoreError,
        fold::fields_of,
        schema::{LiveSchema, LiveTable},
        weight::{PAGE_BYTES, bytes_of_fields},
    },
    connection::{quoted, store_error},
    facts::Facts,
    raw::{Bound, number, own, raw, standing},
    read::{heads, tag},
    row::{image, in_channel, key_columns, push_channel, push_key},
    triggers::recorded,
};

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
    let mut found = sqlx::query_with(AssertSqlSafe(sql), bound.done()).fetch(pool);
    let head = facts.cursor(0, 0);
    let mut page = Page { head, table: Some(Arc::clone(table)), rows: Vec::new(), next: None };
    let (mut bytes, mut last) = (0, None);
    while let Some(row) = found.try_next().await.map_err(store_error)? {
        if own::<Option<i64>>(&row, 0)?.is_some_and(|seq| seq != 0) {
            page.head = facts.cursor(number(&row, 0)?, tag(&row, 1)?);
        }
        if own::<Option<i64>>(&row, 2)?.is_none() {
            break;
        }
        let fields = fields_of(table, &image(table, &row, HEAD + 1)?);
        bytes += bytes_of_fields(&fields);
        if bytes > PAGE_BYTES && !page.rows.is_empty() {
            page.next = last;
            return Ok(page);
        }
        page.rows.push(fields);
        last = Some(PagePlace { key: Some(key_of(table, &row)?), ..place.clone() });
    }
    let is_full = page.rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    page.next = last.filter(|_| is_full).or_else(|| next_table(schema, channel, place.table + 1));
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

/// The keys are found and sorted first, then each row is read when its turn comes: what lies behind
/// the end of a page is never read.
fn select(
    table: &LiveTable,
    channel: &ChannelName,
    after: Option<&[Value]>,
    limit: u32,
) -> (String, Bound) {
    let names: Vec<String> = key_columns(table).map(|column| quoted(&column.name)).collect();
    let same: Vec<String> = names.iter().map(|name| format!("t.{name} = s.{name}")).collect();
    let visible = recorded(table).map(|(_, column)| format!("t.{}", quoted(&column.name)));
    let names = names.join(", ");
    let beyond = match after {
        Some(key) => format!("AND ({names}) > ({})", vec!["?"; key.len()].join(", ")),
        None => String::new(),
    };
    let name = quoted(&table.name);
    let sql = format!(
        "SELECT c.head, c.tag, s.\"rowcast there\", NULL, {}
         FROM (SELECT 1) LEFT JOIN rowcast_channel c ON c.name = ?
         LEFT JOIN (SELECT 1 AS \"rowcast there\", {names} FROM {name} WHERE {} {beyond}
             ORDER BY {names} LIMIT ?) s
         LEFT JOIN {name} t ON {}",
        visible.collect::<Vec<_>>().join(", "),
        in_channel(table),
        same.join(" AND "),
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
        key.push(standing(raw(row, HEAD + 1 + visible)?));
    }
    Ok(key)
}
