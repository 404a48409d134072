//! Numbers what outsiders left in `rowcast_pending`.
//!
//! One pass takes some thousand records and makes one entry per channel of them. If more wait, the
//! channels with more than an entry holds get a reset first, without reading their records.

use std::collections::{BTreeMap, HashMap};

use rowcast_protocol::{ChannelName, ColumnType, Value};

use super::{
    super::{
        error::StoreError,
        fold::{EntryBuilder, Recorded},
        values::{Raw, wire_value},
    },
    connection::{Connection, nth, store_error},
    facts::Facts,
    log::Draft,
    raw::{Bound, number, own, raw},
    values_list::{padded, values_list},
};

/// Records that one pass reads.
const PASS: i64 = 5_000;

/// Channels that are reset in one statement.
const CHUNK: usize = 1_024;

/// Adds entries for one pass to the draft. Returns whether more is waiting.
pub(super) async fn pass(
    connection: &mut Connection,
    facts: &Facts,
    draft: &mut Draft,
) -> Result<bool, StoreError> {
    if waiting(connection).await? > PASS {
        reset_the_large(connection, facts, draft).await?;
    }
    let sql = format!("{} LIMIT {PASS}", facts.select_records);
    let answers =
        connection.run(sql, Bound::default().with(0_i64).done()).await.map_err(store_error)?;
    let rows = nth(answers, 0).rows;
    let Some(last) = rows.last() else { return Ok(false) };
    let last: i64 = own(last, 0)?;
    let mut entries = Entries::new(facts);
    for record in facts.layouts.read(&facts.schema, &rows)? {
        for (channel, recorded) in record.changes(&facts.schema) {
            entries.push(channel, recorded);
        }
    }
    draft.entries.extend(entries.in_order.into_iter().map(|(name, entry)| (name, entry.finish())));
    let sql =
        "DELETE FROM rowcast_pending WHERE id <= ?; SELECT EXISTS (SELECT 1 FROM rowcast_pending)";
    let answers =
        connection.run(sql, Bound::default().with(last).done()).await.map_err(store_error)?;
    nth(answers, 1).rows.first().map_or(Ok(false), |row| own(row, 0))
}

/// How many records wait, counted up to a little more than a pass.
async fn waiting(connection: &mut Connection) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM rowcast_pending LIMIT {})", PASS + 1);
    let answers = connection.run(sql, Bound::none()).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or(Ok(0), |row| own(row, 0))
}

/// One entry per channel, in the order in which channels came up.
struct Entries<'a> {
    facts: &'a Facts,
    in_order: Vec<(ChannelName, EntryBuilder)>,
    places: HashMap<ChannelName, usize>,
}

impl<'a> Entries<'a> {
    fn new(facts: &'a Facts) -> Self {
        Self { facts, in_order: Vec::new(), places: HashMap::new() }
    }

    fn push(&mut self, channel: ChannelName, recorded: Recorded) {
        let place = *self.places.entry(channel.clone()).or_insert_with(|| {
            self.in_order.push((channel, EntryBuilder::new(self.facts.limits)));
            self.in_order.len() - 1
        });
        if let Some((_, entry)) = self.in_order.get_mut(place) {
            entry.push(recorded, None);
        }
    }
}

/// A channel with many records.
#[derive(Default)]
struct Large {
    /// How many changes of each table.
    tables: BTreeMap<String, usize>,
    /// How its id stands in records: the shape, and the value.
    spelled: Vec<(i64, Raw)>,
}

async fn reset_the_large(
    connection: &mut Connection,
    facts: &Facts,
    draft: &mut Draft,
) -> Result<(), StoreError> {
    let large: Vec<(ChannelName, Large)> = count_by_channel(connection, facts)
        .await?
        .into_iter()
        .filter(|(_, large)| large.tables.values().sum::<usize>() > facts.limits.changes)
        .collect();
    if large.is_empty() {
        return Ok(());
    }
    forget_records(connection, large.iter().flat_map(|(_, large)| &large.spelled)).await?;
    for (channel, large) in large {
        let mut entry = EntryBuilder::new(facts.limits);
        for (table, count) in large.tables {
            entry.push_unseen(&table, count);
        }
        draft.entries.push((channel, entry.finish()));
    }
    Ok(())
}

async fn count_by_channel(
    connection: &mut Connection,
    facts: &Facts,
) -> Result<BTreeMap<ChannelName, Large>, StoreError> {
    let sql = "SELECT s.id, s.name, p.c, p.n FROM (
            SELECT shape, c, count(*) AS n FROM (
                SELECT shape, ch AS c FROM rowcast_pending WHERE ch IS NOT NULL
                UNION ALL
                SELECT shape, och FROM rowcast_pending WHERE och IS NOT NULL AND och IS NOT ch
            ) GROUP BY shape, c
        ) p JOIN rowcast_shape s ON s.id = p.shape";
    let answers = connection.run(sql, Bound::none()).await.map_err(store_error)?;
    let mut channels: BTreeMap<ChannelName, Large> = BTreeMap::new();
    for row in nth(answers, 0).rows {
        let name: String = own(&row, 1)?;
        let Some(table) = facts.schema.tables.iter().find(|table| table.name == name) else {
            continue;
        };
        let kind = table.columns.get(table.channel_column).map(|column| column.kind);
        let id = raw(&row, 2)?;
        let Some(channel) = channel_name(&table.channel_kind, kind, id.clone()) else { continue };
        let large = channels.entry(channel).or_default();
        *large.tables.entry(name).or_default() += usize::try_from(number(&row, 3)?).unwrap_or(0);
        large.spelled.push((own(&row, 0)?, id));
    }
    Ok(channels)
}

fn channel_name(kind: &str, column: Option<ColumnType>, id: Raw) -> Option<ChannelName> {
    let id = match wire_value(column?, id) {
        Value::Text(id) => id,
        Value::Int(id) => id.to_string(),
        _ => return None,
    };
    ChannelName::new(&format!("{kind}:{id}")).ok()
}

/// Deletes the records of some channels; of a record that concerns another channel as well, only
/// this side.
async fn forget_records(
    connection: &mut Connection,
    spelled: impl Iterator<Item = &(i64, Raw)>,
) -> Result<(), StoreError> {
    let create = "CREATE TEMP TABLE IF NOT EXISTS rowcast_large (shape, c, PRIMARY KEY (shape, c));
        DELETE FROM temp.rowcast_large";
    connection.run(create, Bound::none()).await.map_err(store_error)?;
    let spelled: Vec<_> = spelled.collect();
    for chunk in spelled.chunks(CHUNK) {
        let mut bound = Bound::default();
        for (shape, id) in chunk {
            bound.push(*shape);
            bound.push_raw(id.clone());
        }
        bound.push_nulls((padded(chunk.len()) - chunk.len()) * 2);
        let sql = format!(
            "INSERT INTO temp.rowcast_large SELECT column1, column2 FROM {} WHERE column1 IS NOT NULL",
            values_list(chunk.len(), 2)
        );
        connection.run(sql, bound.done()).await.map_err(store_error)?;
    }
    let is_large = |column: &str| {
        format!(
            "EXISTS (SELECT 1 FROM temp.rowcast_large l WHERE l.shape = rowcast_pending.shape AND l.c = rowcast_pending.{column})"
        )
    };
    let (from, to) = (is_large("och"), is_large("ch"));
    let sql = format!(
        "DELETE FROM rowcast_pending WHERE (ch IS NULL OR {to}) AND (och IS NULL OR {from});
         UPDATE rowcast_pending SET ch = NULL WHERE {to};
         UPDATE rowcast_pending SET och = NULL WHERE {from}"
    );
    connection.run(sql, Bound::none()).await.map(drop).map_err(store_error)
}
