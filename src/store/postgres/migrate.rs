//! Brings a database to this program's form, and checks that one is.

use sha2::{Digest as _, Sha256};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    catalogue,
    connect::{check_version, single},
    failure::store_error,
    name::{column, key, quoted},
    recorder,
};
use crate::planted;
use crate::store::{Declarations, LiveSchema, LiveTable, StoreError, build::live_schema};

/// What this program understands. A database of a higher format is newer than this program.
const FORMAT: u32 = 2;

const ENGINE: &str = include_str!("../../../migrations/postgres/0001_engine.sql");
const TABLES: &str = include_str!("../../../migrations/postgres/0002_tables.sql");
const ACCOUNTS: &str = include_str!("../../../migrations/postgres/0003_accounts.sql");
const FUNCTIONS: &str = include_str!("functions.sql");

/// The tables that ship; one of them without the engine's own belongs to somebody else.
const SHIPPED: [&str; 6] = ["users", "projects", "members", "tasks", "comments", "notifications"];

/// Makes the tables that are missing, the functions and the triggers. Doing it again changes
/// nothing.
///
/// # Errors
/// [`StoreError::Unfit`] if the database is foreign or newer, or a declaration does not fit it.
pub async fn migrate(url: &str, declarations: &Declarations) -> Result<(), StoreError> {
    let mut connection = single(url).await?;
    check_version(&mut connection).await?;
    check_format(&mut connection, false).await?;
    migrator().run(&mut connection).await.map_err(migrate_error)?;
    let mut transaction = connection.begin().await.map_err(store_error)?;
    apply(&mut transaction, declarations).await?;
    transaction.commit().await.map_err(store_error)?;
    connection.close().await.map_err(store_error)
}

fn migrator() -> Migrator {
    let migration = |number, name: &'static str, sql: &'static str| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(vec![
        migration(1, "engine", ENGINE),
        migration(2, "tables", TABLES),
        migration(3, "accounts", ACCOUNTS),
    ]);
    migrator.create_schema("rowcast");
    migrator.dangerous_set_table_name("rowcast.migration");
    migrator
}

fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            store_error(error)
        }
        other => StoreError::Unfit(format!("the database is not one of this program's: {other}")),
    }
}

/// Functions, triggers and facts, in one transaction and one migration at a time.
async fn apply(
    connection: &mut PgConnection,
    declarations: &Declarations,
) -> Result<(), StoreError> {
    let lock = "SELECT pg_advisory_xact_lock(1380926276)";
    connection.execute(lock).await.map_err(store_error)?;
    let functions = planted::functions(FUNCTIONS).into_owned();
    connection.execute(AssertSqlSafe(functions)).await.map_err(store_error)?;
    let schema = live_schema(declarations, &catalogue::read(connection, declarations).await?)?;
    for name in no_longer_live(connection, &schema).await? {
        run(connection, recorder::removal(&name)).await?;
    }
    for table in &schema.tables {
        run(connection, recorder::statements(table)).await?;
        run(connection, page_index(table)).await?;
    }
    let epoch = format!("{:016x}", rand::random::<u64>());
    for (name, value, keep) in [
        ("format", FORMAT.to_string(), false),
        ("triggers", triggers_hash(&schema), false),
        ("epoch", epoch, true),
    ] {
        set_fact(connection, name, &value, keep).await?;
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, statements: Vec<String>) -> Result<(), StoreError> {
    for statement in statements {
        connection.execute(AssertSqlSafe(statement)).await.map_err(store_error)?;
    }
    Ok(())
}

async fn set_fact(
    connection: &mut PgConnection,
    name: &str,
    value: &str,
    keep: bool,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO rowcast.fact AS f (name, value) VALUES ($1, $2) ON CONFLICT (name) \
               DO UPDATE SET value = CASE WHEN $3 THEN f.value ELSE excluded.value END";
    let query = sqlx::query(sql).bind(name).bind(value).bind(keep);
    query.execute(connection).await.map_err(store_error)?;
    Ok(())
}

/// Tables that are recorded and not declared any more.
async fn no_longer_live(
    connection: &mut PgConnection,
    schema: &LiveSchema,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
               WHERE t.tgname LIKE 'rowcast\\_record\\_%' AND pg_table_is_visible(c.oid)";
    let rows = sqlx::query(sql).fetch_all(connection).await.map_err(store_error)?;
    let mut names = Vec::new();
    for row in rows {
        let name: String = row.try_get(0).map_err(store_error)?;
        if schema.tables.iter().all(|table| table.name != name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The index by which snapshots read a channel's rows in key order, where the primary key is none.
fn page_index(table: &LiveTable) -> Vec<String> {
    if table.key.first() == Some(&table.channel_column) {
        return Vec::new();
    }
    let channel = column(table, table.channel_column).into_iter();
    let columns: Vec<String> = channel.chain(key(table)).map(|c| quoted(&c.name)).collect();
    vec![format!(
        "CREATE INDEX IF NOT EXISTS {} ON {} ({})",
        quoted(&format!("rowcast_page_{}", table.name)),
        quoted(&table.name),
        columns.join(", "),
    )]
}

/// A hash of everything the triggers were made from.
fn triggers_hash(schema: &LiveSchema) -> String {
    let mut hasher = Sha256::new();
    for statement in schema.tables.iter().flat_map(recorder::statements) {
        hasher.update(statement.as_bytes());
    }
    hasher.update(FUNCTIONS.as_bytes());
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What is known of a database that is fit.
#[derive(Debug)]
pub(super) struct Fit {
    pub(super) schema: LiveSchema,
    pub(super) epoch: u64,
}

/// Checks that a database was migrated by this program for these declarations.
pub(super) async fn check(
    connection: &mut PgConnection,
    declarations: &Declarations,
) -> Result<Fit, StoreError> {
    check_version(connection).await?;
    check_format(connection, true).await?;
    let schema = live_schema(declarations, &catalogue::read(connection, declarations).await?)?;
    if fact(connection, "triggers").await?.as_deref() != Some(&triggers_hash(&schema)) {
        return Err(unfit(
            "the live tables changed since the last `rowcast migrate`; run it again",
        ));
    }
    let epoch = fact(connection, "epoch").await?;
    let epoch = epoch.and_then(|epoch| u64::from_str_radix(&epoch, 16).ok());
    let epoch = epoch.ok_or_else(|| unfit("the database has lost its epoch; restore it"))?;
    Ok(Fit { schema, epoch })
}

fn unfit(words: impl Into<String>) -> StoreError {
    StoreError::Unfit(words.into())
}

/// Refuses foreign and newer databases, and, if it must be there, ones not migrated.
async fn check_format(connection: &mut PgConnection, must: bool) -> Result<(), StoreError> {
    let sql = "SELECT to_regclass('rowcast.fact') IS NOT NULL, ARRAY( \
               SELECT name FROM unnest($1::text[]) name WHERE to_regclass(quote_ident(name)) IS NOT NULL)";
    let row = sqlx::query(sql).bind(SHIPPED.as_slice()).fetch_one(&mut *connection).await;
    let row = row.map_err(store_error)?;
    let (ours, shipped): (bool, Vec<String>) =
        (row.try_get(0).map_err(store_error)?, row.try_get(1).map_err(store_error)?);
    if !ours {
        if must {
            return Err(unfit("the database was not migrated; run `rowcast migrate`"));
        }
        if !shipped.is_empty() {
            let names = shipped.join(", ");
            return Err(unfit(format!(
                "the database is not Rowcast's and has tables of the same names ({names}); give Rowcast one of its own"
            )));
        }
        return Ok(());
    }
    match fact(connection, "format").await?.and_then(|format| format.parse::<u32>().ok()) {
        Some(format) if format > FORMAT => Err(unfit(format!(
            "the database has format {format}, made by a newer program; this one knows up to {FORMAT}"
        ))),
        None if must => {
            Err(unfit("the database was not migrated to the end; run `rowcast migrate`"))
        }
        _ => Ok(()),
    }
}

async fn fact(connection: &mut PgConnection, name: &str) -> Result<Option<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT value FROM rowcast.fact WHERE name = $1").bind(name);
    query.fetch_optional(connection).await.map_err(store_error)
}
