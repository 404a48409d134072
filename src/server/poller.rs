//! Numbering what outside writers left. Nothing else is done here, so that their news wait for nothing
//! but the database.

use std::{sync::Arc, time::Duration};

use rowcast_protocol::{News, news::Degraded};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    session::{Services, sweep::Sockets},
    store::{Store, StoreError},
};

/// The longest wait while the database is away.
const LONGEST: Duration = Duration::from_secs(2);
/// What is told to clients when the database is away.
const STORE: &str = "store";

/// Numbers.
#[derive(Debug)]
pub(super) struct Poller {
    pub(super) services: Arc<Services>,
    pub(super) store: Arc<dyn Store>,
    pub(super) sockets: Vec<Arc<Sockets>>,
    /// Woken when something was recorded that nobody has numbered.
    pub(super) unnumbered: Arc<Notify>,
    /// How often it looks.
    pub(super) poll: Duration,
}

impl Poller {
    /// Works until told to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        let mut wait = self.poll;
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.unnumbered.notified() => {}
            }
            let result = self.number().await;
            if result.is_ok() {
                let waited = i64::try_from(looked.elapsed().as_millis()).unwrap_or(i64::MAX);
                self.services.metrics.numbering_lag_ms.set(waited);
                looked = Instant::now();
            }
            wait = if result.is_ok() { self.poll } else { (wait * 2).min(LONGEST) };
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
