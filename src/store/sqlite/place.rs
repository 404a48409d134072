//! Places in the hand-made order: reads a row's new neighbours, and writes the new texts of those that
//! make room.

use std::collections::HashMap;

use futures_util::FutureExt as _;
use rowcast_protocol::{ChannelName, ColumnType, Value};
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        edit::{CheckedOp, CheckedPlace},
        error::StoreError,
        placing::{Arrangement, Named, Place, Placing, Reader, Span, place, room},
        schema::LiveTable,
        values::{Raw, wire_value},
    },
    apply::not_found,
    connection::{Connection, nth, quoted, store_error},
    facts::{Facts, SCHEMA_VERSION},
    query::Words,
    raw::{Bound, own, raw, wire},
    row::{RowPlace, column_name, is_exactly, key_columns, push_channel_once},
    transaction::{Cause, Halt, Transaction},
};

/// The text that puts a row at a place; `None`: it stands there already. `row` is the row's key, empty
/// if the database makes it. May give neighbours new texts.
pub(super) async fn text_for(
    transaction: &mut Transaction<'_>,
    cause: Cause<'_>,
    table: &LiveTable,
    channel: &ChannelName,
    row: Option<&[Value]>,
    at: &CheckedPlace,
) -> Result<Option<String>, Halt> {
    let mut arrangement = Arrangement::new(table);
    let row = match row {
        Some(key) => arrangement.named(key),
        None => arrangement.nameless(),
    };
    let mut rows = Rows::new(transaction.connection, table, channel);
    let placing = place(&mut arrangement, &mut rows, &row, at).boxed().await?;
    let exact = rows.exact;
    match (placing, at) {
        (Placing::Done(placement), _) => {
            for (key, text) in &placement.others {
                let Some((sql, bound)) = rewriting(table, &exact, key, text) else { continue };
                transaction.change(&sql, bound, cause).await?;
            }
            Ok(placement.text)
        }
        (Placing::NoAnchor, CheckedPlace::After(key) | CheckedPlace::Before(key)) => {
            let place = RowPlace::new(table, channel, key);
            Err(not_found(table, place.wire_key()).into())
        }
        // Which operation it is, the caller knows.
        (Placing::NoAnchor | Placing::NoRoom, _) => Err(Halt::NoRoom { op: 0 }),
    }
}

/// One step towards room for an operation's row, outside of a transaction: recorded as what others do
/// is. `false`: no room can be made.
pub(super) async fn make_room(
    facts: &Facts,
    connection: &mut Connection,
    channel: &ChannelName,
    op: &CheckedOp,
) -> Result<bool, StoreError> {
    let Some(at) = op.place() else { return Ok(false) };
    let table = facts.table(op.table())?;
    let begun = connection.run(format!("BEGIN IMMEDIATE; {SCHEMA_VERSION}"), Bound::none()).await;
    let version = nth(begun.map_err(store_error)?, 1).rows;
    let made = match version.first().map(|row| facts.must_be(own(row, 0)?)) {
        Some(Err(error)) => Err(error.into()),
        _ => write_step(connection, table, channel, at).await,
    };
    let end = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.run(end, Bound::none()).await.map_err(store_error);
    let made = made.map_err(|halt| match halt {
        Halt::Sql(error) => store_error(error),
        Halt::Store(error) => error,
        Halt::Edit(error) | Halt::LeftOut(error) => StoreError::Failed(error.to_string()),
        Halt::NoRoom { .. } => StoreError::Failed("there is no room".to_owned()),
    })?;
    ended.map(|_| made)
}

async fn write_step(
    connection: &mut Connection,
    table: &LiveTable,
    channel: &ChannelName,
    at: &CheckedPlace,
) -> Result<bool, Halt> {
    let mut rows = Rows::new(connection, table, channel);
    let texts = room::step(&mut rows, at).boxed().await?;
    for (key, text) in &texts {
        if let Some((sql, bound)) = rewriting(table, &rows.exact, key, text) {
            rows.connection.run(sql, bound.done()).await?;
        }
    }
    room::is_made(&mut rows, &texts).boxed().await
}

/// The keys of rows just as they stand in the database, by their names.
type ExactKeys = HashMap<String, Vec<Raw>>;

/// The statement that gives a row a new text.
fn rewriting(
    table: &LiveTable,
    exact: &ExactKeys,
    key: &[Value],
    text: &str,
) -> Option<(String, Bound)> {
    let names = key_columns(table).map(|column| format!("{} = ?", quoted(&column.name)));
    let sql = format!(
        "UPDATE {} SET {} = ? WHERE {}",
        quoted(&table.name),
        column_name(table, table.order?),
        names.collect::<Vec<_>>().join(" AND "),
    );
    let mut bound = Bound::default().with(text.to_owned());
    for raw in exact.get(Named::new(key.to_vec()).name())? {
        bound.push_raw(raw.clone());
    }
    Some((sql, bound))
}

/// The rows of a channel in their order.
struct Rows<'a> {
    connection: &'a mut Connection,
    table: &'a LiveTable,
    channel: &'a ChannelName,
    /// Of the rows that were read.
    exact: ExactKeys,
}

impl<'a> Rows<'a> {
    fn new(connection: &'a mut Connection, table: &'a LiveTable, channel: &'a ChannelName) -> Self {
        Self { connection, table, channel, exact: HashMap::new() }
    }

    async fn ask(&mut self, sql: String, bound: Bound) -> Result<Vec<SqliteRow>, Halt> {
        let answers = self.connection.run(sql, bound.done()).await?;
        Ok(nth(answers, 0).rows)
    }

    fn column(&self) -> String {
        self.table.order.map(|index| column_name(self.table, index)).unwrap_or_default()
    }

    fn place(&mut self, row: &SqliteRow) -> Result<Place, Halt> {
        let (mut key, mut exact) = (Vec::new(), Vec::new());
        for (place, column) in key_columns(self.table).enumerate() {
            let raw = raw(row, place + 1)?;
            key.push(wire_value(column.kind, raw.clone()));
            exact.push(raw);
        }
        let named = Named::new(key);
        self.exact.insert(named.name().to_owned(), exact);
        Ok(named.at(text(row)?))
    }
}

/// The text in the first column.
fn text(row: &SqliteRow) -> Result<Option<String>, StoreError> {
    Ok(wire(row, 0, ColumnType::Text)?.as_str().map(str::to_owned))
}

impl Reader for Rows<'_> {
    type Error = Halt;

    async fn text(&mut self, key: &[Value]) -> Result<Option<Option<String>>, Halt> {
        let place = RowPlace::new(self.table, self.channel, key);
        let keys: Vec<String> = key_columns(self.table).map(|key| quoted(&key.name)).collect();
        let (column, keys) = (self.column(), keys.join(", "));
        let sql = format!("SELECT {column}, {keys} FROM {}", place.clause());
        let mut bound = Bound::default();
        place.push_onto(&mut bound);
        let rows = self.ask(sql, bound).await?;
        Ok(rows.first().map(|row| self.place(row)).transpose()?.map(|place| place.text))
    }

    async fn rows(&mut self, span: &Span<'_>) -> Result<Vec<Place>, Halt> {
        let mut words = Words { bound: Bound::default(), count: 1 };
        push_channel_once(&mut words.bound, self.table, self.channel);
        let channel = self.table.columns.get(self.table.channel_column);
        let within = channel.map(|column| is_exactly("t.", column, "?1")).unwrap_or_default();
        let clause = span.clause(&mut words, self.table);
        let keys: Vec<String> = key_columns(self.table).map(|key| quoted(&key.name)).collect();
        let (column, table) = (self.column(), quoted(&self.table.name));
        let keys = keys.join(", ");
        let sql = format!("SELECT {column}, {keys} FROM {table} t WHERE {within}{clause}");
        let rows = self.ask(sql, words.bound).await?;
        rows.iter().map(|row| self.place(row)).collect()
    }
}
