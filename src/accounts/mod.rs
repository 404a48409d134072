//! Accounts: signing in and staying signed in, services, projects and their members.
//!
//! The layer between HTTP and the store: it makes and checks secrets, hashes passwords, slows down
//! those who guess, and sees to it that what ends is felt at once. [`sessions`] and [`signing_in`]
//! are about people, [`services`] about programs, [`projects`] about who may go where. It knows
//! nothing of HTTP, sockets or SQL.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{
    auth::{Identity, OwnKeys, Revocations, keys::KeyError},
    config::AccountsConfig,
    network::Network,
    store::{AccountStore, StoreError},
};

pub mod checks;
pub mod hasher;
pub mod operator;
pub mod projects;
mod secret;
pub mod services;
pub mod sessions;
pub mod signing_in;
#[cfg(test)]
mod tests;
pub mod throttle;

pub use crate::store::accounts::{
    Client, Invitation, Member, Person, Project, ProjectError, Service, Session, Welcome,
};
pub use signing_in::{NewPerson, Profile, SignedIn};

use self::{checks::Fault, hasher::Hasher, throttle::Throttle};

/// What accounts can do. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Arc<dyn AccountStore>,
    keys: OwnKeys,
    settings: AccountsConfig,
    hasher: Hasher,
    throttle: Throttle,
    revocations: Arc<Revocations>,
    /// Told when rows were written that nobody has numbered.
    unnumbered: Arc<Notify>,
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// What the guesses of one place are counted by.
    pub network: Network,
    /// What the person is shown of it.
    pub client: Client,
}

/// Why something of an account was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The database cannot do it now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A token could not be signed, or a password not be hashed.
    #[error("the hub failed: {0}")]
    Internal(String),
    /// Too many passwords wait to be checked.
    #[error("too many people sign in at present; try again in a moment")]
    Full,
    /// Too many attempts.
    #[error("too many attempts; wait {} s", wait.as_secs().max(1))]
    TooMany {
        /// How long to wait.
        wait: Duration,
    },
    /// A field cannot be as it is.
    #[error("{0}")]
    Invalid(Fault),
    /// The password will not do.
    #[error("{0}")]
    WeakPassword(Fault),
    /// Somebody has this e-mail address.
    #[error("there is an account with this e-mail address; sign in, or ask for a new password")]
    EmailTaken,
    /// Nobody may register.
    #[error("nobody can register here; ask the operator for an account")]
    RegistrationClosed,
    /// Only with an invitation.
    #[error("registering needs an invitation; ask somebody for a link to a project")]
    InvitationNeeded,
    /// No such account, or another password: both look the same.
    #[error("the e-mail address or the password is wrong")]
    WrongPassword,
    /// The refresh token or the session is over.
    #[error("the session has ended; sign in again")]
    SessionOver,
    /// The refresh token was just used.
    #[error("the refresh token was just used; try again with the newest one")]
    RefreshRaced,
    /// The refresh token was used before.
    #[error("the refresh token was used before; the session has ended, sign in again")]
    RefreshReused,
    /// A link or a code is unknown, over or withdrawn.
    #[error("the link has expired or was withdrawn; ask for a new one")]
    LinkExpired,
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The person may not do it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A project was left as it was.
    #[error(transparent)]
    Project(ProjectError),
}

impl From<KeyError> for AccountError {
    fn from(error: KeyError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<ProjectError> for AccountError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Store(error) => Self::Store(error),
            error => Self::Project(error),
        }
    }
}

impl Accounts {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn AccountStore>,
        keys: OwnKeys,
        settings: AccountsConfig,
        revocations: Arc<Revocations>,
        unnumbered: Arc<Notify>,
    ) -> Self {
        let hasher = Hasher::new(settings.hashing);
        let throttle = Throttle::new(settings.attempts_per_minute);
        Self(Arc::new(Shared { store, keys, settings, hasher, throttle, revocations, unnumbered }))
    }

    /// A service stays within what it was made for.
    fn is_a_person(who: &Identity) -> Result<(), AccountError> {
        if who.is_service {
            let words = "a service stays within the projects that it was made for";
            return Err(AccountError::Forbidden(words));
        }
        Ok(())
    }

    /// Rows were written: they are numbered at once, not with the next round.
    fn wrote(&self) {
        self.0.unnumbered.notify_one();
    }

    /// Forgets what is over. Returns how many rows went.
    ///
    /// # Errors
    /// If the database cannot do it now.
    pub async fn forget_over(&self) -> Result<u64, StoreError> {
        self.0.store.forget_over(Timestamp::now()).await
    }
}
