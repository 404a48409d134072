//! Which tables the declared names mean, and why some of them cannot be live.

use sqlx::{PgConnection, Row as _, postgres::PgRow};

use crate::store::Relation;

/// A declared name is looked for as it is on the session's search path, then as `schema.table`.
/// Temporary tables of the session itself are never meant.
const NAMED: &str = "
    SELECT wanted.name, c.oid::bigint AS oid, n.nspname::text AS schema, c.relkind::text AS kind,
        c.relpersistence::text AS persistence, c.relispartition AS is_partition,
        (SELECT p.inhparent::regclass::text FROM pg_inherits p WHERE p.inhrelid = c.oid LIMIT 1) AS parent,
        EXISTS (SELECT FROM pg_inherits p WHERE p.inhparent = c.oid) AND c.relkind = 'r' AS has_children,
        EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid
            OR s.srrelid IN (SELECT p.relid FROM pg_partition_tree(c.oid) p)) AS is_replica
    FROM unnest($1::text[]) WITH ORDINALITY wanted(name, nth)
    CROSS JOIN LATERAL (SELECT coalesce(
        to_regclass(quote_ident(wanted.name)),
        CASE WHEN strpos(wanted.name, '.') > 0 THEN to_regclass(
            quote_ident(split_part(wanted.name, '.', 1)) || '.' ||
            quote_ident(substr(wanted.name, strpos(wanted.name, '.') + 1))) END) AS oid) found
    JOIN pg_class c ON c.oid = found.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    ORDER BY wanted.nth";

/// A table with all its partitions, and of each the columns that the table has too, by their names.
const RELATIONS: &str = "
    SELECT r.oid::bigint AS oid, r.relname::text AS name, format('%I.%I', n.nspname, r.relname) AS sql_name,
        array_agg(a.attnum ORDER BY own.attnum) AS numbers,
        array_agg(a.atttypid::bigint ORDER BY own.attnum) AS types
    FROM (SELECT $1::bigint::oid AS oid, 0 AS depth
          UNION SELECT p.relid, p.level FROM pg_partition_tree($1::bigint::oid::regclass) p) tree
    JOIN pg_class r ON r.oid = tree.oid
    JOIN pg_namespace n ON n.oid = r.relnamespace
    JOIN pg_attribute own ON own.attrelid = $1::bigint::oid AND own.attnum > 0 AND NOT own.attisdropped
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = own.attname AND a.attnum > 0
        AND NOT a.attisdropped
    WHERE r.relkind IN ('r', 'p')
    GROUP BY r.oid, n.nspname, r.relname, tree.depth ORDER BY tree.depth, r.oid";

/// A declared table that the database has.
#[derive(Debug)]
pub(super) struct Named {
    /// As it is declared.
    pub(super) name: String,
    pub(super) oid: i64,
    /// Why it cannot be live.
    pub(super) refused: Option<String>,
}

/// What these names mean to this session.
pub(super) async fn named(
    connection: &mut PgConnection,
    names: &[&str],
) -> Result<Vec<Named>, sqlx::Error> {
    let rows = sqlx::query(NAMED).bind(names).fetch_all(connection).await?;
    rows.iter().map(Named::read).collect()
}

/// The relations of a table; see [`Relation`].
pub(super) async fn of(
    connection: &mut PgConnection,
    named: &Named,
) -> Result<Vec<Relation>, sqlx::Error> {
    let rows = sqlx::query(RELATIONS).bind(named.oid).fetch_all(connection).await?;
    let read = |row: &PgRow| {
        let (numbers, types): (Vec<i16>, Vec<i64>) =
            (row.try_get("numbers")?, row.try_get("types")?);
        Ok(Relation {
            oid: row.try_get("oid")?,
            name: row.try_get("name")?,
            sql_name: row.try_get("sql_name")?,
            columns: numbers.into_iter().zip(types).collect(),
        })
    };
    rows.iter().map(read).collect()
}

impl Named {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            name: row.try_get("name")?,
            oid: row.try_get("oid")?,
            refused: why_refused(row)?,
        })
    }
}

/// Tables whose changes nobody could see, and the engine's own.
fn why_refused(row: &PgRow) -> Result<Option<String>, sqlx::Error> {
    let (schema, kind): (String, String) = (row.try_get("schema")?, row.try_get("kind")?);
    let persistence: String = row.try_get("persistence")?;
    let parent: Option<String> = row.try_get("parent")?;
    let (has_children, is_replica): (bool, bool) =
        (row.try_get("has_children")?, row.try_get("is_replica")?);
    if ["rowcast", "pg_catalog", "information_schema"].contains(&schema.as_str()) {
        return Ok(Some(format!("stands in the schema `{schema}`, whose tables cannot be live")));
    }
    let words = match (kind.as_str(), persistence.as_str()) {
        ("v" | "m", _) => "is a view; declare the tables that it reads",
        ("f", _) => "is a foreign table: its rows can change without this database",
        ("r" | "p", "t") => "is a temporary table",
        ("r" | "p", "u") => {
            "is unlogged, so a crash would empty it unseen; ALTER TABLE … SET LOGGED makes it durable"
        }
        ("r" | "p", _) if has_children => {
            "has children by inheritance, in which keys may repeat; make them partitions"
        }
        ("r" | "p", _) if is_replica => {
            "is filled by a subscription, whose rows fire no trigger of a statement; declare it where they are written"
        }
        ("r" | "p", _) => {
            let Some(parent) = parent else { return Ok(None) };
            let is_partition: bool = row.try_get("is_partition")?;
            let what = if is_partition { "a partition" } else { "a child by inheritance" };
            return Ok(Some(format!(
                "is {what} of `{parent}`, through which its rows can change; declare that table"
            )));
        }
        _ => "is no table",
    };
    Ok(Some(words.to_owned()))
}
