//! Erasing a person's data, or the past of a row.

use std::{borrow::Cow, sync::Arc, time::Duration};

use rowcast_protocol::Value;
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, postgres::PgRow};

use super::{
    PostgresStore,
    failure::store_error,
    name::{quoted, table_name},
    raw::{change_of, wire_key_value},
};
use crate::store::{
    LiveTable, Store as _, StoreError,
    erase::{Erased, Erasure, Fate, Leaving, names_in, spelled, without_name},
};

/// Entries that are rewritten in one transaction.
const PIECE: i64 = 500;

/// Entries that may name what is erased, from a place on.
const ENTRIES: &str = "
    SELECT channel, seq, edits::text AS edits, changes, actor FROM rowcast.entry
    WHERE (channel, seq) > ($1, $2) AND bytes >= 0 AND (strpos(changes, $3) > 0
        OR strpos(edits::text, $3) > 0 OR actor = $4 OR channel = 'user:' || $4)
    ORDER BY channel, seq LIMIT $5";

const REWRITE: &str = "
    UPDATE rowcast.entry SET edits = $3::jsonb, changes = $4, actor = $5,
        bytes = coalesce(octet_length($4), 0)
    WHERE channel = $1 AND seq = $2";

/// Whoever stands before this entry takes a snapshot.
const MARK: &str = "
    UPDATE rowcast.entry SET reset = coalesce(reset, $3) WHERE channel = $1 AND seq = $2";

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    s: i32,
    #[serde(borrow)]
    c: Vec<&'a RawValue>,
}

impl PostgresStore {
    /// See [`Store::erase`](crate::store::Store::erase).
    pub(super) async fn erase_all(&self, what: &Erasure) -> Result<Erased, StoreError> {
        let (mut erased, user) = match what {
            Erasure::Person(id) => {
                (Erased { rows: self.erase_rows(id).await?, ..Erased::default() }, id.as_str())
            }
            Erasure::Past { .. } => (Erased::default(), ""),
        };
        let needle = needle(what)?;
        self.number_all(&needle).await?;
        erased.entries = self.rewrite(what, &needle).await?;
        let sql = "DELETE FROM rowcast.edit WHERE user_id = $1 OR strpos(failure::text, $2) > 0";
        let mut lent = self.pools.writer().await?;
        let gone = sqlx::query(sql).bind(user).bind(&needle).execute(lent.connection()).await;
        erased.outcomes = lent.settle(gone)?.rows_affected();
        Ok(erased)
    }

    async fn erase_rows(&self, id: &str) -> Result<u64, StoreError> {
        let mut lent = self.pools.writer().await?;
        let result = rows_of(lent.connection(), &self.schema.load().tables, id).await;
        if result.is_err() {
            // A transaction may be open.
            lent.discard();
        }
        lent.settle(result)
    }

    /// Numbers what is recorded, or waits until another hub has.
    async fn number_all(&self, needle: &str) -> Result<(), StoreError> {
        let sql = "SELECT EXISTS (SELECT FROM rowcast.pending WHERE strpos(changes, $1) > 0)";
        for _ in 0..100 {
            while !self.number().await?.is_empty() {}
            let mut lent = self.pools.writer().await?;
            let pending = sqlx::query_scalar(sql).bind(needle).fetch_one(lent.connection()).await;
            if !lent.settle::<bool>(pending)? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(StoreError::Busy(
            "changes keep coming; nothing was taken out of the log yet".to_owned(),
        ))
    }

    async fn rewrite(&self, what: &Erasure, needle: &str) -> Result<u64, StoreError> {
        let (mut place, mut count) = ((String::new(), -1_i64), 0);
        loop {
            let mut lent = self.pools.writer().await?;
            match self.rewrite_piece(lent.connection(), what, needle, &mut place).await {
                Ok(Some(rewritten)) => count += rewritten,
                Ok(None) => return Ok(count),
                Err(error) => {
                    lent.discard();
                    return Err(error);
                }
            }
        }
    }

    /// How many entries of the next piece were rewritten; `None`: there are no more.
    async fn rewrite_piece(
        &self,
        connection: &mut PgConnection,
        what: &Erasure,
        needle: &str,
        place: &mut (String, i64),
    ) -> Result<Option<u64>, StoreError> {
        let user = match what {
            Erasure::Person(id) => id.as_str(),
            Erasure::Past { .. } => "",
        };
        let begin = "BEGIN; SET LOCAL statement_timeout = 0";
        sqlx::raw_sql(begin).execute(&mut *connection).await.map_err(store_error)?;
        let query = sqlx::query(ENTRIES).bind(place.0.clone()).bind(place.1).bind(needle);
        let rows = query.bind(user).bind(PIECE).fetch_all(&mut *connection).await;
        let rows = rows.map_err(store_error)?;
        let (mut newest, mut count) = (Vec::<(String, i64)>::new(), 0);
        for row in &rows {
            let entry = Entry::read(row).map_err(store_error)?;
            *place = (entry.channel.clone(), entry.seq);
            if let Some(entry) = self.rewritten(what, &entry)? {
                count += 1;
                newest.retain(|(channel, _)| *channel != entry.channel);
                newest.push((entry.channel.clone(), entry.seq));
                entry.store(connection).await.map_err(store_error)?;
            }
        }
        let schema = self.schema.load_full();
        let tables: Vec<&str> = schema.tables.iter().map(|table| &*table.name).collect();
        for (channel, seq) in newest {
            let mark = sqlx::query(MARK).bind(channel).bind(seq).bind(&tables);
            mark.execute(&mut *connection).await.map_err(store_error)?;
        }
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await.map_err(store_error)?;
        Ok((!rows.is_empty()).then_some(count))
    }

    /// The entry as it stays; `None`: as it is.
    fn rewritten(&self, what: &Erasure, entry: &Entry) -> Result<Option<Entry>, StoreError> {
        let mut after = entry.clone();
        if let Some(changes) = &entry.changes {
            after.changes = Some(self.changes(what, &entry.channel, changes)?);
        }
        if let Erasure::Person(id) = what {
            after.actor = after.actor.filter(|actor| actor != id);
            after.edits = after.edits.map(|edits| without_name(&edits, id).unwrap_or(edits));
        }
        Ok((after != *entry).then_some(after))
    }

    fn changes(&self, what: &Erasure, channel: &str, changes: &str) -> Result<String, StoreError> {
        let broken = |error: serde_json::Error| StoreError::Failed(format!("an entry: {error}"));
        let list = format!("[{changes}]");
        let records: Vec<Record<'_>> = serde_json::from_str(&list).map_err(broken)?;
        let mut kept = Vec::new();
        for record in records {
            let mut changes = Vec::new();
            for change in record.c {
                match self.fate(what, channel, &record.t, change.get()).map_err(broken)? {
                    Fate::Goes => {}
                    Fate::Stays => changes.push(change.get().to_owned()),
                    Fate::Rewritten(change) => changes.push(change),
                }
            }
            if !changes.is_empty() {
                let (table, changes) = (spelled(&record.t), changes.join(","));
                kept.push(format!("{{\"t\":{table},\"s\":{},\"c\":[{changes}]}}", record.s));
            }
        }
        Ok(kept.join(","))
    }

    fn fate(
        &self,
        what: &Erasure,
        channel: &str,
        table: &str,
        change: &str,
    ) -> Result<Fate, serde_json::Error> {
        match what {
            Erasure::Person(id) => {
                Ok(Leaving::new(&self.schema.load(), id).fate(channel, table, change))
            }
            Erasure::Past { table: live, .. } if live.name != table => Ok(Fate::Stays),
            Erasure::Past { table: live, key } => {
                let recorded = change_of(live, change)?.change;
                let own = recorded.key() == &wire_key_value(live, key);
                Ok(if own { Fate::Goes } else { Fate::Stays })
            }
        }
    }
}

/// A text that stands in every entry that concerns it.
fn needle(what: &Erasure) -> Result<String, StoreError> {
    Ok(match what {
        Erasure::Person(id) => spelled(id),
        Erasure::Past { table, key } => match key.last() {
            Some(Value::Text(text)) => spelled(text),
            Some(part) => serde_json::to_string(part).unwrap_or_default(),
            None => return Err(StoreError::Failed(format!("table {} has no key", table.name))),
        },
    })
}

/// Removes the person, and the name from what stays, in one transaction.
async fn rows_of(
    connection: &mut PgConnection,
    tables: &[Arc<LiveTable>],
    id: &str,
) -> Result<u64, sqlx::Error> {
    let begin = "BEGIN; SET LOCAL statement_timeout = 0";
    sqlx::raw_sql(begin).execute(&mut *connection).await?;
    let mut count = 0;
    for (table, column) in tables.iter().flat_map(|table| names_in(table)) {
        let (table, column) = (table_name(table), quoted(&column.name));
        let sql = format!("UPDATE {table} SET {column} = NULL WHERE {column}::text = $1");
        let done = sqlx::query(AssertSqlSafe(sql)).bind(id).execute(&mut *connection).await?;
        count += done.rows_affected();
    }
    let sql = "DELETE FROM users WHERE id = $1";
    count += sqlx::query(sql).bind(id).execute(&mut *connection).await?.rows_affected();
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
    Ok(count)
}

/// An entry's texts.
#[derive(Clone, PartialEq)]
struct Entry {
    channel: String,
    seq: i64,
    edits: Option<String>,
    changes: Option<String>,
    actor: Option<String>,
}

impl Entry {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            channel: row.try_get("channel")?,
            seq: row.try_get("seq")?,
            edits: row.try_get("edits")?,
            changes: row.try_get("changes")?,
            actor: row.try_get("actor")?,
        })
    }

    async fn store(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let query = sqlx::query(REWRITE).bind(&self.channel).bind(self.seq);
        let query = query.bind(&self.edits).bind(&self.changes).bind(&self.actor);
        query.execute(connection).await.map(drop)
    }
}
