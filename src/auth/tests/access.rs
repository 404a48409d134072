//! Roles: remembered for a moment, asked for once, forgotten on demand.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use parking_lot::Mutex;
use rowcast_protocol::{ChannelName, ColumnType, Cursor, EditId, ErrorCode, Role, Seq, Value};
use tokio::{sync::Notify, time::advance};

use super::super::access::{Access, REMEMBERED};
use super::*;
use crate::store::{
    AccountStore, Appended, Applied, CheckedEdit, CheckedOp, Committed, EditError, Erased, Erasure,
    Finding, Head, LiveColumn, LiveSchema, LiveTable, Page, PagePlace, PastEntry, Query, ReadAfter,
    Selected, Standing, Store, StoreError, Trimmed,
};

/// A store that knows roles and nothing else.
#[derive(Debug)]
struct Roles {
    schema: Arc<LiveSchema>,
    roles: Mutex<HashMap<String, Role>>,
    asked: AtomicUsize,
    away: Mutex<bool>,
    gate: Notify,
    gated: bool,
}

#[async_trait]
impl Store for Roles {
    fn schema(&self) -> Arc<LiveSchema> {
        Arc::clone(&self.schema)
    }
    fn lanes(&self) -> usize {
        1
    }
    async fn roles(
        &self,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<Vec<Option<Role>>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.gated {
            self.gate.notified().await;
        }
        if *self.away.lock() {
            return Err(StoreError::Unavailable("away".to_owned()));
        }
        let role = |user: &Arc<str>| self.roles.lock().get(&format!("{channel}/{user}")).copied();
        Ok(users.iter().map(role).collect())
    }
    async fn commit_while(
        &self,
        _: &[CheckedEdit],
        _: Standing<'_>,
    ) -> Result<Committed, StoreError> {
        unreachable!()
    }
    async fn number(&self) -> Result<Vec<Appended>, StoreError> {
        unreachable!()
    }
    async fn refresh(&self) -> Result<Vec<Appended>, StoreError> {
        unreachable!()
    }
    async fn mend(&self, _: &str) -> Result<Vec<Appended>, StoreError> {
        unreachable!()
    }
    async fn heads(&self, _: &[ChannelName]) -> Result<Vec<Head>, StoreError> {
        unreachable!()
    }
    async fn read_after(
        &self,
        _: &ChannelName,
        _: Cursor,
        _: usize,
    ) -> Result<ReadAfter, StoreError> {
        unreachable!()
    }
    async fn snapshot_page(
        &self,
        _: &ChannelName,
        _: Option<PagePlace>,
        _: u32,
    ) -> Result<Page, StoreError> {
        unreachable!()
    }
    async fn history(
        &self,
        _: &ChannelName,
        _: &LiveTable,
        _: &[Value],
        _: Option<Seq>,
        _: u32,
    ) -> Result<crate::store::Past, StoreError> {
        unreachable!()
    }
    async fn select(
        &self,
        _: &ChannelName,
        _: &LiveTable,
        _: &Query,
    ) -> Result<Selected, StoreError> {
        unreachable!()
    }
    async fn entry(&self, _: &ChannelName, _: Seq) -> Result<Option<PastEntry>, StoreError> {
        unreachable!()
    }
    async fn outcome(
        &self,
        _: &CheckedEdit,
    ) -> Result<Option<Result<Applied, EditError>>, StoreError> {
        unreachable!()
    }
    async fn person_name(&self, _: &str) -> Result<Option<String>, StoreError> {
        unreachable!()
    }
    async fn erase(&self, _: &Erasure) -> Result<Erased, StoreError> {
        unreachable!()
    }
    async fn trim(&self, _: Duration, _: Duration) -> Result<Trimmed, StoreError> {
        unreachable!()
    }
    async fn examine(&self) -> Result<Vec<Finding>, StoreError> {
        unreachable!()
    }
    fn accounts(self: Arc<Self>) -> Arc<dyn AccountStore> {
        unreachable!()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn close(&self) {}
}

fn tasks() -> LiveTable {
    let column = |name: &str| LiveColumn {
        name: name.to_owned(),
        kind: ColumnType::Text,
        sql_type: String::new(),
        form: crate::store::ColumnForm::default(),
        made_type: false,
        nullable: false,
        has_default: false,
        generated: false,
        readonly: false,
        values: Vec::new(),
        hidden: false,
    };
    LiveTable {
        name: "tasks".to_owned(),
        channel_kind: "project".to_owned(),
        channel_column: 1,
        key: vec![0],
        order: None,
        author: None,
        editor: None,
        insert: Some(Role::Editor),
        update: Some(Role::Editor),
        delete: Some(Role::Editor),
        relations: Vec::new(),
        references: Vec::new(),
        columns: vec![column("id"), column("project_id")],
    }
}

fn schema() -> Arc<LiveSchema> {
    Arc::new(LiveSchema::of(vec![tasks()]))
}

fn roles(gated: bool) -> (Arc<Roles>, Access) {
    let store = Arc::new(Roles {
        schema: schema(),
        roles: Mutex::default(),
        asked: AtomicUsize::new(0),
        away: Mutex::default(),
        gate: Notify::new(),
        gated,
    });
    let access = Access::new(Arc::clone(&store) as Arc<dyn Store>);
    (store, access)
}

impl Roles {
    fn set(&self, role: Option<Role>) {
        let key = "project:one/ada".to_owned();
        match role {
            Some(role) => self.roles.lock().insert(key, role),
            None => self.roles.lock().remove(&key),
        };
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn channel() -> ChannelName {
    ChannelName::new("project:one").unwrap()
}

fn ada() -> Arc<str> {
    "ada".into()
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_for_a_moment() {
    let (store, access) = roles(false);
    store.set(Some(Role::Editor));
    assert_eq!(access.role(&channel(), &ada()).await.unwrap(), Some(Role::Editor));
    store.set(None);
    assert_eq!(access.role(&channel(), &ada()).await.unwrap(), Some(Role::Editor));
    assert_eq!(store.asked(), 1);
    advance(REMEMBERED).await;
    assert_eq!(access.role(&channel(), &ada()).await.unwrap(), None);
    assert!(REMEMBERED < Duration::from_secs(1));
}

#[tokio::test]
async fn a_forgotten_channel_is_asked_again_at_once() {
    let (store, access) = roles(false);
    store.set(Some(Role::Editor));
    access.role(&channel(), &ada()).await.unwrap();
    store.set(None);
    access.forget_channel(&ChannelName::new("project:two").unwrap());
    assert_eq!(access.role(&channel(), &ada()).await.unwrap(), Some(Role::Editor));
    access.forget_channel(&channel());
    assert_eq!(access.role(&channel(), &ada()).await.unwrap(), None);
}

#[tokio::test]
async fn an_answer_asked_for_after_forgetting_is_not_that_of_a_read_before() {
    let (store, access) = roles(true);
    store.set(Some(Role::Editor));
    let (one, name) = (channel(), ada());
    let mut before = std::pin::pin!(access.role(&one, &name));
    assert!(futures_util::poll!(&mut before).is_pending());
    access.forget_channel(&channel());
    let mut after = std::pin::pin!(access.role(&one, &name));
    assert!(futures_util::poll!(&mut after).is_pending());
    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn many_who_ask_at_once_share_one_read() {
    let (store, access) = roles(true);
    let (one, name) = (channel(), ada());
    let all = futures_util::future::join_all((0..100).map(|_| access.role(&one, &name)));
    let open = async {
        tokio::task::yield_now().await;
        store.gate.notify_one();
    };
    let (answers, ()) = tokio::join!(all, open);
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().is_none()));
    assert_eq!(store.asked(), 1);
}

#[tokio::test]
async fn a_reader_that_goes_away_leaves_no_one_waiting() {
    let (store, access) = roles(true);
    store.set(Some(Role::Viewer));
    let (one, name) = (channel(), ada());
    {
        let mut gone = std::pin::pin!(access.role(&one, &name));
        assert!(futures_util::poll!(&mut gone).is_pending());
    }
    store.gate.notify_one();
    assert_eq!(access.role(&one, &name).await.unwrap(), Some(Role::Viewer));
}

#[tokio::test]
async fn a_failed_read_is_not_remembered() {
    let (store, access) = roles(false);
    *store.away.lock() = true;
    let error = access.role(&channel(), &ada()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    *store.away.lock() = false;
    assert_eq!(access.role(&channel(), &ada()).await.unwrap(), None);
}

fn move_to_one() -> CheckedEdit {
    CheckedEdit {
        schema: schema(),
        user: ada(),
        id: EditId(uuid::Uuid::nil()),
        hash: [0; 16],
        channel: ChannelName::new("project:two").unwrap(),
        ops: vec![CheckedOp::Move {
            table: 0,
            key: vec![Value::from("a")],
            to: channel(),
            to_id: Value::from("one"),
            guard: Vec::new(),
        }],
    }
}

#[tokio::test]
async fn a_move_needs_the_right_to_insert_where_it_goes() {
    let expected = [
        (None, Some(ErrorCode::UnknownChannel)),
        (Some(Role::Viewer), Some(ErrorCode::Forbidden)),
        (Some(Role::Editor), None),
    ];
    for (role, code) in expected {
        let (store, access) = roles(false);
        store.set(role);
        store.roles.lock().insert("project:two/ada".to_owned(), Role::Editor);
        let verdict = access.may_enter(&move_to_one()).await;
        assert_eq!(verdict.as_ref().err().map(|error| error.code), code);
        assert!(
            verdict.is_ok() || verdict.is_err_and(|error| error.table.as_deref() == Some("tasks"))
        );
    }
}

#[tokio::test]
async fn other_edits_need_nothing_elsewhere() {
    let (store, access) = roles(false);
    let edit = CheckedEdit { ops: Vec::new(), ..move_to_one() };
    assert!(access.may_enter(&edit).await.is_ok());
    assert_eq!(store.asked(), 0);
}
