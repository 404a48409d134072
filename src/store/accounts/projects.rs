//! Projects: made, renamed, deleted.

use rowcast_protocol::Role;
use uuid::Uuid;

use super::{
    super::{StoreError, values::moment},
    Person, Project, ProjectError,
    members::require,
    people,
    sql::{Book, Database, Row, Statements, end, params},
};

/// A project's columns with the role of the person `$1`, as [`read`] takes them.
macro_rules! select_project {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(p.id AS text), p.name, m.role, CAST(p.created_at AS text) \
             FROM members m JOIN projects p ON p.id = m.project_id WHERE m.user_id = $1 ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Project, StoreError> {
    let created = row.text(3)?;
    let created = moment::instant(&created).map_or(created, moment::instant_text);
    Ok(Project { id: row.uuid(0)?, name: row.text(1)?, role: row.role(2)?, created })
}

impl<D: Database> Book<D> {
    pub(super) async fn list_projects(
        &self,
        user: &str,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Project>, StoreError> {
        // Nothing comes before the id that is nothing but zeros.
        let after = after.unwrap_or(Uuid::nil());
        let sql = select_project!("AND p.id > $2 ORDER BY p.id LIMIT $3");
        let rows = self.0.read(sql, params![user, after, i64::from(limit)]).await?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn do_make_project(
        &self,
        name: &str,
        by: &Person,
    ) -> Result<Project, StoreError> {
        let mut tx = self.0.begin(Some(&by.id)).await?;
        let outcome = make(&mut *tx, name, by).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_rename_project(
        &self,
        project: Uuid,
        name: &str,
        by: &str,
    ) -> Result<Project, ProjectError> {
        let mut tx = self.0.begin(Some(by)).await?;
        let outcome = rename(&mut *tx, project, name, by).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_delete_project(
        &self,
        project: Uuid,
        by: &str,
    ) -> Result<(), ProjectError> {
        let mut tx = self.0.begin(Some(by)).await?;
        let outcome = delete(&mut *tx, project, by).await;
        end(tx, outcome).await
    }
}

async fn one(tx: &mut dyn Statements, project: Uuid, by: &str) -> Result<Project, StoreError> {
    let rows = tx.run(select_project!("AND p.id = $2"), params![by, project]).await?;
    let row = rows.first().ok_or_else(|| StoreError::Failed("no project".to_owned()))?;
    read(row)
}

async fn make(tx: &mut dyn Statements, name: &str, by: &Person) -> Result<Project, StoreError> {
    people::ensure(tx, by).await?;
    let project = Uuid::now_v7();
    tx.run("INSERT INTO projects (id, name) VALUES ($1, $2)", params![project, name]).await?;
    let sql = "INSERT INTO members (project_id, user_id, name, role) \
               SELECT $1, id, name, 'owner' FROM users WHERE id = $2";
    tx.run(sql, params![project, &*by.id]).await?;
    one(tx, project, &by.id).await
}

async fn rename(
    tx: &mut dyn Statements,
    project: Uuid,
    name: &str,
    by: &str,
) -> Result<Project, ProjectError> {
    require(tx, project, by, Role::Owner).await?;
    tx.run("UPDATE projects SET name = $2 WHERE id = $1", params![project, name]).await?;
    Ok(one(tx, project, by).await?)
}

async fn delete(tx: &mut dyn Statements, project: Uuid, by: &str) -> Result<(), ProjectError> {
    require(tx, project, by, Role::Owner).await?;
    tx.run("DELETE FROM projects WHERE id = $1", params![project]).await?;
    Ok(())
}
