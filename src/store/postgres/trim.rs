//! Forgetting: old entries and old outcomes, some thousand a statement.

use std::time::Duration;

use sqlx::Row as _;

use super::PostgresStore;
use crate::store::{StoreError, Trimmed};

/// How many rows one statement forgets.
const FORGET_AT_ONCE: i64 = 5_000;

/// The newest entry of a log holds its head: it stays, without its content (`bytes` tells).
const FORGET_ENTRIES: &str = "
    WITH old AS (
        SELECT e.channel, e.seq, NOT EXISTS (
            SELECT FROM rowcast.entry next WHERE next.channel = e.channel AND next.seq > e.seq
        ) AS newest
        FROM rowcast.entry e WHERE e.at <= now() - make_interval(secs => $1)
          AND (e.bytes >= 0 OR EXISTS (SELECT FROM rowcast.entry next
                                       WHERE next.channel = e.channel AND next.seq > e.seq))
        ORDER BY e.channel, e.seq LIMIT $2
    ), gone AS (
        DELETE FROM rowcast.entry e USING old
        WHERE NOT old.newest AND e.channel = old.channel AND e.seq = old.seq RETURNING e.bytes
    ), emptied AS (
        UPDATE rowcast.entry e
        SET bytes = -1, changes = NULL, edits = NULL, actor = NULL, reset = NULL FROM old
        WHERE old.newest AND e.channel = old.channel AND e.seq = old.seq RETURNING 0 AS bytes
    )
    SELECT count(*) FILTER (WHERE bytes >= 0), count(*)
    FROM (SELECT bytes FROM gone UNION ALL SELECT bytes FROM emptied) all_of_them";

const FORGET_OUTCOMES: &str = "
    WITH gone AS (
        DELETE FROM rowcast.edit e USING (
            SELECT old.user_id, old.id FROM rowcast.edit old
            WHERE old.at <= now() - make_interval(secs => $1) LIMIT $2
        ) old WHERE e.user_id = old.user_id AND e.id = old.id RETURNING 1
    )
    SELECT count(*), count(*) FROM gone";

impl PostgresStore {
    /// See [`Store::trim`](crate::store::Store::trim).
    pub(super) async fn forget(
        &self,
        keep_log: Duration,
        keep_outcomes: Duration,
    ) -> Result<Trimmed, StoreError> {
        Ok(Trimmed {
            entries: self.forget_all(FORGET_ENTRIES, keep_log).await?,
            outcomes: self.forget_all(FORGET_OUTCOMES, keep_outcomes).await?,
        })
    }

    async fn forget_all(&self, sql: &'static str, keep: Duration) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let mut lent = self.pools.writer().await?;
            let query = sqlx::query(sql).bind(keep.as_secs_f64()).bind(FORGET_AT_ONCE);
            let row = query.fetch_one(lent.connection()).await;
            let row = lent.settle(row)?;
            let forgotten: i64 = lent.settle(row.try_get(0))?;
            let touched: i64 = lent.settle(row.try_get(1))?;
            total += forgotten.unsigned_abs();
            if touched < FORGET_AT_ONCE {
                return Ok(total);
            }
        }
    }
}
