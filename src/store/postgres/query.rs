//! Rows by filters, in any order, and the channel's head, in one statement.

use rowcast_protocol::{ChannelName, ColumnType, Fields, Value};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    PostgresStore,
    name::{column, is_exactly, json_of_columns, of, table_name},
    raw::{row_from_json, text_of},
    snapshot::is_no_value,
    value::text_value,
};
use crate::store::{
    LiveColumn, LiveTable, StoreError,
    clause::{self, Dialect},
    query::{Query, Selected},
};

impl PostgresStore {
    /// See [`Store::select`](crate::store::Store::select).
    pub(super) async fn find_rows(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        query: &Query,
    ) -> Result<Selected, StoreError> {
        let (sql, values) = statement(table, query);
        let asked = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(channel.as_str())
            .bind(channel.id())
            .bind(query.to_fetch())
            .bind(query.offset())
            .bind(values);
        let mut lent = self.pools.asker().await?;
        let found = asked.fetch_all(lent.connection()).await;
        if found.as_ref().is_err_and(is_no_value) {
            return self.no_rows(channel, table, query).await;
        }
        let found = lent.settle(found)?;
        let first = found.first().map(Head::read).transpose();
        let first = lent.settle(first)?.unwrap_or_default();
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.extend(lent.settle(row_of(row))?.map(|json| row_from_json(table, json)));
        }
        let rows: Vec<Fields> = rows.into_iter().collect::<Result<_, _>>()?;
        let total = first.total.map(i64::unsigned_abs);
        Ok(query.answer(table, self.cursor(first.seq, first.tag), rows, total))
    }

    /// The answer where a value is none of its column: nothing passes.
    async fn no_rows(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        query: &Query,
    ) -> Result<Selected, StoreError> {
        let heads = self.read_heads(std::slice::from_ref(channel)).await?;
        let head = heads.first().map_or_else(|| self.cursor(None, None), |head| head.cursor);
        Ok(query.answer(table, head, Vec::new(), query.total.then_some(0)))
    }
}

/// What each row of the answer repeats.
#[derive(Default)]
struct Head {
    seq: Option<i64>,
    tag: Option<i32>,
    total: Option<i64>,
}

impl Head {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get("seq")?,
            tag: row.try_get("tag")?,
            total: row.try_get("total")?,
        })
    }
}

fn row_of(row: &PgRow) -> Result<Option<&str>, sqlx::Error> {
    row.try_get("row")
}

fn statement(table: &LiveTable, query: &Query) -> (String, Vec<Option<String>>) {
    let mut words = Words(Vec::new());
    let filters = clause::filters(&mut words, table, query);
    let beginning = clause::beginning(&mut words, table, query);
    let order = clause::order(&words, table, query);
    let name = table_name(table);
    let channel = column(table, table.channel_column)
        .map_or_else(|| "false".to_owned(), |c| is_exactly("t", c, "$2"));
    let total = match query.total {
        true => format!("(SELECT count(*) FROM {name} t WHERE {channel}{filters})"),
        false => "NULL::bigint".to_owned(),
    };
    let read = query.to_read();
    let row = json_of_columns("x", read.iter().filter_map(|&index| column(table, index)));
    let sql = format!(
        "SELECT head.seq, head.tag, {total} AS total, r.row FROM (SELECT 1) one \
         LEFT JOIN LATERAL (SELECT e.seq, e.tag FROM rowcast.entry e \
             WHERE e.channel = $1 ORDER BY e.seq DESC LIMIT 1) head ON true \
         LEFT JOIN (SELECT row_number() OVER () AS nth, {row} AS row FROM \
             (SELECT t.* FROM {name} t WHERE {channel}{filters}{beginning} \
              AND $5::text[] IS NOT NULL {order} LIMIT $3 OFFSET $4) x) r ON true \
         ORDER BY r.nth"
    );
    (sql, words.0)
}

/// How PostgreSQL compares; the values are items of one array.
struct Words(Vec<Option<String>>);

impl Words {
    fn bind_text(&mut self, text: Option<String>) -> String {
        self.0.push(text);
        format!("($5::text[])[{}]", self.0.len())
    }
}

fn is_text(column: &LiveColumn) -> bool {
    matches!(column.kind, ColumnType::Text | ColumnType::Other)
}

impl Dialect for Words {
    fn column(&self, column: &LiveColumn) -> String {
        let name = of("t", column);
        if is_text(column) { format!("({name}::text COLLATE \"C\")") } else { name }
    }

    fn bind(&mut self, column: &LiveColumn, value: &Value) -> String {
        let place = self.bind_text(text_value(column, value));
        match column.kind {
            ColumnType::Text | ColumnType::Other => place,
            // Wider than the column, so that every number can be compared with it.
            ColumnType::Int => format!("{place}::bigint"),
            ColumnType::Decimal => format!("{place}::numeric"),
            _ => format!("{place}::{}", column.sql_type),
        }
    }

    fn contains(&mut self, column: &LiveColumn, text: &str) -> String {
        let own = self.column(column);
        let place = self.bind_text(Some(text.to_owned()));
        format!(
            "pg_catalog.strpos(pg_catalog.lower({own}), pg_catalog.lower({place} COLLATE \"C\")) > 0"
        )
    }

    fn holds(&mut self, column: &LiveColumn, items: &[Value]) -> String {
        let list = format!("pg_catalog.to_jsonb({})", of("t", column));
        let items: Vec<String> = items
            .iter()
            .map(|item| format!("{}::jsonb", self.bind_text(Some(text_of(item)))))
            .collect();
        format!(
            "EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof({list}) WHEN 'array' \
             THEN {list} ELSE '[]' END) held(item) WHERE held.item IN ({}))",
            items.join(", ")
        )
    }
}
