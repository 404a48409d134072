//! Values that outside writers spelled in another way than the hub does: SQLite has no types for UUIDs,
//! days, instants and the like, and lets a column hold what its type does not say.
//!
//! They compare by value, for which no index serves. So what is asked for is narrowed down first, to the
//! spellings that are usual, or to a range of texts and numbers in which all of them lie.

use rowcast_protocol::{ChannelName, ColumnType, Value};

use super::{
    super::{
        schema::{LiveColumn, LiveTable},
        values::{
            Raw,
            moment::{self, Moment},
        },
    },
    connection::quoted,
    raw::Bound,
    row::{in_channel, key_columns, push_channel},
};

/// The values that mean this one in a column, of those types of which there are few spellings.
pub(super) fn spellings(column: &LiveColumn, value: &Value) -> Option<Vec<Raw>> {
    if column.kind != ColumnType::Other && !column.form.loose {
        return None;
    }
    let text = |text: &str| Raw::Text(text.to_owned());
    Some(match (column.kind, value) {
        (ColumnType::Uuid, Value::Text(uuid)) => {
            let plain = uuid.replace('-', "");
            let bytes = uuid::Uuid::try_parse(uuid).ok()?.into_bytes().to_vec();
            let texts = [uuid.clone(), uuid.to_uppercase(), plain.to_uppercase(), plain];
            texts.into_iter().map(Raw::Text).chain([Raw::Blob(bytes)]).collect()
        }
        (ColumnType::Text, Value::Text(own)) => vec![text(own), Raw::Blob(own.as_bytes().to_vec())],
        (ColumnType::Other, Value::Text(own)) => {
            let whole = own.parse().ok().map(Raw::Int);
            let real = own.parse().ok().filter(|real: &f64| !real.is_nan()).map(Raw::Real);
            let bytes = Raw::Blob(own.as_bytes().to_vec());
            [Some(text(own)), whole, real, Some(bytes)].into_iter().flatten().collect()
        }
        (ColumnType::Bytes, Value::Bytes(bytes)) => {
            let own = String::from_utf8(bytes.clone()).ok().map(Raw::Text);
            [Some(Raw::Blob(bytes.clone())), own].into_iter().flatten().collect()
        }
        (ColumnType::Bool, Value::Bool(truth)) => {
            let words =
                if *truth { ["true", "t", "yes", "on"] } else { ["false", "f", "no", "off"] };
            let words = words.iter().flat_map(|word| [text(word), text(&word.to_uppercase())]);
            words.chain([Raw::Int(i64::from(*truth))]).collect()
        }
        _ => return None,
    })
}

/// A range of what a column holds: from here on, and up to there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub(super) from: Option<Raw>,
    pub(super) below: Option<Raw>,
}

/// On which sides of a value others are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Same,
    Before,
    After,
}

/// Ranges in which all values lie that are the same as this one, or before or after it, whatever their
/// spelling; `None` if they may lie anywhere. What does not fit the type may be left out.
pub(super) fn ranges(column: &LiveColumn, value: &Value, side: Side) -> Option<Vec<Range>> {
    let text = value.as_str()?;
    match column.kind {
        ColumnType::Date => Some(days(text, side)?),
        ColumnType::Timestamp => {
            let mut ranges = days(text, side)?;
            ranges.extend(numbers(text, side)?);
            Some(ranges)
        }
        ColumnType::Time => {
            let minute = text.get(..5)?;
            Some(vec![between(minute.into(), format!("{minute};"), side)])
        }
        ColumnType::Decimal if column.form.doubles => {
            let near: f64 = text.parse().ok().filter(|near: &f64| near.is_finite())?;
            let (from, below) = (Raw::Real(near.next_down()), Raw::Real(near.next_up().next_up()));
            Some(match side {
                // Texts come after all numbers: NaN and infinities are such.
                Side::After => vec![Range { from: Some(from), below: None }],
                Side::Same => vec![Range { from: Some(from), below: Some(below) }],
                Side::Before => {
                    let texts = Range { from: Some(Raw::Text("-".to_owned())), below: None };
                    vec![Range { from: None, below: Some(below) }, texts]
                }
            })
        }
        _ => None,
    }
}

fn between(from: String, below: String, side: Side) -> Range {
    // No text comes before the empty one.
    let from = if side == Side::Before { String::new() } else { from };
    Range { from: Some(Raw::Text(from)), below: (side != Side::After).then_some(Raw::Text(below)) }
}

/// Texts that begin with a day. With an offset it may be another one than in UTC. Years with a sign come
/// before all digits, `infinity` after them.
fn days(text: &str, side: Side) -> Option<Vec<Range>> {
    let Moment::At(day) = moment::day(text.get(..10)?)? else { return None };
    let (before, after) =
        (moment::day_text(Moment::At(day - 1)), moment::day_text(Moment::At(day + 2)));
    let usual = |day: &str| day.starts_with(|first: char| first.is_ascii_digit());
    if !usual(&before) || !usual(&after) {
        return None;
    }
    // Not up to `0`, which a column of dates would take for a number.
    let signed =
        Range { from: Some(Raw::Text(String::new())), below: Some(Raw::Text("/".to_owned())) };
    let own = between(before, after, side);
    Some(if side == Side::Before { vec![own] } else { vec![own, signed] })
}

/// Larger numbers are milliseconds and microseconds; smaller ones may be days of the Julian calendar.
const UNITS: [(f64, f64); 3] = [(1.0, LAST_DAY), (1e3, 1e11), (1e6, 1e14)];
const LAST_DAY: f64 = 5_373_485.0;

/// Numbers of instants, of those that are later than what days of the Julian calendar look like.
#[expect(clippy::cast_precision_loss, reason = "ranges are wider than what is lost")]
fn numbers(text: &str, side: Side) -> Option<Vec<Range>> {
    let Moment::At(micros) = moment::instant(text)? else { return None };
    let seconds = micros as f64 / 1e6;
    if seconds < LAST_DAY {
        return None;
    }
    let range = |from: Option<f64>, below: Option<f64>| Range {
        from: from.map(Raw::Real),
        below: Some(below.map_or_else(|| Raw::Text(String::new()), Raw::Real)),
    };
    let day = seconds / 86_400.0 + 2_440_587.5;
    let units = UNITS.iter().map(|(unit, least)| (seconds * unit, unit, *least));
    Some(match side {
        Side::After => {
            vec![range(Some(seconds - 1.0), None), range(Some(day - 1.0), Some(LAST_DAY))]
        }
        // Days and what is before 1970 are smaller than any of these seconds. Texts are not left out here.
        Side::Before => units
            .skip(1)
            .map(|(at, unit, least)| range(Some(least), Some(at + unit)))
            .chain([range(None, Some(seconds + 1.0))])
            .collect(),
        Side::Same => units
            .map(|(at, unit, _)| range(Some(at - unit), Some(at + unit)))
            .chain([range(Some(day - 1.0), Some(day + 1.0))])
            .collect(),
    })
}

/// Whether rows of a table may have keys in other spellings than the hub's.
fn has_spellings(table: &LiveTable) -> bool {
    key_columns(table).any(|column| column.form.loose || matches!(column.kind, ColumnType::Other))
}

/// The query for the key, as it stands in the database, of the row of a channel that this key means.
pub(super) fn find_key(
    table: &LiveTable,
    channel: &ChannelName,
    key: &[Value],
    compared: impl Fn(&LiveColumn) -> String,
) -> Option<(String, Bound)> {
    if !has_spellings(table) {
        return None;
    }
    let mut bound = Bound::default();
    let names: Vec<String> = key_columns(table).map(|column| quoted(&column.name)).collect();
    let mut conditions = Vec::new();
    for (column, value) in key_columns(table).zip(key) {
        conditions.push(means(&mut bound, column, value, &compared));
    }
    conditions.push(in_channel(table));
    push_channel(&mut bound, table, channel);
    let sql = format!(
        "SELECT {} FROM {} t WHERE {} LIMIT 1",
        names.join(", "),
        quoted(&table.name),
        conditions.join(" AND ")
    );
    Some((sql, bound))
}

fn means(
    bound: &mut Bound,
    column: &LiveColumn,
    value: &Value,
    compared: &impl Fn(&LiveColumn) -> String,
) -> String {
    let name = format!("t.{}", quoted(&column.name));
    if let Some(spellings) = spellings(column, value) {
        let places = vec!["?"; spellings.len()].join(", ");
        spellings.into_iter().for_each(|raw| bound.push_raw(raw));
        return format!("{name} IN ({places})");
    }
    let near = near(&name, ranges(column, value, Side::Same), |raw| {
        bound.push_raw(raw);
        "?".to_owned()
    });
    bound.push_value(column.kind, value);
    format!("{near}{} = ?", compared(column))
}

/// A condition that an index serves, as `… AND `.
pub(super) fn near(
    name: &str,
    ranges: Option<Vec<Range>>,
    mut bind: impl FnMut(Raw) -> String,
) -> String {
    let Some(ranges) = ranges else { return String::new() };
    let mut one = |Range { from, below }: Range| {
        let from = from.map(|raw| format!("{name} >= {}", bind(raw)));
        let below = below.map(|raw| format!("{name} < {}", bind(raw)));
        from.into_iter().chain(below).collect::<Vec<_>>().join(" AND ")
    };
    let ranges: Vec<String> = ranges.into_iter().map(|range| format!("({})", one(range))).collect();
    format!("({}) AND ", ranges.join(" OR "))
}
