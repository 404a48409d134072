//! How a store runs the statements of accounts: parameters, rows, transactions.
//!
//! Statements are written once for both databases: parameters are `$1`, `$2`…, and the engine's
//! tables are called `rowcast.name`.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use rowcast_protocol::Role;
use uuid::Uuid;

use super::super::{StoreError, values::Raw};

/// The accounts of a database.
#[derive(Debug)]
pub(in crate::store) struct Book<D>(pub(in crate::store) Arc<D>);

/// A database that runs statements.
#[async_trait]
pub(in crate::store) trait Database: Send + Sync + fmt::Debug + 'static {
    /// The rows of a statement that only reads.
    async fn read(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError>;

    /// Begins a transaction that writes. `actor`: who is named in the entries that come of it,
    /// where the database can keep that.
    async fn begin(&self, actor: Option<&str>) -> Result<Box<dyn Statements + '_>, StoreError>;
}

/// A transaction that is open. One that is dropped is rolled back.
#[async_trait]
pub(in crate::store) trait Statements: Send {
    /// Runs a statement and gives its rows.
    async fn run(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError>;

    /// Ends it and keeps what was done.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// Ends it and undoes what was done.
    async fn roll_back(self: Box<Self>);
}

/// Commits if the work went well, else rolls back.
pub(super) async fn end<T, E: From<StoreError>>(
    transaction: Box<dyn Statements + '_>,
    outcome: Result<T, E>,
) -> Result<T, E> {
    match outcome {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            transaction.roll_back().await;
            Err(error)
        }
    }
}

/// A value for a statement.
#[derive(Debug, Clone)]
pub(in crate::store) enum Param {
    /// Text, or none.
    Text(Option<String>),
    /// A number, or none.
    Int(Option<i64>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A truth.
    Bool(bool),
    /// A UUID, or none.
    Uuid(Option<Uuid>),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<&str>> for Param {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<i64> for Param {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<bool> for Param {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Uuid> for Param {
    fn from(id: Uuid) -> Self {
        Self::Uuid(Some(id))
    }
}

impl From<&super::Hash> for Param {
    fn from(hash: &super::Hash) -> Self {
        Self::Bytes(hash.bytes())
    }
}

impl From<Timestamp> for Param {
    fn from(time: Timestamp) -> Self {
        Self::Int(Some(time.as_microsecond()))
    }
}

impl From<Option<Timestamp>> for Param {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Int(time.map(Timestamp::as_microsecond))
    }
}

impl From<Role> for Param {
    fn from(role: Role) -> Self {
        Self::from(role_name(role))
    }
}

/// A role as it stands in a row.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
}

/// Parameters in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::accounts::sql::Param::from($value)),*] };
}
pub(super) use params;

/// A row of an answer.
#[derive(Debug)]
pub(in crate::store) struct Row(pub(in crate::store) Vec<Raw>);

impl Row {
    fn cell(&self, column: usize) -> &Raw {
        self.0.get(column).unwrap_or(&Raw::Null)
    }

    /// Text that may be missing.
    pub(super) fn text_or_none(&self, column: usize) -> Option<String> {
        match self.cell(column) {
            Raw::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Text.
    pub(super) fn text(&self, column: usize) -> Result<String, StoreError> {
        self.text_or_none(column).ok_or_else(|| broken(column))
    }

    /// An instant that may be missing.
    pub(super) fn time_or_none(&self, column: usize) -> Option<Timestamp> {
        match self.cell(column) {
            Raw::Int(micros) => Timestamp::from_microsecond(*micros).ok(),
            _ => None,
        }
    }

    /// An instant.
    pub(super) fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.time_or_none(column).ok_or_else(|| broken(column))
    }

    /// Whether it says so.
    pub(super) fn truth(&self, column: usize) -> bool {
        matches!(self.cell(column), Raw::Bool(true) | Raw::Int(1..))
    }

    /// A UUID.
    pub(super) fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        self.text(column)?.parse().map_err(|_| broken(column))
    }

    /// A role.
    pub(super) fn role(&self, column: usize) -> Result<Role, StoreError> {
        Role::parse(&self.text(column)?).ok_or_else(|| broken(column))
    }
}

fn broken(column: usize) -> StoreError {
    StoreError::Failed(format!("column {column} of an account's row cannot be read"))
}
