//! Names of tables: long ones, those of other schemas, and those that cannot be live.

use rowcast::store::{StoreError, fold::EntryLimits, postgres};
use rowcast_protocol::{Change, ChannelName};
use sqlx::AssertSqlSafe;

use super::PgBench;
use crate::{
    bench::{declarations, read_declarations},
    harness::Harness as _,
    postgres::Postgres,
    server::connect,
};

fn at(place: &str) -> ChannelName {
    ChannelName::new(&format!("at:{place}")).unwrap()
}

fn declared(name: &str) -> String {
    format!("[[tables]]\nname = '{name}'\nchannel = \"at:{{place}}\"\n")
}

async fn texts(bench: &PgBench, sql: &str) -> Vec<String> {
    let mut connection = connect(&bench.harness.url).await;
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap()
}

const FUNCTIONS: &str = "SELECT p.proname::text FROM pg_proc p
    WHERE p.pronamespace = 'rowcast'::regnamespace AND p.prorettype = 'trigger'::regtype
        AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid)";

#[tokio::test]
async fn tables_whose_long_names_begin_alike_are_told_apart() {
    let long = "x".repeat(62);
    let (one, two) = (format!("{long}1"), format!("{long}2"));
    let sql = [&one, &two].map(|name| {
        format!("CREATE TABLE {name} (nr bigint PRIMARY KEY, place text NOT NULL, {name} text);")
    });
    let bench = PgBench::with_tables(&sql.concat(), &(declared(&one) + &declared(&two))).await;
    bench.outside(&format!("INSERT INTO {one} VALUES (1, 'a', 'one')")).await;
    bench.outside(&format!("INSERT INTO {two} VALUES (2, 'a', 'two')")).await;
    let tables: Vec<String> = bench
        .log(&at("a"))
        .await
        .iter()
        .flat_map(|entry| &entry.changes)
        .map(|change| match change {
            Change::Insert(row) => row.table.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tables, [one.clone(), two.clone()]);
    bench.log_gives_the_rows(&at("a")).await;
    let pages = "SELECT i.indexrelid::regclass::text FROM pg_index i
        WHERE i.indrelid IN (SELECT oid FROM pg_class WHERE relname LIKE 'xxx%') AND NOT i.indisprimary";
    assert_eq!(texts(&bench, pages).await.len(), 2, "each has an index for its pages");
}

#[tokio::test]
async fn functions_of_older_programs_are_replaced_and_removed() {
    let bench = PgBench::fresh().await;
    let old = "
        CREATE FUNCTION rowcast.record_insert_cards() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            $$ BEGIN RAISE 'old'; END $$;
        CREATE OR REPLACE TRIGGER rowcast_record_insert AFTER INSERT ON cards REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION rowcast.record_insert_cards();
        ALTER TABLE cards ENABLE ALWAYS TRIGGER rowcast_record_insert;
        DELETE FROM rowcast.fact WHERE name = 'shapes';
        UPDATE rowcast.fact SET value = 'old' WHERE name = 'triggers'";
    bench.outsider().await.run(old).await;
    bench.harness.migrate(&declarations()).await.unwrap();
    bench.card(1, None).await;
    assert!(texts(&bench, FUNCTIONS).await.is_empty());
    assert_eq!(bench.log(&crate::bench::board("b")).await.len(), 1, "nothing was reset");
}

#[tokio::test]
async fn a_table_of_another_schema_is_live_by_its_whole_name() {
    let sql = "CREATE SCHEMA \"My App\"; CREATE TYPE \"My App\".level AS ENUM ('low', 'high');
        CREATE TABLE \"My App\".\"Notes\" (nr bigint PRIMARY KEY, place text NOT NULL, title text,
            level \"My App\".level, levels \"My App\".level[], CONSTRAINT short CHECK (length(title) < 5));
        CREATE TABLE notes (nr bigint PRIMARY KEY, place text NOT NULL)";
    let all = declared("My App.Notes") + &declared("public.notes");
    let bench = PgBench::with_tables(sql, &all).await;
    let table = "My App.Notes";
    let (one, title) = (1.into(), |title: &str| ("title", title.into()));
    let fields = [("nr", 1.into()), ("place", "a".into()), ("level", "low".into()), title("new")];
    bench.applies("ada", &at("a"), vec![bench.insert(table, &fields)]).await;
    bench.applies("ada", &at("a"), vec![bench.set(table, &one, &[title("set")])]).await;
    bench.outside("UPDATE \"My App\".\"Notes\" SET levels = '{low,high}'").await;
    bench.outside("INSERT INTO notes VALUES (1, 'a')").await;
    bench.log_gives_the_rows(&at("a")).await;
    assert_eq!(bench.field(&at("a"), table, &one, "title").await, "set".into());
    let refused =
        bench.fails("ada", &at("a"), vec![bench.set(table, &one, &[title("longer")])]).await;
    assert_eq!(refused.table.as_deref(), Some(table));
    assert_eq!(refused.field.as_deref(), Some("title"));
    let found = bench.store.examine().await.unwrap();
    let wrong: Vec<_> =
        found.iter().filter(|f| f.verdict == rowcast::store::Verdict::Bad).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_in_clear_words() {
    let harness = Postgres::create().await;
    let columns = "(nr bigint PRIMARY KEY, place text NOT NULL)";
    let sql = format!(
        "CREATE TABLE plain {columns}; CREATE VIEW seen AS SELECT * FROM plain;
         CREATE MATERIALIZED VIEW stored AS SELECT * FROM plain;
         CREATE UNLOGGED TABLE fast {columns};
         CREATE TABLE parent {columns}; CREATE TABLE child () INHERITS (parent);
         CREATE TABLE whole (nr bigint, place text NOT NULL, PRIMARY KEY (nr)) PARTITION BY RANGE (nr);
         CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (10);
         CREATE FOREIGN DATA WRAPPER afar; CREATE SERVER afar FOREIGN DATA WRAPPER afar;
         CREATE FOREIGN TABLE far (nr bigint, place text NOT NULL) SERVER afar;
         CREATE SEQUENCE counting"
    );
    harness.outsider().await.run(&sql).await;
    harness.migrate(&rowcast::store::Declarations::default()).await.unwrap();
    for (name, words) in [
        ("seen", "is a view"),
        ("stored", "is a view"),
        ("fast", "is unlogged"),
        ("parent", "has children by inheritance"),
        ("child", "is a child by inheritance of `parent`"),
        ("part", "is a partition of `whole`"),
        ("far", "is a foreign table"),
        ("counting", "is no table"),
        ("rowcast.session", "stands in the schema `rowcast`"),
        ("rowcast.pending", "stands in the schema `rowcast`"),
        ("pg_class", "stands in the schema `pg_catalog`"),
        ("session", "is not in the database"),
        ("nowhere.plain", "is not in the database"),
    ] {
        let refused = harness.migrate(&read_declarations(&declared(name))).await.unwrap_err();
        let StoreError::Unfit(said) = &refused else { panic!("{refused:?}") };
        assert!(said.contains(words) && said.contains(name), "{name}: {said}");
    }
}

/// A database that belongs to a role of the engine's own name.
async fn of_rowcast() -> (Postgres, String) {
    let harness = Postgres::create().await;
    let database = harness.url.rsplit('/').next().unwrap().to_owned();
    let role = "DO $$ BEGIN CREATE ROLE rowcast LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
    harness.outsider().await.run(role).await;
    harness.outsider().await.run(&format!("ALTER DATABASE {database} OWNER TO rowcast")).await;
    let url = harness.url.replace("postgres@", "rowcast@");
    (harness, url)
}

const WHERE: &str =
    "SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname IN ('users', 'tasks') AND c.relkind = 'r'";

#[tokio::test]
async fn a_role_of_the_engine_s_name_gets_its_tables_beside_the_engine() {
    let (harness, url) = of_rowcast().await;
    harness
        .outsider()
        .await
        .run(
            "CREATE TABLE session (nr bigint PRIMARY KEY, place text NOT NULL);
              ALTER TABLE session OWNER TO rowcast",
        )
        .await;
    let mut all = declarations();
    all.tables.retain(|table| !["cards", "kinds"].contains(&table.name.as_str()));
    all.access.retain(|access| access.kind != "board");
    all.tables.extend(read_declarations(&declared("session")).tables);
    postgres::migrate(&url, &all).await.unwrap();
    let mut connection = connect(&url).await;
    let schemas: Vec<String> = sqlx::query_scalar(WHERE).fetch_all(&mut connection).await.unwrap();
    assert_eq!(schemas, ["public", "public"]);
    let recorded: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'rowcast%' AND tgrelid::regclass::text LIKE '%session'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(recorded, ["public.session"]);
    let options = postgres::Options { limits: EntryLimits::default(), ..Default::default() };
    postgres::open(&url, &all, options).await.unwrap();
}

#[tokio::test]
async fn shipped_tables_that_stand_in_the_engine_s_schema_leave_it() {
    let (_harness, url) = of_rowcast().await;
    let mut all = declarations();
    all.tables.retain(|table| !["cards", "kinds"].contains(&table.name.as_str()));
    all.access.retain(|access| access.kind != "board");
    postgres::migrate(&url, &all).await.unwrap();
    let mut connection = connect(&url).await;
    let moved = "DO $$ DECLARE name text; BEGIN
        FOREACH name IN ARRAY ARRAY['users', 'projects', 'members', 'tasks', 'comments', 'notifications'] LOOP
            EXECUTE format('ALTER TABLE public.%I SET SCHEMA rowcast', name);
        END LOOP;
        FOREACH name IN ARRAY ARRAY['notify_assigned', 'notify_commented', 'rename_members'] LOOP
            EXECUTE format('ALTER FUNCTION public.%I() SET SCHEMA rowcast', name);
        END LOOP;
    END $$";
    sqlx::raw_sql(moved).execute(&mut connection).await.unwrap();
    postgres::migrate(&url, &all).await.unwrap();
    let schemas: Vec<String> = sqlx::query_scalar(WHERE).fetch_all(&mut connection).await.unwrap();
    assert_eq!(schemas, ["public", "public"]);
    postgres::open(&url, &all, postgres::Options::default()).await.unwrap();
    sqlx::raw_sql("SET search_path = public; INSERT INTO users (id, name) VALUES ('ada', 'Ada')")
        .execute(&mut connection)
        .await
        .unwrap();
}
