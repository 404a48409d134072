//! Tokens of services: no claims, only chance; what they stand for is in the database.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Identity, TokenError, shown_name};
use crate::store::{
    AccountStore,
    accounts::{Hash, Service},
};

/// How every token of a service begins.
const PREFIX: &str = "rcs_";

/// How long an answer of the database counts.
const REMEMBERED: Duration = Duration::from_millis(500);

/// Answers that are kept before all are forgotten.
const MOST: usize = 10_000;

/// Looks up tokens of services, and remembers the answers for a moment.
#[derive(Debug)]
pub struct ServiceTokens {
    store: Arc<dyn AccountStore>,
    known: Mutex<HashMap<Hash, (Instant, Option<Identity>)>>,
}

impl ServiceTokens {
    /// Asks this store.
    #[must_use]
    pub fn new(store: Arc<dyn AccountStore>) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// A new token that nobody can guess.
    #[must_use]
    pub fn generate() -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// Whether a text looks like a token of a service.
    pub(super) fn is_one(token: &str) -> bool {
        token.starts_with(PREFIX) && token.len() <= 64
    }

    /// The service whose token this is.
    pub(super) async fn find(&self, token: &str) -> Result<Identity, TokenError> {
        let hash = Hash::of(token);
        let known = self.known.lock().get(&hash).cloned();
        if let Some((at, identity)) = known
            && at.elapsed() < REMEMBERED
        {
            return identity.ok_or(TokenError::Revoked);
        }
        let asked = Instant::now();
        let found = self.store.service_of(&hash, Timestamp::now()).await.map_err(|error| {
            tracing::warn!(%error, "a service's token cannot be looked up");
            TokenError::Unavailable
        })?;
        let identity = found.map(identity);
        let mut known = self.known.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(hash, (asked, identity.clone()));
        identity.ok_or(TokenError::Revoked)
    }
}

fn identity(service: Service) -> Identity {
    Identity {
        user: service.user.into(),
        name: Some(shown_name(&service.name)),
        expires: service.expires.unwrap_or(Timestamp::MAX),
        issuer: "service".into(),
        session: Some(service.id.to_string().into()),
        admin: false,
        is_service: true,
        queues: service.queues.into(),
    }
}
