//! New values computed from old ones: numbers added, items added and removed.

use std::collections::HashSet;

use rowcast_protocol::{ColumnType, ErrorCode, Value};

use super::{
    super::{
        edit::{ColumnValues, FieldOps},
        error::EditError,
        fold::RowImage,
        schema::LiveTable,
        values::{decimal, wire_of_checked},
        weight::EditLimits,
    },
    row::column_kind,
    transaction::key_text,
};

/// The new values of the fields that an update computes.
pub(super) fn computed(
    table: &LiveTable,
    row: &RowImage,
    change: &FieldOps,
    limits: EditLimits,
) -> Result<ColumnValues, EditError> {
    let old = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
    let mut values: ColumnValues = Vec::new();
    for (column, by) in &change.inc {
        let sum = sum(column_kind(table, *column), &old(*column), by);
        values.push((*column, sum.ok_or_else(|| wrong(table, *column, "the sum does not fit"))?));
    }
    for (column, items) in &change.add {
        let mut list = list(table, *column, old(*column))?;
        let before = list.len();
        add_missing(&mut list, items);
        if list.len() > before.max(limits.list_items) {
            return Err(limits.too_many_items(table, *column));
        }
        values.push((*column, Value::List(list)));
    }
    for (column, items) in &change.remove {
        let before = match values.iter().position(|(computed, _)| computed == column) {
            Some(place) => values.swap_remove(place).1,
            None => old(*column),
        };
        let mut list = list(table, *column, before)?;
        let gone: HashSet<String> = items.iter().map(item_text).collect();
        list.retain(|item| !gone.contains(&key_text(item)));
        values.push((*column, Value::List(list)));
    }
    Ok(values)
}

/// Adds the items that a list does not have, each once.
fn add_missing(list: &mut Vec<Value>, items: &[Value]) {
    let mut had: HashSet<String> = list.iter().map(key_text).collect();
    for item in items {
        if had.insert(item_text(item)) {
            list.push(wire_of_checked(ColumnType::Json, item));
        }
    }
}

/// An item of an edit as text, to look it up by.
fn item_text(item: &Value) -> String {
    key_text(&wire_of_checked(ColumnType::Json, item))
}

fn list(table: &LiveTable, column: usize, value: Value) -> Result<Vec<Value>, EditError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::List(items) => Ok(items),
        _ => Err(wrong(table, column, "the field holds no list")),
    }
}

fn wrong(table: &LiveTable, column: usize, what: &str) -> EditError {
    let name = table.columns.get(column).map_or("", |column| &column.name);
    EditError::new(ErrorCode::WrongType, format!("{what}: `{}.{name}`", table.name))
        .in_table(&table.name)
        .in_field(name)
}

fn sum(kind: ColumnType, old: &Value, by: &Value) -> Option<Value> {
    match kind {
        ColumnType::Int => Some(Value::Int(whole(old)?.checked_add(whole(by)?)?)),
        ColumnType::Float => {
            let sum = double(old)? + double(by)?;
            sum.is_finite().then_some(Value::Float(sum))
        }
        ColumnType::Decimal => decimal_sum(&digits(old)?, &digits(by)?),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Null => Some(0),
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a whole number added to a double")]
fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn digits(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("0".to_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The exact sum of two decimals of any length; `None` for NaN and infinities.
fn decimal_sum(a: &str, b: &str) -> Option<Value> {
    let (a, b) = (Decimal::parse(a)?, Decimal::parse(b)?);
    let places = a.fraction.max(b.fraction);
    let (a, b) = (a.with_places(places), b.with_places(places));
    let width = a.digits.len().max(b.digits.len()) + 1;
    let (a, b) = (a.padded(width), b.padded(width));
    let (negative, digits) = match (a.negative == b.negative, a.digits >= b.digits) {
        (true, _) => (a.negative, added(&a.digits, &b.digits)),
        (false, true) => (a.negative, subtracted(&a.digits, &b.digits)),
        (false, false) => (b.negative, subtracted(&b.digits, &a.digits)),
    };
    let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let (whole, fraction) = text.split_at_checked(width - places)?;
    decimal(&format!("{}{whole}.{fraction}", if negative { "-" } else { "" })).map(Value::Text)
}

/// A decimal by its digits, the last `fraction` of which stand after the point.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    fraction: usize,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let text = decimal(text)?;
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.bytes().chain(fraction.bytes());
        let digits = digits.map(|byte| byte.checked_sub(b'0').filter(|digit| *digit < 10));
        Some(Self { negative, digits: digits.collect::<Option<_>>()?, fraction: fraction.len() })
    }

    fn with_places(mut self, places: usize) -> Self {
        self.digits.resize(self.digits.len() + places - self.fraction, 0);
        self
    }

    fn padded(mut self, width: usize) -> Self {
        let lead = width - self.digits.len();
        self.digits.splice(0..0, std::iter::repeat_n(0, lead));
        self
    }
}

/// The sum of two numbers of one width, which has room for it.
fn added(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b).rev() {
        let digit = a + b + carry;
        sum.push(digit % 10);
        carry = digit / 10;
    }
    sum.reverse();
    sum
}

/// The larger of two numbers of one width less the smaller.
fn subtracted(larger: &[u8], smaller: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut rest: Vec<u8> = Vec::with_capacity(larger.len());
    for (a, b) in larger.iter().zip(smaller).rev() {
        let digit = 10 + a - b - borrow;
        rest.push(digit % 10);
        borrow = 1 - digit / 10;
    }
    rest.reverse();
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_added_exactly() {
        for (a, b, sum) in [
            ("1", "2", "3"),
            ("0.1", "0.2", "0.3"),
            ("-1.5", "1.25", "-0.25"),
            ("1.50", "1", "2.50"),
            ("99.99", "0.01", "100.00"),
            ("-5", "5", "0"),
            (
                "12345678901234567890123456789012345678901234567890",
                "0.5",
                "12345678901234567890123456789012345678901234567890.5",
            ),
            ("1000", "-0.001", "999.999"),
        ] {
            assert_eq!(decimal_sum(a, b), Some(Value::Text(sum.to_owned())), "{a} + {b}");
            assert_eq!(decimal_sum(b, a), Some(Value::Text(sum.to_owned())), "{b} + {a}");
        }
        assert_eq!(decimal_sum("NaN", "1"), None);
    }
}
