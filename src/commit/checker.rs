//! The live tables as sessions need them: to check edits and to name rows.

use std::sync::Arc;

use rowcast_protocol::{ChannelName, Edit, EditId, Role, Value};

use super::check::{check, is_channel, row_key, rows_of, undo, with_tag};
use crate::{
    planted::{self, Bug},
    store::{CheckedEdit, EditError, LiveSchema, NamedRow, PastEntry, Store},
};

/// Checks what clients send against the live tables as they are at that moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Checker {
    store: Arc<dyn Store>,
}

impl Checker {
    /// Checks against this store's tables.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The tables at present.
    #[must_use]
    pub fn schema(&self) -> Arc<LiveSchema> {
        self.store.schema()
    }

    /// Whether this is how a channel's name is spelled; see [`is_channel`]. Asked wherever a name comes
    /// in, so that one channel never goes by two names.
    #[must_use]
    pub fn is_channel(&self, name: &ChannelName) -> bool {
        planted::is(Bug::AnySpelling) || is_channel(&self.schema(), name)
    }

    /// Checks an edit; see [`check`].
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn edit(&self, user: &Arc<str>, role: Role, edit: &Edit) -> Result<CheckedEdit, EditError> {
        check(&self.schema(), user, role, edit)
    }

    /// The same edit, of which another one may only claim to be the same if it asked for the same
    /// state of the row.
    #[must_use]
    pub fn with_tag(&self, edit: CheckedEdit, tag: &str) -> CheckedEdit {
        CheckedEdit { hash: with_tag(edit.hash, tag), ..edit }
    }

    /// The edit by which this person undoes an entry; see [`undo`].
    ///
    /// # Errors
    /// If it cannot be undone, or not by this person.
    pub fn undo(
        &self,
        user: &Arc<str>,
        role: Role,
        channel: &ChannelName,
        id: EditId,
        past: &PastEntry,
    ) -> Result<CheckedEdit, EditError> {
        undo(&self.schema(), user, role, (channel, id), past)
    }

    /// The rows that an entry's changes name, one for each.
    ///
    /// # Errors
    /// If a table of the entry is no longer live.
    pub fn rows_of(
        &self,
        channel: &ChannelName,
        past: &PastEntry,
    ) -> Result<Vec<NamedRow>, EditError> {
        rows_of(&self.schema(), channel, past)
    }

    /// Finds the table and checks the key of a row in a channel.
    ///
    /// # Errors
    /// If channels of this kind have no such table, or the key is none of it.
    pub fn row(
        &self,
        channel: &ChannelName,
        table: &str,
        key: &Value,
    ) -> Result<NamedRow, EditError> {
        let schema = self.schema();
        let (_, live) = schema.find(table, channel.kind())?;
        let key = row_key(live, key).map_err(|error| error.in_table(table))?;
        Ok(NamedRow { table: Arc::clone(live), key })
    }
}
