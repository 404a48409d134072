//! Services: programs with a token of their own.

use std::collections::HashMap;

use jiff::Timestamp;
use rowcast_protocol::Role;
use uuid::Uuid;

use super::{
    super::StoreError,
    Hash, NewService, Person, ProjectError, Service,
    members::require,
    people,
    sql::{Book, Database, Row, Statements, end, params},
};

/// A service's columns, as [`read`] takes them.
macro_rules! select_service {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(t.id AS text), t.user_id, u.name, t.queues, t.created_at, t.expires_at \
             FROM rowcast.service_token t JOIN users u ON u.id = t.user_id \
             WHERE t.ended_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $1) ",
            $rest
        )
    };
}

/// Those that are somebody's: made by that person, or all of whose projects the person owns.
macro_rules! select_own {
    ($rest:literal) => {
        concat!(
            select_service!(
                "AND (t.created_by = $2 OR (EXISTS ( \
                    SELECT 1 FROM members m WHERE m.user_id = t.user_id) AND NOT EXISTS ( \
                    SELECT 1 FROM members m WHERE m.user_id = t.user_id AND NOT EXISTS ( \
                        SELECT 1 FROM members o WHERE o.project_id = m.project_id \
                        AND o.user_id = $2 AND o.role = 'owner')))) "
            ),
            $rest
        )
    };
}

type Projects = HashMap<String, Vec<(Uuid, Role)>>;

fn read(row: &Row, projects: &mut Projects) -> Result<Service, StoreError> {
    let user = row.text(1)?;
    Ok(Service {
        id: row.uuid(0)?,
        name: row.text(2)?,
        projects: projects.remove(&user).unwrap_or_default(),
        queues: serde_json::from_str(&row.text(3)?).unwrap_or_default(),
        created: row.time(4)?,
        expires: row.time_or_none(5),
        user,
    })
}

fn by_service(rows: &[Row]) -> Result<Projects, StoreError> {
    let mut projects = Projects::new();
    for row in rows {
        projects.entry(row.text(0)?).or_default().push((row.uuid(1)?, row.role(2)?));
    }
    Ok(projects)
}

impl<D: Database> Book<D> {
    pub(super) async fn do_make_service(
        &self,
        new: &NewService,
        by: Option<&str>,
        now: Timestamp,
    ) -> Result<Service, ProjectError> {
        let mut tx = self.0.begin(by).await?;
        let outcome = make(&mut *tx, new, by, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn find_service(
        &self,
        token: &Hash,
        now: Timestamp,
    ) -> Result<Option<Service>, StoreError> {
        let rows = self.0.read(select_service!("AND t.hash = $2"), params![now, token]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let sql = "SELECT user_id, CAST(project_id AS text), role FROM members WHERE user_id = $1";
        let of = self.0.read(sql, params![&*row.text(1)?]).await?;
        read(row, &mut by_service(&of)?).map(Some)
    }

    pub(super) async fn list_services(
        &self,
        of: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Service>, StoreError> {
        let rows = match of {
            None => {
                let sql = select_service!("ORDER BY t.created_at DESC, t.id LIMIT 1000");
                self.0.read(sql, params![now]).await?
            }
            Some(user) => {
                let sql = select_own!("ORDER BY t.created_at DESC, t.id LIMIT 1000");
                self.0.read(sql, params![now, user]).await?
            }
        };
        let sql = "SELECT m.user_id, CAST(m.project_id AS text), m.role FROM members m \
                   JOIN rowcast.service_token t ON t.user_id = m.user_id \
                   WHERE t.ended_at IS NULL ORDER BY m.user_id, m.project_id";
        let mut projects = by_service(&self.0.read(sql, params![]).await?)?;
        rows.iter().map(|row| read(row, &mut projects)).collect()
    }

    pub(super) async fn do_end_service(
        &self,
        id: Uuid,
        of: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ProjectError> {
        let mut tx = self.0.begin(of).await?;
        let outcome = finish(&mut *tx, id, of, now).await;
        end(tx, outcome).await
    }
}

async fn make(
    tx: &mut dyn Statements,
    new: &NewService,
    by: Option<&str>,
    now: Timestamp,
) -> Result<Service, ProjectError> {
    people::ensure(tx, &Person { id: new.user.clone(), name: Some(new.name.clone()) }).await?;
    let sql = "INSERT INTO rowcast.service_token \
                   (id, user_id, hash, queues, created_by, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (user, queues) = (&*new.user, serde_json::json!(new.queues).to_string());
    let values = params![new.id, user, &new.token, &*queues, by, now, new.expires];
    tx.run(sql, values).await?;
    for (project, role) in &new.projects {
        match by {
            Some(by) => require(tx, *project, by, Role::Owner).await?,
            None => exists(tx, *project).await?,
        }
        let sql = "INSERT INTO members (project_id, user_id, name, role) VALUES ($1, $2, $3, $4)";
        tx.run(sql, params![*project, user, &*new.name, *role]).await?;
    }
    Ok(Service {
        id: new.id,
        user: new.user.clone(),
        name: new.name.clone(),
        projects: new.projects.clone(),
        queues: new.queues.clone(),
        created: now,
        expires: new.expires,
    })
}

async fn exists(tx: &mut dyn Statements, project: Uuid) -> Result<(), ProjectError> {
    let found = tx.run("SELECT name FROM projects WHERE id = $1", params![project]).await?;
    if found.is_empty() { Err(ProjectError::NotFound) } else { Ok(()) }
}

async fn finish(
    tx: &mut dyn Statements,
    id: Uuid,
    of: Option<&str>,
    now: Timestamp,
) -> Result<(), ProjectError> {
    let rows = match of {
        None => tx.run(select_service!("AND t.id = $2"), params![now, id]).await?,
        Some(user) => tx.run(select_own!("AND t.id = $3"), params![now, user, id]).await?,
    };
    let Some(row) = rows.first() else { return Err(ProjectError::NotFound) };
    let sql = "UPDATE rowcast.service_token SET ended_at = $2 WHERE id = $1";
    tx.run(sql, params![id, now]).await?;
    let user = row.text(1)?;
    tx.run("DELETE FROM members WHERE user_id = $1", params![&*user]).await?;
    Ok(())
}
