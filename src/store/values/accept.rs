//! Values from clients: what each type of column takes, in the one form that stores get. It takes
//! whatever [`wire_value`](super::wire_value) gives.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rowcast_protocol::{ColumnType, Fields, Value};
use uuid::Uuid;

use super::{compare_texts, decimal::decimal, moment};
use crate::store::LiveColumn;

/// Digits of a number in JSON, written out without an exponent: a database may do that.
pub const MOST_DIGITS: u64 = 1_000;

/// A new value for a column in normal form; never null. `None` if it does not fit.
#[must_use]
pub fn accepted(column: &LiveColumn, value: &Value) -> Option<Value> {
    let fitting = fitting(column, value)?;
    let within = column.kind != ColumnType::Json || fitting.most_digits() <= MOST_DIGITS;
    (within && !(column.form.doubles && would_change(column.kind, &fitting))).then_some(fitting)
}

/// Whether a database that makes numbers of texts would keep another value than this.
fn would_change(kind: ColumnType, value: &Value) -> bool {
    match (kind, value) {
        (ColumnType::Json, Value::Number(_)) => true,
        (ColumnType::Decimal, Value::Text(text)) if !is_unending(text) => {
            let kept = number_of(text);
            kept.is_none_or(|kept| !compare_texts(kind, &kept, text).is_eq())
        }
        (ColumnType::Other, Value::Text(text)) => number_of(text).is_some_and(|kept| kept != *text),
        _ => false,
    }
}

/// What becomes of a text that is a number.
fn number_of(text: &str) -> Option<String> {
    let plain = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let digits = plain.bytes().any(|byte| byte.is_ascii_digit());
    let number = plain.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let kept = plain.parse::<i64>().map(|whole| whole.to_string());
    let kept = kept.ok().or_else(|| plain.parse::<f64>().ok().map(|real| real.to_string()));
    kept.filter(|_| digits && number)
}

/// A value to compare with or to put back, in normal form; never null. Takes all that stands in the
/// database already, also what does not fit the column's type.
#[must_use]
pub fn recognised(column: &LiveColumn, value: &Value) -> Option<Value> {
    fitting(column, value).or_else(|| match value {
        Value::Text(_) if column.form.loose => Some(value.clone()),
        _ if column.form.loose && column.kind == ColumnType::Json => json(value, true),
        _ => None,
    })
}

/// Items of a column's list, in normal form.
#[must_use]
pub fn items(column: &LiveColumn, value: &Value) -> Option<Vec<Value>> {
    let Value::List(items) = value else { return None };
    match column.kind {
        ColumnType::List => items.iter().map(|item| item_of(column, item)).collect(),
        _ => items.iter().map(|item| json(item, false)).collect(),
    }
}

fn fitting(column: &LiveColumn, value: &Value) -> Option<Value> {
    match (column.kind, value) {
        (ColumnType::List, Value::List(items)) => {
            items.iter().map(|item| item_of(column, item)).collect::<Option<_>>().map(Value::List)
        }
        (ColumnType::List, Value::Text(text)) => {
            super::is_array_with_bounds(text).then(|| value.clone())
        }
        (ColumnType::Text, Value::Text(text)) if column.form.padded => {
            plain(text.trim_end_matches(' ')).map(Value::Text)
        }
        _ => fit(column.kind, value),
    }
}

fn item_of(column: &LiveColumn, value: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Null),
        Value::List(items) if column.form.item != Some(ColumnType::Json) => {
            items.iter().map(|item| item_of(column, item)).collect::<Option<_>>().map(Value::List)
        }
        _ => fit(column.form.item.unwrap_or(ColumnType::Other), value),
    }
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
        (ColumnType::Float, Value::Number(digits)) => {
            digits.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
        }
        (ColumnType::Float, Value::Text(text)) => is_unending(text).then(|| value.clone()),
        (ColumnType::Decimal, Value::Int(number)) => Some(Value::Text(number.to_string())),
        (ColumnType::Decimal, Value::Number(digits)) => digits
            .bytes()
            .all(|b| b == b'-' || b.is_ascii_digit())
            .then(|| Value::Text(digits.clone())),
        (ColumnType::Bytes, Value::Text(text)) => STANDARD.decode(text).ok().map(Value::Bytes),
        (ColumnType::Json, _) => json(value, false),
        (_, Value::Text(text)) => spelled(kind, text).map(Value::Text),
        _ => None,
    }
}

/// The one spelling of a text of this type.
fn spelled(kind: ColumnType, text: &str) -> Option<String> {
    match kind {
        ColumnType::Text | ColumnType::Other => plain(text),
        ColumnType::Decimal => plain_decimal(text),
        ColumnType::Uuid => uuid(text),
        ColumnType::Date => {
            let shaped = moment_shape(text, false);
            shaped.then(|| moment::day(text)).flatten().map(moment::day_text)
        }
        ColumnType::Time => {
            let shaped = has_shape(text, "00:00:00");
            shaped.then(|| moment::time(text)).flatten().map(moment::time_text)
        }
        ColumnType::Timestamp => {
            let shaped = moment_shape(text, true);
            shaped.then(|| moment::instant(text)).flatten().map(moment::instant_text)
        }
        ColumnType::Bool
        | ColumnType::Int
        | ColumnType::Float
        | ColumnType::Bytes
        | ColumnType::Json
        | ColumnType::List => None,
    }
}

/// Whether a text is unending, or a year with four digits or a sign, month and day, and then nothing
/// or, of an instant, a time with seconds and an offset.
fn moment_shape(text: &str, instant: bool) -> bool {
    if matches!(text, "infinity" | "-infinity") {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let rest = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    if unsigned.len() == text.len() && unsigned.len() - rest.len() != 4 {
        return false;
    }
    if !instant {
        return rest.len() == 6;
    }
    let offset = rest.get(rest.len().saturating_sub(6)..).unwrap_or("");
    let numeric =
        offset.starts_with(['+', '-']) && has_shape(offset.trim_start_matches(['+', '-']), "00:00");
    has_shape(rest, "-00-00T00:00:00") && (numeric || rest.ends_with(['Z', 'z']))
}

#[expect(clippy::cast_precision_loss, reason = "a float column cannot hold it better")]
fn lossy(number: i64) -> f64 {
    number as f64
}

/// Whether a text is a number that is none, or has no end.
#[must_use]
pub fn is_unending(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}

/// Text that every database can hold.
fn plain(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| text.to_owned())
}

/// Digits with at most one point, or what [`is_unending`].
fn plain_decimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let plain = is_digits(whole) && is_digits(fraction);
    (plain || is_unending(text)).then(|| decimal(text)).flatten()
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

/// JSON as every database can hold it. Bytes are MessagePack's form of a number that a double does
/// not hold. Recursion is bounded by the depth that a message may have.
fn json(value: &Value, with_nul: bool) -> Option<Value> {
    let text = |text: &str| if with_nul { Some(text.to_owned()) } else { plain(text) };
    match value {
        Value::Text(of) => text(of).map(Value::Text),
        Value::Bytes(digits) => Value::number(std::str::from_utf8(digits).ok()?),
        Value::Float(number) => number.is_finite().then(|| value.clone()),
        Value::List(items) => {
            items.iter().map(|item| json(item, with_nul)).collect::<Option<_>>().map(Value::List)
        }
        Value::Map(Fields(members)) => members
            .iter()
            .map(|(name, member)| Some((text(name)?, json(member, with_nul)?)))
            .collect::<Option<_>>()
            .map(|members| Value::Map(Fields(members))),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Number(_) => Some(value.clone()),
    }
}
