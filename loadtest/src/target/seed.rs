//! People, projects and tasks, written by plain SQL as any outside writer would.

use rowcast_protocol::ChannelName;
use uuid::Uuid;

use super::Database;
use crate::error::LoadError;

/// Rows of one INSERT.
const ROWS_AT_ONCE: usize = 1_000;

/// A project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Project {
    id: Uuid,
}

impl Project {
    /// The channel of its rows.
    #[expect(clippy::expect_used, reason = "a UUID is a channel's id")]
    pub(crate) fn channel(&self) -> ChannelName {
        ChannelName::new(&format!("project:{}", self.id)).expect("a UUID is a channel's id")
    }
}

/// Ids of so many people.
pub(crate) fn people(count: usize) -> Vec<String> {
    (0..count.max(1)).map(|number| format!("load-{number}")).collect()
}

/// Writes people who are not there yet.
pub(crate) async fn insert_people(database: &Database, people: &[String]) -> Result<(), LoadError> {
    let rows = people.iter().map(|id| format!("('{id}', 'Load {id}')"));
    insert(database, "INSERT INTO users (id, name)", "ON CONFLICT DO NOTHING", rows).await
}

/// Writes new projects of which all these people are editors.
pub(crate) async fn insert_projects(
    database: &Database,
    people: &[String],
    count: usize,
) -> Result<Vec<Project>, LoadError> {
    let projects: Vec<_> = (0..count.max(1)).map(|_| Project { id: Uuid::now_v7() }).collect();
    let rows = projects.iter().map(|project| format!("('{}', 'Load')", project.id));
    insert(database, "INSERT INTO projects (id, name)", "", rows).await?;
    let members = projects.iter().flat_map(|project| {
        people.iter().map(move |id| format!("('{}', '{id}', 'Load {id}', 'editor')", project.id))
    });
    insert(database, "INSERT INTO members (project_id, user_id, name, role)", "", members).await?;
    Ok(projects)
}

/// The id of the task with this number, counted over all projects.
pub(crate) fn row_id(number: usize) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | number as u128)
}

/// Writes so many tasks into each project, numbered from 1 on.
pub(crate) async fn insert_tasks(
    database: &Database,
    projects: &[Project],
    each: usize,
) -> Result<(), LoadError> {
    let rows = (0..projects.len() * each)
        .zip(projects.iter().flat_map(|one| std::iter::repeat_n(one, each)));
    let rows = rows.map(|(number, project)| {
        format!("('{}', '{}', 'Task {number}')", row_id(number + 1), project.id)
    });
    insert(database, "INSERT INTO tasks (id, project_id, title)", "", rows).await
}

async fn insert(
    database: &Database,
    into: &str,
    then: &str,
    rows: impl Iterator<Item = String>,
) -> Result<(), LoadError> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        database.execute(format!("{into} VALUES {} {then}", some.join(", "))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_its_number_in_its_id() {
        assert_eq!(row_id(255).to_string(), "00000000-0000-7000-8000-0000000000ff");
    }

    #[tokio::test]
    async fn everybody_is_an_editor_of_every_project() {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        let tables = "CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT);
            CREATE TABLE projects (id TEXT PRIMARY KEY, name TEXT);
            CREATE TABLE members (project_id TEXT, user_id TEXT, name TEXT, role TEXT);
            CREATE TABLE tasks (id TEXT PRIMARY KEY, project_id TEXT, title TEXT)";
        database.execute(tables.to_owned()).await.unwrap();
        let people = people(3);
        insert_people(&database, &people).await.unwrap();
        insert_people(&database, &people).await.unwrap();
        let projects = insert_projects(&database, &people, 700).await.unwrap();
        insert_tasks(&database, &projects, 2).await.unwrap();
        let counted = "SELECT CAST(count(*) AS TEXT) FROM members UNION ALL SELECT CAST(count(*) AS TEXT) FROM tasks";
        let counts = database.texts(counted.to_owned()).await.unwrap();
        assert_eq!(counts, [[Some("2100".to_owned())], [Some("1400".to_owned())]]);
    }
}
