//! The connection that writes, and whose turn it is.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use super::{
    super::{Appended, CheckedEdit, Committed, Standing, error::StoreError},
    commit,
    connection::{Connection, nth, store_error},
    facts::{Facts, SCHEMA_VERSION},
    raw::{Bound, own},
};

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    /// Whether a transaction may be open that nobody finishes.
    is_dirty: bool,
    /// SQLite's count of other connections' commits, when nothing was left to number.
    numbered_at: Option<i64>,
    /// Whether the last commit found that the database takes no writes.
    is_refused: bool,
    /// How long a write waits for somebody else's.
    patience: Duration,
}

/// How long a look whether writes are taken again waits for somebody else's.
const LOOK: Duration = Duration::from_millis(250);

impl Writer {
    /// A writer that has numbered nothing yet.
    pub(super) fn new(connection: Connection, patience: Duration) -> Self {
        Self { connection, is_dirty: false, numbered_at: None, is_refused: false, patience }
    }

    /// Something was written here that is to be numbered: the count of others' commits does not
    /// tell.
    pub(super) fn look_again(&mut self) {
        self.numbered_at = None;
    }

    /// Commits a batch, and remembers whether writes are taken.
    pub(super) async fn commit(
        &mut self,
        facts: &Facts,
        edits: &[CheckedEdit],
        standing: Standing<'_>,
    ) -> Result<Committed, StoreError> {
        let committed = commit::commit(facts, &mut self.connection, edits, standing).await;
        if committed.as_ref().map_or(true, |committed| committed.left_unnumbered) {
            self.look_again();
        }
        self.is_refused = committed
            .as_ref()
            .is_err_and(|error| !matches!(error, StoreError::Changed | StoreError::NotAllowed));
        committed
    }

    /// Whether writes are taken; nothing is written.
    pub(super) async fn ping(&mut self) -> Result<(), StoreError> {
        let sql =
            "BEGIN IMMEDIATE; UPDATE rowcast_meta SET value = value WHERE name = 'ping'; ROLLBACK";
        self.connection.run(sql, Bound::none()).await.map(drop).map_err(store_error)
    }

    /// After a commit that failed: an error until writes are taken again.
    async fn recover(&mut self) -> Result<(), StoreError> {
        if self.is_refused {
            self.wait_up_to(LOOK).await?;
            let answer = self.ping().await;
            let _ = self.connection.run("ROLLBACK", Bound::none()).await;
            self.wait_up_to(self.patience).await?;
            answer?;
            self.is_refused = false;
        }
        Ok(())
    }

    async fn wait_up_to(&mut self, time: Duration) -> Result<(), StoreError> {
        let sql = format!("PRAGMA busy_timeout = {}", time.as_millis());
        self.connection.run(sql, Bound::none()).await.map(drop).map_err(store_error)
    }

    /// Looks whether the tables are those that are known.
    pub(super) async fn is_as_known(&mut self, facts: &Facts) -> Result<(), StoreError> {
        let answers = self.connection.run(SCHEMA_VERSION, Bound::none()).await;
        let row = nth(answers.map_err(store_error)?, 0).rows.pop();
        row.map_or(Ok(()), |row| facts.must_be(own(&row, 0)?))
    }

    /// Numbers one pass of what outsiders left. Asks first whether anybody else committed, which
    /// costs a look at shared memory. Fails while the database takes no writes, once a commit found
    /// that out.
    pub(super) async fn number(&mut self, facts: &Facts) -> Result<Vec<Appended>, StoreError> {
        self.recover().await?;
        let sql = format!("SELECT data_version, ({SCHEMA_VERSION}) FROM pragma_data_version");
        let answers = self.connection.run(sql, Bound::none()).await.map_err(store_error)?;
        let row = nth(answers, 0).rows.pop();
        let version: Option<i64> = row.as_ref().map(|row| own(row, 0)).transpose()?;
        if let Some(row) = row {
            facts.must_be(own(&row, 1)?)?;
        }
        if version == self.numbered_at && version.is_some() {
            return Ok(Vec::new());
        }
        self.numbered_at = None;
        if !commit::is_pending(&mut self.connection).await? {
            self.numbered_at = version;
            return Ok(Vec::new());
        }
        let (appended, more) = commit::number(facts, &mut self.connection).await?;
        if !more {
            self.numbered_at = version;
        }
        Ok(appended)
    }
}

/// The writer, for the time of one transaction.
pub(super) struct Turn<'a>(MutexGuard<'a, Option<Writer>>);

impl<'a> Turn<'a> {
    /// Waits for the writer, and cleans up after a caller that went away.
    pub(super) async fn of(writer: &'a Mutex<Option<Writer>>) -> Result<Self, StoreError> {
        let mut turn = Self(writer.lock().await);
        let writer = turn.writer()?;
        if writer.is_dirty {
            // Fails if no transaction was open.
            let _ = writer.connection.run("ROLLBACK", Bound::none()).await;
        }
        writer.is_dirty = true;
        Ok(turn)
    }

    /// The writer.
    pub(super) fn writer(&mut self) -> Result<&mut Writer, StoreError> {
        self.0.as_mut().ok_or_else(|| StoreError::Unavailable("the store is closed".to_owned()))
    }

    /// Ends the turn with no transaction open.
    pub(super) fn end(mut self) {
        if let Some(writer) = self.0.as_mut() {
            writer.is_dirty = false;
        }
    }
}
