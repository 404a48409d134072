//! Makes the triggers that record changes of a live table.
//!
//! Each is a statement trigger with code of its own for the table. All it does is read the
//! transition tables and insert into `rowcast.pending`, one row per channel: no lock that anybody
//! could wait for, no read of a shared table, nothing that depends on the isolation level. The old
//! and the new row of an update stand at the same place of their transition tables.

mod large;
mod single;

use std::fmt::Write as _;

use rowcast_protocol::ColumnType;

use self::{
    large::{early_sql, large_sql, not_large},
    single::single_sql,
};
use super::name::{
    column, depends_on_settings, json_of, json_of_row, key, literal, of, quoted, visible,
};
use crate::store::{LiveColumn, LiveTable};

/// Above so many changed rows of one channel a statement is recorded as a reset.
const RESET_ROWS: usize = 1_000;

/// Above so many bytes of one channel a statement is recorded as a reset.
const RESET_BYTES: usize = 1 << 20;

/// Longer changes of a row are not gathered: all of them together fit a text of the database.
const LONGEST: usize = 1_000_000;

/// What a trigger fires on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

impl Event {
    pub(super) const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Truncate];

    fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }

    /// The trigger's name; the same on every table.
    pub(super) fn trigger(self) -> String {
        format!("rowcast_record_{}", self.word())
    }

    fn transition_tables(self) -> &'static str {
        match self {
            Self::Insert => "REFERENCING NEW TABLE AS new_rows",
            Self::Update => "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
            Self::Delete => "REFERENCING OLD TABLE AS old_rows",
            Self::Truncate => "",
        }
    }
}

/// The statements that (re)make a table's triggers.
pub(super) fn statements(table: &LiveTable) -> Vec<String> {
    let name = quoted(&table.name);
    let mut all = Vec::new();
    for event in Event::ALL {
        let function = function_name(table, event);
        let trigger = event.trigger();
        all.push(function_sql(table, event));
        all.push(format!(
            "CREATE OR REPLACE TRIGGER {trigger} AFTER {} ON {name} {} FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
            event.word(),
            event.transition_tables(),
        ));
        all.push(format!("ALTER TABLE {name} ENABLE ALWAYS TRIGGER {trigger}"));
    }
    all
}

/// The statements that stop recording a table.
pub(super) fn removal(table: &str) -> Vec<String> {
    let name = quoted(table);
    Event::ALL.map(|event| format!("DROP TRIGGER IF EXISTS {} ON {name}", event.trigger())).to_vec()
}

fn function_name(table: &LiveTable, event: Event) -> String {
    format!("rowcast.{}", quoted(&format!("record_{}_{}", event.word(), table.name)))
}

fn function_sql(table: &LiveTable, event: Event) -> String {
    let body = match event {
        Event::Truncate => truncate_body(table),
        _ => rows_body(table, event),
    };
    let settings = if visible(table).any(depends_on_settings) {
        " SET extra_float_digits = 1 SET \"TimeZone\" = 'UTC' SET \"DateStyle\" = 'ISO, YMD' \
         SET \"IntervalStyle\" = 'postgres' SET bytea_output = 'hex' SET lc_monetary = 'C'"
    } else {
        ""
    };
    format!(
        "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
         SET search_path = pg_catalog, pg_temp{settings} AS $rowcast$\n\
         DECLARE\n    rowcast_old record;\n    rowcast_new record;\n    rowcast_body text := '';\n\
         BEGIN\n{body}    RETURN NULL;\nEND $rowcast$",
        function_name(table, event),
    )
}

fn truncate_body(table: &LiveTable) -> String {
    let marker = literal(&format!("{}:*", table.channel_kind));
    format!(
        "    {INSERT}\n    VALUES ({ACTOR}, {STEP}, {marker}, {}, 0, NULL);\n",
        literal(&table.name)
    )
}

const INSERT: &str = "INSERT INTO rowcast.pending (actor, step, channel, tbl, n, changes)";
const STEP: &str = "nullif(current_setting('rowcast.step', true), '')::integer";
const ACTOR: &str = "nullif(current_setting('rowcast.actor', true), '')";

/// Small statements pay for one probe; large ones are first counted by channel. Where all rows of a
/// large update are of channels that its first rows show to change too much, that is all.
fn rows_body(table: &LiveTable, event: Event) -> String {
    let rows = if event == Event::Delete { "old_rows" } else { "new_rows" };
    let name = literal(&table.name);
    let most = RESET_ROWS + 1;
    let markers = format!(
        "{INSERT} SELECT {ACTOR}, {STEP}, {prefix} || id, {name}, {most}, NULL FROM unnest(large) id;",
        prefix = prefix(table),
    );
    let is_update = event == Event::Update;
    let single = if is_update { single_sql(table) } else { String::new() };
    let early = if is_update { early_sql(table, &markers) } else { String::new() };
    format!(
        "{single}    PERFORM FROM {rows} OFFSET {RESET_ROWS} LIMIT 1;
    IF NOT FOUND THEN
        {small}
        RETURN NULL;
    END IF;
    DECLARE
        large text[];
        memory text := current_setting('work_mem');
    BEGIN
        PERFORM set_config('work_mem', '64MB', true) WHERE pg_size_bytes(memory) < 67108864;
        {early}
        {count}
        {markers}
        {rest}
        PERFORM set_config('work_mem', memory, true);
    END;
",
        small = record_sql(table, event, false),
        count = large_sql(table, event),
        rest = record_sql(table, event, true),
    )
}

/// Pairs the old and the new rows. A full join cannot become a nested loop, whatever the planner
/// thinks of the sizes.
const PAIRED: &str = "(SELECT row_number() OVER () AS rowcast_row, * FROM new_rows) n \
     FULL JOIN (SELECT row_number() OVER () AS rowcast_row, * FROM old_rows) o USING (rowcast_row)";

/// Records the rows, or the rest of them where some channels are in `large`.
fn record_sql(table: &LiveTable, event: Event, rest: bool) -> String {
    let (source, channel, change) = match event {
        Event::Update => update_parts(table),
        Event::Delete => (
            "old_rows o".to_owned(),
            channel_of("o", table),
            format!("concat('[\"d\",', {}, ']')", json_of_row("o", table)),
        ),
        _ => (
            "new_rows n".to_owned(),
            channel_of("n", table),
            format!("concat('[\"i\",', {}, ']')", json_of_row("n", table)),
        ),
    };
    let named = named_channels(table);
    let only = match (rest, event) {
        (false, _) => String::new(),
        (true, Event::Update) => format!(
            "WHERE CASE WHEN v.leaving THEN {} ELSE {} END",
            not_large("o", table),
            not_large("n", table)
        ),
        (true, Event::Delete) => format!("WHERE {}", not_large("o", table)),
        (true, _) => format!("WHERE {}", not_large("n", table)),
    };
    format!(
        "{INSERT}
        SELECT {ACTOR}, {STEP}, g.channel, {name}, g.n,
            CASE WHEN g.longest <= {LONGEST} AND octet_length(g.changes) <= {RESET_BYTES} THEN g.changes END
        FROM (SELECT c.channel, count(*) AS n, max(octet_length(c.change)) AS longest,
                  string_agg(CASE WHEN octet_length(c.change) <= {LONGEST} THEN c.change END, ',') AS changes
              FROM (SELECT {channel} AS channel, {change} AS change FROM {source} {only} OFFSET 0) c
              WHERE c.change IS NOT NULL{named} GROUP BY c.channel) g;",
        name = literal(&table.name),
    )
}

/// Where the rows of an update come from, the channel and the change of each. A row that moves is
/// there twice: once for the channel it leaves.
fn update_parts(table: &LiveTable) -> (String, String, String) {
    let (old, new) = (channel_of("o", table), channel_of("n", table));
    let moved = format!("{old} <> {new}");
    let replaced = replaced("o", "n", table);
    let change = format!(
        "CASE WHEN v.leaving THEN concat(CASE WHEN {moved} THEN '[\"l\",' ELSE '[\"d\",' END, {old_row}, ']')
              WHEN {replaced} THEN concat(CASE WHEN {moved} THEN '[\"e\",' ELSE '[\"i\",' END, {new_row}, ']')
              ELSE {changed} END",
        old_row = json_of_row("o", table),
        new_row = json_of_row("n", table),
        changed = changed_fields(table),
    );
    (
        format!(
            "({PAIRED}) CROSS JOIN LATERAL \
             (SELECT true AS leaving WHERE {replaced} UNION ALL SELECT false) v"
        ),
        format!("CASE WHEN v.leaving THEN {old} ELSE {new} END"),
        change,
    )
}

/// An update's key and the fields that differ; null if none does.
fn changed_fields(table: &LiveTable) -> String {
    let keys: Vec<String> = key(table).map(|column| json_of("n", column)).collect();
    let pairs = visible(table).map(|column| {
        let name = serde_json::to_string(&column.name).unwrap_or_default();
        format!(
            "CASE WHEN {} THEN concat({}, {}, ',', {}, ']') END",
            column_differs(column),
            literal(&format!("{name}:[")),
            json_of("n", column),
            json_of("o", column),
        )
    });
    let pairs: Vec<String> = pairs.collect();
    let parts =
        pairs.chunks(90).map(|part| format!("nullif(concat_ws(',', {}), '')", part.join(", ")));
    let fields = parts.collect::<Vec<_>>().join(", ");
    format!(
        "'[\"u\",[' || concat_ws(',', {}) || '],{{' || nullif(concat_ws(',', {fields}), '') || '}}]'",
        keys.join(", "),
    )
}

/// Whether the row moved to another channel or got another key.
fn replaced(old: &str, new: &str, table: &LiveTable) -> String {
    let moved = format!("{} <> {}", id_of(old, table), id_of(new, table));
    let rekeyed = key(table).map(|c| format!("{} <> {}", comparable(old, c), comparable(new, c)));
    format!("({moved} OR {})", rekeyed.collect::<Vec<_>>().join(" OR "))
}

fn differs(table: &LiveTable) -> String {
    let columns: Vec<String> = visible(table).map(column_differs).collect();
    format!("({})", columns.join(" OR "))
}

fn column_differs(column: &LiveColumn) -> String {
    differ("o", "n", column)
}

fn differ(old: &str, new: &str, column: &LiveColumn) -> String {
    format!("{} IS DISTINCT FROM {}", comparable(new, column), comparable(old, column))
}

/// A form of the value in which equal means the same to everybody.
fn comparable(alias: &str, column: &LiveColumn) -> String {
    let value = of(alias, column);
    match column.kind {
        // Of numbers too: 1.5 and 1.50 are equal, and so are 0 and -0, but not what people see.
        ColumnType::Text
        | ColumnType::Other
        | ColumnType::List
        | ColumnType::Decimal
        | ColumnType::Float => format!("({value})::text COLLATE \"C\""),
        ColumnType::Json if column.sql_type == "json" => format!("({value})::text COLLATE \"C\""),
        _ => value,
    }
}

fn channel_of(alias: &str, table: &LiveTable) -> String {
    format!("{} || {}::text COLLATE \"C\"", prefix(table), id_of(alias, table))
}

fn prefix(table: &LiveTable) -> String {
    literal(&format!("{}:", table.channel_kind))
}

fn channel_column(table: &LiveTable) -> Option<&LiveColumn> {
    column(table, table.channel_column)
}

/// Whether every value of the column makes a channel's name, and equal ones the same.
fn names_channel(column: &LiveColumn) -> bool {
    matches!(column.kind, ColumnType::Uuid | ColumnType::Int)
}

/// The value of the channel's column.
fn id_of(alias: &str, table: &LiveTable) -> String {
    channel_column(table).map(|column| of(alias, column)).unwrap_or_default()
}

/// Rows whose channel's column makes no channel name concern nobody.
fn named_channels(table: &LiveTable) -> String {
    if channel_column(table).is_some_and(names_channel) {
        return String::new();
    }
    let mut condition = String::new();
    let _ = write!(
        condition,
        " AND octet_length(c.channel) <= {} AND c.channel ~ {}",
        rowcast_protocol::name::MAX_CHANNEL_NAME,
        literal("^[a-z][a-z0-9_]*:[-A-Za-z0-9._~@+|=/:]+$"),
    );
    condition
}
