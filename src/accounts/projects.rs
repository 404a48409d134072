//! Projects, their members, and the links that let people in.

use std::time::Duration;

use jiff::Timestamp;
use rowcast_protocol::Role;
use uuid::Uuid;

use super::{AccountError, Accounts, Origin, checks, secret};
use crate::{
    auth::Identity,
    store::accounts::{Hash, Invitation, Member, NewInvitation, Person, Project, Welcome},
};

/// How long an invitation works unless told.
pub const INVITATION_DAYS: u16 = 7;

fn person(who: &Identity) -> Person {
    Person { id: who.user.to_string(), name: who.name.clone() }
}

impl Accounts {
    /// Up to `limit` projects of a person, after one of them.
    ///
    /// # Errors
    /// If the database cannot be read now.
    pub async fn projects(
        &self,
        who: &Identity,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Project>, AccountError> {
        Ok(self.0.store.projects(&who.user, after, limit).await?)
    }

    /// Makes a project that this person owns.
    ///
    /// # Errors
    /// [`AccountError::Invalid`]; [`AccountError::Forbidden`] for services.
    pub async fn make_project(&self, name: &str, who: &Identity) -> Result<Project, AccountError> {
        Self::is_a_person(who)?;
        let name = checks::name("name", name, 200)?;
        let project = self.0.store.make_project(&name, &person(who)).await?;
        self.wrote();
        Ok(project)
    }

    /// Renames a project.
    ///
    /// # Errors
    /// [`AccountError::Invalid`], [`AccountError::Project`].
    pub async fn rename_project(
        &self,
        id: Uuid,
        name: &str,
        by: &Identity,
    ) -> Result<Project, AccountError> {
        let name = checks::name("name", name, 200)?;
        let project = self.0.store.rename_project(id, &name, &by.user).await?;
        self.wrote();
        Ok(project)
    }

    /// Deletes a project with everything in it.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn delete_project(&self, id: Uuid, by: &Identity) -> Result<(), AccountError> {
        self.0.store.delete_project(id, &by.user).await?;
        self.wrote();
        Ok(())
    }

    /// The members of a project.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn members(&self, id: Uuid, by: &Identity) -> Result<Vec<Member>, AccountError> {
        Ok(self.0.store.members(id, &by.user).await?)
    }

    /// Adds a member, who finds a notification of it on every device.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn add_member(
        &self,
        id: Uuid,
        user: &str,
        role: Role,
        by: &Identity,
    ) -> Result<Member, AccountError> {
        let member = self.0.store.add_member(id, user, role, &by.user).await?;
        self.wrote();
        Ok(member)
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn change_role(
        &self,
        id: Uuid,
        user: &str,
        role: Role,
        by: &Identity,
    ) -> Result<Member, AccountError> {
        let now = Timestamp::now();
        let member = self.0.store.change_role(id, user, role, &by.user, now).await?;
        self.wrote();
        Ok(member)
    }

    /// Removes a member.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn remove_member(
        &self,
        id: Uuid,
        user: &str,
        by: &Identity,
    ) -> Result<(), AccountError> {
        self.0.store.remove_member(id, user, &by.user, Timestamp::now()).await?;
        self.wrote();
        Ok(())
    }

    /// Makes a link into a project, for everybody who has it, or for one person: then it works once. Whether
    /// there is an account with that address is not looked at: an address proves nothing about whose the
    /// account is, and the answer must not tell. Its code is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn invite(
        &self,
        project: Uuid,
        role: Role,
        days: u16,
        email: Option<&str>,
        by: &Identity,
    ) -> Result<(Invitation, String), AccountError> {
        let email = email.map(checks::email).transpose()?;
        let now = Timestamp::now();
        let expires = now + Duration::from_hours(24 * u64::from(days));
        let (code, hash) = secret::secret();
        let new = NewInvitation { id: Uuid::now_v7(), project, role, email, code: hash, expires };
        Ok((self.0.store.invite(&new, &by.user, now).await?, code))
    }

    /// A project's links that still work.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn invitations(
        &self,
        project: Uuid,
        by: &Identity,
    ) -> Result<Vec<Invitation>, AccountError> {
        Ok(self.0.store.invitations(project, &by.user, Timestamp::now()).await?)
    }

    /// Withdraws a link.
    ///
    /// # Errors
    /// [`AccountError::Project`].
    pub async fn withdraw(
        &self,
        project: Uuid,
        id: Uuid,
        by: &Identity,
    ) -> Result<(), AccountError> {
        Ok(self.0.store.withdraw(project, id, &by.user).await?)
    }

    /// Where a link leads, for whoever has it.
    ///
    /// # Errors
    /// [`AccountError::LinkExpired`], [`AccountError::TooMany`].
    pub async fn look(&self, code: &str, from: &Origin) -> Result<Welcome, AccountError> {
        self.0.throttle.attempt(from.network)?;
        let found = self.0.store.look(&Hash::of(code), Timestamp::now()).await?;
        found.ok_or(AccountError::LinkExpired)
    }

    /// Goes where a link leads.
    ///
    /// # Errors
    /// [`AccountError::LinkExpired`]; [`AccountError::Forbidden`] for services.
    pub async fn accept(&self, code: &str, who: &Identity) -> Result<Welcome, AccountError> {
        Self::is_a_person(who)?;
        let accepted = self.0.store.accept(&Hash::of(code), &person(who), Timestamp::now()).await?;
        self.wrote();
        accepted.ok_or(AccountError::LinkExpired)
    }
}
