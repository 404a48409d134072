//! Staying signed in, and signing out.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{AccountError, Accounts, Origin, Profile, SignedIn};
use crate::{
    auth::Identity,
    store::accounts::{Hash, OfSession, Rotation, Session},
};

/// How long after a refresh token's first use a second one is no theft: two tabs, a lost answer.
pub const RACE: Duration = Duration::from_secs(10);

impl Accounts {
    /// Exchanges a refresh token for new tokens. It works once.
    ///
    /// # Errors
    /// [`AccountError::RefreshRaced`], [`AccountError::RefreshReused`],
    /// [`AccountError::SessionOver`].
    pub async fn refresh(&self, token: &str, from: &Origin) -> Result<SignedIn, AccountError> {
        let fresh = self.fresh(Uuid::nil(), "", from);
        let (hash, now) = (Hash::of(token), Timestamp::now());
        match self.0.store.rotate(&hash, &fresh.session, RACE, now).await? {
            Rotation::Done { session, account } => self.signed_in(&account, session, fresh.refresh),
            Rotation::Raced => Err(AccountError::RefreshRaced),
            Rotation::Reused { session } => {
                tracing::warn!(%session, address = from.client.address,
                    "a used refresh token came again; its session was ended");
                self.0.revocations.end(session);
                Err(AccountError::RefreshReused)
            }
            Rotation::Unknown => Err(AccountError::SessionOver),
        }
    }

    /// Signs out: ends the session of the refresh token, or else of the access token. Tokens that
    /// are over are none.
    ///
    /// # Errors
    /// If the database cannot do it now.
    pub async fn sign_out(
        &self,
        token: Option<&str>,
        who: Option<&Identity>,
    ) -> Result<(), AccountError> {
        if let Some(of) = self.of_token(token, who).await? {
            self.end(&of.user, of.session).await?;
        }
        Ok(())
    }

    /// Signs out everywhere.
    ///
    /// # Errors
    /// [`AccountError::SessionOver`] if there is neither a valid token.
    pub async fn sign_out_everywhere(
        &self,
        token: Option<&str>,
        who: Option<&Identity>,
    ) -> Result<(), AccountError> {
        let user = match who {
            Some(who) => who.user.to_string(),
            None => {
                let of = self.of_token(token, None).await?;
                // One that was used up ends its own session and no other.
                let of = of.filter(|of| !of.used).ok_or(AccountError::SessionOver)?;
                let open = self.0.store.sessions(&of.user, Timestamp::now()).await?;
                if !open.iter().any(|session| session.id == of.session) {
                    return Err(AccountError::SessionOver);
                }
                of.user
            }
        };
        for id in self.0.store.end_sessions(&user, Timestamp::now()).await? {
            self.0.revocations.end(id);
        }
        Ok(())
    }

    async fn of_token(
        &self,
        token: Option<&str>,
        who: Option<&Identity>,
    ) -> Result<Option<OfSession>, AccountError> {
        if let Some(token) = token {
            return Ok(self.0.store.session_of(&Hash::of(token)).await?);
        }
        let Some(who) = who else { return Ok(None) };
        let session = who.session.as_deref().and_then(|id| id.parse().ok());
        Ok(session.map(|session| OfSession { session, user: who.user.to_string(), used: false }))
    }

    async fn end(&self, user: &str, id: Uuid) -> Result<bool, AccountError> {
        let ended = self.0.store.end_session(user, id, Timestamp::now()).await?;
        if ended {
            self.0.revocations.end(id);
        }
        Ok(ended)
    }

    /// Ends one of a person's own sessions.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] if the person has no such open session.
    pub async fn end_session(&self, who: &Identity, id: Uuid) -> Result<(), AccountError> {
        if self.end(&who.user, id).await? { Ok(()) } else { Err(AccountError::NotFound("session")) }
    }

    /// A person's open sessions, the one used last first.
    ///
    /// # Errors
    /// If the database cannot be read now.
    pub async fn sessions(&self, who: &Identity) -> Result<Vec<Session>, AccountError> {
        Ok(self.0.store.sessions(&who.user, Timestamp::now()).await?)
    }

    /// Who this is.
    ///
    /// # Errors
    /// If the database cannot be read now.
    pub async fn profile(&self, who: &Identity) -> Result<Profile, AccountError> {
        let account = self.0.store.account(&who.user).await?;
        Ok(account.map_or_else(
            || Profile {
                id: who.user.to_string(),
                name: who.name.clone().unwrap_or_else(|| who.user.to_string()),
                email: None,
                admin: who.admin,
                has_password: false,
            },
            |account| Profile::from(&account),
        ))
    }
}
