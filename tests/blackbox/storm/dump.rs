//! What the database holds at the end: the logs as a freshly opened store reads them, the tables by
//! plain SQL.

use std::path::Path;

use rowcast::{
    config::Config,
    store::{ReadAfter, Store},
};
use rowcast_protocol::{ChannelName, Cursor};
use serde_json::{Value as Json, json};

use super::{
    history::History,
    migrator::{ENDING, TABLE},
};
use crate::support::database::{Database, Kind, Outsider};

/// Bytes of a log read at a time.
const PIECE: usize = 1 << 20;

/// Writes down what the database holds of these channels.
pub(super) async fn database(database: &Database, channels: &[ChannelName], folder: &Path) {
    let mut history = History::new(folder, "database", tokio::time::Instant::now());
    let url = ("DATABASE_URL".to_owned(), database.url.clone());
    let settings = database.settings_file();
    let config = Config::load(Some(&settings), [url]).expect("the settings are right");
    let store = rowcast::store::open(&config).await.expect("the database opens");
    let keys: Json = store
        .schema()
        .wire
        .tables
        .iter()
        .flatten()
        .map(|table| (table.name.clone(), json!(table.key)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let columns: Json = store
        .schema()
        .wire
        .tables
        .iter()
        .flatten()
        .map(|table| {
            let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
            (table.name.clone(), json!(names))
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    history.notes(json!({"what": "schema", "keys": keys, "columns": columns}));
    for channel in channels {
        log(&*store, channel, &mut history).await;
    }
    store.close().await;
    let mut outsider = database.outsider().await;
    for channel in channels {
        for (table, sql) in tables(database.kind, channel.id()) {
            rows(&mut outsider, channel, table, &sql, &mut history).await;
        }
    }
    history.ends();
}

async fn log(store: &dyn Store, channel: &ChannelName, history: &mut History) {
    let heads = store.heads(std::slice::from_ref(channel)).await.expect("heads can be read");
    let epoch = heads[0].cursor.epoch;
    let mut cursor = Cursor { epoch, seq: 0, tag: 0 };
    loop {
        match store.read_after(channel, cursor, PIECE).await.expect("the log can be read") {
            ReadAfter::Entries { entries, .. } => {
                let Some(last) = entries.last() else { return };
                cursor = Cursor { epoch, seq: last.entry.seq, tag: last.tag };
                let entries: Vec<_> = entries.iter().map(|stored| &stored.entry).collect();
                history.notes(json!({
                    "what": "log", "channel": channel, "epoch": epoch, "entries": entries,
                }));
            }
            // A reset follows. Readers go on with a snapshot; the checker reads every entry.
            ReadAfter::Snapshot(_) => {
                let past = store.entry(channel, cursor.seq + 1).await.expect("the log can be read");
                let stored = past.expect("the log has every entry").stored;
                cursor = Cursor { epoch, seq: stored.entry.seq, tag: stored.tag };
                history.notes(json!({
                    "what": "log", "channel": channel, "epoch": epoch, "entries": [stored.entry],
                }));
            }
        }
    }
}

async fn rows(
    outsider: &mut Outsider,
    channel: &ChannelName,
    table: &str,
    sql: &str,
    history: &mut History,
) {
    let texts = outsider.texts(sql).await;
    let rows: Vec<Json> =
        texts.iter().map(|text| serde_json::from_str(text).expect("it is JSON")).collect();
    history.notes(json!({"what": "table", "channel": channel, "table": table, "rows": rows}));
}

/// Selects each table's rows of a project as JSON in wire values.
fn tables(kind: Kind, project: &str) -> [(&'static str, String); 5] {
    let select = |table: &str, columns: &[&str], place: &str| {
        let pairs: Vec<String> =
            columns.iter().map(|column| format!("'{column}', {}", value(kind, column))).collect();
        let function = match kind {
            Kind::Sqlite => "json_object",
            Kind::Postgres => "jsonb_build_object",
        };
        let pairs = pairs.join(", ");
        format!("SELECT CAST({function}({pairs}) AS TEXT) FROM {table} WHERE {place} = '{project}'")
    };
    let tasks = [
        "id",
        "project_id",
        "parent_id",
        "title",
        "description",
        "status",
        "priority",
        "assignee",
        "due_date",
        "position",
        "labels",
        "dependencies",
        "metadata",
        "completed_at",
        "created_at",
        "created_by",
        "updated_by",
    ];
    let comments = ["id", "project_id", "task_id", "author", "body", "created_at"];
    [
        ("projects", select("projects", &["id", "name", "created_at"], "id")),
        ("members", select("members", &["project_id", "user_id", "name", "role"], "project_id")),
        ("tasks", select("tasks", &tasks, "project_id")),
        ("comments", select("comments", &comments, "project_id")),
        (TABLE, select(TABLE, &["id", "project_id", "body", ENDING], "project_id")),
    ]
}

fn value(kind: Kind, column: &str) -> String {
    match (kind, column) {
        (Kind::Sqlite, "labels" | "dependencies" | "metadata") => format!("json({column})"),
        (Kind::Postgres, "completed_at" | "created_at") => {
            format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        }
        _ => column.to_owned(),
    }
}
