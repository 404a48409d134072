//! Which store goes with which database.

use std::sync::Arc;

use crate::{
    config::Config,
    store::{Store, StoreError},
};

/// Opens the database.
///
/// # Errors
/// If it cannot be reached, or is none that this program knows.
#[expect(clippy::unused_async, reason = "a database is waited for; this build has none")]
pub(super) async fn open(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    Err(absent(config))
}

/// Brings the database up to date.
///
/// # Errors
/// As [`open`], or if a migration or a declaration does not fit.
#[expect(clippy::unused_async, reason = "a database is waited for; this build has none")]
pub(super) async fn migrate(config: &Config) -> Result<(), StoreError> {
    Err(absent(config))
}

fn absent(config: &Config) -> StoreError {
    StoreError::Unfit(format!("this build has no store for {}", config.store.url))
}
