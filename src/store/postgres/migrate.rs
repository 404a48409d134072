//! Brings a database to this program's form, and checks that one is.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    catalogue,
    connect::{check_version, single},
    examine,
    failure::store_error,
    name::{column, quoted},
    recorder, shipped, watched,
};
use crate::planted;
use crate::store::{
    Declarations, Fitness, LiveSchema, LiveTable, StoreError, Verdict,
    build::{fitting_schema, live_schema},
    schema::SHIPPED,
};

/// What this program understands. A database of a higher format is newer than this program.
const FORMAT: u32 = 2;

const ENGINE: &str = include_str!("../../../migrations/postgres/0001_engine.sql");
const TABLES: &str = include_str!("../../../migrations/postgres/0002_tables.sql");
const ACCOUNTS: &str = include_str!("../../../migrations/postgres/0003_accounts.sql");
const OUTCOMES: &str = include_str!("../../../migrations/postgres/0004_outcomes.sql");
const PEOPLE: &str = include_str!("../../../migrations/postgres/0005_people.sql");
const REFERENCES: &str = include_str!("../../../migrations/postgres/0006_references.sql");
const BY_ID: &str = include_str!("../../../migrations/postgres/0007_outcomes_by_id.sql");
const FUNCTIONS: &str = include_str!("functions.sql");

/// How often a lock on a table is tried for, and how long writers may pass in between.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Makes the tables that are missing, the functions and the triggers. Doing it again changes
/// nothing.
///
/// # Errors
/// [`StoreError::Unfit`] if the database is foreign or newer, or a declaration does not fit it.
pub async fn migrate(url: &str, declarations: &Declarations) -> Result<(), StoreError> {
    let mut connection = single(url).await?;
    check_version(&mut connection).await?;
    shipped::leave_the_engine(&mut connection).await?;
    check_format(&mut connection, false).await?;
    migrator().run(&mut connection).await.map_err(migrate_error)?;
    Apply { declarations, mend: &[], strict: true }.run(&mut connection).await?;
    connection.close().await.map_err(store_error)
}

/// Makes the recording of these tables anew, whatever it looks like, and marks that their channels are to
/// be reset. What does not fit its declaration is not live: the schema says so.
///
/// # Errors
/// [`StoreError::Unfit`] if the database was not migrated.
pub async fn mend(
    url: &str,
    declarations: &Declarations,
    tables: &[String],
) -> Result<LiveSchema, StoreError> {
    let mut connection = single(url).await?;
    check_version(&mut connection).await?;
    check_format(&mut connection, true).await?;
    let schema = Apply { declarations, mend: tables, strict: false }.run(&mut connection).await?;
    connection.close().await.map_err(store_error)?;
    Ok(schema)
}

fn migrator() -> Migrator {
    let migration = |number, name: &'static str, sql: &'static str| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(vec![
        migration(1, "engine", ENGINE),
        migration(2, "tables", TABLES),
        migration(3, "accounts", ACCOUNTS),
        migration(4, "outcomes", OUTCOMES),
        migration(5, "people", PEOPLE),
        migration(6, "references", REFERENCES),
        migration(7, "outcomes by id", BY_ID),
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

/// Functions, triggers and facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Apply<'a> {
    pub(super) declarations: &'a Declarations,
    /// Tables that are recorded anew and reset, whatever they look like.
    pub(super) mend: &'a [String],
    /// Whether every declaration must fit.
    pub(super) strict: bool,
}

impl Apply<'_> {
    /// One at a time. Where everything is as it should be, no table is locked: a hub starts beside
    /// writers without their noticing. Returns the tables that are live now.
    pub(super) async fn run(self, connection: &mut PgConnection) -> Result<LiveSchema, StoreError> {
        // Held until the connection closes.
        let lock = "SELECT pg_advisory_lock(1380926276)";
        connection.execute(lock).await.map_err(store_error)?;
        let catalogue = catalogue::read(connection, self.declarations).await?;
        let mut schema = if self.strict {
            live_schema(self.declarations, &catalogue)?
        } else {
            fitting_schema(self.declarations, &catalogue)
        };
        let removed = no_longer_live(connection, &schema).await?;
        let is_current = removed.is_empty() && is_current(connection, &schema).await?;
        if is_current && self.mend.is_empty() {
            return Ok(schema);
        }
        run(connection, &[planted::functions(FUNCTIONS).into_owned()]).await?;
        for name in removed {
            run(connection, &recorder::removal(&name)).await?;
        }
        self.record_all(connection, &mut schema).await?;
        let orphans = orphans(connection).await?;
        run(connection, &orphans).await?;
        set_facts(connection, &schema).await?;
        Ok(schema)
    }

    async fn record_all(
        self,
        connection: &mut PgConnection,
        schema: &mut LiveSchema,
    ) -> Result<(), StoreError> {
        let known = watched::known(connection).await?;
        for table in schema.tables.clone() {
            match self.record(connection, &table, known.as_ref()).await {
                Ok(()) => {}
                Err(error) if self.strict => return Err(error),
                Err(StoreError::Unavailable(words)) => return Err(StoreError::Unavailable(words)),
                Err(error) => schema.stop_watching(&table, &error),
            }
        }
        run(connection, &watched::marks_of_gone(schema, known.as_ref())).await
    }

    async fn record(
        self,
        connection: &mut PgConnection,
        table: &LiveTable,
        known: Option<&watched::Shapes>,
    ) -> Result<(), StoreError> {
        let mut statements = recorder::statements(table);
        let mark = if self.mend.contains(&table.name) {
            Some(watched::marker(&table.channel_kind, &table.name))
        } else {
            watched::mark(connection, table, known).await?
        };
        statements.extend(mark);
        run(connection, &statements).await?;
        let index = page_index(connection, table).await?;
        run(connection, &index).await
    }
}

/// Whether the triggers are those that this program would make.
async fn is_current(
    connection: &mut PgConnection,
    schema: &LiveSchema,
) -> Result<bool, StoreError> {
    if fact(connection, "triggers").await?.as_deref() != Some(&triggers_hash(schema)) {
        return Ok(false);
    }
    for table in &schema.tables {
        let found = examine::triggers(connection, table).await.map_err(store_error)?;
        if found.verdict != Verdict::Good {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs statements that lock one table, in a transaction of their own. Writers queue behind whoever
/// waits for such a lock, so it waits only briefly, lets them pass, and tries again.
pub(super) async fn run(
    connection: &mut PgConnection,
    statements: &[String],
) -> Result<(), StoreError> {
    let mut left = LOCK_ATTEMPTS;
    loop {
        left -= 1;
        match run_once(connection, statements).await {
            Err(StoreError::Busy(_)) if left > 0 => tokio::time::sleep(LOCK_PAUSE).await,
            done => return done,
        }
    }
}

async fn run_once(connection: &mut PgConnection, statements: &[String]) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await.map_err(store_error)?;
    transaction.execute("SET LOCAL lock_timeout = '200ms'").await.map_err(store_error)?;
    for statement in statements {
        transaction.execute(AssertSqlSafe(statement.clone())).await.map_err(store_error)?;
    }
    transaction.commit().await.map_err(store_error)
}

async fn set_facts(connection: &mut PgConnection, schema: &LiveSchema) -> Result<(), StoreError> {
    let epoch = format!("{:016x}", rand::random::<u64>());
    for (name, value, keep) in [
        ("format", FORMAT.to_string(), false),
        ("epoch", epoch, true),
        ("triggers", triggers_hash(schema), false),
        (watched::FACT, watched::shapes(schema), false),
    ] {
        set_fact(connection, name, &value, keep).await?;
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

/// Tables that are recorded and not declared any more, wherever they stand, and partitions that were
/// detached.
async fn no_longer_live(
    connection: &mut PgConnection,
    schema: &LiveSchema,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT format('%I.%I', n.nspname, c.relname) FROM pg_trigger t \
               JOIN pg_proc p ON p.oid = t.tgfoid \
               JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE t.tgname LIKE 'rowcast\\_record\\_%' AND p.pronamespace = 'rowcast'::regnamespace \
                   AND c.oid <> ALL ($1::bigint[]::oid[])";
    let live: Vec<i64> =
        schema.tables.iter().flat_map(|table| &table.relations).map(|own| own.oid).collect();
    let query = sqlx::query_scalar(sql).bind(live);
    query.fetch_all(connection).await.map_err(store_error)
}

/// Removes functions of recorders that no trigger calls any more.
async fn orphans(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT format('DROP FUNCTION rowcast.%I()', p.proname) FROM pg_proc p \
               WHERE p.pronamespace = 'rowcast'::regnamespace AND p.proname LIKE 'record\\_%' \
                   AND p.prorettype = 'trigger'::regtype \
                   AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid)";
    sqlx::query_scalar(sql).fetch_all(connection).await.map_err(store_error)
}

/// The index by which snapshots read a channel's rows in key order, unless one begins like that.
async fn page_index(
    connection: &mut PgConnection,
    table: &LiveTable,
) -> Result<Vec<String>, StoreError> {
    let Some(own) = table.relations.first() else { return Ok(Vec::new()) };
    let mut indexes = vec![table.channel_column];
    indexes.extend(table.key.iter().filter(|&&index| index != table.channel_column));
    let numbers = indexes.iter().filter_map(|&index| own.columns.get(index));
    let numbers: Vec<String> = numbers.map(|(number, _)| number.to_string()).collect();
    let sql = "SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1::bigint::oid AND i.indisvalid \
               AND i.indpred IS NULL AND starts_with(i.indkey::text || ' ', $2 || ' '))";
    let query = sqlx::query_scalar(sql).bind(own.oid).bind(numbers.join(" "));
    if query.fetch_one(connection).await.map_err(store_error)? {
        return Ok(Vec::new());
    }
    let columns = indexes.iter().filter_map(|&index| column(table, index));
    let columns: Vec<String> = columns.map(|column| quoted(&column.name)).collect();
    Ok(vec![format!(
        "CREATE INDEX IF NOT EXISTS rowcast_page_{} ON {} ({})",
        own.oid,
        own.sql_name,
        columns.join(", "),
    )])
}

/// A hash of everything the triggers were made from.
fn triggers_hash(schema: &LiveSchema) -> String {
    let mut hasher = Sha256::new();
    for statement in schema.tables.iter().flat_map(|table| recorder::statements(table)) {
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

/// Checks that a database was migrated by this program, and for these declarations.
pub(super) async fn check(
    connection: &mut PgConnection,
    declarations: &Declarations,
    fitness: Fitness,
) -> Result<Fit, StoreError> {
    check_version(connection).await?;
    check_format(connection, true).await?;
    let catalogue = catalogue::read(connection, declarations).await?;
    let (schema, must_fit) = match fitness {
        Fitness::AsDeclared => (live_schema(declarations, &catalogue)?, true),
        Fitness::AsIs => (fitting_schema(declarations, &catalogue), false),
    };
    if must_fit && fact(connection, "triggers").await?.as_deref() != Some(&triggers_hash(&schema)) {
        return Err(unfit(
            "the live tables changed since the last `rowcast migrate`; run it again",
        ));
    }
    let epoch = fact(connection, "epoch").await?;
    let epoch = epoch.and_then(|epoch| u64::from_str_radix(&epoch, 16).ok());
    let epoch = epoch.ok_or_else(|| unfit("the database has lost its epoch; restore it"))?;
    Ok(Fit { schema, epoch })
}

pub(super) fn unfit(words: impl Into<String>) -> StoreError {
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

pub(super) async fn fact(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT value FROM rowcast.fact WHERE name = $1").bind(name);
    query.fetch_optional(connection).await.map_err(store_error)
}
