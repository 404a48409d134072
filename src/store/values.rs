//! Values as databases give them, brought into the one form that the wire has for each column type.
//!
//! Nothing here fails: a value that does not fit its column's type (an outside writer's) travels as
//! the text that stands in the database.

use jiff::{SignedDuration, Timestamp, Unit, civil};
use rowcast_protocol::{ColumnType, Fields, Value, value::MAX_SAFE_INTEGER};
use uuid::Uuid;

/// A value as a database gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// SQL NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Real(f64),
    /// Text; in a JSON column: text of JSON.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// JSON, decoded already.
    Json(serde_json::Value),
}

/// The wire's value of a column of this type.
#[must_use]
pub fn wire_value(kind: ColumnType, raw: Raw) -> Value {
    if raw == Raw::Null {
        return Value::Null;
    }
    let known = match kind {
        ColumnType::Bool => boolean(&raw),
        ColumnType::Int => integer(&raw).map(Value::integer),
        ColumnType::Float => double(&raw).map(Value::float),
        ColumnType::Decimal => decimal_of(&raw),
        ColumnType::Uuid => uuid_of(&raw),
        ColumnType::Date => text_of(&raw).and_then(date),
        ColumnType::Time => text_of(&raw).and_then(time),
        ColumnType::Timestamp => timestamp_of(&raw),
        ColumnType::Bytes => bytes_of(&raw),
        ColumnType::Json | ColumnType::List => json_of(&raw),
        ColumnType::Text | ColumnType::Other => None,
    };
    known.unwrap_or_else(|| as_text(raw))
}

/// The wire's value of one in the normal form of [`edit`](super::edit): big integers become text.
#[must_use]
pub fn wire_of_checked(kind: ColumnType, value: &Value) -> Value {
    match (kind, value) {
        (ColumnType::Int, Value::Int(number)) => Value::integer(*number),
        (ColumnType::Float, Value::Float(number)) => Value::float(*number),
        (ColumnType::Float, Value::Int(number)) => wire_value(kind, Raw::Int(*number)),
        (ColumnType::Decimal, Value::Text(text)) => decimal(text).unwrap_or_else(|| value.clone()),
        (ColumnType::Json | ColumnType::List, value) => one_form(value.clone()),
        _ => value.clone(),
    }
}

fn as_text(raw: Raw) -> Value {
    Value::Text(match raw {
        Raw::Null => return Value::Null,
        Raw::Bool(truth) => truth.to_string(),
        Raw::Int(number) => number.to_string(),
        Raw::Real(number) => number.to_string(),
        Raw::Text(text) => text,
        Raw::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Raw::Json(json) => json.as_str().map_or_else(|| json.to_string(), str::to_owned),
    })
}

fn text_of(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Text(text) => Some(text.trim()),
        Raw::Json(json) => json.as_str(),
        _ => None,
    }
}

fn boolean(raw: &Raw) -> Option<Value> {
    let truth = match raw {
        Raw::Bool(truth) => *truth,
        Raw::Json(json) => json.as_bool()?,
        Raw::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "on" => true,
            "false" | "f" | "0" | "no" | "off" => false,
            _ => return None,
        },
        other => match integer(other)? {
            0 => false,
            1 => true,
            _ => return None,
        },
    };
    Some(Value::Bool(truth))
}

#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are taken")]
fn integer(raw: &Raw) -> Option<i64> {
    match raw {
        Raw::Bool(truth) => Some(i64::from(*truth)),
        Raw::Int(number) => Some(*number),
        Raw::Real(number) if number.fract() == 0.0 && number.abs() < 9e18 => Some(*number as i64),
        Raw::Text(text) => text.trim().parse().ok(),
        Raw::Json(json) => json.as_i64().or_else(|| json.as_str()?.parse().ok()),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a whole number in a column of doubles")]
fn double(raw: &Raw) -> Option<f64> {
    match raw {
        Raw::Int(number) => Some(*number as f64),
        Raw::Real(number) => Some(*number),
        Raw::Text(text) => text.trim().parse().ok(),
        Raw::Json(json) => json.as_f64().or_else(|| json.as_str()?.parse().ok()),
        _ => None,
    }
}

fn decimal_of(raw: &Raw) -> Option<Value> {
    match raw {
        Raw::Int(number) => Some(Value::Text(number.to_string())),
        Raw::Real(number) => decimal(&number.to_string()),
        Raw::Text(text) => decimal(text.trim()),
        Raw::Json(json) if json.is_number() => decimal(&json.to_string()),
        Raw::Json(json) => decimal(json.as_str()?),
        _ => None,
    }
}

/// A decimal in its one form: no exponent, no sign of zero, no zeros that say nothing; `NaN` and
/// infinities as the wire spells them. `None`: this is no decimal.
#[must_use]
pub fn decimal(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => return Some("NaN".into()),
        "infinity" | "inf" => return Some("Infinity".into()),
        "-infinity" | "-inf" => return Some("-Infinity".into()),
        _ => {}
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = shifted(mantissa, exponent)?;
    let whole = if whole.is_empty() { "0" } else { &whole };
    let sign = if negative && (whole != "0" || !fraction.is_empty()) { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(Value::Text(format!("{sign}{whole}{point}{fraction}")))
}

/// The digits before and after the point, without zeros that say nothing.
fn shifted(mantissa: &str, exponent: i32) -> Option<(String, String)> {
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > 20_000 {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let lead = usize::try_from(-point).unwrap_or(0);
    let padded = "0".repeat(lead) + &digits;
    let point = usize::try_from(point).unwrap_or(0);
    let padded = format!("{padded:0<point$}");
    let (whole, fraction) = padded.split_at_checked(point)?;
    let whole = whole.trim_start_matches('0').to_owned();
    Some((whole, fraction.trim_end_matches('0').to_owned()))
}

fn uuid_of(raw: &Raw) -> Option<Value> {
    let uuid = match raw {
        Raw::Blob(bytes) => Uuid::from_slice(bytes).ok()?,
        other => Uuid::try_parse(text_of(other)?).ok()?,
    };
    Some(Value::Text(uuid.hyphenated().to_string()))
}

/// A day in its one form, from any text that begins with one.
#[must_use]
pub fn date(text: &str) -> Option<Value> {
    let date = text.parse::<civil::Date>().ok()?;
    Some(Value::Text(date.to_string()))
}

/// A time of day in its one form.
#[must_use]
pub fn time(text: &str) -> Option<Value> {
    let time = text.parse::<civil::Time>().ok()?.round(Unit::Microsecond).ok()?;
    Some(Value::Text(format!("{time:.6}")))
}

/// An instant in its one form. Without a zone it is taken as UTC; a day is its midnight.
#[must_use]
pub fn timestamp(text: &str) -> Option<Value> {
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<civil::DateTime>().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })?;
    instant_value(instant)
}

fn instant_value(instant: Timestamp) -> Option<Value> {
    let instant = instant.round(Unit::Microsecond).ok()?;
    Some(Value::Text(format!("{instant:.6}")))
}

fn timestamp_of(raw: &Raw) -> Option<Value> {
    match raw {
        Raw::Int(number) => instant_value(instant_of_integer(*number)?),
        Raw::Real(number) => instant_value(instant_of_real(*number)?),
        other => timestamp(text_of(other)?),
    }
}

/// Days of the Julian calendar as SQLite counts them end here; larger numbers are seconds,
/// milliseconds or microseconds since 1970, whichever gives a year before 5138.
const LAST_JULIAN_DAY: f64 = 5_373_484.5;

fn instant_of_integer(number: i64) -> Option<Timestamp> {
    match number.unsigned_abs() {
        0..100_000_000_000 => Timestamp::from_second(number).ok(),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number).ok(),
        _ => Timestamp::from_microsecond(number).ok(),
    }
}

fn instant_of_real(number: f64) -> Option<Timestamp> {
    let seconds = if (0.0..LAST_JULIAN_DAY).contains(&number) {
        (number - 2_440_587.5) * 86_400.0
    } else {
        number
    };
    Timestamp::from_duration(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

fn bytes_of(raw: &Raw) -> Option<Value> {
    match raw {
        Raw::Blob(bytes) => Some(Value::Bytes(bytes.clone())),
        Raw::Text(text) => Some(Value::Bytes(text.clone().into_bytes())),
        _ => None,
    }
}

fn json_of(raw: &Raw) -> Option<Value> {
    match raw {
        Raw::Null => Some(Value::Null),
        Raw::Bool(truth) => Some(Value::Bool(*truth)),
        Raw::Int(number) => Some(Value::Int(*number)),
        Raw::Real(number) => number.is_finite().then(|| one_form(Value::Float(*number))),
        Raw::Text(text) => {
            serde_json::from_str::<serde_json::Value>(text).ok().map(|json| one_form(json.into()))
        }
        Raw::Json(json) => Some(one_form(json.clone().into())),
        Raw::Blob(_) => None,
    }
}

/// JSON knows one kind of number: whole ones that every client can hold are integers, however they
/// were spelled.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are taken")]
#[expect(clippy::cast_precision_loss, reason = "2^53 is a double")]
fn one_form(value: Value) -> Value {
    match value {
        Value::Float(number)
            if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER as f64 =>
        {
            Value::Int(number as i64)
        }
        Value::List(items) => Value::List(items.into_iter().map(one_form).collect()),
        Value::Map(Fields(members)) => Value::Map(Fields(
            members.into_iter().map(|(name, member)| (name, one_form(member))).collect(),
        )),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(kind: ColumnType, raw: impl Into<Raw>, expected: impl Into<Value>) {
        assert_eq!(wire_value(kind, raw.into()), expected.into());
    }

    impl From<&str> for Raw {
        fn from(text: &str) -> Self {
            Self::Text(text.to_owned())
        }
    }

    #[test]
    fn an_instant_has_one_form_however_it_was_spelled() {
        for spelled in [
            "2026-11-20T10:15:00Z",
            "2026-11-20 10:15:00",
            "2026-11-20 10:15:00+00",
            "2026-11-20T12:15:00.000+02:00",
            "2026-11-20 04:45:00-05:30",
            "2026-11-20T10:15",
        ] {
            reads(ColumnType::Timestamp, spelled, "2026-11-20T10:15:00.000000Z");
        }
        reads(ColumnType::Timestamp, "2026-11-20", "2026-11-20T00:00:00.000000Z");
        reads(ColumnType::Timestamp, "2026-11-20T10:15:00.1234567Z", "2026-11-20T10:15:00.123457Z");
        for number in [1_795_169_700, 1_795_169_700_000, 1_795_169_700_000_000] {
            reads(ColumnType::Timestamp, Raw::Int(number), "2026-11-20T10:15:00.000000Z");
        }
        reads(ColumnType::Timestamp, Raw::Real(2_440_588.0), "1970-01-01T12:00:00.000000Z");
        reads(ColumnType::Timestamp, "soon", "soon");
    }

    #[test]
    fn a_decimal_has_one_form_however_it_was_spelled() {
        for (spelled, expected) in [
            ("1.50", "1.5"),
            ("-0.00", "0"),
            ("+007", "7"),
            ("1e3", "1000"),
            ("12.5E-3", "0.0125"),
            ("-.5", "-0.5"),
            ("12345678901234567890.123456789", "12345678901234567890.123456789"),
            ("nan", "NaN"),
            ("a lot", "a lot"),
        ] {
            reads(ColumnType::Decimal, spelled, expected);
        }
        reads(ColumnType::Decimal, Raw::Real(0.1), "0.1");
    }

    #[test]
    fn numbers_keep_their_exact_value() {
        reads(ColumnType::Int, Raw::Int(9_007_199_254_740_991), 9_007_199_254_740_991);
        reads(ColumnType::Int, Raw::Int(9_007_199_254_740_992), "9007199254740992");
        reads(ColumnType::Int, Raw::Int(i64::MIN), "-9223372036854775808");
        reads(ColumnType::Float, Raw::Real(f64::INFINITY), "Infinity");
        assert_eq!(wire_value(ColumnType::Float, Raw::Int(3)), Value::Float(3.0));
    }

    #[test]
    fn json_is_sorted_and_its_whole_numbers_are_integers() {
        let value = wire_value(ColumnType::Json, r#"{"b":[1.0,1.5,-0.0],"a":null}"#.into());
        assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"a":null,"b":[1,1.5,0]}"#);
        reads(ColumnType::Json, "{broken", "{broken");
    }

    #[test]
    fn what_does_not_fit_its_type_travels_as_text() {
        reads(ColumnType::Bool, "maybe", "maybe");
        reads(ColumnType::Date, "2026", "2026");
        reads(ColumnType::Uuid, "ABCDEF", "ABCDEF");
        reads(
            ColumnType::Uuid,
            "7F3C0000-0000-4000-8000-00000000000A",
            "7f3c0000-0000-4000-8000-00000000000a",
        );
    }
}
