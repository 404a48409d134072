//! Values in normal form: what a client may send for each type of column, and the one way in which
//! a store gets it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use rowcast_protocol::{ColumnType, ErrorCode, Fields, Value};
use uuid::Uuid;

use crate::store::{EditError, LiveColumn};

/// The value in normal form for a column; null only if it may be null.
///
/// # Errors
/// `not_null` or `wrong_type`, naming the field.
pub fn fit_column(column: &LiveColumn, nullable: bool, value: &Value) -> Result<Value, EditError> {
    if !value.is_null() {
        return fit(column.kind, value).ok_or_else(|| misfit(column, value));
    }
    if nullable {
        return Ok(Value::Null);
    }
    let why = format!("`{}` must have a value", column.name);
    Err(EditError::new(ErrorCode::NotNull, why).in_field(&column.name))
}

/// A value other than null in the normal form of a type; `None` if it does not fit. Bringing a
/// normal form into normal form changes nothing.
#[must_use]
pub fn fit(kind: ColumnType, value: &Value) -> Option<Value> {
    match (kind, value) {
        (_, Value::Null) => None,
        (ColumnType::Bool, Value::Bool(_))
        | (ColumnType::Int, Value::Int(_))
        | (ColumnType::Bytes, Value::Bytes(_)) => Some(value.clone()),
        (ColumnType::Int, Value::Text(text)) => text.parse().ok().map(Value::Int),
        (ColumnType::Float, Value::Float(number)) => Some(Value::float(*number)),
        (ColumnType::Float, Value::Int(number)) => Some(Value::Float(lossy(*number))),
        (ColumnType::Float, Value::Text(text)) => is_unending(text).then(|| value.clone()),
        (ColumnType::Decimal, Value::Int(number)) => Some(Value::Text(number.to_string())),
        (ColumnType::Bytes, Value::Text(text)) => STANDARD.decode(text).ok().map(Value::Bytes),
        (ColumnType::Json, _) | (ColumnType::List, Value::List(_)) => json(value),
        (_, Value::Text(text)) => spelled(kind, text).map(Value::Text),
        _ => None,
    }
}

/// A number to add to a column of this type.
#[must_use]
pub(super) fn step(kind: ColumnType, value: &Value) -> Option<Value> {
    let number = matches!(kind, ColumnType::Int | ColumnType::Float | ColumnType::Decimal);
    let finite = !value.as_str().is_some_and(is_unending);
    if number && finite { fit(kind, value) } else { None }
}

/// The error that says what the column holds and what it was given.
pub(super) fn misfit(column: &LiveColumn, value: &Value) -> EditError {
    let (name, given) = (&column.name, value.kind());
    let given = if given == "text" { "this text" } else { given };
    let why = format!("`{name}` holds {}; {given} does not fit", expected(column.kind));
    EditError::new(ErrorCode::WrongType, why).in_field(name)
}

fn expected(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Bool => "a boolean",
        ColumnType::Int => "an integer of 64 bits, as a number or a decimal string",
        ColumnType::Float => "a number, or the text NaN, Infinity or -Infinity",
        ColumnType::Decimal => "a decimal number as text, such as \"12.50\"",
        ColumnType::Text => "text without NUL",
        ColumnType::Uuid => "a UUID",
        ColumnType::Date => "a day, such as 2026-11-20",
        ColumnType::Time => "a time of day, such as 10:15:00",
        ColumnType::Timestamp => "an instant of RFC 3339, such as 2026-11-20T10:15:00Z",
        ColumnType::Bytes => "bytes, or base64 text",
        ColumnType::Json => "JSON without bytes, and without NUL in its texts",
        ColumnType::List => "a list without bytes, and without NUL in its texts",
        ColumnType::Other => "the database's text for its type, without NUL",
    }
}

/// The one spelling of a text of this type.
fn spelled(kind: ColumnType, text: &str) -> Option<String> {
    match kind {
        ColumnType::Text | ColumnType::Other => plain(text),
        ColumnType::Decimal => decimal(text),
        ColumnType::Uuid => uuid(text),
        ColumnType::Date => date(text),
        ColumnType::Time => time(text),
        ColumnType::Timestamp => instant(text),
        ColumnType::Bool
        | ColumnType::Int
        | ColumnType::Float
        | ColumnType::Bytes
        | ColumnType::Json
        | ColumnType::List => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a float column cannot hold it better")]
fn lossy(number: i64) -> f64 {
    number as f64
}

fn is_unending(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}

/// Text that every database can hold.
fn plain(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| text.to_owned())
}

/// JSON as every database can hold it; bytes are for columns of bytes alone. Recursion is bounded by
/// the depth that a message may have.
fn json(value: &Value) -> Option<Value> {
    match value {
        Value::Text(text) => plain(text).map(Value::Text),
        Value::Bytes(_) => None,
        Value::Float(number) => number.is_finite().then(|| value.clone()),
        Value::List(items) => items.iter().map(json).collect::<Option<_>>().map(Value::List),
        Value::Map(Fields(members)) => members
            .iter()
            .map(|(name, member)| Some((plain(name)?, json(member)?)))
            .collect::<Option<_>>()
            .map(|members| Value::Map(Fields(members))),
        Value::Null | Value::Bool(_) | Value::Int(_) => Some(value.clone()),
    }
}

/// Digits with at most one point, without a plus sign or needless zeros in front; zeros at the end
/// stay, since they say how exact the number is.
fn decimal(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let is_zero = whole.is_empty() && fraction.unwrap_or("").bytes().all(|b| b == b'0');
    let sign = if negative && !is_zero { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(
        fraction.map_or_else(
            || format!("{sign}{whole}"),
            |fraction| format!("{sign}{whole}.{fraction}"),
        ),
    )
}

fn uuid(text: &str) -> Option<String> {
    let hyphenated = text.len() == 36;
    hyphenated.then(|| Uuid::try_parse(text).ok()).flatten().map(|id| id.hyphenated().to_string())
}

/// Whether `text` begins like `pattern`, in which `0` stands for any digit.
fn has_shape(text: &str, pattern: &str) -> bool {
    text.len() >= pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(byte, expected)| match expected {
            b'0' => byte.is_ascii_digit(),
            _ => byte.eq_ignore_ascii_case(&expected),
        })
}

fn date(text: &str) -> Option<String> {
    let shaped = text.len() == 10 && has_shape(text, "0000-00-00");
    let date: Date = shaped.then(|| text.parse().ok()).flatten()?;
    (date.year() > 0).then(|| date.to_string())
}

fn time(text: &str) -> Option<String> {
    let rest = if has_shape(text, "00:00:00") { text.get(8..) } else { None };
    if !rest.is_some_and(is_fraction) {
        return None;
    }
    let time: Time = text.parse().ok()?;
    Some(time.strftime("%H:%M:%S.%6f").to_string())
}

/// Nothing, or a point and digits.
fn is_fraction(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix('.').is_some_and(|digits| {
            has_shape(digits, "0") && digits.bytes().all(|b| b.is_ascii_digit())
        })
}

fn instant(text: &str) -> Option<String> {
    let shaped = has_shape(text, "0000-00-00T00:00:00");
    let rest = shaped.then(|| text.get(19..)).flatten()?;
    let offset = rest.find(['Z', 'z', '+', '-'])?;
    let (fraction, offset) = rest.split_at_checked(offset)?;
    let utc = offset.eq_ignore_ascii_case("z");
    let numeric = offset.len() == 6 && has_shape(offset.get(1..)?, "00:00");
    if !is_fraction(fraction) || !(utc || numeric) {
        return None;
    }
    let instant: Timestamp = text.parse().ok()?;
    let utc = instant.to_zoned(TimeZone::UTC);
    (utc.year() > 0).then(|| utc.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
}
