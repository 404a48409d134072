//! Places in the hand-made order: finds the neighbours, makes a key between them, and gives the
//! whole order new keys where there is no room.

use rowcast_protocol::{ChannelName, ColumnType, Value};
use sqlx::sqlite::SqliteRow;

use super::{
    super::{
        edit::CheckedPlace,
        order::{LONG_KEY, evenly_spaced, key_between},
        schema::LiveTable,
        values::{Raw, wire_value},
    },
    apply::not_found,
    connection::quoted,
    raw::{Bound, own, raw},
    row::{RowPlace, column_name, in_channel, key_columns, push_channel, push_key, wire_key},
    transaction::{Cause, Halt, Transaction},
};

/// The key that puts a row at a place; `None`: it stands there already. `row` is the row's key,
/// `None` if it is new. May give other rows of the channel new keys.
pub(super) async fn key_for(
    transaction: &mut Transaction<'_>,
    cause: Cause<'_>,
    table: &LiveTable,
    channel: &ChannelName,
    row: Option<&[Value]>,
    place: &CheckedPlace,
) -> Result<Option<String>, Halt> {
    let mut order = Order { transaction, cause, table, channel, row };
    let gap = match place {
        CheckedPlace::First => order.first().await?,
        CheckedPlace::Last => order.last().await?,
        CheckedPlace::After(anchor) | CheckedPlace::Before(anchor) => {
            if Some(anchor.as_slice()) == row {
                return Ok(None);
            }
            order.beside(anchor, matches!(place, CheckedPlace::After(_))).await?
        }
    };
    if let Gap::Between { low, high } = &gap {
        if order.stands_between(low.as_deref(), high.as_deref()).await? {
            return Ok(None);
        }
        if let Some(key) = short_key(low.as_deref(), high.as_deref()) {
            return Ok(Some(key));
        }
    }
    order.rebalance(place).await.map(Some)
}

fn short_key(low: Option<&str>, high: Option<&str>) -> Option<String> {
    key_between(low, high).filter(|key| key.len() <= LONG_KEY)
}

/// Where a row is to go.
enum Gap {
    /// Between these keys.
    Between { low: Option<String>, high: Option<String> },
    /// Beside a row that has no key yet.
    Unplaced,
}

/// The order of a channel, without the row that is placed.
struct Order<'a, 'b> {
    transaction: &'a mut Transaction<'b>,
    cause: Cause<'a>,
    table: &'a LiveTable,
    channel: &'a ChannelName,
    row: Option<&'a [Value]>,
}

impl Order<'_, '_> {
    async fn first(&mut self) -> Result<Gap, Halt> {
        let high = self.neighbour("", Bound::default(), false).await?;
        Ok(Gap::Between { low: None, high })
    }

    async fn last(&mut self) -> Result<Gap, Halt> {
        let low = self.neighbour("", Bound::default(), true).await?;
        Ok(Gap::Between { low, high: None })
    }

    async fn beside(&mut self, anchor: &[Value], after: bool) -> Result<Gap, Halt> {
        let place = RowPlace::new(self.table, self.channel, anchor);
        let sql = format!("SELECT {} FROM {}", self.column(), place.clause());
        let mut bound = Bound::default();
        place.push_onto(&mut bound);
        let Some(row) = self.rows(sql, bound).await?.pop() else {
            return Err(not_found(self.table, place.wire_key()).into());
        };
        let Some(key): Option<String> = own(&row, 0)? else { return Ok(Gap::Unplaced) };
        let mut bound = Bound::default().with(key.clone());
        push_key(&mut bound, self.table, anchor);
        let names: Vec<String> = key_columns(self.table).map(|c| quoted(&c.name)).collect();
        let condition = format!(
            "AND ({} COLLATE BINARY, {}) {} (?{})",
            self.column(),
            names.join(", "),
            if after { ">" } else { "<" },
            ", ?".repeat(names.len()),
        );
        let other = self.neighbour(&condition, bound, !after).await?;
        Ok(if after {
            Gap::Between { low: Some(key), high: other }
        } else {
            Gap::Between { low: other, high: Some(key) }
        })
    }

    /// The key of the first (or last) row for which the condition holds.
    async fn neighbour(
        &mut self,
        condition: &str,
        parameters: Bound,
        backwards: bool,
    ) -> Result<Option<String>, Halt> {
        let direction = if backwards { " DESC" } else { "" };
        let (column, names) = (self.column(), self.sorting(direction));
        let sql = format!(
            "SELECT {column} FROM {} WHERE {column} IS NOT NULL {condition} AND {} {} ORDER BY {column} COLLATE BINARY{direction}, {names} LIMIT 1",
            quoted(&self.table.name),
            in_channel(self.table),
            self.others(),
        );
        let mut bound = parameters;
        push_channel(&mut bound, self.table, self.channel);
        self.push_row(&mut bound);
        let row = self.rows(sql, bound).await?.pop();
        Ok(row.map(|row| own(&row, 0)).transpose()?)
    }

    /// Whether the row's own key lies between two keys already.
    async fn stands_between(
        &mut self,
        low: Option<&str>,
        high: Option<&str>,
    ) -> Result<bool, Halt> {
        let Some(key) = self.row else { return Ok(false) };
        let place = RowPlace::new(self.table, self.channel, key);
        let sql = format!("SELECT {} FROM {}", self.column(), place.clause());
        let mut bound = Bound::default();
        place.push_onto(&mut bound);
        let Some(row) = self.rows(sql, bound).await?.pop() else { return Ok(false) };
        let own_key: Option<String> = own(&row, 0)?;
        Ok(own_key.is_some_and(|key| {
            low.is_none_or(|low| low < key.as_str()) && high.is_none_or(|high| key.as_str() < high)
        }))
    }

    /// Gives all rows of the order new keys, and returns the one that is free at the place. Rows
    /// without a key get one if they stand before the place.
    async fn rebalance(&mut self, place: &CheckedPlace) -> Result<String, Halt> {
        let rows = self.all().await?;
        let position = |anchor: &[Value]| {
            let anchor = wire_key(self.table, anchor);
            rows.iter().position(|row| row.key == anchor)
        };
        let placed = rows.iter().filter(|row| row.place.is_some()).count();
        let at = match place {
            CheckedPlace::First => 0,
            CheckedPlace::Last => placed,
            CheckedPlace::After(anchor) => position(anchor).map_or(placed, |place| place + 1),
            CheckedPlace::Before(anchor) => position(anchor).unwrap_or(placed),
        };
        let mut keys = evenly_spaced(placed.max(at) + 1);
        let free = keys.remove(at);
        for (row, key) in rows.into_iter().zip(keys) {
            if row.place.as_deref() != Some(key.as_str()) {
                self.write(&row, key).await?;
            }
        }
        Ok(free)
    }

    /// All rows in order, those without a key last.
    async fn all(&mut self) -> Result<Vec<Placed>, Halt> {
        let (column, names) = (self.column(), self.sorting(""));
        let sql = format!(
            "SELECT {column}, {names} FROM {} WHERE {} {} ORDER BY {column} IS NULL, {column} COLLATE BINARY, {names}",
            quoted(&self.table.name),
            in_channel(self.table),
            self.others(),
        );
        let mut bound = Bound::default();
        push_channel(&mut bound, self.table, self.channel);
        self.push_row(&mut bound);
        let rows = self.rows(sql, bound).await?;
        let kinds: Vec<ColumnType> = key_columns(self.table).map(|column| column.kind).collect();
        let placed = |row: &SqliteRow| -> Result<Placed, Halt> {
            let mut raws = Vec::with_capacity(kinds.len());
            for place in 1..=kinds.len() {
                raws.push(raw(row, place)?);
            }
            let wire = kinds.iter().zip(raws.clone());
            let mut parts: Vec<Value> = wire.map(|(kind, raw)| wire_value(*kind, raw)).collect();
            let key = if parts.len() == 1 { parts.swap_remove(0) } else { Value::List(parts) };
            Ok(Placed { place: own(row, 0)?, raws, key })
        };
        rows.iter().map(placed).collect()
    }

    async fn write(&mut self, row: &Placed, key: String) -> Result<(), Halt> {
        let names = key_columns(self.table).map(|column| format!("{} = ?", quoted(&column.name)));
        let sql = format!(
            "UPDATE {} SET {} = ? WHERE {}",
            quoted(&self.table.name),
            self.column(),
            names.collect::<Vec<_>>().join(" AND "),
        );
        let mut bound = Bound::default().with(key);
        for raw in row.raws.clone() {
            bound.push_raw(raw);
        }
        self.transaction.change(&sql, bound, self.cause).await.map(drop)
    }

    async fn rows(&mut self, sql: String, bound: Bound) -> Result<Vec<SqliteRow>, Halt> {
        let answers = self.transaction.connection.run(sql, bound.done()).await?;
        Ok(answers.into_iter().next().unwrap_or_default().rows)
    }

    fn column(&self) -> String {
        self.table.order.map(|index| column_name(self.table, index)).unwrap_or_default()
    }

    /// The columns of the key, to sort by.
    fn sorting(&self, direction: &str) -> String {
        let names = key_columns(self.table).map(|c| format!("{}{direction}", quoted(&c.name)));
        names.collect::<Vec<_>>().join(", ")
    }

    /// Leaves out the row that is placed.
    fn others(&self) -> String {
        if self.row.is_none() {
            return String::new();
        }
        let names = key_columns(self.table).map(|column| format!("{} = ?", quoted(&column.name)));
        format!("AND NOT ({})", names.collect::<Vec<_>>().join(" AND "))
    }

    fn push_row(&self, bound: &mut Bound) {
        if let Some(row) = self.row {
            push_key(bound, self.table, row);
        }
    }
}

/// A row in the order.
struct Placed {
    place: Option<String>,
    raws: Vec<Raw>,
    key: Value,
}
