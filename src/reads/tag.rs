//! The state of a row in one short name, and comparing rows with what a change left.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rowcast_protocol::{Change, Codec, Fields, Value};
use sha2::{Digest as _, Sha256};

/// Names the state of a row: equal rows have equal tags, on every node and in every encoding.
#[must_use]
pub fn of(row: &Fields) -> String {
    let digest: [u8; 32] = Sha256::digest(Codec::Json.encode(row)).into();
    let (tag, _) = digest.split_at(16);
    URL_SAFE_NO_PAD.encode(tag)
}

/// Whether a row is as a change left it, whoever stands in the column of the last editor.
pub(super) fn is_as_left(change: &Change, now: Option<&Fields>, editor: Option<&str>) -> bool {
    let left = match change {
        Change::Insert(row) | Change::Enter(row) => &row.row,
        Change::Update(fields) => &fields.set,
        Change::Delete(_) | Change::Leave(_) => return now.is_none(),
    };
    let Some(now) = now else { return false };
    left.iter().all(|(name, value)| Some(name) == editor || now.get(name) == Some(value))
}

/// A row that a change touched, as it is now: `row` is null where it is gone.
pub(super) fn as_it_is(change: &Change, now: Option<Fields>) -> Value {
    let (table, key) = match change {
        Change::Insert(row) | Change::Enter(row) => (&row.table, &row.key),
        Change::Update(fields) => (&fields.table, &fields.key),
        Change::Delete(gone) | Change::Leave(gone) => (&gone.table, &gone.key),
    };
    let row = now.map_or(Value::Null, Value::Map);
    let fields = [("table", Value::from(table.as_str())), ("key", key.clone()), ("row", row)];
    Value::Map(fields.into_iter().collect())
}
