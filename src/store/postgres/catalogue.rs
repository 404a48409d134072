//! Reads the catalogue: what the declared tables look like.

use rowcast_protocol::ColumnType;
use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::failure::store_error;
use crate::store::{
    Declarations, StoreError,
    build::{CatalogueColumn, CatalogueTable},
};

const COLUMNS: &str = "
    SELECT wanted.name AS table_name, a.attname::text AS column_name,
        format_type(a.atttypid, a.atttypmod) AS sql_type,
        a.attnotnull OR t.typnotnull AS not_null,
        a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL AS has_default,
        b.typname::text AS base, b.typtype::text AS type_type, b.typcategory::text AS category
    FROM unnest($1::text[]) WITH ORDINALITY wanted(name, nth)
    JOIN pg_class c ON c.oid = to_regclass(quote_ident(wanted.name)) AND c.relkind IN ('r', 'p')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    ORDER BY wanted.nth, a.attnum";

const KEYS: &str = "
    SELECT wanted.name AS table_name, a.attname::text AS column_name
    FROM unnest($1::text[]) WITH ORDINALITY wanted(name, nth)
    JOIN pg_index i ON i.indrelid = to_regclass(quote_ident(wanted.name)) AND i.indisprimary
    JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY k(attnum, place) ON true
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    ORDER BY wanted.nth, k.place";

/// The declared tables that exist.
pub(super) async fn read(
    connection: &mut PgConnection,
    declarations: &Declarations,
) -> Result<Vec<CatalogueTable>, StoreError> {
    let names: Vec<&str> = declarations.tables.iter().map(|table| table.name.as_str()).collect();
    let columns = sqlx::query(COLUMNS).bind(&names).fetch_all(&mut *connection).await;
    let keys = sqlx::query(KEYS).bind(&names).fetch_all(connection).await;
    assemble(&columns.map_err(store_error)?, &keys.map_err(store_error)?).map_err(store_error)
}

fn assemble(columns: &[PgRow], keys: &[PgRow]) -> Result<Vec<CatalogueTable>, sqlx::Error> {
    let mut tables: Vec<CatalogueTable> = Vec::new();
    for row in columns {
        let name: String = row.try_get("table_name")?;
        let column = column(row)?;
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(CatalogueTable { name, columns: vec![column], key: Vec::new() }),
        }
    }
    for row in keys {
        let name: String = row.try_get("table_name")?;
        if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
            table.key.push(row.try_get("column_name")?);
        }
    }
    Ok(tables)
}

fn column(row: &PgRow) -> Result<CatalogueColumn, sqlx::Error> {
    let base: String = row.try_get("base")?;
    let (type_type, category): (String, String) =
        (row.try_get("type_type")?, row.try_get("category")?);
    Ok(CatalogueColumn {
        name: row.try_get("column_name")?,
        sql_type: row.try_get("sql_type")?,
        kind: kind(&base, &type_type, &category),
        nullable: !row.try_get::<bool, _>("not_null")?,
        has_default: row.try_get("has_default")?,
    })
}

fn kind(base: &str, type_type: &str, category: &str) -> ColumnType {
    match base {
        "bool" => ColumnType::Bool,
        "int2" | "int4" | "int8" => ColumnType::Int,
        "float4" | "float8" => ColumnType::Float,
        "numeric" => ColumnType::Decimal,
        "text" | "varchar" | "bpchar" | "citext" | "name" => ColumnType::Text,
        "uuid" => ColumnType::Uuid,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        "timestamp" | "timestamptz" => ColumnType::Timestamp,
        "bytea" => ColumnType::Bytes,
        "json" | "jsonb" => ColumnType::Json,
        _ if type_type == "e" => ColumnType::Text,
        _ if category == "A" => ColumnType::List,
        _ => ColumnType::Other,
    }
}
