//! Takes over tables that somebody has changed: reads the catalogue again, makes the triggers be those
//! of the tables, and resets the channels of every table of which a change may not have been recorded.
//!
//! All of it is one transaction of the writer, so nobody changes a row or a table in between. Whoever
//! changes a table leaves another schema version behind; each transaction of the hub looks at it before
//! it does anything (see [`Facts::version`]).

use std::collections::{BTreeMap, BTreeSet};

use rowcast_protocol::ChannelName;

use super::{
    super::{
        Appended, EditLimits,
        declaration::Declarations,
        error::StoreError,
        fold::{EntryBuilder, EntryLimits},
        schema::{LiveSchema, LiveTable},
    },
    backlog::channel_name,
    catalogue,
    connection::{Connection, nth, quoted, store_error},
    facts::Facts,
    log::{self, Draft, Forget, Numbered},
    migrate, outside,
    raw::{Bound, own, raw},
};
use crate::store::build::{fitting_schema, live_schema};

/// The tables to reset, by their channels.
type Resets = BTreeMap<ChannelName, BTreeSet<String>>;

/// What is to be taken over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reload<'a> {
    /// What is declared.
    pub(super) declarations: &'a Declarations,
    /// How much an entry holds.
    pub(super) limits: EntryLimits,
    /// How heavy an edit may be.
    pub(super) edits: EditLimits,
    /// The tables as they were; `None`: this process did not watch them.
    pub(super) before: Option<&'a LiveSchema>,
    /// Tables whose recording is not to be trusted.
    pub(super) mend: &'a [String],
    /// Whether every declaration must fit.
    pub(super) strict: bool,
}

impl Reload<'_> {
    /// Takes the tables over as they are now. Returns what is known of them and what was added to
    /// the logs.
    pub(super) async fn run(
        self,
        connection: &mut Connection,
    ) -> Result<(Facts, Vec<Appended>), StoreError> {
        connection.run_once("BEGIN IMMEDIATE", Bound::none()).await.map_err(store_error)?;
        let mut draft = Draft::default();
        let done = self.begun(connection, &mut draft).await;
        if done.is_err() {
            let _ = connection.run_once("ROLLBACK", Bound::none()).await;
        }
        let (facts, numbered) = done?;
        for table in &facts.schema.unwatched {
            tracing::warn!(table = table.name, why = table.why, "a table is not live at present");
        }
        let appended = log::appended(&facts, draft, &numbered);
        Ok((facts, appended))
    }

    async fn begun(
        self,
        connection: &mut Connection,
        draft: &mut Draft,
    ) -> Result<(Facts, Numbered), StoreError> {
        let catalogue = catalogue::tables(connection, self.declarations).await?;
        let mut schema = if self.strict {
            live_schema(self.declarations, &catalogue)?
        } else {
            fitting_schema(self.declarations, &catalogue)
        };
        for table in self.mend {
            migrate::forget_triggers(connection, table).await?;
        }
        let unrecorded = migrate::apply(connection, &mut schema, self.strict).await?;
        let facts = Facts::load(connection, schema, self.limits, self.edits).await?;
        let resets = self.resets(connection, &facts.schema, unrecorded).await?;
        // What was recorded before a reset must not come after it.
        while !resets.is_empty() && outside::pass(connection, &facts, draft).await? {}
        for (channel, tables) in resets {
            let mut entry = EntryBuilder::new(self.limits);
            for table in tables {
                entry.push_unseen(&table, self.limits.changes + 1);
            }
            draft.entries.push((channel, entry.finish()));
        }
        let numbered = log::number_draft(connection, draft).await?;
        log::write_and_commit(connection, draft, &numbered, &[], Forget::Nothing)
            .await
            .map_err(store_error)?;
        Ok((facts, numbered))
    }

    /// The channels of the tables that were not recorded for some time, are not as they were, or are
    /// gone.
    async fn resets(
        self,
        connection: &mut Connection,
        now: &LiveSchema,
        unrecorded: Vec<String>,
    ) -> Result<Resets, StoreError> {
        let mut tables: BTreeSet<(&str, &str)> = BTreeSet::new();
        for table in &now.tables {
            if unrecorded.contains(&table.name) {
                tables.insert((&table.channel_kind, &table.name));
            }
        }
        tables.extend(self.before.into_iter().flat_map(|before| now.changed_since(before)));
        let mut resets = Resets::new();
        for (kind, name) in tables {
            tracing::info!(table = name, "the channels of a table are reset");
            let live = now.table(name, kind).map(|(_, table)| &**table);
            for channel in channels(connection, kind, live).await? {
                resets.entry(channel).or_default().insert(name.to_owned());
            }
        }
        Ok(resets)
    }
}

/// The channels of a kind: those that have a log, and those that rows of the table stand in.
async fn channels(
    connection: &mut Connection,
    kind: &str,
    table: Option<&LiveTable>,
) -> Result<BTreeSet<ChannelName>, StoreError> {
    let sql = "SELECT name FROM rowcast_channel WHERE name >= ? AND name < ?";
    let bound = Bound::default().with(format!("{kind}:")).with(format!("{kind};")).done();
    let answers = connection.run_once(sql, bound).await.map_err(store_error)?;
    let mut found = BTreeSet::new();
    for row in nth(answers, 0).rows {
        found.extend(ChannelName::new(own(&row, 0)?));
    }
    let column = table.and_then(|table| Some((table, table.columns.get(table.channel_column)?)));
    if let Some((table, column)) = column {
        let sql = format!("SELECT DISTINCT {} FROM {}", quoted(&column.name), quoted(&table.name));
        let answers = connection.run_once(sql, Bound::none()).await.map_err(store_error)?;
        for row in nth(answers, 0).rows {
            found.extend(channel_name(table, raw(&row, 0)?));
        }
    }
    Ok(found)
}
