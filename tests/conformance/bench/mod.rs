//! The verbs of the suite: edits by name, logs, tables, and a replica that folds entries.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use figment::{
    Figment,
    providers::{Format as _, Toml},
};
use rowcast::store::{
    Appended, Applied, CheckedEdit, CheckedOp, Committed, Declarations, EditError, Store,
    StoredEntry, fold::EntryLimits,
};
use rowcast_protocol::{ChannelName, Entry, Value};

use crate::harness::{Harness, Outsider};

mod ops;
mod reading;
mod replica;

pub(crate) use replica::{Replica, key_text, tale};

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

/// Declarations from TOML.
pub(crate) fn read_declarations(text: &str) -> Declarations {
    let text = Figment::from(Toml::string(text));
    Declarations {
        tables: text.extract_inner("tables").unwrap(),
        access: text.extract_inner("access").unwrap_or_default(),
    }
}

/// The shipped live tables and the suite's own.
pub(crate) fn declarations() -> Declarations {
    let mut all = read_declarations(include_str!("../../../src/config/rowcast.toml"));
    let own = read_declarations(SUITE_TABLES);
    all.tables.extend(own.tables);
    all.access.extend(own.access);
    all
}

/// The same, and the tables that a text declares.
pub(crate) fn declarations_with(text: &str) -> Declarations {
    let mut all = declarations();
    all.tables.extend(read_declarations(text).tables);
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
        Self::made("", &declarations(), limits).await
    }

    /// A fresh database with more tables, and what declares them live.
    pub(crate) async fn with_tables(sql: &str, declared: &str) -> Self {
        Self::made(sql, &declarations_with(declared), EntryLimits::default()).await
    }

    async fn made(sql: &str, declared: &Declarations, limits: EntryLimits) -> Self {
        let harness = H::create().await;
        harness.outsider().await.run(H::TABLES).await;
        if !sql.is_empty() {
            harness.outsider().await.run(sql).await;
        }
        harness.migrate(declared).await.unwrap();
        harness.outsider().await.run(PEOPLE).await;
        let store = harness.open(declared, limits).await.unwrap();
        Self::behind(harness, store).await
    }

    /// A database that was migrated.
    pub(crate) async fn on(harness: H, declared: &Declarations) -> Self {
        let store = harness.open(declared, EntryLimits::default()).await.unwrap();
        Self::behind(harness, store).await
    }

    async fn behind(harness: H, store: Arc<dyn Store>) -> Self {
        let bench = Self { harness, store, edits: AtomicU64::new(1), newest: Mutex::default() };
        bench.number().await;
        bench
    }

    /// The same database behind another store.
    pub(crate) fn reopened(self, store: Arc<dyn Store>) -> Self {
        Self { store, newest: Mutex::default(), ..self }
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

    /// Has the store look at the tables again.
    pub(crate) async fn refresh(&self) {
        let appended = self.store.refresh().await.unwrap();
        self.remember(&appended);
    }

    /// Takes down what the store announced.
    pub(crate) fn remember(&self, appended: &[Appended]) {
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
}
