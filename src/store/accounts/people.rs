//! Accounts: made, found, closed; their passwords.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::{
    super::StoreError,
    Account, Hash, NewAccount, Registration, invitations, leaving,
    records::Person,
    sql::{Book, Database, Row, Statements, end, params},
};

/// An account's columns, as [`read`] takes them.
macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT a.user_id, u.name, a.email, a.password, a.admin, a.closed_at IS NOT NULL \
             FROM rowcast.account a JOIN users u ON u.id = a.user_id ",
            $rest
        )
    };
}

/// How addresses are compared: compatible signs are one, capitals do not count.
fn key_of(email: &str) -> String {
    email.trim().nfkc().collect::<String>().to_lowercase()
}

fn read(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        user: row.text(0)?,
        name: row.text(1)?,
        email: row.text(2)?,
        password: row.text_or_none(3),
        admin: row.truth(4),
        closed: row.truth(5),
    })
}

fn one(rows: &[Row]) -> Result<Option<Account>, StoreError> {
    rows.first().map(read).transpose()
}

/// The account of a person, within a transaction.
pub(super) async fn account(
    tx: &mut dyn Statements,
    user: &str,
) -> Result<Option<Account>, StoreError> {
    one(&tx.run(select_account!("WHERE a.user_id = $1"), params![user]).await?)
}

/// Makes sure that a person has a row of `users`.
pub(super) async fn ensure(tx: &mut dyn Statements, who: &Person) -> Result<(), StoreError> {
    let sql = "INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let name = who.name.as_deref().unwrap_or(&who.id);
    tx.run(sql, params![who.id.as_str(), name]).await.map(drop)
}

impl<D: Database> Book<D> {
    pub(super) async fn do_register(
        &self,
        new: &NewAccount,
        now: Timestamp,
    ) -> Result<Registration, StoreError> {
        let mut tx = self.0.begin(Some(&new.user)).await?;
        let outcome = register(&mut *tx, new, now).await;
        if matches!(outcome, Ok(Registration::Done(_))) {
            return end(tx, outcome).await;
        }
        tx.roll_back().await;
        outcome
    }

    pub(super) async fn find_account_of(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let sql = select_account!("WHERE a.email_key = $1");
        one(&self.0.read(sql, params![&*key_of(email)]).await?)
    }

    pub(super) async fn find_account(&self, user: &str) -> Result<Option<Account>, StoreError> {
        one(&self.0.read(select_account!("WHERE a.user_id = $1"), params![user]).await?)
    }

    pub(super) async fn list_accounts(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let sql = select_account!("WHERE a.user_id > $1 ORDER BY a.user_id LIMIT $2");
        let rows = self.0.read(sql, params![after, i64::from(limit)]).await?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn do_set_password(
        &self,
        user: &str,
        password: &str,
        keep: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin(Some(user)).await?;
        let outcome = set_password(&mut *tx, user, password, keep, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_rehash(
        &self,
        user: &str,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE rowcast.account SET password = $3 WHERE user_id = $1 AND password = $2";
        self.write(sql, params![user, old, new]).await.map(drop)
    }

    /// One statement that writes, as a transaction of its own.
    pub(super) async fn write(
        &self,
        sql: &'static str,
        params: Vec<super::sql::Param>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let rows = tx.run(sql, params).await;
        end(tx, rows).await
    }

    pub(super) async fn do_offer_reset(
        &self,
        email: &str,
        code: &Hash,
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = offer_reset(&mut *tx, email, code, expires).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_reset(
        &self,
        code: &Hash,
        password: &str,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = reset(&mut *tx, code, password, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_close_account(
        &self,
        email: &str,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = close(&mut *tx, email, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn do_set_admin(
        &self,
        email: &str,
        admin: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.0.begin(None).await?;
        let outcome = set_admin(&mut *tx, email, admin, now).await;
        end(tx, outcome).await
    }

    pub(super) async fn find_account_of_reset(
        &self,
        code: &Hash,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        let sql = select_account!(
            "JOIN rowcast.reset_code r ON r.user_id = a.user_id \
             WHERE r.hash = $1 AND r.expires_at > $2 AND a.closed_at IS NULL"
        );
        one(&self.0.read(sql, params![code, now]).await?)
    }

    pub(super) async fn list_closed(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT user_id FROM rowcast.account WHERE closed_at IS NOT NULL";
        self.0.read(sql, params![]).await?.iter().map(|row| row.text(0)).collect()
    }
}

async fn register(
    tx: &mut dyn Statements,
    new: &NewAccount,
    now: Timestamp,
) -> Result<Registration, StoreError> {
    let who = Person { id: new.user.clone(), name: Some(new.name.clone()) };
    ensure(tx, &who).await?;
    let sql = "INSERT INTO rowcast.account (user_id, email, email_key, password, admin, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING user_id";
    let values = params![
        new.user.as_str(),
        new.email.trim(),
        &*key_of(&new.email),
        new.password.as_deref(),
        new.admin,
        now,
    ];
    if tx.run(sql, values).await?.is_empty() {
        return Ok(Registration::EmailTaken);
    }
    if let Some(code) = &new.invitation
        && invitations::accept(tx, code, &who, now).await?.is_none()
    {
        return Ok(Registration::NoInvitation);
    }
    let account = account(tx, &new.user).await?;
    account.map(Registration::Done).ok_or_else(|| StoreError::Failed("no account".to_owned()))
}

async fn set_password(
    tx: &mut dyn Statements,
    user: &str,
    password: &str,
    keep: Option<Uuid>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE rowcast.account SET password = $2 WHERE user_id = $1";
    tx.run(sql, params![user, password]).await?;
    tx.run("DELETE FROM rowcast.reset_code WHERE user_id = $1", params![user]).await?;
    end_all(tx, user, keep, now).await?;
    if let Some(keep) = keep {
        let sql =
            "UPDATE rowcast.refresh SET used_at = $2 WHERE session_id = $1 AND used_at IS NULL";
        tx.run(sql, params![keep, now]).await?;
    }
    Ok(())
}

/// Ends every session of a person but one, and says which.
pub(super) async fn end_all(
    tx: &mut dyn Statements,
    user: &str,
    keep: Option<Uuid>,
    now: Timestamp,
) -> Result<Vec<Uuid>, StoreError> {
    // No session has the id that is nothing but zeros.
    let sql = "UPDATE rowcast.session SET ended_at = $2 \
               WHERE user_id = $1 AND ended_at IS NULL AND id <> $3 RETURNING CAST(id AS text)";
    let ended = tx.run(sql, params![user, now, keep.unwrap_or(Uuid::nil())]).await?;
    ended.iter().map(|row| row.uuid(0)).collect()
}

async fn offer_reset(
    tx: &mut dyn Statements,
    email: &str,
    code: &Hash,
    expires: Timestamp,
) -> Result<bool, StoreError> {
    let sql = select_account!("WHERE a.email_key = $1 AND a.closed_at IS NULL");
    let Some(account) = one(&tx.run(sql, params![&*key_of(email)]).await?)? else {
        return Ok(false);
    };
    let user = account.user.as_str();
    tx.run("DELETE FROM rowcast.reset_code WHERE user_id = $1", params![user]).await?;
    let sql = "INSERT INTO rowcast.reset_code (hash, user_id, expires_at) VALUES ($1, $2, $3)";
    tx.run(sql, params![code, user, expires]).await?;
    Ok(true)
}

async fn reset(
    tx: &mut dyn Statements,
    code: &Hash,
    password: &str,
    now: Timestamp,
) -> Result<Option<Account>, StoreError> {
    let sql =
        "DELETE FROM rowcast.reset_code WHERE hash = $1 AND expires_at > $2 RETURNING user_id";
    let redeemed = tx.run(sql, params![code, now]).await?;
    let Some(row) = redeemed.first() else { return Ok(None) };
    let mut account = account(tx, &row.text(0)?).await?.filter(|account| !account.closed);
    if let Some(account) = &mut account {
        set_password(tx, &account.user, password, None, now).await?;
        account.password = Some(password.to_owned());
    }
    Ok(account)
}

async fn close(
    tx: &mut dyn Statements,
    email: &str,
    now: Timestamp,
) -> Result<Option<Account>, StoreError> {
    let sql = "UPDATE rowcast.account SET closed_at = coalesce(closed_at, $2) \
               WHERE email_key = $1 RETURNING user_id";
    let closed = tx.run(sql, params![&*key_of(email), now]).await?;
    let Some(row) = closed.first() else { return Ok(None) };
    let user = row.text(0)?;
    end_all(tx, &user, None, now).await?;
    leaving::end_what_was_made(tx, &user, now).await?;
    tx.run("DELETE FROM rowcast.reset_code WHERE user_id = $1", params![&*user]).await?;
    account(tx, &user).await
}

async fn set_admin(
    tx: &mut dyn Statements,
    email: &str,
    admin: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE rowcast.account SET admin = $2 WHERE email_key = $1 RETURNING user_id";
    let changed = tx.run(sql, params![&*key_of(email), admin]).await?;
    let Some(row) = changed.first() else { return Ok(false) };
    if !admin {
        end_all(tx, &row.text(0)?, None, now).await?;
    }
    Ok(true)
}
