//! Rows by filters, in any order, and the channel's head, in one statement.

use rowcast_protocol::{ChannelName, ColumnType, Value};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    PostgresStore,
    name::{column, is_exactly, json_of_columns, of, table_name},
    raw::{row_from_json, text_of},
    snapshot::is_no_value,
    value::{compared, operand, operand_type, text_value},
};
use crate::store::{
    LiveColumn, LiveTable, StoreError,
    clause::{self, Dialect},
    query::{Query, Selected},
    weight::PAGE_BYTES,
};

impl PostgresStore {
    /// See [`Store::select`](crate::store::Store::select).
    pub(super) async fn find_rows(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        query: &Query,
    ) -> Result<Selected, StoreError> {
        let (sql, inner, values) = statement(table, query);
        let asked = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(channel.id())
            .bind(values)
            .bind(query.to_fetch())
            .bind(query.offset())
            .bind(channel.as_str())
            .bind(inner)
            .bind(i32::try_from(PAGE_BYTES).unwrap_or(i32::MAX));
        let mut lent = self.pools.asker().await?;
        let found = asked.fetch_all(lent.connection()).await;
        if found.as_ref().is_err_and(is_no_value) {
            return self.no_rows(channel, table, query).await;
        }
        let found = lent.settle(found)?;
        let first = found.first().map(Head::read).transpose();
        let first = lent.settle(first)?.unwrap_or_default();
        let (mut rows, mut is_cut) = (Vec::with_capacity(found.len()), false);
        for row in &found {
            match lent.settle(row_of(row))? {
                Some(json) => rows.push(row_from_json(table, json)?),
                None => is_cut = lent.settle(row.try_get::<Option<i64>, _>("nth"))?.is_some(),
            }
        }
        let total = first.total.map(i64::unsigned_abs);
        Ok(query.answer(table, self.cursor(first.seq, first.tag), rows, is_cut, total))
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
        Ok(query.answer(table, head, Vec::new(), false, query.total.then_some(0)))
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

/// The statement, the query of the rows for `rowcast.first_rows`, and the values that both are told.
fn statement(table: &LiveTable, query: &Query) -> (String, String, Vec<Option<String>>) {
    let mut words = Words(Vec::new());
    let filters = clause::filters(&mut words, table, query);
    let beginning = clause::beginning(&mut words, table, query);
    let order = clause::order(&words, table, query);
    let name = table_name(table);
    let channel = column(table, table.channel_column)
        .map_or_else(|| "false".to_owned(), |c| is_exactly("t", c, "$1"));
    let total = match query.total {
        true => format!("(SELECT count(*) FROM {name} t WHERE {channel}{filters})"),
        false => "NULL::bigint".to_owned(),
    };
    let read = query.to_read();
    let row = json_of_columns("x", read.iter().filter_map(|&index| column(table, index)));
    let inner = format!(
        "SELECT {row}, NULL::text[] FROM (SELECT t.* FROM {name} t WHERE {channel}{filters}{beginning} \
         {order} LIMIT $3 OFFSET $4) x"
    );
    let sql = format!(
        "SELECT head.seq, head.tag, {total} AS total, r.nth, r.json AS row FROM (SELECT 1) one \
         LEFT JOIN LATERAL (SELECT e.seq, e.tag FROM rowcast.entry e \
             WHERE e.channel = $5 ORDER BY e.seq DESC LIMIT 1) head ON true \
         LEFT JOIN rowcast.first_rows($6, $1::text, $2::text[], $3::bigint, $4::bigint, $7) r \
             ON true ORDER BY r.nth"
    );
    (sql, inner, words.0)
}

/// How PostgreSQL compares; the values are items of one array.
pub(super) struct Words(pub(super) Vec<Option<String>>);

impl Words {
    pub(super) fn bind_text(&mut self, text: Option<String>) -> String {
        self.0.push(text);
        format!("($2::text[])[{}]", self.0.len())
    }
}

impl Dialect for Words {
    fn column(&self, column: &LiveColumn) -> String {
        compared(&of("t", column), column)
    }

    fn bind(&mut self, column: &LiveColumn, value: &Value) -> String {
        let place = self.bind_text(text_value(column, value));
        let value = operand(&place, column, operand_type(column));
        compared(&value, column)
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
        let mut item = |item: &Value| match column.kind {
            ColumnType::List => {
                let list = Value::List(vec![item.clone()]);
                let list = operand(
                    &self.bind_text(text_value(column, &list)),
                    column,
                    operand_type(column),
                );
                format!("pg_catalog.to_jsonb({list}) -> 0")
            }
            _ => format!("{}::jsonb", self.bind_text(Some(text_of(item)))),
        };
        let items: Vec<String> = items.iter().map(&mut item).collect();
        format!(
            "EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof({list}) WHEN 'array' \
             THEN {list} ELSE '[]' END) held(item) WHERE held.item IN ({}))",
            items.join(", ")
        )
    }
}
