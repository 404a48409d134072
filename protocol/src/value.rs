//! What a field holds on the wire: the closed table of values of `PROTOCOL.md`, section "Values".

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::value::RawValue;

use crate::number::{DEEPEST, Decimal, look};

/// The largest integer that every client can hold exactly: 2^53 − 1. Beyond it, integers of a
/// database column travel as decimal strings.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// One value on the wire.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// SQL NULL and JSON null.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer. Outside ±(2^53 − 1) only inside JSON columns.
    Int(i64),
    /// A finite double. NaN and infinities of a column travel as text.
    Float(f64),
    /// A number in JSON that neither an integer of 64 bits nor a double holds exactly, in the one
    /// form that [`Value::number`] gives it. MessagePack: an unsigned integer, else `bin`.
    Number(String),
    /// Text, and every type that travels as text: uuids, decimals, dates, timestamps.
    Text(String),
    /// Bytes: base64 text in JSON, `bin` in MessagePack.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// A JSON object, keys in bytewise order.
    Map(Fields),
}

impl Value {
    /// An integer column's value: a number where every client can hold it, else a decimal string.
    #[must_use]
    pub fn integer(value: i64) -> Self {
        if (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&value) {
            Self::Int(value)
        } else {
            Self::Text(value.to_string())
        }
    }

    /// A float column's value: a number where JSON can hold it, else `NaN`, `Infinity` or
    /// `-Infinity` as text.
    #[must_use]
    pub fn float(value: f64) -> Self {
        if value.is_finite() {
            Self::Float(value)
        } else if value.is_nan() {
            Self::Text("NaN".to_owned())
        } else if value > 0.0 {
            Self::Text("Infinity".to_owned())
        } else {
            Self::Text("-Infinity".to_owned())
        }
    }

    /// A number as JSON spells it, exactly; `None` if this is none.
    #[must_use]
    pub fn number(text: &str) -> Option<Self> {
        let exact = Decimal::parse(text)?;
        if let Ok(whole) = text.parse::<i64>() {
            return Some(if text == "-0" { Self::Float(-0.0) } else { Self::Int(whole) });
        }
        let double = text.parse::<f64>().ok().filter(|double| double.is_finite());
        let holds = |double: &f64| Decimal::parse(&format!("{double:e}")).as_ref() == Some(&exact);
        Some(double.filter(holds).map_or_else(|| Self::Number(exact.text()), Self::Float))
    }

    /// A value from its JSON, numbers exactly.
    ///
    /// # Errors
    /// If this is no JSON, a member stands twice, or it is nested deeper than a hundred levels or so.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let (doubtful, depth) = look(text);
        if !doubtful {
            return serde_json::from_str(text).map(|Plain(value)| value);
        }
        if depth > DEEPEST {
            return Err(serde_json::Error::custom("nested too deep"));
        }
        match text.trim_start().bytes().next() {
            Some(b'[') => serde_json::from_str(text).map(Self::List),
            Some(b'{') => serde_json::from_str(text).map(Self::Map),
            _ => Self::number(text.trim()).ok_or_else(|| serde_json::Error::custom("no number")),
        }
    }

    /// How many digits the largest number in this value has, written out without an exponent; of
    /// those that a double does not hold.
    #[must_use]
    pub fn most_digits(&self) -> u64 {
        match self {
            Self::Number(text) => Decimal::parse(text).map_or(0, |number| number.written_out()),
            Self::List(items) => items.iter().map(Self::most_digits).max().unwrap_or(0),
            Self::Map(fields) => {
                fields.iter().map(|(_, value)| value.most_digits()).max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What kind of value this is, for error messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) | Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(truth),
            serde_json::Value::Number(number) => {
                Self::number(&number.to_string()).unwrap_or_default()
            }
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(items) => {
                Self::List(items.into_iter().map(Self::from).collect())
            }
            serde_json::Value::Object(members) => Self::Map(Fields(
                members.into_iter().map(|(name, value)| (name, Self::from(value))).collect(),
            )),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Number(digits) if serializer.is_human_readable() => {
                let raw: &RawValue =
                    serde_json::from_str(digits).map_err(serde::ser::Error::custom)?;
                raw.serialize(serializer)
            }
            Self::Number(digits) => match digits.parse::<u64>() {
                Ok(whole) => serializer.serialize_u64(whole),
                Err(_) => serializer.serialize_bytes(digits.as_bytes()),
            },
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) if serializer.is_human_readable() => {
                serializer.serialize_str(&STANDARD.encode(bytes))
            }
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(fields) => fields.serialize(serializer),
        }
    }
}

/// How `serde_json` is asked for the text of a value; a test sees whether it still is so. Other
/// decoders take it for the name of a wrapper around the value.
const TEXT_OF_JSON: &str = "$serde_json::private::RawValue";

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TEXT_OF_JSON, ExactVisitor)
    }
}

/// Reads a value from its text where there is one: a decoder of JSON would make doubles of numbers.
struct ExactVisitor;

impl<'de> Visitor<'de> for ExactVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Value, D::Error> {
        value.deserialize_any(ValueVisitor)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        map.next_key::<serde::de::IgnoredAny>()?;
        map.next_value_seed(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Value::from_json(text).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for ExactVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

/// A value whose numbers a decoder gets right by itself.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

impl From<Plain> for Value {
    fn from(Plain(value): Plain) -> Self {
        value
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        let beyond = |_| Value::number(&number.to_string()).unwrap_or_default();
        Ok(i64::try_from(number).map_or_else(beyond, Value::Int))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        if number.is_finite() {
            Ok(Value::Float(number))
        } else {
            Err(E::custom("a number must be finite; send NaN and infinities as text"))
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Plain(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        fields_of::<Plain, A>(map).map(Value::Map)
    }
}

/// Named values: the fields of a row or the members of a JSON object, in bytewise order of their
/// names. Decoding refuses a name that stands twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields(pub BTreeMap<String, Value>);

impl Fields {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Sets a field.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields, A::Error> {
        fields_of::<Value, A>(map)
    }
}

/// Reads members, the value of each as a `V`.
fn fields_of<'de, V, A>(mut map: A) -> Result<Fields, A::Error>
where
    V: Deserialize<'de> + Into<Value>,
    A: MapAccess<'de>,
{
    let mut fields = BTreeMap::new();
    while let Some(name) = map.next_key::<String>()? {
        if fields.contains_key(&name) {
            return Err(A::Error::custom(format_args!("the member `{name}` stands twice")));
        }
        fields.insert(name, map.next_value::<V>()?.into());
    }
    Ok(Fields(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;

    const EXACT: &str = r#"{"a":1e400,"b":[123456789012345678901234,18446744073709551615,0.1,-1e-330],"c":"1e400"}"#;

    #[test]
    fn numbers_beyond_doubles_keep_their_digits_in_both_encodings() {
        let value: Value = serde_json::from_str(EXACT).unwrap();
        assert_eq!(value.most_digits(), 401);
        assert_eq!(serde_json::to_string(&value).unwrap(), EXACT);
        let row: Fields = Codec::Json.decode(EXACT.as_bytes()).unwrap();
        assert_eq!(Value::Map(row), value);
        let packed = Codec::MsgPack.encode(&value);
        let unpacked: Value = Codec::MsgPack.decode(&packed).unwrap();
        let Value::Map(members) = unpacked else { panic!("{unpacked:?}") };
        assert_eq!(members.get("a"), Some(&Value::Bytes(b"1e400".to_vec())));
        let Some(Value::List(items)) = members.get("b") else { panic!("{members:?}") };
        assert_eq!(items.first(), Some(&Value::Bytes(b"123456789012345678901234".to_vec())));
        assert_eq!(items.get(1), Some(&Value::Number("18446744073709551615".to_owned())));
        assert_eq!(items.get(2), Some(&Value::Float(0.1)));
    }

    #[test]
    fn an_object_that_looks_like_a_decoder_s_own_stays_what_it_is() {
        let json = r#"{"$serde_json::private::RawValue":"1","x":1e400}"#;
        let value: Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        let twice = serde_json::from_str::<Value>(r#"{"a":1e400,"a":1}"#).unwrap_err();
        assert!(twice.to_string().contains("`a` stands twice"), "{twice}");
        let deep = format!("{}1e400{}", "[".repeat(200), "]".repeat(200));
        serde_json::from_str::<Value>(&deep).unwrap_err();
    }
}
