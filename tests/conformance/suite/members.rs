//! Projects and their members.

use rowcast::store::{
    AccountStore,
    accounts::{Member, Person, ProjectError},
};
use rowcast_protocol::{ChannelName, Role};
use uuid::Uuid;

use super::accounts::{accounts, at, register};
use crate::{
    bench::{Bench, P, Q, project},
    harness::Harness,
};

pub(super) fn p() -> Uuid {
    P.parse().unwrap()
}

async fn roles(accounts: &dyn AccountStore, project: Uuid) -> Vec<(String, Role)> {
    let members = accounts.members(project, "ada").await.unwrap();
    members.into_iter().map(|member| (member.user, member.role)).collect()
}

pub(crate) async fn a_project_begins_with_its_owner<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    // Somebody of another issuer, of whom the database knows nothing yet.
    let dora = Person { id: "dora".to_owned(), name: Some("Dora".to_owned()) };
    let made = accounts.make_project("Vega", &dora).await.unwrap();
    assert_eq!((&*made.name, made.role), ("Vega", Role::Owner));
    assert!(made.created.ends_with('Z') && made.created.len() == 27, "{}", made.created);
    assert_eq!(accounts.projects("dora", None, 10).await.unwrap(), std::slice::from_ref(&made));
    let members = accounts.members(made.id, "dora").await.unwrap();
    let (user, name, role) = ("dora".to_owned(), "Dora".to_owned(), Role::Owner);
    assert_eq!(members, [Member { user, name, role }]);
    let first = accounts.projects("ada", None, 1).await.unwrap();
    assert_eq!(first[0].id, p());
    let rest = accounts.projects("ada", Some(first[0].id), 10).await.unwrap();
    assert_eq!(rest.iter().map(|project| project.id.to_string()).collect::<Vec<_>>(), [Q]);
}

pub(crate) async fn a_project_is_its_owners_to_change<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let bens = accounts.rename_project(p(), "Mine", "ben").await;
    assert!(matches!(bens, Err(ProjectError::Forbidden)));
    assert!(matches!(accounts.delete_project(p(), "dora").await, Err(ProjectError::NotFound)));
    assert_eq!(accounts.rename_project(p(), "Apollo", "ada").await.unwrap().name, "Apollo");
    accounts.delete_project(p(), "ada").await.unwrap();
    assert!(matches!(accounts.members(p(), "ada").await, Err(ProjectError::NotFound)));
    assert!(matches!(accounts.delete_project(p(), "ada").await, Err(ProjectError::NotFound)));
}

pub(crate) async fn who_is_added_is_told<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "dora").await;
    let added = accounts.add_member(p(), "dora", Role::Editor, "ada").await.unwrap();
    assert_eq!((&*added.user, &*added.name, added.role), ("dora", "The dora", Role::Editor));
    bench.number().await;
    let doras = ChannelName::new("user:dora").unwrap();
    let told = format!("{:?}", bench.last_stored(&doras).await.changes);
    for word in ["notifications", "added", "\"ada\"", "\"P\"", P] {
        assert!(told.contains(word), "{word} is not in {told}");
    }
}

pub(crate) async fn nobody_is_added_twice_or_from_nowhere<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    register(&*accounts, "dora").await;
    accounts.close_account("dora@example.org", at(0)).await.unwrap();
    let add = async |user: &str, by| accounts.add_member(p(), user, Role::Viewer, by).await;
    assert!(matches!(add("ben", "ada").await, Err(ProjectError::AlreadyMember)));
    assert!(matches!(add("nobody", "ada").await, Err(ProjectError::UnknownPerson)));
    assert!(matches!(add("dora", "ada").await, Err(ProjectError::UnknownPerson)));
    assert!(matches!(add("dora", "ben").await, Err(ProjectError::Forbidden)));
    assert!(matches!(add("dora", "nobody").await, Err(ProjectError::NotFound)));
}

pub(crate) async fn the_last_owner_stays<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let last = |result: Result<(), ProjectError>| matches!(result, Err(ProjectError::LastOwner));
    let lowered = accounts.change_role(p(), "ada", Role::Editor, "ada", at(1)).await;
    assert!(last(lowered.map(drop)));
    assert!(last(accounts.remove_member(p(), "ada", "ada", at(1)).await));
    bench
        .outside(&format!(
            "INSERT INTO users (id, name) VALUES ('service:1', 'S');
         INSERT INTO members (project_id, user_id, role) VALUES ('{P}', 'service:1', 'owner')"
        ))
        .await;
    assert!(last(accounts.remove_member(p(), "ada", "ada", at(1)).await), "a service is nobody");
    accounts.change_role(p(), "ben", Role::Owner, "ada", at(1)).await.unwrap();
    accounts.change_role(p(), "ada", Role::Viewer, "ada", at(1)).await.unwrap();
    assert!(last(accounts.remove_member(p(), "ben", "ben", at(1)).await));
}

pub(crate) async fn two_owners_do_not_remove_each_other<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    accounts.change_role(p(), "ben", Role::Owner, "ada", at(1)).await.unwrap();
    let (one, other) = tokio::join!(
        accounts.remove_member(p(), "ben", "ada", at(2)),
        accounts.remove_member(p(), "ada", "ben", at(2)),
    );
    assert_eq!(one.is_ok(), other.is_err(), "{one:?} {other:?}");
}

pub(crate) async fn members_may_leave_and_owners_may_remove<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let cleos = accounts.remove_member(p(), "ben", "cleo", at(1)).await;
    assert!(matches!(cleos, Err(ProjectError::Forbidden)));
    accounts.remove_member(p(), "cleo", "cleo", at(1)).await.unwrap();
    accounts.remove_member(p(), "ben", "ada", at(1)).await.unwrap();
    assert_eq!(roles(&*accounts, p()).await, [("ada".to_owned(), Role::Owner)]);
    let gone = accounts.remove_member(p(), "ben", "ada", at(1)).await;
    assert!(matches!(gone, Err(ProjectError::UnknownPerson)));
    let gone = accounts.change_role(p(), "ben", Role::Editor, "ada", at(1)).await;
    assert!(matches!(gone, Err(ProjectError::UnknownPerson)));
}

pub(crate) async fn what_accounts_write_is_numbered<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let head = bench.head(&project(P)).await;
    bench.number().await;
    accounts.rename_project(p(), "Apollo", "ada").await.unwrap();
    bench.number().await;
    assert_eq!(bench.head(&project(P)).await.seq, head.seq + 1);
    // To hold a project's row is no change of it.
    let _ = accounts.remove_member(p(), "ada", "ada", at(1)).await;
    bench.number().await;
    assert_eq!(bench.head(&project(P)).await.seq, head.seq + 1);
    bench.log_gives_the_rows(&project(P)).await;
}
