//! One channel has one name, and texts are told apart by their bytes, however a database compares
//! them: nobody comes in by another spelling, and nobody meets the rows of a neighbour.

use rowcast_protocol::{
    ChannelName, Codec, ErrorCode, Request,
    request::{EditRequest, History, Unsubscribe},
};
use serde_json::json;

use crate::support::{
    database::{Database, Kind},
    device::{signal, state},
    edits::{delete, edit, insert, move_to, rename, set},
    hub::Hub,
    on_both_stores,
    world::{World, id, project_id, token},
};

on_both_stores! {
    one_channel_has_one_name,
    numbers_are_spelled_in_one_way,
    channels_are_told_apart_by_bytes_where_a_column_is_not,
}

/// Other spellings of the first project's id.
fn misspelled() -> Vec<String> {
    let id = project_id();
    let last_only = format!("{}{}", &id[..id.len() - 1], id[id.len() - 1..].to_uppercase());
    vec![id.to_uppercase(), last_only, id.replace('-', ""), format!("urn:uuid:{id}")]
}

async fn one_channel_has_one_name(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, browser) = (world.ada().await, world.browser("ada"));
    ada.subscribes(&world.project).await;
    for spelled in misspelled() {
        let name = ChannelName::new(&format!("project:{spelled}")).unwrap();
        let (text, task) = (name.to_string(), id(1));
        assert_eq!(ada.fails_to_subscribe(&name).await.code, ErrorCode::UnknownChannel);
        let error = ada.is_refused(&name, vec![rename(&task, "x")]).await;
        assert_eq!(error.code, ErrorCode::UnknownChannel);
        let error = ada.is_refused(&world.other, vec![move_to(&id(9), &name)]).await;
        assert_eq!(error.code, ErrorCode::UnknownChannel);
        let requests: [&dyn Fn(u64) -> Request; 4] = [
            &|reference| Request::Unsubscribe(Unsubscribe { reference, channel: name.clone() }),
            &|reference| state(Some(reference), &name, "k", 1.into()),
            &|reference| signal(Some(reference), &name, "n", 1.into()),
            &|reference| {
                let (channel, table, key) = (name.clone(), "tasks".to_owned(), id(1).into());
                Request::History(History {
                    reference,
                    channel,
                    table,
                    key,
                    before: None,
                    limit: None,
                })
            },
        ];
        for request in requests {
            assert_eq!(ada.fails(request).await.code, ErrorCode::UnknownChannel, "{name}");
        }
        for path in ["tasks", "entries", "tasks/0199f0a2-0000-7000-8000-000000000001/history"] {
            let path = format!("/channels/{text}/{path}");
            browser.get(&path).await.fails(404, "unknown_channel");
        }
        let row = format!("/channels/{text}/tasks/{task}");
        browser.get(&row).await.fails(404, "unknown_channel");
        browser.patch(&row, json!({"title": "x"})).await.fails(404, "unknown_channel");
        browser.delete(&row).await.fails(404, "unknown_channel");
        let ops = json!({"ops": [{"op": "delete", "table": "tasks", "key": task}]});
        let edits = format!("/channels/{text}/edits");
        browser.post(&edits, ops).await.fails(404, "unknown_channel");
    }
    ada.edits(&world.project, vec![rename(&id(1), "By its name")]).await;
}

/// A hub with tables of an application, in which Ada belongs to one group and Bob to another, whose
/// names the database takes for the same.
async fn groups(store: Kind, group: &str, person: &str, groups: (&str, &str)) -> (Hub, Database) {
    let database = Database::create(store).await;
    let (one, other) = groups;
    let sql = format!(
        "CREATE TABLE crews (grp {group} NOT NULL, who {person} NOT NULL, role text NOT NULL,
             PRIMARY KEY (grp, who));
         CREATE TABLE notes (id text NOT NULL PRIMARY KEY, grp {group} NOT NULL,
             text text NOT NULL);"
    );
    let mut outsider = database.outsider().await;
    if store == Kind::Postgres {
        outsider.runs("CREATE EXTENSION IF NOT EXISTS citext").await;
    }
    outsider.runs(&sql).await;
    let declared = r#"
        [[tables]]
        name = "crews"
        channel = "crew:{grp}"

        [[tables]]
        name = "notes"
        channel = "crew:{grp}"
        insert = "editor"
        update = "editor"
        delete = "editor"

        [[access]]
        kind = "crew"
        members = { table = "crews", channel = "grp", user = "who", role = "role" }
    "#;
    std::fs::write(database.folder.path().join("rowcast.toml"), declared).unwrap();
    let hub = Hub::start(&database, &[]).await;
    outsider
        .runs(&format!(
            "INSERT INTO crews VALUES ('{one}', 'ada', 'owner');
             INSERT INTO crews VALUES ('{other}', 'bob', 'owner');
             INSERT INTO notes VALUES ('1', '{one}', 'of Ada'), ('2', '{other}', 'of Bob')"
        ))
        .await;
    (hub, database)
}

async fn device(hub: &Hub, database: &Database, user: &str) -> crate::support::device::Device {
    let token = token(database, user, std::time::Duration::from_secs(3600));
    let device = crate::support::device::Device::connect(hub.address, Codec::Json, &token).await;
    device.unwrap()
}

fn crew(id: &str) -> ChannelName {
    ChannelName::new(&format!("crew:{id}")).unwrap()
}

async fn numbers_are_spelled_in_one_way(store: Kind) {
    let (hub, database) = groups(store, "integer", "text", ("7", "8")).await;
    let mut ada = device(&hub, &database, "ada").await;
    for spelled in ["07", "+7", "7.0", "0x7", "7e0", "-7", "99999999999999999999"] {
        let error = ada.fails_to_subscribe(&crew(spelled)).await;
        assert_eq!(error.code, ErrorCode::UnknownChannel, "{spelled}");
        let error = ada.is_refused(&crew(spelled), vec![delete("notes", "1")]).await;
        assert_eq!(error.code, ErrorCode::UnknownChannel, "{spelled}");
    }
    ada.subscribes(&crew("7")).await;
    ada.edits(&crew("7"), vec![set("notes", "1", json!({"text": "changed"}))]).await;
}

async fn channels_are_told_apart_by_bytes_where_a_column_is_not(store: Kind) {
    let kind = match store {
        Kind::Sqlite => "text COLLATE NOCASE",
        Kind::Postgres => "citext",
    };
    let (hub, database) = groups(store, kind, kind, ("A", "a")).await;
    let (mut ada, mut bob) =
        (device(&hub, &database, "ada").await, device(&hub, &database, "bob").await);
    for stranger in ["Ada", "ADA", "adA"] {
        let mut stranger = device(&hub, &database, stranger).await;
        let error = stranger.fails_to_subscribe(&crew("A")).await;
        assert_eq!(error.code, ErrorCode::UnknownChannel);
    }
    assert_eq!(ada.fails_to_subscribe(&crew("a")).await.code, ErrorCode::UnknownChannel);
    assert_eq!(bob.fails_to_subscribe(&crew("A")).await.code, ErrorCode::UnknownChannel);
    ada.subscribes(&crew("A")).await;
    assert!(ada.view(&crew("A")).row("notes", "1").is_some());
    assert!(ada.view(&crew("A")).row("notes", "2").is_none(), "a neighbour's row is shown");
    for op in [set("notes", "2", json!({"text": "taken"})), delete("notes", "2")] {
        let edit = edit(&crew("A"), vec![op]);
        let request = |reference| Request::Edit(EditRequest { reference, edit: edit.clone() });
        assert_eq!(ada.fails(request).await.code, ErrorCode::NotFound);
    }
    let mine = vec![insert("notes", json!({"id": "3", "text": "more"}))];
    ada.edits(&crew("A"), mine).await;
    ada.edits(&crew("A"), vec![set("notes", "1", json!({"text": "changed"}))]).await;
    bob.subscribes(&crew("a")).await;
    assert!(bob.view(&crew("a")).row("notes", "3").is_none(), "a neighbour's row is shown");
    let token = token(&database, "ada", std::time::Duration::from_secs(3600));
    let browser = crate::support::http::Browser::at(hub.address).with_token(token);
    let listed = browser.get("/channels/crew:A/notes?total=true").await.is(200).json();
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["total"]), (2, &json!(2)));
    browser.get("/channels/crew:A/notes/2").await.fails(404, "not_found");
    browser.get("/channels/crew:a/notes").await.fails(404, "unknown_channel");
}
