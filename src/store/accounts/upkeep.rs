//! Forgetting what is over.

use jiff::{SignedDuration, Timestamp};

use super::{
    super::StoreError,
    sql::{Book, Database, params},
};

/// Rows that one statement forgets.
const PIECE: u16 = 1_000;

/// How long what ended is remembered: longer than any access token lives.
const ENDED: SignedDuration = SignedDuration::from_hours(2 * 24);

/// How long used refresh tokens are remembered; a thief who comes later is merely refused.
const USED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long removals are remembered: longer than any invitation lives.
const REMOVED: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A statement that forgets a piece, and how long ago things must be over.
const FORGET: [(&str, SignedDuration); 6] = [
    (
        "DELETE FROM rowcast.refresh WHERE hash IN ( \
             SELECT hash FROM rowcast.refresh WHERE used_at < $1 LIMIT $2) RETURNING 1",
        USED,
    ),
    (
        "DELETE FROM rowcast.session WHERE id IN ( \
             SELECT id FROM rowcast.session WHERE ended_at < $1 OR expires_at < $1 LIMIT $2) \
         RETURNING 1",
        ENDED,
    ),
    (
        "DELETE FROM rowcast.service_token WHERE id IN ( \
             SELECT id FROM rowcast.service_token WHERE ended_at < $1 OR expires_at < $1 LIMIT $2) \
         RETURNING 1",
        ENDED,
    ),
    (
        "DELETE FROM rowcast.reset_code WHERE hash IN ( \
             SELECT hash FROM rowcast.reset_code WHERE expires_at < $1 LIMIT $2) RETURNING 1",
        SignedDuration::ZERO,
    ),
    (
        "DELETE FROM rowcast.invitation WHERE id IN ( \
             SELECT id FROM rowcast.invitation WHERE expires_at < $1 LIMIT $2) RETURNING 1",
        SignedDuration::ZERO,
    ),
    (
        "DELETE FROM rowcast.removal WHERE project_id IN ( \
             SELECT project_id FROM rowcast.removal WHERE at < $1 LIMIT $2) AND at < $1 RETURNING 1",
        REMOVED,
    ),
];

impl<D: Database> Book<D> {
    pub(super) async fn forget(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut all = 0;
        for (sql, ago) in FORGET {
            let before = now.checked_sub(ago).unwrap_or(Timestamp::MIN);
            loop {
                let gone = self.write(sql, params![before, i64::from(PIECE)]).await?.len();
                all += gone as u64;
                if gone < usize::from(PIECE) {
                    break;
                }
            }
        }
        Ok(all)
    }
}
