//! Edits: what an ack means, what is refused and how, and that one edit is one whole.

use rowcast_protocol::{ErrorCode, Place, Value};
use serde_json::json;

use crate::support::{
    database::Kind,
    edits::{
        comment, delete, edit, insert, label, move_to, new_task, new_task_at, rename, rename_from,
        set,
    },
    on_both_stores,
    world::{World, id},
};

on_both_stores! {
    async fn an_ack_names_the_entry_that_everybody_gets(store: Kind) {
        let world = World::on(store).await;
        let (mut ada, mut bob) = (world.ada().await, world.bob().await);
        ada.subscribes(&world.project).await;
        bob.subscribes(&world.project).await;
        let ack = ada.edits(&world.project, vec![rename(&id(1), "Named")]).await;
        assert!(!ack.replayed);
        for device in [&mut ada, &mut bob] {
            device.sees_title(&world.project, &id(1), "Named").await;
            let view = device.view(&world.project);
            assert_eq!(view.epoch, Some(ack.epoch));
            let entry = view.entries.iter().find(|entry| entry.seq == ack.seq).expect("it came");
            assert_eq!((entry.edits[0].id, entry.edits[0].user.as_str()), (ack.id, "ada"));
            assert!(entry.by.is_none());
        }
    }

    async fn an_acked_edit_survives_a_crash(store: Kind) {
        let mut world = World::on(store).await;
        let mut ada = world.ada().await;
        let mut last = ada.edits(&world.project, vec![rename(&id(1), "Durable 0")]).await;
        for number in 1..20 {
            let next = ada.edits(&world.project, vec![rename(&id(1), &format!("Durable {number}"))]).await;
            assert_eq!(next.seq, last.seq + 1);
            last = next;
            if number % 5 == 0 {
                world.hub.is_killed();
                world.hub.starts_again().await;
                ada = world.ada().await;
            }
        }
        ada.subscribes(&world.project).await;
        assert_eq!(ada.task(&world.project, &id(1)).get("title"), Some(&"Durable 19".into()));
        assert_eq!(ada.view(&world.project).seq, last.seq);
    }

    async fn an_edit_that_changes_nothing_acks_the_head(store: Kind) {
        let world = World::on(store).await;
        let mut ada = world.ada().await;
        ada.subscribes(&world.project).await;
        let before = ada.edits(&world.project, vec![label(&id(1), "x")]).await;
        let nothing = ada.edits(&world.project, vec![label(&id(1), "x")]).await;
        assert_eq!((nothing.epoch, nothing.seq), (before.epoch, before.seq));
        let after = ada.edits(&world.project, vec![label(&id(1), "y")]).await;
        assert_eq!(after.seq, before.seq + 1);
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

    async fn operations_see_the_ones_before_them(store: Kind) {
        let world = World::on(store).await;
        let mut bob = world.bob().await;
        bob.subscribes(&world.project).await;
        let ops = vec![new_task(&id(60), "New"), rename(&id(60), "Newer"), comment(&id(60), "Newest"), delete("tasks", &id(3))];
        bob.edits(&world.project, ops).await;
        bob.sees_title(&world.project, &id(60), "Newer").await;
        assert_eq!(bob.view(&world.project).table("comments").count(), 1);
        assert!(bob.view(&world.project).row("tasks", &id(3)).is_none());
    }

    async fn edits_of_different_fields_merge(store: Kind) {
        let world = World::on(store).await;
        let (mut ada, mut bob) = (world.ada().await, world.bob().await);
        ada.subscribes(&world.project).await;
        let (one, other) = (edit(&world.project, vec![rename(&id(1), "Hers")]), edit(&world.project, vec![set("tasks", &id(1), json!({"status": "done"}))]));
        let (first, second) = (ada.sends(&one).await, bob.sends(&other).await);
        ada.reply(first).await;
        bob.reply(second).await;
        ada.sees(&world.project, "both", |view| {
            let row = view.row("tasks", &id(1)).unwrap();
            row.get("title") == Some(&"Hers".into()) && row.get("status") == Some(&"done".into())
        }).await;
    }

    async fn edits_of_one_client_take_effect_in_order(store: Kind) {
        let world = World::on(store).await;
        let mut bob = world.bob().await;
        bob.subscribes(&world.project).await;
        let mut refs = Vec::new();
        for number in 0..100 {
            let edit = edit(&world.project, vec![rename(&id(1), &format!("Title {number}"))]);
            refs.push(bob.sends(&edit).await);
        }
        let mut last = 0;
        for reference in refs {
            let rowcast_protocol::Reply::Ack(ack) = bob.reply(reference).await else { panic!("refused") };
            assert!(ack.seq >= last);
            last = ack.seq;
        }
        bob.sees_title(&world.project, &id(1), "Title 99").await;
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
            let good = edit(&world.project, vec![new_task(&id(70 + u32::try_from(number).unwrap()), "Good")]);
            expected.push((bob.sends(&good).await, None));
            expected.push((bob.sends(&edit(&world.project, ops)).await, Some(code)));
        }
        for (reference, code) in expected {
            match (bob.reply(reference).await, code) {
                (rowcast_protocol::Reply::Ack(_), None) => {}
                (rowcast_protocol::Reply::Error(error), Some(code)) => assert_eq!(error.code, code, "{error:?}"),
                (other, _) => panic!("{other:?}"),
            }
        }
        bob.sees(&world.project, "five good tasks", |view| {
            (70..75).all(|number| view.row("tasks", &id(number)).is_some())
        }).await;
    }

    async fn a_broken_constraint_is_named(store: Kind) {
        let world = World::on(store).await;
        let mut ada = world.ada().await;
        let check = ada.is_refused(&world.project, vec![set("tasks", &id(1), json!({"status": "perhaps"}))]).await;
        assert_eq!((check.code, check.table.as_deref(), check.op), (ErrorCode::Check, Some("tasks"), Some(0)));
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
            (set("tasks", &id(1), json!({"due_date": "tomorrow"})), ErrorCode::WrongType, Some("due_date")),
            (set("tasks", &id(1), json!({"title": null})), ErrorCode::NotNull, Some("title")),
            (set("tasks", &id(1), json!({"created_at": "2026-01-01T00:00:00Z"})), ErrorCode::ReadonlyField, Some("created_at")),
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
            won += usize::from(matches!(device.reply(reference).await, rowcast_protocol::Reply::Ack(_)));
        }
        assert_eq!(won, 1);
    }

    async fn rows_are_placed_by_hand(store: Kind) {
        let world = World::on(store).await;
        let mut bob = world.bob().await;
        bob.subscribes(&world.project).await;
        bob.edits(&world.project, vec![
            new_task_at(&id(31), "first", Place::First),
            new_task_at(&id(32), "second", Place::After(id(31).into())),
            new_task_at(&id(33), "between", Place::Before(id(32).into())),
            new_task_at(&id(34), "last", Place::Last),
        ]).await;
        bob.sees_title(&world.project, &id(34), "last").await;
        let mut order: Vec<_> = bob.view(&world.project).table("tasks")
            .map(|row| {
                let text = |field| row.get(field).and_then(|value| value.as_str()).map(str::to_owned);
                let position = text("position");
                (position.is_none(), position, text("id"), text("title").unwrap())
            })
            .collect();
        // By the bytes of the position; whoever has none comes last, by the key.
        order.sort();
        let titles: Vec<_> = order.iter().map(|(.., title)| title.as_str()).collect();
        assert_eq!(titles, ["first", "between", "second", "last", "Task 1", "Task 2", "Task 3"]);
        let error = bob.is_refused(&world.project, vec![new_task_at(&id(35), "x", Place::After(id(404).into()))]).await;
        assert_eq!(error.code, ErrorCode::NotFound);
    }

    async fn a_task_moves_to_another_project(store: Kind) {
        let world = World::on(store).await;
        let (mut ada, mut bob) = (world.ada().await, world.bob().await);
        ada.subscribes(&world.project).await;
        bob.subscribes(&world.other).await;
        let ack = ada.edits(&world.project, vec![move_to(&id(1), &world.other)]).await;
        assert_eq!(ack.channel, world.project);
        ada.sees_no(&world.project, "tasks", &id(1)).await;
        bob.sees_title(&world.other, &id(1), "Task 1").await;
        let left = &ada.view(&world.project).entries.last().unwrap().changes[0];
        assert!(matches!(left, rowcast_protocol::Change::Leave(_)), "{left:?}");
        let error = ada.is_refused(&world.project, vec![rename(&id(1), "Gone")]).await;
        assert_eq!(error.code, ErrorCode::NotFound);
    }

    async fn deleting_a_task_deletes_what_hangs_on_it(store: Kind) {
        let world = World::on(store).await;
        let (mut ada, mut bob) = (world.ada().await, world.bob().await);
        bob.subscribes(&world.project).await;
        ada.edits(&world.project, vec![comment(&id(1), "one"), comment(&id(1), "two")]).await;
        ada.edits(&world.project, vec![set("tasks", &id(2), json!({"parent_id": id(1)}))]).await;
        let ack = ada.edits(&world.project, vec![delete("tasks", &id(1))]).await;
        bob.sees_no(&world.project, "tasks", &id(1)).await;
        let view = bob.view(&world.project);
        assert_eq!((view.table("comments").count(), view.table("tasks").count()), (0, 1));
        let entry = view.entries.iter().find(|entry| entry.seq == ack.seq).unwrap();
        assert_eq!(entry.changes.len(), 4, "one entry holds the whole cascade: {:?}", entry.changes);
    }

    async fn an_edit_needs_no_subscription_but_names_one_channel(store: Kind) {
        let world = World::on(store).await;
        let mut bob = world.bob().await;
        bob.edits(&world.other, vec![rename(&id(9), "From outside")]).await;
        let error = bob.is_refused(&world.other, vec![rename(&id(1), "In another channel")]).await;
        assert_eq!(error.code, ErrorCode::NotFound);
        assert_eq!(error.key, Some(Value::from(id(1))));
    }

    async fn the_hub_knows_who_made_and_who_changed_a_task(store: Kind) {
        let world = World::on(store).await;
        let (mut ada, mut bob) = (world.ada().await, world.bob().await);
        bob.subscribes(&world.project).await;
        ada.edits(&world.project, vec![new_task(&id(40), "Hers")]).await;
        bob.edits(&world.project, vec![rename(&id(40), "His too")]).await;
        bob.sees_title(&world.project, &id(40), "His too").await;
        let task = bob.task(&world.project, &id(40));
        assert_eq!((task.get("created_by"), task.get("updated_by")), (Some(&"ada".into()), Some(&"bob".into())));
    }
}
