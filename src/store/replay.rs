//! Refusals that are told again. A long row of a failed guard is not stored with the refusal: whoever
//! sends the edit again gets the row as it is by then.

use rowcast_protocol::ErrorCode;

use super::{
    Applied, CheckedEdit, CheckedOp, EditError, LiveTable, Query, Store, StoreError,
    query::{Filter, From, SortBy, Test},
};

/// Leaves out of rows what is hidden by now, and adds the rows to failed guards that have none. Where
/// they cannot be read the refusal stands without.
pub(super) async fn add_rows(
    store: &impl Store,
    edits: &[CheckedEdit],
    outcomes: &mut [Result<Applied, EditError>],
) {
    for (edit, outcome) in edits.iter().zip(outcomes) {
        let Err(error) = outcome else { continue };
        if let (Some(row), Some(table)) = (&mut error.row, &error.table) {
            let schema = store.schema();
            let table = schema.table(table, edit.channel.kind());
            row.0.retain(|name, _| table.is_some_and(|(_, table)| table.column(name).is_some()));
        }
        if error.code == ErrorCode::GuardFailed && error.row.is_none() {
            error.row = row_of(store, edit, error.op).await.unwrap_or_else(|failure| {
                tracing::debug!(%failure, "the row of a failed guard could not be read");
                None
            });
        }
    }
}

async fn row_of(
    store: &impl Store,
    edit: &CheckedEdit,
    op: Option<u32>,
) -> Result<Option<rowcast_protocol::Fields>, StoreError> {
    let op = op.and_then(|op| edit.ops.get(usize::try_from(op).ok()?));
    let (table, key) = match op {
        Some(
            CheckedOp::Update { table, key, .. }
            | CheckedOp::Delete { table, key, .. }
            | CheckedOp::Move { table, key, .. },
        ) => (*table, key),
        Some(CheckedOp::Insert { .. }) | None => return Ok(None),
    };
    let schema = store.schema();
    let named = edit.schema.tables.get(table);
    let table = named.and_then(|table| schema.table(&table.name, edit.channel.kind()));
    let Some((_, table)) = table else { return Ok(None) };
    let found = store.select(&edit.channel, table, &by_key(table, key)).await?;
    Ok(found.rows.into_iter().next())
}

/// The question for the one row with this key.
pub(crate) fn by_key(table: &LiveTable, key: &[rowcast_protocol::Value]) -> Query {
    let is = |(&column, value): (&usize, &rowcast_protocol::Value)| Filter {
        column,
        test: Test::Is(value.clone()),
    };
    let visible = table.columns.iter().enumerate().filter(|(_, column)| !column.hidden);
    Query {
        filters: table.key.iter().zip(key).map(is).collect(),
        sort: table.key.iter().map(|&column| SortBy { column, descending: false }).collect(),
        columns: visible.map(|(index, _)| index).collect(),
        from: From::Start,
        limit: 1,
        total: false,
    }
}
