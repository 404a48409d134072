//! What somebody can do who may write a table and nothing else.

use sqlx::Connection as _;

use super::PgBench;
use crate::{harness::Outsider, server::connect};

const TABLE: &str = "
    CREATE DOMAIN spot AS text;
    CREATE TYPE shade AS ENUM ('dark', 'light');
    CREATE TABLE plots (nr bigint PRIMARY KEY, place spot NOT NULL, shade shade, shades shade[], label varchar(9))";

const DECLARED: &str = "
    [[tables]]
    name = \"plots\"
    channel = \"at:{place}\"";

/// Functions, operators, casts and types that others would take for those of the database. Each of
/// the functions tells who called it.
fn traps(schema: &str, table: &str) -> String {
    let mut sql = format!(
        "CREATE FUNCTION {schema}.tell() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
             IF current_user <> session_user THEN
                 RAISE EXCEPTION 'caught %', current_user;
             END IF;
         END $$;
         CREATE DOMAIN {schema}.text AS pg_catalog.text;
         CREATE DOMAIN {schema}.integer AS pg_catalog.int4;
         CREATE DOMAIN {schema}.oid AS pg_catalog.oid;
         CREATE FUNCTION {schema}.is_spot(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
             PERFORM {schema}.tell(); RETURN true; END $$;
         CREATE DOMAIN {schema}.spot AS pg_catalog.text CHECK ({schema}.is_spot(VALUE));"
    );
    let mut trap = |name: &str, takes: &str, gives: &str| {
        sql += &format!(
            "CREATE FUNCTION {schema}.{name}({takes}) RETURNS {gives} LANGUAGE plpgsql AS
             $$ BEGIN PERFORM {schema}.tell(); RETURN NULL; END $$;"
        );
    };
    for kind in ["public.shade", "public.spot", "pg_catalog.varchar", "public.shade[]"] {
        trap("to_json", kind, "json");
        trap("concat", kind, "pg_catalog.text");
        trap("concat", &format!("pg_catalog.text, {kind}"), "pg_catalog.text");
        trap("octet_length", kind, "pg_catalog.int4");
        trap("differ", &format!("{kind}, {kind}"), "boolean");
        trap("join", &format!("pg_catalog.text, {kind}"), "pg_catalog.text");
    }
    trap("fits", "pg_catalog.oid, pg_catalog.text, pg_catalog.text", "boolean");
    trap("string_agg", "pg_catalog.varchar, pg_catalog.varchar", "pg_catalog.text");
    for kind in ["public.shade", "pg_catalog.varchar", "public.shade[]"] {
        for (name, function) in [("=", "differ"), ("<>", "differ")] {
            sql += &format!(
                "CREATE OPERATOR {schema}.{name} (FUNCTION = {schema}.{function}, LEFTARG = {kind}, RIGHTARG = {kind});"
            );
        }
        sql += &format!(
            "CREATE OPERATOR {schema}.|| (FUNCTION = {schema}.join, LEFTARG = pg_catalog.text, RIGHTARG = {kind});"
        );
    }
    sql + &format!("SET search_path = {schema}, {table}")
}

const WRITES: [&str; 9] = [
    "INSERT INTO public.plots VALUES (1, 'here', 'dark', '{dark}', 'a')",
    "UPDATE public.plots SET shade = 'light', label = 'b'",
    "INSERT INTO public.plots SELECT i, 'here', 'light', '{light}', 'x' FROM pg_catalog.generate_series(2, 900) i",
    "UPDATE public.plots SET place = 'there', shades = '{dark,light}'",
    "INSERT INTO public.plots SELECT i, 'here', 'light', '{light}', 'x' FROM pg_catalog.generate_series(1001, 2900) i",
    "UPDATE public.plots SET shade = 'dark', label = 'c'",
    "UPDATE public.plots SET place = 'every', label = 'd' WHERE nr > 50",
    "DELETE FROM public.plots WHERE nr > 7",
    "DELETE FROM public.plots",
];

async fn nothing_is_caught_in(schema: &str, path: &str) {
    let bench = PgBench::with_tables(TABLE, DECLARED).await;
    let database = bench.harness.url.rsplit('/').next().unwrap().to_owned();
    let setup = format!(
        "CREATE ROLE mallory_{database} LOGIN; CREATE SCHEMA writable;
         GRANT ALL ON SCHEMA writable TO mallory_{database};
         GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON plots TO mallory_{database}"
    );
    bench.outsider().await.run(&setup).await;
    let url = bench.harness.url.replace("postgres@", &format!("mallory_{database}@"));
    let mut mallory: Box<dyn Outsider> = Box::new(crate::postgres::Connection::to(&url).await);
    mallory.run(&traps(schema, path)).await;
    for sql in WRITES {
        mallory.run(sql).await;
        mallory.run("SET plan_cache_mode = force_custom_plan").await;
    }
    mallory.run("TRUNCATE public.plots").await;
    bench.number().await;
}

#[tokio::test]
async fn a_writer_s_temporary_schema_catches_nothing() {
    nothing_is_caught_in("pg_temp", "pg_catalog").await;
}

#[tokio::test]
async fn a_writer_s_own_schema_catches_nothing() {
    nothing_is_caught_in("writable", "pg_catalog, pg_temp").await;
}

#[tokio::test]
async fn the_engine_s_functions_are_for_hubs_alone() {
    let bench = PgBench::fresh().await;
    let mut connection = connect(&bench.harness.url).await;
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'rowcast'::regnamespace
         AND has_function_privilege('pg_read_all_data', p.oid, 'EXECUTE')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(open.is_empty(), "anybody may call {open:?}");
    let unsafe_ones: Vec<String> = sqlx::query_scalar(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'rowcast'::regnamespace
         AND p.prosecdef AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}'))",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(unsafe_ones.is_empty(), "{unsafe_ones:?}");
    connection.close().await.unwrap();
}
