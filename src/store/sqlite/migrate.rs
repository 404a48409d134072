//! Makes and upgrades the database, and switches recording on.

use std::{borrow::Cow, fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use rowcast_protocol::Codec;
use sqlx::{
    SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    super::{
        declaration::Declarations,
        error::StoreError,
        schema::{LiveSchema, LiveTable, SHIPPED},
    },
    Options,
    connection::{Connection, nth, quoted, refuse_foreign, store_error, writer_options},
    raw::{Bound, own},
    reload::Reload,
    triggers::{Trigger, recorded, triggers},
    unique::Uniques,
};

/// The migrations, in order.
const MIGRATIONS: [(i64, &str, &str); 7] = [
    (1, "engine", include_str!("../../../migrations/sqlite/0001_engine.sql")),
    (2, "tables", include_str!("../../../migrations/sqlite/0002_tables.sql")),
    (3, "accounts", include_str!("../../../migrations/sqlite/0003_accounts.sql")),
    (4, "outcomes", include_str!("../../../migrations/sqlite/0004_outcomes.sql")),
    (5, "people", include_str!("../../../migrations/sqlite/0005_people.sql")),
    (6, "references", include_str!("../../../migrations/sqlite/0006_references.sql")),
    (7, "outcomes by id", include_str!("../../../migrations/sqlite/0007_outcomes_by_id.sql")),
];

/// Makes the database if it is not there, runs the migrations that it has not seen, and makes the
/// triggers be those of the declared tables. Running it again changes nothing.
///
/// # Errors
/// [`StoreError::Unfit`] if the database is a newer program's, if its tables are in the way, or if
/// the declarations do not fit it.
pub async fn migrate(path: &Path, declarations: &Declarations) -> Result<(), StoreError> {
    refuse_foreign(path)?;
    make_private(path);
    let timeout = Options::default().busy_timeout;
    let options = writer_options(path, timeout).create_if_missing(true);
    let mut connection = Connection::open(&options).await?;
    let migrated = migrate_on(&mut connection, declarations).await;
    connection.close().await;
    migrated
}

/// Makes the file of a new database for its owner alone; SQLite gives the files beside it the same rights. Where
/// it cannot be made, opening it says why.
fn make_private(path: &Path) {
    let _made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

async fn migrate_on(
    connection: &mut Connection,
    declarations: &Declarations,
) -> Result<(), StoreError> {
    match version(connection).await? {
        Some(_) => refuse_newer(connection).await?,
        None => refuse_same_names(connection).await?,
    }
    migrator().run(connection.inner()).await.map_err(|error| migration_error(&error))?;
    let Options { limits, edits, .. } = Options::default();
    let take_over = Reload { declarations, limits, edits, before: None, mend: &[], strict: true };
    take_over.run(connection).await.map(drop)
}

/// Makes the recording of these tables anew, whatever it looks like, and resets their channels. What does
/// not fit its declaration is not live: the schema says so.
///
/// # Errors
/// [`StoreError::Unfit`] if the database was not migrated.
pub async fn mend(
    path: &Path,
    declarations: &Declarations,
    tables: &[String],
) -> Result<Arc<LiveSchema>, StoreError> {
    if !path.exists() {
        let words = format!("there is no database {}; run `rowcast migrate`", path.display());
        return Err(StoreError::Unfit(words));
    }
    refuse_foreign(path)?;
    let Options { limits, edits, busy_timeout, .. } = Options::default();
    let mut connection = Connection::open(&writer_options(path, busy_timeout)).await?;
    let take_over =
        Reload { declarations, limits, edits, before: None, mend: tables, strict: false };
    let mended = match refuse_unfit(&mut connection).await {
        Ok(()) => take_over.run(&mut connection).await,
        Err(error) => Err(error),
    };
    connection.close().await;
    mended.map(|(facts, _)| facts.schema)
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        let name = Cow::Borrowed(name);
        Migration::new(version, name, MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.to_vec());
    migrator.dangerous_set_table_name("rowcast_migrations");
    migrator
}

fn migration_error(error: &MigrateError) -> StoreError {
    StoreError::Unfit(format!("the database cannot be migrated: {error}"))
}

/// The newest migration that the database has seen; `None`: it has seen none.
async fn version(connection: &mut Connection) -> Result<Option<i64>, StoreError> {
    let exists = "SELECT 1 FROM sqlite_schema WHERE name = 'rowcast_migrations'";
    let found = connection.run_once(exists, Bound::none()).await.map_err(store_error)?;
    if nth(found, 0).rows.is_empty() {
        return Ok(None);
    }
    let newest = "SELECT max(version) FROM rowcast_migrations WHERE success";
    let answers = connection.run_once(newest, Bound::none()).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or(Ok(None), |row| own(row, 0))
}

fn newest_known() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

async fn refuse_newer(connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection).await?.unwrap_or(0);
    if found > newest_known() {
        return Err(StoreError::Unfit(format!(
            "the database belongs to a newer version of Rowcast (its schema has version {found}, this program knows {})",
            newest_known()
        )));
    }
    Ok(())
}

/// Refuses a database of another program whose tables are named as the shipped ones; nothing has
/// been written into it yet.
async fn refuse_same_names(connection: &mut Connection) -> Result<(), StoreError> {
    let names = SHIPPED.map(|name| format!("'{name}'")).join(", ");
    let sql = format!(
        "SELECT name FROM sqlite_schema WHERE name COLLATE NOCASE IN ({names}) ORDER BY name"
    );
    let found = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
    let rows = nth(found, 0).rows;
    let found = rows.iter().map(|row| own(row, 0)).collect::<Result<Vec<String>, _>>()?;
    if found.is_empty() {
        return Ok(());
    }
    Err(StoreError::Unfit(format!(
        "the database is not Rowcast's and has tables of the same names ({}); give Rowcast one of its own",
        found.join(", ")
    )))
}

/// Refuses a database that this version of the program did not migrate.
pub(super) async fn refuse_unfit(connection: &mut Connection) -> Result<(), StoreError> {
    refuse_newer(connection).await?;
    if version(connection).await? != Some(newest_known()) {
        return Err(StoreError::Unfit(
            "the database is not prepared for this version of Rowcast; run `rowcast migrate`"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Makes the triggers be those of the live tables. Returns which of the tables were live before and
/// have not been recorded all the time since. A table that takes no triggers is not live any more, or
/// an error where all must be.
pub(super) async fn apply(
    connection: &mut Connection,
    schema: &mut LiveSchema,
    strict: bool,
) -> Result<Vec<String>, StoreError> {
    widen_pending(connection, schema).await?;
    index_pending(connection).await?;
    let found = present(connection).await?;
    let is_in_place = |trigger: &&Trigger| {
        let mut tables = schema.tables.iter();
        tables.any(|table| table.name == trigger.table && trigger.is_named_for_its_table())
    };
    for trigger in found.iter().filter(|trigger| !is_in_place(trigger)) {
        drop_trigger(connection, &trigger.name).await?;
    }
    let mut unrecorded = Vec::new();
    for table in schema.tables.clone() {
        match record(connection, &table, &found).await {
            Ok(true) => {}
            Ok(false) => unrecorded.push(table.name.clone()),
            Err(error) if strict => return Err(error),
            Err(error) => schema.stop_watching(&table, &error),
        }
    }
    Ok(unrecorded)
}

/// Makes a table's triggers. Returns whether all that happened to the table since it became live is
/// recorded.
async fn record(
    connection: &mut Connection,
    table: &LiveTable,
    found: &[Trigger],
) -> Result<bool, StoreError> {
    let known = "SELECT EXISTS (SELECT 1 FROM rowcast_shape WHERE name = ?)";
    let name = Bound::default().with(table.name.as_str()).done();
    let answers = connection.run_once(known, name).await.map_err(store_error)?;
    let was_live: bool = nth(answers, 0).rows.first().map_or(Ok(false), |row| own(row, 0))?;
    let sql = "INSERT INTO rowcast_shape (name, columns) VALUES (?, ?) ON CONFLICT DO NOTHING";
    let shape = Bound::default().with(table.name.as_str()).with(column_list(table)).done();
    connection.run_once(sql, shape).await.map_err(store_error)?;
    let wanted = expected_of(connection, table).await?;
    let own: Vec<&Trigger> = found.iter().filter(|trigger| trigger.table == table.name).collect();
    let in_order = are_newest(connection, &table.name).await?;
    let obsolete = own.iter().filter(|trigger| !in_order || !wanted.contains(trigger));
    let missing = wanted.iter().filter(|wanted| !in_order || !found.contains(wanted));
    // Triggers of an older form recorded whatever was live then. Columns that came since are news to
    // everybody: the schema is another.
    let is_there = |wanted: &Trigger| own.iter().any(|found| found.name == wanted.name);
    let was_recorded = (in_order && wanted.iter().all(is_there)) || !was_live;
    let mut sql = "SAVEPOINT rowcast_triggers".to_owned();
    for trigger in obsolete {
        sql += &format!("; DROP TRIGGER IF EXISTS {}", quoted(&trigger.name));
    }
    for trigger in missing {
        sql += &format!("; {}", trigger.sql);
    }
    let made = connection.run_once(sql + "; RELEASE rowcast_triggers", Bound::none()).await;
    if made.is_err() {
        let back = "ROLLBACK TO rowcast_triggers; RELEASE rowcast_triggers";
        connection.run_once(back, Bound::none()).await.map_err(store_error)?;
    }
    made.map(|_| was_recorded).map_err(store_error)
}

/// Whether the triggers of a table are newer than everybody else's. SQLite fires the newest first: one that
/// changes the row again after it was written would be recorded before the row itself.
async fn are_newest(connection: &mut Connection, table: &str) -> Result<bool, StoreError> {
    let sql = "SELECT coalesce(max(rowid) FILTER (WHERE name NOT GLOB 'rowcast_*')
            < min(rowid) FILTER (WHERE name GLOB 'rowcast_*'), 1)
        FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?";
    let name = Bound::default().with(table).done();
    let answers = connection.run_once(sql, name).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or(Ok(true), |row| own(row, 0))
}

async fn drop_trigger(connection: &mut Connection, name: &str) -> Result<(), StoreError> {
    let sql = format!("DROP TRIGGER IF EXISTS {}", quoted(name));
    connection.run_once(sql, Bound::none()).await.map(drop).map_err(store_error)
}

/// Drops a table's triggers, so that they are made again and the table counts as not recorded.
pub(super) async fn forget_triggers(
    connection: &mut Connection,
    table: &str,
) -> Result<(), StoreError> {
    for trigger in present(connection).await? {
        if trigger.table == table {
            drop_trigger(connection, &trigger.name).await?;
        }
    }
    Ok(())
}

async fn widen_pending(connection: &mut Connection, schema: &LiveSchema) -> Result<(), StoreError> {
    let width = pending_width(connection).await?;
    let wanted = schema.tables.iter().map(|table| recorded(table).count()).max().unwrap_or(0);
    for n in width..wanted {
        let sql = format!(
            "ALTER TABLE rowcast_pending ADD COLUMN o{n}; ALTER TABLE rowcast_pending ADD COLUMN n{n}"
        );
        connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
    }
    Ok(())
}

/// Has records of rows in the way found at once (see [`replaced`](super::replaced)).
async fn index_pending(connection: &mut Connection) -> Result<(), StoreError> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'rowcast_pending_in_the_way')";
    let answers = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
    if nth(answers, 0).rows.first().map_or(Ok(false), |row| own(row, 0))? {
        return Ok(());
    }
    // Those of an older form meant something else: a reset stands for them.
    let sql = "CREATE INDEX rowcast_pending_in_the_way ON rowcast_pending (shape) WHERE op = 'P';
        INSERT OR IGNORE INTO rowcast_flood (shape, ch)
            SELECT shape, och FROM rowcast_pending WHERE op = 'P' AND och IS NOT NULL";
    connection.run_once(sql, Bound::none()).await.map(drop).map_err(store_error)
}

/// How many columns of a table `rowcast_pending` can hold.
pub(super) async fn pending_width(connection: &mut Connection) -> Result<usize, StoreError> {
    let sql = "SELECT count(*) FROM pragma_table_info('rowcast_pending') WHERE name GLOB 'o[0-9]*'";
    let answers = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
    let width: i64 = nth(answers, 0).rows.first().map_or(Ok(0), |row| own(row, 0))?;
    Ok(usize::try_from(width).unwrap_or(0))
}

/// The recorded columns of a table, as `rowcast_shape` keeps them.
fn column_list(table: &LiveTable) -> String {
    let names: Vec<&str> = recorded(table).map(|(_, column)| column.name.as_str()).collect();
    String::from_utf8(Codec::Json.encode(&names).to_vec()).unwrap_or_default()
}

/// The triggers that a live table should have.
///
/// # Errors
/// [`StoreError::Unfit`] if its columns are not those that were migrated.
pub(super) async fn expected_of(
    connection: &mut Connection,
    table: &LiveTable,
) -> Result<Vec<Trigger>, StoreError> {
    let sql = "SELECT id FROM rowcast_shape WHERE name = ? AND columns = ?";
    let shape = Bound::default().with(table.name.as_str()).with(column_list(table)).done();
    let answers = connection.run_once(sql, shape).await.map_err(store_error)?;
    let Some(row) = nth(answers, 0).rows.pop() else { return Err(not_recorded(&table.name)) };
    let uniques = Uniques::read(connection, table).await?;
    Ok(triggers(table, own(&row, 0)?, &uniques))
}

/// What an operator is told of a table whose recording is not as declared.
pub(super) fn not_recorded(table: &str) -> StoreError {
    StoreError::Unfit(format!(
        "the live table `{table}` is not recorded as it is declared; run `rowcast migrate`"
    ))
}

/// The triggers on live tables that there are.
pub(super) async fn present(connection: &mut Connection) -> Result<Vec<Trigger>, StoreError> {
    let sql = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'rowcast_*'
            AND tbl_name <> 'rowcast_pending'";
    let answers = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
    let triggers = nth(answers, 0).rows;
    let trigger = |row| Ok(Trigger { name: own(row, 0)?, table: own(row, 1)?, sql: own(row, 2)? });
    triggers.iter().map(trigger).collect()
}
