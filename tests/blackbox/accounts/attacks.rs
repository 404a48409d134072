//! Tokens that somebody made up, over HTTP and on sockets.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};

use super::*;
use crate::support::database::Kind;

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The same token, changed and signed by whoever has this key.
fn resigned(token: &str, header: &Value, claims: &Value, key: &EncodingKey) -> String {
    let (mut all, mut body) =
        (decoded(token.split('.').next().unwrap()), decoded(token.split('.').nth(1).unwrap()));
    for (name, value) in header.as_object().unwrap() {
        all[name] = value.clone();
    }
    for (name, value) in claims.as_object().unwrap() {
        body[name] = value.clone();
    }
    let message = format!("{}.{}", encoded(&all), encoded(&body));
    let algorithm: Algorithm = all["alg"].as_str().unwrap().parse().unwrap();
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

#[tokio::test]
async fn no_made_up_token_lets_anybody_in() {
    let world = World::on(Kind::Sqlite).await;
    let dora = registers(&world, "dora").await;
    let folder = world.database.folder.path().join("keys");
    let file = std::fs::read(folder.join("0001.pem")).unwrap();
    let own = EncodingKey::from_ed_pem(&file).unwrap();
    let public = {
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&own, Algorithm::EdDSA).unwrap();
        serde_json::to_value(jwk).unwrap()["x"].as_str().unwrap().to_owned()
    };
    let public = URL_SAFE_NO_PAD.decode(public).unwrap();
    let good = |claims: Value| resigned(&dora.access, &json!({}), &claims, &own);
    nobody(&world).with_token(&good(json!({}))).gets("/auth/me").await.is(200);
    let (head, rest) = dora.access.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let mut none = decoded(head);
    none["alg"] = json!("none");
    let admin = encoded(&{
        let mut claims = decoded(body);
        claims["admin"] = json!(true);
        claims
    });
    let now = 2_000_000_000;
    let shared = EncodingKey::from_secret(&public);
    for (attack, token) in [
        ("alg none", format!("{}.{body}.", encoded(&none))),
        ("alg none, signed", format!("{}.{body}.{signature}", encoded(&none))),
        ("other claims", format!("{head}.{admin}.{signature}")),
        ("key confusion", resigned(&dora.access, &json!({ "alg": "HS256" }), &json!({}), &shared)),
        ("wrong audience", good(json!({ "aud": "somebody else" }))),
        ("wrong issuer", good(json!({ "iss": "somebody else" }))),
        ("expired", good(json!({ "exp": 1_000_000_000 }))),
        ("date as text", good(json!({ "exp": format!("{now}") }))),
        ("not yet", good(json!({ "nbf": 4_000_000_000_u64 }))),
        ("another kind", resigned(&dora.access, &json!({ "typ": "JWT" }), &json!({}), &own)),
        ("a path as key", resigned(&dora.access, &json!({ "kid": "../0001" }), &json!({}), &own)),
        ("a refresh token", dora.refresh.clone()),
        ("a service's", "rcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        ("nothing", String::new()),
        ("cut", dora.access[..dora.access.len() - 1].to_owned()),
        ("long", format!("rcs_{}", "A".repeat(10_000))),
    ] {
        let answer = nobody(&world).with_token(&token).gets("/auth/me").await;
        assert_eq!(answer.status, 401, "{attack}: {:#}", answer.body);
        assert!(answer.header("www-authenticate").is_some());
        let greeted = Device::connect(world.hub.address, Codec::Json, &token).await;
        assert!(greeted.is_err(), "{attack}");
    }
}
