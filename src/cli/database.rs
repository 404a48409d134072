//! The database of the commands that need one.

use std::sync::Arc;

use crate::{
    config::Config,
    store::{self, Store, StoreError},
};

/// Opens the database.
///
/// # Errors
/// If it cannot be reached, or is none that this program knows.
pub(super) async fn open(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    store::open(config).await
}

/// Opens the database to look at it.
///
/// # Errors
/// If it cannot be reached, or is none that this program knows.
pub(super) async fn open_as_is(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    store::open_as_is(config).await
}

/// Brings the database up to date.
///
/// # Errors
/// As [`open`], or if a migration or a declaration does not fit.
pub(super) async fn migrate(config: &Config) -> Result<(), StoreError> {
    store::migrate(config).await.map(|_| ())
}
