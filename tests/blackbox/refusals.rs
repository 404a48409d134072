//! Edits that are refused: why, in which words, and that nothing of them is applied.

use rowcast_protocol::ErrorCode;
use serde_json::json;

use crate::support::{
    database::Kind,
    edits::{comment, edit, insert, new_task, rename, rename_from, set},
    on_both_stores,
    world::{World, id},
};

on_both_stores! {
    an_edit_is_applied_whole_or_not_at_all,
    one_bad_edit_harms_no_neighbour,
    a_broken_constraint_is_named,
    what_the_tables_do_not_have_is_refused_by_name,
    a_guard_that_fails_shows_the_row_as_it_is,
    of_many_guarded_edits_exactly_one_wins,
}

async fn an_edit_is_applied_whole_or_not_at_all(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    ada.subscribes(&world.project).await;
    let ops = vec![rename(&id(1), "Half"), new_task(&id(50), "Half"), rename(&id(404), "Nobody")];
    let error = ada.is_refused(&world.project, ops).await;
    assert_eq!((error.code, error.op), (ErrorCode::NotFound, Some(2)));
    let ack = ada.edits(&world.project, vec![rename(&id(2), "Whole")]).await;
    ada.sees_title(&world.project, &id(2), "Whole").await;
    assert_eq!(ada.task(&world.project, &id(1)).get("title"), Some(&"Task 1".into()));
    assert!(ada.view(&world.project).row("tasks", &id(50)).is_none());
    assert_eq!(ada.view(&world.project).seq, ack.seq);
}

async fn one_bad_edit_harms_no_neighbour(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let bad = [
        (vec![set("tasks", &id(1), json!({"status": "perhaps"}))], ErrorCode::Check),
        (vec![new_task(&id(2), "A key that is taken")], ErrorCode::Unique),
        (vec![comment(&id(404), "Nothing to comment on")], ErrorCode::ForeignKey),
        (vec![rename(&id(404), "Nobody")], ErrorCode::NotFound),
        (vec![rename_from(&id(1), "Not its title", "x")], ErrorCode::GuardFailed),
    ];
    let mut expected = Vec::new();
    for (number, (ops, code)) in bad.into_iter().enumerate() {
        let good =
            edit(&world.project, vec![new_task(&id(70 + u32::try_from(number).unwrap()), "Good")]);
        expected.push((bob.sends(&good).await, None));
        expected.push((bob.sends(&edit(&world.project, ops)).await, Some(code)));
    }
    for (reference, code) in expected {
        match (bob.reply(reference).await, code) {
            (rowcast_protocol::Reply::Ack(_), None) => {}
            (rowcast_protocol::Reply::Error(error), Some(code)) => {
                assert_eq!(error.code, code, "{error:?}")
            }
            (other, _) => panic!("{other:?}"),
        }
    }
    bob.sees(&world.project, "five good tasks", |view| {
        (70..75).all(|number| view.row("tasks", &id(number)).is_some())
    })
    .await;
}

async fn a_broken_constraint_is_named(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    let check = ada
        .is_refused(&world.project, vec![set("tasks", &id(1), json!({"status": "perhaps"}))])
        .await;
    assert_eq!(
        (check.code, check.table.as_deref(), check.op),
        (ErrorCode::Check, Some("tasks"), Some(0))
    );
    assert_eq!(check.constraint.as_deref(), Some("tasks_status_check"));
    let key = ada.is_refused(&world.project, vec![new_task(&id(2), "Taken")]).await;
    assert_eq!((key.code, key.table.as_deref()), (ErrorCode::Unique, Some("tasks")));
    let foreign = ada.is_refused(&world.project, vec![comment(&id(404), "x")]).await;
    assert_eq!((foreign.code, foreign.table.as_deref()), (ErrorCode::ForeignKey, Some("comments")));
}

async fn what_the_tables_do_not_have_is_refused_by_name(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    let cases = [
        (insert("planets", json!({"id": id(80)})), ErrorCode::UnknownTable, None),
        (set("tasks", &id(1), json!({"colour": "red"})), ErrorCode::UnknownField, Some("colour")),
        (set("tasks", &id(1), json!({"title": 5})), ErrorCode::WrongType, Some("title")),
        (
            set("tasks", &id(1), json!({"due_date": "tomorrow"})),
            ErrorCode::WrongType,
            Some("due_date"),
        ),
        (set("tasks", &id(1), json!({"title": null})), ErrorCode::NotNull, Some("title")),
        (
            set("tasks", &id(1), json!({"created_at": "2026-01-01T00:00:00Z"})),
            ErrorCode::ReadonlyField,
            Some("created_at"),
        ),
        (insert("tasks", json!({"id": id(81)})), ErrorCode::NotNull, Some("title")),
        (insert("members", json!({"user_id": "eve", "role": "owner"})), ErrorCode::Forbidden, None),
    ];
    for (op, code, field) in cases {
        let error = bob.is_refused(&world.project, vec![op.clone()]).await;
        assert_eq!((error.code, error.field.as_deref()), (code, field), "{op:?}: {error:?}");
        assert!(!error.retry && !error.message.is_empty());
    }
}

async fn a_guard_that_fails_shows_the_row_as_it_is(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.edits(&world.project, vec![rename_from(&id(1), "Task 1", "Once")]).await;
    let error = bob.is_refused(&world.project, vec![rename_from(&id(1), "Task 1", "Twice")]).await;
    assert_eq!(error.code, ErrorCode::GuardFailed);
    assert_eq!(error.row.expect("the row").get("title"), Some(&"Once".into()));
}

async fn of_many_guarded_edits_exactly_one_wins(store: Kind) {
    let world = World::on(store).await;
    let mut devices = Vec::new();
    for number in 0..6 {
        devices.push(if number % 2 == 0 { world.ada().await } else { world.bob().await });
    }
    let mut refs = Vec::new();
    for (number, device) in devices.iter_mut().enumerate() {
        let op = rename_from(&id(1), "Task 1", &format!("Won by {number}"));
        refs.push(device.sends(&edit(&world.project, vec![op])).await);
    }
    let mut won = 0;
    for (device, reference) in devices.iter_mut().zip(refs) {
        won +=
            usize::from(matches!(device.reply(reference).await, rowcast_protocol::Reply::Ack(_)));
    }
    assert_eq!(won, 1);
}
