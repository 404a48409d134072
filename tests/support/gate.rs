//! A hub within the test, whose store can be stopped at any of its awaits: what else happens
//! meanwhile is then certain, not a matter of luck.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use rowcast::{
    config::Config,
    server::Server,
    store::{
        AccountStore, Appended, Applied, CheckedEdit, Committed, EditError, Erased, Erasure,
        Finding, Head, LiveSchema, LiveTable, Page, PagePlace, Past, PastEntry, Query, ReadAfter,
        Selected, Standing, Store, StoreError, Trimmed,
    },
};
use rowcast_protocol::{ChannelName, Cursor, Role, Seq, Value};
use tokio::sync::Notify;

use super::{database::Database, waiting::eventually};

/// What a hub waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Roles,
    Heads,
    ReadAfter,
    Page,
    History,
    Select,
    Commit,
    Trim,
    Refresh,
}

/// On which side of a call a hub stops: before the database is asked, or with its answer in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// Stops the store.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    wanted: Mutex<Option<(Call, Side)>>,
    reached: Notify,
    opened: Notify,
    /// How often somebody began to number what outsiders left.
    numberings: AtomicUsize,
}

impl Gate {
    /// The next call of this kind stops here.
    pub(crate) fn closes(&self, call: Call, side: Side) {
        *self.wanted.lock() = Some((call, side));
    }

    /// Waits until a call has stopped.
    pub(crate) async fn is_reached(&self) {
        eventually("the hub to stop at the gate", async || {
            tokio::time::timeout(Duration::from_millis(1), self.reached.notified()).await.is_ok()
        })
        .await;
    }

    /// Lets the call go on.
    pub(crate) fn opens(&self) {
        self.opened.notify_one();
    }

    /// Waits until the hub has heard of everything that outsiders have committed: a numbering began
    /// after it, and the next one after the hub took what that one found.
    pub(crate) async fn hub_has_heard(&self) {
        let began = self.numberings.load(Ordering::SeqCst);
        eventually("the hub to number twice", async || {
            self.numberings.load(Ordering::SeqCst) >= began + 2
        })
        .await;
    }

    async fn passes(&self, call: Call, side: Side) {
        let stops = self.wanted.lock().take_if(|wanted| *wanted == (call, side)).is_some();
        if stops {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }
}

/// A store with a gate.
#[derive(Debug)]
struct Gated {
    store: Arc<dyn Store>,
    gate: Arc<Gate>,
}

impl Gated {
    async fn call<T>(&self, call: Call, answer: impl Future<Output = T>) -> T {
        self.gate.passes(call, Side::Before).await;
        let answer = answer.await;
        self.gate.passes(call, Side::After).await;
        answer
    }
}

/// A hub within the test, on a database that another hub has prepared.
pub(crate) async fn gated_hub(database: &Database) -> (Server, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    (hub_behind(database, &gate).await, gate)
}

/// The same, behind a gate that may be closed from the beginning.
pub(crate) async fn hub_behind(database: &Database, gate: &Arc<Gate>) -> Server {
    let bug = std::env::var_os("ROWCAST_BUG").and_then(|bug| bug.into_string().ok());
    let bug = bug.map(|bug| ("ROWCAST_BUG".to_owned(), bug));
    let folder = database.folder.path().join("keys").display().to_string();
    let settings = [
        ("STORE__URL", database.url.as_str()),
        ("AUTH__KEY_FOLDER", &folder),
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__WORKERS", "2"),
        ("DEMO__ENABLED", "false"),
    ];
    let named = settings.map(|(name, value)| (format!("ROWCAST_{name}"), value.to_owned()));
    let config = Config::load(None, named.into_iter().chain(bug)).expect("the settings are right");
    let of_store = Arc::clone(gate);
    let wrap = |store| Arc::new(Gated { store, gate: of_store }) as Arc<dyn Store>;
    Server::start_with(config, wrap).await.expect("the hub starts")
}

#[async_trait]
impl Store for Gated {
    fn schema(&self) -> Arc<LiveSchema> {
        self.store.schema()
    }

    fn lanes(&self) -> usize {
        self.store.lanes()
    }

    async fn commit_while(
        &self,
        edits: &[CheckedEdit],
        standing: Standing<'_>,
    ) -> Result<Committed, StoreError> {
        self.call(Call::Commit, self.store.commit_while(edits, standing)).await
    }

    async fn number(&self) -> Result<Vec<Appended>, StoreError> {
        self.gate.numberings.fetch_add(1, Ordering::SeqCst);
        self.store.number().await
    }

    async fn refresh(&self) -> Result<Vec<Appended>, StoreError> {
        self.call(Call::Refresh, self.store.refresh()).await
    }

    async fn mend(&self, table: &str) -> Result<Vec<Appended>, StoreError> {
        self.store.mend(table).await
    }

    async fn heads(&self, channels: &[ChannelName]) -> Result<Vec<Head>, StoreError> {
        self.call(Call::Heads, self.store.heads(channels)).await
    }

    async fn read_after(
        &self,
        channel: &ChannelName,
        cursor: Cursor,
        budget: usize,
    ) -> Result<ReadAfter, StoreError> {
        self.call(Call::ReadAfter, self.store.read_after(channel, cursor, budget)).await
    }

    async fn snapshot_page(
        &self,
        channel: &ChannelName,
        after: Option<PagePlace>,
        rows: u32,
    ) -> Result<Page, StoreError> {
        self.call(Call::Page, self.store.snapshot_page(channel, after, rows)).await
    }

    async fn history(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        key: &[Value],
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Past, StoreError> {
        self.call(Call::History, self.store.history(channel, table, key, before, limit)).await
    }

    async fn select(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        query: &Query,
    ) -> Result<Selected, StoreError> {
        self.call(Call::Select, self.store.select(channel, table, query)).await
    }

    async fn entry(
        &self,
        channel: &ChannelName,
        seq: Seq,
    ) -> Result<Option<PastEntry>, StoreError> {
        self.store.entry(channel, seq).await
    }

    async fn outcome(
        &self,
        edit: &CheckedEdit,
    ) -> Result<Option<Result<Applied, EditError>>, StoreError> {
        self.store.outcome(edit).await
    }

    async fn roles(
        &self,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<Vec<Option<Role>>, StoreError> {
        self.call(Call::Roles, self.store.roles(channel, users)).await
    }

    async fn person_name(&self, user: &str) -> Result<Option<String>, StoreError> {
        self.store.person_name(user).await
    }

    async fn erase(&self, what: &Erasure) -> Result<Erased, StoreError> {
        self.store.erase(what).await
    }

    async fn trim(
        &self,
        keep_log: Duration,
        keep_outcomes: Duration,
    ) -> Result<Trimmed, StoreError> {
        self.call(Call::Trim, self.store.trim(keep_log, keep_outcomes)).await
    }

    async fn examine(&self) -> Result<Vec<Finding>, StoreError> {
        self.store.examine().await
    }

    fn accounts(self: Arc<Self>) -> Arc<dyn AccountStore> {
        Arc::clone(&self.store).accounts()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
