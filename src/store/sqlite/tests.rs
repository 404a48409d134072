//! Failures of the database that no outsider can cause: a full disk, a file that takes no writes.

use std::path::Path;

use rowcast_protocol::{ChannelName, EditId, ErrorCode, Role, Value};
use uuid::Uuid;

use super::{raw::Bound, *};
use crate::store::{CheckedOp, declaration::TableDeclaration, edit::FieldOps};

fn declarations() -> Declarations {
    let users = TableDeclaration {
        name: "users".to_owned(),
        channel: "user:{id}".to_owned(),
        insert: Some(Role::Owner),
        update: Some(Role::Owner),
        delete: None,
        readonly: Vec::new(),
        hidden: Vec::new(),
        across: Vec::new(),
        order: None,
        author: None,
        editor: None,
        timestamps: crate::store::declaration::TimestampSpelling::default(),
    };
    Declarations { tables: vec![users], access: Vec::new() }
}

async fn store(directory: &Path) -> SqliteStore {
    let path = directory.join("rowcast.db");
    migrate(&path, &declarations()).await.unwrap();
    open(&path, &declarations(), Options::default()).await.unwrap()
}

fn edit(store: &SqliteStore, number: u128, op: CheckedOp) -> CheckedEdit {
    CheckedEdit {
        schema: store.schema(),
        user: "ada".into(),
        id: EditId(Uuid::from_u128(number)),
        hash: [0; 16],
        channel: ChannelName::new("user:ada").unwrap(),
        ops: vec![op],
    }
}

fn insert(store: &SqliteStore) -> CheckedEdit {
    let fields = vec![(0, Value::from("ada")), (1, Value::from("Ada"))];
    edit(store, 1, CheckedOp::Insert { table: 0, fields, place: None })
}

fn rename(store: &SqliteStore, number: u128, name: String) -> CheckedEdit {
    let change = FieldOps { set: vec![(1, name.into())], ..FieldOps::default() };
    let (table, key, guard) = (0, vec![Value::from("ada")], Vec::new());
    edit(store, number, CheckedOp::Update { table, key, change, guard })
}

impl SqliteStore {
    async fn pragma(&self, sql: &str) {
        let mut turn = Turn::of(&self.writer).await.unwrap();
        turn.writer().unwrap().connection.run(sql, Bound::none()).await.unwrap();
        turn.end();
    }
}

#[tokio::test]
async fn a_full_disk_acks_nothing_and_is_recovered_from() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    store.commit(&[insert(&store)]).await.unwrap();
    store.pragma("PRAGMA max_page_count = 1").await;
    let name = |n: u128| format!("{n} {}", "x".repeat(190));
    let large: Vec<CheckedEdit> = (2..400).map(|n| rename(&store, n, name(n))).collect();
    let error = store.commit(&large).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::StorageFull, "{error}");
    store.pragma("PRAGMA max_page_count = 1000000").await;
    let outcome = store.commit(&large).await.unwrap().outcomes[0].clone().unwrap();
    assert_eq!((outcome.seq, outcome.replayed), (2, false));
}

#[tokio::test]
async fn a_file_that_takes_no_writes_acks_nothing_and_is_recovered_from() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    store.commit(&[insert(&store)]).await.unwrap();
    store.pragma("PRAGMA query_only = on").await;
    let renamed = [rename(&store, 2, "Countess".to_owned())];
    assert_eq!(store.commit(&renamed).await.unwrap_err().code(), ErrorCode::ReadOnly);
    assert_eq!(store.ping().await.unwrap_err().code(), ErrorCode::ReadOnly);
    store.pragma("PRAGMA query_only = off").await;
    store.ping().await.unwrap();
    assert_eq!(store.commit(&renamed).await.unwrap().outcomes[0].clone().unwrap().seq, 2);
    assert_eq!(store.person_name("ada").await.unwrap().as_deref(), Some("Countess"));
}

#[tokio::test]
async fn a_store_that_was_closed_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path()).await;
    store.close().await;
    assert_eq!(store.commit(&[insert(&store)]).await.unwrap_err().code(), ErrorCode::Unavailable);
    let asked = store.person_name("ada").await;
    assert_eq!(asked.unwrap_err().code(), ErrorCode::Unavailable);
}
