//! Stretches of an order as databases have it, in SQL that both understand.

use rowcast_protocol::Value;

use super::{
    arrangement::{Arrangement, Named, Place, Stretch},
    keys::key_columns,
};
use crate::store::{LiveColumn, LiveTable, clause::Dialect, edit::CheckedPlace};

/// Reads the rows of a channel in their hand-made order.
pub(in crate::store) trait Reader {
    /// Why it could not be read.
    type Error;

    /// What the order column of a row holds; `None`: the channel has no such row.
    async fn text(&mut self, key: &[Value]) -> Result<Option<Option<String>>, Self::Error>;

    /// Rows, in the order of the span.
    async fn rows(&mut self, span: &Span<'_>) -> Result<Vec<Place>, Self::Error>;
}

/// Which rows of an order are read.
#[derive(Debug)]
pub(in crate::store) struct Span<'a> {
    pub(in crate::store) part: Part<'a>,
    /// Whether the last rows are read, the last one first.
    pub(in crate::store) backwards: bool,
    pub(in crate::store) limit: usize,
}

/// A part of an order, towards the end or, read backwards, towards the start.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Part<'a> {
    /// Rows with a text.
    Placed,
    /// Those from this text on.
    From(&'a str),
    /// Those beyond this text.
    Beyond(&'a str),
    /// Those beyond the row with this text and key.
    BeyondRow(&'a str, &'a [Value]),
    /// Rows without a text.
    Unplaced,
    /// Those beyond the row with this key.
    UnplacedBeyond(&'a [Value]),
}

impl Span<'_> {
    /// What follows the condition that a row is in the channel: ` AND … ORDER BY … LIMIT …`.
    pub(in crate::store) fn clause(&self, dialect: &mut impl Dialect, table: &LiveTable) -> String {
        let Some(column) = table.order.and_then(|index| table.columns.get(index)) else {
            return " AND 1 = 0".to_owned();
        };
        let own = dialect.column(column);
        let condition = self.condition(dialect, table, column, &own);
        let direction = if self.backwards { " DESC" } else { "" };
        let text = match self.part {
            Part::Unplaced | Part::UnplacedBeyond(_) => None,
            _ => Some(own),
        };
        let keys: Vec<String> = key_columns(table).map(|key| dialect.column(key)).collect();
        let order: Vec<String> =
            text.into_iter().chain(keys).map(|by| format!("{by}{direction}")).collect();
        format!("{condition} ORDER BY {} LIMIT {}", order.join(", "), self.limit)
    }

    fn condition(
        &self,
        dialect: &mut impl Dialect,
        table: &LiveTable,
        column: &LiveColumn,
        own: &str,
    ) -> String {
        let sign = if self.backwards { '<' } else { '>' };
        let mut text = |text: &str| dialect.bind(column, &Value::from(text));
        match self.part {
            Part::Placed => format!(" AND {own} IS NOT NULL"),
            Part::From(from) => format!(" AND {own} {sign}= {}", text(from)),
            Part::Beyond(from) => format!(" AND {own} {sign} {}", text(from)),
            Part::BeyondRow(from, key) => {
                // The first condition says no more, but an index serves it.
                let (from, again) = (text(from), text(from));
                let key = self.beyond_key(dialect, table, key);
                format!(" AND {own} {sign}= {from} AND ({own} {sign} {again} OR {key})")
            }
            Part::Unplaced => format!(" AND {own} IS NULL"),
            Part::UnplacedBeyond(key) => {
                format!(" AND {own} IS NULL AND {}", self.beyond_key(dialect, table, key))
            }
        }
    }

    fn beyond_key(&self, dialect: &mut impl Dialect, table: &LiveTable, key: &[Value]) -> String {
        let sign = if self.backwards { '<' } else { '>' };
        let parts: Vec<(&LiveColumn, &Value)> = key_columns(table).zip(key).collect();
        parts.iter().rev().fold("1 = 0".to_owned(), |rest, (column, value)| {
            let own = dialect.column(column);
            let (beyond, same) = (dialect.bind(column, value), dialect.bind(column, value));
            format!("({own} {sign} {beyond} OR ({own} = {same} AND {rest}))")
        })
    }
}

/// Reads what is needed to put a row at a place: so many rows on each side. `false`: there is no such
/// anchor.
pub(super) async fn learn<R: Reader>(
    arrangement: &mut Arrangement,
    reader: &mut R,
    place: &CheckedPlace,
    reach: usize,
) -> Result<bool, R::Error> {
    let stretch = match place {
        CheckedPlace::First => start(reader, reach).await?,
        CheckedPlace::Last => end(reader, reach, arrangement.changes() + 2).await?,
        CheckedPlace::After(key) | CheckedPlace::Before(key) => {
            let row = arrangement.named(key);
            let anchor = match arrangement.changed(&row) {
                Some(place) => place.cloned(),
                None => reader.text(key).await?.map(|text| Place { row, text }),
            };
            let Some(anchor) = anchor else { return Ok(false) };
            around(reader, anchor, reach).await?
        }
    };
    arrangement.absorb(stretch);
    Ok(true)
}

async fn start<R: Reader>(reader: &mut R, reach: usize) -> Result<Stretch, R::Error> {
    let mut rows = Vec::new();
    let to_end = after(reader, &mut rows, Part::Placed, reach).await?;
    Ok(Stretch { rows, from_start: true, to_end })
}

/// The last rows that have a text, and so many of the first that have none: one of those that nobody has
/// changed may be the row that is placed, so two of these are needed.
async fn end<R: Reader>(reader: &mut R, reach: usize, limit: usize) -> Result<Stretch, R::Error> {
    let mut rows = Vec::new();
    let from_start = before(reader, &mut rows, Part::Placed, reach).await?;
    rows.reverse();
    let unplaced = Span { part: Part::Unplaced, backwards: false, limit };
    let unplaced = reader.rows(&unplaced).await?;
    let to_end = unplaced.len() < limit;
    rows.extend(unplaced);
    Ok(Stretch { rows, from_start, to_end })
}

async fn around<R: Reader>(
    reader: &mut R,
    anchor: Place,
    reach: usize,
) -> Result<Stretch, R::Error> {
    let beyond = match &anchor.text {
        Some(text) => Part::BeyondRow(text, &anchor.row.key),
        None => Part::UnplacedBeyond(&anchor.row.key),
    };
    let (mut rows, mut later) = (Vec::new(), Vec::new());
    let from_start = before(reader, &mut rows, beyond, reach).await?;
    let to_end = after(reader, &mut later, beyond, reach).await?;
    rows.reverse();
    rows.push(anchor);
    rows.extend(later);
    Ok(Stretch { rows, from_start, to_end })
}

/// Reads towards the start, the last row first; whether it was reached.
async fn before<R: Reader>(
    reader: &mut R,
    rows: &mut Vec<Place>,
    part: Part<'_>,
    reach: usize,
) -> Result<bool, R::Error> {
    rows.extend(reader.rows(&Span { part, backwards: true, limit: reach }).await?);
    if rows.len() < reach && matches!(part, Part::Unplaced | Part::UnplacedBeyond(_)) {
        let limit = reach - rows.len();
        rows.extend(reader.rows(&Span { part: Part::Placed, backwards: true, limit }).await?);
    }
    Ok(rows.len() < reach)
}

/// Reads towards the end; whether it was reached.
async fn after<R: Reader>(
    reader: &mut R,
    rows: &mut Vec<Place>,
    part: Part<'_>,
    reach: usize,
) -> Result<bool, R::Error> {
    rows.extend(reader.rows(&Span { part, backwards: false, limit: reach }).await?);
    if rows.len() < reach && !matches!(part, Part::Unplaced | Part::UnplacedBeyond(_)) {
        let limit = reach - rows.len();
        rows.extend(reader.rows(&Span { part: Part::Unplaced, backwards: false, limit }).await?);
    }
    Ok(rows.len() < reach)
}

impl Named {
    /// Reads a place that a database gave.
    pub(in crate::store) fn at(self, text: Option<String>) -> Place {
        Place { row: self, text }
    }
}
