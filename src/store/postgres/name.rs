//! SQL text made from names of the catalogue: quoting, and a row as JSON.

use rowcast_protocol::ColumnType;

use crate::store::{LiveColumn, LiveTable};

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it.
pub(super) fn literal(text: &str) -> String {
    let escaped = text.replace('\'', "''");
    if escaped.contains('\\') {
        format!("E'{}'", escaped.replace('\\', "\\\\"))
    } else {
        format!("'{escaped}'")
    }
}

/// The column of a table by its index. The schema's indexes are its own.
pub(super) fn column(table: &LiveTable, index: usize) -> Option<&LiveColumn> {
    table.columns.get(index)
}

/// The table's whole name as SQL has it.
pub(super) fn table_name(table: &LiveTable) -> String {
    table.relations.first().map_or_else(|| quoted(&table.name), |own| own.sql_name.clone())
}

/// `alias."column"`.
pub(super) fn of(alias: &str, column: &LiveColumn) -> String {
    format!("{alias}.{}", quoted(&column.name))
}

/// `column = value`, by bytes: first as the column compares, so that an index serves, and then
/// exactly. `value` is of the column's type, or a text that is cast to it.
pub(super) fn is_exactly(alias: &str, column: &LiveColumn, value: &str) -> String {
    let own = of(alias, column);
    let equal = format!("{own} = {value}::{}", column.sql_type);
    match column.kind {
        // Types and collations exist in which texts that differ are equal.
        ColumnType::Text | ColumnType::Other => {
            format!("{equal} AND {own}::text COLLATE \"C\" = {value}::text")
        }
        _ => equal,
    }
}

/// JSON text of a column's value, exact and whatever the session's settings are; never SQL NULL.
pub(super) fn json_of(alias: &str, column: &LiveColumn) -> String {
    json_of_value(&of(alias, column), column)
}

/// The same of any value of the column's type.
pub(super) fn json_of_value(value: &str, column: &LiveColumn) -> String {
    let exact = match column.kind {
        ColumnType::Bytes => format!("pg_catalog.encode({value}, 'hex')"),
        ColumnType::Text | ColumnType::Other if column.made_type => output(value),
        ColumnType::Decimal | ColumnType::Other => format!("{value}::text"),
        // Without the blanks that fill it up.
        ColumnType::Text if column.form.padded => format!("{value}::text"),
        ColumnType::List => return json_of_list(value, column.made_type),
        _ => value.to_owned(),
    };
    format!("coalesce(pg_catalog.to_json({exact})::text, 'null')")
}

/// The value as its type writes it. No cast is used: the makers of types may write functions for
/// those, and they would run with the rights of whoever casts.
pub(super) fn output(value: &str) -> String {
    format!("CASE WHEN {value} IS DISTINCT FROM NULL THEN pg_catalog.concat({value}) END")
}

/// JSON has no place for indexes that do not begin at 1: such an array is its text.
fn json_of_list(value: &str, made: bool) -> String {
    let text = if made { format!("({})", output(value)) } else { format!("{value}::text") };
    format!(
        "coalesce(CASE WHEN {text} LIKE '[%' THEN pg_catalog.to_json({text}) \
         ELSE pg_catalog.to_json({text}::text[]) END::text, 'null')"
    )
}

/// Whether the output of the column's type depends on settings of the session.
pub(super) fn depends_on_settings(column: &LiveColumn) -> bool {
    match column.kind {
        ColumnType::Float | ColumnType::Other => true,
        ColumnType::List => {
            !["text", "uuid", "integer", "bigint", "smallint", "boolean", "numeric"]
                .iter()
                .any(|name| column.sql_type.starts_with(name))
        }
        _ => false,
    }
}

/// JSON text of a whole row without its hidden columns.
pub(super) fn json_of_row(alias: &str, table: &LiveTable) -> String {
    json_of_columns(alias, visible(table))
}

/// JSON text of these columns of a row.
pub(super) fn json_of_columns<'a>(
    alias: &str,
    columns: impl Iterator<Item = &'a LiveColumn>,
) -> String {
    let members = columns.map(|column| {
        let name = serde_json::to_string(&column.name).unwrap_or_default();
        format!("{}, {}", literal(&format!("{name}:")), json_of(alias, column))
    });
    let members: Vec<String> = members.collect();
    // A function takes at most 100 arguments, a table has at most 1,600 columns.
    let parts =
        members.chunks(30).map(|part| format!("pg_catalog.concat({})", part.join(", ',', ")));
    let parts = parts.collect::<Vec<_>>().join(", ");
    format!("pg_catalog.concat('{{', pg_catalog.concat_ws(',', {parts}), '}}')")
}

/// The columns that may be seen.
pub(super) fn visible(table: &LiveTable) -> impl Iterator<Item = &LiveColumn> {
    table.columns.iter().filter(|column| !column.hidden)
}

/// The columns of the primary key.
pub(super) fn key(table: &LiveTable) -> impl Iterator<Item = &LiveColumn> {
    table.key.iter().filter_map(|&index| table.columns.get(index))
}
