//! What a store knows of its database. It is read again as a whole when somebody changes the tables.

use std::sync::Arc;

use rowcast_protocol::{Cursor, Epoch, Seq};

use super::{
    super::{
        error::StoreError,
        fold::EntryLimits,
        schema::{LiveSchema, LiveTable},
        weight::EditLimits,
    },
    connection::{Connection, nth, store_error},
    migrate::pending_width,
    raw::{Bound, number, own},
    records::Layouts,
};
use crate::planted::{self, Bug};

/// What a store knows of its database.
#[derive(Debug)]
pub(super) struct Facts {
    /// The live tables.
    pub(super) schema: Arc<LiveSchema>,
    /// SQLite's count of changes to tables, indexes and triggers, when the tables were read.
    pub(super) version: i64,
    /// This incarnation of the logs.
    pub(super) epoch: Epoch,
    /// How to read records.
    pub(super) layouts: Layouts,
    /// The statement that reads records after one number and before another.
    pub(super) select_records: String,
    /// How much an entry holds.
    pub(super) limits: EntryLimits,
    /// How heavy an edit may be.
    pub(super) edits: EditLimits,
}

impl Facts {
    /// Reads them.
    pub(super) async fn load(
        connection: &mut Connection,
        schema: LiveSchema,
        limits: EntryLimits,
        edits: EditLimits,
    ) -> Result<Self, StoreError> {
        let sql = "SELECT value FROM rowcast_meta WHERE name = 'epoch'";
        let answers = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
        let row = nth(answers, 0).rows.pop();
        let row = row.ok_or_else(|| StoreError::Unfit("the database has no epoch".to_owned()))?;
        let epoch = Epoch(number(&row, 0)?);
        let version = schema_version(connection).await?;
        let width = pending_width(connection).await?;
        let layouts = Layouts::load(connection, &schema, width).await?;
        let select_records = layouts.select();
        let schema = Arc::new(schema);
        Ok(Self { schema, version, epoch, layouts, select_records, limits, edits })
    }

    /// Refuses to work with tables that have changed since they were read. `version` is the
    /// database's count now, asked inside the transaction that is to do the work.
    pub(super) fn must_be(&self, version: i64) -> Result<(), StoreError> {
        let unnoticed = planted::is(Bug::TriggersLostUnnoticed);
        if version == self.version || unnoticed { Ok(()) } else { Err(StoreError::Changed) }
    }

    /// The live table with this index.
    pub(super) fn table(&self, index: usize) -> Result<&Arc<LiveTable>, StoreError> {
        let table = self.schema.tables.get(index);
        table.ok_or_else(|| StoreError::Failed(format!("there is no live table {index}")))
    }

    /// A place in a log of this database.
    pub(super) fn cursor(&self, seq: Seq, tag: u32) -> Cursor {
        Cursor { epoch: self.epoch, seq, tag: if seq == 0 { 0 } else { tag } }
    }
}

/// The statement that asks for SQLite's count of changes to tables, indexes and triggers.
pub(super) const SCHEMA_VERSION: &str = "SELECT schema_version FROM pragma_schema_version";

async fn schema_version(connection: &mut Connection) -> Result<i64, StoreError> {
    let answers = connection.run_once(SCHEMA_VERSION, Bound::none()).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or(Ok(0), |row| own(row, 0))
}
