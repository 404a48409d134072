//! What outsiders left, channel by channel, where it is too much to be numbered at once.
//!
//! - A **flooded** channel (see the migrations) gets a reset, and all that was recorded of it is
//!   forgotten unread.
//! - A **batch** waits only for what was recorded of its own channels; the rest keeps its order and
//!   is numbered in passes.

use std::collections::{BTreeMap, BTreeSet};

use rowcast_protocol::{ChannelName, ColumnType, Value};
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        error::StoreError,
        fold::EntryBuilder,
        schema::LiveTable,
        values::{Raw, wire_value},
    },
    connection::{Connection, nth, store_error},
    facts::Facts,
    log::Draft,
    outside::Entries,
    raw::{Bound, number, own, raw},
    transaction::OWN,
    values_list::{padded, values_list},
};

/// Spellings that are told to the database in one statement.
const CHUNK: usize = 1_024;

/// What waits of one channel.
#[derive(Debug, Default)]
struct Waiting {
    /// How many changes of each table.
    tables: BTreeMap<String, usize>,
    /// How its id stands in records: the shape, and the value.
    spelled: Vec<(i64, Raw)>,
    is_flooded: bool,
}

/// What waits, by channel.
#[derive(Debug, Default)]
struct Backlog {
    channels: BTreeMap<ChannelName, Waiting>,
    /// Whether rows may have been replaced: two records that belong together.
    has_replaced: bool,
}

/// Resets the flooded channels.
pub(super) async fn reset_flooded(
    connection: &mut Connection,
    facts: &Facts,
    draft: &mut Draft,
) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM rowcast_flood)";
    let answers = connection.run(sql, Bound::none()).await.map_err(store_error)?;
    if nth(answers, 0).rows.first().map_or(Ok(false), |row| own(row, 0))? {
        let backlog = Backlog::read(connection, facts).await?;
        backlog.reset_flooded(connection, facts, draft).await?;
    }
    Ok(())
}

/// Numbers what was recorded of these channels, and resets the flooded ones. Returns whether it did:
/// records that belong together are not taken apart.
pub(super) async fn number_concerning(
    connection: &mut Connection,
    facts: &Facts,
    draft: &mut Draft,
    channels: &BTreeSet<ChannelName>,
) -> Result<bool, StoreError> {
    let backlog = Backlog::read(connection, facts).await?;
    if backlog.has_replaced {
        return Ok(false);
    }
    let mut rest = backlog.reset_flooded(connection, facts, draft).await?;
    rest.retain(|channel, _| channels.contains(channel));
    if rest.is_empty() {
        return Ok(true);
    }
    choose(connection, rest.values()).await?;
    let sql = format!(
        "{} AND ({} OR {}) ORDER BY id",
        facts.select_records,
        is_chosen("ch"),
        is_chosen("och")
    );
    let bound = Bound::default().with(0_i64).with(OWN);
    let answers = connection.run(sql, bound.done()).await.map_err(store_error)?;
    let mut entries = Entries::new(facts);
    for record in facts.layouts.read(&facts.schema, &nth(answers, 0).rows)? {
        for (channel, recorded) in record.changes(&facts.schema) {
            if rest.contains_key(&channel) {
                entries.push(channel, recorded);
            }
        }
    }
    entries.finish(draft);
    forget_chosen(connection, false).await?;
    Ok(true)
}

impl Backlog {
    async fn read(connection: &mut Connection, facts: &Facts) -> Result<Self, StoreError> {
        let sql = "SELECT s.id, s.name, p.c, p.n, p.replaced FROM (
                SELECT shape, c, count(*) AS n, max(op = 'L') AS replaced FROM (
                    SELECT shape, ch AS c, op FROM rowcast_pending WHERE ch IS NOT NULL AND id < ?
                    UNION ALL
                    SELECT shape, och, op FROM rowcast_pending
                        WHERE och IS NOT NULL AND och IS NOT ch AND id < ?
                ) GROUP BY shape, c
            ) p JOIN rowcast_shape s ON s.id = p.shape;
            SELECT s.id, s.name, f.ch FROM rowcast_flood f JOIN rowcast_shape s ON s.id = f.shape";
        let bound = Bound::default().with(OWN).with(OWN).done();
        let mut answers = connection.run(sql, bound).await.map_err(store_error)?.into_iter();
        let mut backlog = Self::default();
        for row in answers.next().unwrap_or_default().rows {
            let count = usize::try_from(number(&row, 3)?).unwrap_or(usize::MAX);
            backlog.has_replaced |= own::<bool>(&row, 4)?;
            backlog.add(facts, &row, count)?;
        }
        for row in answers.next().unwrap_or_default().rows {
            if let Some(waiting) = backlog.add(facts, &row, 0)? {
                waiting.is_flooded = true;
            }
        }
        Ok(backlog)
    }

    /// Adds a row that begins with a shape, the table's name and a channel's id.
    fn add(
        &mut self,
        facts: &Facts,
        row: &SqliteRow,
        count: usize,
    ) -> Result<Option<&mut Waiting>, StoreError> {
        let name: String = own(row, 1)?;
        let id = raw(row, 2)?;
        let table = facts.schema.tables.iter().find(|table| table.name == name);
        let Some(channel) = table.and_then(|table| channel_name(table, id.clone())) else {
            return Ok(None);
        };
        let waiting = self.channels.entry(channel).or_default();
        *waiting.tables.entry(name).or_default() += count;
        waiting.spelled.push((own(row, 0)?, id));
        Ok(Some(waiting))
    }

    /// Resets the flooded channels and returns the others.
    async fn reset_flooded(
        self,
        connection: &mut Connection,
        facts: &Facts,
        draft: &mut Draft,
    ) -> Result<BTreeMap<ChannelName, Waiting>, StoreError> {
        let (flooded, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.channels.into_iter().partition(|(_, waiting)| waiting.is_flooded);
        choose(connection, flooded.values()).await?;
        forget_chosen(connection, self.has_replaced).await?;
        let sql = "DELETE FROM rowcast_flood";
        connection.run(sql, Bound::none()).await.map_err(store_error)?;
        for (channel, waiting) in flooded {
            let mut entry = EntryBuilder::new(facts.limits);
            for table in waiting.tables.into_keys() {
                entry.push_unseen(&table, facts.limits.changes + 1);
            }
            draft.entries.push((channel, entry.finish()));
        }
        Ok(rest)
    }
}

/// The channel with this id in the table's column, if there can be one.
pub(super) fn channel_name(table: &LiveTable, id: Raw) -> Option<ChannelName> {
    let kind: ColumnType = table.columns.get(table.channel_column)?.kind;
    let id = match wire_value(kind, id) {
        Value::Text(id) => id,
        Value::Int(id) => id.to_string(),
        _ => return None,
    };
    ChannelName::new(&format!("{}:{id}", table.channel_kind)).ok()
}

/// Whether a record's channel, in this column, was chosen.
fn is_chosen(column: &str) -> String {
    format!("(shape, {column}) IN (SELECT shape, c FROM temp.rowcast_chosen)")
}

/// Notes which channels are meant, in the database.
async fn choose(
    connection: &mut Connection,
    waiting: impl Iterator<Item = &Waiting>,
) -> Result<(), StoreError> {
    let create =
        "CREATE TEMP TABLE IF NOT EXISTS rowcast_chosen (shape, c, PRIMARY KEY (shape, c));
        DELETE FROM temp.rowcast_chosen";
    connection.run(create, Bound::none()).await.map_err(store_error)?;
    let spelled: Vec<_> = waiting.flat_map(|waiting| &waiting.spelled).collect();
    for chunk in spelled.chunks(CHUNK) {
        let mut bound = Bound::default();
        for (shape, id) in chunk {
            bound.push(*shape);
            bound.push_raw(id.clone());
        }
        bound.push_nulls((padded(chunk.len()) - chunk.len()) * 2);
        let sql = format!(
            "INSERT OR IGNORE INTO temp.rowcast_chosen
             SELECT column1, column2 FROM {} WHERE column1 IS NOT NULL",
            values_list(chunk.len(), 2)
        );
        connection.run(sql, bound.done()).await.map_err(store_error)?;
    }
    Ok(())
}

/// Deletes the records of the chosen channels; of a record that concerns another channel as well,
/// only this side. `keep_inserts`: those may say what became of a row of another channel.
async fn forget_chosen(connection: &mut Connection, keep_inserts: bool) -> Result<(), StoreError> {
    let (from, to) = (is_chosen("och"), is_chosen("ch"));
    let kept = if keep_inserts { "AND op <> 'I'" } else { "" };
    let sql = format!(
        "DELETE FROM rowcast_pending
            WHERE id < {OWN} AND (ch IS NULL OR {to}) AND (och IS NULL OR {from}) {kept};
         UPDATE rowcast_pending SET ch = NULL WHERE id < {OWN} AND ch IS NOT NULL AND {to};
         UPDATE rowcast_pending SET och = NULL WHERE id < {OWN} AND och IS NOT NULL AND {from}"
    );
    connection.run(sql, Bound::none()).await.map(drop).map_err(store_error)
}
