//! How PostgreSQL runs the statements of accounts.

use async_trait::async_trait;
use sqlx::{
    Column as _, Postgres, Row as _, TypeInfo as _,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{PostgresStore, connect::Lent};
use crate::store::{
    StoreError,
    accounts::sql::{Database, Param, Row, Statements},
    values::Raw,
};

fn query(sql: &'static str, params: Vec<Param>) -> Query<'static, Postgres, PgArguments> {
    params.into_iter().fold(sqlx::query(sql), |query, param| match param {
        // No text of the database has the sign NUL, so what has it finds nothing.
        Param::Text(text) => query.bind(text.map(|text| text.replace('\0', "\u{fffd}"))),
        Param::Int(number) => query.bind(number),
        Param::Bytes(bytes) => query.bind(bytes),
        Param::Bool(truth) => query.bind(truth),
        Param::Uuid(id) => query.bind(id),
    })
}

fn row(row: &PgRow) -> Result<Row, sqlx::Error> {
    row.columns()
        .iter()
        .map(|column| cell(row, column.ordinal(), column.type_info().name()))
        .collect::<Result<_, _>>()
        .map(Row)
}

fn cell(row: &PgRow, at: usize, kind: &str) -> Result<Raw, sqlx::Error> {
    let cell = match kind {
        "BOOL" => row.try_get::<Option<bool>, _>(at)?.map(Raw::Bool),
        "INT4" => row.try_get::<Option<i32>, _>(at)?.map(|number| Raw::Int(number.into())),
        "INT8" => row.try_get::<Option<i64>, _>(at)?.map(Raw::Int),
        _ => row.try_get::<Option<String>, _>(at)?.map(Raw::Text),
    };
    Ok(cell.unwrap_or(Raw::Null))
}

async fn rows(
    lent: &mut Lent,
    sql: &'static str,
    params: Vec<Param>,
) -> Result<Vec<Row>, StoreError> {
    let found = query(sql, params).fetch_all(lent.connection()).await;
    let found = lent.settle(found)?;
    let read = found.iter().map(row).collect();
    lent.settle(read)
}

#[async_trait]
impl Database for PostgresStore {
    async fn read(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError> {
        rows(&mut self.pools.reader().await?, sql, params).await
    }

    async fn begin(&self, actor: Option<&str>) -> Result<Box<dyn Statements + '_>, StoreError> {
        let mut open = Open { lent: self.pools.writer().await?, ended: false };
        open.run("BEGIN", Vec::new()).await?;
        if let Some(actor) = actor {
            let sql = "SELECT set_config('rowcast.actor', $1, true)";
            open.run(sql, vec![Param::from(actor)]).await?;
        }
        Ok(Box::new(open))
    }
}

/// A transaction on a connection of the pool, which does not go back with it open.
struct Open {
    lent: Lent,
    ended: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended {
            self.lent.discard();
        }
    }
}

#[async_trait]
impl Statements for Open {
    async fn run(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError> {
        rows(&mut self.lent, sql, params).await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.run("COMMIT", Vec::new()).await?;
        self.ended = true;
        Ok(())
    }

    async fn roll_back(mut self: Box<Self>) {
        self.ended = self.run("ROLLBACK", Vec::new()).await.is_ok();
    }
}
