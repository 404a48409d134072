//! The demo project: two people and a few tasks, written by plain SQL as any back end would.

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use uuid::Uuid;

use super::StoreError;
use crate::config::{DatabaseKind, DatabaseUrl};

/// The demo people: their ids and names. They have accounts without a password; the first is an
/// administrator.
pub const PEOPLE: [(&str, &str); 2] = [("ada", "Ada"), ("bob", "Bob")];

/// The demo's tasks: title, status, priority, assignee.
const TASKS: [(&str, &str, &str, Option<&str>); 6] = [
    ("Open this board in two browsers", "doing", "high", Some("ada")),
    ("Edit a title here and watch it there", "todo", "medium", None),
    ("Drag a card to another column", "todo", "medium", None),
    ("Switch the network off, edit, switch it on", "todo", "low", Some("bob")),
    ("Change a row with plain SQL", "todo", "medium", None),
    ("Start Rowcast", "done", "urgent", Some("ada")),
];

/// The address of a demo person.
#[must_use]
pub fn email(id: &str) -> String {
    format!("{id}@example.org")
}

/// Writes the demo project into a new database.
///
/// # Errors
/// If the database does not take it.
pub async fn seed(url: &DatabaseUrl) -> Result<(), StoreError> {
    let project = Uuid::now_v7();
    let schema = if url.kind() == Some(DatabaseKind::Postgres) { "rowcast." } else { "rowcast_" };
    let sql = statements(project, schema);
    let failed = |error: sqlx::Error| StoreError::Failed(format!("the demo project: {error}"));
    match url.kind() {
        Some(DatabaseKind::Postgres) => {
            let options: sqlx::postgres::PgConnectOptions = url.expose().parse().map_err(failed)?;
            let mut connection = options.connect().await.map_err(failed)?;
            connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(failed)?;
            connection.close().await.map_err(failed)?;
        }
        Some(DatabaseKind::Sqlite(file)) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
            let mut connection = options.connect().await.map_err(failed)?;
            connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(failed)?;
            connection.close().await.map_err(failed)?;
        }
        None => return Err(StoreError::Unfit("no database that is known".to_owned())),
    }
    Ok(())
}

/// One transaction. Every text in it is ours.
fn statements(project: Uuid, schema: &str) -> String {
    let mut sql = String::from("BEGIN;\n");
    for (id, name) in PEOPLE {
        let (email, admin) = (email(id), id == "ada");
        let now = jiff::Timestamp::now().as_microsecond();
        sql += &format!(
            "INSERT INTO users (id, name) VALUES ('{id}', '{name}');\n\
             INSERT INTO {schema}account (user_id, email, email_key, admin, created_at) \
             VALUES ('{id}', '{email}', '{email}', {admin}, {now});\n"
        );
    }
    sql += &format!("INSERT INTO projects (id, name) VALUES ('{project}', 'Demo');\n");
    for ((id, name), role) in PEOPLE.into_iter().zip(["owner", "editor"]) {
        sql += &format!(
            "INSERT INTO members (project_id, user_id, name, role) \
             VALUES ('{project}', '{id}', '{name}', '{role}');\n"
        );
    }
    for ((title, status, priority, assignee), position) in
        TASKS.into_iter().zip(super::order::evenly_spaced(TASKS.len()))
    {
        let assignee = assignee.map_or("NULL".to_owned(), |user| format!("'{user}'"));
        let id = Uuid::now_v7();
        sql += &format!(
            "INSERT INTO tasks \
             (id, project_id, title, status, priority, assignee, position, created_by) VALUES \
             ('{id}', '{project}', '{title}', '{status}', '{priority}', {assignee}, '{position}', 'ada');\n"
        );
    }
    sql + "COMMIT;"
}
