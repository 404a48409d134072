//! The hub's memory and its database, before, during and after attacks.

use std::{cell::Cell, time::Duration};

use crate::{
    error::LoadError,
    target::{Database, Target},
};

/// How often memory is read.
const BETWEEN_READINGS: Duration = Duration::from_millis(50);

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Watch {
    before: Option<u64>,
    peak: Cell<u64>,
    stored_before: Option<u64>,
    stored: u64,
}

impl Watch {
    /// Reads what an attack begins with. The first time counts.
    pub(super) async fn before(&mut self, target: &Target) -> Result<(), LoadError> {
        let rss = rss(target)?;
        self.before.get_or_insert(rss);
        if self.stored_before.is_none() {
            self.stored_before = Some(stored(target).await?);
        }
        Ok(())
    }

    /// Reads the hub's memory again and again until the task has ended.
    pub(super) async fn during(
        &self,
        target: &Target,
        task: impl Future<Output = ()>,
    ) -> Result<(), LoadError> {
        let reading = async {
            loop {
                self.peak.set(self.peak.get().max(rss(target)?));
                tokio::time::sleep(BETWEEN_READINGS).await;
            }
        };
        tokio::select! {
            () = task => Ok(()),
            outcome = reading => outcome,
        }
    }

    /// Reads what an attack leaves behind.
    pub(super) async fn after(&mut self, target: &Target) -> Result<(), LoadError> {
        self.stored = stored(target).await?;
        Ok(())
    }

    /// Bytes of memory when the first attack began, and at most from then on.
    pub(super) fn memory(&self) -> (u64, u64) {
        let before = self.before.unwrap_or_default();
        (before, self.peak.get().max(before))
    }

    /// Bytes by which the database has grown.
    pub(super) fn grown(&self) -> u64 {
        self.stored.saturating_sub(self.stored_before.unwrap_or_default())
    }
}

fn rss(target: &Target) -> Result<u64, LoadError> {
    let reading = target.process.map(crate::process::Process::rss).transpose();
    Ok(reading.map_err(LoadError::io("cannot read the hub's memory"))?.unwrap_or_default())
}

async fn stored(target: &Target) -> Result<u64, LoadError> {
    let Some(database) = &target.database else { return Ok(0) };
    let size = match database {
        Database::Sqlite(_) => {
            "SELECT CAST(page_count * page_size AS TEXT) FROM pragma_page_count(), pragma_page_size()"
        }
        Database::Postgres(_) => "SELECT pg_database_size(current_database())::text",
    };
    let rows = database.texts(size.to_owned()).await?;
    let bytes = rows.into_iter().flatten().flatten().next();
    Ok(bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or_default())
}
