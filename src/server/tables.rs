//! Watching the tables: whoever changes them while the hub runs, it follows within a second, and tells.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    session::{SchemaNews, Services, sweep::Sockets},
    store::{LiveSchema, Store, StoreError},
};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(400);

/// Follows the tables.
#[derive(Debug)]
pub(super) struct TableWatch {
    services: Arc<Services>,
    store: Arc<dyn Store>,
    sockets: Vec<Arc<Sockets>>,
    /// The tables as everybody was told.
    told: Arc<LiveSchema>,
    is_failing: bool,
}

impl TableWatch {
    pub(super) fn new(
        services: &Arc<Services>,
        store: &Arc<dyn Store>,
        sockets: &[Arc<Sockets>],
    ) -> Self {
        let told = store.schema();
        let (services, store) = (Arc::clone(services), Arc::clone(store));
        Self { services, store, sockets: sockets.to_vec(), told, is_failing: false }
    }

    /// Watches until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.watch()).await;
    }

    async fn watch(&mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let looked = self.look().await;
            if let Err(error) = &looked
                && !self.is_failing
            {
                warn!(%error, "the tables cannot be looked at");
            }
            self.is_failing = looked.is_err();
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let looked = self.store.refresh().await;
        // A commit may have found the change before.
        let now = self.store.schema();
        if !Arc::ptr_eq(&now, &self.told) {
            self.told = now;
            self.tell();
        }
        for appended in looked? {
            self.services.hub.append(&appended);
        }
        Ok(())
    }

    fn tell(&self) {
        let (live, unwatched) = (self.told.tables.len(), &self.told.unwatched);
        let names: Vec<&str> = unwatched.iter().map(|table| table.name.as_str()).collect();
        info!(hash = self.told.wire.hash, live, not_live = ?names, "the tables have changed");
        self.services.metrics.schema_changes.inc();
        let count = i64::try_from(unwatched.len()).unwrap_or(i64::MAX);
        self.services.metrics.tables_not_live.set(count);
        SchemaNews::new(&self.told.wire).tell(&self.sockets);
        self.services.hub.begin_again_without_logs();
    }
}
