//! The past of one row.

use rowcast_protocol::{ErrorCode, Reply, Request, Value, reply::HistoryPage, request::History};

use crate::support::{
    database::Kind,
    device::Device,
    edits::{rename, set},
    on_both_stores,
    world::{World, id},
};

async fn page(device: &mut Device, world: &World, task: &str, before: Option<u64>) -> HistoryPage {
    let (channel, key) = (world.project.clone(), Value::from(task));
    let reply = device
        .asks(|reference| {
            let (table, limit) = ("tasks".to_owned(), Some(2));
            Request::History(History { reference, channel, table, key, before, limit })
        })
        .await;
    match reply {
        Reply::HistoryPage(page) => page,
        other => panic!("{other:?} is no page of history"),
    }
}

on_both_stores! {
    the_past_of_a_row_comes_newest_first_with_old_and_new,
    a_row_without_a_past_has_an_empty_one,
    history_needs_the_right_to_read,
    outsiders_are_in_the_past_too,
}

async fn the_past_of_a_row_comes_newest_first_with_old_and_new(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let first = ada.edits(&world.project, vec![rename(&id(1), "Second title")]).await;
    let second = bob
        .edits(&world.project, vec![set("tasks", &id(1), serde_json::json!({"status": "done"}))])
        .await;
    let newest = page(&mut bob, &world, &id(1), None).await;
    assert!(newest.more);
    let seqs: Vec<_> = newest.changes.iter().map(|change| change.seq).collect();
    assert_eq!(seqs, [second.seq, first.seq]);
    assert_eq!(newest.changes[0].user.as_deref(), Some("bob"));
    assert_eq!(newest.changes[1].edit, Some(first.id));
    assert_eq!(newest.changes[1].old.get("title"), Some(&"Task 1".into()));
    assert_eq!(newest.changes[1].new.get("title"), Some(&"Second title".into()));
    let oldest = page(&mut bob, &world, &id(1), Some(first.seq)).await;
    assert_eq!((oldest.changes.len(), oldest.more), (1, false));
    assert_eq!(oldest.changes[0].op, "insert");
}

async fn a_row_without_a_past_has_an_empty_one(store: Kind) {
    let world = World::on(store).await;
    let mut vera = world.vera().await;
    let none = page(&mut vera, &world, &id(404), None).await;
    assert_eq!((none.changes.len(), none.more), (0, false));
}

async fn history_needs_the_right_to_read(store: Kind) {
    let world = World::on(store).await;
    let mut eve = world.eve().await;
    match eve.asks_for_history(&world.project, &id(1), 10).await {
        Reply::Error(error) => assert_eq!(error.code, ErrorCode::UnknownChannel),
        other => panic!("{other:?}"),
    }
    let mut ada = world.ada().await;
    let channel = world.project.clone();
    let error = ada
        .fails(|reference| {
            Request::History(History {
                reference,
                channel,
                table: "planets".to_owned(),
                key: 1_i64.into(),
                before: None,
                limit: None,
            })
        })
        .await;
    assert_eq!(error.code, ErrorCode::UnknownTable);
}

async fn outsiders_are_in_the_past_too(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    ada.subscribes(&world.project).await;
    let sql = format!("UPDATE tasks SET title = 'By hand' WHERE id = '{}'", id(1));
    world.outsider().await.runs(&sql).await;
    ada.sees_title(&world.project, &id(1), "By hand").await;
    let newest = page(&mut ada, &world, &id(1), None).await;
    assert_eq!(newest.changes[0].new.get("title"), Some(&"By hand".into()));
    assert_eq!(newest.changes[0].edit, None);
}
