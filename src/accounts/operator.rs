//! What the operator does on the command line, beside a hub that may be running. Such a hub feels
//! within a second what ended.

use jiff::Timestamp;

use super::{AccountError, checks, secret, services::Wanted, signing_in::RESET_LIFE};
use crate::store::{
    AccountStore,
    accounts::{Account, NewAccount, Registration, Service},
};

/// Accounts that one question asks for.
const PAGE: u32 = 1_000;

/// Makes an account without a password, and returns a code that sets one.
///
/// # Errors
/// [`AccountError::Invalid`], [`AccountError::EmailTaken`].
pub async fn create(
    store: &dyn AccountStore,
    email: &str,
    name: &str,
    admin: bool,
) -> Result<String, AccountError> {
    let (email, name) = (checks::email(email)?, checks::name("name", name, 100)?);
    let user = secret::person_id();
    let new = NewAccount { user, email, name, password: None, admin, invitation: None };
    match store.register(&new, Timestamp::now()).await? {
        Registration::Done(account) => reset(store, &account.email).await,
        Registration::EmailTaken | Registration::NoInvitation => Err(AccountError::EmailTaken),
    }
}

/// A code that sets a new password, once, within a day.
///
/// # Errors
/// [`AccountError::NotFound`] if there is no such open account.
pub async fn reset(store: &dyn AccountStore, email: &str) -> Result<String, AccountError> {
    let (code, hash) = secret::secret();
    let expires = Timestamp::now() + RESET_LIFE;
    if store.offer_reset(email, &hash, expires).await? {
        Ok(code)
    } else {
        Err(AccountError::NotFound("open account"))
    }
}

/// Closes an account for good.
///
/// # Errors
/// [`AccountError::NotFound`].
pub async fn close(store: &dyn AccountStore, email: &str) -> Result<Account, AccountError> {
    let closed = store.close_account(email, Timestamp::now()).await?;
    closed.ok_or(AccountError::NotFound("account"))
}

/// Makes somebody an administrator, or ends that.
///
/// # Errors
/// [`AccountError::NotFound`].
pub async fn set_admin(
    store: &dyn AccountStore,
    email: &str,
    admin: bool,
) -> Result<(), AccountError> {
    if store.set_admin(email, admin, Timestamp::now()).await? {
        Ok(())
    } else {
        Err(AccountError::NotFound("account"))
    }
}

/// All accounts.
///
/// # Errors
/// If the database cannot be read now.
pub async fn list(store: &dyn AccountStore) -> Result<Vec<Account>, AccountError> {
    let mut all: Vec<Account> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |account| account.user.clone());
        let page = store.accounts(&after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Makes a service, and returns its token.
///
/// # Errors
/// [`AccountError::Invalid`], [`AccountError::Project`] if a project is not there.
pub async fn make_service(
    store: &dyn AccountStore,
    wanted: Wanted,
) -> Result<(Service, String), AccountError> {
    let (service, token) = wanted.checked()?;
    Ok((store.make_service(&service, None, Timestamp::now()).await?, token))
}
