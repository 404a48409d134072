//! What ended before its tokens did: sessions, services, accounts.
//!
//! Each node asks the database a few times a second what ended lately, and knows at once what ended
//! through itself. An end is remembered for as long as an access token of it could live.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use crate::store::{AccountStore, StoreError, accounts::Ended};

/// How often the database is asked.
pub const EVERY: Duration = Duration::from_millis(250);

/// How far back every question reaches beyond the last answer: transactions that took long, and
/// clocks of other nodes that are behind.
const OVERLAP: Duration = Duration::from_mins(1);

/// What ended.
#[derive(Debug)]
pub struct Revocations {
    store: Arc<dyn AccountStore>,
    /// How long an access token may live, leeway included.
    life: Duration,
    ended: RwLock<Known>,
    /// When the database was asked last, with success.
    asked: Mutex<Option<Timestamp>>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Known {
    credentials: HashMap<String, Instant>,
    people: HashSet<String>,
}

impl Revocations {
    /// Knows nothing before [`Revocations::refresh`].
    #[must_use]
    pub fn new(store: Arc<dyn AccountStore>, life: Duration) -> Self {
        let (ended, asked) = (RwLock::default(), Mutex::default());
        Self { store, life: life + OVERLAP, ended, asked, news: Notify::new() }
    }

    /// Whether this person, or what the person's token rests on, has ended.
    #[must_use]
    pub fn has_ended(&self, user: &str, credential: Option<&str>) -> bool {
        let known = self.ended.read();
        known.people.contains(user)
            || credential.is_some_and(|credential| known.credentials.contains_key(credential))
    }

    /// Notes on this node, at once, that a session or a service has ended.
    pub fn end(&self, credential: Uuid) {
        self.note(Ended::Credential(credential));
        self.news.notify_one();
    }

    /// Completes when something ended through this node.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Asks the database. Returns whether something is new.
    ///
    /// # Errors
    /// If the database cannot be read now; the next question reaches back as far as this one.
    pub async fn refresh(&self) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let last = *self.asked.lock();
        let back = if last.is_some() { OVERLAP } else { self.life };
        let mut is_new = false;
        if last.is_none() {
            for person in self.store.closed_people().await? {
                is_new |= self.note(Ended::Person(person));
            }
        }
        let since = last.unwrap_or(now).checked_sub(back).unwrap_or(Timestamp::MIN);
        for ended in self.store.ended_since(since).await? {
            is_new |= self.note(ended);
        }
        *self.asked.lock() = Some(now);
        self.forget_old();
        Ok(is_new)
    }

    fn note(&self, ended: Ended) -> bool {
        let mut known = self.ended.write();
        match ended {
            Ended::Person(user) => known.people.insert(user),
            Ended::Credential(id) => {
                known.credentials.insert(id.to_string(), Instant::now()).is_none()
            }
        }
    }

    fn forget_old(&self) {
        let is_old = |at: &Instant| at.elapsed() >= self.life;
        if self.ended.read().credentials.values().any(is_old) {
            self.ended.write().credentials.retain(|_, at| !is_old(at));
        }
    }
}
