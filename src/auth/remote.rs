//! The keys of another issuer: fetched when they are needed, kept, and used on for a while when
//! they cannot be fetched again.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use parking_lot::RwLock;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use super::{
    TokenError,
    fetch::Fetcher,
    jwks::{KeySet, VerifyingKey},
};

/// How old keys become before they are fetched again; a key that its issuer took back is not
/// believed for longer.
const FRESH: Duration = Duration::from_mins(10);

/// How long after a fetch nobody fetches again, whatever tokens come.
const COOL_DOWN: Duration = Duration::from_secs(15);

/// Where keys come from.
#[derive(Debug)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The web.
    Web(Box<Fetcher>),
}

impl Source {
    async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => tokio::fs::read(path).await.map_err(|error| error.to_string()),
            Self::Web(fetcher) => fetcher.get().await.map_err(|error| error.to_string()),
        }
    }
}

/// The keys of one issuer, with their age.
#[derive(Debug)]
pub struct RemoteKeys {
    issuer: String,
    source: Source,
    algorithms: Vec<Algorithm>,
    stale: Duration,
    known: RwLock<Known>,
    /// Held by whoever fetches; the others wait for the outcome.
    fetching: Mutex<()>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    keys: KeySet,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

impl Known {
    fn is_younger_than(&self, age: Duration) -> bool {
        self.fetched.is_some_and(|at| at.elapsed() < age)
    }

    fn may_try(&self) -> bool {
        self.tried.is_none_or(|at| at.elapsed() >= COOL_DOWN)
    }
}

impl RemoteKeys {
    /// Keys that are fetched when the first token needs them.
    #[must_use]
    pub fn new(
        issuer: String,
        source: Source,
        algorithms: Vec<Algorithm>,
        stale: Duration,
    ) -> Self {
        let known = RwLock::new(Known::default());
        Self { issuer, source, algorithms, stale, known, fetching: Mutex::new(()) }
    }

    /// The key with this id for this algorithm. Fetches if the key is unknown or the keys are old,
    /// once for all who ask, and not again before a cool-down is over.
    ///
    /// # Errors
    /// If the issuer has no such key, or its keys cannot be had.
    pub async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<VerifyingKey>, TokenError> {
        let known = self.known.read().clone();
        let key = known.keys.find(id, algorithm).filter(|_| known.is_younger_than(self.stale));
        match key {
            Some(key) if known.is_younger_than(FRESH) || !known.may_try() => return Ok(key),
            // One asker fetches; meanwhile the others make do with what there is.
            Some(key) => match self.fetching.try_lock() {
                Ok(turn) => self.fetch(turn).await,
                Err(_) => return Ok(key),
            },
            None if known.may_try() => self.fetch_once(known.tried).await,
            None => {}
        }
        let known = self.known.read().clone();
        if !known.is_younger_than(self.stale) {
            return Err(TokenError::KeysUnavailable);
        }
        known.keys.find(id, algorithm).ok_or(TokenError::UnknownKey)
    }

    /// Fetches, unless somebody else did since `last`.
    async fn fetch_once(&self, last: Option<Instant>) {
        let turn = self.fetching.lock().await;
        if self.known.read().tried == last {
            self.fetch(turn).await;
        }
    }

    /// The cool-down begins when the fetch ends, so that an asker who goes away in the middle keeps
    /// nobody from trying.
    async fn fetch(&self, _turn: MutexGuard<'_, ()>) {
        let outcome = self.source.read().await.and_then(|text| {
            KeySet::parse(&text, &self.algorithms).map_err(|error| error.to_string())
        });
        let mut known = self.known.write();
        known.tried = Some(Instant::now());
        match outcome {
            Ok(keys) => {
                known.keys = keys;
                known.fetched = known.tried;
            }
            Err(error) => {
                tracing::warn!(issuer = self.issuer, error, "cannot fetch an issuer's keys");
            }
        }
    }
}
