//! Rows by filters, in any order, and the log's head, by one statement.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use rowcast_protocol::{ChannelName, ColumnType, Cursor, Fields, Value};
use sqlx::{
    AssertSqlSafe, SqliteConnection, SqlitePool,
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::time::Instant;

use super::{
    super::{
        clause::{self, Dialect},
        error::StoreError,
        query::{Query, Selected, Test},
        schema::{LiveColumn, LiveTable},
        values::Raw,
        weight::{PAGE_BYTES, bytes_of_fields},
    },
    connection::{COMPARED, collation, quoted, store_error},
    facts::Facts,
    raw::{Bound, as_it_stands, number, own, raw, standing, stored_as, wire},
    read::tag,
    row::{is_exactly, key_columns, push_channel_once},
    spelled::{self, Side},
};

/// How long a query may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How many steps of SQLite's machine lie between two looks at the clock.
const STEPS: i32 = 10_000;

/// Columns before those of the row: the head, its tag, the total, whether there is a row.
const HEAD: usize = 4;

/// Finds rows. Connections of `pool` are for this alone: a query leaves its deadline behind.
pub(super) async fn select(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    table: &LiveTable,
    query: &Query,
) -> Result<Selected, StoreError> {
    let (sql, arguments) = statement(channel, table, query);
    let mut connection = pool.acquire().await.map_err(store_error)?;
    work_until(&mut connection, Instant::now() + PATIENCE).await?;
    let query_of_once = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
    let mut found = query_of_once.fetch(&mut *connection);
    let (mut head, mut total, mut rows) = (facts.cursor(0, 0), None, Vec::new());
    let (mut bytes, mut is_cut, mut places) = (0, false, Vec::new());
    while let Some(row) = found.try_next().await.map_err(store_error)? {
        head = head_of(facts, &row)?;
        total = own::<Option<i64>>(&row, 2)?.map(i64::unsigned_abs);
        if own::<Option<i64>>(&row, 3)?.is_none() {
            break;
        }
        let fields = fields(table, query, &row)?;
        bytes += bytes_of_fields(&fields);
        is_cut = bytes > PAGE_BYTES && !rows.is_empty();
        if is_cut {
            break;
        }
        rows.push(fields);
        places.push(odd_places(table, query, &row)?);
    }
    let mut selected = query.answer(table, head, rows, is_cut, total);
    let last = selected.rows.len().checked_sub(1).and_then(|last| places.get_mut(last));
    for (nth, value) in last.map(std::mem::take).unwrap_or_default() {
        if let Some(place) = selected.next.as_mut().and_then(|next| next.get_mut(nth)) {
            *place = value;
        }
    }
    Ok(selected)
}

/// The values of a row in the columns of the sort that do not stand as the hub writes them, and so not
/// in the place where their wire's form would.
fn odd_places(
    table: &LiveTable,
    query: &Query,
    row: &SqliteRow,
) -> Result<Vec<(usize, Value)>, StoreError> {
    let read = query.to_read();
    let mut odd = Vec::new();
    for (nth, by) in query.sort.iter().enumerate() {
        let kind = table.columns.get(by.column).map_or(ColumnType::Int, |column| column.kind);
        let Some(place) = read.iter().position(|index| *index == by.column) else { continue };
        let (kind, place) = (kind, HEAD + place);
        let is_usual = match (kind, stored_as(row, place)?) {
            (_, "NULL") => true,
            (ColumnType::Uuid, "TEXT") => {
                wire(row, place, kind)? == wire(row, place, ColumnType::Other)?
            }
            (ColumnType::Uuid, _) => false,
            (ColumnType::Text | ColumnType::Other, stored) => stored == "TEXT",
            (ColumnType::Bytes, stored) => stored == "BLOB",
            (ColumnType::Bool, stored) => stored != "TEXT",
            _ => true,
        };
        if !is_usual {
            odd.push((nth, standing(raw(row, place)?)));
        }
    }
    Ok(odd)
}

/// Interrupts what a connection does after an instant.
pub(super) async fn work_until(
    connection: &mut SqliteConnection,
    deadline: Instant,
) -> Result<(), StoreError> {
    let mut handle = connection.lock_handle().await.map_err(store_error)?;
    handle.set_progress_handler(STEPS, move || Instant::now() < deadline);
    Ok(())
}

fn head_of(facts: &Facts, row: &SqliteRow) -> Result<Cursor, StoreError> {
    match own::<Option<i64>>(row, 0)? {
        None | Some(0) => Ok(facts.cursor(0, 0)),
        Some(_) => Ok(facts.cursor(number(row, 0)?, tag(row, 1)?)),
    }
}

fn fields(table: &LiveTable, query: &Query, row: &SqliteRow) -> Result<Fields, StoreError> {
    let mut fields = Fields::new();
    for (place, index) in query.to_read().into_iter().enumerate() {
        if let Some(column) = table.columns.get(index) {
            fields.insert(column.name.clone(), wire(row, HEAD + place, column.kind)?);
        }
    }
    Ok(fields)
}

fn statement(channel: &ChannelName, table: &LiveTable, query: &Query) -> (String, SqliteArguments) {
    let mut words = Words { bound: Bound::default(), count: 4 };
    words.bound.push(channel.as_str().to_owned());
    push_channel_once(&mut words.bound, table, channel);
    words.bound.push(query.to_fetch());
    words.bound.push(query.offset());
    let name = quoted(&table.name);
    let channel = table.columns.get(table.channel_column);
    let within = channel.map(|column| is_exactly("t.", column, "?2")).unwrap_or_default();
    let filters = clause::filters(&mut words, table, query);
    let beginning = clause::beginning(&mut words, table, query);
    let order = clause::order(&words, table, query);
    let total = match query.total {
        true => format!("(SELECT count(*) FROM {name} t WHERE {within}{filters})"),
        false => "NULL".to_owned(),
    };
    let read = query.to_read();
    let columns = read.iter().filter_map(|&index| table.columns.get(index));
    let columns: Vec<String> =
        columns.map(|column| format!("r.{}", quoted(&column.name))).collect();
    let keys: Vec<String> = key_columns(table).map(|column| quoted(&column.name)).collect();
    let same: Vec<String> = keys.iter().map(|key| format!("r.{key} = s.{key}")).collect();
    // The keys are found and sorted first, then each row is read when its turn comes.
    let sql = format!(
        "SELECT c.head, c.tag, {total}, s.\"rowcast there\", {}
         FROM (SELECT 1) LEFT JOIN rowcast_channel c ON c.name = ?1
         LEFT JOIN (SELECT 1 AS \"rowcast there\", {} FROM {name} t
             WHERE {within}{filters}{beginning} {order} LIMIT ?3 OFFSET ?4) s
         LEFT JOIN {name} r ON {}",
        columns.join(", "),
        keys.join(", "),
        same.join(" AND "),
    );
    (sql, words.bound.done())
}

/// How SQLite compares.
pub(super) struct Words {
    pub(super) bound: Bound,
    /// How many parameters there are.
    pub(super) count: usize,
}

impl Words {
    fn next(&mut self) -> String {
        self.count += 1;
        format!("?{}", self.count)
    }

    fn raw(&mut self, raw: Raw) -> String {
        self.bound.push_raw(raw);
        self.next()
    }
}

/// A column of the table `t` as it is compared and sorted.
pub(super) fn compared(column: &LiveColumn) -> String {
    let name = quoted(&column.name);
    match column.kind {
        kind if COMPARED.contains(&kind) => format!(
            "CASE typeof(t.{name}) WHEN 'integer' THEN t.{name} || 'i'
                 WHEN 'real' THEN printf('%!.17gr', t.{name}) ELSE CAST(t.{name} AS TEXT) END
                 COLLATE {}",
            collation(kind)
        ),
        ColumnType::Text => format!("t.{name} COLLATE BINARY"),
        ColumnType::Other => format!("CAST(t.{name} AS TEXT) COLLATE BINARY"),
        _ => format!("t.{name}"),
    }
}

impl Dialect for Words {
    fn column(&self, column: &LiveColumn) -> String {
        compared(column)
    }

    fn bind(&mut self, column: &LiveColumn, value: &Value) -> String {
        let Some(raw) = as_it_stands(column.kind, value) else {
            self.bound.push_value(column.kind, value);
            return self.next();
        };
        self.bound.push_raw(raw);
        let place = self.next();
        if column.kind == ColumnType::Other { format!("CAST({place} AS TEXT)") } else { place }
    }

    fn is_one_of(&mut self, column: &LiveColumn, values: &[Value]) -> String {
        let own = self.column(column);
        let plain = format!("t.{}", quoted(&column.name));
        let (mut spelled, mut exact) = (Vec::new(), Vec::new());
        for value in values {
            match spelled::spellings(column, value) {
                Some(raws) => spelled.extend(raws.into_iter().map(|raw| self.raw(raw))),
                None => exact.push(self.bind(column, value)),
            }
        }
        let tests = [(plain + " COLLATE BINARY", spelled), (own, exact)].into_iter();
        let tests = tests.filter(|(_, places)| !places.is_empty());
        let tests = tests.map(|(own, places)| format!("{own} IN ({})", places.join(", ")));
        tests.collect::<Vec<_>>().join(" OR ")
    }

    fn near(&mut self, column: &LiveColumn, test: &Test) -> String {
        let (value, side) = match test {
            Test::Is(value) => (value, Side::Same),
            Test::Below(value) | Test::AtMost(value) => (value, Side::Before),
            Test::Above(value) | Test::AtLeast(value) => (value, Side::After),
            _ => return String::new(),
        };
        let name = format!("t.{}", quoted(&column.name));
        let ranges = spelled::ranges(column, value, side);
        spelled::near(&name, ranges, |raw| self.raw(raw))
    }

    fn contains(&mut self, column: &LiveColumn, text: &str) -> String {
        self.bound.push(text.to_owned());
        format!("instr(lower(t.{}), lower({})) > 0", quoted(&column.name), self.next())
    }

    fn holds(&mut self, column: &LiveColumn, items: &[Value]) -> String {
        let name = format!("t.{}", quoted(&column.name));
        let list = format!(
            "CASE WHEN json_valid({name}) THEN
                CASE json_type({name}) WHEN 'array' THEN {name} ELSE '[]' END ELSE '[]' END"
        );
        let tests = items.iter().map(|item| {
            self.bound.push_value(ColumnType::Other, item);
            let kinds = if item.as_str().is_some() { "'text'" } else { "'integer', 'real'" };
            format!("(held.type IN ({kinds}) AND held.value = {})", self.next())
        });
        let tests: Vec<String> = tests.collect();
        format!("EXISTS (SELECT 1 FROM json_each({list}) held WHERE {})", tests.join(" OR "))
    }
}
