//! Sessions and their refresh tokens.

use std::time::Duration;

use rowcast::store::{
    AccountStore,
    accounts::{Ended, Rotation},
};
use uuid::Uuid;

use super::accounts::{accounts, at, hash, register, session};
use crate::{bench::Bench, harness::Harness};

const GRACE: Duration = Duration::from_secs(10);

/// Ada, with a session whose refresh token is `first`.
async fn adas_session<H: Harness>(bench: &Bench<H>) -> std::sync::Arc<dyn AccountStore> {
    let accounts = accounts(bench);
    register(&*accounts, "ada").await;
    assert!(accounts.open_session(&session(1, "ada", "first", at(0)), at(0)).await.unwrap());
    accounts
}

/// What becomes of a refresh token.
async fn rotate(accounts: &dyn AccountStore, old: &str, new: &str, seconds: i64) -> Rotation {
    let next = session(0, "", new, at(seconds));
    accounts.rotate(&hash(old), &next, GRACE, at(seconds)).await.unwrap()
}

#[track_caller]
fn done(rotation: Rotation) {
    match rotation {
        Rotation::Done { session, account } => {
            assert_eq!((session, &*account.user), (Uuid::from_u128(1), "ada"));
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_refresh_token_works_once<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = adas_session(&bench).await;
    assert_eq!(rotate(&*accounts, "never given", "x", 1).await, Rotation::Unknown);
    done(rotate(&*accounts, "first", "second", 1).await);
    done(rotate(&*accounts, "second", "third", 2).await);
    let open = accounts.sessions("ada", at(3)).await.unwrap();
    assert_eq!((open.len(), open[0].created, open[0].used), (1, at(0), at(2)));
    assert_eq!(open[0].client.agent, "test/1");
}

pub(crate) async fn a_second_use_is_a_race_at_first_and_then_a_theft<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = adas_session(&bench).await;
    done(rotate(&*accounts, "first", "second", 100).await);
    assert_eq!(rotate(&*accounts, "first", "x", 110).await, Rotation::Raced);
    let session = Uuid::from_u128(1);
    assert_eq!(rotate(&*accounts, "first", "x", 111).await, Rotation::Reused { session });
    assert_eq!(rotate(&*accounts, "second", "x", 111).await, Rotation::Unknown);
    assert_eq!(rotate(&*accounts, "first", "x", 112).await, Rotation::Unknown);
    assert_eq!(accounts.sessions("ada", at(112)).await.unwrap(), []);
}

pub(crate) async fn of_two_who_refresh_at_once_one_wins<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = adas_session(&bench).await;
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..8 {
        let accounts = std::sync::Arc::clone(&accounts);
        tries.spawn(async move { rotate(&*accounts, "first", &format!("next {n}"), 1).await });
    }
    let (mut won, mut raced) = (0, 0);
    for rotation in tries.join_all().await {
        match rotation {
            Rotation::Done { .. } => won += 1,
            Rotation::Raced => raced += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((won, raced), (1, 7));
}

pub(crate) async fn a_session_that_is_over_is_not_renewed<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = adas_session(&bench).await;
    assert_eq!(rotate(&*accounts, "first", "x", 3_600).await, Rotation::Unknown);
    accounts.open_session(&session(2, "ada", "other", at(0)), at(0)).await.unwrap();
    accounts.close_account("ada@example.org", at(1)).await.unwrap();
    assert_eq!(rotate(&*accounts, "other", "x", 2).await, Rotation::Unknown);
    assert!(!accounts.renew(&session(2, "ada", "y", at(2)), at(2)).await.unwrap());
}

pub(crate) async fn a_session_ends_for_its_person_alone<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = adas_session(&bench).await;
    register(&*accounts, "ben").await;
    let id = Uuid::from_u128(1);
    assert!(!accounts.end_session("ben", id, at(1)).await.unwrap());
    assert!(!accounts.renew(&session(1, "ben", "x", at(1)), at(1)).await.unwrap());
    let first = accounts.session_of(&hash("first")).await.unwrap().unwrap();
    let (of, user) = (first.session, first.user);
    assert_eq!((of, &*user), (id, "ada"));
    assert!(accounts.end_session("ada", id, at(2)).await.unwrap());
    assert!(!accounts.end_session("ada", id, at(3)).await.unwrap());
    assert_eq!(rotate(&*accounts, "first", "y", 4).await, Rotation::Unknown);
}

pub(crate) async fn whatever_ended_is_told_to_all<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = adas_session(&bench).await;
    register(&*accounts, "ben").await;
    accounts.open_session(&session(2, "ben", "bens", at(0)), at(0)).await.unwrap();
    assert_eq!(accounts.ended_since(at(0)).await.unwrap(), []);
    accounts.end_sessions("ada", at(5)).await.unwrap();
    accounts.close_account("ben@example.org", at(6)).await.unwrap();
    let credential = |n| Ended::Credential(Uuid::from_u128(n));
    let mut ended = accounts.ended_since(at(5)).await.unwrap();
    ended.sort_by_key(|ended| format!("{ended:?}"));
    assert_eq!(ended, [credential(1), credential(2), Ended::Person("ben".to_owned())]);
    assert_eq!(accounts.ended_since(at(6)).await.unwrap().len(), 2);
    assert_eq!(accounts.ended_since(at(7)).await.unwrap(), []);
}

pub(crate) async fn the_oldest_of_very_many_sessions_end<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = adas_session(&bench).await;
    for n in 2..=101 {
        let now = at(i64::try_from(n).unwrap());
        let new = session(n, "ada", &format!("{n}"), now);
        assert!(accounts.open_session(&new, now).await.unwrap());
    }
    let open = accounts.sessions("ada", at(200)).await.unwrap();
    assert_eq!(open.len(), 100);
    assert!(!open.iter().any(|session| session.id == Uuid::from_u128(1)));
}
