//! Accounts: made, found, closed; their passwords; what is forgotten.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rowcast::store::{
    AccountStore,
    accounts::{
        Account, Client, Hash, NewAccount, NewInvitation, NewSession, Registration, Rotation,
    },
};
use rowcast_protocol::Role;
use uuid::Uuid;

use crate::{
    bench::{Bench, P, board, project},
    harness::Harness,
};

/// The accounts of a bench.
pub(crate) fn accounts<H>(bench: &Bench<H>) -> Arc<dyn AccountStore> {
    Arc::clone(&bench.store).accounts()
}

/// An instant some seconds after the beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A secret's hash.
pub(crate) fn hash(secret: &str) -> Hash {
    Hash::of(secret)
}

/// A person who is to have an account.
pub(crate) fn new_account(user: &str) -> NewAccount {
    NewAccount {
        user: user.to_owned(),
        email: format!("{user}@example.org"),
        name: format!("The {user}"),
        password: Some("hash".to_owned()),
        admin: false,
        invitation: None,
    }
}

/// Makes an account.
pub(crate) async fn register(accounts: &dyn AccountStore, user: &str) -> Account {
    match accounts.register(&new_account(user), at(0)).await.unwrap() {
        Registration::Done(account) => account,
        other => panic!("{other:?}"),
    }
}

/// A session of a person whose refresh token is this secret, good for an hour.
pub(crate) fn session(n: u128, user: &str, secret: &str, now: Timestamp) -> NewSession {
    NewSession {
        id: Uuid::from_u128(n),
        user: user.to_owned(),
        token: hash(secret),
        expires: now + Duration::from_secs(3_600),
        client: Client { address: "127.0.0.1".to_owned(), agent: "test/1".to_owned() },
        proof: None,
    }
}

pub(crate) async fn an_address_has_one_account_whatever_its_case<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let dora = register(&*accounts, "dora").await;
    assert_eq!((&*dora.name, &*dora.email, dora.closed), ("The dora", "dora@example.org", false));
    let found = accounts.account_of(" DORA@Example.org").await.unwrap();
    assert_eq!(found, Some(dora.clone()));
    assert_eq!(accounts.account("dora").await.unwrap(), Some(dora));
    assert_eq!(accounts.account_of("nobody@example.org").await.unwrap(), None);
    let again = NewAccount { email: "Dora@EXAMPLE.org".to_owned(), ..new_account("other") };
    assert_eq!(accounts.register(&again, at(1)).await.unwrap(), Registration::EmailTaken);
    assert_eq!(bench.store.person_name("other").await.unwrap(), None);
    assert_eq!(bench.store.person_name("dora").await.unwrap().as_deref(), Some("The dora"));
}

pub(crate) async fn an_account_may_be_made_for_a_person_who_is_there<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let ada = register(&*accounts(&bench), "ada").await;
    assert_eq!(ada.name, "Ada");
}

pub(crate) async fn a_new_password_ends_every_session_but_one<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "ada").await;
    for n in 1..=3 {
        let new = session(n, "ada", &format!("token {n}"), at(0));
        assert!(accounts.open_session(&new, at(0)).await.unwrap());
    }
    let keep = Uuid::from_u128(2);
    accounts.set_password("ada", "new hash", Some(keep), at(5)).await.unwrap();
    // Who proved the old password just before comes too late.
    let proved = |proof: &str| NewSession {
        proof: Some(proof.to_owned()),
        ..session(9, "ada", proof, at(6))
    };
    assert!(!accounts.open_session(&proved("hash"), at(6)).await.unwrap());
    assert!(accounts.open_session(&proved("new hash"), at(6)).await.unwrap());
    accounts.end_session("ada", Uuid::from_u128(9), at(6)).await.unwrap();
    let open = accounts.sessions("ada", at(6)).await.unwrap();
    assert_eq!(open.iter().map(|session| session.id).collect::<Vec<_>>(), [keep]);
    let ada = accounts.account("ada").await.unwrap().unwrap();
    assert_eq!(ada.password.as_deref(), Some("new hash"));
    let next = session(2, "ada", "next", at(6));
    let grace = Duration::from_secs(10);
    let stale = accounts.rotate(&hash("token 2"), &next, grace, at(6)).await.unwrap();
    assert_eq!(stale, Rotation::Raced);
    assert!(accounts.renew(&next, at(6)).await.unwrap());
    let rotated = accounts.rotate(&hash("next"), &session(2, "", "3", at(7)), grace, at(7)).await;
    assert!(matches!(rotated.unwrap(), Rotation::Done { session, .. } if session == keep));
}

pub(crate) async fn a_hash_is_replaced_by_its_successor_alone<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "ada").await;
    accounts.rehash("ada", "another hash", "wrong").await.unwrap();
    accounts.rehash("ada", "hash", "better").await.unwrap();
    let ada = accounts.account("ada").await.unwrap().unwrap();
    assert_eq!(ada.password.as_deref(), Some("better"));
}

pub(crate) async fn a_reset_code_works_once_and_in_time<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "ada").await;
    accounts.open_session(&session(1, "ada", "t", at(0)), at(0)).await.unwrap();
    let offer = async |code: &str| {
        accounts.offer_reset("Ada@example.org", &hash(code), at(60)).await.unwrap()
    };
    assert!(offer("first").await && offer("second").await);
    let first = accounts.reset(&hash("first"), "x", at(1)).await.unwrap();
    assert_eq!(first, None, "the second code replaced it");
    let ada = accounts.reset(&hash("second"), "new hash", at(1)).await.unwrap().unwrap();
    assert_eq!(ada.user, "ada");
    assert_eq!(accounts.sessions("ada", at(2)).await.unwrap(), []);
    assert_eq!(accounts.reset(&hash("second"), "x", at(2)).await.unwrap(), None);
    assert!(offer("third").await);
    assert_eq!(accounts.reset(&hash("third"), "x", at(60)).await.unwrap(), None);
    assert!(!accounts.offer_reset("nobody@example.org", &hash("n"), at(60)).await.unwrap());
}

pub(crate) async fn a_closed_account_opens_no_session<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "ada").await;
    accounts.open_session(&session(1, "ada", "t", at(0)), at(0)).await.unwrap();
    let closed = accounts.close_account("ADA@example.org", at(1)).await.unwrap().unwrap();
    assert!(closed.closed);
    assert_eq!(accounts.sessions("ada", at(1)).await.unwrap(), []);
    assert!(!accounts.open_session(&session(2, "ada", "u", at(2)), at(2)).await.unwrap());
    assert!(!accounts.offer_reset("ada@example.org", &hash("c"), at(9)).await.unwrap());
    assert_eq!(accounts.closed_people().await.unwrap(), ["ada"]);
    assert_eq!(accounts.close_account("nobody@example.org", at(1)).await.unwrap(), None);
}

pub(crate) async fn who_is_no_administrator_any_more_is_signed_out<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "ada").await;
    accounts.open_session(&session(1, "ada", "t", at(0)), at(0)).await.unwrap();
    assert!(accounts.set_admin("ada@example.org", true, at(1)).await.unwrap());
    assert!(accounts.account("ada").await.unwrap().unwrap().admin);
    assert_eq!(accounts.sessions("ada", at(1)).await.unwrap().len(), 1);
    assert!(accounts.set_admin("ada@example.org", false, at(2)).await.unwrap());
    assert_eq!(accounts.sessions("ada", at(2)).await.unwrap(), []);
    assert!(!accounts.set_admin("nobody@example.org", true, at(2)).await.unwrap());
}

pub(crate) async fn accounts_are_listed_in_pages<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    for user in ["eva", "ada", "dora"] {
        register(&*accounts, user).await;
    }
    let users = async |after: &str| {
        let page = accounts.accounts(after, 2).await.unwrap();
        page.into_iter().map(|account| account.user).collect::<Vec<_>>()
    };
    assert_eq!(users("").await, ["ada", "dora"]);
    assert_eq!(users("dora").await, ["eva"]);
}

pub(crate) async fn what_is_over_is_forgotten<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "ada").await;
    accounts.open_session(&session(1, "ada", "old", at(0)), at(0)).await.unwrap();
    let days = |days: i64| at(days * 86_400);
    accounts.open_session(&session(2, "ada", "new", days(9)), days(9)).await.unwrap();
    accounts.offer_reset("ada@example.org", &hash("code"), at(60)).await.unwrap();
    let (project, id) = (P.parse().unwrap(), Uuid::from_u128(9));
    let (role, code) = (Role::Viewer, hash("link"));
    let invitation = NewInvitation { id, project, role, email: None, code, expires: at(60) };
    accounts.invite(&invitation, "ada", at(0)).await.unwrap();
    assert_eq!(accounts.forget_over(at(1)).await.unwrap(), 0);
    assert_eq!(accounts.forget_over(days(9)).await.unwrap(), 3);
    assert_eq!(accounts.sessions("ada", days(9)).await.unwrap().len(), 1);
    assert_eq!(accounts.session_of(&hash("old")).await.unwrap(), None);
    assert!(accounts.session_of(&hash("new")).await.unwrap().is_some());
}

pub(crate) async fn notifications_are_recorded_as_before<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let ben = rowcast_protocol::ChannelName::new("user:ben").unwrap();
    let task = bench.task(1, "t").await;
    let assign = bench.set("tasks", &task, &[("assignee", crate::bench::text("ben"))]);
    bench.applies("ada", &project(P), vec![assign]).await;
    bench.number().await;
    bench.log_gives_the_rows(&ben).await;
    bench.log_gives_the_rows(&board("b")).await;
}
