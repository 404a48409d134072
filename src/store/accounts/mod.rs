//! The contract for accounts: who has one, which sessions are open, what services may reach, who
//! belongs to a project.
//!
//! One implementation, [`Book`], serves every database: its SQL is written once, in the words that
//! SQLite and PostgreSQL share, and each store says how it runs statements ([`sql::Database`]).
//!
//! # What it promises
//! - **One transaction.** Each call is done whole or not at all, and what it checked still holds
//!   when it writes.
//! - **No secrets.** Passwords are stored as the caller hashed them; tokens and codes come and stay
//!   as [`struct@Hash`]. What can be read here lets nobody in.
//! - **Plain rows.** People, projects, members and notifications are written like any other writer
//!   writes them; recording makes entries of them, which the hub numbers.
//! - **The caller's clock.** Whatever depends on time takes `now`.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::StoreError;

mod contract;
mod invitations;
mod leaving;
mod members;
mod people;
mod projects;
mod records;
mod services;
mod sessions;
pub(super) mod sql;
mod upkeep;

pub use records::{
    Account, Client, Ended, Hash, Invitation, Member, NewAccount, NewInvitation, NewService,
    NewSession, OfSession, Person, Project, ProjectError, ProjectName, Registration, Rotation,
    Service, Session, Welcome,
};
pub(super) use sql::Book;

/// Accounts, sessions, services, projects and their members.
#[async_trait]
pub trait AccountStore: Send + Sync + fmt::Debug + 'static {
    // --- people -------------------------------------------------------------------------------

    /// Makes a person with an account, and lets the person into the invitation's project if there
    /// is an invitation. The e-mail address is compared without regard to case.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn register(
        &self,
        account: &NewAccount,
        now: Timestamp,
    ) -> Result<Registration, StoreError>;

    /// The account with this e-mail address, closed ones included.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn account_of(&self, email: &str) -> Result<Option<Account>, StoreError>;

    /// The account of this person, closed ones included.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn account(&self, user: &str) -> Result<Option<Account>, StoreError>;

    /// Up to `limit` accounts in the order of their people's ids, after one of them.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn accounts(&self, after: &str, limit: u32) -> Result<Vec<Account>, StoreError>;

    /// Sets a password, ends every session of the person but one, and makes the refresh tokens of
    /// that one used. Codes to reset the password are void.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn set_password(
        &self,
        user: &str,
        password: &str,
        keep: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Replaces a hash of a password by another hash of the same password, if it is still there.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn rehash(&self, user: &str, old: &str, new: &str) -> Result<(), StoreError>;

    /// Stores a code that sets a new password, in place of earlier ones. `false`: there is no such
    /// open account.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn offer_reset(
        &self,
        email: &str,
        code: &Hash,
        expires: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Sets a new password by a code, once, and ends every session of the person. `None`: the code
    /// is unknown, used or over, or the account is closed.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn reset(
        &self,
        code: &Hash,
        password: &str,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError>;

    /// Ends whatever rests on a person who is about to be erased, closes the account if there is
    /// one, and forgets who made invitations and services.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn part_with(&self, user: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Closes an account for good and ends its sessions. `None`: there is no such account.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn close_account(
        &self,
        email: &str,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError>;

    /// Makes somebody an administrator, or ends that together with the person's sessions. `false`:
    /// there is no such account.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn set_admin(&self, email: &str, admin: bool, now: Timestamp)
    -> Result<bool, StoreError>;

    // --- sessions -----------------------------------------------------------------------------

    /// Begins a session of a person with an account. `false`: there is no open account, or its
    /// password was changed since the proof. The oldest
    /// sessions above a hundred end.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn open_session(&self, session: &NewSession, now: Timestamp) -> Result<bool, StoreError>;

    /// Exchanges a refresh token for the next one. Of several who bring the same token exactly one
    /// is let through. Whoever brings a used one within `grace` of its first use raced; later it
    /// was stolen, and the session ends.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn rotate(
        &self,
        token: &Hash,
        next: &NewSession,
        grace: std::time::Duration,
        now: Timestamp,
    ) -> Result<Rotation, StoreError>;

    /// Gives an open session of this person another refresh token, beside those there are. `false`:
    /// the person has no such open session.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn renew(&self, next: &NewSession, now: Timestamp) -> Result<bool, StoreError>;

    /// A person's open sessions, the one used last first.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn sessions(&self, user: &str, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Ends a session of this person. `false`: the person has no such open session.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn end_session(&self, user: &str, id: Uuid, now: Timestamp) -> Result<bool, StoreError>;

    /// Ends every session of a person, and says which.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn end_sessions(&self, user: &str, now: Timestamp) -> Result<Vec<Uuid>, StoreError>;

    /// The session and person of a refresh token, used or not; `None` if it is unknown.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn session_of(&self, token: &Hash) -> Result<Option<OfSession>, StoreError>;

    /// The addresses from which somebody was signed in lately, whether those sessions are open or not.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn addresses(&self, user: &str) -> Result<Vec<String>, StoreError>;

    /// The account that a code to reset the password is for, if the code counts. It is not used up.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn account_of_reset(
        &self,
        code: &Hash,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError>;

    /// What ended at or after an instant: sessions, service tokens, accounts.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn ended_since(&self, since: Timestamp) -> Result<Vec<Ended>, StoreError>;

    /// All closed accounts' people.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn closed_people(&self) -> Result<Vec<String>, StoreError>;

    // --- services -----------------------------------------------------------------------------

    /// Makes a service: a row of `users`, its memberships, its token. With `by`, that person must
    /// own every project of it.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`] if one of the projects is not there, or not for `by`;
    /// [`ProjectError::Forbidden`] if `by` does not own it.
    async fn make_service(
        &self,
        service: &NewService,
        by: Option<&str>,
        now: Timestamp,
    ) -> Result<Service, ProjectError>;

    /// The service whose token this is, if it has not ended.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn service_of(&self, token: &Hash, now: Timestamp)
    -> Result<Option<Service>, StoreError>;

    /// Services that have not ended: all, or those that this person made or whose projects this
    /// person owns, all of them.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn services(&self, of: Option<&str>, now: Timestamp) -> Result<Vec<Service>, StoreError>;

    /// Ends a service among those that [`AccountStore::services`] gives: its token and its
    /// memberships. Its name stays for those who read old entries.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`] if there is no such service for this person.
    async fn end_service(
        &self,
        id: Uuid,
        of: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ProjectError>;

    // --- projects and members -----------------------------------------------------------------

    /// A person's projects after a place, in the order in which they were made.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn projects(
        &self,
        user: &str,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Project>, StoreError>;

    /// Makes a project that this person owns.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn make_project(&self, name: &str, by: &Person) -> Result<Project, StoreError>;

    /// Renames a project.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`] for those who do not belong to it, [`ProjectError::Forbidden`]
    /// for those who do not own it. The same holds for all that follow.
    async fn rename_project(
        &self,
        project: Uuid,
        name: &str,
        by: &str,
    ) -> Result<Project, ProjectError>;

    /// Deletes a project with everything in it.
    ///
    /// # Errors
    /// As [`AccountStore::rename_project`].
    async fn delete_project(&self, project: Uuid, by: &str) -> Result<(), ProjectError>;

    /// The members of a project, for any member.
    ///
    /// # Errors
    /// [`ProjectError::NotFound`] for those who do not belong to it.
    async fn members(&self, project: Uuid, by: &str) -> Result<Vec<Member>, ProjectError>;

    /// Adds somebody, who finds a notification of it.
    ///
    /// # Errors
    /// As [`AccountStore::rename_project`]; [`ProjectError::UnknownPerson`],
    /// [`ProjectError::AlreadyMember`].
    async fn add_member(
        &self,
        project: Uuid,
        user: &str,
        role: rowcast_protocol::Role,
        by: &str,
    ) -> Result<Member, ProjectError>;

    /// Gives a member another role.
    ///
    /// # Errors
    /// As [`AccountStore::rename_project`]; [`ProjectError::UnknownPerson`] if there is no such
    /// member, [`ProjectError::LastOwner`].
    async fn change_role(
        &self,
        project: Uuid,
        user: &str,
        role: rowcast_protocol::Role,
        by: &str,
        now: Timestamp,
    ) -> Result<Member, ProjectError>;

    /// Removes a member: an owner anybody, everybody themselves.
    ///
    /// # Errors
    /// As [`AccountStore::change_role`].
    async fn remove_member(
        &self,
        project: Uuid,
        user: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), ProjectError>;

    // --- invitations --------------------------------------------------------------------------

    /// Stores an invitation.
    ///
    /// # Errors
    /// As [`AccountStore::rename_project`].
    async fn invite(
        &self,
        invitation: &NewInvitation,
        by: &str,
        now: Timestamp,
    ) -> Result<Invitation, ProjectError>;

    /// A project's invitations that still count.
    ///
    /// # Errors
    /// As [`AccountStore::rename_project`].
    async fn invitations(
        &self,
        project: Uuid,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, ProjectError>;

    /// Withdraws an invitation.
    ///
    /// # Errors
    /// As [`AccountStore::rename_project`]; [`ProjectError::NotFound`] also if there is none.
    async fn withdraw(&self, project: Uuid, id: Uuid, by: &str) -> Result<(), ProjectError>;

    /// What an invitation's code leads to; `None` if it is unknown, over or withdrawn.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn look(&self, code: &Hash, now: Timestamp) -> Result<Option<Welcome>, StoreError>;

    /// Lets somebody into the project of an invitation, or gives a member the higher of both roles.
    /// `None`: as [`AccountStore::look`], or the person was removed or lowered since the invitation
    /// was made.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn accept(
        &self,
        code: &Hash,
        who: &Person,
        now: Timestamp,
    ) -> Result<Option<Welcome>, StoreError>;

    // --- upkeep -------------------------------------------------------------------------------

    /// Forgets what is over, a piece at a time: sessions, tokens, codes, invitations. Returns how
    /// many rows went.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn forget_over(&self, now: Timestamp) -> Result<u64, StoreError>;
}
