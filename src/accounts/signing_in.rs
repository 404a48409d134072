//! Registering, signing in, passwords: whatever begins a session.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{AccountError, Accounts, Origin, checks, hasher::Verdict, secret};
use crate::{
    auth::{Identity, keys::Grant, shown_name},
    config::RegistrationPolicy,
    network::Network,
    store::accounts::{Account, Hash, NewAccount, NewSession, Registration},
};

/// How long a code that sets a new password works.
pub const RESET_LIFE: Duration = Duration::from_hours(24);

/// Somebody who registers.
#[derive(Clone)]
pub struct NewPerson {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// What others see.
    pub name: String,
    /// The code of an invitation.
    pub invitation: Option<String>,
}

impl std::fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPerson")
    }
}

/// A person as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The id.
    pub id: String,
    /// What others see.
    pub name: String,
    /// The e-mail address; `None`: an account of another issuer.
    pub email: Option<String>,
    /// Whether this is an administrator.
    pub admin: bool,
    /// Whether there is a password to sign in with.
    pub has_password: bool,
}

impl From<&Account> for Profile {
    fn from(account: &Account) -> Self {
        Self {
            id: account.user.clone(),
            name: account.name.clone(),
            email: Some(account.email.clone()),
            admin: account.admin,
            has_password: account.password.is_some(),
        }
    }
}

/// A session and its newest tokens.
#[derive(Clone)]
pub struct SignedIn {
    /// The access token.
    pub access: String,
    /// When it ends.
    pub expires: Timestamp,
    /// The refresh token; it works once.
    pub refresh: String,
    /// How long the session lasts if it is not used.
    pub refresh_life: Duration,
    /// Whose it is.
    pub person: Profile,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedIn({})", self.person.id)
    }
}

/// A refresh token to be stored, and the secret itself.
pub(super) struct Fresh {
    pub(super) session: NewSession,
    pub(super) refresh: String,
}

impl Accounts {
    /// Makes an account and signs its person in.
    ///
    /// # Errors
    /// Everything about fields, registration, attempts.
    pub async fn register(&self, new: &NewPerson, from: &Origin) -> Result<SignedIn, AccountError> {
        self.0.throttle.attempt(from.network)?;
        match self.0.settings.registration {
            RegistrationPolicy::Closed => return Err(AccountError::RegistrationClosed),
            RegistrationPolicy::Invited if new.invitation.is_none() => {
                return Err(AccountError::InvitationNeeded);
            }
            RegistrationPolicy::Open | RegistrationPolicy::Invited => {}
        }
        let invitation = new.invitation.as_deref().map(Hash::of);
        self.refuse_dead_invitation(invitation.as_ref()).await?;
        let account = self.create(new, false, invitation).await?;
        self.open_session(&account, from).await
    }

    /// Before any work is done for it.
    async fn refuse_dead_invitation(&self, code: Option<&Hash>) -> Result<(), AccountError> {
        let Some(code) = code else { return Ok(()) };
        match self.0.store.look(code, Timestamp::now()).await? {
            Some(_) => Ok(()),
            None => Err(AccountError::LinkExpired),
        }
    }

    async fn create(
        &self,
        new: &NewPerson,
        admin: bool,
        invitation: Option<Hash>,
    ) -> Result<Account, AccountError> {
        let email = checks::email(&new.email)?;
        let name = checks::name("name", &new.name, 100)?;
        checks::password("password", &new.password, &email)?;
        let password = Some(self.0.hasher.hash(&new.password).await?);
        let user = secret::person_id();
        let account = NewAccount { user, email, name, password, admin, invitation };
        match self.0.store.register(&account, Timestamp::now()).await? {
            Registration::Done(account) => {
                self.wrote();
                Ok(account)
            }
            Registration::EmailTaken => Err(AccountError::EmailTaken),
            Registration::NoInvitation => Err(AccountError::LinkExpired),
        }
    }

    /// Signs in with a password. Whether there is no such person, the account is closed or the
    /// password wrong: the same answer after the same work.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`]; [`AccountError::TooMany`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: &Origin,
    ) -> Result<SignedIn, AccountError> {
        self.0.throttle.attempt_on(from.network, email)?;
        let account = self.0.store.account_of(email).await?;
        if !self.was_here(account.as_ref(), from).await? {
            self.0.throttle.attempt_from_anywhere(email)?;
        }
        let open = account.filter(|account| !account.closed);
        let hash = open.as_ref().and_then(|account| account.password.as_deref());
        let verdict = self.0.hasher.compare(password, hash).await?;
        let Some(account) = open.filter(|_| verdict.fits) else {
            return Err(AccountError::WrongPassword);
        };
        self.0.throttle.succeeded(from.network, email);
        let signed_in = self.open_session(&account, from).await?;
        self.rehash_if_outdated(&account, password, verdict).await?;
        Ok(signed_in)
    }

    /// Whether a person was signed in from this network before. Without an account it is asked too, so that the
    /// time does not tell.
    async fn was_here(
        &self,
        account: Option<&Account>,
        from: &Origin,
    ) -> Result<bool, AccountError> {
        let user = account.map_or("", |account| &account.user);
        let addresses = self.0.store.addresses(user).await?;
        let mut networks = addresses.iter().filter_map(|address| address.parse().ok());
        Ok(networks.any(|address| Network::of(address) == from.network))
    }

    async fn rehash_if_outdated(
        &self,
        account: &Account,
        password: &str,
        verdict: Verdict,
    ) -> Result<(), AccountError> {
        let Some(old) = account.password.as_deref().filter(|_| verdict.outdated) else {
            return Ok(());
        };
        let new = self.0.hasher.hash(password).await?;
        Ok(self.0.store.rehash(&account.user, old, &new).await?)
    }

    /// Signs somebody in who has proved otherwise who it is.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] if the person has no open account.
    pub async fn sign_in_as(&self, user: &str, from: &Origin) -> Result<SignedIn, AccountError> {
        let account = self.0.store.account(user).await?.filter(|account| !account.closed);
        self.open_session(&account.ok_or(AccountError::NotFound("account"))?, from).await
    }

    /// Changes the password of somebody who is signed in, or sets the first one. Every other session of the
    /// person ends; this one goes on with new tokens.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], [`AccountError::WeakPassword`], [`AccountError::TooMany`].
    pub async fn change_password(
        &self,
        who: &Identity,
        current: Option<&str>,
        new: &str,
        from: &Origin,
    ) -> Result<SignedIn, AccountError> {
        let account = self.0.store.account(&who.user).await?.filter(|account| !account.closed);
        let account = account.ok_or(AccountError::Forbidden("this person has no account here"))?;
        self.0.throttle.attempt_on(from.network, &account.email)?;
        if !self.was_here(Some(&account), from).await? {
            self.0.throttle.attempt_from_anywhere(&account.email)?;
        }
        if let Some(hash) = account.password.as_deref() {
            let verdict = self.0.hasher.compare(current.unwrap_or(""), Some(hash)).await?;
            if !verdict.fits {
                return Err(AccountError::WrongPassword);
            }
        }
        self.0.throttle.succeeded(from.network, &account.email);
        checks::password("new", new, &account.email)?;
        let hash = self.0.hasher.hash(new).await?;
        let keep = who.session.as_deref().and_then(|id| id.parse::<Uuid>().ok());
        let before = self.0.store.sessions(&account.user, Timestamp::now()).await?;
        self.0.store.set_password(&account.user, &hash, keep, Timestamp::now()).await?;
        for session in before.iter().filter(|session| Some(session.id) != keep) {
            self.0.revocations.end(session.id);
        }
        self.go_on(&Account { password: Some(hash), ..account }, keep, from).await
    }

    /// Renews this session, or begins one where there is none.
    async fn go_on(
        &self,
        account: &Account,
        session: Option<Uuid>,
        from: &Origin,
    ) -> Result<SignedIn, AccountError> {
        let Some(id) = session else { return self.open_session(account, from).await };
        let fresh = self.fresh(id, &account.user, from);
        if self.0.store.renew(&fresh.session, Timestamp::now()).await? {
            return self.signed_in(account, id, fresh.refresh);
        }
        self.open_session(account, from).await
    }

    /// Sets a password by a code that the operator gave, and signs the person in.
    ///
    /// # Errors
    /// [`AccountError::LinkExpired`], [`AccountError::WeakPassword`].
    pub async fn reset_password(
        &self,
        code: &str,
        password: &str,
        from: &Origin,
    ) -> Result<SignedIn, AccountError> {
        self.0.throttle.attempt(from.network)?;
        let (code, now) = (Hash::of(code), Timestamp::now());
        let account = self.0.store.account_of_reset(&code, now).await?;
        let account = account.ok_or(AccountError::LinkExpired)?;
        checks::password("password", password, &account.email)?;
        let hash = self.0.hasher.hash(password).await?;
        let account = self.0.store.reset(&code, &hash, now).await?;
        self.open_session(&account.ok_or(AccountError::LinkExpired)?, from).await
    }

    pub(super) fn fresh(&self, id: Uuid, user: &str, from: &Origin) -> Fresh {
        let (refresh, token) = secret::secret();
        let expires = Timestamp::now() + self.0.settings.refresh_life;
        let (user, client) = (user.to_owned(), from.client.clone());
        Fresh { session: NewSession { id, user, token, expires, client, proof: None }, refresh }
    }

    async fn open_session(
        &self,
        account: &Account,
        from: &Origin,
    ) -> Result<SignedIn, AccountError> {
        let mut fresh = self.fresh(Uuid::now_v7(), &account.user, from);
        fresh.session.proof.clone_from(&account.password);
        if !self.0.store.open_session(&fresh.session, Timestamp::now()).await? {
            return Err(AccountError::WrongPassword);
        }
        self.signed_in(account, fresh.session.id, fresh.refresh)
    }

    pub(super) fn signed_in(
        &self,
        account: &Account,
        session: Uuid,
        refresh: String,
    ) -> Result<SignedIn, AccountError> {
        let session = session.to_string();
        let issued = self.0.keys.sign(Grant {
            user: &account.user,
            name: Some(&shown_name(&account.name)),
            session: Some(&session),
            admin: account.admin,
            life: self.0.settings.access_life,
        })?;
        Ok(SignedIn {
            access: issued.token,
            expires: issued.expires,
            refresh,
            refresh_life: self.0.settings.refresh_life,
            person: Profile::from(account),
        })
    }
}
