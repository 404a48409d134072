//! Who may come in, and who must go: the verifier, what ended, and the sockets that rested on it.

use std::{sync::Arc, time::Duration};

use rowcast_protocol::CloseCode;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::error::ServeError;
use crate::{
    accounts::Accounts,
    auth::{OwnKeys, Revocations, ServiceTokens, Verifier, revocations::EVERY},
    config::Config,
    session::sweep::Sockets,
    store::Store,
};

/// How often the files of the hub's own keys are read again.
const REREAD: Duration = Duration::from_secs(5);

/// The verifier, and what it must know.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) verifier: Arc<Verifier>,
    revocations: Arc<Revocations>,
    keys: OwnKeys,
}

impl Entrance {
    /// Learns what has ended, before anybody comes in.
    pub(super) async fn open(config: &Config, store: &Arc<dyn Store>) -> Result<Self, ServeError> {
        let keys = OwnKeys::load(&config.auth, &config.key_folder())?;
        let accounts = Arc::clone(store).accounts();
        let life = config.accounts.access_life + config.auth.leeway;
        let revocations = Arc::new(Revocations::new(Arc::clone(&accounts), life));
        revocations.refresh().await?;
        let verifier = Verifier::new(&config.auth, &keys)?
            .with_accounts(ServiceTokens::new(accounts), Arc::clone(&revocations));
        Ok(Self { verifier: Arc::new(verifier), revocations, keys })
    }

    /// The accounts behind it.
    pub(super) fn accounts(
        &self,
        config: &Config,
        store: &Arc<dyn Store>,
        unnumbered: &Arc<Notify>,
    ) -> Accounts {
        Accounts::new(
            Arc::clone(store).accounts(),
            self.keys.clone(),
            config.accounts.clone(),
            Arc::clone(&self.revocations),
            Arc::clone(unnumbered),
        )
    }

    /// Asks again and again what has ended, and closes the sockets that rested on it; reads the
    /// keys again now and then.
    pub(super) async fn guard(self, sockets: Vec<Arc<Sockets>>, stop: CancellationToken) {
        stop.run_until_cancelled(self.watch(&sockets)).await;
    }

    async fn watch(&self, sockets: &[Arc<Sockets>]) {
        let mut read = Instant::now();
        let mut away = false;
        loop {
            let here = tokio::select! {
                () = tokio::time::sleep(EVERY) => false,
                () = self.revocations.news() => true,
            };
            let elsewhere = self.revocations.refresh().await;
            if let Err(error) = &elsewhere
                && !away
            {
                warn!(%error, "what has ended cannot be read");
            }
            away = elsewhere.is_err();
            if here || elsewhere.unwrap_or(false) {
                self.send_away(sockets);
            }
            if read.elapsed() >= REREAD {
                read = Instant::now();
                self.reread_keys().await;
            }
        }
    }

    fn send_away(&self, sockets: &[Arc<Sockets>]) {
        for socket in sockets.iter().flat_map(|sockets| sockets.open()) {
            let ended = socket
                .holder_is(|of| self.revocations.has_ended(&of.user, of.credential.as_deref()));
            if ended {
                info!("a socket is closed whose session has ended");
                socket.close(CloseCode::Unauthorized);
            }
        }
    }

    async fn reread_keys(&self) {
        let keys = self.keys.clone();
        match tokio::task::spawn_blocking(move || keys.reread()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => warn!(%error, "the keys cannot be read again"),
        }
    }
}
