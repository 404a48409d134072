//! Connections: what every session is told, and a pool for each purpose, so that nothing keeps an ack
//! waiting.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Row as _,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tokio::time::Instant;

use super::failure::store_error;
use crate::store::StoreError;

/// The oldest server that has what is needed.
pub(super) const OLDEST_SERVER: i32 = 150_000;

/// A connection unused for longer is asked whether it lives before it is used.
const ASK_AFTER: Duration = Duration::from_secs(1);

/// What every session of a hub is told. Waiting is bounded everywhere; output does not depend on
/// the server's settings; plans stay good while tables grow from nothing; an ack means on disk.
const SESSION: &str = "
    SET application_name = 'rowcast';
    SET default_transaction_isolation = 'read committed';
    SET statement_timeout = '20s';
    SET lock_timeout = '3s';
    SET idle_in_transaction_session_timeout = '10s';
    SET \"TimeZone\" = 'UTC';
    SET \"DateStyle\" = 'ISO, YMD';
    SET \"IntervalStyle\" = 'postgres';
    SET bytea_output = 'hex';
    SET extra_float_digits = 1;
    SET lc_monetary = 'C';
    SET client_min_messages = 'warning';
    SET jit = off;
    SET enable_seqscan = off;
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');";

/// Where a session looks for names: where the settings of its role and its database say, since
/// people's tables and what their triggers name stand there. Never in the engine's schema, which
/// `"$user"` stands for where the role has its name, and among temporary tables last.
const SEARCH_PATH: &str = "
    SELECT set_config('search_path', concat_ws(', ', (
        SELECT string_agg(quote_ident(name), ', ' ORDER BY place)
        FROM unnest(current_schemas(false)) WITH ORDINALITY path(name, place)
        WHERE name <> 'rowcast' AND NOT starts_with(name, 'pg_temp')), 'pg_temp'), false)";

/// What sessions that answer questions of people are told beside it: these may read much and must
/// end soon.
const ASKING: &str = "SET statement_timeout = '5s'; SET enable_seqscan = on;
    SET default_transaction_read_only = on;";

/// How many connections a store may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSizes {
    /// Commits that may run at once. Numbering has one more, upkeep and accounts have two.
    pub lanes: u32,
    /// Reads that may run at once.
    pub readers: u32,
    /// How long to wait for a connection before the database counts as away.
    pub patience: Duration,
}

impl Default for PoolSizes {
    fn default() -> Self {
        Self { lanes: 4, readers: 4, patience: Duration::from_secs(5) }
    }
}

/// The pools.
#[derive(Debug)]
pub(super) struct Pools {
    committers: PgPool,
    numberer: PgPool,
    writers: PgPool,
    readers: PgPool,
    askers: PgPool,
    broke: Broke,
}

/// When a connection last broke. Those that were not used since are asked whether they live: after
/// a restart of the server one call fails, not one for each connection.
#[derive(Debug, Clone, Default)]
struct Broke(Arc<Mutex<Option<Instant>>>);

impl Broke {
    fn note(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    fn since(&self, idle: Duration) -> bool {
        self.0.lock().is_some_and(|at| at.elapsed() < idle)
    }
}

impl Pools {
    /// `edit_time`: how long a batch may take.
    pub(super) fn new(
        url: &str,
        sizes: PoolSizes,
        edit_time: Duration,
    ) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(bad_url)?;
        let broke = Broke::default();
        let committing = format!("SET statement_timeout = '{}ms'", edit_time.as_millis());
        Ok(Self {
            committers: pool(&options, sizes.lanes.max(1), sizes.patience, &broke, committing),
            numberer: pool(&options, 1, sizes.patience, &broke, String::new()),
            writers: pool(&options, 2, sizes.patience, &broke, String::new()),
            readers: pool(&options, sizes.readers.max(1), sizes.patience, &broke, String::new()),
            askers: pool(
                &options,
                sizes.readers.div_ceil(2).max(1),
                sizes.patience,
                &broke,
                ASKING.to_owned(),
            ),
            broke,
        })
    }

    /// A connection for batches of edits.
    pub(super) async fn committer(&self) -> Result<Lent, StoreError> {
        self.lend(&self.committers).await
    }

    /// The connection that numbers what outsiders left.
    pub(super) async fn numberer(&self) -> Result<Lent, StoreError> {
        self.lend(&self.numberer).await
    }

    /// A connection for whatever else is written.
    pub(super) async fn writer(&self) -> Result<Lent, StoreError> {
        self.lend(&self.writers).await
    }

    pub(super) async fn reader(&self) -> Result<Lent, StoreError> {
        self.lend(&self.readers).await
    }

    /// A connection for questions of people, which may take long.
    pub(super) async fn asker(&self) -> Result<Lent, StoreError> {
        self.lend(&self.askers).await
    }

    async fn lend(&self, pool: &PgPool) -> Result<Lent, StoreError> {
        let connection = pool.acquire().await.map_err(store_error)?;
        Ok(Lent { connection, broke: self.broke.clone() })
    }

    pub(super) async fn close(&self) {
        self.committers.close().await;
        self.numberer.close().await;
        self.writers.close().await;
        self.readers.close().await;
        self.askers.close().await;
    }
}

fn pool(
    options: &PgConnectOptions,
    most: u32,
    patience: Duration,
    broke: &Broke,
    told: String,
) -> PgPool {
    let broke = broke.clone();
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(patience)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let told = AssertSqlSafe(told.clone());
            Box::pin(async move {
                connection.execute(SESSION).await?;
                connection.execute(SEARCH_PATH).await?;
                connection.execute(told).await.map(|_| ())
            })
        })
        .before_acquire(move |connection, metadata| {
            let ask = metadata.idle_for > ASK_AFTER || broke.since(metadata.idle_for);
            Box::pin(async move {
                if ask {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options.clone())
}

fn bad_url(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unfit(format!("the database's address cannot be read: {error}"))
}

/// A connection of a pool. One that broke, or whose server takes no writes, does not go back.
#[derive(Debug)]
pub(super) struct Lent {
    connection: PoolConnection<Postgres>,
    broke: Broke,
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Closes the connection instead of giving it back.
    pub(super) fn discard(&mut self) {
        self.connection.close_on_drop();
        self.broke.note();
    }

    /// The result for the store.
    pub(super) fn settle<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|error| self.failed(error))
    }

    /// What an error means; the connection goes if it is to blame.
    pub(super) fn failed(&mut self, error: sqlx::Error) -> StoreError {
        let is_database = error.as_database_error().is_some();
        let error = store_error(error);
        if !is_database
            || matches!(
                error,
                StoreError::ReadOnly(_) | StoreError::Unavailable(_) | StoreError::Changed
            )
        {
            self.discard();
        }
        error
    }
}

/// A connection of its own for `migrate`, without time limits.
pub(super) async fn single(url: &str) -> Result<PgConnection, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(bad_url)?;
    let mut connection = PgConnection::connect_with(&options).await.map_err(store_error)?;
    connection.execute(SESSION).await.map_err(store_error)?;
    connection.execute(SEARCH_PATH).await.map_err(store_error)?;
    let unlimited = "SET statement_timeout = 0; SET lock_timeout = 0; SET enable_seqscan = on";
    connection.execute(unlimited).await.map_err(store_error)?;
    Ok(connection)
}

/// Refuses servers that are too old.
pub(super) async fn check_version(connection: &mut PgConnection) -> Result<(), StoreError> {
    let sql =
        "SELECT current_setting('server_version_num')::integer, current_setting('server_version')";
    let row = sqlx::query(sql).fetch_one(connection).await.map_err(store_error)?;
    let (number, name): (i32, String) =
        (row.try_get(0).map_err(store_error)?, row.try_get(1).map_err(store_error)?);
    if number < OLDEST_SERVER {
        return Err(StoreError::Unfit(format!("PostgreSQL 15 or later is needed; this is {name}")));
    }
    Ok(())
}
