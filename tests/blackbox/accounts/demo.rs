//! The demo people: a code for a session, once.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::support::{
    database::{Database, Kind},
    on_both_stores,
};

on_both_stores! {
    each_start_prints_new_links_for_whoever_has_no_password,
}

/// A hub as somebody starts it by hand, and its links by name.
struct Demo {
    process: Child,
    links: Vec<(String, String)>,
    web: Web,
}

impl Demo {
    fn starts(database: &Database) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_rowcast"))
            .env("DATABASE_URL", &database.url)
            .env("ROWCAST_SERVER__LISTEN", "127.0.0.1:0")
            .env("ROWCAST_LOG__LEVEL", "off")
            .current_dir(database.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The last line of what it says names Bob: he never has a password here.
        let said = lines_until(process.stdout.take().unwrap(), "Bob");
        let links: Vec<(String, String)> = said.iter().filter_map(|line| link(line)).collect();
        let address = said.last().unwrap().split("http://").nth(1).unwrap();
        let web = Web::at(address.split('/').next().unwrap().parse().unwrap());
        Self { process, links, web }
    }

    async fn signs_in(&self, name: &str) -> Value {
        let (_, code) = self.links.iter().find(|(of, _)| of == name).unwrap();
        self.web.posts("/demo/session", json!({ "code": code })).await.is(200).body
    }

    fn ends(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The name and the code of a line with a link.
fn link(line: &str) -> Option<(String, String)> {
    let (before, code) = line.trim().split_once("/#code=")?;
    Some((before.split_whitespace().next()?.to_owned(), code.to_owned()))
}

fn lines_until(output: impl std::io::Read, word: &str) -> Vec<String> {
    use std::io::{BufRead as _, BufReader};
    let mut lines = Vec::new();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let last = line.contains(word);
        lines.push(line);
        if last {
            break;
        }
    }
    lines
}

async fn each_start_prints_new_links_for_whoever_has_no_password(store: Kind) {
    let database = Database::create(store).await;
    let first = Demo::starts(&database);
    let project = first.signs_in("Ada").await["project"].clone();
    assert!(project.is_string());
    first.ends();
    let second = Demo::starts(&database);
    let names: Vec<_> = second.links.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Ada", "Bob"]);
    let ada = second.signs_in("Ada").await;
    assert_eq!(ada["project"], project);
    let hers = second.web.with_token(ada["access_token"].as_str().unwrap());
    let password = json!({ "new": PASSWORD });
    hers.posts("/auth/password", password).await.is(200);
    second.ends();
    let third = Demo::starts(&database);
    assert_eq!(third.links.len(), 1, "{:?}", third.links);
    assert_eq!(third.signs_in("Bob").await["project"], project);
    third.ends();
}

/// The first line of a hub's output that has this in it.
fn line_with(output: impl std::io::Read, word: &str) -> String {
    use std::io::{BufRead as _, BufReader};
    BufReader::new(output).lines().map_while(Result::ok).find(|line| line.contains(word)).unwrap()
}

#[tokio::test]
async fn a_demo_link_is_a_session_of_an_administrator_once() {
    let database = Database::create(Kind::Sqlite).await;
    let mut hub = Command::new(env!("CARGO_BIN_EXE_rowcast"))
        .env("DATABASE_URL", &database.url)
        .env("ROWCAST_SERVER__LISTEN", "127.0.0.1:0")
        .env("ROWCAST_LOG__LEVEL", "off")
        .current_dir(database.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = line_with(hub.stdout.take().unwrap(), "Ada");
    let (url, code) = line.trim().split_once("/#code=").unwrap();
    let address = url.rsplit_once('/').unwrap().1.parse().unwrap();
    let web = Web::at(address);
    // Whatever comes through a proxy beside the hub, known or not, is not let in, and uses nothing up.
    for proxied in [
        web.with("X-Forwarded-For", "203.0.113.7"),
        web.with("Forwarded", "for=203.0.113.7"),
        web.with("Via", "1.1 proxy"),
    ] {
        let asked = proxied.posts("/demo/session", json!({ "code": code })).await;
        asked.fails(403, "forbidden");
    }
    let named = passed_on(address, "board.example", code).await;
    assert!(named.starts_with("HTTP/1.1 403 "), "{named}");
    let session = web.posts("/demo/session", json!({ "code": code })).await.is(200).body;
    assert_eq!(session["user"]["name"], "Ada");
    assert_eq!(session["user"]["admin"], true);
    let ada = web.with_token(session["access_token"].as_str().unwrap());
    let projects = ada.gets("/projects").await.is(200).body;
    assert_eq!(projects["items"][0]["id"], session["project"]);
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    web.posts("/auth/refresh", refresh).await.is(200);
    web.posts("/demo/session", json!({ "code": code })).await.fails(401, "unauthorized");
    let login = json!({ "email": "ada@example.org", "password": "" });
    web.posts("/auth/login", login).await.fails(401, "wrong_password");
    hub.kill().unwrap();
    hub.wait().unwrap();
}

/// What a proxy gets that passes on the name by which it was reached.
async fn passed_on(address: std::net::SocketAddr, host: &str, code: &str) -> String {
    let body = json!({ "code": code }).to_string();
    let mut raw = crate::support::raw::Raw::connect(address).await;
    raw.writes(format!(
        "POST /api/v1/demo/session HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    String::from_utf8(raw.is_closed().await).unwrap()
}

#[tokio::test]
async fn a_hub_runs_on_though_nobody_reads_its_links() {
    let database = Database::create(Kind::Sqlite).await;
    let mut hub = Command::new(env!("CARGO_BIN_EXE_rowcast"))
        .env("DATABASE_URL", &database.url)
        .env("ROWCAST_SERVER__LISTEN", "127.0.0.1:0")
        .current_dir(database.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(hub.stdout.take());
    let mut log = hub.stderr.take().unwrap();
    line_with(&mut log, "listens");
    let id = Pid::from_raw(i32::try_from(hub.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert!(hub.wait().unwrap().success());
}
