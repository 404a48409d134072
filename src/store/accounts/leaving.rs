//! A person goes: what rests on the account ends, and what only names the person forgets the name.

use jiff::Timestamp;

use super::{
    super::StoreError,
    people::end_all,
    sql::{Book, Database, Statements, end, params},
};

/// What becomes of rows that name the person without being the person's.
const FORGET: [&str; 2] = [
    "UPDATE rowcast.service_token SET created_by = NULL WHERE created_by = $1",
    "DELETE FROM rowcast.removal WHERE user_id = $1",
];

/// Ends the links and the services that somebody made.
pub(super) async fn end_what_was_made(
    tx: &mut dyn Statements,
    user: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run("DELETE FROM rowcast.invitation WHERE created_by = $1", params![user]).await?;
    let out = "DELETE FROM members WHERE user_id IN ( \
               SELECT t.user_id FROM rowcast.service_token t WHERE t.created_by = $1)";
    tx.run(out, params![user]).await?;
    let stop =
        "UPDATE rowcast.service_token SET ended_at = coalesce(ended_at, $2) WHERE created_by = $1";
    tx.run(stop, params![user, now]).await.map(drop)
}

impl<D: Database> Book<D> {
    pub(super) async fn do_part_with(&self, user: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = part_with(&mut *tx, user, now).await;
        end(tx, outcome).await
    }
}

async fn part_with(tx: &mut dyn Statements, user: &str, now: Timestamp) -> Result<(), StoreError> {
    let close = "UPDATE rowcast.account SET closed_at = coalesce(closed_at, $2) WHERE user_id = $1";
    tx.run(close, params![user, now]).await?;
    let stop =
        "UPDATE rowcast.service_token SET ended_at = coalesce(ended_at, $2) WHERE user_id = $1";
    tx.run(stop, params![user, now]).await?;
    end_all(tx, user, None, now).await?;
    end_what_was_made(tx, user, now).await?;
    for sql in FORGET {
        tx.run(sql, params![user]).await?;
    }
    Ok(())
}
