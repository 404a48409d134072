//! How SQLite runs the statements of accounts: reads on the readers, transactions on the writer.

use async_trait::async_trait;

use super::{
    super::{
        accounts::sql::{Database, Param, Row, Statements},
        error::StoreError,
    },
    SqliteStore,
    connection::{nth, store_error},
    raw::{Bound, raw},
    read::rows,
    writer::Turn,
};

fn bound(params: Vec<Param>) -> Bound {
    params.into_iter().fold(Bound::default(), |bound, param| match param {
        Param::Text(text) => bound.with(text),
        Param::Int(number) => bound.with(number),
        Param::Bytes(bytes) => bound.with(bytes),
        Param::Bool(truth) => bound.with(i64::from(truth)),
        Param::Uuid(id) => bound.with(id.map(|id| id.to_string())),
    })
}

/// The engine's tables have a prefix instead of a schema.
fn named(sql: &str) -> String {
    sql.replace("rowcast.", "rowcast_")
}

fn row(row: &sqlx::sqlite::SqliteRow) -> Result<Row, StoreError> {
    let columns = sqlx::Row::len(row);
    (0..columns).map(|column| raw(row, column)).collect::<Result<_, _>>().map(Row)
}

#[async_trait]
impl Database for SqliteStore {
    async fn read(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError> {
        rows(&self.readers, named(sql), bound(params).done()).await?.iter().map(row).collect()
    }

    async fn begin(&self, _: Option<&str>) -> Result<Box<dyn Statements + '_>, StoreError> {
        let mut turn = Turn::of(&self.writer).await?;
        let begun = turn.writer()?.connection.run("BEGIN IMMEDIATE", Bound::none()).await;
        begun.map_err(store_error)?;
        Ok(Box::new(Writing(turn)))
    }
}

/// A transaction on the writer. Where it is dropped, the next turn rolls it back.
struct Writing<'a>(Turn<'a>);

#[async_trait]
impl Statements for Writing<'_> {
    async fn run(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError> {
        let connection = &mut self.0.writer()?.connection;
        let answers = connection.run(named(sql), bound(params).done()).await;
        nth(answers.map_err(store_error)?, 0).rows.iter().map(row).collect()
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let writer = self.0.writer()?;
        writer.look_again();
        writer.connection.run("COMMIT", Bound::none()).await.map_err(store_error)?;
        self.0.end();
        Ok(())
    }

    async fn roll_back(mut self: Box<Self>) {
        // Where this fails, the next turn tries again.
        let Ok(writer) = self.0.writer() else { return };
        if writer.connection.run("ROLLBACK", Bound::none()).await.is_ok() {
            self.0.end();
        }
    }
}
