//! Connections: how they are set up, and statements that go to SQLite in one piece.
//!
//! Each connection of sqlx lives on a thread of its own, so a call costs two changes of thread.
//! Several statements in one text cost as much as one: [`Connection::run`] takes such texts and
//! gives back what each statement answered. Parameters are plain `?`, counted through the text.

use std::{
    fs::File,
    io::{ErrorKind, Read as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, SqliteConnection,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous,
    },
};

use rowcast_protocol::ColumnType;

use super::super::{error::StoreError, values::compare_texts};

/// Prepared statements that a connection keeps.
const KEPT_STATEMENTS: usize = 400;

/// Rows that may wait between a connection's thread and its reader.
const ROW_BUFFER: usize = 256;

/// Types of which one value has many spellings. Every connection of the hub has a collation for each.
pub(super) const COMPARED: [ColumnType; 4] =
    [ColumnType::Decimal, ColumnType::Date, ColumnType::Time, ColumnType::Timestamp];

/// The name of the collation by which values of a type compare.
pub(super) fn collation(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Decimal => "rowcast_decimal",
        ColumnType::Date => "rowcast_date",
        ColumnType::Time => "rowcast_time",
        ColumnType::Timestamp => "rowcast_timestamp",
        _ => "BINARY",
    }
}

/// Pages that the writer keeps: 64 MiB, as SQLite wants it said.
const WRITER_CACHE: &str = "-65536";
/// Pages that a reader keeps: 4 MiB.
const READER_CACHE: &str = "-4096";

/// How every connection of the hub is set up.
fn options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    COMPARED
        .into_iter()
        .fold(SqliteConnectOptions::new(), |options, kind| {
            options.collation(collation(kind), move |one, other| compare_texts(kind, one, other))
        })
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(busy_timeout)
        .statement_cache_capacity(KEPT_STATEMENTS)
        .row_buffer_size(ROW_BUFFER)
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

/// The options of the one connection that writes.
pub(super) fn writer_options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    options(path, busy_timeout)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("cache_size", WRITER_CACHE)
}

/// The options of connections that only read. Every commit makes their pages void, and the more of them
/// there are, the longer forgetting them takes.
pub(super) fn reader_options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    options(path, busy_timeout).pragma("query_only", "on").pragma("cache_size", READER_CACHE)
}

/// What every SQLite file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Refuses a file that is no SQLite database. One that is not there or empty may become one.
///
/// # Errors
/// [`StoreError::Unfit`], naming the file; [`StoreError::Unavailable`] if it cannot be read.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let mut start = Vec::new();
    match File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(_) if start.is_empty() || start == MAGIC => Ok(()),
        Ok(_) => Err(StoreError::Unfit(format!(
            "{} is no database of SQLite; let DATABASE_URL name another file, or put the right one \
             in its place",
            path.display()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::Unavailable(format!("{}: {error}", path.display()))),
    }
}

/// What one statement answered.
#[derive(Default)]
pub(super) struct Answer {
    /// The rows it returned.
    pub(super) rows: Vec<SqliteRow>,
    /// How many rows it changed, not counting those that triggers changed.
    pub(super) changed: u64,
}

/// How many steps of SQLite's machine lie between two looks at what is left of a budget.
const STEPS: i32 = 10_000;

/// About how many steps SQLite's machine takes in a millisecond.
const STEPS_A_MILLISECOND: u64 = 10_000;

/// How much work the next statements may be. Steps are counted instead of time, so that a disk or a
/// machine that is slow at the moment is no statement's fault.
#[derive(Debug, Clone, Default)]
struct Budget(Arc<AtomicU64>);

impl Budget {
    /// Whether the work may go on.
    fn spend(&self) -> bool {
        let less = |left: u64| (left != u64::MAX).then(|| left.saturating_sub(1));
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .map_or(true, |left| left > 0)
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    connection: SqliteConnection,
    budget: Budget,
}

impl Connection {
    /// Opens a connection.
    pub(super) async fn open(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        let mut connection = options.connect().await.map_err(store_error)?;
        let budget = Budget(Arc::new(AtomicU64::new(u64::MAX)));
        let own = budget.clone();
        let mut handle = connection.lock_handle().await.map_err(store_error)?;
        handle.set_progress_handler(STEPS, move || own.spend());
        drop(handle);
        Ok(Self { connection, budget })
    }

    /// From here on statements may work for about this long in all; those that go beyond are
    /// interrupted, which takes the whole transaction back.
    pub(super) fn work_at_most(&self, time: Duration) {
        let steps = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let looks = steps.saturating_mul(STEPS_A_MILLISECOND) / u64::from(STEPS.unsigned_abs());
        self.budget.0.store(looks.max(1), Ordering::Relaxed);
    }

    /// From here on statements may work for as long as they need.
    pub(super) fn work_freely(&self) {
        self.budget.0.store(u64::MAX, Ordering::Relaxed);
    }

    /// Runs statements and keeps them prepared.
    pub(super) async fn run(
        &mut self,
        sql: impl Into<String>,
        arguments: SqliteArguments,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        self.answer(sql.into(), arguments, true).await
    }

    /// Runs statements that will not be run again in these words.
    pub(super) async fn run_once(
        &mut self,
        sql: impl Into<String>,
        arguments: SqliteArguments,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        self.answer(sql.into(), arguments, false).await
    }

    async fn answer(
        &mut self,
        sql: String,
        arguments: SqliteArguments,
        keep: bool,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(keep);
        let mut stream = self.connection.fetch_many(query);
        let (mut answers, mut answer) = (Vec::new(), Answer::default());
        while let Some(step) = stream.try_next().await? {
            match step {
                Either::Left(done) => {
                    answer.changed = done.rows_affected();
                    answers.push(std::mem::take(&mut answer));
                }
                Either::Right(row) => answer.rows.push(row),
            }
        }
        Ok(answers)
    }

    /// The connection itself.
    pub(super) fn inner(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Closes it in good order.
    pub(super) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "closing a connection failed");
        }
    }
}

/// The answer of the n-th statement.
pub(super) fn nth(answers: Vec<Answer>, n: usize) -> Answer {
    answers.into_iter().nth(n).unwrap_or_default()
}

/// A failure that concerns no edit, in the words of the contract.
#[expect(clippy::needless_pass_by_value, reason = "so that `map_err` takes it")]
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    let words = error.to_string();
    match primary_code(&error) {
        // Locked, or a query that ran into its deadline.
        Some(5 | 6 | 9 | 17) => StoreError::Busy(words),
        // A statement that was made for tables as they were.
        Some(1) if words.contains("no such table") || words.contains("no such column") => {
            StoreError::Changed
        }
        Some(8) => StoreError::ReadOnly(words),
        Some(13) => StoreError::StorageFull(words),
        Some(10 | 14) => StoreError::Unavailable(words),
        Some(11 | 26) => StoreError::Unfit(format!(
            "the database file is damaged ({words}); stop the hub and restore a backup"
        )),
        Some(_) => StoreError::Failed(words),
        None if is_away(&error) => StoreError::Unavailable(words),
        None => StoreError::Failed(words),
    }
}

fn is_away(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Io, PoolClosed, PoolTimedOut, WorkerCrashed};
    matches!(error, Io(_) | PoolClosed | PoolTimedOut | WorkerCrashed)
}

/// SQLite's result code without its extension: 5 busy, 8 read-only, 13 full, 19 constraint …
pub(super) fn primary_code(error: &sqlx::Error) -> Option<u32> {
    Some(extended_code(error)? & 0xff)
}

/// SQLite's result code with its extension.
pub(super) fn extended_code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
