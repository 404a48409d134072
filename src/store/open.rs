//! Opening the database that the settings name.

use std::{path::Path, str::FromStr as _, sync::Arc};

use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use super::{
    Declarations, EditLimits, LiveSchema, Store, StoreError, fold::EntryLimits, postgres, sqlite,
};
use crate::config::{Config, DatabaseKind};

/// Whether the database was made just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// There was none, or an empty one.
    New,
    /// It was there.
    Before,
}

/// How fit a database must be to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fitness {
    /// Every declaration fits, and every live table is recorded.
    #[default]
    AsDeclared,
    /// Tables that do not fit are not live. For whoever only looks.
    AsIs,
}

/// Opens a database that [`migrate`] has prepared.
///
/// # Errors
/// If it cannot be reached, or is none that this program and these declarations know.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    open_with(config, Fitness::AsDeclared).await
}

/// Opens a database to look at it, whatever has become of its live tables.
///
/// # Errors
/// If it cannot be reached, or is none that this program knows.
pub async fn open_as_is(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    open_with(config, Fitness::AsIs).await
}

async fn open_with(config: &Config, fitness: Fitness) -> Result<Arc<dyn Store>, StoreError> {
    let declarations = &config.declarations;
    let limits =
        EntryLimits { changes: config.limits.entry_changes, bytes: config.limits.entry_bytes };
    let edits = EditLimits {
        list_items: config.limits.list_items,
        row_bytes: config.limits.row_bytes,
        time: config.limits.edit_time,
    };
    Ok(match kind(config)? {
        DatabaseKind::Sqlite(file) => {
            let options = sqlite::Options {
                limits,
                edits,
                readers: config.store.pool,
                fitness,
                ..sqlite::Options::default()
            };
            Arc::new(sqlite::open(&file, declarations, options).await?)
        }
        DatabaseKind::Postgres => {
            let defaults = postgres::Options::default();
            let lanes = u32::try_from(config.store.lanes).unwrap_or(u32::MAX);
            let pools = postgres::PoolSizes { lanes, readers: config.store.pool, ..defaults.pools };
            let options = postgres::Options { limits, edits, pools, fitness };
            let url = config.store.url.expose();
            let opened = postgres::open(url, declarations, options).await;
            Arc::new(opened.map_err(|error| at(url, error))?)
        }
    })
}

/// Brings the database up to date with the migrations and the declarations; makes it if need be.
///
/// # Errors
/// If it cannot be reached, is not ours, is newer than this program, or a declaration does not fit.
pub async fn migrate(config: &Config) -> Result<Made, StoreError> {
    let declarations = &config.declarations;
    match kind(config)? {
        DatabaseKind::Sqlite(file) => {
            let made = if has_content(&file) { Made::Before } else { Made::New };
            sqlite::migrate(&file, declarations).await?;
            Ok(made)
        }
        DatabaseKind::Postgres => {
            let url = config.store.url.expose();
            migrate_postgres(url, declarations).await.map_err(|error| at(url, error))
        }
    }
}

/// Makes the recording of these tables anew, and has the channels of their rows reset; of all declared
/// ones if none is named. While a hub runs it notices. Returns the live tables, and those that do not
/// fit their declarations.
///
/// # Errors
/// If a table is not declared, or the database cannot be reached or was not migrated.
pub async fn mend(config: &Config, tables: &[String]) -> Result<Arc<LiveSchema>, StoreError> {
    let declarations = &config.declarations;
    for table in tables {
        declarations.must_name(table)?;
    }
    let all = || declarations.tables.iter().map(|table| table.name.clone()).collect();
    let tables = if tables.is_empty() { all() } else { tables.to_vec() };
    match kind(config)? {
        DatabaseKind::Sqlite(file) => sqlite::mend(&file, declarations, &tables).await,
        DatabaseKind::Postgres => {
            let url = config.store.url.expose();
            let mended = postgres::mend(url, declarations, &tables).await;
            mended.map(Arc::new).map_err(|error| at(url, error))
        }
    }
}

async fn migrate_postgres(url: &str, declarations: &Declarations) -> Result<Made, StoreError> {
    let made = postgres_made(url).await?;
    postgres::migrate(url, declarations).await?;
    Ok(made)
}

/// The error, saying which database is away: host, port and name, nothing that is secret.
fn at(url: &str, error: StoreError) -> StoreError {
    let (StoreError::Unavailable(words), Ok(options)) = (&error, PgConnectOptions::from_str(url))
    else {
        return error;
    };
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    // Postgres takes the person's name where none is given.
    let name = options.get_database().unwrap_or_else(|| options.get_username());
    StoreError::Unavailable(format!("`{name}` at {place}: {words}; is DATABASE_URL right?"))
}

fn kind(config: &Config) -> Result<DatabaseKind, StoreError> {
    let url = &config.store.url;
    url.kind().ok_or_else(|| {
        StoreError::Unfit(format!("`{url}` names no database: write sqlite:FILE or postgres://…"))
    })
}

fn has_content(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.len() > 0)
}

async fn postgres_made(url: &str) -> Result<Made, StoreError> {
    let away = |error: sqlx::Error| {
        let said = error.as_database_error().map(|error| error.message().to_owned());
        StoreError::Unavailable(said.unwrap_or_else(|| error.to_string()))
    };
    let options = PgConnectOptions::from_str(url).map_err(away)?;
    let mut connection = options.connect().await.map_err(away)?;
    let known: bool = sqlx::query_scalar("SELECT to_regnamespace('rowcast') IS NOT NULL")
        .fetch_one(&mut connection)
        .await
        .map_err(away)?;
    connection.close().await.map_err(away)?;
    Ok(if known { Made::Before } else { Made::New })
}

#[cfg(test)]
mod tests {
    use super::{StoreError, at};

    #[test]
    fn a_database_that_is_away_is_named_without_its_password() {
        let away = StoreError::Unavailable("refused".to_owned());
        let told = at("postgres://ada:secret@db.example:6432/app", away).to_string();
        assert!(told.contains("`app` at db.example:6432: refused"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}
