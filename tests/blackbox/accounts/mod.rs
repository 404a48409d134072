//! Accounts: people who sign in, services, projects and their members, links.

use std::time::Duration;

use rowcast_protocol::Codec;
use serde_json::{Value, json};

use crate::support::{device::Device, web::Web, world::World};

mod attacks;
mod command_line;
mod demo;
mod guessing;
mod invitations;
mod members;
mod names;
mod projects;
mod registering;
mod services;
mod sessions;
mod signing_out;

/// Within what everything that ends is felt.
const EFFECTIVE: Duration = Duration::from_secs(1);

const PASSWORD: &str = "correct horse";

/// Somebody who is signed in.
struct SignedIn {
    web: Web,
    access: String,
    refresh: String,
    id: String,
}

/// Nobody in particular, at a world's hub.
fn nobody(world: &World) -> Web {
    Web::at(world.hub.address)
}

/// Somebody with a token that belongs to no session.
fn somebody(world: &World, user: &str) -> Web {
    nobody(world).with_token(&world.token(user, Duration::from_secs(3_600)))
}

fn registration(name: &str) -> Value {
    json!({ "email": format!("{name}@example.org"), "password": PASSWORD, "name": name })
}

/// Registers somebody.
async fn registers(world: &World, name: &str) -> SignedIn {
    let answer = nobody(world).posts("/auth/register", registration(name)).await.is(201);
    signed_in(world, &answer.body)
}

/// Signs somebody in.
async fn signs_in(world: &World, name: &str) -> SignedIn {
    let login = json!({ "email": format!("{name}@example.org"), "password": PASSWORD });
    let answer = nobody(world).posts("/auth/login", login).await.is(200);
    signed_in(world, &answer.body)
}

fn signed_in(world: &World, body: &Value) -> SignedIn {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let access = text(&body["access_token"]);
    SignedIn {
        web: nobody(world).with_token(&access),
        refresh: text(&body["refresh_token"]),
        id: text(&body["user"]["id"]),
        access,
    }
}

/// A device that greets with a token.
async fn device(world: &World, token: &str) -> Device {
    Device::connect(world.hub.address, Codec::Json, token).await.expect("the token is good")
}
