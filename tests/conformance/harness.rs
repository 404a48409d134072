//! What a database must offer to be tested.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use rowcast::store::{Declarations, Store, StoreError, fold::EntryLimits};
use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// A database of its own for one test. It is removed when this is dropped.
pub(crate) trait Harness: Sized + Send + Sync + 'static {
    /// Makes the tables `cards` and `kinds` of the suite, as [`crate::bench::declarations`] declares
    /// them.
    const TABLES: &'static str;

    /// Inserts the rows of `kinds` whose wire values `kinds.json` holds.
    const KINDS: &'static str;

    /// Makes the table `traps` (`id`, `board`, `n`, `said`, `twice`, which is computed from `n`), whose
    /// rows cannot be inserted if `said` is one of [`Self::TRAPS`] or `PASSING`, or `slow`.
    const TRAP_TABLE: &'static str;

    /// What makes the insertion of a trap fail for good, each in another way.
    const TRAPS: &'static [&'static str];

    /// The table of entries, with the columns `channel` (its number) and `seq`.
    const ENTRIES: &'static str;

    /// Makes a table `cards_new` with the columns of `cards` and another one, `note`.
    const COPY: &'static str;

    /// Drops `cards`.
    const DROP_CARDS: &'static str;

    /// The column that keeps refusals, and its table.
    const REFUSAL: (&'static str, &'static str);

    /// Makes a table `papers` with the columns `slug` (its key), `place`, `title` and `gone`, and one,
    /// `trail`, whose rows `papers` refers to nowhere. Triggers of `papers` mark what is to be deleted
    /// as `gone`, keep titles from becoming `frozen` and leave out rows titled `unwanted` (both leave a
    /// row in `trail`), and write keys in small letters.
    const PAPERS: &'static str;

    /// A table of the engine's own that no declaration may name.
    const OWN: &'static str;

    /// An empty database.
    fn create() -> impl Future<Output = Self>;

    /// Makes the engine's and the shipped tables and switches recording on.
    fn migrate(&self, declarations: &Declarations) -> impl Future<Output = Result<(), StoreError>>;

    /// Makes the tables as the program did when a task could name a task of another project.
    fn older(&self) -> impl Future<Output = ()>;

    /// Opens the store.
    fn open(
        &self,
        declarations: &Declarations,
        limits: EntryLimits,
    ) -> impl Future<Output = Result<Arc<dyn Store>, StoreError>>;

    /// A writer that knows nothing of Rowcast.
    fn outsider(&self) -> impl Future<Output = Box<dyn Outsider>>;

    /// Runs SQL that changes `table` while nothing is recorded.
    fn unrecorded(&self, table: &str, sql: &str) -> impl Future<Output = ()>;

    /// Drops one of the triggers that record `table`.
    fn drop_a_trigger(&self, table: &str) -> impl Future<Output = ()>;

    /// Says that a later version of the program has migrated the database.
    fn pretend_newer(&self) -> impl Future<Output = ()>;

    /// The fastest way to empty a table, with what refers to it.
    fn emptying(table: &str) -> String;
}

/// The first migrations, as a database keeps them that has seen no others.
pub(crate) fn older(migrations: &[&'static str]) -> Migrator {
    let names = ["engine", "tables", "accounts", "outcomes", "people"];
    let migration = |((number, name), sql): ((i64, &'static str), &&'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(names).zip(migrations).map(migration).collect())
}

/// A connection of somebody else.
#[async_trait]
pub(crate) trait Outsider: Send {
    /// Runs statements, one after the other.
    async fn try_run(&mut self, sql: &str) -> Result<(), String>;

    /// Runs statements that must succeed.
    async fn run(&mut self, sql: &str) {
        if let Err(error) = self.try_run(sql).await {
            panic!("{error}\n{sql}");
        }
    }
}
