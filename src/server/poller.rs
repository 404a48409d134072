//! What runs on the side: numbering what outside writers left, comparing heads, forgetting what is
//! too old.

use std::{sync::Arc, time::Duration};

use rowcast_protocol::{News, news::Degraded};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    accounts::Accounts,
    config::StoreConfig,
    session::{Services, sweep::Sockets},
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
/// The longest wait while the database is away.
const LONGEST: Duration = Duration::from_secs(2);
/// What is told to clients when the database is away.
const STORE: &str = "store";

/// The work on the side.
#[derive(Debug)]
pub(super) struct Poller {
    pub(super) services: Arc<Services>,
    pub(super) store: Arc<dyn Store>,
    pub(super) accounts: Accounts,
    pub(super) sockets: Vec<Arc<Sockets>>,
    /// Woken when something was recorded that nobody has numbered.
    pub(super) unnumbered: Arc<Notify>,
    pub(super) settings: StoreConfig,
    /// Sampled once a second.
    pub(super) pace: Arc<Pace>,
}

impl Poller {
    /// Works until told to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        let mut wait = self.settings.poll;
        let (mut compared, mut swept) = (Instant::now(), Instant::now());
        let mut trimmed: Option<Instant> = None;
        let mut looked = Instant::now();
        let mut sampled = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.unnumbered.notified() => {}
            }
            let mut result = self.number().await;
            if result.is_ok() {
                let waited = i64::try_from(looked.elapsed().as_millis()).unwrap_or(i64::MAX);
                self.services.metrics.numbering_lag_ms.set(waited);
                looked = Instant::now();
            }
            if sampled.elapsed() >= SAMPLE {
                sampled = Instant::now();
                self.pace.sample();
            }
            if result.is_ok() && compared.elapsed() >= COMPARE {
                compared = Instant::now();
                result = self.services.hub.check_heads(HEADS).await;
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.services.hub.sweep();
                self.services.access.forget_old();
            }
            if result.is_ok() && trimmed.is_none_or(|at| at.elapsed() >= TRIM) {
                trimmed = Some(Instant::now());
                result = self.trim().await;
            }
            wait = if result.is_ok() { self.settings.poll } else { (wait * 2).min(LONGEST) };
            self.note(result.as_ref().err());
        }
    }

    /// Numbers until nothing is left.
    async fn number(&self) -> Result<(), StoreError> {
        loop {
            let appended = self.store.number().await?;
            if appended.is_empty() {
                return Ok(());
            }
            for appended in &appended {
                self.services.hub.append(appended);
            }
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

    /// Tells everybody when the database goes away and when it is back.
    fn note(&self, error: Option<&StoreError>) {
        let away = error.is_some();
        let was_away = self.services.degraded.read().iter().any(|part| part == STORE);
        if away == was_away {
            return;
        }
        match error {
            Some(error) => warn!(%error, "the database is away"),
            None => info!("the database is back"),
        }
        self.services.metrics.store_up.set((!away).into());
        let parts: Vec<String> = away.then(|| STORE.to_owned()).into_iter().collect();
        (*self.services.degraded.write()).clone_from(&parts);
        let news = News::Degraded(Degraded { parts });
        for socket in self.sockets.iter().flat_map(|sockets| sockets.open()) {
            socket.send(&news);
        }
    }
}
