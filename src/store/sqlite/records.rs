//! Recorded changes: read from `rowcast_pending`, told as changes of channels.

use std::collections::HashMap;

use rowcast_protocol::{ChannelName, Value};
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        error::StoreError,
        fold::{Recorded, RowImage, changes_of, key_of},
        schema::{LiveSchema, LiveTable},
    },
    connection::{Connection, nth, store_error},
    raw::{Bound, own, wire},
};

/// Columns of [`Layouts::select`] before the values.
const HEAD: usize = 6;

/// Which recorded values belong to which columns.
#[derive(Debug)]
pub(super) struct Layouts {
    /// `None`: of a table that is no longer live.
    by_shape: HashMap<i64, Option<Layout>>,
    width: usize,
}

#[derive(Debug)]
struct Layout {
    table: usize,
    /// By place in the record: the index of the live column.
    columns: Vec<Option<usize>>,
}

/// One recorded change.
#[derive(Debug)]
pub(super) struct Record {
    /// The index of the table.
    pub(super) table: usize,
    op: u8,
    before: Option<RowImage>,
    after: Option<RowImage>,
    /// Whether the channel left, or entered, was told of this change in another way.
    told: (bool, bool),
}

impl Layouts {
    /// Reads which shapes there are.
    pub(super) async fn load(
        connection: &mut Connection,
        schema: &LiveSchema,
        width: usize,
    ) -> Result<Self, StoreError> {
        let sql = "SELECT id, name, columns FROM rowcast_shape";
        let answers = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
        let mut by_shape = HashMap::new();
        for row in nth(answers, 0).rows {
            let (name, columns): (String, String) = (own(&row, 1)?, own(&row, 2)?);
            let columns: Vec<String> = serde_json::from_str(&columns)
                .map_err(|error| StoreError::Failed(error.to_string()))?;
            let found = schema.tables.iter().enumerate().find(|(_, table)| table.name == name);
            let layout = found.map(|(table, live)| {
                let index = |name: String| live.column(&name).map(|(index, _)| index);
                Layout { table, columns: columns.into_iter().map(index).collect() }
            });
            by_shape.insert(own(&row, 0)?, layout);
        }
        Ok(Self { by_shape, width })
    }

    /// The statement that reads records after one number and before another; without an order.
    pub(super) fn select(&self) -> String {
        let names = |letter: char| (0..self.width).map(move |n| format!(", {letter}{n}"));
        let values: String = names('o').chain(names('n')).collect();
        format!(
            "SELECT id, shape, op, mask, och IS NULL, ch IS NULL{values} FROM rowcast_pending WHERE id > ? AND id < ?"
        )
    }

    /// The records in these rows, without those of tables that are no longer live.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if this is of tables that are not known yet.
    pub(super) fn read(
        &self,
        schema: &LiveSchema,
        rows: &[SqliteRow],
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let layout = self.by_shape.get(&own(row, 1)?).ok_or(StoreError::Changed)?;
            let live = layout.as_ref();
            let live = live.and_then(|layout| Some((layout, schema.tables.get(layout.table)?)));
            if let Some((layout, table)) = live {
                records.push(self.record(row, layout, table)?);
            }
        }
        resolve_replaced(schema, &mut records);
        Ok(records)
    }

    fn record(
        &self,
        row: &SqliteRow,
        layout: &Layout,
        table: &LiveTable,
    ) -> Result<Record, StoreError> {
        let op = own::<&str>(row, 2)?.bytes().next().unwrap_or_default();
        let told = (own::<bool>(row, 4)?, own::<bool>(row, 5)?);
        let whole = |offset| image(row, layout, table, offset);
        let (old, new) = (HEAD, HEAD + self.width);
        let (before, after) = match op {
            b'I' => (None, Some(whole(new)?)),
            b'D' | b'L' | b'P' => (Some(whole(old)?), None),
            b'U' => {
                let (before, after) = self.partial(row, layout, table)?;
                (Some(before), Some(after))
            }
            _ => (Some(whole(old)?), Some(whole(new)?)),
        };
        Ok(Record { table: layout.table, op, before, after, told })
    }

    /// The images of an update: the key, the channel, and what differs.
    fn partial(
        &self,
        row: &SqliteRow,
        layout: &Layout,
        table: &LiveTable,
    ) -> Result<(RowImage, RowImage), StoreError> {
        let mask: &str = own(row, 3)?;
        let mut before: RowImage = vec![None; table.columns.len()];
        let mut after = before.clone();
        for ((place, column), differs) in layout.columns.iter().enumerate().zip(mask.bytes()) {
            let Some(index) = *column else { continue };
            let anchor = index == table.channel_column || table.key.contains(&index);
            let Some(kind) = table.columns.get(index).map(|column| column.kind) else { continue };
            if differs == b'1' || anchor {
                let old = wire(row, HEAD + place, kind)?;
                let new = if differs == b'1' {
                    wire(row, HEAD + self.width + place, kind)?
                } else {
                    old.clone()
                };
                put(&mut before, index, old);
                put(&mut after, index, new);
            }
        }
        Ok((before, after))
    }
}

fn image(
    row: &SqliteRow,
    layout: &Layout,
    table: &LiveTable,
    offset: usize,
) -> Result<RowImage, StoreError> {
    let mut image: RowImage = vec![None; table.columns.len()];
    for (place, column) in layout.columns.iter().enumerate() {
        let Some(index) = *column else { continue };
        if let Some(column) = table.columns.get(index) {
            put(&mut image, index, wire(row, offset + place, column.kind)?);
        }
    }
    Ok(image)
}

fn put(image: &mut RowImage, index: usize, value: Value) {
    if let Some(slot) = image.get_mut(index) {
        *slot = Some(value);
    }
}

/// Joins the rows that were replaced by one with the same key on another channel (`L`) with those that took
/// their places. Rows that were in the way and stayed (`P`) mean nothing.
fn resolve_replaced(schema: &LiveSchema, records: &mut Vec<Record>) {
    if records.iter().all(|record| !matches!(record.op, b'L' | b'P')) {
        return;
    }
    let mut inserted: HashMap<(usize, String), usize> = HashMap::new();
    for place in (0..records.len()).rev() {
        let Some(record) = records.get(place) else { continue };
        let Some(table) = schema.tables.get(record.table) else { continue };
        let row = record.before.as_ref().or(record.after.as_ref());
        let slot = (record.table, format!("{:?}", row.map(|row| key_of(table, row))));
        match record.op {
            b'I' => {
                inserted.insert(slot, place);
            }
            b'L' => replace(records, place, inserted.remove(&slot)),
            _ => {}
        }
    }
    records.retain(|record| !matches!(record.op, b'L' | b'P'));
}

/// Where nothing took its place that is recorded, the row is gone.
fn replace(records: &mut [Record], place: usize, follower: Option<usize>) {
    let Some(replaced) = records.get_mut(place) else { return };
    let Some(follower) = follower else {
        replaced.op = b'D';
        return;
    };
    let before = replaced.before.take();
    if let Some(insert) = records.get_mut(follower) {
        (insert.op, insert.before, insert.told) = (b'R', before, (false, insert.told.1));
    }
}

impl Record {
    /// What it means to the channels it concerns.
    pub(super) fn changes(&self, schema: &LiveSchema) -> Vec<(ChannelName, Recorded)> {
        let Some(table) = schema.tables.get(self.table) else { return Vec::new() };
        let mut changes = changes_of(table, self.before.as_ref(), self.after.as_ref());
        let (left, entered) = self.told;
        match (self.op, changes.len()) {
            (b'I', _) if entered => changes.clear(),
            (b'R', 2) => {
                let mut keep = [!left, !entered].into_iter();
                changes.retain(|_| keep.next().unwrap_or(true));
            }
            _ => {}
        }
        changes
    }

    /// The key of the row; both, before and after, if the change is of the key.
    pub(super) fn keys(&self, schema: &LiveSchema) -> Vec<Value> {
        let Some(table) = schema.tables.get(self.table) else { return Vec::new() };
        let rows = self.before.iter().chain(&self.after);
        let mut keys: Vec<Value> = rows.map(|row| key_of(table, row)).collect();
        keys.dedup();
        keys
    }
}
