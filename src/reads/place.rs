//! Opaque cursors between the pages of a list: the last row's values in the columns of the sort, and
//! a mark of the question, since they mean nothing in another one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rowcast_protocol::{Codec, ErrorCode, ErrorReply, Value};
use sha2::{Digest as _, Sha256};

use crate::store::{LiveTable, Query, values::accept::recognised};

/// The longest cursor that is looked at: rows may be sorted by long texts.
const MOST_BYTES: usize = 512 * 1024;

/// The cursor after the row with these values.
pub(super) fn text(table: &LiveTable, query: &Query, values: &[Value]) -> String {
    URL_SAFE_NO_PAD.encode(Codec::Json.encode(&(mark(table, query), values)))
}

/// The values in a cursor of this question.
pub(super) fn values(
    table: &LiveTable,
    query: &Query,
    cursor: &str,
) -> Result<Vec<Value>, ErrorReply> {
    let (of, values) = read(cursor).ok_or_else(|| refused("this is no cursor of a list"))?;
    if of != mark(table, query) {
        let words = "this cursor belongs to a list with other filters or another order";
        return Err(refused(words));
    }
    let fitting: Option<Vec<Value>> = query
        .sort
        .iter()
        .zip(&values)
        .map(|(by, value)| {
            let column = table.columns.get(by.column)?;
            match value {
                Value::Null => Some(Value::Null),
                // As the store has it, where the wire's form stands elsewhere in the order.
                Value::List(_) => Some(value.clone()),
                _ => recognised(column, value),
            }
        })
        .collect();
    fitting
        .filter(|fitting| fitting.len() == query.sort.len() && values.len() == fitting.len())
        .ok_or_else(|| refused("this is no cursor of a list"))
}

fn read(cursor: &str) -> Option<(String, Vec<Value>)> {
    if cursor.len() > MOST_BYTES {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

/// Filters and order of a question in few letters.
fn mark(table: &LiveTable, query: &Query) -> String {
    let asked = format!("{:?} {:?} {:?}", table.name, query.filters, query.sort);
    let digest: [u8; 32] = Sha256::digest(asked).into();
    let (mark, _) = digest.split_at(8);
    URL_SAFE_NO_PAD.encode(mark)
}

fn refused(words: &str) -> ErrorReply {
    let error = ErrorReply::new(ErrorCode::BadCursor, words);
    ErrorReply { path: Some("cursor".to_owned()), ..error }
}
