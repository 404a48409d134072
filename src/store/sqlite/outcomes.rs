//! What became of edits: looked up before anything is applied, stored with what was.

use std::collections::HashMap;

use rowcast_protocol::{EditId, ErrorReply, Seq};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use uuid::Uuid;

use super::{
    super::{
        Applied,
        edit::CheckedEdit,
        error::{EditError, StoreError},
        weight::{bytes_of, bytes_of_fields},
    },
    facts::Facts,
    raw::{Bound, number, own},
    values_list::{padded, values_list},
};
use crate::planted::{self, Bug};

/// Longer rows are not kept with a refusal, bytes.
const LONGEST_ROW: usize = 2_048;

/// Longer keys are not kept with a refusal, bytes.
const LONGEST_KEY: usize = 512;

/// Longer messages are cut, characters.
const LONGEST_MESSAGE: usize = 500;

/// What became of an edit, to be stored.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    /// The edit.
    pub(super) edit: &'a CheckedEdit,
    /// Its entry, or why it was refused for good.
    pub(super) result: Result<Seq, &'a EditError>,
}

impl Outcome<'_> {
    /// Adds its columns to a statement's parameters.
    pub(super) fn push_onto(&self, bound: &mut Bound, at: i64) {
        bound.push(self.edit.user.as_ref().to_owned());
        bound.push(self.edit.id.0.as_bytes().to_vec());
        bound.push(self.edit.hash.to_vec());
        bound.push(at);
        bound.push(self.result.ok().map(Seq::cast_signed));
        bound.push(self.result.err().map(error_text));
    }
}

/// What is kept of a refusal: no long row, which is read again when the refusal is told again, and no
/// long key, which is in the edit.
fn error_text(error: &EditError) -> String {
    let key = error.key.clone().filter(|key| bytes_of(key) <= LONGEST_KEY);
    let message = error.message.chars().take(LONGEST_MESSAGE).collect();
    let row = error.row.clone().filter(|row| bytes_of_fields(row) <= LONGEST_ROW);
    let kept = EditError { row, key, message, ..error.clone() };
    serde_json::to_string(&ErrorReply::from(kept)).unwrap_or_default()
}

fn error_of(text: &str) -> Result<EditError, StoreError> {
    let reply: ErrorReply =
        serde_json::from_str(text).map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(EditError {
        code: reply.code,
        message: reply.message,
        op: reply.op,
        table: reply.table,
        field: reply.field,
        constraint: reply.constraint,
        key: reply.key,
        row: reply.row,
    })
}

/// The statement that looks up these edits, with its parameters.
pub(super) fn lookup(edits: &[CheckedEdit]) -> (String, SqliteArguments) {
    let mut bound = Bound::default();
    for edit in edits {
        bound.push(edit.user.as_ref().to_owned());
        bound.push(edit.id.0.as_bytes().to_vec());
    }
    bound.push_nulls((padded(edits.len()) - edits.len()) * 2);
    let sql = format!(
        "SELECT e.user_id, e.id, e.hash, e.seq, e.error
         FROM {} CROSS JOIN rowcast_edit e ON e.user_id = column1 AND e.id = column2",
        values_list(edits.len(), 2)
    );
    (sql, bound.done())
}

/// The stored outcomes, by the index of the edit.
pub(super) fn found(
    facts: &Facts,
    edits: &[CheckedEdit],
    rows: &[SqliteRow],
) -> Result<HashMap<usize, Result<Applied, EditError>>, StoreError> {
    let mut stored = HashMap::new();
    for row in rows.iter().filter(|_| !planted::is(Bug::NoDedupe)) {
        let user: &str = own(row, 0)?;
        let id = Uuid::from_slice(own(row, 1)?).map(EditId).ok();
        let index = edits.iter().position(|edit| *edit.user == *user && Some(edit.id) == id);
        let Some((index, edit)) = index.and_then(|index| Some((index, edits.get(index)?))) else {
            continue;
        };
        let outcome = match own::<Option<&str>>(row, 4)? {
            _ if own::<&[u8]>(row, 2)? != edit.hash.as_slice() => Err(EditError::conflict()),
            Some(error) => Err(error_of(error)?.concealing(&facts.schema)),
            None => Ok(Applied { epoch: facts.epoch, seq: number(row, 3)?, replayed: true }),
        };
        stored.insert(index, outcome);
    }
    Ok(stored)
}
