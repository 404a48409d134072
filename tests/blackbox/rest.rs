//! Live tables over HTTP: rows, edits, the log, and what goes wrong.

use serde_json::{Value, json};

use crate::support::{
    database::Kind,
    http::Browser,
    on_both_stores,
    world::{World, id, other_id, project_id, task, tasks},
};

on_both_stores! {
    a_row_is_made_read_changed_and_removed,
    rows_are_listed_filtered_sorted_and_paged,
    a_write_is_an_edit_that_sockets_see,
    a_row_that_changed_is_not_overwritten,
    the_same_request_again_is_answered_from_memory,
    edits_are_applied_one_by_one_with_an_outcome_each,
    the_log_is_read_from_any_place,
    an_entry_is_undone_unless_others_changed_its_rows,
    the_deletion_of_a_row_is_undone_with_what_hung_on_it,
    undoing_leaves_alone_what_the_server_alone_sets,
    rights_are_those_of_sockets,
    wrong_parameters_are_named,
    wrong_bodies_are_named,
    composite_keys_stand_in_paths,
    keys_in_paths_are_decoded_once,
    a_tag_that_a_proxy_weakened_still_names_the_row,
    lists_take_values_with_commas_and_say_how_long_they_are,
}

fn edits() -> String {
    format!("/channels/project:{}/edits", project_id())
}

fn entries() -> String {
    format!("/channels/project:{}/entries", project_id())
}

async fn ids(browser: &Browser, query: &str) -> Vec<String> {
    let page = browser.get(&format!("{}?{query}", tasks())).await.is(200).json();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn a_row_is_made_read_changed_and_removed(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    let made = ada.post(&tasks(), json!({"title": "By hand", "labels": ["a"]})).await.is(201);
    let row = made.json();
    assert_eq!((&row["title"], &row["created_by"]), (&json!("By hand"), &json!("ada")));
    let place = made.header("location");
    let read = ada.get(place).await.is(200);
    assert_eq!((read.json(), read.header("etag")), (row, made.header("etag")));
    let known = [("If-None-Match", made.header("etag"))];
    let unchanged = ada.ask("GET", place, &known, None).await.is(304);
    assert_eq!(unchanged.text, "");
    let changed = ada.patch(place, json!({"status": "done"})).await.is(200);
    assert_eq!(
        (&changed.json()["status"], &changed.json()["title"]),
        (&json!("done"), &json!("By hand"))
    );
    assert_ne!(changed.header("etag"), made.header("etag"));
    ada.ask("GET", place, &known, None).await.is(200);
    let past = ada.get(&format!("{place}/history")).await.is(200).json();
    let told: Vec<_> = past["items"].as_array().unwrap().iter().map(|one| &one["op"]).collect();
    assert_eq!(told, ["update", "insert"]);
    assert_eq!(ada.delete(place).await.is(204).text, "");
    ada.get(place).await.fails(404, "not_found");
    ada.delete(place).await.fails(404, "not_found");
    ada.patch(place, json!({"status": "todo"})).await.fails(404, "not_found");
}

async fn rows_are_listed_filtered_sorted_and_paged(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    ada.patch(
        &task(2),
        json!({"priority": "urgent", "due_date": "2026-12-24", "labels": ["x", "7"]}),
    )
    .await
    .is(200);
    ada.patch(&task(3), json!({"title": "ZEBRA crossing", "due_date": "2026-11-30"})).await.is(200);
    let all = [id(1), id(2), id(3)];
    assert_eq!(ids(&ada, "").await, all);
    assert_eq!(ids(&ada, "sort=-id").await, [id(3), id(2), id(1)]);
    assert_eq!(ids(&ada, "sort=due_date").await, [id(3), id(2), id(1)]);
    assert_eq!(ids(&ada, "sort=-due_date").await, [id(2), id(3), id(1)]);
    assert_eq!(ids(&ada, "title.contains=zebra").await, [id(3)]);
    assert_eq!(ids(&ada, "labels.contains=x").await, [id(2)]);
    assert_eq!(ids(&ada, "due_date.null=true").await, [id(1)]);
    assert_eq!(ids(&ada, "due_date.lt=2026-12-01").await, [id(3)]);
    assert_eq!(ids(&ada, "priority=urgent").await, [id(2)]);
    assert_eq!(ids(&ada, "priority.ne=urgent&status.in=todo,doing").await, [id(1), id(3)]);
    let whole = ada.get(&format!("{}?limit=2&total=true&fields=id,title", tasks())).await.json();
    assert_eq!(
        whole["items"],
        json!([
        {"id": id(1), "title": "Task 1"}, {"id": id(2), "title": "Task 2"}])
    );
    assert_eq!(whole["total"], 3);
    let next = whole["next"].as_str().unwrap();
    let rest = ada.get(&format!("{}?limit=2&cursor={next}", tasks())).await.json();
    assert_eq!(rest["items"][0]["id"], id(3));
    assert_eq!((&rest["next"], rest["items"].as_array().unwrap().len()), (&Value::Null, 1));
    assert_eq!(ids(&ada, "offset=1&limit=1").await, [id(2)]);
    let other = format!("/channels/project:{}/tasks", other_id());
    assert_eq!(ada.get(&other).await.json()["items"][0]["id"], id(9));
}

async fn a_write_is_an_edit_that_sockets_see(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let ada = world.browser("ada");
    ada.patch(&task(1), json!({"title": "Over HTTP"})).await.is(200);
    bob.sees_title(&world.project, &id(1), "Over HTTP").await;
    let page = ada.get(&tasks()).await.json();
    let after = page["cursor_log"].as_str().unwrap();
    ada.patch(&task(1), json!({"title": "Later"})).await.is(200);
    let log = ada.get(&format!("{}?after={after}", entries())).await.is(200).json();
    assert_eq!(log["items"][0]["changes"][0]["set"]["title"], "Later");
}

async fn a_row_that_changed_is_not_overwritten(store: Kind) {
    let world = World::on(store).await;
    let (ada, bob) = (world.browser("ada"), world.browser("bob"));
    let seen = ada.get(&task(1)).await.is(200);
    let tag = [("If-Match", seen.header("etag"))];
    bob.patch(&task(1), json!({"title": "Bob's"})).await.is(200);
    let title = Some(json!({"title": "Ada's"}));
    let problem = ada.ask("PATCH", &task(1), &tag, title.clone()).await.fails(412, "guard_failed");
    assert_eq!(problem["row"]["title"], "Bob's");
    ada.ask("DELETE", &task(1), &tag, None).await.fails(412, "guard_failed");
    let seen = ada.get(&task(1)).await.is(200);
    let tag = [("If-Match", seen.header("etag"))];
    let mine = ada.ask("PATCH", &task(1), &tag, title.clone()).await.is(200);
    assert_eq!(mine.json()["title"], "Ada's");
    ada.ask("PATCH", &task(1), &[("If-Match", "*")], title.clone()).await.is(200);
    ada.ask("PATCH", &task(404), &[("If-Match", "*")], title.clone()).await.fails(404, "not_found");
    let problem = ada.ask("PATCH", &task(1), &[("If-Match", "bare")], title).await;
    assert_eq!(problem.fails(400, "bad_message")["errors"][0]["field"], "if-match");
}

async fn the_same_request_again_is_answered_from_memory(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    let key = [("Idempotency-Key", "first/write!")];
    let body = Some(json!({"title": "Once"}));
    let first = ada.ask("POST", &tasks(), &key, body.clone()).await.is(201);
    let again = ada.ask("POST", &tasks(), &key, body.clone()).await.is(201);
    assert_eq!(first.json(), again.json());
    assert_eq!(ids(&ada, "title=Once").await.len(), 1);
    let other = Some(json!({"title": "Twice"}));
    ada.ask("POST", &tasks(), &key, other).await.fails(409, "edit_conflict");
    let bob = world.browser("bob");
    bob.ask("POST", &tasks(), &key, body).await.is(201);
    let seen = ada.get(&task(1)).await.is(200);
    let headers = [("Idempotency-Key", "2"), ("If-Match", seen.header("etag"))];
    let body = Some(json!({"title": "Tagged"}));
    ada.ask("PATCH", &task(1), &headers, body.clone()).await.is(200);
    ada.ask("PATCH", &task(1), &headers, body.clone()).await.is(200);
    ada.ask("PATCH", &task(1), &[("If-Match", headers[1].1)], body)
        .await
        .fails(412, "guard_failed");
    let (id, key) = (id(0x77), id(0x77));
    let edit = json!({"ops": [{"op": "update", "table": "tasks", "key": crate::support::world::id(2),
        "set": {"title": "Named"}}]});
    let ack = ada.ask("POST", &edits(), &[("Idempotency-Key", &key)], Some(edit)).await.is(200);
    assert_eq!((&ack.json()["id"], &ack.json()["replayed"]), (&json!(id), &json!(false)));
    let long = "k".repeat(65);
    let refused = ada.ask("POST", &tasks(), &[("Idempotency-Key", &long)], Some(json!({}))).await;
    assert_eq!(refused.fails(400, "bad_message")["errors"][0]["field"], "idempotency-key");
}

async fn edits_are_applied_one_by_one_with_an_outcome_each(store: Kind) {
    let world = World::on(store).await;
    let bob = world.browser("bob");
    let set = |task: u32, title: &str| json!({"ops": [{"op": "update", "table": "tasks", "key": id(task), "set": {"title": title}}]});
    let body = json!({"edits": [set(1, "One"), set(404, "None"), set(2, "Two")]});
    let outcomes = bob.post(&edits(), body).await.is(200).json();
    assert!(outcomes["items"][0]["ack"]["seq"].is_u64());
    assert_eq!(outcomes["items"][1]["error"]["code"], "not_found");
    assert!(outcomes["items"][2]["ack"]["seq"].is_u64());
    assert_eq!(bob.get(&task(2)).await.json()["title"], "Two");
    let both = json!({"ops": [], "edits": []});
    assert_eq!(
        bob.post(&edits(), both).await.fails(400, "bad_message")["errors"][0]["field"],
        "ops"
    );
    bob.post(&edits(), json!({"ops": []})).await.fails(400, "bad_message");
    let many: Vec<_> = (0..101).map(|_| set(1, "x")).collect();
    let problem = bob.post(&edits(), json!({"edits": many})).await.fails(400, "too_many");
    assert_eq!(problem["errors"][0]["field"], "edits");
}

async fn the_log_is_read_from_any_place(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    for n in 0..5 {
        ada.patch(&task(1), json!({"title": format!("Title {n}")})).await.is(200);
    }
    let first = ada.get(&format!("{}?limit=2", entries())).await.is(200).json();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    assert_eq!(first["items"][0]["seq"], 1);
    let after = first["cursor"].as_str().unwrap();
    let rest = ada.get(&format!("{}?after={after}", entries())).await.is(200).json();
    assert_eq!(rest["items"][0]["seq"], 3);
    assert_eq!(rest["cursor"], rest["head"]);
    let none = ada.get(&format!("{}?after={}", entries(), rest["head"].as_str().unwrap())).await;
    assert_eq!(none.json()["items"], json!([]));
    let problem = ada.get(&format!("{}?after=nonsense", entries())).await.fails(400, "bad_cursor");
    assert_eq!(problem["errors"][0]["field"], "after");
    let foreign = rowcast_protocol::Cursor { epoch: rowcast_protocol::Epoch(7), seq: 1, tag: 1 };
    ada.get(&format!("{}?after={foreign}", entries())).await.fails(410, "cursor_gone");
}

async fn an_entry_is_undone_unless_others_changed_its_rows(store: Kind) {
    let world = World::on(store).await;
    let (ada, bob) = (world.browser("ada"), world.browser("bob"));
    let edit = |title: &str, status: &str| {
        json!({"ops": [
            {"op": "update", "table": "tasks", "key": id(1), "set": {"title": title, "status": status}},
            {"op": "insert", "table": "tasks", "row": {"id": id(60), "title": title}},
        ]})
    };
    let ack = ada.post(&edits(), edit("Changed", "done")).await.is(200).json();
    bob.patch(&task(1), json!({"priority": "high"})).await.is(200);
    let undone = ada.post(&format!("{}/{}/undo", entries(), ack["seq"]), Value::Null).await.is(200);
    assert!(undone.json()["seq"].as_u64() > ack["seq"].as_u64());
    let row = ada.get(&task(1)).await.json();
    assert_eq!(
        (&row["title"], &row["status"], &row["priority"]),
        (&json!("Task 1"), &json!("todo"), &json!("high"))
    );
    ada.get(&task(60)).await.fails(404, "not_found");
    let ack = ada.post(&edits(), edit("Again", "doing")).await.is(200).json();
    bob.patch(&task(1), json!({"title": "Bob's"})).await.is(200);
    let path = format!("{}/{}/undo", entries(), ack["seq"]);
    let problem = ada.post(&path, Value::Null).await.fails(409, "guard_failed");
    assert_eq!(problem["rows"].as_array().unwrap().len(), 1, "{problem}");
    assert_eq!(problem["rows"][0]["row"]["title"], "Bob's");
    ada.get(&task(60)).await.is(200);
    world.browser("vera").post(&path, Value::Null).await.fails(403, "forbidden");
    ada.post(&format!("{}/99999/undo", entries()), Value::Null).await.fails(404, "not_found");
    ada.post(&format!("{}/x/undo", entries()), Value::Null).await.fails(400, "bad_message");
}

async fn the_deletion_of_a_row_is_undone_with_what_hung_on_it(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    let comments = format!("/channels/project:{}/comments", project_id());
    let comment =
        ada.post(&comments, json!({"task_id": id(1), "body": "Stays"})).await.is(201).json();
    let row = ada.get(&task(1)).await.json();
    let delete = json!({"ops": [{"op": "delete", "table": "tasks", "key": id(1)}]});
    let ack = ada.post(&edits(), delete).await.is(200).json();
    ada.get(&task(1)).await.fails(404, "not_found");
    ada.post(&format!("{}/{}/undo", entries(), ack["seq"]), Value::Null).await.is(200);
    // When it was made the database says, and it is made anew.
    let apart = |mut row: Value| {
        row.as_object_mut().unwrap().remove("created_at");
        row
    };
    assert_eq!(apart(ada.get(&task(1)).await.is(200).json()), apart(row));
    let back = ada.get(&format!("{comments}/{}", comment["id"].as_str().unwrap())).await.is(200);
    assert_eq!(apart(back.json()), apart(comment));
}

async fn undoing_leaves_alone_what_the_server_alone_sets(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    let mut outsider = world.outsider().await;
    let of_task = format!("WHERE id = '{}'", id(1));
    let mut undone = Vec::new();
    for (year, change) in [("2020", "title = 'Outside', "), ("2021", "")] {
        let at = format!("{year}-01-01T00:00:00.000000Z");
        outsider.runs(&format!("UPDATE tasks SET {change}created_at = '{at}' {of_task}")).await;
        let mut told = None;
        crate::support::waiting::eventually("the change to be told", async || {
            let items = ada.get(&entries()).await.json()["items"].clone();
            let of_year = |item: &&Value| item.to_string().contains(&at);
            told = items.as_array().unwrap().iter().find(of_year).map(|item| item["seq"].clone());
            told.is_some()
        })
        .await;
        undone.push(format!("{}/{}/undo", entries(), told.unwrap()));
    }
    ada.post(&undone[0], Value::Null).await.is(200);
    let row = ada.get(&task(1)).await.json();
    assert_eq!(row["title"], "Task 1");
    assert_eq!(row["created_at"], "2021-01-01T00:00:00.000000Z");
    ada.post(&undone[1], Value::Null).await.fails(422, "readonly_field");
}

async fn rights_are_those_of_sockets(store: Kind) {
    let world = World::on(store).await;
    let (vera, eve) = (world.browser("vera"), world.browser("eve"));
    vera.get(&tasks()).await.is(200);
    vera.post(&tasks(), json!({"title": "x"})).await.fails(403, "forbidden");
    vera.patch(&task(1), json!({"title": "x"})).await.fails(403, "forbidden");
    vera.delete(&task(1)).await.fails(403, "forbidden");
    for path in [tasks(), task(1), entries(), "/channels/nonsense/tasks".to_owned()] {
        eve.get(&path).await.fails(404, "unknown_channel");
    }
    let nobody = world.stranger().get(&tasks()).await;
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    nobody.fails(401, "unauthorized");
    let forged = eve.with_token("a.b.c".to_owned());
    forged.get(&tasks()).await.fails(401, "unauthorized");
    let ended = eve.with_token(world.token("ada", std::time::Duration::ZERO));
    let ended = ended.get(&tasks()).await;
    assert_eq!(ended.status, 401);
    let sql = "DELETE FROM members WHERE user_id = 'vera'";
    world.outsider().await.runs(sql).await;
    crate::support::waiting::eventually("Vera to be out", async || {
        vera.get(&tasks()).await.status == 404
    })
    .await;
}

async fn wrong_parameters_are_named(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    for (query, status, code, field) in [
        ("planet=1", 422, "unknown_field", "planet"),
        ("title.like=x", 400, "bad_message", "title.like"),
        ("sort=planet", 422, "unknown_field", "sort"),
        ("sort=labels", 400, "bad_message", "sort"),
        ("sort=id,-id", 400, "bad_message", "sort"),
        ("fields=id,planet", 422, "unknown_field", "fields"),
        ("limit=0", 400, "bad_message", "limit"),
        ("limit=1001", 400, "bad_message", "limit"),
        ("limit=1&limit=2", 400, "bad_message", "limit"),
        ("offset=-1", 400, "bad_message", "offset"),
        ("cursor=x&offset=1", 400, "bad_message", "offset"),
        ("cursor=nonsense", 400, "bad_cursor", "cursor"),
        ("total=maybe", 400, "bad_message", "total"),
        ("id=7", 422, "wrong_type", "id"),
        ("due_date.lt=tomorrow", 422, "wrong_type", "due_date.lt"),
        ("created_at.null=perhaps", 400, "bad_message", "created_at.null"),
        ("labels=x", 400, "bad_message", "labels"),
        ("due_date.contains=2", 400, "bad_message", "due_date.contains"),
        ("title=%00", 400, "bad_message", "title"),
    ] {
        let problem = ada.get(&format!("{}?{query}", tasks())).await.fails(status, code);
        assert_eq!(problem["errors"][0]["field"], field, "{query}: {problem}");
    }
    let page = ada.get(&format!("{}?limit=1&sort=title", tasks())).await.json();
    let cursor = page["next"].as_str().unwrap();
    ada.get(&format!("{}?limit=1&cursor={cursor}", tasks())).await.fails(400, "bad_cursor");
    let many = vec!["status=todo"; 33].join("&");
    ada.get(&format!("{}?{many}", tasks())).await.fails(400, "too_many");
    let planets = format!("/channels/project:{}/planets", project_id());
    assert_eq!(ada.get(&planets).await.fails(404, "unknown_table")["table"], "planets");
    ada.get(&format!("{}/no-uuid", tasks())).await.fails(422, "wrong_type");
    ada.get(&format!("{}?limit=0", entries())).await.fails(400, "bad_message");
    ada.get(&format!("{}?planet=0", entries())).await.fails(400, "bad_message");
    ada.get("/nowhere").await.fails(404, "not_found");
    ada.get("/api/nowhere").await.fails(404, "not_found");
    let answer = ada.ask("PUT", &task(1), &[], Some(json!({}))).await;
    assert!(answer.header("allow").contains("PATCH"));
    answer.fails(405, "method_not_allowed");
}

async fn wrong_bodies_are_named(store: Kind) {
    let world = World::with(store, &[("HTTP__BODY_BYTES", "4096"), ("LIMITS__DEPTH", "8")]).await;
    let ada = world.browser("ada");
    for (body, status, code, field) in [
        (json!({"planet": 1, "title": "x"}), 422, "unknown_field", "planet"),
        (json!({"title": 7}), 422, "wrong_type", "title"),
        (json!({}), 422, "not_null", "title"),
        (json!({"title": "x", "status": "lost"}), 422, "check", "status"),
        (json!({"title": "x", "created_by": "bob"}), 422, "readonly_field", "created_by"),
        (json!([]), 400, "bad_message", "body"),
    ] {
        let problem = ada.post(&tasks(), body.clone()).await.fails(status, code);
        if !field.is_empty() {
            assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
        }
    }
    let json = [("Content-Type", "application/json; charset=utf-8")];
    for broken in ["", "{", "{\"title\": \"x\"} x", "\u{1}"] {
        ada.send("POST", &tasks(), &json, broken).await.fails(400, "bad_message");
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    ada.send("POST", &tasks(), &form, "title=x").await.fails(415, "unsupported_media_type");
    let long = json!({"title": "x".repeat(5000)});
    ada.post(&tasks(), long).await.fails(413, "too_large");
    let deep = "[".repeat(9) + &"]".repeat(9);
    let deep = format!("{{\"labels\": {deep}}}");
    ada.send("POST", &tasks(), &json, &deep).await.fails(400, "too_deep");
    let problem = ada.post(&edits(), json!({"ops": [{"op": "fly", "table": "tasks"}]})).await;
    let problem = problem.fails(400, "bad_message");
    assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with("ops[0]"), "{problem}");
}

async fn composite_keys_stand_in_paths(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    let members = format!("/channels/project:{}/members", project_id());
    let member = ada.get(&format!("{members}/{},bob", project_id())).await.is(200).json();
    assert_eq!((&member["user_id"], &member["role"]), (&json!("bob"), &json!("editor")));
    ada.get(&format!("{members}/bob")).await.fails(422, "wrong_type");
    ada.get(&format!("{members}/{},b%252Cob", project_id())).await.fails(404, "not_found");
}

async fn keys_in_paths_are_decoded_once(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    let members = format!("/channels/project:{}/members", project_id());
    let people = ["a%20b", "a b", "a,b", "a/b", "ü", "%"];
    let values = people.map(|id| format!("('{}', '{id}', '{id}', 'viewer')", project_id()));
    let users = people.map(|id| format!("('{id}', '{id}')"));
    let sql = format!(
        "INSERT INTO users (id, name) VALUES {};
         INSERT INTO members (project_id, user_id, name, role) VALUES {}",
        users.join(", "),
        values.join(", ")
    );
    world.outsider().await.runs(&sql).await;
    for (path, id) in [
        ("a%2520b", "a%20b"),
        ("a%20b", "a b"),
        ("a%2Cb", "a,b"),
        ("a%2Fb", "a/b"),
        ("%C3%BC", "ü"),
        ("%25", "%"),
    ] {
        let member = ada.get(&format!("{members}/{},{path}", project_id())).await.is(200).json();
        assert_eq!(member["user_id"], id, "{path}");
    }
    ada.get(&format!("{members}/{},a,b", project_id())).await.fails(422, "wrong_type");
    ada.get(&format!("{members}/{},%FF", project_id())).await.fails(400, "bad_message");
    ada.get(&format!("{members}/{},", project_id())).await.fails(404, "not_found");
    ada.get(&format!("{members}/")).await.fails(422, "wrong_type");
}

async fn a_tag_that_a_proxy_weakened_still_names_the_row(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    for n in 0..3 {
        let seen = ada.get(&task(1)).await.is(200);
        let tag = seen.header("etag").trim_matches('"').to_owned();
        let left =
            [format!("W/\"{tag}\""), format!("\"{tag}-gzip\""), format!("\"x,y\", W/\"{tag}\"")];
        let title = Some(json!({"title": format!("Title {n}")}));
        ada.ask("PATCH", &task(1), &[("If-Match", &left[n])], title.clone()).await.is(200);
        ada.ask("PATCH", &task(1), &[("If-Match", &left[n])], title)
            .await
            .fails(412, "guard_failed");
    }
}

async fn lists_take_values_with_commas_and_say_how_long_they_are(store: Kind) {
    let world = World::on(store).await;
    let ada = world.browser("ada");
    ada.patch(&task(1), json!({"title": "milk, \"fresh\""})).await.is(200);
    let quoted = "%22milk,%20%22%22fresh%22%22%22";
    assert_eq!(ids(&ada, &format!("title.in={quoted},Task%202")).await, [id(1), id(2)]);
    assert_eq!(ids(&ada, "title.in=milk,Task%202").await, [id(2)]);
    let open = ada.get(&format!("{}?title.in=%22milk", tasks())).await;
    assert_eq!(open.fails(400, "bad_message")["errors"][0]["field"], "title.in");
    assert_eq!(ids(&ada, "created_at.gte=2020-01-01&created_at.lt=9999-12-31").await.len(), 3);
    let page = ada.get(&format!("{}?limit=1&offset=1", tasks())).await.json();
    assert_eq!((&page["limit"], &page["offset"]), (&json!(1), &json!(1)));
    let page =
        ada.get(&format!("{}?cursor={}&limit=1", tasks(), page["next"].as_str().unwrap())).await;
    assert_eq!((&page.json()["limit"], &page.json()["offset"]), (&json!(1), &Value::Null));
    assert_eq!(ada.get(&tasks()).await.json()["offset"], 0);
}
