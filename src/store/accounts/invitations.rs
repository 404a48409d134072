//! Invitations: links that let people into a project.

use jiff::Timestamp;
use rowcast_protocol::Role;
use uuid::Uuid;

use super::{
    super::StoreError,
    Hash, Invitation, NewInvitation, Person, ProjectError, ProjectName, Welcome,
    members::{require, role},
    people,
    sql::{Book, Database, Row, Statements, end, params},
};

/// What a code leads to, as [`welcome`] reads it.
const FIND: &str = "SELECT CAST(p.id AS text), p.name, i.role, coalesce(u.name, i.created_by), \
                           i.expires_at, i.created_at, i.email \
                    FROM rowcast.invitation i JOIN projects p ON p.id = i.project_id \
                    LEFT JOIN users u ON u.id = i.created_by \
                    WHERE i.hash = $1 AND i.expires_at > $2 AND EXISTS ( \
                        SELECT 1 FROM members o WHERE o.project_id = i.project_id \
                        AND o.user_id = i.created_by AND o.role = 'owner')";

fn welcome(row: &Row) -> Result<Welcome, StoreError> {
    Ok(Welcome {
        project: ProjectName { id: row.uuid(0)?, name: row.text(1)? },
        role: row.role(2)?,
        by: row.text(3)?,
        expires: row.time(4)?,
    })
}

fn read(row: &Row) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: row.uuid(0)?,
        role: row.role(1)?,
        by: Person { id: row.text(2)?, name: row.text_or_none(3) },
        created: row.time(4)?,
        expires: row.time(5)?,
        email: row.text_or_none(6),
    })
}

impl<D: Database> Book<D> {
    pub(super) async fn do_invite(
        &self,
        new: &NewInvitation,
        by: &str,
        now: Timestamp,
    ) -> Result<Invitation, ProjectError> {
        let mut tx = self.0.begin(Some(by)).await?;
        let outcome = invite(&mut *tx, new, by, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn list_invitations(
        &self,
        project: Uuid,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, ProjectError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = list(&mut *tx, project, by, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_withdraw(
        &self,
        project: Uuid,
        id: Uuid,
        by: &str,
    ) -> Result<(), ProjectError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = withdraw(&mut *tx, project, id, by).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_look(
        &self,
        code: &Hash,
        now: Timestamp,
    ) -> Result<Option<Welcome>, StoreError> {
        let rows = self.0.read(FIND, params![code, now]).await?;
        rows.first().map(welcome).transpose()
    }

    pub(super) async fn do_accept(
        &self,
        code: &Hash,
        who: &Person,
        now: Timestamp,
    ) -> Result<Option<Welcome>, StoreError> {
        let mut tx = self.0.begin(Some(&who.id)).await?;
        let outcome = accept(&mut *tx, code, who, now).await;
        end(tx, outcome).await
    }
}

async fn invite(
    tx: &mut dyn Statements,
    new: &NewInvitation,
    by: &str,
    now: Timestamp,
) -> Result<Invitation, ProjectError> {
    require(tx, new.project, by, Role::Owner).await?;
    let sql = "INSERT INTO rowcast.invitation \
                   (id, project_id, role, hash, created_by, created_at, expires_at, email) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let email = new.email.as_deref();
    let values = params![new.id, new.project, new.role, &new.code, by, now, new.expires, email];
    tx.run(sql, values).await?;
    let rows = tx.run("SELECT name FROM users WHERE id = $1", params![by]).await?;
    let name = rows.first().and_then(|row| row.text_or_none(0));
    let by = Person { id: by.to_owned(), name };
    Ok(Invitation {
        id: new.id,
        role: new.role,
        email: new.email.clone(),
        by,
        created: now,
        expires: new.expires,
    })
}

async fn list(
    tx: &mut dyn Statements,
    project: Uuid,
    by: &str,
    now: Timestamp,
) -> Result<Vec<Invitation>, ProjectError> {
    require(tx, project, by, Role::Owner).await?;
    let sql = "SELECT CAST(i.id AS text), i.role, i.created_by, u.name, i.created_at, i.expires_at, \
               i.email \
               FROM rowcast.invitation i LEFT JOIN users u ON u.id = i.created_by \
               WHERE i.project_id = $1 AND i.expires_at > $2 AND EXISTS ( \
                   SELECT 1 FROM members o WHERE o.project_id = i.project_id \
                   AND o.user_id = i.created_by AND o.role = 'owner') \
               ORDER BY i.created_at DESC, i.id LIMIT 1000";
    let rows = tx.run(sql, params![project, now]).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

async fn withdraw(
    tx: &mut dyn Statements,
    project: Uuid,
    id: Uuid,
    by: &str,
) -> Result<(), ProjectError> {
    require(tx, project, by, Role::Owner).await?;
    let sql = "DELETE FROM rowcast.invitation WHERE id = $1 AND project_id = $2 RETURNING role";
    let gone = tx.run(sql, params![id, project]).await?;
    if gone.is_empty() { Err(ProjectError::NotFound) } else { Ok(()) }
}

/// Lets somebody in by a code, within a transaction.
pub(super) async fn accept(
    tx: &mut dyn Statements,
    code: &Hash,
    who: &Person,
    now: Timestamp,
) -> Result<Option<Welcome>, StoreError> {
    let rows = tx.run(FIND, params![code, now]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (mut welcome, made) = (welcome(row)?, row.time(5)?);
    let for_one = row.text_or_none(6).is_some();
    let (project, user) = (welcome.project.id, &*who.id);
    let sql =
        "SELECT user_id FROM rowcast.removal WHERE project_id = $1 AND user_id = $2 AND at >= $3";
    if !tx.run(sql, params![project, user, made]).await?.is_empty() {
        return Ok(None);
    }
    if for_one {
        // Of those who use it at once, one removes it.
        let sql = "DELETE FROM rowcast.invitation WHERE hash = $1 RETURNING role";
        if tx.run(sql, params![code]).await?.is_empty() {
            return Ok(None);
        }
    }
    people::ensure(tx, who).await?;
    let sql = "INSERT INTO members (project_id, user_id, name, role) \
               SELECT $1, id, name, $3 FROM users WHERE id = $2 \
               ON CONFLICT (project_id, user_id) DO NOTHING";
    tx.run(sql, params![project, user, welcome.role]).await?;
    let before = role(tx, project, user).await?.unwrap_or(welcome.role);
    if before < welcome.role {
        let sql = "UPDATE members SET role = $3 WHERE project_id = $1 AND user_id = $2";
        tx.run(sql, params![project, user, welcome.role]).await?;
    }
    welcome.role = welcome.role.max(before);
    Ok(Some(welcome))
}
