//! Opening the database that the settings name.

use std::{path::Path, sync::Arc};

use sqlx::{ConnectOptions as _, Connection as _};

use super::{Store, StoreError, fold::EntryLimits, postgres, sqlite};
use crate::config::{Config, DatabaseKind};

/// Whether the database was made just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// There was none, or an empty one.
    New,
    /// It was there.
    Before,
}

/// Opens a database that [`migrate`] has prepared.
///
/// # Errors
/// If it cannot be reached, or is none that this program and these declarations know.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let declarations = &config.declarations;
    let limits =
        EntryLimits { changes: config.limits.entry_changes, bytes: config.limits.entry_bytes };
    Ok(match kind(config)? {
        DatabaseKind::Sqlite(file) => {
            let options = sqlite::Options {
                limits,
                readers: config.store.pool,
                ..sqlite::Options::default()
            };
            Arc::new(sqlite::open(&file, declarations, options).await?)
        }
        DatabaseKind::Postgres => {
            let defaults = postgres::Options::default();
            let lanes = u32::try_from(config.store.lanes).unwrap_or(u32::MAX);
            let pools = postgres::PoolSizes { lanes, readers: config.store.pool, ..defaults.pools };
            let options = postgres::Options { limits, pools };
            Arc::new(postgres::open(config.store.url.expose(), declarations, options).await?)
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
            let made = postgres_made(url).await?;
            postgres::migrate(url, declarations).await?;
            Ok(made)
        }
    }
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
    let away = |error: sqlx::Error| StoreError::Unavailable(error.to_string());
    let options: sqlx::postgres::PgConnectOptions = url.parse().map_err(away)?;
    let mut connection = options.connect().await.map_err(away)?;
    let known: bool = sqlx::query_scalar("SELECT to_regnamespace('rowcast') IS NOT NULL")
        .fetch_one(&mut connection)
        .await
        .map_err(away)?;
    connection.close().await.map_err(away)?;
    Ok(if known { Made::Before } else { Made::New })
}
