//! Databases of their own for one test each, and writers that know nothing of Rowcast.

use std::path::PathBuf;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

use super::{
    cluster::Cluster,
    postgres::{Server, connect},
};

/// Which store a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// One database. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) kind: Kind,
    /// What the hub is told.
    pub(crate) url: String,
    /// A folder of its own, also for keys.
    pub(crate) folder: TempDir,
    /// The server it lives in, if that is its own.
    pub(crate) cluster: Option<Cluster>,
}

impl Database {
    /// An empty database, on the server that all tests share.
    pub(crate) async fn create(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::in_folder(folder()),
            Kind::Postgres => Self::at(Server::shared().database().await, None),
        }
    }

    /// An empty database whose server may be stopped without harm to other tests.
    pub(crate) async fn apart(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::create(kind).await,
            Kind::Postgres => {
                let cluster = Cluster::start().await;
                Self::at(cluster.url(), Some(cluster))
            }
        }
    }

    /// A SQLite file in a folder.
    pub(crate) fn in_folder(folder: TempDir) -> Self {
        let url = format!("sqlite:{}", folder.path().join("rowcast.db").display());
        Self { kind: Kind::Sqlite, url, folder, cluster: None }
    }

    fn at(url: String, cluster: Option<Cluster>) -> Self {
        Self { kind: Kind::Postgres, url, folder: folder(), cluster }
    }

    /// A copy of a PostgreSQL database that nobody is connected to; its URL.
    pub(crate) async fn copied(&self) -> String {
        let (server, name) = self.url.rsplit_once('/').expect("a URL with a name");
        let mut operator = connect(&format!("{server}/postgres")).await;
        let sql = format!("CREATE DATABASE {name}_copy TEMPLATE {name}");
        operator.execute(AssertSqlSafe(sql)).await.expect("a copy is made");
        format!("{}_copy", self.url)
    }

    /// The file, on SQLite.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("rowcast.db")
    }

    /// The settings of its hubs, beside those that they are told.
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.folder.path().join("rowcast.toml")
    }

    /// A connection of somebody else.
    pub(crate) async fn outsider(&self) -> Outsider {
        self.tries_outsider().await.expect("the database answers")
    }

    /// A connection of somebody else, if the database answers.
    pub(crate) async fn tries_outsider(&self) -> Result<Outsider, sqlx::Error> {
        let connection = match self.kind {
            Kind::Sqlite => {
                let options = SqliteConnectOptions::new()
                    .filename(self.file())
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .busy_timeout(std::time::Duration::from_secs(20));
                Connection::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            Kind::Postgres => Connection::Postgres(PgConnection::connect(&self.url).await?),
        };
        Ok(Outsider { connection })
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A connection of somebody else: `psql`, a cron job, another back end.
#[derive(Debug)]
pub(crate) struct Outsider {
    connection: Connection,
}

#[derive(Debug)]
enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Outsider {
    /// Runs statements, one after the other.
    pub(crate) async fn tries(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                connection.execute(sqlx::raw_sql(sql)).await.map(drop)
            }
            Connection::Postgres(connection) => {
                connection.execute(sqlx::raw_sql(sql)).await.map(drop)
            }
        }
    }

    /// Runs statements that must succeed.
    pub(crate) async fn runs(&mut self, sql: &str) {
        if let Err(error) = self.tries(sql).await {
            panic!("{error}\n{sql}");
        }
    }

    /// The texts of the first column.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        let texts = match &mut self.connection {
            Connection::Sqlite(connection) => sqlx::raw_sql(query)
                .fetch_all(connection)
                .await
                .and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect()),
            Connection::Postgres(connection) => sqlx::raw_sql(query)
                .fetch_all(connection)
                .await
                .and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect()),
        };
        texts.unwrap_or_else(|error: sqlx::Error| panic!("{error}\n{sql}"))
    }

    /// How many rows there are.
    pub(crate) async fn counts(&mut self, of: &str) -> usize {
        let texts = self.texts(&format!("SELECT CAST(count(*) AS TEXT) FROM {of}")).await;
        texts[0].parse().expect("a number")
    }
}
