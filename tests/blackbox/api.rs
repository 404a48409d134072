//! What stands around the tables over HTTP: request ids, budgets, origins, statistics, the description.

use serde_json::{Value, json};

use crate::support::{
    database::Kind,
    edits::rename,
    world::{World, id, task, tasks},
};

#[tokio::test]
async fn every_request_has_an_id_and_a_budget() {
    let settings = [("HTTP__PERSON_PER_SECOND", "1"), ("HTTP__PERSON_BURST", "3")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let ada = world.browser("ada");
    let named = [("X-Request-Id", "my-request.1")];
    let answer = ada.ask("GET", &tasks(), &named, None).await.is(200);
    assert_eq!(answer.header("x-request-id"), "my-request.1");
    assert!(answer.header("ratelimit-policy").contains("\"person\";q=3;w=3"), "{answer:?}");
    assert!(answer.header("ratelimit").contains("\"person\";r=2;"), "{answer:?}");
    let strange = [("X-Request-Id", "no spaces allowed")];
    let answer = ada.ask("GET", &tasks(), &strange, None).await.is(200);
    assert_eq!(answer.header("x-request-id").len(), 32);
    ada.get(&tasks()).await.is(200);
    let answer = ada.get(&tasks()).await;
    assert_eq!(answer.header("retry-after"), "1");
    let problem = answer.fails(429, "rate_limited");
    assert!(problem["retry_after_ms"].as_u64().unwrap() <= 1000);
    world.browser("bob").get(&tasks()).await.is(200);
}

#[tokio::test]
async fn pages_of_listed_origins_may_call_the_api() {
    let world = World::with(Kind::Sqlite, &[("SERVER__ORIGINS", "[https://board.example]")]).await;
    let nobody = world.stranger();
    let preflight = |origin: &'static str| {
        let nobody = nobody.clone();
        async move {
            let headers = [("Origin", origin), ("Access-Control-Request-Method", "PATCH")];
            nobody.ask("OPTIONS", &task(1), &headers, None).await
        }
    };
    let allowed = preflight("https://board.example").await.is(200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://board.example");
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    let foreign = preflight("https://evil.example").await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"), "{foreign:?}");
}

#[tokio::test]
async fn statistics_are_for_admins() {
    let world = World::on(Kind::Sqlite).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    world.browser("ada").get("/stats").await.fails(403, "forbidden");
    world.stranger().get("/stats").await.fails(401, "unauthorized");
    let admin = world.browser("ada").with_token(world.admin_token("ada"));
    bob.edits(&world.project, vec![rename(&id(1), "Counted")]).await;
    let stats = admin.get("/stats").await.is(200).json();
    let node = &stats["nodes"][0];
    assert_eq!(node["channels"], stats["channels"].as_array().expect("a list").len());
    assert_eq!(
        (&node["sockets"], &node["people"], &node["subscriptions"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert!(node["memory_bytes"].as_u64() > Some(1 << 20), "{node}");
    assert!(node["commit_ms"]["p99"].as_f64() > Some(0.0), "{node}");
    assert!(node["edits_per_second"].as_f64() > Some(0.0), "{node}");
    assert_eq!(node["errors"]["forbidden"], 1);
    assert_eq!(stats["channels"][0]["name"], world.project.as_str());
    assert_eq!(
        (&stats["channels"][0]["readers"], &stats["sockets"][0]["user"]),
        (&json!(1), &json!("bob"))
    );
}

#[tokio::test]
async fn the_description_names_every_table_and_can_be_read_by_people() {
    let world = World::on(Kind::Sqlite).await;
    let nobody = world.stranger();
    let document = nobody.get("/openapi.json").await.is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let path = "/api/v1/channels/project:{project_id}/tasks/{key}";
    for method in ["get", "patch", "delete"] {
        assert!(document["paths"][path][method].is_object(), "{method}");
    }
    assert_eq!(
        document["components"]["schemas"]["tasks"]["properties"]["due_date"]["format"],
        "date"
    );
    assert_eq!(
        document["components"]["schemas"]["tasks.fields"]["properties"]["status"]["enum"],
        json!(["todo", "doing", "done"])
    );
    assert!(document["paths"]["/api/v1/stats"]["get"].is_object());
    assert_eq!(operations_that_share_an_id(&document), [""; 0]);
    let page = nobody.get("/api/docs/").await.is(200);
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(page.text.contains("swagger"), "{}", page.text);
    nobody.get("/api/docs/swagger-ui-bundle.js").await.is(200);
}

/// The page sends the wrong request, and generated clients lack methods, where ids are not unique.
fn operations_that_share_an_id(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().expect("there are paths").values();
    let methods = paths.flat_map(|path| path.as_object().expect("it has methods").values());
    let ids = methods.filter_map(|method| method["operationId"].as_str());
    let mut seen = std::collections::BTreeSet::new();
    ids.filter(|id| !seen.insert(*id)).map(str::to_owned).collect()
}
