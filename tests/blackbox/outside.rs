//! Outside writers: plain SQL on the same tables, seen by everybody within moments, and neither
//! blocked nor failed by the hub.

use std::{sync::Arc, time::Duration};

use rowcast_protocol::{Change, Reply};
use tokio::time::Instant;

use crate::support::{
    database::Kind,
    edits::{comment, edit, label, new_task, rename},
    gate::{Call, Gate, Side, hub_behind},
    on_both_stores,
    waiting::eventually,
    world::{World, id, other_id, project_id},
};

/// By when what an outsider committed is seen; half of the time at the latest.
const SOON: Duration = Duration::from_millis(200);

fn rename_by_hand(task: &str, title: &str) -> String {
    format!("UPDATE tasks SET title = '{title}' WHERE id = '{task}'")
}

on_both_stores! {
    what_an_outsider_commits_is_seen_within_moments,
    all_statements_of_a_transaction_come_together,
    what_an_outsider_rolls_back_is_never_seen,
    cascades_are_seen_like_anything_else,
    a_row_that_an_outsider_moves_leaves_here_and_enters_there,
    emptying_a_table_empties_it_for_everybody,
    edits_and_outside_writes_take_turns_without_a_gap,
    an_outsider_who_holds_a_row_delays_only_edits_of_that_row,
    an_ack_names_its_own_entry_though_an_outsiders_comes_after_it,
    transactions_that_overlap_come_in_the_order_of_their_effects,
    an_outsider_is_not_kept_waiting_by_the_hub,
    an_outsiders_news_do_not_wait_while_old_entries_are_forgotten,
}

async fn what_an_outsider_commits_is_seen_within_moments(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut outsider = world.outsider().await;
    let mut times = Vec::new();
    for number in 0..11 {
        outsider.runs(&rename_by_hand(&id(1), &format!("By hand {number}"))).await;
        let began = Instant::now();
        bob.sees_title(&world.project, &id(1), &format!("By hand {number}")).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    assert!(times[5] <= SOON, "{times:?}");
    let entry = bob.view(&world.project).entries.last().unwrap();
    assert!(entry.edits.is_empty(), "nobody's edit: {entry:?}");
}

async fn all_statements_of_a_transaction_come_together(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut outsider = world.outsider().await;
    outsider.runs("BEGIN").await;
    outsider.runs(&rename_by_hand(&id(1), "Together")).await;
    let insert = format!(
        "INSERT INTO tasks (id, project_id, title) VALUES ('{}', '{}', 'Together')",
        id(50),
        project_id()
    );
    outsider.runs(&insert).await;
    outsider.runs(&format!("DELETE FROM tasks WHERE id = '{}'", id(2))).await;
    bob.is_up_to_date().await;
    assert_eq!(bob.task(&world.project, &id(1)).get("title"), Some(&"Task 1".into()));
    outsider.runs("COMMIT").await;
    bob.sees_title(&world.project, &id(1), "Together").await;
    let entry = bob.view(&world.project).entries.last().unwrap();
    assert_eq!(entry.changes.len(), 3, "{entry:?}");
}

async fn what_an_outsider_rolls_back_is_never_seen(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut outsider = world.outsider().await;
    outsider.runs("BEGIN").await;
    outsider.runs(&rename_by_hand(&id(1), "Never")).await;
    outsider.runs("ROLLBACK").await;
    outsider.runs(&rename_by_hand(&id(2), "After")).await;
    bob.sees_title(&world.project, &id(2), "After").await;
    let entries = &bob.view(&world.project).entries;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(bob.task(&world.project, &id(1)).get("title"), Some(&"Task 1".into()));
}

async fn cascades_are_seen_like_anything_else(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.edits(&world.project, vec![comment(&id(1), "one"), comment(&id(1), "two")]).await;
    bob.subscribes(&world.project).await;
    world.outsider().await.runs(&format!("DELETE FROM tasks WHERE id = '{}'", id(1))).await;
    bob.sees_no(&world.project, "tasks", &id(1)).await;
    bob.sees(&world.project, "the comments to go", |view| view.table("comments").count() == 0)
        .await;
}

async fn a_row_that_an_outsider_moves_leaves_here_and_enters_there(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.other).await;
    let sql = format!(
        "UPDATE tasks SET project_id = '{}', title = 'Moved' WHERE id = '{}'",
        other_id(),
        id(1)
    );
    world.outsider().await.runs(&sql).await;
    bob.sees_title(&world.other, &id(1), "Moved").await;
    ada.sees_no(&world.project, "tasks", &id(1)).await;
    let left = &ada.view(&world.project).entries.last().unwrap().changes[0];
    let entered = &bob.view(&world.other).entries.last().unwrap().changes[0];
    assert!(
        matches!((left, entered), (Change::Leave(_), Change::Enter(_))),
        "{left:?} {entered:?}"
    );
}

async fn emptying_a_table_empties_it_for_everybody(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let sql = match store {
        Kind::Sqlite => "DELETE FROM tasks",
        Kind::Postgres => "TRUNCATE tasks CASCADE",
    };
    world.outsider().await.runs(sql).await;
    eventually("no task to be left", async || {
        bob.is_up_to_date().await;
        if !bob.resets.is_empty() {
            bob.subscribes(&world.project).await;
        }
        bob.view(&world.project).table("tasks").count() == 0
    })
    .await;
    world.ada().await.edits(&world.project, vec![new_task(&id(50), "A new beginning")]).await;
    bob.sees_title(&world.project, &id(50), "A new beginning").await;
}

async fn edits_and_outside_writes_take_turns_without_a_gap(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let mut outsider = world.outsider().await;
    for number in 0..40 {
        let edit = edit(&world.project, vec![rename(&id(1), &format!("Edit {number}"))]);
        let reference = ada.sends(&edit).await;
        outsider.runs(&rename_by_hand(&id(2), &format!("Hand {number}"))).await;
        assert!(matches!(ada.reply(reference).await, Reply::Ack(_)));
    }
    bob.sees_title(&world.project, &id(1), "Edit 39").await;
    bob.sees_title(&world.project, &id(2), "Hand 39").await;
}

async fn an_outsider_who_holds_a_row_delays_only_edits_of_that_row(store: Kind) {
    if store == Kind::Sqlite {
        return; // One writer at a time: see `database_away`.
    }
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let mut outsider = world.outsider().await;
    outsider.runs("BEGIN").await;
    outsider.runs(&rename_by_hand(&id(1), "Held")).await;
    let stuck = edit(&world.project, vec![rename(&id(1), "Waits")]);
    let reference = ada.sends(&stuck).await;
    let began = Instant::now();
    bob.edits(&world.other, vec![rename(&id(9), "Goes on")]).await;
    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
    match ada.reply(reference).await {
        Reply::Error(error) => assert!(error.retry, "{error:?}"),
        other => panic!("{other:?}, though somebody else holds the row"),
    }
    outsider.runs("COMMIT").await;
    ada.tries(&stuck).await.expect("nobody holds the row any more");
    bob.subscribes(&world.project).await;
    assert_eq!(bob.task(&world.project, &id(1)).get("title"), Some(&"Waits".into()));
}

async fn an_ack_names_its_own_entry_though_an_outsiders_comes_after_it(store: Kind) {
    if store == Kind::Sqlite {
        return; // Nobody writes between an edit's change and its commit.
    }
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    ada.subscribes(&world.project).await;
    ada.edits(&world.project, vec![label(&id(2), "x")]).await;
    let mut outsider = world.outsider().await;
    outsider.runs("BEGIN").await;
    outsider.runs(&format!("UPDATE tasks SET metadata = '{{}}' WHERE id = '{}'", id(2))).await;
    // The first operation changes something; the second changes nothing, once it may.
    let waiting = edit(&world.project, vec![rename(&id(1), "Hers"), label(&id(2), "x")]);
    let reference = ada.sends(&waiting).await;
    let mut watcher = world.outsider().await;
    eventually("the edit to wait for the row", async || {
        watcher.counts("pg_locks WHERE NOT granted").await > 0
    })
    .await;
    outsider.runs(&rename_by_hand(&id(3), "Theirs")).await;
    outsider.runs("COMMIT").await;
    let Reply::Ack(ack) = ada.reply(reference).await else { panic!("refused") };
    ada.sees_title(&world.project, &id(3), "Theirs").await;
    let entries = &ada.view(&world.project).entries;
    let own = entries.iter().find(|entry| entry.edits.iter().any(|of| of.id == waiting.id));
    assert_eq!(own.map(|entry| entry.seq), Some(ack.seq));
}

async fn transactions_that_overlap_come_in_the_order_of_their_effects(store: Kind) {
    if store == Kind::Sqlite {
        return; // They do not overlap.
    }
    let world = World::with(store, &[("STORE__POLL_MS", "1000")]).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let (mut early, mut late) = (world.outsider().await, world.outsider().await);
    for round in 0..5 {
        // One begins first, and overwrites in the end what the other committed meanwhile.
        early.runs("BEGIN").await;
        early.runs(&rename_by_hand(&id(1), &format!("Early {round}"))).await;
        late.runs(&rename_by_hand(&id(2), &format!("Late {round}"))).await;
        early.runs(&rename_by_hand(&id(2), &format!("Early {round}"))).await;
        early.runs("COMMIT").await;
        bob.sees_title(&world.project, &id(1), &format!("Early {round}")).await;
        bob.sees_title(&world.project, &id(2), &format!("Early {round}")).await;
        world.ada().await.edits(&world.project, vec![rename(&id(3), &format!("{round}"))]).await;
        bob.sees_title(&world.project, &id(3), &format!("{round}")).await;
        let title = bob.task(&world.project, &id(2)).get("title").cloned();
        assert_eq!(title, Some(format!("Early {round}").into()));
    }
}

async fn an_outsider_is_not_kept_waiting_by_the_hub(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut outsider = world.outsider().await;
    let mut times = Vec::new();
    for number in 0..100 {
        let edit = edit(&world.project, vec![rename(&id(1), &format!("Busy {number}"))]);
        bob.sends(&edit).await;
        let began = Instant::now();
        outsider.runs(&rename_by_hand(&id(2), &format!("Hand {number}"))).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    assert!(times[50] < Duration::from_millis(100), "{times:?}");
    bob.sees_title(&world.project, &id(2), "Hand 99").await;
}

async fn an_outsiders_news_do_not_wait_while_old_entries_are_forgotten(store: Kind) {
    let mut world = World::on(store).await;
    world.hub.is_killed();
    let gate = Arc::new(Gate::default());
    gate.closes(Call::Trim, Side::Before);
    let server = hub_behind(&world.database, &gate).await;
    world.hub.address = server.address;
    gate.is_reached().await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    // Nor while positions are compared.
    gate.closes(Call::Heads, Side::Before);
    gate.is_reached().await;
    world.outsider().await.runs(&rename_by_hand(&id(1), "Meanwhile")).await;
    bob.sees_title(&world.project, &id(1), "Meanwhile").await;
    gate.opens();
    gate.opens();
    server.drain().await;
}
