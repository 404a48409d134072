//! Entries as the database keeps them, and the edits that made each change of them.
//!
//! A record is `{"t": table, "s": step, "c": [change, …]}`; an entry's `changes` are records with
//! commas between them.

use std::{borrow::Cow, collections::HashMap};

use rowcast_protocol::{Change, EditId, Entry, Fields, Value, news::EditOf};
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use super::raw::{change_of, key_from_json, list_or_one, text_of};
use crate::store::{LiveSchema, StoreError, StoredEntry, fold::Recorded};

#[derive(Deserialize)]
struct Record<'a> {
    t: Cow<'a, str>,
    s: i32,
    #[serde(borrow)]
    c: Vec<&'a RawValue>,
}

/// An edit as it is kept beside the entry: who, and which rows at which steps.
#[derive(Debug, Deserialize)]
struct KeptEdit {
    i: Uuid,
    u: String,
    o: Vec<KeptOp>,
}

impl KeptEdit {
    fn named(&self) -> EditOf {
        EditOf { id: EditId(self.i), user: self.u.clone() }
    }
}

/// A step, the table's name and the key in the wire's form; no key: all that the step did. A key that
/// a trigger changed stands behind, as the database tells it.
#[derive(Debug, Deserialize)]
struct KeptOp(i32, String, Option<Vec<Value>>, #[serde(default)] Option<Vec<Box<RawValue>>>);

/// An entry as the database keeps it.
#[derive(Debug)]
pub(super) struct EntryRow {
    pub(super) channel: String,
    pub(super) seq: i64,
    pub(super) tag: i32,
    pub(super) at: String,
    pub(super) actor: Option<String>,
    pub(super) edits: Option<String>,
    pub(super) reset: Option<Vec<String>>,
    pub(super) changes: Option<String>,
}

/// An entry, and the old values of its changes, one item each.
pub(super) struct Decoded {
    pub(super) stored: StoredEntry,
    pub(super) olds: Vec<Fields>,
}

impl EntryRow {
    /// Reads the columns of a query.
    pub(super) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            channel: row.try_get("channel")?,
            seq: row.try_get("seq")?,
            tag: row.try_get("tag")?,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            edits: row.try_get("edits")?,
            reset: row.try_get("reset")?,
            changes: row.try_get("changes")?,
        })
    }

    /// The entry as clients see it.
    pub(super) fn decode(self, schema: &LiveSchema) -> Result<Decoded, StoreError> {
        let kept = self.kept_edits()?;
        let mut decoder = Decoder::new(schema, &kept);
        if let Some(changes) = &self.changes {
            decoder.read(changes).map_err(|e| broken(&self, &e))?;
        }
        let (mut edits, recorded) = decoder.finish();
        let reset = self.reset.unwrap_or_default();
        if !reset.is_empty() {
            // Which of them changed what is not known.
            edits = kept.iter().map(KeptEdit::named).collect();
        }
        let (changes, olds) = recorded.into_iter().map(|r| (r.change, r.old)).unzip();
        let entry = Entry {
            seq: self.seq.unsigned_abs(),
            at: self.at,
            edits,
            by: self.actor,
            changes,
            reset,
        };
        Ok(Decoded { stored: StoredEntry { tag: self.tag.unsigned_abs(), entry }, olds })
    }

    fn kept_edits(&self) -> Result<Vec<KeptEdit>, StoreError> {
        let Some(edits) = &self.edits else { return Ok(Vec::new()) };
        serde_json::from_str(edits).map_err(|e| broken(self, &e))
    }
}

fn broken(row: &EntryRow, error: &serde_json::Error) -> StoreError {
    StoreError::Failed(format!("entry {} of {} cannot be read: {error}", row.seq, row.channel))
}

/// A change with the edit that made it, by its place among the kept ones.
struct Attributed {
    edit: Option<usize>,
    recorded: Recorded,
}

/// Reads records and finds the edit that made each change.
struct Decoder<'a> {
    schema: &'a LiveSchema,
    kept: &'a [KeptEdit],
    by_row: HashMap<(i32, &'a str, String), usize>,
    by_step: HashMap<i32, usize>,
    changes: Vec<Attributed>,
}

impl<'a> Decoder<'a> {
    fn new(schema: &'a LiveSchema, kept: &'a [KeptEdit]) -> Self {
        let (mut by_row, mut by_step) = (HashMap::new(), HashMap::new());
        for (index, edit) in kept.iter().enumerate() {
            for KeptOp(step, table, key, changed) in &edit.o {
                if let Some(changed) = changed {
                    let Some(live) = schema.tables.iter().find(|live| live.name == *table) else {
                        continue;
                    };
                    let parts: Vec<String> = changed.iter().map(ToString::to_string).collect();
                    let key = list_or_one(&key_from_json(live, &parts));
                    by_row.insert((*step, table.as_str(), text_of(&key)), index);
                } else if let Some(key) = key {
                    by_row.insert((*step, table.as_str(), text_of(&list_or_one(key))), index);
                } else {
                    by_step.insert(*step, index);
                }
            }
        }
        Self { schema, kept, by_row, by_step, changes: Vec::new() }
    }

    fn read(&mut self, changes: &str) -> Result<(), serde_json::Error> {
        let list = format!("[{changes}]");
        let records: Vec<Record<'_>> = serde_json::from_str(&list)?;
        for record in records {
            self.read_record(&record)?;
        }
        Ok(())
    }

    /// The changes of one statement: what goes before what comes, else in the order of the edits.
    fn read_record(&mut self, record: &Record<'_>) -> Result<(), serde_json::Error> {
        let schema = self.schema;
        let Some(table) = schema.tables.iter().find(|table| table.name == record.t) else {
            return Ok(());
        };
        let mut found = Vec::with_capacity(record.c.len());
        for change in &record.c {
            let recorded = change_of(table, change.get())?;
            let edit = self.edit_of(record.s, &recorded.change);
            found.push(Attributed { edit, recorded });
        }
        found.sort_by_key(|change| (!is_end(&change.recorded.change), change.edit));
        self.changes.append(&mut found);
        Ok(())
    }

    fn edit_of(&self, step: i32, change: &Change) -> Option<usize> {
        if step == 0 || self.kept.is_empty() {
            return None;
        }
        let (table, key) = row_of(change);
        let by_row = self.by_row.get(&(step, table, text_of(key)));
        by_row.or_else(|| self.by_step.get(&step)).copied()
    }

    /// The edits that changed something, in order, and the changes that name them by their place.
    fn finish(self) -> (Vec<EditOf>, Vec<Recorded>) {
        let mut named = vec![None; self.kept.len()];
        for edit in self.changes.iter().filter_map(|change| change.edit) {
            if let Some(place) = named.get_mut(edit) {
                *place = Some(0);
            }
        }
        let mut edits = Vec::new();
        for (place, kept) in named.iter_mut().zip(self.kept).filter(|(place, _)| place.is_some()) {
            *place = u32::try_from(edits.len()).ok();
            edits.push(kept.named());
        }
        let changes = self.changes.into_iter().map(|Attributed { edit, mut recorded }| {
            let edit = edit.and_then(|edit| named.get(edit).copied().flatten());
            *edit_in(&mut recorded.change) = edit;
            recorded
        });
        (edits, changes.collect())
    }
}

fn row_of(change: &Change) -> (&str, &Value) {
    match change {
        Change::Insert(row) | Change::Enter(row) => (&row.table, &row.key),
        Change::Update(fields) => (&fields.table, &fields.key),
        Change::Delete(key) | Change::Leave(key) => (&key.table, &key.key),
    }
}

fn edit_in(change: &mut Change) -> &mut Option<u32> {
    match change {
        Change::Insert(row) | Change::Enter(row) => &mut row.edit,
        Change::Update(fields) => &mut fields.edit,
        Change::Delete(key) | Change::Leave(key) => &mut key.edit,
    }
}

fn is_end(change: &Change) -> bool {
    matches!(change, Change::Delete(_) | Change::Leave(_))
}
