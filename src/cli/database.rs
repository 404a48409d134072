//! Which store goes with which database.

use std::sync::Arc;

use crate::{
    config::DatabaseUrl,
    store::{Declarations, Store, StoreError},
};

/// Opens the database.
///
/// # Errors
/// If it cannot be reached, or is none that this program knows.
#[expect(clippy::unused_async, reason = "a database is waited for; this build has none")]
pub(super) async fn open(
    url: &DatabaseUrl,
    _declarations: &Declarations,
) -> Result<Arc<dyn Store>, StoreError> {
    Err(StoreError::Unfit(format!("this build has no store for {url}")))
}

/// Brings the database up to date.
///
/// # Errors
/// As [`open`], or if a migration or a declaration does not fit.
#[expect(clippy::unused_async, reason = "a database is waited for; this build has none")]
pub(super) async fn migrate(
    url: &DatabaseUrl,
    _declarations: &Declarations,
) -> Result<(), StoreError> {
    Err(StoreError::Unfit(format!("this build has no store for {url}")))
}
