//! Reads the catalogue: what the declared tables look like.

use rowcast_protocol::ColumnType;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgRow};

use super::{
    failure::store_error,
    relations::{self, Named},
};
use crate::store::{
    ColumnForm, Declarations, StoreError,
    build::{CatalogueColumn, CatalogueKey, CatalogueTable, ValueSource},
    reference::Follows,
};

/// Types are named with their schemas, since the search path is empty when this is read. `base` is
/// the name of the type below all domains if it comes with the database, `item` the same of the
/// items of a list. A list is what the database makes of a type by itself and separates with commas;
/// other kinds of arrays (`int2vector`, `box[]`) travel as their text.
const COLUMNS: &str = "
    WITH RECURSIVE below(top, oid, typtype, not_null, has_default) AS (
        SELECT t.oid, t.oid, t.typtype, t.typnotnull, t.typdefault IS NOT NULL FROM pg_type t
        UNION ALL
        SELECT d.top, b.oid, b.typtype, d.not_null OR b.typnotnull, d.has_default OR b.typdefault IS NOT NULL
        FROM below d JOIN pg_type u ON u.oid = d.oid JOIN pg_type b ON b.oid = u.typbasetype
        WHERE d.typtype = 'd'
    ), base AS (
        SELECT d.top, d.not_null, d.has_default, b.oid, b.typtype, b.typcategory, b.typelem,
            CASE WHEN n.nspname = 'pg_catalog' OR b.typtype = 'b' AND b.typname = 'citext'
                THEN b.typname::text ELSE '' END AS name,
            n.nspname = 'pg_catalog' AS given
        FROM below d JOIN pg_type b ON b.oid = d.oid JOIN pg_namespace n ON n.oid = b.typnamespace
        WHERE d.typtype <> 'd'
    )
    SELECT a.attrelid::bigint AS relation, a.attname::text AS column_name,
        a.attnum, a.atttypid::bigint AS type_oid,
        format_type(b.oid, -1) AS sql_type,
        a.attnotnull OR b.not_null AS not_null,
        a.atthasdef OR a.attidentity <> '' OR b.has_default AS has_default,
        a.attgenerated::text AS generated, a.attidentity::text AS identity,
        b.name AS base, b.typtype::text AS type_type,
        i.name AS item, i.typtype::text AS item_type,
        NOT coalesce(i.given, b.given) AS made_type,
        quote_ident(a.attname) AS quoted,
        ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = b.oid ORDER BY e.enumsortorder) AS labels,
        ARRAY(SELECT pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k
            WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.convalidated AND k.conkey = ARRAY[a.attnum]
                AND coalesce(o.collisdeterministic, true) ORDER BY k.conname) AS checks
    FROM pg_attribute a
    JOIN base b ON b.top = a.atttypid
    LEFT JOIN pg_type e ON e.oid = b.typelem AND e.typarray = b.oid AND e.typdelim = ','
    LEFT JOIN base i ON i.top = e.oid
    LEFT JOIN pg_collation o ON o.oid = a.attcollation
    WHERE a.attrelid = ANY ($1::bigint[]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum";

const KEYS: &str = "
    SELECT i.indrelid::bigint AS relation, a.attname::text AS column_name
    FROM pg_index i
    JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY k(attnum, place) ON true
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = ANY ($1::bigint[]::oid[]) AND i.indisprimary
    ORDER BY i.indrelid, k.place";

/// Foreign keys between these relations, but for those that partitions have of their table.
const FOREIGN_KEYS: &str = "
    SELECT k.conrelid::bigint AS relation, k.conname::text AS name, k.confrelid::bigint AS target,
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, nth)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.nth) AS columns,
        ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(n, nth)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.nth) AS to_columns,
        k.confdeltype IN ('c', 'n', 'd') AS deletes, k.confupdtype IN ('c', 'n', 'd') AS updates,
        k.condeferred AS later
    FROM pg_constraint k
    WHERE k.contype = 'f' AND k.conparentid = 0
        AND k.conrelid = ANY ($1::bigint[]::oid[]) AND k.confrelid = ANY ($1::bigint[]::oid[])
    ORDER BY k.conrelid, k.conname";

/// The declared tables that exist.
pub(super) async fn read(
    connection: &mut PgConnection,
    declarations: &Declarations,
) -> Result<Vec<CatalogueTable>, StoreError> {
    let names: Vec<&str> = declarations.tables.iter().map(|table| table.name.as_str()).collect();
    let named = relations::named(connection, &names).await.map_err(store_error)?;
    described(connection, named).await.map_err(store_error)
}

async fn described(
    connection: &mut PgConnection,
    named: Vec<Named>,
) -> Result<Vec<CatalogueTable>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    transaction.execute("SET LOCAL search_path = ''").await?;
    let oids: Vec<i64> = named.iter().map(|named| named.oid).collect();
    let columns = sqlx::query(COLUMNS).bind(&oids).fetch_all(&mut *transaction).await?;
    let keys = sqlx::query(KEYS).bind(&oids).fetch_all(&mut *transaction).await?;
    let foreign = sqlx::query(FOREIGN_KEYS).bind(&oids).fetch_all(&mut *transaction).await?;
    let names: Vec<(i64, String)> =
        named.iter().map(|named| (named.oid, named.name.clone())).collect();
    let mut tables = Vec::with_capacity(named.len());
    for named in named {
        let columns = of(&columns, named.oid)?;
        tables.push(CatalogueTable {
            relations: relations::of(&mut transaction, &named).await?,
            columns: columns.into_iter().map(column).collect::<Result<_, _>>()?,
            key: of(&keys, named.oid)?
                .into_iter()
                .map(|row| row.try_get("column_name"))
                .collect::<Result<_, _>>()?,
            foreign_keys: of(&foreign, named.oid)?
                .into_iter()
                .map(|row| foreign_key(row, &names))
                .collect::<Result<_, _>>()?,
            refused: named.refused,
            name: named.name,
        });
    }
    transaction.rollback().await?;
    Ok(tables)
}

/// The rows that tell of this relation.
fn of(rows: &[PgRow], relation: i64) -> Result<Vec<&PgRow>, sqlx::Error> {
    let mut found = Vec::new();
    for row in rows {
        if row.try_get::<i64, _>("relation")? == relation {
            found.push(row);
        }
    }
    Ok(found)
}

fn foreign_key(row: &PgRow, names: &[(i64, String)]) -> Result<CatalogueKey, sqlx::Error> {
    let target: i64 = row.try_get("target")?;
    let to = names.iter().find(|(oid, _)| *oid == target);
    Ok(CatalogueKey {
        name: row.try_get("name")?,
        columns: row.try_get("columns")?,
        to: to.map(|(_, name)| name.clone()).unwrap_or_default(),
        to_columns: row.try_get("to_columns")?,
        follows: Follows {
            deletes: row.try_get("deletes")?,
            updates: row.try_get("updates")?,
            later: row.try_get("later")?,
        },
    })
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
        made_type: row.try_get("made_type")?,
        nullable: !row.try_get::<bool, _>("not_null")?,
        has_default: row.try_get("has_default")?,
        source: source(row.try_get("generated")?, row.try_get("identity")?),
        values: if labels.is_empty() { listed.unwrap_or_default() } else { labels },
    })
}

/// `s` or `v` in `generated`: stored or virtual; `a` in `identity`: always.
fn source(generated: &str, identity: &str) -> ValueSource {
    match (generated, identity) {
        ("", "a") => ValueSource::Identity,
        ("", _) => ValueSource::Writers,
        _ => ValueSource::Expression,
    }
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
