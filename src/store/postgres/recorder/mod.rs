//! Makes the triggers that record changes of a live table.
//!
//! Each is a statement trigger with code of its own for the table. All it does is read the
//! transition tables and insert into `rowcast.pending`, one row per channel: no lock that anybody
//! could wait for, no read of a shared table, nothing that depends on the isolation level. The old
//! and the new row of an update stand at the same place of their transition tables.
//!
//! # Tables change
//! The code names columns, so it may only run while each visible column has the name, the number and
//! the type that it had when the code was made; a hidden column that was renamed must not pass for a
//! visible one. `rowcast.fits` compares them, and costs nothing: the database evaluates it when it
//! plans a query on a transition table, and plans anew whenever the table was changed. Code that no
//! longer fits records a marker in the place of what changed: for each channel concerned if the
//! channel's column is as it was, else for all channels of the kind. A marker becomes a reset.
//!
//! # Rights
//! The functions run with the rights of whoever migrated, on behalf of anybody who may write the
//! table. So they name nothing but what comes with the database or stands in the engine's schema,
//! use no operator and no cast of a type that somebody made, and nobody may call them.

mod fit;
mod large;
mod single;

use rowcast_protocol::ColumnType;
use sha2::{Digest as _, Sha256};

use self::{
    fit::{Fit, marker_sql},
    large::{early_sql, large_sql, not_large},
    single::single_sql,
};
use super::name::{
    column, depends_on_settings, json_of, json_of_row, key, literal, of, output, visible,
};
use crate::store::{LiveColumn, LiveTable, Relation};

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

/// A trigger of a table or of one of its partitions. A statement fires those of the relation that it
/// names and of no other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorder<'a> {
    pub(super) table: &'a LiveTable,
    pub(super) relation: &'a Relation,
    pub(super) event: Event,
}

/// All triggers of a live table.
pub(super) fn recorders(table: &LiveTable) -> impl Iterator<Item = Recorder<'_>> {
    table.relations.iter().flat_map(move |relation| {
        Event::ALL.into_iter().map(move |event| Recorder { table, relation, event })
    })
}

/// The statements that (re)make a table's triggers.
pub(super) fn statements(table: &LiveTable) -> Vec<String> {
    recorders(table).flat_map(Recorder::statements).collect()
}

impl Recorder<'_> {
    /// The function's name within the engine's schema. It is made from the relation's number, since
    /// names of tables may be too long to be told apart, and from the code: a function that others
    /// may be running is never changed.
    pub(super) fn function(self) -> String {
        let digest = Sha256::digest(self.body().as_bytes());
        let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("record_{}_{}_{hash}", self.event.word(), self.relation.oid)
    }

    fn statements(self) -> [String; 4] {
        let (trigger, event) = (self.event.trigger(), self.event.word());
        let (function, name) = (self.function(), &self.relation.sql_name);
        [
            format!("CREATE OR REPLACE FUNCTION rowcast.{function}() {}", self.body()),
            format!("REVOKE ALL ON FUNCTION rowcast.{function}() FROM PUBLIC"),
            format!(
                "CREATE OR REPLACE TRIGGER {trigger} AFTER {event} ON {name} {} FOR EACH STATEMENT \
                 EXECUTE FUNCTION rowcast.{function}()",
                self.event.transition_tables(),
            ),
            format!("ALTER TABLE {name} ENABLE ALWAYS TRIGGER {trigger}"),
        ]
    }

    fn body(self) -> String {
        let table = self.table;
        let body = match self.event {
            Event::Truncate => truncate_body(table),
            event => rows_body(table, &Fit::new(table, self.relation), event),
        };
        let settings = if visible(table).any(depends_on_settings) {
            " SET extra_float_digits = 1 SET \"TimeZone\" = 'UTC' SET \"DateStyle\" = 'ISO, YMD' \
             SET \"IntervalStyle\" = 'postgres' SET bytea_output = 'hex' SET lc_monetary = 'C'"
        } else {
            ""
        };
        let code = format!(
            "#variable_conflict use_variable\n\
             DECLARE\n    rowcast_old record;\n    rowcast_new record;\n    rowcast_body text := '';\n\
             BEGIN\n{body}    RETURN NULL;\nEND"
        );
        format!(
            "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp{settings} AS {}",
            literal(&code),
        )
    }
}

/// The statements that stop recording a relation.
pub(super) fn removal(sql_name: &str) -> Vec<String> {
    Event::ALL
        .map(|event| format!("DROP TRIGGER IF EXISTS {} ON {sql_name}", event.trigger()))
        .to_vec()
}

fn truncate_body(table: &LiveTable) -> String {
    format!("    {INSERT}\n    VALUES {};\n", marker_of_kind(table))
}

/// A marker for all channels of the table's kind.
fn marker_of_kind(table: &LiveTable) -> String {
    let marker = literal(&format!("{}:*", table.channel_kind));
    format!("({ACTOR}, {STEP}, {marker}, {}, 0, NULL)", literal(&table.name))
}

const INSERT: &str = "INSERT INTO rowcast.pending (actor, step, channel, tbl, n, changes)";
const STEP: &str = "nullif(current_setting('rowcast.step', true), '')::integer";
const ACTOR: &str = "nullif(current_setting('rowcast.actor', true), '')";

/// Small statements pay for one probe; large ones are first counted by channel. Where all rows of a
/// large update are of channels that its first rows show to change too much, that is all.
fn rows_body(table: &LiveTable, fit: &Fit, event: Event) -> String {
    let is_update = event == Event::Update;
    let beginning =
        if is_update { update_beginning(table, fit) } else { beginning(table, fit, event) };
    let name = literal(&table.name);
    let most = RESET_ROWS + 1;
    let markers = format!(
        "{INSERT} SELECT {ACTOR}, {STEP}, {prefix} || u.id, {name}, {most}, NULL \
         FROM unnest(rowcast_large) u(id);",
        prefix = prefix(table),
    );
    format!(
        "{beginning}
    DECLARE
        rowcast_large text[];
        rowcast_memory text := current_setting('work_mem');
    BEGIN
        PERFORM set_config('work_mem', '64MB', true) WHERE pg_size_bytes(rowcast_memory) < 67108864;
        {early}
        {count}
        {markers}
        {rest}
        PERFORM set_config('work_mem', rowcast_memory, true);
    END;
",
        early = if is_update { early_sql(table, &markers) } else { String::new() },
        count = large_sql(table, event),
        rest = record_sql(table, event, true),
    )
}

/// Rows of a small statement that fits are recorded at the cost of one probe.
fn beginning(table: &LiveTable, fit: &Fit, event: Event) -> String {
    let rows = if event == Event::Delete { "old_rows" } else { "new_rows" };
    format!(
        "    PERFORM FROM {rows} OFFSET CASE WHEN {fits} THEN {RESET_ROWS} ELSE 0 END LIMIT 1;
    IF NOT FOUND THEN
        {small}
        RETURN NULL;
    END IF;
    {marker}",
        fits = fit.all,
        small = record_sql(table, event, false),
        marker = marker_sql(table, fit, event),
    )
}

/// The same, where a single row goes a way of its own.
fn update_beginning(table: &LiveTable, fit: &Fit) -> String {
    format!(
        "    PERFORM FROM new_rows OFFSET CASE WHEN {fits} THEN 1 ELSE 0 END LIMIT 1;
    IF NOT FOUND THEN
{single}    ELSE
        {marker}
    END IF;
    PERFORM FROM new_rows OFFSET {RESET_ROWS} LIMIT 1;
    IF NOT FOUND THEN
        {small}
        RETURN NULL;
    END IF;",
        fits = fit.all,
        single = single_sql(table),
        marker = marker_sql(table, fit, Event::Update),
        small = record_sql(table, Event::Update, false),
    )
}

/// Pairs the old and the new rows, or so many of the first. A full join cannot become a nested loop,
/// whatever the planner thinks of the sizes.
fn paired(table: &LiveTable, first: Option<usize>) -> String {
    let mut nth = "rowcast_row".to_owned();
    while table.columns.iter().any(|column| column.name == nth) {
        nth.push('_');
    }
    let columns: Vec<String> = visible(table).map(|column| of("r", column)).collect();
    let columns = columns.join(", ");
    let limit = first.map(|first| format!(" LIMIT {first}")).unwrap_or_default();
    let side = |rows: &str| {
        format!("(SELECT row_number() OVER () AS {nth}, {columns} FROM {rows} r{limit})")
    };
    format!("({} n FULL JOIN {} o USING ({nth}))", side("new_rows"), side("old_rows"))
}

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
    let moved = moved("o", "n", table);
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
            "{} CROSS JOIN LATERAL \
             (SELECT true AS leaving WHERE {replaced} UNION ALL SELECT false) v",
            paired(table, None),
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
    let rekeyed = key(table).map(|column| differ(old, new, column));
    format!("({} OR {})", moved(old, new, table), rekeyed.collect::<Vec<_>>().join(" OR "))
}

fn moved(old: &str, new: &str, table: &LiveTable) -> String {
    format!("{} IS DISTINCT FROM {}", id_of(new, table), id_of(old, table))
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
        ColumnType::Text | ColumnType::Other | ColumnType::List if column.made_type => {
            format!("({}) COLLATE \"C\"", output(&value))
        }
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
    format!("{} || {}", prefix(table), text_of_id(alias, table))
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

/// The value of the channel's column, in a form in which equal means the same channel.
fn id_of(alias: &str, table: &LiveTable) -> String {
    let form = |column: &LiveColumn| match names_channel(column) {
        true => of(alias, column),
        false => comparable_text(alias, column),
    };
    channel_column(table).map(form).unwrap_or_default()
}

/// The value of the channel's column as text.
fn text_of_id(alias: &str, table: &LiveTable) -> String {
    channel_column(table).map(|column| comparable_text(alias, column)).unwrap_or_default()
}

fn comparable_text(alias: &str, column: &LiveColumn) -> String {
    let value = of(alias, column);
    let text = if column.made_type { output(&value) } else { format!("({value})::text") };
    format!("({text} COLLATE \"C\")")
}

/// Rows whose channel's column makes no channel name concern nobody. The column may be null once
/// somebody dropped its constraint.
fn named_channels(table: &LiveTable) -> String {
    if channel_column(table).is_some_and(names_channel) {
        return " AND c.channel IS NOT NULL".to_owned();
    }
    format!(
        " AND octet_length(c.channel) <= {} AND c.channel ~ {}",
        rowcast_protocol::name::MAX_CHANNEL_NAME,
        literal("^[a-z][a-z0-9_]*:[-A-Za-z0-9._~@+|=/:]+$"),
    )
}
