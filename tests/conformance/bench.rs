//! The verbs of the suite: edits by name, logs, tables, and a replica that folds entries.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use figment::{
    Figment,
    providers::{Format as _, Toml},
};
use rowcast::store::{
    Appended, Applied, CheckedEdit, CheckedOp, Committed, Declarations, EditError, LiveTable,
    ReadAfter, Store, StoredEntry,
    edit::{CheckedPlace, ColumnValues, FieldOps},
    fold::EntryLimits,
};
use rowcast_protocol::{Change, ChannelName, Cursor, EditId, Entry, Fields, Value};

use crate::harness::{Harness, Outsider};

/// The project that most tests work on: Ada owns it, Ben edits, Cleo looks.
pub(crate) const P: &str = "11111111-0000-4000-8000-000000000001";
/// Another project, of Ada and Ben.
pub(crate) const Q: &str = "22222222-0000-4000-8000-000000000002";

const PEOPLE: &str = "
INSERT INTO users(id, name) VALUES ('ada', 'Ada'), ('ben', 'Ben'), ('cleo', 'Cleo');
INSERT INTO projects(id, name) VALUES
    ('11111111-0000-4000-8000-000000000001', 'P'), ('22222222-0000-4000-8000-000000000002', 'Q');
INSERT INTO members(project_id, user_id, name, role) VALUES
    ('11111111-0000-4000-8000-000000000001', 'ada', 'Ada', 'owner'),
    ('11111111-0000-4000-8000-000000000001', 'ben', 'Ben', 'editor'),
    ('11111111-0000-4000-8000-000000000001', 'cleo', 'Cleo', 'viewer'),
    ('22222222-0000-4000-8000-000000000002', 'ada', 'Ada', 'owner'),
    ('22222222-0000-4000-8000-000000000002', 'ben', 'Ben', 'editor');";

const SUITE_TABLES: &str = r#"
[[tables]]
name = "cards"
channel = "board:{board}"
insert = "editor"
update = "editor"
delete = "editor"
hidden = ["secret"]
order = "pos"

[[tables]]
name = "kinds"
channel = "kinds:{place}"

[[access]]
kind = "board"
own = "editor"
"#;

/// The shipped live tables and the suite's own.
pub(crate) fn declarations() -> Declarations {
    let read = |text: &str| Declarations {
        tables: Figment::from(Toml::string(text)).extract_inner("tables").unwrap(),
        access: Figment::from(Toml::string(text)).extract_inner("access").unwrap(),
    };
    let mut all = read(include_str!("../../src/config/rowcast.toml"));
    let own = read(SUITE_TABLES);
    all.tables.extend(own.tables);
    all.access.extend(own.access);
    all
}

/// The n-th id of a test's own.
pub(crate) fn id(n: usize) -> String {
    format!("aaaaaaaa-0000-4000-8000-{n:012x}")
}

/// A project's channel.
pub(crate) fn project(id: &str) -> ChannelName {
    ChannelName::new(&format!("project:{id}")).unwrap()
}

/// The channel of a board of cards.
pub(crate) fn board(id: &str) -> ChannelName {
    ChannelName::new(&format!("board:{id}")).unwrap()
}

/// Fields by name.
pub(crate) type Named<'a> = &'a [(&'a str, Value)];

/// Text as a value.
pub(crate) fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// JSON as a value.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A store on a fresh database, and verbs for it.
pub(crate) struct Bench<H> {
    pub(crate) harness: H,
    pub(crate) store: Arc<dyn Store>,
    edits: AtomicU64,
    /// The newest entry that the store said it appended, by channel.
    newest: Mutex<BTreeMap<ChannelName, StoredEntry>>,
}

impl<H: Harness> Bench<H> {
    /// A fresh database with people and projects, all numbered.
    pub(crate) async fn fresh() -> Self {
        Self::with_limits(EntryLimits::default()).await
    }

    /// The same, whose entries hold this much.
    pub(crate) async fn with_limits(limits: EntryLimits) -> Self {
        let harness = H::create().await;
        harness.outsider().await.run(H::TABLES).await;
        harness.migrate(&declarations()).await.unwrap();
        harness.outsider().await.run(PEOPLE).await;
        let store = harness.open(&declarations(), limits).await.unwrap();
        let bench = Self { harness, store, edits: AtomicU64::new(1), newest: Mutex::default() };
        bench.number().await;
        bench
    }

    /// The same database behind another store.
    pub(crate) fn reopened(self, store: Arc<dyn Store>) -> Self {
        Self { store, ..self }
    }

    /// A writer that knows nothing of Rowcast.
    pub(crate) async fn outsider(&self) -> Box<dyn Outsider> {
        self.harness.outsider().await
    }

    /// Somebody else runs SQL, and the hub finds it.
    pub(crate) async fn outside(&self, sql: &str) {
        self.outsider().await.run(sql).await;
        self.number().await;
    }

    /// Numbers until nothing is left.
    pub(crate) async fn number(&self) {
        loop {
            let appended = self.store.number().await.unwrap();
            if appended.is_empty() {
                return;
            }
            self.remember(&appended);
        }
    }

    fn remember(&self, appended: &[Appended]) {
        let mut newest = self.newest.lock().unwrap();
        for Appended { channel, entries, .. } in appended {
            for entry in entries {
                let before = newest.insert(channel.clone(), entry.clone());
                let before = before.map_or(0, |before| before.entry.seq);
                assert!(before == 0 || entry.entry.seq == before + 1, "{channel}: {entry:?}");
            }
        }
    }

    /// The newest entry as the store announced it, and the place after it.
    pub(crate) fn announced(&self, channel: &ChannelName) -> StoredEntry {
        self.newest.lock().unwrap().get(channel).cloned().expect("nothing was announced")
    }

    /// The newest entry, also after a reset.
    pub(crate) async fn last_stored(&self, channel: &ChannelName) -> Entry {
        let stored = self.announced(channel);
        let head = self.head(channel).await;
        assert_eq!((head.seq, head.tag), (stored.entry.seq, stored.tag));
        stored.entry
    }

    /// A task of P, made by Ada; returns its key.
    pub(crate) async fn task(&self, n: usize, title: &str) -> Value {
        let fields = [("id", text(id(n))), ("project_id", text(P)), ("title", text(title))];
        self.applies("ada", &project(P), vec![self.insert("tasks", &fields)]).await;
        text(id(n))
    }

    /// A card of the board `b`, with a key and a place in the order; null for none.
    pub(crate) async fn card(&self, key: i64, pos: Option<&str>) {
        let pos = pos.map_or("NULL".to_owned(), |pos| format!("'{pos}'"));
        let sql = format!(
            "INSERT INTO cards(id, board, title, pos) VALUES ({key}, 'b', 'card {key}', {pos})"
        );
        self.outside(&sql).await;
    }

    // --- operations ---

    fn table(&self, name: &str) -> (usize, &LiveTable) {
        let tables = self.store.schema().tables.iter();
        tables.enumerate().find(|(_, table)| table.name == name).unwrap()
    }

    /// Fields by the index of their column.
    pub(crate) fn columns(&self, table: &str, named: Named<'_>) -> ColumnValues {
        let (_, table) = self.table(table);
        let index = |name| table.columns.iter().position(|column| column.name == name).unwrap();
        named.iter().map(|(name, value)| (index(*name), value.clone())).collect()
    }

    pub(crate) fn insert(&self, table: &str, fields: Named<'_>) -> CheckedOp {
        self.insert_at(table, fields, None)
    }

    pub(crate) fn insert_at(
        &self,
        table: &str,
        fields: Named<'_>,
        place: Option<CheckedPlace>,
    ) -> CheckedOp {
        CheckedOp::Insert { table: self.table(table).0, fields: self.columns(table, fields), place }
    }

    pub(crate) fn set(&self, table: &str, key: &Value, set: Named<'_>) -> CheckedOp {
        self.change(table, key, FieldOps { set: self.columns(table, set), ..FieldOps::default() })
    }

    pub(crate) fn set_if(
        &self,
        table: &str,
        key: &Value,
        set: Named<'_>,
        guard: Named<'_>,
    ) -> CheckedOp {
        CheckedOp::Update {
            table: self.table(table).0,
            key: vec![key.clone()],
            change: FieldOps { set: self.columns(table, set), ..FieldOps::default() },
            guard: self.columns(table, guard),
        }
    }

    pub(crate) fn change(&self, table: &str, key: &Value, change: FieldOps) -> CheckedOp {
        let guard = Vec::new();
        CheckedOp::Update { table: self.table(table).0, key: vec![key.clone()], change, guard }
    }

    pub(crate) fn place(&self, key: i64, place: CheckedPlace) -> CheckedOp {
        let change = FieldOps { place: Some(place), ..FieldOps::default() };
        self.change("cards", &Value::Int(key), change)
    }

    pub(crate) fn delete(&self, table: &str, key: &Value) -> CheckedOp {
        self.delete_if(table, key, &[])
    }

    pub(crate) fn delete_if(&self, table: &str, key: &Value, guard: Named<'_>) -> CheckedOp {
        CheckedOp::Delete {
            table: self.table(table).0,
            key: vec![key.clone()],
            guard: self.columns(table, guard),
        }
    }

    pub(crate) fn move_to(
        &self,
        table: &str,
        key: &Value,
        to: &ChannelName,
        to_id: Value,
    ) -> CheckedOp {
        CheckedOp::Move {
            table: self.table(table).0,
            key: vec![key.clone()],
            to: to.clone(),
            to_id,
            guard: Vec::new(),
        }
    }

    /// An edit with an id of its own.
    pub(crate) fn edit(
        &self,
        user: &str,
        channel: &ChannelName,
        ops: Vec<CheckedOp>,
    ) -> CheckedEdit {
        let number = self.edits.fetch_add(1, Ordering::Relaxed);
        let mut hash = [0; 16];
        hash[8..].copy_from_slice(&number.to_be_bytes());
        CheckedEdit {
            user: user.into(),
            id: EditId(uuid::Uuid::from_u128(
                0x0190_0000_0000_7000_8000 << 48 | u128::from(number),
            )),
            hash,
            channel: channel.clone(),
            ops,
        }
    }

    // --- commits ---

    pub(crate) async fn commit(&self, edits: &[CheckedEdit]) -> Committed {
        let committed = self.store.commit(edits).await.unwrap();
        assert_eq!(committed.outcomes.len(), edits.len());
        self.remember(&committed.appended);
        committed
    }

    /// One edit, whatever comes of it.
    pub(crate) async fn tries(
        &self,
        user: &str,
        channel: &ChannelName,
        ops: Vec<CheckedOp>,
    ) -> Result<Applied, EditError> {
        let edit = self.edit(user, channel, ops);
        self.commit(&[edit]).await.outcomes.remove(0)
    }

    /// One edit that must succeed.
    #[track_caller]
    pub(crate) fn applies(
        &self,
        user: &str,
        channel: &ChannelName,
        ops: Vec<CheckedOp>,
    ) -> impl Future<Output = Applied> {
        let place = std::panic::Location::caller();
        let tried = self.tries(user, channel, ops);
        async move { tried.await.unwrap_or_else(|error| panic!("{place}: {error:?}")) }
    }

    /// One edit that must fail.
    #[track_caller]
    pub(crate) fn fails(
        &self,
        user: &str,
        channel: &ChannelName,
        ops: Vec<CheckedOp>,
    ) -> impl Future<Output = EditError> {
        let place = std::panic::Location::caller();
        let tried = self.tries(user, channel, ops);
        async move {
            match tried.await {
                Err(error) => error,
                Ok(applied) => panic!("{place}: this should fail: {applied:?}"),
            }
        }
    }

    // --- reading ---

    pub(crate) async fn head(&self, channel: &ChannelName) -> Cursor {
        self.store.heads(std::slice::from_ref(channel)).await.unwrap().remove(0).cursor
    }

    /// The whole log with its tags.
    pub(crate) async fn stored_log(&self, channel: &ChannelName) -> Vec<StoredEntry> {
        let start = Cursor { seq: 0, tag: 0, ..self.head(channel).await };
        self.stored_after(channel, start).await
    }

    /// What lies after a cursor that must fit.
    pub(crate) async fn stored_after(
        &self,
        channel: &ChannelName,
        cursor: Cursor,
    ) -> Vec<StoredEntry> {
        match self.store.read_after(channel, cursor, 1 << 30).await.unwrap() {
            ReadAfter::Entries { entries, .. } => entries,
            ReadAfter::Snapshot(reason) => panic!("{channel} needs a snapshot: {reason:?}"),
        }
    }

    /// The whole log.
    pub(crate) async fn log(&self, channel: &ChannelName) -> Vec<Entry> {
        self.stored_log(channel).await.into_iter().map(|stored| stored.entry).collect()
    }

    /// The entries after a cursor.
    pub(crate) async fn after(&self, channel: &ChannelName, cursor: Cursor) -> Vec<Entry> {
        let entries = self.stored_after(channel, cursor).await;
        entries.into_iter().map(|stored| stored.entry).collect()
    }

    /// The newest entry.
    pub(crate) async fn last(&self, channel: &ChannelName) -> Entry {
        self.log(channel).await.pop().expect("the log is empty")
    }

    /// The rows of a channel as a snapshot has them, page by page.
    pub(crate) async fn rows(&self, channel: &ChannelName) -> Replica {
        let mut replica = Replica::default();
        let mut place = None;
        loop {
            let page = self.store.snapshot_page(channel, place, 7).await.unwrap();
            replica.take_page(&self.store.schema().tables[page.table], page.rows);
            match page.next {
                Some(next) => place = Some(next),
                None => return replica,
            }
        }
    }

    /// One row as a snapshot has it.
    pub(crate) async fn row(
        &self,
        channel: &ChannelName,
        table: &str,
        key: &Value,
    ) -> Option<Fields> {
        self.rows(channel).await.rows.remove(&(table.to_owned(), key_text(key)))
    }

    /// One field as a snapshot has it.
    #[track_caller]
    pub(crate) fn field(
        &self,
        channel: &ChannelName,
        table: &str,
        key: &Value,
        field: &str,
    ) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        let row = self.row(channel, table, key);
        async move {
            let row = row.await.unwrap_or_else(|| panic!("{place}: there is no such row"));
            row.get(field).cloned().unwrap_or_else(|| panic!("{place}: there is no such field"))
        }
    }

    /// The keys of the board `b` in their hand-made order.
    pub(crate) async fn order(&self) -> Vec<i64> {
        let rows = self.rows(&board("b")).await.rows;
        let mut placed: Vec<(bool, String, i64)> = rows
            .values()
            .map(|row| {
                let pos = row.get("pos").and_then(Value::as_str);
                let Some(Value::Int(id)) = row.get("id") else { panic!("a card has an id") };
                (pos.is_none(), pos.unwrap_or_default().to_owned(), *id)
            })
            .collect();
        placed.sort();
        placed.into_iter().map(|(_, _, id)| id).collect()
    }

    /// That the log, folded from the beginning, gives the rows of the channel.
    pub(crate) async fn log_gives_the_rows(&self, channel: &ChannelName) {
        let mut replica = Replica::default();
        for entry in self.log(channel).await {
            replica.apply(&entry);
        }
        assert_eq!(replica, self.rows(channel).await, "{channel}");
    }
}

/// What a client holds of a channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Replica {
    /// Rows by table and key.
    pub(crate) rows: BTreeMap<(String, String), Fields>,
    /// The last entry applied.
    pub(crate) seq: u64,
}

/// A key as text, to sort by.
pub(crate) fn key_text(key: &Value) -> String {
    serde_json::to_string(key).unwrap()
}

impl Replica {
    /// Takes rows of a snapshot.
    pub(crate) fn take_page(&mut self, table: &LiveTable, rows: Vec<Fields>) {
        for row in rows {
            let mut key: Vec<Value> = table
                .key
                .iter()
                .map(|&c| row.get(&table.columns[c].name).unwrap().clone())
                .collect();
            let key = if key.len() == 1 { key.remove(0) } else { Value::List(key) };
            self.rows.insert((table.name.clone(), key_text(&key)), row);
        }
    }

    /// Applies an entry as a client does.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        assert!(entry.reset.is_empty(), "a reset needs a snapshot");
        for change in &entry.changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Insert(row) | Change::Enter(row) => {
                self.rows.insert((row.table.clone(), key_text(&row.key)), row.row.clone());
            }
            Change::Update(update) => {
                if let Some(row) = self.rows.get_mut(&(update.table.clone(), key_text(&update.key)))
                {
                    row.0.extend(update.set.0.clone());
                }
            }
            Change::Delete(gone) | Change::Leave(gone) => {
                self.rows.remove(&(gone.table.clone(), key_text(&gone.key)));
            }
        }
    }
}

/// A change in one line, such as `update tasks "k" {"title":"x"} by 0`.
pub(crate) fn told(change: &Change) -> String {
    let by = |edit: Option<u32>| edit.map(|edit| format!(" by {edit}")).unwrap_or_default();
    let line =
        |op, table: &str, key: &Value, edit| format!("{op} {table} {}{}", key_text(key), by(edit));
    match change {
        Change::Insert(row) => line("insert", &row.table, &row.key, row.edit),
        Change::Enter(row) => line("enter", &row.table, &row.key, row.edit),
        Change::Delete(key) => line("delete", &key.table, &key.key, key.edit),
        Change::Leave(key) => line("leave", &key.table, &key.key, key.edit),
        Change::Update(update) => {
            let set = serde_json::to_string(&update.set).unwrap();
            format!("update {} {} {set}{}", update.table, key_text(&update.key), by(update.edit))
        }
    }
}

/// All changes of an entry, in one line each.
pub(crate) fn tale(entry: &Entry) -> Vec<String> {
    entry.changes.iter().map(told).collect()
}
