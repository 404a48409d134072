//! Appends entries to logs, as the last step of a transaction.

use std::collections::HashMap;

use jiff::Timestamp;
use rowcast_protocol::{ChannelName, Codec, Entry, Seq};
use serde::Serialize;

use super::{
    super::{Appended, StoredEntry, error::StoreError, fold::Folded},
    connection::{Connection, store_error},
    facts::Facts,
    outcomes::Outcome,
    raw::{Bound, number, own},
    transaction::OWN,
    values_list::{padded, values_list},
};
use crate::{
    instant::instant,
    planted::{self, Bug},
};

/// Rows of one statement: SQLite takes 32,766 parameters.
const CHUNK: usize = 1_024;

/// What a transaction adds to logs, in order.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Entries without their numbers.
    pub(super) entries: Vec<(ChannelName, Folded)>,
    /// Channels whose newest number is asked for as well.
    pub(super) ask: Vec<ChannelName>,
}

/// The numbers that the entries of a draft were given.
#[derive(Debug)]
pub(super) struct Numbered {
    /// When.
    at: Timestamp,
    /// The number and tag of each entry, and its channel's number in the database.
    places: Vec<(Seq, u32, i64)>,
    /// The newest number of each channel concerned or asked for.
    pub(super) heads: HashMap<ChannelName, Seq>,
}

impl Numbered {
    /// The number of the draft's n-th entry.
    pub(super) fn seq(&self, entry: usize) -> Option<Seq> {
        self.places.get(entry).map(|(seq, ..)| *seq)
    }
}

/// Gives the entries of a draft their numbers.
pub(super) async fn number_draft(
    connection: &mut Connection,
    draft: &Draft,
) -> Result<Numbered, StoreError> {
    let tags: Vec<u32> = draft.entries.iter().map(|_| rand::random()).collect();
    let mut heads = HashMap::new();
    let mut ids = HashMap::new();
    let changes = channel_changes(draft, &tags);
    for chunk in changes.chunks(CHUNK) {
        for row in advance(connection, chunk).await? {
            let name = channel(&row)?;
            ids.insert(name.clone(), own::<i64>(&row, 1)?);
            heads.insert(name, number(&row, 2)?);
        }
    }
    let mut next: HashMap<&ChannelName, Seq> = HashMap::new();
    for change in &changes {
        let head = heads.get(change.channel).copied().unwrap_or_default();
        next.insert(change.channel, head - change.entries);
    }
    let mut places = Vec::with_capacity(draft.entries.len());
    for ((name, _), tag) in draft.entries.iter().zip(tags) {
        let seq = next.entry(name).or_default();
        *seq += 1;
        places.push((*seq, tag, ids.get(name).copied().unwrap_or_default()));
    }
    ask_heads(connection, draft, &mut heads).await?;
    Ok(Numbered { at: Timestamp::now(), places, heads })
}

/// What a draft does to a channel's row.
struct ChannelChange<'a> {
    channel: &'a ChannelName,
    entries: Seq,
    tag: u32,
    /// Which of its new entries is the last reset, counted from 1; 0: none.
    reset: Seq,
}

fn channel_changes<'a>(draft: &'a Draft, tags: &[u32]) -> Vec<ChannelChange<'a>> {
    let mut changes: Vec<ChannelChange<'a>> = Vec::new();
    let mut places: HashMap<&ChannelName, usize> = HashMap::new();
    for ((channel, folded), tag) in draft.entries.iter().zip(tags) {
        let place = *places.entry(channel).or_insert_with(|| {
            changes.push(ChannelChange { channel, entries: 0, tag: 0, reset: 0 });
            changes.len() - 1
        });
        if let Some(change) = changes.get_mut(place) {
            let skips = planted::is(Bug::SkippedNumber) && tag.is_multiple_of(16);
            change.entries += 1 + u64::from(skips);
            change.tag = *tag;
            if !folded.reset.is_empty() {
                change.reset = change.entries;
            }
        }
    }
    changes
}

async fn advance(
    connection: &mut Connection,
    changes: &[ChannelChange<'_>],
) -> Result<Vec<sqlx::sqlite::SqliteRow>, StoreError> {
    let mut bound = Bound::default();
    for change in changes {
        bound.push(change.channel.as_str().to_owned());
        bound.push(change.entries.cast_signed());
        bound.push(i64::from(change.tag));
        bound.push(change.reset.cast_signed());
    }
    bound.push_nulls((padded(changes.len()) - changes.len()) * 4);
    let sql = format!(
        "INSERT INTO rowcast_channel (name, head, tag, reset)
         SELECT column1, column2, column3, column4 FROM {} WHERE column1 IS NOT NULL
         ON CONFLICT (name) DO UPDATE SET
            reset = CASE WHEN excluded.reset > 0 THEN head + excluded.reset ELSE reset END,
            head = head + excluded.head, tag = excluded.tag
         RETURNING name, id, head",
        values_list(changes.len(), 4)
    );
    let answers = connection.run(sql, bound.done()).await.map_err(store_error)?;
    Ok(answers.into_iter().next().unwrap_or_default().rows)
}

async fn ask_heads(
    connection: &mut Connection,
    draft: &Draft,
    heads: &mut HashMap<ChannelName, Seq>,
) -> Result<(), StoreError> {
    let unknown: Vec<&ChannelName> =
        draft.ask.iter().filter(|name| !heads.contains_key(*name)).collect();
    for chunk in unknown.chunks(CHUNK) {
        let mut bound = Bound::default();
        for name in chunk {
            bound.push(name.as_str().to_owned());
        }
        bound.push_nulls(padded(chunk.len()) - chunk.len());
        let sql = format!(
            "SELECT c.name, c.id, c.head FROM {} CROSS JOIN rowcast_channel c ON c.name = column1",
            values_list(chunk.len(), 1)
        );
        let answers = connection.run(sql, bound.done()).await.map_err(store_error)?;
        for row in answers.into_iter().next().unwrap_or_default().rows {
            heads.insert(channel(&row)?, number(&row, 2)?);
        }
    }
    Ok(())
}

fn channel(row: &sqlx::sqlite::SqliteRow) -> Result<ChannelName, StoreError> {
    ChannelName::new(own(row, 0)?).map_err(|error| StoreError::Failed(error.to_string()))
}

/// Which records a transaction forgets as it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forget {
    /// All that there are.
    All,
    /// Those that the transaction caused.
    Own,
    /// None: they are gone already.
    Nothing,
}

impl Forget {
    fn sql(self) -> String {
        match self {
            Self::All => "DELETE FROM rowcast_pending; ".to_owned(),
            Self::Own => format!("DELETE FROM rowcast_pending WHERE id >= {OWN}; "),
            Self::Nothing => String::new(),
        }
    }
}

/// Writes the entries and outcomes of a transaction and commits it.
pub(super) async fn write_and_commit(
    connection: &mut Connection,
    draft: &Draft,
    numbered: &Numbered,
    outcomes: &[Outcome<'_>],
    forget: Forget,
) -> Result<(), sqlx::Error> {
    let (mut sql, mut bound) = (String::new(), Bound::default());
    let entries: Vec<_> = draft.entries.iter().zip(&numbered.places).collect();
    for chunk in entries.chunks(CHUNK) {
        sql += &format!(
            "INSERT INTO rowcast_entry (channel, seq, tag, at, reset, edits, changes, olds)
             SELECT * FROM {} WHERE column1 IS NOT NULL;\n",
            values_list(chunk.len(), 8)
        );
        for ((_, folded), place) in chunk {
            push_entry(&mut bound, numbered.at, folded, place);
        }
        bound.push_nulls((padded(chunk.len()) - chunk.len()) * 8);
    }
    for chunk in outcomes.chunks(CHUNK) {
        sql += &format!(
            "{} INTO rowcast_edit (user_id, id, hash, at, seq, error)
             SELECT * FROM {} WHERE column1 IS NOT NULL;\n",
            if planted::is(Bug::NoDedupe) { "INSERT OR REPLACE" } else { "INSERT" },
            values_list(chunk.len(), 6)
        );
        for outcome in chunk {
            outcome.push_onto(&mut bound, numbered.at.as_microsecond());
        }
        bound.push_nulls((padded(chunk.len()) - chunk.len()) * 6);
    }
    sql += &(forget.sql() + "COMMIT");
    connection.run(sql, bound.done()).await.map(drop)
}

fn push_entry(bound: &mut Bound, at: Timestamp, folded: &Folded, place: &(Seq, u32, i64)) {
    let (seq, tag, channel) = place;
    bound.push(*channel);
    bound.push(seq.cast_signed());
    bound.push(i64::from(*tag));
    bound.push(at.as_microsecond());
    bound.push((!folded.reset.is_empty()).then(|| json(&folded.reset)));
    bound.push(json(&folded.edits));
    bound.push(folded.json.clone());
    bound.push(json(&folded.olds));
}

fn json<T: Serialize>(value: &T) -> String {
    String::from_utf8(Codec::Json.encode(value).to_vec()).unwrap_or_default()
}

/// What was added, channel by channel, in the order in which the channels came up.
pub(super) fn appended(facts: &Facts, draft: Draft, numbered: &Numbered) -> Vec<Appended> {
    let mut all: Vec<Appended> = Vec::new();
    let mut places: HashMap<ChannelName, usize> = HashMap::new();
    let at = instant(numbered.at);
    for ((channel, folded), (seq, tag, _)) in draft.entries.into_iter().zip(&numbered.places) {
        let place = *places.entry(channel.clone()).or_insert_with(|| {
            all.push(Appended { channel, epoch: facts.epoch, entries: Vec::new() });
            all.len() - 1
        });
        let entry = Entry {
            seq: *seq,
            at: at.clone(),
            edits: folded.edits,
            by: None,
            changes: folded.changes,
            reset: folded.reset,
        };
        if let Some(appended) = all.get_mut(place) {
            appended.entries.push(StoredEntry { tag: *tag, entry });
        }
    }
    all
}
