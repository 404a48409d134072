//! The suite on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use rowcast::store::{Declarations, Store, StoreError, fold::EntryLimits, postgres};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    harness::{Harness, Outsider, older},
    server::{Server, connect},
    suite::every_test,
};

every_test!(crate::postgres::Postgres);

/// A database of its own on the server of this process.
pub(crate) struct Postgres {
    pub(crate) url: String,
}

impl Postgres {
    async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connect(&self.url).await).await.unwrap();
    }
}

const RECORDING: [&str; 4] = [
    "rowcast_record_insert",
    "rowcast_record_update",
    "rowcast_record_delete",
    "rowcast_record_truncate",
];

impl Harness for Postgres {
    const TABLES: &'static str = r#"
        CREATE TABLE cards (
            id bigint PRIMARY KEY,
            board text NOT NULL,
            title text NOT NULL,
            slug text,
            secret text,
            count bigint NOT NULL DEFAULT 0 CONSTRAINT cards_count_check CHECK (count >= 0),
            parent bigint,
            weight double precision,
            price numeric,
            tags jsonb,
            done boolean,
            day date,
            at timestamptz,
            raw bytea,
            pos text COLLATE "C",
            CONSTRAINT cards_slug_key UNIQUE (slug),
            CONSTRAINT cards_parent_fkey FOREIGN KEY (parent) REFERENCES cards (id)
        );
        CREATE TABLE kinds (
            id bigint PRIMARY KEY, place text NOT NULL, b boolean, i bigint, f double precision,
            dec numeric, t text, u uuid, d date, tm time, ts timestamptz, bytes bytea, j jsonb
        );"#;

    const KINDS: &'static str = r#"
        SET extra_float_digits = -5; SET "TimeZone" = 'Asia/Kathmandu'; SET "DateStyle" = 'SQL, DMY';
        SET bytea_output = 'escape'; SET "IntervalStyle" = 'iso_8601';
        INSERT INTO kinds VALUES (1, 'here', TRUE, 42, 0.1, '1.50', 'Zoë "q"',
            '7F3C0000-0000-4000-8000-00000000000A', '2024-02-29', '10:15', '2026-11-20 10:15:00+00',
            '\x0001feff', '{"b": {}, "a": [1.0, 2.5, null, "x"]}');
        INSERT INTO kinds VALUES (2, 'here', FALSE, -9223372036854775808, 1.7976931348623157e308,
            '-12345678901234567890.123456789', '', 'ffffffff-ffff-4fff-8fff-ffffffffffff',
            '0001-01-01', '23:59:59.999999', '1970-01-01T02:59:59.999999+03:00', '',
            '[true, 9007199254740993, -0.0, "ü"]');
        INSERT INTO kinds (id, place) VALUES (3, 'here');
        INSERT INTO kinds VALUES (4, 'here', TRUE, 9007199254740991, 'Infinity', '1e3',
            E'line\nbreak', '00000000000040008000000000000000', '9999-12-31', '00:00:00',
            '2026-11-20T10:15:00.1234567Z', '\x00', '"text"');"#;

    const TRAP_TABLE: &'static str = "
        CREATE TABLE traps (
            id bigint PRIMARY KEY, board text NOT NULL, n bigint NOT NULL DEFAULT 1, said text,
            twice bigint GENERATED ALWAYS AS (n * 2) STORED,
            nth bigint GENERATED ALWAYS AS IDENTITY,
            CHECK (said IS DISTINCT FROM 'zero' OR n / (n - n) > 0),
            CHECK (said IS DISTINCT FROM 'cast' OR said::integer > 0)
        );
        CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.said ~ '^[0-9A-Z]{5}$' THEN
                RAISE EXCEPTION 'no room' USING ERRCODE = NEW.said;
            END IF;
            PERFORM pg_sleep(60) WHERE NEW.said = 'slow';
            RETURN NEW;
        END $$;
        CREATE TRIGGER trap BEFORE INSERT ON traps FOR EACH ROW EXECUTE FUNCTION trap();
        CREATE FUNCTION trap_later() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.said LIKE 'later %' THEN
                RAISE EXCEPTION 'no room' USING ERRCODE = split_part(NEW.said, ' ', 2);
            END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER trap_later AFTER INSERT ON traps INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION trap_later();";

    const TRAPS: &'static [&'static str] =
        &["zero", "cast", "P0001", "AB123", "XX000", "57014", "later P0001", "later AB123", "slow"];

    const PAPERS: &'static str = "
        CREATE TABLE papers (slug text PRIMARY KEY, place text NOT NULL, title text, gone boolean);
        CREATE TABLE trail (what text);
        CREATE FUNCTION keep_paper() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'DELETE' THEN
                UPDATE papers SET gone = true WHERE slug = OLD.slug;
                RETURN NULL;
            ELSIF NEW.title IN ('frozen', 'unwanted') THEN
                INSERT INTO trail VALUES (NEW.title);
                RETURN NULL;
            END IF;
            NEW.slug := lower(NEW.slug);
            RETURN NEW;
        END $$;
        CREATE TRIGGER keep BEFORE INSERT OR UPDATE OR DELETE ON papers FOR EACH ROW
            EXECUTE FUNCTION keep_paper();";

    const OWN: &'static str = "rowcast.session";

    const ENTRIES: &'static str = "rowcast.entry";

    const COPY: &'static str = "CREATE TABLE cards_new (LIKE cards INCLUDING ALL, note text)";

    const DROP_CARDS: &'static str = "DROP TABLE cards CASCADE";

    const REFUSAL: (&'static str, &'static str) = ("failure", "rowcast.edit");

    async fn create() -> Self {
        Self { url: Server::shared().database().await }
    }

    async fn older(&self) {
        let mut migrator = older(&[
            include_str!("../../migrations/postgres/0001_engine.sql"),
            include_str!("../../migrations/postgres/0002_tables.sql"),
            include_str!("../../migrations/postgres/0003_accounts.sql"),
            include_str!("../../migrations/postgres/0004_outcomes.sql"),
            include_str!("../../migrations/postgres/0005_people.sql"),
        ]);
        migrator.create_schema("rowcast");
        migrator.dangerous_set_table_name("rowcast.migration");
        migrator.run(&mut connect(&self.url).await).await.unwrap();
    }

    async fn migrate(&self, declarations: &Declarations) -> Result<(), StoreError> {
        postgres::migrate(&self.url, declarations).await
    }

    async fn open(
        &self,
        declarations: &Declarations,
        limits: EntryLimits,
    ) -> Result<Arc<dyn Store>, StoreError> {
        let options = postgres::Options { limits, ..postgres::Options::default() };
        Ok(Arc::new(postgres::open(&self.url, declarations, options).await?))
    }

    async fn outsider(&self) -> Box<dyn Outsider> {
        Box::new(Connection(connect(&self.url).await))
    }

    async fn unrecorded(&self, table: &str, sql: &str) {
        let each = |verb: &str| {
            RECORDING.map(|name| format!("ALTER TABLE {table} {verb} TRIGGER {name};")).concat()
        };
        self.run(&format!("BEGIN; {} {sql}; {} COMMIT", each("DISABLE"), each("ENABLE ALWAYS")))
            .await;
    }

    async fn drop_a_trigger(&self, table: &str) {
        self.run(&format!("DROP TRIGGER rowcast_record_update ON {table}")).await;
    }

    async fn pretend_newer(&self) {
        self.run("UPDATE rowcast.fact SET value = '9999' WHERE name = 'format'").await;
    }

    fn emptying(table: &str) -> String {
        format!("TRUNCATE {table} CASCADE")
    }
}

/// A connection of somebody else.
pub(crate) struct Connection(PgConnection);

impl Connection {
    /// Whoever the address names.
    pub(crate) async fn to(url: &str) -> Self {
        Self(connect(url).await)
    }
}

#[async_trait]
impl Outsider for Connection {
    async fn try_run(&mut self, sql: &str) -> Result<(), String> {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut self.0).await.map(drop).map_err(|error| error.to_string())
    }
}
