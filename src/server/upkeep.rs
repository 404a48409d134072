//! What is done now and then, each in a task of its own: comparing heads, forgetting what is too old,
//! counting. None waits for another.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

use crate::{
    accounts::Accounts,
    config::StoreConfig,
    session::Services,
    stats::Pace,
    store::{Store, StoreError},
};

/// How often the heads of open channels are compared with the store's. What another process numbered
/// is found by this, a removed member among it: well within the second in which that must count.
const COMPARE: Duration = Duration::from_millis(250);
/// How often the pace is sampled.
const SAMPLE: Duration = Duration::from_secs(1);
/// Heads read at a time.
const HEADS: usize = 1000;
/// How often channels that nobody follows and answers that no longer count are forgotten.
const SWEEP: Duration = Duration::from_secs(10);
/// How often old entries and outcomes are forgotten.
const TRIM: Duration = Duration::from_secs(15 * 60);
/// How long to wait after the database was away.
const AGAIN: Duration = Duration::from_secs(10);

/// What the tasks need.
#[derive(Debug)]
pub(super) struct Upkeep {
    services: Arc<Services>,
    store: Arc<dyn Store>,
    accounts: Accounts,
    settings: StoreConfig,
    pace: Arc<Pace>,
}

#[derive(Debug, Clone, Copy)]
enum Duty {
    Compare,
    Count,
    Forget,
}

impl Upkeep {
    /// `pace` is sampled once a second.
    pub(super) fn new(
        services: &Arc<Services>,
        store: &Arc<dyn Store>,
        settings: &StoreConfig,
        accounts: Accounts,
        pace: Arc<Pace>,
    ) -> Self {
        let (services, store) = (Arc::clone(services), Arc::clone(store));
        Self { services, store, accounts, settings: settings.clone(), pace }
    }

    /// Starts the tasks, which work until told to stop.
    pub(super) fn start(self, tracker: &TaskTracker, stop: &CancellationToken) {
        let this = Arc::new(self);
        for duty in [Duty::Compare, Duty::Count, Duty::Forget] {
            let (this, stop) = (Arc::clone(&this), stop.clone());
            tracker.spawn(async move {
                stop.run_until_cancelled(this.does(duty)).await;
            });
        }
    }

    async fn does(&self, duty: Duty) {
        match duty {
            Duty::Compare => self.compare().await,
            Duty::Count => self.count().await,
            Duty::Forget => self.forget().await,
        }
    }

    async fn compare(&self) {
        loop {
            tokio::time::sleep(COMPARE).await;
            if let Err(error) = self.services.hub.check_heads(HEADS).await {
                debug!(%error, "heads cannot be compared");
            }
        }
    }

    async fn count(&self) {
        for second in 1_u64.. {
            tokio::time::sleep(SAMPLE).await;
            self.pace.sample();
            if second.is_multiple_of(SWEEP.as_secs()) {
                self.services.hub.sweep();
                self.services.access.forget_old();
            }
        }
    }

    async fn forget(&self) {
        loop {
            let wait = match self.trim().await {
                Ok(()) => TRIM,
                Err(error) => {
                    warn!(%error, "what is old cannot be forgotten now");
                    AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn trim(&self) -> Result<(), StoreError> {
        let settings = &self.settings;
        let trimmed = self.store.trim(settings.keep_log, settings.keep_outcomes).await?;
        let over = self.accounts.forget_over().await?;
        if trimmed.entries + trimmed.outcomes + over > 0 {
            let (entries, outcomes) = (trimmed.entries, trimmed.outcomes);
            info!(entries, outcomes, accounts = over, "forgot what is old");
        }
        Ok(())
    }
}
