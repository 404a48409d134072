//! Sessions and their refresh tokens.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    super::StoreError,
    Client, Ended, Hash, NewSession, OfSession, Rotation, Session, people,
    sql::{Book, Database, Row, Statements, end, params},
};

/// Open sessions that a person may have; the oldest above them end.
const MOST: i64 = 100;

fn read(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.uuid(0)?,
        created: row.time(1)?,
        used: row.time(2)?,
        client: Client { address: row.text(3)?, agent: row.text(4)? },
    })
}

impl<D: Database> Book<D> {
    pub(super) async fn do_open_session(
        &self,
        session: &NewSession,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = open(&mut *tx, session, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_rotate(
        &self,
        token: &Hash,
        next: &NewSession,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = rotate(&mut *tx, token, next, grace, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_renew(
        &self,
        next: &NewSession,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = renew(&mut *tx, next, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn list_sessions(
        &self,
        user: &str,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let sql = "SELECT CAST(id AS text), created_at, used_at, address, agent \
                   FROM rowcast.session WHERE user_id = $1 AND ended_at IS NULL \
                   AND expires_at > $2 ORDER BY used_at DESC, id";
        self.0.read(sql, params![user, now]).await?.iter().map(read).collect()
    }

    pub(super) async fn do_end_session(
        &self,
        user: &str,
        id: Uuid,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE rowcast.session SET ended_at = $3 \
                   WHERE id = $1 AND user_id = $2 AND ended_at IS NULL RETURNING user_id";
        Ok(!self.write(sql, params![id, user, now]).await?.is_empty())
    }

    pub(super) async fn do_end_sessions(
        &self,
        user: &str,
        now: Timestamp,
    ) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = people::end_all(&mut *tx, user, None, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn find_session_of(
        &self,
        token: &Hash,
    ) -> Result<Option<OfSession>, StoreError> {
        let sql = "SELECT CAST(s.id AS text), s.user_id, r.used_at IS NOT NULL FROM rowcast.refresh r \
                   JOIN rowcast.session s ON s.id = r.session_id WHERE r.hash = $1";
        let rows = self.0.read(sql, params![token]).await?;
        let read = |row: &Row| {
            Ok(OfSession { session: row.uuid(0)?, user: row.text(1)?, used: row.truth(2) })
        };
        rows.first().map(read).transpose()
    }

    pub(super) async fn list_addresses(&self, user: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT address FROM rowcast.session WHERE user_id = $1 LIMIT 1000";
        self.0.read(sql, params![user]).await?.iter().map(|row| row.text(0)).collect()
    }

    pub(super) async fn list_ended(&self, since: Timestamp) -> Result<Vec<Ended>, StoreError> {
        let sql = "SELECT CAST(id AS text), CAST(NULL AS text) FROM rowcast.session \
                   WHERE ended_at >= $1 \
                   UNION ALL SELECT CAST(id AS text), NULL FROM rowcast.service_token \
                   WHERE ended_at >= $1 \
                   UNION ALL SELECT NULL, user_id FROM rowcast.account WHERE closed_at >= $1";
        let ended = |row: &Row| match row.text_or_none(1) {
            Some(user) => Ok(Ended::Person(user)),
            None => row.uuid(0).map(Ended::Credential),
        };
        self.0.read(sql, params![since]).await?.iter().map(ended).collect()
    }
}

async fn open(
    tx: &mut dyn Statements,
    new: &NewSession,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO rowcast.session \
                   (id, user_id, created_at, used_at, expires_at, address, agent) \
               SELECT $1, user_id, $3, $3, $4, $5, $6 FROM rowcast.account \
               WHERE user_id = $2 AND closed_at IS NULL AND coalesce($7, password, '') = \
                   coalesce(password, '') RETURNING user_id";
    let client = &new.client;
    let (user, address, agent) = (&*new.user, &*client.address, &*client.agent);
    let proof = new.proof.as_deref();
    let values = params![new.id, user, now, new.expires, address, agent, proof];
    if tx.run(sql, values).await?.is_empty() {
        return Ok(false);
    }
    add_token(tx, new.id, &new.token).await?;
    let sql = "UPDATE rowcast.session SET ended_at = $2 WHERE id IN ( \
                   SELECT id FROM rowcast.session WHERE user_id = $1 AND ended_at IS NULL \
                   ORDER BY used_at DESC, id LIMIT 1000 OFFSET $3)";
    tx.run(sql, params![user, now, MOST]).await?;
    Ok(true)
}

async fn add_token(tx: &mut dyn Statements, session: Uuid, token: &Hash) -> Result<(), StoreError> {
    let sql = "INSERT INTO rowcast.refresh (hash, session_id) VALUES ($1, $2)";
    tx.run(sql, params![token, session]).await.map(drop)
}

/// Using the token up comes first: of those who try at once the database lets one through.
async fn rotate(
    tx: &mut dyn Statements,
    token: &Hash,
    next: &NewSession,
    grace: Duration,
    now: Timestamp,
) -> Result<Rotation, StoreError> {
    let sql = "UPDATE rowcast.refresh SET used_at = $2 WHERE hash = $1 AND used_at IS NULL \
               RETURNING CAST(session_id AS text)";
    let used = tx.run(sql, params![token, now]).await?;
    let Some(row) = used.first() else { return second_use(tx, token, grace, now).await };
    let session = row.uuid(0)?;
    let Some(user) = keep_open(tx, session, next, now).await? else {
        return Ok(Rotation::Unknown);
    };
    let account = people::account(tx, &user).await?.filter(|account| !account.closed);
    let Some(account) = account else { return Ok(Rotation::Unknown) };
    add_token(tx, session, &next.token).await?;
    Ok(Rotation::Done { session, account })
}

/// A token that was used: by somebody just now, or by a thief.
async fn second_use(
    tx: &mut dyn Statements,
    token: &Hash,
    grace: Duration,
    now: Timestamp,
) -> Result<Rotation, StoreError> {
    let sql = "SELECT CAST(s.id AS text), r.used_at, s.ended_at FROM rowcast.refresh r \
               JOIN rowcast.session s ON s.id = r.session_id WHERE r.hash = $1";
    let rows = tx.run(sql, params![token]).await?;
    let Some(row) = rows.first() else { return Ok(Rotation::Unknown) };
    let (session, first) = (row.uuid(0)?, row.time(1)?);
    if row.time_or_none(2).is_some() {
        return Ok(Rotation::Unknown);
    }
    let late =
        now.duration_since(first) > jiff::SignedDuration::try_from(grace).unwrap_or_default();
    if !late {
        return Ok(Rotation::Raced);
    }
    let sql = "UPDATE rowcast.session SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    tx.run(sql, params![session, now]).await?;
    Ok(Rotation::Reused { session })
}

/// Notes that a session was used; its person, if it is open.
async fn keep_open(
    tx: &mut dyn Statements,
    session: Uuid,
    next: &NewSession,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let sql = "UPDATE rowcast.session SET used_at = $2, expires_at = $3, address = $4, agent = $5 \
               WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING user_id";
    let client = &next.client;
    let values = params![session, now, next.expires, &*client.address, &*client.agent];
    let rows = tx.run(sql, values).await?;
    rows.first().map(|row| row.text(0)).transpose()
}

async fn renew(
    tx: &mut dyn Statements,
    next: &NewSession,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let user = keep_open(tx, next.id, next, now).await?;
    if user.as_ref() != Some(&next.user) {
        return Ok(false);
    }
    add_token(tx, next.id, &next.token).await?;
    Ok(true)
}
