//! The suite on SQLite.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use rowcast::store::{Declarations, Store, StoreError, fold::EntryLimits, sqlite};
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    harness::{Harness, Outsider, older},
    suite::every_test,
};

mod alone;
mod backlog;
mod columns;
mod replaced;
mod types;

every_test!(crate::sqlite::Sqlite);

/// A database file in a directory of its own.
pub(crate) struct Sqlite {
    directory: tempfile::TempDir,
}

impl Sqlite {
    fn path(&self) -> PathBuf {
        self.directory.path().join("rowcast.db")
    }

    async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.path())
            .create_if_missing(true)
            .foreign_keys(true)
            .connect()
            .await
            .unwrap()
    }

    /// The names and texts of the triggers that record a table.
    async fn triggers(&self, table: &str) -> Vec<(String, String)> {
        let sql = "SELECT name, sql FROM sqlite_master
            WHERE type = 'trigger' AND tbl_name = ? AND name LIKE 'rowcast%'";
        sqlx::query_as(sql).bind(table).fetch_all(&mut self.connect().await).await.unwrap()
    }

    /// How many rows a table has.
    async fn count(&self, table: &str) -> i64 {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.unwrap()
    }

    async fn run(&self, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connect().await).await.unwrap();
    }
}

impl Harness for Sqlite {
    const TABLES: &'static str = "
        CREATE TABLE cards (
            id BIGINT PRIMARY KEY,
            board TEXT NOT NULL,
            title TEXT NOT NULL,
            slug TEXT,
            secret TEXT,
            count BIGINT NOT NULL DEFAULT 0 CONSTRAINT cards_count_check CHECK (count >= 0),
            parent BIGINT,
            weight DOUBLE PRECISION,
            price DECIMAL TEXT,
            tags JSON,
            done BOOLEAN,
            day DATE,
            at TIMESTAMPTZ,
            raw BYTEA,
            pos TEXT,
            CONSTRAINT cards_slug_key UNIQUE (slug),
            CONSTRAINT cards_parent_fkey FOREIGN KEY (parent) REFERENCES cards (id)
        );
        CREATE TABLE kinds (
            id BIGINT PRIMARY KEY, place TEXT NOT NULL, b BOOLEAN, i BIGINT, f DOUBLE PRECISION,
            dec DECIMAL TEXT, t TEXT, u UUID, d DATE, tm TIME, ts TIMESTAMPTZ, bytes BYTEA, j JSON
        );";

    const KINDS: &'static str = r#"
        INSERT INTO kinds VALUES (1, 'here', TRUE, 42, 0.1, '1.50', 'Zoë "q"',
            '7F3C0000-0000-4000-8000-00000000000A', '2024-02-29', '10:15', '2026-11-20 10:15:00',
            x'0001feff', '{"b": {}, "a": [1.0, 2.5, null, "x"]}');
        INSERT INTO kinds VALUES (2, 'here', FALSE, -9223372036854775808, 1.7976931348623157e308,
            '-12345678901234567890.123456789', '', 'ffffffff-ffff-4fff-8fff-ffffffffffff',
            '0001-01-01', '23:59:59.999999', '1970-01-01T02:59:59.999999+03:00', x'',
            '[true, 9007199254740993, -0.0, "ü"]');
        INSERT INTO kinds (id, place) VALUES (3, 'here');
        INSERT INTO kinds VALUES (4, 'here', 1, 9007199254740991, 9e999, '1e3',
            'line' || char(10) || 'break', x'00000000000040008000000000000000', '9999-12-31', '00:00:00',
            '2026-11-20T10:15:00.1234567Z', x'00', '"text"');"#;

    const TRAP_TABLE: &'static str = "
        CREATE TABLE traps (
            id BIGINT PRIMARY KEY, board TEXT NOT NULL, n BIGINT NOT NULL DEFAULT 1, said TEXT,
            twice BIGINT GENERATED ALWAYS AS (n * 2) STORED,
            thrice BIGINT NOT NULL GENERATED ALWAYS AS (n * 3) VIRTUAL,
            CHECK (said IS NOT 'check' OR abs(id - 9223372036854775807 - id - 1) > 0)
        );
        CREATE VIEW forever AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
            SELECT x FROM c;
        CREATE TRIGGER trap BEFORE INSERT ON traps BEGIN
            SELECT json('{') WHERE NEW.said = 'json';
            SELECT RAISE(ABORT, 'no room') WHERE NEW.said = 'abort';
            SELECT RAISE(FAIL, 'no room') WHERE NEW.said = 'fail';
            SELECT RAISE(ROLLBACK, 'no room') WHERE NEW.said = 'rollback';
            SELECT count(*) FROM forever WHERE NEW.said = 'slow';
        END;";

    const TRAPS: &'static [&'static str] = &["check", "json", "abort", "fail", "rollback", "slow"];

    const PAPERS: &'static str = "
        CREATE TABLE papers (slug TEXT PRIMARY KEY NOT NULL, place TEXT NOT NULL, title TEXT, gone BOOLEAN);
        CREATE TABLE trail (what TEXT);
        CREATE TRIGGER keep BEFORE DELETE ON papers BEGIN
            UPDATE papers SET gone = TRUE WHERE slug = OLD.slug;
            SELECT RAISE(IGNORE);
        END;
        CREATE TRIGGER freeze BEFORE UPDATE ON papers WHEN NEW.title = 'frozen' BEGIN
            INSERT INTO trail VALUES (NEW.title);
            SELECT RAISE(IGNORE);
        END;
        CREATE TRIGGER leave_out BEFORE INSERT ON papers WHEN NEW.title = 'unwanted' BEGIN
            INSERT INTO trail VALUES (NEW.title);
            SELECT RAISE(IGNORE);
        END;
        CREATE TRIGGER small AFTER INSERT ON papers WHEN NEW.slug <> lower(NEW.slug) BEGIN
            UPDATE papers SET slug = lower(NEW.slug) WHERE slug = NEW.slug;
        END;
        CREATE TRIGGER small_too AFTER UPDATE ON papers WHEN NEW.slug <> lower(NEW.slug) BEGIN
            UPDATE papers SET slug = lower(NEW.slug) WHERE slug = NEW.slug;
        END;";

    const OWN: &'static str = "RowCast_Session";

    const ENTRIES: &'static str = "rowcast_entry";

    const COPY: &'static str = "PRAGMA foreign_keys = off;
        CREATE TABLE cards_new (
            id BIGINT PRIMARY KEY,
            board TEXT NOT NULL,
            title TEXT NOT NULL,
            slug TEXT UNIQUE,
            secret TEXT,
            count BIGINT NOT NULL DEFAULT 0,
            parent BIGINT REFERENCES cards (id),
            weight DOUBLE PRECISION,
            price DECIMAL TEXT,
            tags JSON,
            done BOOLEAN,
            day DATE,
            at TIMESTAMPTZ,
            raw BYTEA,
            pos TEXT,
            note TEXT
        )";

    const DROP_CARDS: &'static str = "DROP TABLE cards";

    const REFUSAL: (&'static str, &'static str) = ("error", "rowcast_edit");

    async fn create() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    async fn migrate(&self, declarations: &Declarations) -> Result<(), StoreError> {
        sqlite::migrate(&self.path(), declarations).await
    }

    async fn older(&self) {
        let mut migrator = older(&[
            include_str!("../../../migrations/sqlite/0001_engine.sql"),
            include_str!("../../../migrations/sqlite/0002_tables.sql"),
            include_str!("../../../migrations/sqlite/0003_accounts.sql"),
            include_str!("../../../migrations/sqlite/0004_outcomes.sql"),
            include_str!("../../../migrations/sqlite/0005_people.sql"),
        ]);
        migrator.dangerous_set_table_name("rowcast_migrations");
        migrator.run(&mut self.connect().await).await.unwrap();
    }

    async fn open(
        &self,
        declarations: &Declarations,
        limits: EntryLimits,
    ) -> Result<Arc<dyn Store>, StoreError> {
        let options = sqlite::Options {
            limits,
            busy_timeout: std::time::Duration::from_secs(1),
            ..sqlite::Options::default()
        };
        Ok(Arc::new(sqlite::open(&self.path(), declarations, options).await?))
    }

    async fn outsider(&self) -> Box<dyn Outsider> {
        Box::new(Connection(self.connect().await))
    }

    async fn unrecorded(&self, table: &str, sql: &str) {
        let triggers = self.triggers(table).await;
        let drops = triggers.iter().map(|(name, _)| format!("DROP TRIGGER {name};"));
        let makes = triggers.iter().map(|(_, sql)| format!("{sql};"));
        let steps: Vec<String> = drops.chain([format!("{sql};")]).chain(makes).collect();
        self.run(steps.concat()).await;
    }

    async fn drop_a_trigger(&self, table: &str) {
        let name = self.triggers(table).await.remove(0).0;
        self.run(format!("DROP TRIGGER {name}")).await;
    }

    async fn pretend_newer(&self) {
        self.run(
            "INSERT INTO rowcast_migrations
                (version, description, success, checksum, execution_time)
             VALUES (9999, 'of the future', TRUE, x'00', 0)"
                .to_owned(),
        )
        .await;
    }

    fn emptying(table: &str) -> String {
        format!("DELETE FROM {table}")
    }
}

struct Connection(SqliteConnection);

#[async_trait]
impl Outsider for Connection {
    async fn try_run(&mut self, sql: &str) -> Result<(), String> {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut self.0).await.map(drop).map_err(|error| error.to_string())
    }
}
