//! Why a store did not do what it was asked.

use rowcast_protocol::{ErrorCode, ErrorReply, Fields, Value};

use super::schema::LiveSchema;

/// Why a batch or a read failed as a whole. Nothing was decided: it may be tried again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or the connection broke; a commit may have happened.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The database takes no writes (a standby, `default_transaction_read_only`, a read-only file).
    #[error("the database takes no writes: {0}")]
    ReadOnly(String),
    /// The disk is full.
    #[error("the database's disk is full: {0}")]
    StorageFull(String),
    /// A deadlock, a serialization failure or a lock that was not had in time.
    #[error("the database was busy: {0}")]
    Busy(String),
    /// The tables are no longer those that the operation was begun with; it may be begun again.
    #[error("the tables have changed meanwhile")]
    Changed,
    /// Somebody whose edit is in the batch may no longer make it. Nothing was committed; the rights are
    /// to be looked at again.
    #[error("somebody may no longer do this")]
    NotAllowed,
    /// The database is not one that this program knows (foreign, newer, not migrated).
    #[error("{0}")]
    Unfit(String),
    /// Anything else; a fault of ours or of the database.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// What a client is told. The words of the database stay in the log.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::ReadOnly(_) => ErrorCode::ReadOnly,
            Self::StorageFull(_) => ErrorCode::StorageFull,
            Self::Busy(_) | Self::Changed | Self::NotAllowed => ErrorCode::Busy,
            Self::Unfit(_) | Self::Failed(_) => ErrorCode::Internal,
        }
    }
}

/// Why one edit was not applied. Permanent unless its code is retryable.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct EditError {
    /// Which kind of error.
    pub code: ErrorCode,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// The index of the operation.
    pub op: Option<u32>,
    /// The table.
    pub table: Option<String>,
    /// The field.
    pub field: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
    /// The row's key.
    pub key: Option<Value>,
    /// The row as it is, when a guard failed.
    pub row: Option<Fields>,
}

impl EditError {
    /// An error with nothing but its code and words.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            op: None,
            table: None,
            field: None,
            constraint: None,
            key: None,
            row: None,
        }
    }

    /// The id of an edit was used before, for another one.
    #[must_use]
    pub fn conflict() -> Self {
        let words = "this id was used for an edit with other content; make a new id for every edit";
        Self::new(ErrorCode::EditConflict, words)
    }

    /// The same error, naming the operation.
    #[must_use]
    pub fn in_op(self, op: usize) -> Self {
        Self { op: u32::try_from(op).ok(), ..self }
    }

    /// The same error, naming the table.
    #[must_use]
    pub fn in_table(self, table: &str) -> Self {
        Self { table: Some(table.to_owned()), ..self }
    }

    /// The same error without the names of hidden columns, also where they stand in the names that
    /// databases make for constraints (`cards_secret_key`).
    #[must_use]
    pub(super) fn concealing(self, schema: &LiveSchema) -> Self {
        let table = schema.tables.iter().find(|table| Some(&table.name) == self.table.as_ref());
        let Some(table) = table else { return self };
        let tells = |name: &Option<String>| name.as_ref().is_some_and(|n| table.tells_of_hidden(n));
        let (hides_field, hides_constraint) = (tells(&self.field), tells(&self.constraint));
        let message = match self.code {
            ErrorCode::Check if hides_constraint => check_words(self.field.as_deref(), None),
            ErrorCode::NotNull if hides_field => NO_VALUE.to_owned(),
            ErrorCode::Unique if hides_field || hides_constraint => SAME_VALUE.to_owned(),
            _ => self.message,
        };
        let field = self.field.filter(|_| !hides_field);
        let constraint = self.constraint.filter(|_| !hides_constraint);
        Self { message, field, constraint, ..self }
    }

    /// The same error, naming the field.
    #[must_use]
    pub fn in_field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }
}

/// What people read where it is not said which field has no value.
pub(super) const NO_VALUE: &str = "a field that must have a value has none";

/// What people read where it is not said which field has a value that another row has.
pub(super) const SAME_VALUE: &str = "another row has this value already";

/// What people read of a broken check: where, as far as it is known for sure, and by which rule.
pub(super) fn check_words(field: Option<&str>, constraint: Option<&str>) -> String {
    let rule = match constraint {
        Some(name) => format!("the check `{name}` of the table"),
        None => "a check of the table".to_owned(),
    };
    match field {
        Some(field) => format!("`{field}` cannot have this value: {rule} forbids it"),
        None => format!("{rule} forbids it"),
    }
}

impl From<EditError> for ErrorReply {
    fn from(error: EditError) -> Self {
        Self {
            op: error.op,
            table: error.table,
            field: error.field,
            constraint: error.constraint,
            key: error.key,
            row: error.row,
            ..Self::new(error.code, error.message)
        }
    }
}
