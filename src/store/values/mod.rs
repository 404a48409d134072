//! Values as databases give them, brought into the one form that the wire has for each column type.
//!
//! This is the one table of forms: what goes out by [`wire_value`] comes back in by [`accept`], is
//! compared here, and is put back by the stores. Nothing on the way out fails: a value that does not
//! fit its column's type (an outside writer's) travels as the text that stands in the database.

use std::cmp::Ordering;

use rowcast_protocol::{ColumnType, Fields, Value};
use uuid::Uuid;

use super::declaration::TimestampSpelling;

pub mod accept;
mod decimal;
pub mod moment;

pub use decimal::decimal;
use moment::Moment;

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
        ColumnType::Decimal => decimal_of(&raw).map(Value::Text),
        ColumnType::Uuid => uuid_of(&raw),
        ColumnType::Date => {
            text_of(&raw).and_then(moment::day).map(|day| moment::day_text(day).into())
        }
        ColumnType::Time => {
            text_of(&raw).and_then(moment::time).map(|time| moment::time_text(time).into())
        }
        ColumnType::Timestamp => instant_of(&raw).map(|at| moment::instant_text(at).into()),
        ColumnType::Bytes => bytes_of(&raw),
        ColumnType::Json | ColumnType::List => json_of(&raw),
        ColumnType::Text | ColumnType::Other => None,
    };
    known.unwrap_or_else(|| as_text(raw))
}

/// The wire's value of one in the normal form of [`accept`]: big integers become text.
#[must_use]
pub fn wire_of_checked(kind: ColumnType, value: &Value) -> Value {
    match (kind, value) {
        (ColumnType::Int, Value::Int(number)) => Value::integer(*number),
        (ColumnType::Float, Value::Float(number)) => Value::float(*number),
        (ColumnType::Float, Value::Int(number)) => wire_value(kind, Raw::Int(*number)),
        (ColumnType::Decimal, Value::Text(text)) => {
            decimal(text).map_or_else(|| value.clone(), Value::Text)
        }
        (ColumnType::Json | ColumnType::List, value) => one_form(value.clone()),
        _ => value.clone(),
    }
}

/// Whether two values in the wire's form are equal, as `PROTOCOL.md`, section "Comparing", has it.
#[must_use]
pub fn same(kind: ColumnType, one: &Value, other: &Value) -> bool {
    match (kind, one, other) {
        (ColumnType::Decimal, Value::Text(one), Value::Text(other)) => {
            compare_texts(kind, one, other).is_eq()
        }
        _ => one == other,
    }
}

/// The order of two values of a type whose spellings differ, as they stand in a database or on the
/// wire. What stands as a number ends with `i` or `r`. What does not fit the type comes last.
#[must_use]
pub fn compare_texts(kind: ColumnType, one: &str, other: &str) -> Ordering {
    if one == other || (is_usual_instant(one) && is_usual_instant(other)) {
        return one.cmp(other);
    }
    match (Place::of(kind, one), Place::of(kind, other)) {
        (Some(one), Some(other)) => one.compare(&other),
        (None, None) => one.cmp(other),
        (one, _) => {
            if one.is_some() {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    }
}

/// Whether instants of this form compare as texts.
fn is_usual_instant(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 27
        && bytes.first().is_some_and(u8::is_ascii_digit)
        && bytes.get(10) == Some(&b'T')
        && bytes.ends_with(b"Z")
}

/// Where a value stands among those of its type.
enum Place {
    Moment(Moment),
    Decimal(String),
}

impl Place {
    fn of(kind: ColumnType, text: &str) -> Option<Self> {
        let raw = raw_of(text);
        match kind {
            ColumnType::Decimal => decimal_of(&raw).map(Self::Decimal),
            ColumnType::Date => moment::day(text_of(&raw)?).map(Self::Moment),
            ColumnType::Time => {
                moment::time(text_of(&raw)?).map(|time| Self::Moment(Moment::At(time.into())))
            }
            ColumnType::Timestamp => instant_of(&raw).map(Self::Moment),
            _ => None,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Moment(one), Self::Moment(other)) => one.cmp(other),
            (Self::Decimal(one), Self::Decimal(other)) => decimal::compare(one, other),
            _ => Ordering::Equal,
        }
    }
}

/// A value of a database from the text that stands for it in [`compare_texts`].
fn raw_of(text: &str) -> Raw {
    let integer = text.strip_suffix('i').and_then(|digits| digits.parse().ok()).map(Raw::Int);
    let real = || text.strip_suffix('r').and_then(|digits| digits.parse().ok()).map(Raw::Real);
    integer.or_else(real).unwrap_or_else(|| Raw::Text(text.to_owned()))
}

/// An instant in the wire's form as an application spells it.
#[must_use]
pub fn respelled(spelling: TimestampSpelling, wire: &str) -> Raw {
    let Some(at) = moment::instant(wire) else { return Raw::Text(wire.to_owned()) };
    let Moment::At(micros) = at else { return Raw::Text(wire.to_owned()) };
    let plain = wire.replacen('T', " ", 1);
    let plain = plain.trim_end_matches('Z');
    match spelling {
        TimestampSpelling::Rfc3339 => Raw::Text(wire.to_owned()),
        TimestampSpelling::Spaced => Raw::Text(plain.to_owned()),
        TimestampSpelling::Seconds => {
            Raw::Text(plain.strip_suffix(".000000").unwrap_or(plain).to_owned())
        }
        TimestampSpelling::Unix => unix(micros),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a double holds microseconds for centuries")]
fn unix(micros: i128) -> Raw {
    match i64::try_from(micros / 1_000_000) {
        Ok(seconds) if micros % 1_000_000 == 0 => Raw::Int(seconds),
        _ => Raw::Real(micros as f64 / 1e6),
    }
}

/// Whether a text is an array of PostgreSQL whose indexes do not begin at 1: `[2:3]={a,b}`.
#[must_use]
pub fn is_array_with_bounds(text: &str) -> bool {
    text.starts_with('[') && text.contains("]={")
}

fn as_text(raw: Raw) -> Value {
    Value::Text(match raw {
        Raw::Null => return Value::Null,
        Raw::Bool(truth) => truth.to_string(),
        Raw::Int(number) => number.to_string(),
        Raw::Real(number) => number.to_string(),
        Raw::Text(text) => text,
        Raw::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    })
}

fn text_of(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Text(text) => Some(text.trim()),
        _ => None,
    }
}

fn boolean(raw: &Raw) -> Option<Value> {
    let truth = match raw {
        Raw::Bool(truth) => *truth,
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
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a whole number in a column of doubles")]
fn double(raw: &Raw) -> Option<f64> {
    match raw {
        Raw::Int(number) => Some(*number as f64),
        Raw::Real(number) => Some(*number),
        Raw::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn decimal_of(raw: &Raw) -> Option<String> {
    match raw {
        Raw::Int(number) => Some(number.to_string()),
        Raw::Real(number) => decimal(&number.to_string()),
        Raw::Text(text) => decimal(text.trim()),
        _ => None,
    }
}

fn uuid_of(raw: &Raw) -> Option<Value> {
    let uuid = match raw {
        Raw::Blob(bytes) => Uuid::from_slice(bytes).ok()?,
        other => Uuid::try_parse(text_of(other)?).ok()?,
    };
    Some(Value::Text(uuid.hyphenated().to_string()))
}

fn instant_of(raw: &Raw) -> Option<Moment> {
    match raw {
        Raw::Int(number) => Some(Moment::At(micros_of_integer(*number))),
        Raw::Real(number) => micros_of_real(*number).map(Moment::At),
        other => moment::instant(text_of(other)?),
    }
}

/// Days of the Julian calendar as SQLite counts them end here; larger numbers are seconds,
/// milliseconds or microseconds since 1970, whichever gives a year before 5138.
const LAST_JULIAN_DAY: f64 = 5_373_484.5;

fn micros_of_integer(number: i64) -> i128 {
    i128::from(number)
        * match number.unsigned_abs() {
            0..100_000_000_000 => 1_000_000,
            100_000_000_000..100_000_000_000_000 => 1_000,
            _ => 1,
        }
}

#[expect(clippy::cast_possible_truncation, reason = "only what is far within bounds is taken")]
fn micros_of_real(number: f64) -> Option<i128> {
    let seconds = if (0.0..LAST_JULIAN_DAY).contains(&number) {
        (number - 2_440_587.5) * 86_400.0
    } else {
        number
    };
    (seconds.abs() < 1e14).then(|| (seconds * 1e6).round() as i128)
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
        Raw::Text(text) => Value::from_json(text).ok().map(one_form),
        Raw::Blob(_) => None,
    }
}

/// JSON knows one kind of number: whole ones of 64 bits are integers, however they were spelled.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are taken")]
pub(super) fn one_form(value: Value) -> Value {
    match value {
        Value::Float(number)
            if number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_807.0 =>
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
            ("1.50", "1.50"),
            ("-0.00", "0.00"),
            ("+007", "7"),
            ("1e3", "1000"),
            ("12.5E-3", "0.0125"),
            ("1e-3", "0.001"),
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
    fn values_compare_however_they_are_spelled() {
        let instant = |one: &str, other: &str| compare_texts(ColumnType::Timestamp, one, other);
        assert!(instant("2026-12-01 09:00:00.000000", "2026-12-01T10:00:00+01:00").is_eq());
        assert!(instant("2026-12-01 09:00:00.000000", "2026-12-01T00:00:00.000000Z").is_gt());
        assert!(instant("1795169700i", "2026-11-20T10:15:00.000000Z").is_eq());
        assert!(instant("2440588r", "1970-01-01T12:00:00Z").is_eq());
        assert!(instant("later", "infinity").is_gt() && instant("later", "sooner").is_lt());
        assert!(compare_texts(ColumnType::Decimal, "0.1r", "0.10").is_eq());
        assert!(compare_texts(ColumnType::Decimal, "9i", "10.0").is_lt());
        assert!(compare_texts(ColumnType::Date, "2026-12-01 00:00:00", "2026-12-01").is_eq());
        assert!(compare_texts(ColumnType::Time, "9:00", "10:00").is_gt(), "no time of day");
    }

    #[test]
    fn instants_are_written_as_the_application_spells_them() {
        let wire = "2026-12-01T09:00:00.000000Z";
        for (spelling, written) in [
            (TimestampSpelling::Rfc3339, Raw::from(wire)),
            (TimestampSpelling::Spaced, "2026-12-01 09:00:00.000000".into()),
            (TimestampSpelling::Seconds, "2026-12-01 09:00:00".into()),
            (TimestampSpelling::Unix, Raw::Int(1_796_115_600)),
        ] {
            assert_eq!(respelled(spelling, wire), written);
            assert_eq!(wire_value(ColumnType::Timestamp, written), Value::from(wire));
        }
        let fine = "2026-12-01T09:00:00.000001Z";
        let unix = respelled(TimestampSpelling::Unix, fine);
        assert_eq!(wire_value(ColumnType::Timestamp, unix), Value::from(fine));
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
