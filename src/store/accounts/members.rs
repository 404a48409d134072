//! Members of projects. Whoever changes them holds the project's row, so that two owners who remove
//! each other do not both succeed.

use jiff::Timestamp;
use rowcast_protocol::Role;
use uuid::Uuid;

use super::{
    super::StoreError,
    Member, ProjectError,
    sql::{Book, Database, Row, Statements, end, params},
};

fn read(row: &Row) -> Result<Member, StoreError> {
    Ok(Member { user: row.text(0)?, name: row.text(1)?, role: row.role(2)? })
}

/// A person's role in a project.
pub(super) async fn role(
    tx: &mut dyn Statements,
    project: Uuid,
    user: &str,
) -> Result<Option<Role>, StoreError> {
    let sql = "SELECT role FROM members WHERE project_id = $1 AND user_id = $2";
    let rows = tx.run(sql, params![project, user]).await?;
    rows.first().map(|row| row.role(0)).transpose()
}

/// Refuses those who are less than this in a project.
pub(super) async fn require(
    tx: &mut dyn Statements,
    project: Uuid,
    user: &str,
    least: Role,
) -> Result<(), ProjectError> {
    match role(tx, project, user).await? {
        None => Err(ProjectError::NotFound),
        Some(role) if role < least => Err(ProjectError::Forbidden),
        Some(_) => Ok(()),
    }
}

/// Holds the row of a project until the transaction ends. An update that changes nothing is not
/// recorded.
async fn hold(tx: &mut dyn Statements, project: Uuid) -> Result<(), ProjectError> {
    let sql = "UPDATE projects SET name = name WHERE id = $1 RETURNING name";
    let held = tx.run(sql, params![project]).await?;
    if held.is_empty() { Err(ProjectError::NotFound) } else { Ok(()) }
}

impl<D: Database> Book<D> {
    pub(super) async fn list_members(
        &self,
        project: Uuid,
        by: &str,
    ) -> Result<Vec<Member>, ProjectError> {
        let sql = "SELECT m.user_id, u.name, m.role FROM members m \
                   JOIN users u ON u.id = m.user_id \
                   WHERE m.project_id = $1 AND EXISTS ( \
                       SELECT 1 FROM members o WHERE o.project_id = $1 AND o.user_id = $2) \
                   ORDER BY m.user_id";
        let rows = self.0.read(sql, params![project, by]).await?;
        if rows.is_empty() {
            return Err(ProjectError::NotFound);
        }
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    pub(super) async fn do_add_member(
        &self,
        project: Uuid,
        user: &str,
        role: Role,
        by: &str,
    ) -> Result<Member, ProjectError> {
        let mut tx = self.0.begin(Some(by)).await?;
        let outcome = add(&mut *tx, project, user, role, by).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_change_role(
        &self,
        project: Uuid,
        user: &str,
        role: Role,
        by: &str,
        now: Timestamp,
    ) -> Result<Member, ProjectError> {
        let mut tx = self.0.begin(Some(by)).await?;
        let outcome = change(&mut *tx, Target { project, user, by }, role, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_remove_member(
        &self,
        project: Uuid,
        user: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), ProjectError> {
        let mut tx = self.0.begin(Some(by)).await?;
        let outcome = remove(&mut *tx, Target { project, user, by }, now).await;
        end(tx, outcome).await
    }
}

/// A member, and who wants something of the membership.
#[derive(Debug, Clone, Copy)]
struct Target<'a> {
    project: Uuid,
    user: &'a str,
    by: &'a str,
}

async fn add(
    tx: &mut dyn Statements,
    project: Uuid,
    user: &str,
    role: Role,
    by: &str,
) -> Result<Member, ProjectError> {
    require(tx, project, by, Role::Owner).await?;
    let (user, name) = find(tx, user).await?.ok_or(ProjectError::UnknownPerson)?;
    let sql = "INSERT INTO members (project_id, user_id, name, role) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (project_id, user_id) DO NOTHING RETURNING user_id";
    if tx.run(sql, params![project, &*user, &*name, role]).await?.is_empty() {
        return Err(ProjectError::AlreadyMember);
    }
    let sql = "DELETE FROM rowcast.removal WHERE project_id = $1 AND user_id = $2";
    tx.run(sql, params![project, &*user]).await?;
    let sql = "INSERT INTO notifications (user_id, kind, project_id, actor, body) \
               SELECT $2, 'added', id, $3, name FROM projects WHERE id = $1";
    tx.run(sql, params![project, &*user, by]).await?;
    Ok(Member { user, name, role })
}

async fn find(tx: &mut dyn Statements, user: &str) -> Result<Option<(String, String)>, StoreError> {
    let sql = "SELECT u.id, u.name FROM users u WHERE u.id = $1 AND NOT EXISTS ( \
               SELECT 1 FROM rowcast.account a \
               WHERE a.user_id = u.id AND a.closed_at IS NOT NULL)";
    let rows = tx.run(sql, params![user]).await?;
    rows.first().map(|row| Ok((row.text(0)?, row.text(1)?))).transpose()
}

async fn change(
    tx: &mut dyn Statements,
    target: Target<'_>,
    role: Role,
    now: Timestamp,
) -> Result<Member, ProjectError> {
    let Target { project, user, by } = target;
    hold(tx, project).await?;
    require(tx, project, by, Role::Owner).await?;
    let before = self::role(tx, project, user).await?.ok_or(ProjectError::UnknownPerson)?;
    if role < before {
        keep_an_owner(tx, target, before).await?;
        note_removal(tx, target, now).await?;
    }
    let sql = "UPDATE members SET role = $3 WHERE project_id = $1 AND user_id = $2 \
               RETURNING user_id, name, role";
    let rows = tx.run(sql, params![project, user, role]).await?;
    let row = rows.first().ok_or(ProjectError::UnknownPerson)?;
    Ok(read(row)?)
}

async fn remove(
    tx: &mut dyn Statements,
    target: Target<'_>,
    now: Timestamp,
) -> Result<(), ProjectError> {
    let Target { project, user, by } = target;
    hold(tx, project).await?;
    let least = if user == by { Role::Viewer } else { Role::Owner };
    require(tx, project, by, least).await?;
    let before = role(tx, project, user).await?.ok_or(ProjectError::UnknownPerson)?;
    keep_an_owner(tx, target, before).await?;
    if user != by {
        note_removal(tx, target, now).await?;
    }
    let sql = "DELETE FROM members WHERE project_id = $1 AND user_id = $2";
    tx.run(sql, params![project, user]).await?;
    Ok(())
}

/// Refuses if this is the only person who owns the project. A service is no person.
async fn keep_an_owner(
    tx: &mut dyn Statements,
    target: Target<'_>,
    role: Role,
) -> Result<(), ProjectError> {
    if role < Role::Owner {
        return Ok(());
    }
    let sql = "SELECT user_id FROM members WHERE project_id = $1 AND role = 'owner' \
               AND user_id <> $2 AND user_id NOT LIKE 'service:%' LIMIT 1";
    let others = tx.run(sql, params![target.project, target.user]).await?;
    if others.is_empty() { Err(ProjectError::LastOwner) } else { Ok(()) }
}

/// Invitations that are older do not let this person in again.
async fn note_removal(
    tx: &mut dyn Statements,
    target: Target<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO rowcast.removal (project_id, user_id, at) VALUES ($1, $2, $3) \
               ON CONFLICT (project_id, user_id) DO UPDATE SET at = excluded.at";
    tx.run(sql, params![target.project, target.user, now]).await.map(drop)
}
