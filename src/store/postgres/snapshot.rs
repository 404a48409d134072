//! Pages of snapshots: rows and the channel's head in one statement, so read at one instant.

use std::sync::Arc;

use rowcast_protocol::{ChannelName, Value};
use sqlx::{Row as _, postgres::PgRow};

use super::{
    PostgresStore,
    name::{column, is_exactly, json_of, json_of_row, key, of, table_name},
    raw::{key_from_json, row_from_json},
    value::{operand, text_value},
};
use crate::store::{LiveSchema, LiveTable, Page, PagePlace, StoreError, weight::PAGE_BYTES};

impl PostgresStore {
    /// See [`Store::snapshot_page`](crate::store::Store::snapshot_page).
    pub(super) async fn read_page(
        &self,
        channel: &ChannelName,
        after: Option<PagePlace>,
        rows: u32,
    ) -> Result<Page, StoreError> {
        let schema = self.schema.load_full();
        let place = match after {
            Some(place) if place.schema != schema => return Err(StoreError::Changed),
            place => place.or_else(|| next_table(&schema, channel, 0)),
        };
        let table = place.as_ref().and_then(|place| schema.tables.get(place.table));
        let (Some(place), Some(table)) = (&place, table) else {
            return self.nothing(channel).await;
        };
        let Some(found) = self.read_rows(channel, table, place.key.as_deref(), rows).await? else {
            return self.nothing(channel).await;
        };
        let full = found.is_cut || found.rows.len() >= usize::try_from(rows).unwrap_or(usize::MAX);
        let next = if full {
            Some(PagePlace { key: found.last, ..place.clone() })
        } else {
            next_table(&schema, channel, place.table + 1)
        };
        Ok(Page {
            head: self.cursor(found.head.0, found.head.1),
            table: Some(Arc::clone(table)),
            rows: found.rows,
            next,
        })
    }

    /// The page of a channel that no row can have.
    async fn nothing(&self, channel: &ChannelName) -> Result<Page, StoreError> {
        let heads = self.read_heads(std::slice::from_ref(channel)).await?;
        let head = heads.first().map_or_else(|| self.cursor(None, None), |head| head.cursor);
        Ok(Page { head, table: None, rows: Vec::new(), next: None })
    }

    /// Rows after a key; `None` if the channel's id is no value of its column.
    async fn read_rows(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        after: Option<&[Value]>,
        rows: u32,
    ) -> Result<Option<Found>, StoreError> {
        let key: Vec<Option<String>> = key(table)
            .zip(after.unwrap_or_default())
            .map(|(column, value)| text_value(column, value))
            .collect();
        let query = sqlx::query(PAGE)
            .bind(channel.as_str())
            .bind(page_sql(table, after.is_some()))
            .bind(channel.id())
            .bind(key)
            .bind(i64::from(rows))
            .bind(i32::try_from(PAGE_BYTES).unwrap_or(i32::MAX));
        let mut lent = self.pools.reader().await?;
        let rows = query.fetch_all(lent.connection()).await;
        if rows.as_ref().is_err_and(is_no_value) {
            return Ok(None);
        }
        let rows = lent.settle(rows)?;
        Found::read(table, &rows).map(Some)
    }
}

/// The beginning of the first table from here on whose rows stand in channels of this kind.
fn next_table(schema: &Arc<LiveSchema>, channel: &ChannelName, from: usize) -> Option<PagePlace> {
    let mut tables = schema.tables.iter().enumerate().skip(from);
    let (table, _) = tables.find(|(_, table)| table.channel_kind == channel.kind())?;
    Some(PagePlace { schema: Arc::clone(schema), table, key: None })
}

/// Whether a text is no value of the type it was cast to.
pub(super) fn is_no_value(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code.starts_with("22"))
}

const PAGE: &str = "
    SELECT head.seq, head.tag, r.nth, r.json AS row, r.key FROM (SELECT 1) one
    LEFT JOIN LATERAL (SELECT e.seq, e.tag FROM rowcast.entry e
        WHERE e.channel = $1 ORDER BY e.seq DESC LIMIT 1) head ON true
    LEFT JOIN rowcast.first_rows($2, $3, $4, $5, 0::bigint, $6) r ON true
    ORDER BY r.nth";

struct Found {
    head: (Option<i64>, Option<i32>),
    rows: Vec<rowcast_protocol::Fields>,
    last: Option<Vec<Value>>,
    /// Whether there are more, which would have been too many bytes.
    is_cut: bool,
}

impl Found {
    fn read(table: &LiveTable, rows: &[PgRow]) -> Result<Self, StoreError> {
        let mut found = Self { head: (None, None), rows: Vec::new(), last: None, is_cut: false };
        for row in rows {
            let get = |error: sqlx::Error| StoreError::Failed(error.to_string());
            found.head = (row.try_get("seq").map_err(get)?, row.try_get("tag").map_err(get)?);
            if let Some(json) = row.try_get::<Option<&str>, _>("row").map_err(get)? {
                found.rows.push(row_from_json(table, json)?);
                let key: Vec<String> = row.try_get("key").map_err(get)?;
                found.last = Some(checked_key(table, &key));
            } else {
                found.is_cut = row.try_get::<Option<i64>, _>("nth").map_err(get)?.is_some();
            }
        }
        Ok(found)
    }
}

/// A key in the normal form of checked edits: integers are integers.
fn checked_key(table: &LiveTable, parts: &[String]) -> Vec<Value> {
    let values = key_from_json(table, parts).into_iter().zip(key(table));
    let checked = values.map(|(value, column)| match (column.kind, &value) {
        (rowcast_protocol::ColumnType::Int, Value::Text(text)) => {
            text.parse().map_or_else(|_| value.clone(), Value::Int)
        }
        _ => value,
    });
    checked.collect()
}

/// The query of a page, for `rowcast.first_rows`.
fn page_sql(table: &LiveTable, continues: bool) -> String {
    let keys: Vec<String> = key(table).map(|column| of("t", column)).collect();
    let jsons: Vec<String> = key(table).map(|column| json_of("t", column)).collect();
    let after: Vec<String> = key(table)
        .enumerate()
        .map(|(place, column)| operand(&format!("$2[{}]", place + 1), column, &column.sql_type))
        .collect();
    let channel = column(table, table.channel_column);
    let channel = channel.map(|c| is_exactly("t", c, "$1"));
    let after = if continues {
        format!(" AND ({}) > ({})", keys.join(", "), after.join(", "))
    } else {
        String::new()
    };
    format!(
        "SELECT {row}, ARRAY[{jsons}] FROM {table} t WHERE {channel}{after} ORDER BY {keys} LIMIT $3",
        row = json_of_row("t", table),
        jsons = jsons.join(", "),
        table = table_name(table),
        channel = channel.unwrap_or_else(|| "false".to_owned()),
        keys = keys.join(", "),
    )
}
