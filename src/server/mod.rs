//! The running hub: builds the parts, starts the workers, accepts connections, drains.
//!
//! Threads: the main runtime commits, polls and accepts; each worker is a single-threaded runtime
//! with its own share of the sockets and its own flush loop.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Notify,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    auth::{Access, Verifier},
    commit::{self, Checker, Committer},
    config::Config,
    http::{App, Parts},
    hub::{Flusher, Hub},
    metrics::Metrics,
    reads::{Reads, Turns},
    session::{Door, Places, Services, sweep::Sockets},
    stats::Pace,
    store::{self, Made, Store, StoreError},
};

mod accept;
mod connection;
mod demo;
mod drain;
mod entrance;
mod error;
mod framing;
mod poller;
mod recheck;
mod settings;
mod stream;
mod tables;
mod upkeep;
mod worker;

pub use connection::Peer;
pub use demo::DemoLink;
pub use error::ServeError;
pub use stream::HttpStream;

/// How long tasks may take to end once everything was told to.
const GRACE: Duration = Duration::from_secs(10);

/// How often a database is opened whose tables somebody changes meanwhile.
const STARTS: u32 = 5;

/// Connections that wait to be accepted. When it is full the kernel drops the rest, and they try
/// again a second later: everybody who comes back at once after a restart must fit. The system's
/// own bound (`net.core.somaxconn`, 4096) may be lower.
const BACKLOG: u32 = 4096;

/// A hub that runs.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// One-time links for the demo people who have no password, if there is a demo.
    pub demo_links: Vec<DemoLink>,
    config: Config,
    services: Arc<Services>,
    store: Arc<dyn Store>,
    sockets: Vec<Arc<Sockets>>,
    /// No new connections, no work on the side.
    stop: CancellationToken,
    /// Tells `/readyz` that this node is about to stop.
    draining: Arc<std::sync::atomic::AtomicBool>,
    tracker: TaskTracker,
    workers: Vec<std::thread::JoinHandle<()>>,
    /// The database is this hub's until it has stopped.
    claim: Option<store::claim::Claim>,
}

/// Runs a hub until the process is told to stop.
///
/// # Errors
/// If it cannot start.
pub async fn run(config: Config) -> Result<(), ServeError> {
    let stop = stop_signal()?;
    let server = Server::start(config).await?;
    server.greet_operator();
    stop.await;
    info!("stopping; a second signal stops at once");
    let again = stop_signal()?;
    tokio::select! {
        () = server.drain() => {}
        () = again => warn!("stopped without draining"),
    }
    Ok(())
}

/// Completes when the process is told to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl Server {
    /// Opens the database, which is migrated if need be, and starts serving.
    ///
    /// # Errors
    /// If the database is not fit, the address is taken, or a key cannot be read.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        Self::start_with(config, |store| store).await
    }

    /// As [`Server::start`], on what `wrap` makes of the store.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(
        config: Config,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Result<Self, ServeError> {
        #[cfg(feature = "planted-bugs")]
        crate::planted::plant(config.bug);
        // The address first: a hub that cannot listen leaves no database behind, which would no
        // longer be new, and so without a demo, when it is started elsewhere.
        let listener = listen(config.server.listen)?;
        let address = listener.local_addr().map_err(ServeError::Address)?;
        let claim = store::claim::claim(&config, address)?;
        let (store, made) = open_store(&config).await?;
        let mut server = Self::start_on(config, listener, wrap(store), made).await?;
        server.claim = Some(claim);
        Ok(server)
    }

    /// Starts serving on a store that is open.
    ///
    /// # Errors
    /// If a key cannot be read.
    async fn start_on(
        mut config: Config,
        listener: TcpListener,
        store: Arc<dyn Store>,
        made: Made,
    ) -> Result<Self, ServeError> {
        let address = listener.local_addr().map_err(ServeError::Address)?;
        // Links name the port that was bound.
        config.server.listen = address;
        let entrance = entrance::Entrance::open(&config, &store).await?;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let flushers: Vec<_> =
            (0..settings::workers(&config)).map(|index| Arc::new(Flusher::new(index))).collect();
        let unnumbered = Arc::new(Notify::new());
        let verifier = Arc::clone(&entrance.verifier);
        let services = services(&config, &store, verifier, &flushers, &unnumbered, &tracker);
        let sockets: Vec<_> = flushers.iter().map(|_| Arc::new(Sockets::default())).collect();
        let (demo_links, demo) = demo::prepare(&config, made, &store, address).await?;
        let draining = Arc::default();
        let door = Arc::new(Door::new(settings::room(&config)));
        let accounts = entrance.accounts(&config, &store, &unnumbered);
        let pace = Arc::new(Pace::new(Arc::clone(&services.metrics)));
        let parts = Parts {
            services: Arc::clone(&services),
            reads: Reads::new(Arc::clone(&store)),
            pace: Arc::clone(&pace),
            accounts: accounts.clone(),
            draining: Arc::clone(&draining),
            demo,
            door: Arc::clone(&door),
        };
        let app = App::new(&config, parts);
        let started = worker::start_all(&app, &flushers, &sockets, &stop, &tracker)?;
        let (threads, workers): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let acceptor = accept::Acceptor {
            door,
            trusted_proxies: config.server.trusted_proxies.clone(),
            workers,
            metrics: Arc::clone(&services.metrics),
            tracker: tracker.clone(),
        };
        tracker.spawn(acceptor.run(listener, stop.clone()));
        sweep(&sockets, &services, &stop, &tracker);
        let poller = poller::Poller {
            services: Arc::clone(&services),
            store: Arc::clone(&store),
            sockets: sockets.clone(),
            unnumbered,
            poll: config.store.poll,
        };
        tracker.spawn(poller.run(stop.clone()));
        let upkeep = upkeep::Upkeep::new(&services, &store, &config.store, accounts, pace);
        upkeep.start(&tracker, &stop);
        tracker.spawn(tables::TableWatch::new(&services, &store, &sockets).run(stop.clone()));
        let (access, hub) = (Arc::clone(&services.access), services.hub.clone());
        tracker.spawn(recheck::net(access, hub, stop.clone()));
        tracker.spawn(entrance.guard(sockets.clone(), stop.clone()));
        Ok(Self {
            address,
            demo_links,
            config,
            services,
            store,
            sockets,
            stop,
            draining,
            tracker,
            workers: threads,
            claim: None,
        })
    }

    fn greet_operator(&self) {
        info!(
            address = %self.address,
            database = %self.config.store.url,
            workers = self.sockets.len(),
            "rowcast listens"
        );
        let server = &self.config.server;
        let url = server.public_url.clone().unwrap_or_else(|| format!("http://{}", self.address));
        let heading = if self.demo_links.is_empty() {
            format!(
                "Open {url} and sign in. `rowcast account reset EMAIL` prints a link that sets a new \
                 password, `rowcast account create EMAIL --name NAME` makes an account."
            )
        } else {
            "A demo project. Open each link in a browser of its own; it works once, and the next start \
             prints new ones:"
                .to_owned()
        };
        let links = self.demo_links.iter().map(|link| format!("\n{link}")).collect::<String>();
        // For the person at the terminal, whatever the log is set to. A hub to whom nobody listens
        // runs on.
        let _unheard = writeln!(io::stdout(), "{heading}{links}");
    }

    /// What works less well at present, for tests and for `/readyz`.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Sends the clients away, spread over the drain time, finishes what is under way, and ends.
    pub async fn drain(self) {
        self.draining.store(true, std::sync::atomic::Ordering::Release);
        drain::send_away(&self.sockets, self.config.server.drain).await;
        self.stop.cancel();
        drop(self.services);
        self.tracker.close();
        if tokio::time::timeout(GRACE, self.tracker.wait()).await.is_err() {
            warn!(tasks = self.tracker.len(), "some tasks did not end in time");
        }
        self.store.close().await;
        for worker in self.workers {
            // A worker ends with its last task; the process does not wait for one that hangs.
            if worker.is_finished() && worker.join().is_err() {
                warn!("a worker had panicked");
            }
        }
        drop(self.claim);
        info!("stopped");
    }
}

/// Looks at the deadlines of each worker's sockets.
fn sweep(
    sockets: &[Arc<Sockets>],
    services: &Arc<Services>,
    stop: &CancellationToken,
    tracker: &TaskTracker,
) {
    for sockets in sockets {
        let (sockets, services) = (Arc::clone(sockets), Arc::clone(services));
        let until = stop.clone();
        tracker.spawn(async move {
            until.run_until_cancelled(sockets.run_sweep(&services.settings)).await;
        });
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    bind(address).map_err(|source| ServeError::Listen { address, source })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Somebody else's migration may come between ours and the look at what it left, so both are tried
/// again.
async fn open_store(config: &Config) -> Result<(Arc<dyn Store>, Made), StoreError> {
    let made = store::migrate(config).await?;
    for _ in 1..STARTS {
        match store::open(config).await {
            Err(StoreError::Unfit(_)) => store::migrate(config).await.map(drop)?,
            opened => return Ok((opened?, made)),
        }
    }
    Ok((store::open(config).await?, made))
}

/// What sessions use, on an open store.
fn services(
    config: &Config,
    store: &Arc<dyn Store>,
    verifier: Arc<Verifier>,
    flushers: &[Arc<Flusher>],
    unnumbered: &Arc<Notify>,
    tracker: &TaskTracker,
) -> Arc<Services> {
    let metrics = Arc::new(Metrics::default());
    // It was opened just now; so the first edit does not find it back.
    metrics.store_up.set(1);
    let (log, of_hub) = (Arc::clone(store), settings::hub(config));
    let hub = Hub::new(log, of_hub, Arc::clone(&metrics), tracker.clone(), flushers.to_vec());
    let access = Arc::new(Access::new(Arc::clone(store)));
    let parts = commit::Parts {
        store: Arc::clone(store),
        hub: hub.clone(),
        rights: Arc::clone(&access) as _,
        metrics: Arc::clone(&metrics),
        unnumbered: Arc::clone(unnumbered),
    };
    let committer = Committer::start(parts, settings::commit(config), tracker);
    hub.watch_access(recheck::Recheck::new(Arc::clone(&access), tracker.clone()));
    Arc::new(Services {
        settings: settings::session(config),
        checker: Checker::new(Arc::clone(store)),
        turns: Turns::default(),
        people: Places::new(settings::bound(config.limits.sockets_per_user)),
        person_rates: settings::person_rates(config),
        hub,
        committer,
        verifier,
        access,
        metrics,
        degraded: parking_lot::RwLock::default(),
    })
}
