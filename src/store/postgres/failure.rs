//! What the database's errors mean: to an edit, and to a whole call.

use std::sync::Arc;

use rowcast_protocol::ErrorCode;
use serde::Deserialize;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::{
    raw::{row_from_json, wire_key_value},
    shape::{How, shaped},
};
use crate::store::{
    CheckedEdit, CheckedOp, EditError, LiveSchema, LiveTable, StoreError,
    error::{NO_VALUE, SAME_VALUE, check_words},
    weight::TOO_SLOW,
};

/// Why an edit failed, as the functions of the database tell it and as it is kept.
#[derive(Debug, Clone, Default, Deserialize, serde::Serialize)]
#[serde(default)]
pub(super) struct Failure {
    /// The edit's place in the batch.
    pub(super) e: usize,
    /// The operation.
    pub(super) o: usize,
    /// SQLSTATE, or one of ours: RC404 no such row or a guard, RC413 too large, RC422 no list,
    /// RC400 a NUL character, RC408 it took too long, RC423 no room in a hand-made order.
    pub(super) code: String,
    /// What the database said.
    pub(super) message: Option<String>,
    /// The columns of a key; for RC413, what is too large: a list's `items` or the `row`, else the
    /// edit. Never the database's own words, which may hold values of hidden columns.
    pub(super) detail: Option<String>,
    /// The row as it is, when its guard failed.
    pub(super) row: Option<String>,
    /// Whether there is such a row, where it is not told.
    pub(super) there: bool,
    /// The table.
    pub(super) table: Option<String>,
    /// The column.
    pub(super) column: Option<String>,
    /// The constraint.
    pub(super) constraint: Option<String>,
    /// The key of an anchor that is not there.
    pub(super) anchor: Option<serde_json::Value>,
}

impl Failure {
    /// The edit takes longer than one may.
    pub(super) fn too_slow() -> Self {
        Self { code: "RC408".to_owned(), ..Self::default() }
    }

    /// Whether it is the edit's own and stays so. A full disk or a lack of connections passes.
    fn is_for_good(&self) -> bool {
        !["53", "58", "25", "08"].iter().any(|class| self.code.starts_with(class))
    }

    /// The failure as a client reads it.
    pub(super) fn explain(&self, schema: &LiveSchema, edit: &CheckedEdit) -> EditError {
        let op = edit.ops.get(self.o);
        let table = op.and_then(|op| schema.tables.get(op.table()));
        let mut error = match (op, table) {
            (Some(op), Some(table)) if self.code == "RC404" => self.missed(table, op),
            _ => EditError::new(self.error_code(), self.words()),
        };
        error.op = u32::try_from(self.o).ok();
        error.table = self
            .table_name(schema, table.map(|table| &**table))
            .or_else(|| table.map(|table| table.name.clone()));
        if error.field.is_none() {
            error.field = self.field(table, op);
        }
        error.constraint.clone_from(&self.constraint);
        if error.code == ErrorCode::Check {
            error.field = self.column_of_check(schema, error.table.as_deref());
            error.message = check_words(error.field.as_deref(), error.constraint.as_deref());
        }
        error.concealing(schema)
    }

    /// The table that the database named, as clients know it: a live one by its declared name, also
    /// where a partition was named. The operation's own table comes first, since schemas may have
    /// tables of one name.
    fn table_name(&self, schema: &LiveSchema, own: Option<&LiveTable>) -> Option<String> {
        let named = self.table.as_ref()?;
        let is_named = |table: &&LiveTable| table.relations.iter().any(|r| r.name == *named);
        let others = schema.tables.iter().map(|table| &**table);
        let found = own.into_iter().chain(others).find(is_named);
        Some(found.map_or_else(|| named.clone(), |table| table.name.clone()))
    }

    /// The only column of a broken check, if clients may know it.
    fn column_of_check(&self, schema: &LiveSchema, table: Option<&str>) -> Option<String> {
        let table = schema.tables.iter().find(|found| Some(found.name.as_str()) == table)?;
        table.column(self.column.as_deref()?).map(|(_, column)| column.name.clone())
    }

    fn error_code(&self) -> ErrorCode {
        match self.code.as_str() {
            "23502" => ErrorCode::NotNull,
            "23503" => ErrorCode::ForeignKey,
            "23505" | "23P01" => ErrorCode::Unique,
            "23514" => ErrorCode::Check,
            "55P03" | "40P01" | "40001" => ErrorCode::Busy,
            "RC413" | "RC408" => ErrorCode::TooLarge,
            "RC422" | "RC400" => ErrorCode::WrongType,
            code if code.starts_with("22") => ErrorCode::WrongType,
            // The tables are not what they were when the statement was made.
            code if code.starts_with("42") || code == "0A000" => ErrorCode::Busy,
            _ => ErrorCode::Refused,
        }
    }

    fn words(&self) -> String {
        let said = self.message.as_deref().unwrap_or("the database gave no reason");
        match self.error_code() {
            ErrorCode::NotNull => NO_VALUE.to_owned(),
            ErrorCode::ForeignKey => {
                "a row that is referred to does not exist, or is still referred to".to_owned()
            }
            ErrorCode::Unique => SAME_VALUE.to_owned(),
            ErrorCode::Check => check_words(None, self.constraint.as_deref()),
            ErrorCode::Busy if !self.code.starts_with('5') && !self.code.starts_with("40") => {
                "the tables have just changed; send the same edit again".to_owned()
            }
            ErrorCode::Busy => "somebody else holds a lock on the row; try again".to_owned(),
            ErrorCode::TooLarge if self.code == "RC408" => TOO_SLOW.to_owned(),
            ErrorCode::TooLarge if self.detail.is_some() => said.to_owned(),
            ErrorCode::TooLarge => {
                "the edit changes more rows or bytes than one entry holds; cut it up".to_owned()
            }
            ErrorCode::WrongType => {
                format!("a field cannot hold the value: {}", without_value(said))
            }
            _ if self.code == "RC423" => said.to_owned(),
            _ => format!("the database refused the edit: {said}"),
        }
    }

    /// No row, or one whose guarded fields hold other values.
    fn missed(&self, table: &LiveTable, op: &CheckedOp) -> EditError {
        let (key, guarded) = match op {
            CheckedOp::Insert { .. } => (None, false),
            CheckedOp::Update { key, guard, .. }
            | CheckedOp::Delete { key, guard, .. }
            | CheckedOp::Move { key, guard, .. } => (Some(key), !guard.is_empty()),
        };
        let row = self.row.as_deref().and_then(|row| row_from_json(table, row).ok());
        let mut error = match (&self.anchor, key, &row) {
            (Some(_), ..) => {
                EditError::new(ErrorCode::NotFound, "the channel has no row to place it beside")
            }
            (None, Some(_), None) if !self.there => {
                EditError::new(ErrorCode::NotFound, "the channel has no row with this key")
            }
            (None, Some(_), _) if guarded => EditError::new(
                ErrorCode::GuardFailed,
                "the fields named in `if` hold other values; `row` has the current ones",
            ),
            _ => EditError::new(ErrorCode::Refused, "a trigger of the table refused the row"),
        };
        error.key = match &self.anchor {
            Some(anchor) => Some(rowcast_protocol::Value::from(anchor.clone())),
            None => key.map(|key| wire_key_value(table, key)),
        };
        error.row = row.filter(|_| error.code == ErrorCode::GuardFailed);
        error
    }

    fn field(&self, table: Option<&Arc<LiveTable>>, op: Option<&CheckedOp>) -> Option<String> {
        if self.column.is_some() {
            return self.column.clone();
        }
        if let Some(detail) = &self.detail
            && self.code.starts_with("23")
        {
            let names: Vec<&str> = detail.split(", ").map(|name| name.trim_matches('"')).collect();
            return field_among(table?, &names, self.code == "23503");
        }
        let shape = shaped(std::slice::from_ref(table?), &at_zero(op?), None)?.shape;
        let column = match self.code.as_str() {
            "22003" => shape.column_of(&[How::Add]).or_else(|| shape.column_of(&[How::Set])),
            "RC413" => shape.column_of(&[How::AddItems]).filter(|_| self.detail.is_some()),
            code if code.starts_with("22") => shape.column_of(&[How::Set, How::Add]),
            _ => None,
        };
        Some(table?.columns.get(column?)?.name.clone())
    }
}

/// The same operation on the first of a list of one table.
fn at_zero(op: &CheckedOp) -> CheckedOp {
    let mut op = op.clone();
    match &mut op {
        CheckedOp::Insert { table, .. }
        | CheckedOp::Update { table, .. }
        | CheckedOp::Delete { table, .. }
        | CheckedOp::Move { table, .. } => *table = 0,
    }
    op
}

/// What the database said, without the value that it quotes, which may be a hidden one.
fn without_value(said: &str) -> &str {
    said.split_once(": \"").map_or(said, |(words, _)| words)
}

/// The column of a key: the only one, or of a foreign key the first beside the channel's.
fn field_among(table: &LiveTable, names: &[&str], is_foreign: bool) -> Option<String> {
    let channel = table.columns.get(table.channel_column).map(|column| column.name.as_str());
    let name = match names {
        [name] => Some(name),
        _ if is_foreign => names.iter().find(|name| channel != Some(**name)),
        _ => None,
    };
    table.column(name?).map(|(_, column)| column.name.clone())
}

/// An error of a call as the store tells it.
#[expect(clippy::needless_pass_by_value, reason = "it is made for `map_err`")]
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(database) => {
            // Not its `Display`: that adds the line of the server's own source.
            let words = database.message().to_owned();
            by_code(database.code().as_deref().unwrap_or_default(), words)
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}

fn by_code(code: &str, words: String) -> StoreError {
    match code {
        // The tables are not those that the statement was made for, or a plan that was kept is not.
        "RC409" | "0A000" => StoreError::Changed,
        code if code.starts_with("42") && code != "42501" => {
            tracing::warn!(code, words, "a statement does not fit the tables");
            StoreError::Changed
        }
        "25006" => StoreError::ReadOnly(words),
        "53100" => StoreError::StorageFull(words),
        "40001" | "40P01" | "55P03" | "57014" => StoreError::Busy(words),
        // Shutting down, starting up, cut off, too many connections, out of memory.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "53200" | "25P03" => {
            StoreError::Unavailable(words)
        }
        code if code.starts_with("08") => StoreError::Unavailable(words),
        _ => StoreError::Failed(words),
    }
}

/// What a failed call of `commit_batch` means for the edits in it.
pub(super) enum Blame {
    /// Some edit is to blame, and this is why.
    Edits(Box<Failure>),
    /// The server refuses it in a way that may be its own or, raised by a trigger, an edit's.
    Unknown(Box<Failure>),
    /// It took too long.
    Time,
    /// It had to wait, so long that people's rights must be looked at again.
    Wait,
    /// Two hubs decided on one id at once: again.
    Again,
    /// Nobody is.
    Nobody,
}

impl Blame {
    /// Why the edit is refused for good that is to blame.
    pub(super) fn into_failure(self) -> Option<Box<Failure>> {
        match self {
            Self::Edits(failure) => Some(failure),
            Self::Unknown(failure) => Some(failure).filter(|failure| failure.is_for_good()),
            Self::Time => Some(Box::new(Failure::too_slow())),
            Self::Wait | Self::Again | Self::Nobody => None,
        }
    }
}

/// What `commit_batch` raises when it has waited for longer than it may.
const WAITED: &str = "RC425";

/// Who is to blame for an error that came out of `commit_batch` as a whole: at commit time
/// constraints that were put off, and bounds.
pub(super) fn blame(error: &sqlx::Error) -> Blame {
    let Some(error) = error.as_database_error() else { return Blame::Nobody };
    let Some(error) = error.try_downcast_ref::<PgDatabaseError>() else { return Blame::Nobody };
    if error.constraint() == Some("edit_pkey") {
        return Blame::Again;
    }
    let code = error.code();
    if matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic) {
        return Blame::Nobody;
    }
    let failure = Box::new(Failure {
        code: code.to_owned(),
        message: Some(without_value(error.message()).to_owned()),
        detail: error.detail().and_then(names_in_detail).map(str::to_owned),
        table: error.table().map(str::to_owned),
        column: error.column().map(str::to_owned),
        constraint: error.constraint().map(str::to_owned),
        ..Failure::default()
    });
    match code {
        "57014" => Blame::Time,
        WAITED => Blame::Wait,
        "55P03" | "40P01" | "40001" | "25006" | "RC409" | "0A000" => Blame::Nobody,
        _ if ["08", "25", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            Blame::Unknown(failure)
        }
        _ => Blame::Edits(failure),
    }
}

/// The columns named in `Key (column)=(value) …`.
fn names_in_detail(detail: &str) -> Option<&str> {
    let (names, _) = detail.strip_prefix("Key (")?.split_once(")=(")?;
    Some(names)
}
