//! Where the shipped tables stand: in the first schema of the search path, never in the engine's.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::{failure::store_error, migrate::unfit};
use crate::store::{StoreError, schema::SHIPPED};

/// The functions of the shipped tables' triggers.
const FUNCTIONS: [&str; 3] = ["notify_assigned", "notify_commented", "rename_members"];

/// Moves the shipped tables out of the engine's schema: they were made there where the role has the
/// same name as that schema, since `"$user"` then stands for it.
pub(super) async fn leave_the_engine(connection: &mut PgConnection) -> Result<(), StoreError> {
    let schema = "SELECT quote_ident(current_schema())";
    let schema: Option<String> =
        sqlx::query_scalar(schema).fetch_one(&mut *connection).await.map_err(store_error)?;
    let schema = schema.ok_or_else(|| {
        unfit("no schema on the role's search_path exists, beside the engine's own; create one, or set search_path")
    })?;
    let sql = "SELECT ARRAY(SELECT format('ALTER TABLE rowcast.%I SET SCHEMA ', c.relname) \
                   FROM pg_class c WHERE c.relnamespace = to_regnamespace('rowcast') AND c.relname = ANY ($1) \
                   AND c.relkind = 'r' ORDER BY c.oid) \
               || ARRAY(SELECT format('ALTER FUNCTION rowcast.%I() SET SCHEMA ', p.proname) \
                   FROM pg_proc p WHERE p.pronamespace = to_regnamespace('rowcast') AND p.proname = ANY ($2))";
    let query = sqlx::query_scalar(sql).bind(SHIPPED.as_slice()).bind(FUNCTIONS.as_slice());
    let moves: Vec<String> = query.fetch_one(&mut *connection).await.map_err(store_error)?;
    if moves.is_empty() {
        return Ok(());
    }
    let moves: String = moves.iter().map(|sql| format!("{sql}{schema};")).collect();
    connection.execute(AssertSqlSafe(format!("BEGIN;{moves}COMMIT"))).await.map_err(store_error)?;
    Ok(())
}
