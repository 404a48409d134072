//! The contract, answered by one module per concern.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rowcast_protocol::Role;
use uuid::Uuid;

use super::{
    super::StoreError,
    Account, AccountStore, Ended, Hash, Invitation, Member, NewAccount, NewInvitation, NewService,
    NewSession, OfSession, Person, Project, ProjectError, Registration, Rotation, Service, Session,
    Welcome,
    sql::{Book, Database},
};

#[async_trait]
impl<D: Database> AccountStore for Book<D> {
    async fn register(
        &self,
        account: &NewAccount,
        now: Timestamp,
    ) -> Result<Registration, StoreError> {
        self.do_register(account, now).await
    }

    async fn account_of(&self, email: &str) -> Result<Option<Account>, StoreError> {
        self.find_account_of(email).await
    }

    async fn account(&self, user: &str) -> Result<Option<Account>, StoreError> {
        self.find_account(user).await
    }

    async fn accounts(&self, after: &str, limit: u32) -> Result<Vec<Account>, StoreError> {
        self.list_accounts(after, limit).await
    }

    async fn set_password(
        &self,
        user: &str,
        password: &str,
        keep: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.do_set_password(user, password, keep, now).await
    }

    async fn rehash(&self, user: &str, old: &str, new: &str) -> Result<(), StoreError> {
        self.do_rehash(user, old, new).await
    }

    async fn offer_reset(
        &self,
        email: &str,
        code: &Hash,
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        self.do_offer_reset(email, code, expires).await
    }

    async fn reset(
        &self,
        code: &Hash,
        password: &str,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        self.do_reset(code, password, now).await
    }

    async fn close_account(
        &self,
        email: &str,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        self.do_close_account(email, now).await
    }

    async fn part_with(&self, user: &str, now: Timestamp) -> Result<(), StoreError> {
        self.do_part_with(user, now).await
    }

    async fn set_admin(
        &self,
        email: &str,
        admin: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.do_set_admin(email, admin, now).await
    }

    async fn open_session(&self, session: &NewSession, now: Timestamp) -> Result<bool, StoreError> {
        self.do_open_session(session, now).await
    }

    async fn rotate(
        &self,
        token: &Hash,
        next: &NewSession,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        self.do_rotate(token, next, grace, now).await
    }

    async fn renew(&self, next: &NewSession, now: Timestamp) -> Result<bool, StoreError> {
        self.do_renew(next, now).await
    }

    async fn sessions(&self, user: &str, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.list_sessions(user, now).await
    }

    async fn end_session(&self, user: &str, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.do_end_session(user, id, now).await
    }

    async fn end_sessions(&self, user: &str, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        self.do_end_sessions(user, now).await
    }

    async fn session_of(&self, token: &Hash) -> Result<Option<OfSession>, StoreError> {
        self.find_session_of(token).await
    }

    async fn addresses(&self, user: &str) -> Result<Vec<String>, StoreError> {
        self.list_addresses(user).await
    }

    async fn account_of_reset(
        &self,
        code: &Hash,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        self.find_account_of_reset(code, now).await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<Ended>, StoreError> {
        self.list_ended(since).await
    }

    async fn closed_people(&self) -> Result<Vec<String>, StoreError> {
        self.list_closed().await
    }

    async fn make_service(
        &self,
        service: &NewService,
        by: Option<&str>,
        now: Timestamp,
    ) -> Result<Service, ProjectError> {
        self.do_make_service(service, by, now).await
    }

    async fn service_of(
        &self,
        token: &Hash,
        now: Timestamp,
    ) -> Result<Option<Service>, StoreError> {
        self.find_service(token, now).await
    }

    async fn services(&self, of: Option<&str>, now: Timestamp) -> Result<Vec<Service>, StoreError> {
        self.list_services(of, now).await
    }

    async fn end_service(
        &self,
        id: Uuid,
        of: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ProjectError> {
        self.do_end_service(id, of, now).await
    }

    async fn projects(
        &self,
        user: &str,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Project>, StoreError> {
        self.list_projects(user, after, limit).await
    }

    async fn make_project(&self, name: &str, by: &Person) -> Result<Project, StoreError> {
        self.do_make_project(name, by).await
    }

    async fn rename_project(
        &self,
        project: Uuid,
        name: &str,
        by: &str,
    ) -> Result<Project, ProjectError> {
        self.do_rename_project(project, name, by).await
    }

    async fn delete_project(&self, project: Uuid, by: &str) -> Result<(), ProjectError> {
        self.do_delete_project(project, by).await
    }

    async fn members(&self, project: Uuid, by: &str) -> Result<Vec<Member>, ProjectError> {
        self.list_members(project, by).await
    }

    async fn add_member(
        &self,
        project: Uuid,
        user: &str,
        role: Role,
        by: &str,
    ) -> Result<Member, ProjectError> {
        self.do_add_member(project, user, role, by).await
    }

    async fn change_role(
        &self,
        project: Uuid,
        user: &str,
        role: Role,
        by: &str,
        now: Timestamp,
    ) -> Result<Member, ProjectError> {
        self.do_change_role(project, user, role, by, now).await
    }

    async fn remove_member(
        &self,
        project: Uuid,
        user: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), ProjectError> {
        self.do_remove_member(project, user, by, now).await
    }

    async fn invite(
        &self,
        invitation: &NewInvitation,
        by: &str,
        now: Timestamp,
    ) -> Result<Invitation, ProjectError> {
        self.do_invite(invitation, by, now).await
    }

    async fn invitations(
        &self,
        project: Uuid,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, ProjectError> {
        self.list_invitations(project, by, now).await
    }

    async fn withdraw(&self, project: Uuid, id: Uuid, by: &str) -> Result<(), ProjectError> {
        self.do_withdraw(project, id, by).await
    }

    async fn look(&self, code: &Hash, now: Timestamp) -> Result<Option<Welcome>, StoreError> {
        self.do_look(code, now).await
    }

    async fn accept(
        &self,
        code: &Hash,
        who: &Person,
        now: Timestamp,
    ) -> Result<Option<Welcome>, StoreError> {
        self.do_accept(code, who, now).await
    }

    async fn forget_over(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.forget(now).await
    }
}
