//! Erasing a person's data, or the past of a row.

use std::{collections::BTreeMap, time::Duration};

use rowcast_protocol::{Change, Value};
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        erase::{Erased, Erasure, Fate, Leaving, names_in, spelled, without_name},
        error::StoreError,
    },
    SqliteStore,
    connection::{Connection, nth, quoted, store_error},
    raw::{Bound, number, own},
    read::parsed,
    row::wire_key,
    transaction::key_text,
    writer::Turn,
};
use crate::store::Store as _;

/// Entries that are rewritten in one transaction.
const PIECE: i64 = 500;

/// Entries that may name what is erased, from a place on.
const ENTRIES: &str = "SELECT e.channel, e.seq, c.name, e.edits, e.changes, e.olds
    FROM rowcast_entry e JOIN rowcast_channel c ON c.id = e.channel
    WHERE (e.channel, e.seq) > (?, ?)
        AND (instr(e.edits, ?) > 0 OR instr(e.changes, ?) > 0 OR instr(e.olds, ?) > 0 OR c.name = ?)
    ORDER BY e.channel, e.seq LIMIT ?";

impl SqliteStore {
    /// See [`Store::erase`](crate::store::Store::erase).
    pub(super) async fn erase_all(&self, what: &Erasure) -> Result<Erased, StoreError> {
        let mut erased = Erased::default();
        if let Erasure::Person(id) = what {
            erased.rows = self.erase_rows(id).await?;
        }
        self.number_all().await?;
        let needle = needle(what);
        erased.entries = self.rewrite(what, &needle).await?;
        let user = match what {
            Erasure::Person(id) => id.clone(),
            Erasure::Past { .. } => String::new(),
        };
        let sql = "DELETE FROM rowcast_edit WHERE user_id = ? OR instr(error, ?) > 0";
        let bound = Bound::default().with(user).with(needle).done();
        let mut turn = Turn::of(&self.writer).await?;
        let answers = turn.writer()?.connection.run_once(sql, bound).await.map_err(store_error)?;
        turn.end();
        erased.outcomes = nth(answers, 0).changed;
        Ok(erased)
    }

    async fn erase_rows(&self, id: &str) -> Result<u64, StoreError> {
        let mut bound = Bound::default();
        let mut sql = "PRAGMA secure_delete = on; BEGIN IMMEDIATE;".to_owned();
        for (table, column) in self.facts().schema.tables.iter().flat_map(|table| names_in(table)) {
            let (table, column) = (quoted(&table.name), quoted(&column.name));
            sql.push_str(&format!("UPDATE {table} SET {column} = NULL WHERE {column} = ?;"));
            bound.push(id.to_owned());
        }
        sql.push_str("DELETE FROM users WHERE id = ?; COMMIT");
        let mut turn = Turn::of(&self.writer).await?;
        let connection = &mut turn.writer()?.connection;
        let answers = connection.run_once(sql, bound.with(id.to_owned()).done()).await;
        let answers = answers.map_err(store_error)?;
        turn.writer()?.look_again();
        turn.end();
        // Statements that change nothing repeat the count of the one before.
        let changing = answers.iter().skip(2).take(answers.len().saturating_sub(3));
        Ok(changing.map(|answer| answer.changed).sum())
    }

    /// Numbers what is recorded, or waits until another hub has.
    async fn number_all(&self) -> Result<(), StoreError> {
        for _ in 0..100 {
            while !self.number().await?.is_empty() {}
            let sql = "SELECT EXISTS (SELECT 1 FROM rowcast_pending)";
            let row = sqlx::query(sql).fetch_one(&self.readers).await.map_err(store_error)?;
            if !own::<bool>(&row, 0)? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(StoreError::Busy(
            "changes keep coming; nothing was taken out of the log yet".to_owned(),
        ))
    }

    async fn rewrite(&self, what: &Erasure, needle: &str) -> Result<u64, StoreError> {
        let (mut place, mut count) = ((i64::MIN, 0), 0);
        let mut newest: BTreeMap<i64, u64> = BTreeMap::new();
        loop {
            let mut turn = Turn::of(&self.writer).await?;
            let connection = &mut turn.writer()?.connection;
            let rows = candidates(connection, place, what, needle).await?;
            connection.run("BEGIN IMMEDIATE", Bound::none()).await.map_err(store_error)?;
            for row in &rows {
                let (channel, seq) = (own::<i64>(row, 0)?, number(row, 1)?);
                if let Some(entry) = self.rewritten(what, row)? {
                    entry.store(connection, channel, seq).await?;
                    newest.insert(channel, seq);
                    count += 1;
                }
                place = (channel, seq.cast_signed());
            }
            for (channel, seq) in std::mem::take(&mut newest) {
                self.mark(connection, channel, seq).await?;
            }
            connection.run("COMMIT", Bound::none()).await.map_err(store_error)?;
            turn.end();
            if rows.is_empty() {
                return Ok(count);
            }
        }
    }

    /// Whoever stands before this entry takes a snapshot.
    async fn mark(
        &self,
        connection: &mut Connection,
        channel: i64,
        seq: u64,
    ) -> Result<(), StoreError> {
        let facts = self.facts();
        let tables: Vec<&str> =
            facts.schema.tables.iter().map(|table| table.name.as_str()).collect();
        let tables = serde_json::to_string(&tables).unwrap_or_default();
        let seq = seq.cast_signed();
        let sql =
            "UPDATE rowcast_entry SET reset = coalesce(reset, ?) WHERE channel = ? AND seq = ?;
            UPDATE rowcast_channel SET reset = max(reset, ?) WHERE id = ?";
        let bound = Bound::default().with(tables).with(channel).with(seq).with(seq).with(channel);
        connection.run(sql, bound.done()).await.map(drop).map_err(store_error)
    }

    fn rewritten(&self, what: &Erasure, row: &SqliteRow) -> Result<Option<Entry>, StoreError> {
        let channel: &str = own(row, 2)?;
        let (edits, changes, olds): (&str, &str, &str) = (own(row, 3)?, own(row, 4)?, own(row, 5)?);
        let (changes, olds): (Vec<Box<RawValue>>, Vec<Box<RawValue>>) =
            (parsed(changes)?, parsed(olds)?);
        let mut entry = Entry::default();
        for (change, old) in changes.iter().zip(olds) {
            let pair = (change.get(), old.get());
            match self.fate(what, channel, pair)? {
                None => entry.is_other = true,
                Some((change, old)) => {
                    entry.is_other |= (change.as_str(), old.as_str()) != pair;
                    entry.changes.push(change);
                    entry.olds.push(old);
                }
            }
        }
        entry.edits = edits.to_owned();
        if let Erasure::Person(id) = what
            && let Some(edits) = without_name(edits, id)
        {
            entry.edits = edits;
            entry.is_other = true;
        }
        Ok(entry.is_other.then_some(entry))
    }

    /// A change and its old values as they stay; `None`: they go.
    fn fate(
        &self,
        what: &Erasure,
        channel: &str,
        (change, old): (&str, &str),
    ) -> Result<Option<(String, String)>, StoreError> {
        let (table, key) = named(parsed(change)?);
        match what {
            Erasure::Past { table: live, key: past } => {
                let goes = table == live.name && key == wire_key(live, past);
                Ok((!goes).then(|| (change.to_owned(), old.to_owned())))
            }
            Erasure::Person(id) => {
                let facts = self.facts();
                let leaving = Leaving::new(&facts.schema, id);
                let fates = [change, old].map(|text| (leaving.fate(channel, &table, text), text));
                let [change, old] = fates.map(|(fate, text)| match fate {
                    Fate::Goes => None,
                    Fate::Stays => Some(text.to_owned()),
                    Fate::Rewritten(text) => Some(text),
                });
                Ok(change.zip(old))
            }
        }
    }
}

/// A text that stands in every entry that concerns it.
fn needle(what: &Erasure) -> String {
    match what {
        Erasure::Person(id) => spelled(id),
        Erasure::Past { table, key } => {
            let name = Value::from(table.name.as_str());
            let key = key_text(&wire_key(table, key));
            format!("\"table\":{},\"key\":{key}", key_text(&name))
        }
    }
}

async fn candidates(
    connection: &mut Connection,
    (channel, seq): (i64, i64),
    what: &Erasure,
    needle: &str,
) -> Result<Vec<SqliteRow>, StoreError> {
    let own_channel = match what {
        Erasure::Person(id) => format!("user:{id}"),
        Erasure::Past { .. } => String::new(),
    };
    let bound = Bound::default()
        .with(channel)
        .with(seq)
        .with(needle.to_owned())
        .with(needle.to_owned())
        .with(needle.to_owned())
        .with(own_channel)
        .with(PIECE);
    let answers = connection.run(ENTRIES, bound.done()).await.map_err(store_error)?;
    Ok(nth(answers, 0).rows)
}

fn named(change: Change) -> (String, Value) {
    match change {
        Change::Insert(row) | Change::Enter(row) => (row.table, row.key),
        Change::Update(fields) => (fields.table, fields.key),
        Change::Delete(gone) | Change::Leave(gone) => (gone.table, gone.key),
    }
}

/// An entry as it is stored after the erasure.
#[derive(Default)]
struct Entry {
    edits: String,
    changes: Vec<String>,
    olds: Vec<String>,
    is_other: bool,
}

impl Entry {
    async fn store(
        &self,
        connection: &mut Connection,
        channel: i64,
        seq: u64,
    ) -> Result<(), StoreError> {
        let list = |items: &[String]| format!("[{}]", items.join(","));
        let sql = "UPDATE rowcast_entry SET edits = ?, changes = ?, olds = ?
            WHERE channel = ? AND seq = ?";
        let bound = Bound::default()
            .with(self.edits.clone())
            .with(list(&self.changes))
            .with(list(&self.olds))
            .with(channel)
            .with(seq.cast_signed());
        connection.run(sql, bound.done()).await.map(drop).map_err(store_error)
    }
}
