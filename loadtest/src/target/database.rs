//! The database behind the hub, written to and read from past the hub.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, PgConnection, PgPool, Row as _, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use url::Url;
use uuid::Uuid;

use crate::error::LoadError;

/// How long an outside writer of SQLite waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// By the scheme of a URL.
    pub(crate) fn of(url: &str) -> Result<Self, LoadError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(LoadError::Usage(format!(
                "--database-url is `{url}`; write sqlite:FILE or postgres://USER@HOST/DATABASE"
            ))),
        }
    }
}

/// Connections to a database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Database {
    /// Connects.
    pub(crate) async fn connect(url: &str) -> Result<Self, LoadError> {
        Ok(match Kind::of(url)? {
            Kind::Sqlite => {
                let options: SqliteConnectOptions = url.parse()?;
                let options = options.busy_timeout(PATIENCE).foreign_keys(true);
                Self::Sqlite(
                    SqlitePoolOptions::new().max_connections(1).connect_with(options).await?,
                )
            }
            Kind::Postgres => {
                Self::Postgres(PgPoolOptions::new().max_connections(2).connect(url).await?)
            }
        })
    }

    /// Which database it is.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    /// Runs statements of this program's own making.
    pub(crate) async fn execute(&self, sql: String) -> Result<u64, LoadError> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        Ok(match self {
            Self::Sqlite(pool) => sql.execute(pool).await?.rows_affected(),
            Self::Postgres(pool) => sql.execute(pool).await?.rows_affected(),
        })
    }

    /// Rows of texts and nulls, of a query of this program's own making.
    pub(crate) async fn texts(&self, sql: String) -> Result<Vec<Vec<Option<String>>>, LoadError> {
        macro_rules! texts {
            ($pool:expr) => {{
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all($pool).await?;
                let texts = rows.iter().map(|row| {
                    row.columns().iter().map(|column| row.try_get(column.ordinal())).collect()
                });
                Ok(texts.collect::<Result<_, sqlx::Error>>()?)
            }};
        }
        match self {
            Self::Sqlite(pool) => texts!(pool),
            Self::Postgres(pool) => texts!(pool),
        }
    }

    /// Ends the connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A database of one's own: a file in a folder, or a database beside the one that was named.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// Its URL.
    pub(crate) url: String,
    made: Option<Made>,
}

/// A database that was made on a server.
#[derive(Debug)]
struct Made {
    server: String,
    name: String,
}

impl Scratch {
    /// Makes it: on the server named, or as a file in `folder`.
    pub(crate) async fn make(server: Option<&str>, folder: &Path) -> Result<Self, LoadError> {
        match server {
            Some(url) if Kind::of(url)? == Kind::Postgres => Self::on_server(url).await,
            Some(url) => Ok(Self { url: url.to_owned(), made: None }),
            None => {
                let url = format!("sqlite:{}", folder.join("load.db").display());
                Ok(Self { url, made: None })
            }
        }
    }

    async fn on_server(server: &str) -> Result<Self, LoadError> {
        let bad = |error| LoadError::Usage(format!("--database-url is `{server}`: {error}"));
        let mut url = Url::parse(server).map_err(bad)?;
        let name = format!("rowcast_load_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(server).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        url.set_path(&name);
        Ok(Self { url: url.into(), made: Some(Made { server: server.to_owned(), name }) })
    }

    /// Removes a database that was made on a server.
    pub(crate) async fn remove(self) -> Result<(), LoadError> {
        let Some(Made { server, name }) = self.made else { return Ok(()) };
        let mut connection = PgConnection::connect(&server).await?;
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_names_the_database() {
        assert_eq!(Kind::of("sqlite:x.db").unwrap(), Kind::Sqlite);
        assert_eq!(Kind::of("postgres://h/d").unwrap(), Kind::Postgres);
        assert!(Kind::of("mysql://h/d").unwrap_err().to_string().contains("sqlite:FILE"));
    }

    #[tokio::test]
    async fn without_a_server_it_is_a_file_of_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(None, folder.path()).await.unwrap();
        let database = Database::connect(&format!("{}?mode=rwc", scratch.url)).await.unwrap();
        database
            .execute("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x'), (NULL)".to_owned())
            .await
            .unwrap();
        let texts = database.texts("SELECT a FROM t ORDER BY a".to_owned()).await.unwrap();
        assert_eq!(texts, [vec![None], vec![Some("x".to_owned())]]);
        scratch.remove().await.unwrap();
    }
}
