//! Hand-made orders: which text a row gets that an edit places.
//!
//! What is needed of an order is read under its channel's lock, as it was before the batch, and kept up
//! while the operations of the batch are gone through, so that each sees what the ones before it did.
//! Outsiders take no lock; two rows that end up with one text are told apart by their keys.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use futures_util::FutureExt as _;
use rowcast_protocol::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, postgres::PgRow, types::Json};

use super::{
    failure::Failure,
    name::{column, is_exactly, json_of, key, of, quoted, table_name},
    plan::KnownFailures,
    query::Words,
    raw::{key_from_json, wire_key_value},
    shape::key_among,
    value::{json_operand, key_type, text_value},
};
use crate::store::{
    CheckedEdit, CheckedOp, LiveTable,
    edit::{CheckedPlace, ColumnValues},
    placing::{Arrangement, Named, Place, Placement, Placing, Reader, Span, place, room},
};

/// Placements by edit and operation.
pub(super) type Placements = HashMap<(usize, usize), Placement>;

/// What came of placing the rows of a batch.
pub(super) enum Placed {
    /// Where each goes.
    All(Placements),
    /// There is no room for an operation of this edit, by their places.
    NoRoom(usize, usize),
}

/// Whether an edit places a row.
pub(super) fn places_rows(edit: &CheckedEdit) -> bool {
    edit.ops.iter().any(|op| op.place().is_some())
}

/// Whether an edit after this one places rows of its channel, which this one may move.
pub(super) fn is_looked_at_later(edits: &[CheckedEdit], index: usize) -> bool {
    let Some((edit, later)) = edits.get(index..).and_then(<[_]>::split_first) else { return false };
    later.iter().any(|later| later.channel == edit.channel && places_rows(later))
}

/// Finds each row's place, for edits that were not decided before. Edits beside an anchor that is not
/// there fail.
pub(super) async fn placements(
    connection: &mut PgConnection,
    tables: &[Arc<LiveTable>],
    edits: &[CheckedEdit],
    known: &mut KnownFailures,
) -> Result<Placed, sqlx::Error> {
    let decided = decided(connection, edits).await?;
    let mut orders = Orders { connection, tables, known: HashMap::new() };
    for (table, edit) in edits.iter().flat_map(wanted) {
        if let Some(live) = tables.get(table) {
            orders.known.insert((table, edit.channel.id()), Arrangement::new(live));
        }
    }
    let mut found = Placements::new();
    for (index, edit) in edits.iter().enumerate() {
        if decided.contains(&index) || known.contains_key(&index) {
            continue;
        }
        match orders.follow_edit(edit).await? {
            Followed::Placed(placements) => {
                let placements = placements.into_iter();
                found.extend(placements.map(|(op, placement)| ((index, op), placement)));
            }
            Followed::NoAnchor(op, anchor) => {
                known.insert(index, no_anchor(op, &anchor));
            }
            Followed::NoRoom(op) => return Ok(Placed::NoRoom(index, op)),
        }
    }
    Ok(Placed::All(found))
}

/// The edits whose outcomes are stored, by their indexes.
async fn decided(
    connection: &mut PgConnection,
    edits: &[CheckedEdit],
) -> Result<HashSet<usize>, sqlx::Error> {
    let users: Vec<&str> = edits.iter().map(|edit| &*edit.user).collect();
    let ids: Vec<uuid::Uuid> = edits.iter().map(|edit| edit.id.0).collect();
    let sql = "SELECT x.nth FROM ROWS FROM (pg_catalog.unnest($1::text[]), \
        pg_catalog.unnest($2::uuid[])) WITH ORDINALITY x(u, i, nth) JOIN rowcast.edit d ON d.user_id = x.u AND d.id = x.i";
    let stored: Vec<i64> =
        sqlx::query_scalar(sql).bind(users).bind(ids).fetch_all(connection).await?;
    Ok(stored.into_iter().filter_map(|nth| usize::try_from(nth - 1).ok()).collect())
}

fn no_anchor(place: usize, anchor: &Value) -> serde_json::Value {
    let anchor = serde_json::to_value(anchor).ok();
    let failure = Failure { o: place, code: "RC404".to_owned(), anchor, ..Failure::default() };
    serde_json::to_value(failure).unwrap_or_default()
}

/// The tables whose orders an edit needs.
fn wanted(edit: &CheckedEdit) -> impl Iterator<Item = (usize, &CheckedEdit)> {
    edit.ops.iter().filter(|op| op.place().is_some()).map(move |op| (op.table(), edit))
}

/// What came of following an edit.
enum Followed {
    Placed(Vec<(usize, Placement)>),
    /// The operation, and the key of the anchor that is not there.
    NoAnchor(usize, Value),
    NoRoom(usize),
}

/// The orders that a batch needs, by table and channel.
struct Orders<'a> {
    connection: &'a mut PgConnection,
    tables: &'a [Arc<LiveTable>],
    known: HashMap<(usize, &'a str), Arrangement>,
}

impl<'a> Orders<'a> {
    /// Follows all operations of an edit; if one fails, none of them has had an effect.
    async fn follow_edit(&mut self, edit: &'a CheckedEdit) -> Result<Followed, sqlx::Error> {
        let (mut placements, mut before) = (Vec::new(), HashMap::new());
        for (number, op) in edit.ops.iter().enumerate() {
            let (index, channel) = (op.table(), edit.channel.id());
            let Some(table) = self.tables.get(index) else { continue };
            let Entry::Occupied(mut order) = self.known.entry((index, channel)) else { continue };
            if edit.ops.len() > 1 {
                before.entry((index, channel)).or_insert_with(|| order.get().clone());
            }
            let Some(at) = op.place() else {
                follow(order.get_mut(), table, op);
                continue;
            };
            let row = row_of(order.get_mut(), table, op);
            let mut rows = Rows { connection: self.connection, table, channel };
            let failed = match place(order.get_mut(), &mut rows, &row, at).boxed().await? {
                Placing::Done(placement) => {
                    placements.push((number, placement));
                    continue;
                }
                Placing::NoAnchor => Followed::NoAnchor(number, anchor_of(table, at)),
                Placing::NoRoom => Followed::NoRoom(number),
            };
            self.known.extend(before);
            return Ok(failed);
        }
        Ok(Followed::Placed(placements))
    }
}

fn anchor_of(table: &LiveTable, at: &CheckedPlace) -> Value {
    match at {
        CheckedPlace::After(anchor) | CheckedPlace::Before(anchor) => wire_key_value(table, anchor),
        CheckedPlace::First | CheckedPlace::Last => Value::Null,
    }
}

fn row_of(order: &mut Arrangement, table: &LiveTable, op: &CheckedOp) -> Named {
    match op {
        CheckedOp::Insert { fields, .. } => match key_among(table, fields) {
            Some(key) => order.named(&key),
            None => order.nameless(),
        },
        CheckedOp::Update { key, .. }
        | CheckedOp::Delete { key, .. }
        | CheckedOp::Move { key, .. } => order.named(key),
    }
}

/// What an operation does to an order that places no row.
fn follow(order: &mut Arrangement, table: &LiveTable, op: &CheckedOp) {
    let row = row_of(order, table, op);
    match op {
        CheckedOp::Delete { .. } | CheckedOp::Move { .. } => order.remove(&row),
        CheckedOp::Insert { fields, .. } => {
            order.add(row, text_among(table, fields).unwrap_or_default());
        }
        CheckedOp::Update { change, .. } => {
            if let Some(text) = text_among(table, &change.set) {
                order.add(row, text);
            }
        }
    }
}

/// What fields give the order column, if they give it anything.
fn text_among(table: &LiveTable, fields: &ColumnValues) -> Option<Option<String>> {
    let order = table.order?;
    let (_, value) = fields.iter().find(|(column, _)| *column == order)?;
    Some(text_value(table.columns.get(order)?, value))
}

/// One step towards room for an operation's row, in a transaction of its own: recorded as what others
/// do is. `false`: no room can be made.
pub(super) async fn make_room(
    connection: &mut PgConnection,
    tables: &[Arc<LiveTable>],
    channel: &str,
    op: &CheckedOp,
) -> Result<bool, sqlx::Error> {
    let (Some(at), Some(table)) = (op.place(), tables.get(op.table())) else { return Ok(false) };
    let mut rows = Rows { connection, table, channel };
    let texts = room::step(&mut rows, at).boxed().await?;
    let Some(column) = table.order.and_then(|order| column(table, order)) else {
        return Ok(false);
    };
    let (mut columns, mut same) = (vec!["v text".to_owned()], Vec::new());
    for (place, column) in key(table).enumerate() {
        columns.push(format!("k{place} {}", key_type(column)));
        same.push(format!("{} = e.k{place}", of("t", column)));
    }
    let row = |(key, text): &(Vec<Value>, String)| {
        let parts = super::name::key(table).zip(key).enumerate();
        let parts = parts
            .map(|(place, (column, value))| (format!("k{place}"), json_operand(column, value)));
        Value::Map(parts.chain([("v".to_owned(), Value::from(text.as_str()))]).collect())
    };
    let given = Value::List(texts.iter().map(row).collect());
    let sql = format!(
        "UPDATE {} AS t SET {} = e.v::{} FROM pg_catalog.jsonb_to_recordset($1) AS e({}) WHERE {}",
        table_name(table),
        quoted(&column.name),
        column.sql_type,
        columns.join(", "),
        same.join(" AND "),
    );
    sqlx::query(AssertSqlSafe(sql)).bind(Json(given)).execute(&mut *rows.connection).await?;
    room::is_made(&mut rows, &texts).boxed().await
}

/// The rows of a channel in their order.
struct Rows<'a> {
    connection: &'a mut PgConnection,
    table: &'a LiveTable,
    channel: &'a str,
}

impl Rows<'_> {
    fn within(&self) -> String {
        let channel = column(self.table, self.table.channel_column);
        channel.map_or_else(|| "false".to_owned(), |channel| is_exactly("t", channel, "$1"))
    }

    fn column(&self) -> String {
        let order = self.table.order.and_then(|order| column(self.table, order));
        order.map_or_else(|| "NULL".to_owned(), |order| of("t", order))
    }

    async fn ask(&mut self, sql: String, words: Words) -> Result<Vec<PgRow>, sqlx::Error> {
        let asked = sqlx::query(AssertSqlSafe(sql)).bind(self.channel).bind(words.0);
        asked.fetch_all(&mut *self.connection).await
    }

    fn place(&self, row: &PgRow) -> Result<Place, sqlx::Error> {
        let key: Vec<String> = row.try_get(1)?;
        Ok(Named::new(key_from_json(self.table, &key)).at(row.try_get(0)?))
    }
}

impl Reader for Rows<'_> {
    type Error = sqlx::Error;

    async fn text(&mut self, given: &[Value]) -> Result<Option<Option<String>>, sqlx::Error> {
        let mut words = Words(Vec::new());
        let same = key(self.table).zip(given).map(|(column, value)| {
            let place = words.bind_text(text_value(column, value));
            is_exactly("t", column, &place)
        });
        let same: Vec<String> = same.collect();
        let (text, table) = (self.column(), table_name(self.table));
        let sql = format!(
            "SELECT ({text})::text FROM {table} t WHERE {} AND {}",
            self.within(),
            same.join(" AND ")
        );
        let rows = self.ask(sql, words).await?;
        rows.first().map(|row| row.try_get(0)).transpose()
    }

    async fn rows(&mut self, span: &Span<'_>) -> Result<Vec<Place>, sqlx::Error> {
        let mut words = Words(Vec::new());
        let clause = span.clause(&mut words, self.table);
        let keys: Vec<String> = key(self.table).map(|column| json_of("t", column)).collect();
        let (text, table) = (self.column(), table_name(self.table));
        let sql = format!(
            "SELECT ({text})::text, ARRAY[{}] FROM {table} t WHERE {}{clause}",
            keys.join(", "),
            self.within(),
        );
        let rows = self.ask(sql, words).await?;
        rows.iter().map(|row| self.place(row)).collect()
    }
}
