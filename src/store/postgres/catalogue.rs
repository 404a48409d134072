//! Reads the catalogue: what the declared tables look like.

use rowcast_protocol::ColumnType;
use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::failure::store_error;
use crate::store::{
    ColumnForm, Declarations, StoreError,
    build::{CatalogueColumn, CatalogueTable},
};

const COLUMNS: &str = "
    SELECT wanted.name AS table_name, a.attname::text AS column_name,
        format_type(b.oid, -1) AS sql_type,
        a.attnotnull OR t.typnotnull AS not_null,
        a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL AS has_default,
        b.typname::text AS base, b.typtype::text AS type_type,
        item.typname::text AS item, item.typtype::text AS item_type,
        quote_ident(a.attname) AS quoted,
        ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = b.oid ORDER BY e.enumsortorder) AS labels,
        ARRAY(SELECT pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k
            WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated AND k.conkey = ARRAY[a.attnum]
                AND coalesce(o.collisdeterministic, true) ORDER BY k.conname) AS checks
    FROM unnest($1::text[]) WITH ORDINALITY wanted(name, nth)
    JOIN pg_class c ON c.oid = to_regclass(quote_ident(wanted.name)) AND c.relkind IN ('r', 'p')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation o ON o.oid = a.attcollation
    JOIN LATERAL (
        WITH RECURSIVE beneath AS (
            SELECT t.oid, t.typtype, t.typbasetype
            UNION ALL
            SELECT d.oid, d.typtype, d.typbasetype
            FROM beneath JOIN pg_type d ON d.oid = beneath.typbasetype WHERE beneath.typtype = 'd')
        SELECT beneath.oid FROM beneath WHERE beneath.typtype <> 'd'
    ) base ON true
    JOIN pg_type b ON b.oid = base.oid
    LEFT JOIN pg_type of_array ON of_array.typarray = b.oid
    LEFT JOIN pg_type item
        ON item.oid = CASE WHEN of_array.typtype = 'd' THEN of_array.typbasetype ELSE of_array.oid END
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
    let type_type: String = row.try_get("type_type")?;
    let (item, item_type): (Option<String>, Option<String>) =
        (row.try_get("item")?, row.try_get("item_type")?);
    let item = item.zip(item_type).map(|(item, of)| kind(&item, &of));
    let labels: Vec<String> = row.try_get("labels")?;
    let (checks, quoted): (Vec<String>, String) = (row.try_get("checks")?, row.try_get("quoted")?);
    let listed = checks.iter().find_map(|check| listed_texts(check, &quoted));
    Ok(CatalogueColumn {
        name: row.try_get("column_name")?,
        sql_type: row.try_get("sql_type")?,
        kind: if item.is_some() { ColumnType::List } else { kind(&base, &type_type) },
        form: ColumnForm { item, padded: base == "bpchar", ..ColumnForm::default() },
        nullable: !row.try_get::<bool, _>("not_null")?,
        has_default: row.try_get("has_default")?,
        values: if labels.is_empty() { listed.unwrap_or_default() } else { labels },
    })
}

/// The texts of a check that is nothing but a list of them, as the database writes one down:
/// `(status = ANY (ARRAY['open'::text, 'closed'::text]))`.
fn listed_texts(check: &str, column: &str) -> Option<Vec<String>> {
    let text = [format!("({column} = ANY (ARRAY["), format!("(({column})::text = ANY ((ARRAY[")];
    let mut rest = text.iter().find_map(|beginning| check.strip_prefix(beginning))?;
    let mut texts = Vec::new();
    loop {
        let (value, after) = quoted_text(rest)?;
        texts.push(value);
        let kinds = ["::text", "::character varying"];
        let after = kinds.iter().find_map(|kind| after.strip_prefix(kind))?;
        let Some(next) = after.strip_prefix(", ") else {
            return ["]))", "])::text[]))"].contains(&after).then_some(texts);
        };
        rest = next;
    }
}

/// The text in the quotes that stand first, and what follows.
fn quoted_text(rest: &str) -> Option<(String, &str)> {
    let mut signs = rest.strip_prefix('\'')?.char_indices().peekable();
    let mut value = String::new();
    while let Some((place, sign)) = signs.next() {
        if sign == '\'' && signs.next_if(|(_, next)| *next == '\'').is_none() {
            return Some((value, rest.get(place + 2..)?));
        }
        value.push(sign);
    }
    None
}

fn kind(base: &str, type_type: &str) -> ColumnType {
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
        _ => ColumnType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::listed_texts;

    #[test]
    fn a_list_of_texts_is_read_from_the_database_s_words_for_it() {
        let listed = |check: &str| listed_texts(check, "kind");
        let texts = |all: &[&str]| Some(all.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(
            listed("(kind = ANY (ARRAY['a'::text, 'it''s, ]'::text]))"),
            texts(&["a", "it's, ]"])
        );
        assert_eq!(
            listed(
                "((kind)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))"
            ),
            texts(&["a", "b"])
        );
        for other in [
            "(kind <> ALL (ARRAY['a'::text, 'b'::text]))",
            "((kind = ANY (ARRAY['a'::text, 'b'::text])) OR (length(kind) > 3))",
            "(kind = ANY (ARRAY['a'::text, 'b'::text])) ",
            "(kind = ANY (ARRAY['a'::text, lower('B'::text)]))",
            "(kind = ANY (ARRAY['a'::text, E'b\\\\c'::text]))",
            "(other = ANY (ARRAY['a'::text, 'b'::text]))",
        ] {
            assert_eq!(listed(other), None, "{other}");
        }
    }
}
