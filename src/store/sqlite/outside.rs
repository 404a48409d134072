//! Numbers what outsiders left in `rowcast_pending`.
//!
//! One pass takes some thousand records and makes one entry per channel of them, whatever the
//! backlog. A batch of the hub waits for one pass at most, and for what concerns its channels.

use std::collections::{BTreeSet, HashMap};

use rowcast_protocol::ChannelName;
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        error::StoreError,
        fold::{EntryBuilder, Recorded},
    },
    backlog,
    connection::{Connection, nth, store_error},
    facts::Facts,
    log::Draft,
    raw::{Bound, own},
    transaction::OWN,
};

/// Records that one pass reads.
const PASS: i64 = 5_000;

/// Adds entries to the draft for all that a batch on these channels must come after. Returns whether
/// something is left, of other channels.
pub(super) async fn before_batch(
    connection: &mut Connection,
    facts: &Facts,
    draft: &mut Draft,
    channels: &BTreeSet<ChannelName>,
) -> Result<bool, StoreError> {
    let is_long = waiting(connection).await? > PASS;
    if is_long && backlog::number_concerning(connection, facts, draft, channels).await? {
        return Ok(true);
    }
    while pass(connection, facts, draft).await? {}
    Ok(false)
}

/// Adds entries for one pass to the draft. Returns whether more is waiting.
pub(super) async fn pass(
    connection: &mut Connection,
    facts: &Facts,
    draft: &mut Draft,
) -> Result<bool, StoreError> {
    backlog::reset_flooded(connection, facts, draft).await?;
    let sql = format!("{} ORDER BY id LIMIT {PASS}", facts.select_records);
    let bound = Bound::default().with(0_i64).with(OWN);
    let answers = connection.run(sql, bound.done()).await.map_err(store_error)?;
    let mut rows = nth(answers, 0).rows;
    keep_together(&mut rows)?;
    let Some(last) = rows.last() else { return Ok(false) };
    let last: i64 = own(last, 0)?;
    let mut entries = Entries::new(facts);
    for record in facts.layouts.read(&facts.schema, &rows)? {
        for (channel, recorded) in record.changes(&facts.schema) {
            entries.push(channel, recorded);
        }
    }
    entries.finish(draft);
    let sql = "DELETE FROM rowcast_pending WHERE id <= ?;
        SELECT EXISTS (SELECT 1 FROM rowcast_pending WHERE id < ?)";
    let bound = Bound::default().with(last).with(OWN);
    let answers = connection.run(sql, bound.done()).await.map_err(store_error)?;
    nth(answers, 1).rows.first().map_or(Ok(false), |row| own(row, 0))
}

/// Leaves rows that an insert replaced to the pass that reads the insert.
fn keep_together(rows: &mut Vec<SqliteRow>) -> Result<(), StoreError> {
    let is_full = i64::try_from(rows.len()).unwrap_or(PASS) >= PASS;
    let mut end = rows.len();
    while is_full && end > 0 {
        match rows.get(end - 1).map(|row| own::<&str>(row, 2)).transpose()? {
            Some("L") => end -= 1,
            _ => break,
        }
    }
    if end > 0 {
        rows.truncate(end);
    }
    Ok(())
}

/// How many records wait, counted up to a little more than a pass.
async fn waiting(connection: &mut Connection) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM rowcast_pending WHERE id < {OWN} LIMIT {})",
        PASS + 1
    );
    let answers = connection.run(sql, Bound::none()).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or(Ok(0), |row| own(row, 0))
}

/// One entry per channel, in the order in which channels came up.
pub(super) struct Entries<'a> {
    facts: &'a Facts,
    in_order: Vec<(ChannelName, EntryBuilder)>,
    places: HashMap<ChannelName, usize>,
}

impl<'a> Entries<'a> {
    /// No entries.
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self { facts, in_order: Vec::new(), places: HashMap::new() }
    }

    /// Adds a change.
    pub(super) fn push(&mut self, channel: ChannelName, recorded: Recorded) {
        let place = *self.places.entry(channel.clone()).or_insert_with(|| {
            self.in_order.push((channel, EntryBuilder::new(self.facts.limits)));
            self.in_order.len() - 1
        });
        if let Some((_, entry)) = self.in_order.get_mut(place) {
            entry.push(recorded, None);
        }
    }

    /// Adds the entries to a draft.
    pub(super) fn finish(self, draft: &mut Draft) {
        let entries = self.in_order.into_iter();
        draft.entries.extend(entries.map(|(channel, entry)| (channel, entry.finish())));
    }
}
