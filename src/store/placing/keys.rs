//! Primary keys of rows: as names to find rows by, and their order.

use std::{cmp::Ordering, slice};

use rowcast_protocol::{Codec, ColumnType, Value};

use crate::store::{LiveColumn, LiveTable, values::compare_texts};

/// The columns of a table's key, in the key's order.
pub(super) fn key_columns(table: &LiveTable) -> impl Iterator<Item = &LiveColumn> {
    table.key.iter().filter_map(|&index| table.columns.get(index))
}

/// A key as text, to find a row by.
pub(super) fn name_of(key: &[Value]) -> String {
    String::from_utf8(Codec::Json.encode(&Value::List(key.to_vec())).to_vec()).unwrap_or_default()
}

/// The order of two keys in the wire's form, as databases sort them. One that is not known yet comes
/// last.
pub(super) fn compare(kinds: &[ColumnType], one: &[Value], other: &[Value]) -> Ordering {
    if one.is_empty() || other.is_empty() {
        return one.is_empty().cmp(&other.is_empty());
    }
    let parts = kinds.iter().zip(one.iter().zip(other));
    let differing =
        parts.map(|(kind, (one, other))| compare_part(*kind, one, other)).find(|o| o.is_ne());
    differing.unwrap_or(Ordering::Equal)
}

fn compare_part(kind: ColumnType, one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        _ if kind == ColumnType::Int => whole(one).cmp(&whole(other)),
        _ if kind == ColumnType::Float => double(one).total_cmp(&double(other)),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Bytes(one), Value::Bytes(other)) => one.cmp(other),
        (Value::Text(one), Value::Text(other)) => compare_texts(kind, one, other),
        (one, other) => name_of(slice::from_ref(one)).cmp(&name_of(slice::from_ref(other))),
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        other => other.as_str()?.parse().ok(),
    }
}

fn double(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        other => other.as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_by_value() {
        let texts = |texts: [&str; 2]| texts.map(Value::from).to_vec();
        for (kind, [less, more]) in [
            (ColumnType::Int, [Value::Int(9), Value::Int(10)]),
            (ColumnType::Int, [Value::Int(9), Value::integer(1 << 60)]),
            (ColumnType::Int, [Value::integer(-(1 << 60)), Value::Int(-1)]),
            (ColumnType::Float, [Value::Float(2.5), Value::from("NaN")]),
            (ColumnType::Decimal, ["9.5", "10"].map(Value::from)),
            (ColumnType::Text, ["10", "9"].map(Value::from)),
            (ColumnType::Text, ["B", "a"].map(Value::from)),
        ] {
            assert_eq!(compare(&[kind], &[less], &[more]), Ordering::Less);
        }
        let kinds = [ColumnType::Text, ColumnType::Text];
        assert_eq!(compare(&kinds, &texts(["a", "b"]), &texts(["a", "c"])), Ordering::Less);
        assert_eq!(compare(&kinds, &[], &texts(["a", "c"])), Ordering::Greater);
    }
}
