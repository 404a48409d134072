//! A client that is not ours, written from `PROTOCOL.md` alone.

use std::{path::PathBuf, process::Command, time::Duration};

use crate::support::{
    checker::tests,
    database::Kind,
    link::Link,
    on_both_stores,
    world::{World, id},
};

/// A Python with what `requirements.txt` names, made once and kept.
pub(crate) fn python() -> PathBuf {
    let requirements = tests().join("interop/requirements.txt");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("interop-venv");
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let wanted = std::fs::read(&requirements).expect("requirements.txt is there");
    let lock = std::fs::File::create(folder.with_extension("lock")).expect("a lock file");
    lock.lock().expect("the lock is taken once the others are done");
    if std::fs::read(&stamp).ok() != Some(wanted) {
        runs(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        runs(Command::new(&python).args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements));
        std::fs::copy(&requirements, &stamp).expect("the stamp is written");
    }
    python
}

/// Runs a program that must succeed.
pub(crate) fn runs(command: &mut Command) {
    let run = command.output().expect("it runs");
    let words = [run.stdout, run.stderr].map(|words| String::from_utf8_lossy(&words).into_owned());
    assert!(run.status.success(), "{command:?}: {}", words.concat());
}

on_both_stores! {
    a_foreign_client_follows_the_protocol_in_both_encodings,
}

async fn a_foreign_client_follows_the_protocol_in_both_encodings(store: Kind) {
    let world = World::on(store).await;
    // It can cut this link itself, by closing without a word.
    let link = Link::to(world.hub.address).await;
    let token = world.token("bob", Duration::from_secs(600));
    let ada = world.token("ada", Duration::from_secs(600));
    let mut command = Command::new(python());
    command
        .arg(tests().join("interop/client.py"))
        .args(["--url", &format!("ws://{}/socket", link.address)])
        .args(["--channel", world.project.as_str(), "--task", &id(1)])
        .args(["--token", &token, "--other-token", &ada]);
    let run = tokio::task::spawn_blocking(move || runs(&mut command));
    run.await.expect("the foreign client succeeds");
}
