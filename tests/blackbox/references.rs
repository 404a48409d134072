//! A row refers to rows of its own channel, whichever way an edit comes in and whatever the tables are.

use rowcast_protocol::{ChannelName, Codec, ErrorCode, Op};
use serde_json::{Value, json};

use crate::support::{
    database::{Database, Kind},
    device::Device,
    edits::{delete, insert, move_to, set},
    http::Browser,
    hub::Hub,
    on_both_stores,
    world::{World, id, other_id, person, project_id, task, token},
};

on_both_stores! {
    an_edit_does_not_lead_to_a_row_of_another_channel,
    nobody_outside_a_project_hears_of_its_tasks,
}

/// The groups of an application, each with its shelves and the books on them. Ada owns one, Bob the other.
const TABLES: &str = "
    CREATE TABLE crews (grp text NOT NULL, who text NOT NULL, role text NOT NULL, PRIMARY KEY (grp, who));
    CREATE TABLE shelves (id text NOT NULL PRIMARY KEY, grp text NOT NULL);
    CREATE TABLE books (id text NOT NULL PRIMARY KEY, grp text NOT NULL,
        shelf text REFERENCES shelves (id) ON DELETE CASCADE);
    INSERT INTO crews VALUES ('a', 'ada', 'owner'), ('b', 'bob', 'owner'), ('b', 'ada', 'editor');
    INSERT INTO shelves VALUES ('of-a', 'a'), ('of-b', 'b');
    INSERT INTO books VALUES ('1', 'a', 'of-a'), ('2', 'b', 'of-b')";

const DECLARED: &str = r#"
    [[tables]]
    name = "crews"
    channel = "crew:{grp}"

    [[tables]]
    name = "shelves"
    channel = "crew:{grp}"
    insert = "editor"
    update = "editor"
    delete = "editor"

    [[tables]]
    name = "books"
    channel = "crew:{grp}"
    insert = "editor"
    update = "editor"
    delete = "editor"

    [[access]]
    kind = "crew"
    members = { table = "crews", channel = "grp", user = "who", role = "role" }
"#;

async fn crews(store: Kind) -> (Hub, Database) {
    let database = Database::create(store).await;
    database.outsider().await.runs(TABLES).await;
    std::fs::write(database.folder.path().join("rowcast.toml"), DECLARED).unwrap();
    (Hub::start(&database, &[]).await, database)
}

fn crew(id: &str) -> ChannelName {
    ChannelName::new(&format!("crew:{id}")).unwrap()
}

/// What leads from the group `a` to the group `b`, and the same to what is nowhere.
fn led_out(shelf: &str) -> Vec<Op> {
    vec![
        insert("books", json!({"id": "9", "shelf": shelf})),
        set("books", "1", json!({"shelf": shelf})),
    ]
}

async fn an_edit_does_not_lead_to_a_row_of_another_channel(store: Kind) {
    let (hub, database) = crews(store).await;
    let token = token(&database, "ada", std::time::Duration::from_secs(3600));
    let mut ada = Device::connect(hub.address, Codec::Json, &token).await.unwrap();
    for (elsewhere, nowhere) in led_out("of-b").into_iter().zip(led_out("of-nobody")) {
        let elsewhere = ada.is_refused(&crew("a"), vec![elsewhere]).await;
        let nowhere = ada.is_refused(&crew("a"), vec![nowhere]).await;
        assert_eq!(elsewhere.code, ErrorCode::ForeignKey);
        assert_eq!(elsewhere.field.as_deref(), Some("shelf"));
        let told = |error: &rowcast_protocol::ErrorReply| {
            (
                error.message.clone(),
                error.table.clone(),
                error.field.clone(),
                error.constraint.clone(),
            )
        };
        assert_eq!(told(&elsewhere), told(&nowhere));
    }
    let browser = Browser::at(hub.address).with_token(token);
    let books = "/channels/crew:a/books";
    let problem =
        browser.post(books, json!({"id": "9", "shelf": "of-b"})).await.fails(409, "foreign_key");
    assert_eq!(problem["field"], "shelf", "{problem}");
    browser.patch(&format!("{books}/1"), json!({"shelf": "of-b"})).await.fails(409, "foreign_key");
    // A deletion is undone after its shelf has gone to the other group.
    let edits = "/channels/crew:a/edits";
    let ops = json!({"ops": [{"op": "delete", "table": "books", "key": "1"}]});
    let seq = browser.post(edits, ops).await.is(200).json()["seq"].clone();
    let away = json!({"ops": [{"op": "move", "table": "shelves", "key": "of-a", "to": "crew:b"}]});
    browser.post(edits, away).await.is(200);
    let undo = format!("/channels/crew:a/entries/{seq}/undo");
    browser.post(&undo, Value::Null).await.fails(409, "foreign_key");
    ada.edits(&crew("b"), vec![delete("shelves", "of-a")]).await;
}

async fn nobody_outside_a_project_hears_of_its_tasks(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut eve) = (world.ada().await, world.eve().await);
    eve.subscribes(&person("eve")).await;
    for op in [
        set("tasks", &id(1), json!({"assignee": "eve"})),
        set("tasks", &id(1), json!({"parent_id": id(9)})),
        insert("comments", json!({"task_id": id(9), "body": "@eve, and whoever has the task"})),
    ] {
        let error = ada.is_refused(&world.project, vec![op]).await;
        assert_eq!(error.code, ErrorCode::ForeignKey);
    }
    world
        .browser("ada")
        .patch(&task(1), json!({"assignee": "eve"}))
        .await
        .fails(409, "foreign_key");
    ada.edits(&world.project, vec![insert("comments", json!({"task_id": id(1), "body": "@eve"}))])
        .await;
    // Whoever is removed keeps nothing that was waiting.
    let mut vera = world.vera().await;
    vera.subscribes(&person("vera")).await;
    ada.edits(&world.project, vec![set("tasks", &id(1), json!({"assignee": "vera"}))]).await;
    vera.sees(&person("vera"), "the notification", |view| view.table("notifications").count() == 1)
        .await;
    let sql =
        format!("DELETE FROM members WHERE project_id = '{}' AND user_id = 'vera'", project_id());
    world.outsider().await.runs(&sql).await;
    vera.sees(&person("vera"), "no notification", |view| view.table("notifications").count() == 0)
        .await;
    let row = world.browser("ada").get(&task(1)).await.json();
    assert_eq!(row["assignee"], Value::Null);
    // What a task consists of moves along with it.
    let step = insert("tasks", json!({"id": id(50), "title": "Step", "parent_id": id(1)}));
    ada.edits(&world.project, vec![step]).await;
    ada.edits(&world.project, vec![move_to(&id(1), &world.other)]).await;
    let moved = format!("/channels/project:{}/tasks/{}", other_id(), id(50));
    assert_eq!(world.browser("ada").get(&moved).await.is(200).json()["parent_id"], id(1));
    let comments = format!("/channels/project:{}/comments", other_id());
    let listed = world.browser("ada").get(&comments).await.is(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    eve.is_up_to_date().await;
    assert_eq!(eve.view(&person("eve")).table("notifications").count(), 0);
}
