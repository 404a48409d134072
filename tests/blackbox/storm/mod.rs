//! Randomised runs of many clients over a bad network, on a hub that is killed and a database that
//! goes away, beside outside writers, people who lose their rights and get them back, a table that is
//! changed again and again, and sockets that mean harm. What everybody saw is judged by the checker
//! (`tests/checker`).
//!
//! `ROWCAST_SEED` repeats a plan, `ROWCAST_EDITS` sets its size (100,000 and more by hand). The plan, its
//! seed and the histories stand in a folder that is named when something does not hold, and kept.

mod dump;
mod edits;
mod fate;
mod history;
mod hostile;
mod members;
mod migrator;
mod outsider;
mod plan;
mod robot;
mod run;

use crate::support::database::Kind;

#[tokio::test]
async fn sqlite_holds_in_a_storm() {
    Box::pin(run::storm(Kind::Sqlite)).await;
}

#[tokio::test]
async fn postgres_holds_in_a_storm() {
    Box::pin(run::storm(Kind::Postgres)).await;
}

/// The checker has proofs of its own: it must catch every doctored history.
#[test]
fn the_checker_catches_what_it_must() {
    let folder = crate::support::checker::tests().join("checker");
    let run = std::process::Command::new("python3")
        .args(["-m", "unittest", "-q", "test_check"])
        .current_dir(folder)
        .output()
        .expect("python3 runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
