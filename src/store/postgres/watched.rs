//! What was recorded when the recorders were last made: a table that differs from it, or that nobody
//! watched meanwhile, is shown wrongly, so its channels are reset.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::{
    examine,
    failure::store_error,
    migrate::fact,
    name::{literal, visible},
};
use crate::store::{LiveSchema, LiveTable, StoreError};

/// The fact that holds the tables' forms.
pub(super) const FACT: &str = "shapes";

/// By table: the kind of its channels, and a hash of its form.
pub(super) type Shapes = BTreeMap<String, (String, String)>;

/// The tables that were recorded so far; `None` in a database that never said.
pub(super) async fn known(connection: &mut PgConnection) -> Result<Option<Shapes>, StoreError> {
    let text = fact(connection, FACT).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// The same for a schema, as it is kept.
pub(super) fn shapes(schema: &LiveSchema) -> String {
    let shape =
        |table: &LiveTable| (table.name.clone(), (table.channel_kind.clone(), shape(table)));
    let shapes: Shapes = schema.tables.iter().map(|table| shape(table)).collect();
    serde_json::to_string(&shapes).unwrap_or_default()
}

fn shape(table: &LiveTable) -> String {
    let columns: Vec<&str> = visible(table).map(|column| column.name.as_str()).collect();
    let form = format!("{columns:?} {:?} {:?}", table.key, table.relations);
    let digest = Sha256::digest(form.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The statement that marks a table as one to be shown anew, if it is.
pub(super) async fn mark(
    connection: &mut PgConnection,
    table: &LiveTable,
    known: Option<&Shapes>,
) -> Result<Option<String>, StoreError> {
    let Some(known) = known else { return Ok(None) };
    let was = known.get(&table.name);
    let same = was.is_some_and(|(kind, was)| *kind == table.channel_kind && *was == shape(table));
    if same && examine::is_watched(connection, table).await.map_err(store_error)? {
        return Ok(None);
    }
    Ok(Some(marker(&table.channel_kind, &table.name)))
}

/// The statements that mark the channels of tables that are no longer live.
pub(super) fn marks_of_gone(schema: &LiveSchema, known: Option<&Shapes>) -> Vec<String> {
    let gone = known.into_iter().flatten().filter(|(name, (kind, _))| {
        !schema.tables.iter().any(|table| table.name == **name && table.channel_kind == *kind)
    });
    gone.map(|(name, (kind, _))| marker(kind, name)).collect()
}

/// The statement that resets all channels of a kind.
pub(super) fn marker(kind: &str, table: &str) -> String {
    format!(
        "INSERT INTO rowcast.pending (channel, tbl, n) VALUES ({}, {}, 0)",
        literal(&format!("{kind}:*")),
        literal(table),
    )
}

/// The statements that reset all channels of a kind, in the place of a reset that nobody has numbered
/// yet.
pub(super) fn marked_last(kind: &str, table: &str) -> [String; 2] {
    let earlier = format!(
        "DELETE FROM rowcast.pending WHERE step IS NULL AND channel = {} AND tbl = {}",
        literal(&format!("{kind}:*")),
        literal(table),
    );
    [earlier, marker(kind, table)]
}
