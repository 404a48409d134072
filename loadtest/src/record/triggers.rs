//! The triggers that record changes of `tasks`, taken away and put back.

use crate::{
    error::LoadError,
    target::{Database, Kind},
};

/// How to put each in place, and how to take it away.
#[derive(Debug)]
pub(super) struct Triggers {
    on: Vec<String>,
    off: Vec<String>,
}

impl Triggers {
    /// The recording triggers of this database.
    pub(super) async fn of(database: &Database) -> Result<Self, LoadError> {
        let (on, off) = match database.kind() {
            Kind::Sqlite => of_sqlite(database).await?,
            Kind::Postgres => of_postgres(database).await?,
        };
        if on.is_empty() {
            let words = "the database has no recording triggers on `tasks`";
            return Err(LoadError::Usage(words.to_owned()));
        }
        Ok(Self { on, off })
    }

    /// Has changes recorded or not.
    pub(super) async fn set(&self, database: &Database, recorded: bool) -> Result<(), LoadError> {
        if recorded {
            // So that none is there twice.
            self.off(database).await?;
            return run(database, &self.on).await;
        }
        self.off(database).await
    }

    async fn off(&self, database: &Database) -> Result<(), LoadError> {
        run(database, &self.off).await
    }

    /// Forgets what was recorded, and makes rounds alike: no dead rows, nothing left to write.
    pub(super) async fn tidy(&self, database: &Database) -> Result<(), LoadError> {
        let statements: &[&str] = match database.kind() {
            Kind::Sqlite => &[
                "DELETE FROM rowcast_pending",
                "DELETE FROM rowcast_flood",
                "PRAGMA wal_checkpoint(TRUNCATE)",
            ],
            Kind::Postgres => &["TRUNCATE rowcast.pending", "VACUUM ANALYZE tasks", "CHECKPOINT"],
        };
        run(database, statements).await
    }
}

async fn run(database: &Database, statements: &[impl AsRef<str>]) -> Result<(), LoadError> {
    for statement in statements {
        database.execute(statement.as_ref().to_owned()).await?;
    }
    Ok(())
}

type OnAndOff = (Vec<String>, Vec<String>);

async fn of_sqlite(database: &Database) -> Result<OnAndOff, LoadError> {
    let sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'tasks' \
               AND sql LIKE '%rowcast_pending%'";
    let found = database.texts(sql.to_owned()).await?;
    let both = found.into_iter().filter_map(|row| match <[Option<String>; 2]>::try_from(row) {
        Ok([Some(name), Some(sql)]) => Some((sql, format!("DROP TRIGGER IF EXISTS \"{name}\""))),
        _ => None,
    });
    Ok(both.unzip())
}

async fn of_postgres(database: &Database) -> Result<OnAndOff, LoadError> {
    let sql = "SELECT quote_ident(t.tgname) FROM pg_trigger t \
               JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace \
               WHERE t.tgrelid = 'tasks'::regclass AND n.nspname = 'rowcast' AND NOT t.tgisinternal";
    let found = database.texts(sql.to_owned()).await?;
    let both = found.into_iter().flatten().flatten().map(|name| {
        let alter = |what| format!("ALTER TABLE tasks {what} TRIGGER {name}");
        (alter("ENABLE ALWAYS"), alter("DISABLE"))
    });
    Ok(both.unzip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn recording_triggers_go_and_come_back_and_others_stay() {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        let tables = "CREATE TABLE tasks (a); CREATE TABLE rowcast_pending (a); CREATE TABLE other (a);
            CREATE TRIGGER rec AFTER INSERT ON tasks BEGIN INSERT INTO rowcast_pending VALUES (1); END;
            CREATE TRIGGER own AFTER INSERT ON tasks BEGIN INSERT INTO other VALUES (1); END;";
        database.execute(tables.to_owned()).await.unwrap();
        let triggers = Triggers::of(&database).await.unwrap();
        for recorded in [false, true, true, false] {
            triggers.set(&database, recorded).await.unwrap();
            database.execute("INSERT INTO tasks VALUES (1)".to_owned()).await.unwrap();
            let counted = "SELECT CAST((SELECT count(*) FROM rowcast_pending) AS TEXT)";
            let count = database.texts(counted.to_owned()).await.unwrap();
            assert_eq!(count[0][0].as_deref() == Some("1"), recorded);
            database.execute("DELETE FROM rowcast_pending".to_owned()).await.unwrap();
        }
        let others =
            database.texts("SELECT CAST(count(*) AS TEXT) FROM other".to_owned()).await.unwrap();
        assert_eq!(others, [[Some("4".to_owned())]]);
    }
}
