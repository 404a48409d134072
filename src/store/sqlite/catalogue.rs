//! What the database says of its tables.
//!
//! Tables need not be STRICT: the declared type of a column says what its values look like on the
//! wire, whatever SQLite makes of it.

use rowcast_protocol::ColumnType;

use super::{
    super::{
        build::{CatalogueColumn, CatalogueKey, CatalogueTable, ValueSource},
        declaration::Declarations,
        error::StoreError,
        reference::Follows,
        schema::ColumnForm,
    },
    check::{allowed_values, foreign_key_name},
    connection::{Connection, nth, store_error},
    raw::{Bound, own},
};

/// The declared tables that exist.
pub(super) async fn tables(
    connection: &mut Connection,
    declarations: &Declarations,
) -> Result<Vec<CatalogueTable>, StoreError> {
    let mut found = Vec::new();
    for declared in &declarations.tables {
        if is_the_engines(&declared.name) {
            let why = "is one of the engine's own or of the database, which cannot be live";
            found.push(CatalogueTable::refused(&declared.name, why));
        } else if let Some(table) = table(connection, &declared.name).await? {
            found.push(table);
        }
    }
    Ok(found)
}

/// Names are one whatever their case.
fn is_the_engines(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["rowcast_", "sqlite_"].iter().any(|beginning| name.starts_with(beginning))
}

async fn table(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<CatalogueTable>, StoreError> {
    let sql = "SELECT c.name, c.type, c.\"notnull\", c.dflt_value IS NOT NULL, c.pk, t.sql, c.hidden IN (2, 3),
            NOT (SELECT l.strict FROM pragma_table_list(t.name) l WHERE l.schema = 'main')
        FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c
        WHERE t.type = 'table' AND t.name = ? AND c.hidden <> 1 ORDER BY c.cid";
    let answers =
        connection.run_once(sql, Bound::default().with(name).done()).await.map_err(store_error)?;
    let (mut columns, mut key, mut text) = (Vec::new(), Vec::new(), String::new());
    for row in nth(answers, 0).rows {
        let column: String = own(&row, 0)?;
        let sql_type: String = own(&row, 1)?;
        let place: i64 = own(&row, 4)?;
        if place > 0 {
            key.push((place, column.clone()));
        }
        text = own(&row, 5)?;
        let integer_key = place > 0 && sql_type.eq_ignore_ascii_case("integer");
        columns.push(CatalogueColumn {
            name: column,
            kind: kind_of(&sql_type),
            form: ColumnForm {
                loose: own::<bool>(&row, 7)?,
                doubles: makes_numbers(&sql_type),
                ..ColumnForm::default()
            },
            sql_type,
            made_type: false,
            nullable: !own::<bool>(&row, 2)? && place == 0,
            has_default: own::<bool>(&row, 3)? || integer_key,
            source: if own(&row, 6)? { ValueSource::Expression } else { ValueSource::Writers },
            values: Vec::new(),
        });
    }
    for column in columns.iter_mut().filter(|column| column.kind == ColumnType::Text) {
        column.values = allowed_values(&text, &column.name);
    }
    key.sort();
    let key = key.into_iter().map(|(_, column)| column).collect();
    let found = !columns.is_empty();
    let foreign_keys = foreign_keys(connection, name, &text).await?;
    Ok(found.then(|| CatalogueTable { columns, key, foreign_keys, ..CatalogueTable::named(name) }))
}

/// The foreign keys of a table, in the order of the text that made it.
pub(super) async fn foreign_keys(
    connection: &mut Connection,
    table: &str,
    text: &str,
) -> Result<Vec<CatalogueKey>, StoreError> {
    let changes = "NOT IN ('NO ACTION', 'RESTRICT')";
    let sql = format!(
        "SELECT id, \"table\", \"from\", \"to\", on_delete {changes}, on_update {changes}
         FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq"
    );
    let bound = Bound::default().with(table).done();
    let answers = connection.run_once(sql, bound).await.map_err(store_error)?;
    // SQLite does not say which of them.
    let later = text.to_ascii_uppercase().contains("DEFERRED");
    let mut found: Vec<(i64, CatalogueKey)> = Vec::new();
    for row in nth(answers, 0).rows {
        let (id, from): (i64, String) = (own(&row, 0)?, own(&row, 2)?);
        if found.last().is_none_or(|(known, _)| *known != id) {
            let follows = Follows { deletes: own(&row, 4)?, updates: own(&row, 5)?, later };
            let (name, columns) = (String::new(), Vec::new());
            let (to, to_columns) = (own(&row, 1)?, Vec::new());
            found.push((id, CatalogueKey { name, columns, to, to_columns, follows }));
        }
        if let Some((_, key)) = found.last_mut() {
            key.columns.push(from);
            key.to_columns.extend(own::<Option<String>>(&row, 3)?);
        }
    }
    let named = found.into_iter().map(|(_, key)| {
        let usual = || format!("{table}_{}_fkey", key.columns.join("_"));
        let name = foreign_key_name(text, &key.columns).unwrap_or_else(usual);
        CatalogueKey { name, ..key }
    });
    Ok(named.collect())
}

/// Whether the database makes numbers of texts, going by the declared type as it does itself.
fn makes_numbers(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    has(&["INT"]) || !(has(&["CHAR", "CLOB", "TEXT", "BLOB"]) || declared.is_empty())
}

/// What values of a declared type look like on the wire. Exact decimals need a type that SQLite
/// keeps as text, such as `DECIMAL TEXT`; a plain `DECIMAL` holds some 15 digits.
fn kind_of(declared: &str) -> ColumnType {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    match () {
        () if has(&["BOOL"]) => ColumnType::Bool,
        () if has(&["UUID"]) => ColumnType::Uuid,
        () if has(&["TIMESTAMP", "DATETIME"]) => ColumnType::Timestamp,
        () if declared == "DATE" => ColumnType::Date,
        () if declared.starts_with("TIME") => ColumnType::Time,
        () if has(&["JSON"]) => ColumnType::Json,
        () if has(&["DECIMAL", "NUMERIC"]) => ColumnType::Decimal,
        () if has(&["INT", "SERIAL"]) => ColumnType::Int,
        () if has(&["CHAR", "CLOB", "TEXT"]) => ColumnType::Text,
        () if has(&["BLOB", "BYTE", "BINARY"]) => ColumnType::Bytes,
        () if has(&["REAL", "FLOA", "DOUB"]) => ColumnType::Float,
        () => ColumnType::Other,
    }
}
