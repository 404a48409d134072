//! Invitations.

use jiff::Timestamp;
use rowcast::store::{
    AccountStore,
    accounts::{NewAccount, NewInvitation, Person, ProjectError, Registration, Welcome},
};
use rowcast_protocol::Role;
use uuid::Uuid;

use super::{
    accounts::{accounts, at, hash, new_account},
    members::p,
};
use crate::{
    bench::{Bench, P, project},
    harness::Harness,
};

fn invitation(n: u128, role: Role) -> NewInvitation {
    let (id, code) = (Uuid::from_u128(n), hash(&format!("code {n}")));
    NewInvitation { id, project: p(), role, email: None, code, expires: at(100) }
}

fn who(id: &str) -> Person {
    Person { id: id.to_owned(), name: Some(format!("The {id}")) }
}

async fn accept(accounts: &dyn AccountStore, n: u128, id: &str, now: Timestamp) -> Option<Welcome> {
    accounts.accept(&hash(&format!("code {n}")), &who(id), now).await.unwrap()
}

async fn role(bench: &Bench<impl Harness>, user: &str) -> Option<Role> {
    bench.store.role(&project(P), user).await.unwrap()
}

pub(crate) async fn an_invitation_lets_in_whoever_has_it<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let bens = accounts.invite(&invitation(1, Role::Editor), "ben", at(0)).await;
    assert!(matches!(bens, Err(ProjectError::Forbidden)));
    let made = accounts.invite(&invitation(1, Role::Editor), "ada", at(0)).await.unwrap();
    assert_eq!((made.by.name.as_deref(), made.expires), (Some("Ada"), at(100)));
    let seen = accounts.look(&hash("code 1"), at(1)).await.unwrap().unwrap();
    assert_eq!((&*seen.project.name, seen.role, &*seen.by), ("P", Role::Editor, "Ada"));
    for id in ["dora", "eva"] {
        assert_eq!(accept(&*accounts, 1, id, at(2)).await.unwrap().project.id, p());
        assert_eq!(role(&bench, id).await, Some(Role::Editor));
    }
    assert_eq!(accounts.look(&hash("code 2"), at(1)).await.unwrap(), None);
}

pub(crate) async fn an_invitation_ends_in_time_or_when_it_is_withdrawn<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    for n in 1..=2 {
        accounts.invite(&invitation(n, Role::Viewer), "ada", at(0)).await.unwrap();
    }
    let id = Uuid::from_u128(1);
    assert!(matches!(accounts.withdraw(p(), id, "ben").await, Err(ProjectError::Forbidden)));
    accounts.withdraw(p(), id, "ada").await.unwrap();
    assert!(matches!(accounts.withdraw(p(), id, "ada").await, Err(ProjectError::NotFound)));
    assert_eq!(accept(&*accounts, 1, "dora", at(1)).await, None);
    let left = accounts.invitations(p(), "ada", at(1)).await.unwrap();
    assert_eq!(left.iter().map(|left| left.id.as_u128()).collect::<Vec<_>>(), [2]);
    assert_eq!(accept(&*accounts, 2, "dora", at(100)).await, None);
    assert_eq!(accounts.look(&hash("code 2"), at(100)).await.unwrap(), None);
    assert_eq!(accounts.invitations(p(), "ada", at(100)).await.unwrap(), []);
    assert_eq!(role(&bench, "dora").await, None);
}

pub(crate) async fn a_member_gets_the_higher_of_both_roles<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    accounts.invite(&invitation(1, Role::Editor), "ada", at(0)).await.unwrap();
    assert_eq!(accept(&*accounts, 1, "cleo", at(1)).await.unwrap().role, Role::Editor);
    assert_eq!(accept(&*accounts, 1, "ada", at(1)).await.unwrap().role, Role::Owner);
    assert_eq!(role(&bench, "cleo").await, Some(Role::Editor));
    assert_eq!(role(&bench, "ada").await, Some(Role::Owner));
}

pub(crate) async fn who_was_removed_does_not_come_back_by_an_older_link<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    accounts.invite(&invitation(1, Role::Editor), "ada", at(0)).await.unwrap();
    accounts.remove_member(p(), "ben", "ada", at(1)).await.unwrap();
    accounts.change_role(p(), "cleo", Role::Owner, "ada", at(1)).await.unwrap();
    accounts.change_role(p(), "cleo", Role::Viewer, "ada", at(2)).await.unwrap();
    assert_eq!(accept(&*accounts, 1, "ben", at(3)).await, None);
    assert_eq!(accept(&*accounts, 1, "cleo", at(3)).await, None);
    assert_eq!(role(&bench, "cleo").await, Some(Role::Viewer));
    accounts.invite(&invitation(2, Role::Editor), "ada", at(4)).await.unwrap();
    assert!(accept(&*accounts, 2, "ben", at(5)).await.is_some());
    // Whoever leaves by themselves, or is added again, may use the old one.
    accounts.remove_member(p(), "ben", "ben", at(6)).await.unwrap();
    accounts.add_member(p(), "ben", Role::Viewer, "ada").await.unwrap();
    assert_eq!(accept(&*accounts, 1, "ben", at(7)).await.unwrap().role, Role::Editor);
}

pub(crate) async fn registering_with_an_invitation_joins_at_once<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    accounts.invite(&invitation(1, Role::Viewer), "ada", at(0)).await.unwrap();
    let with = |code: &str| NewAccount { invitation: Some(hash(code)), ..new_account("dora") };
    let dead = accounts.register(&with("code 9"), at(1)).await.unwrap();
    assert_eq!(dead, Registration::NoInvitation);
    assert_eq!(accounts.account("dora").await.unwrap(), None, "nothing is half made");
    let made = accounts.register(&with("code 1"), at(1)).await.unwrap();
    assert!(matches!(made, Registration::Done(_)));
    assert_eq!(role(&bench, "dora").await, Some(Role::Viewer));
}
