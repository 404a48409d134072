//! Single entries with what they replaced, and stored outcomes of edits.

use rowcast_protocol::{ChannelName, Seq};
use sqlx::Row as _;
use uuid::Uuid;

use super::{PostgresStore, entry::EntryRow, failure::Failure};
use crate::store::{Applied, CheckedEdit, EditError, PastEntry, StoreError};

const ENTRY: &str = "
    SELECT e.channel, e.seq, e.tag, e.actor, e.edits::text, e.reset, e.changes,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at
    FROM rowcast.entry e
    WHERE e.channel = $1 AND e.seq = $2 AND e.bytes >= 0";

const OUTCOME: &str =
    "SELECT hash, seq, failure::text AS failure FROM rowcast.edit WHERE user_id = $1 AND id = $2";

impl PostgresStore {
    /// See [`Store::entry`](crate::store::Store::entry).
    pub(super) async fn read_entry(
        &self,
        channel: &ChannelName,
        seq: Seq,
    ) -> Result<Option<PastEntry>, StoreError> {
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        let query = sqlx::query(ENTRY).bind(channel.as_str()).bind(seq);
        let mut lent = self.pools.reader().await?;
        let row = query.fetch_optional(lent.connection()).await;
        let Some(row) = lent.settle(row)? else { return Ok(None) };
        let decoded = lent.settle(EntryRow::read(&row))?.decode(&self.schema.load())?;
        Ok(Some(PastEntry { stored: decoded.stored, olds: decoded.olds }))
    }

    /// See [`Store::outcome`](crate::store::Store::outcome).
    pub(super) async fn read_outcome(
        &self,
        edit: &CheckedEdit,
    ) -> Result<Option<Result<Applied, EditError>>, StoreError> {
        let query = sqlx::query(OUTCOME).bind(&*edit.user).bind(edit.id.0);
        let mut lent = self.pools.reader().await?;
        let row = query.fetch_optional(lent.connection()).await;
        let Some(row) = lent.settle(row)? else { return Ok(None) };
        let hash: Uuid = lent.settle(row.try_get("hash"))?;
        if hash.as_bytes() != &edit.hash {
            return Ok(Some(Err(EditError::conflict())));
        }
        if let Some(failure) = lent.settle(row.try_get::<Option<&str>, _>("failure"))? {
            let failure: Failure = serde_json::from_str(failure)
                .map_err(|error| StoreError::Failed(format!("a stored outcome: {error}")))?;
            return Ok(Some(Err(failure.explain(&edit.schema, edit))));
        }
        let seq: Option<i64> = lent.settle(row.try_get("seq"))?;
        let seq = seq.unwrap_or(0).unsigned_abs();
        Ok(Some(Ok(Applied { epoch: self.epoch, seq, replayed: true })))
    }
}
