//! Services.

use rowcast::store::{
    AccountStore,
    accounts::{Ended, NewService, ProjectError},
};
use rowcast_protocol::{ChannelName, Role};
use uuid::Uuid;

use super::accounts::{accounts, at, hash, register, session};
use crate::{
    bench::{Bench, P, Q, project},
    harness::Harness,
};

fn worker(n: u128, projects: &[(&str, Role)]) -> NewService {
    NewService {
        id: Uuid::from_u128(n),
        user: format!("service:{n}"),
        name: "Worker".to_owned(),
        token: hash(&format!("token {n}")),
        projects: projects.iter().map(|(id, role)| (id.parse().unwrap(), *role)).collect(),
        queues: vec!["gpu".to_owned()],
        expires: Some(at(100)),
    }
}

async fn role(bench: &Bench<impl Harness>, user: &str) -> Option<Role> {
    bench.store.role(&project(P), user).await.unwrap()
}

pub(crate) async fn a_service_is_a_person_with_memberships<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let new = worker(1, &[(P, Role::Editor)]);
    let made = accounts.make_service(&new, Some("ada"), at(0)).await.unwrap();
    assert_eq!((made.id, &*made.user, made.created), (Uuid::from_u128(1), "service:1", at(0)));
    assert_eq!(role(&bench, "service:1").await, Some(Role::Editor));
    assert_eq!(bench.store.person_name("service:1").await.unwrap().as_deref(), Some("Worker"));
    assert!(ChannelName::new("user:service:1").is_ok());
    let found = accounts.service_of(&hash("token 1"), at(99)).await.unwrap();
    assert_eq!(found, Some(made));
    assert_eq!(accounts.service_of(&hash("token 1"), at(100)).await.unwrap(), None);
    assert_eq!(accounts.service_of(&hash("token 2"), at(0)).await.unwrap(), None);
}

pub(crate) async fn only_owners_give_away_a_project<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let tries = async |by: Option<&str>, projects: &[(&str, Role)]| {
        accounts.make_service(&worker(1, projects), by, at(0)).await
    };
    let bens = tries(Some("ben"), &[(P, Role::Viewer)]).await;
    assert!(matches!(bens, Err(ProjectError::Forbidden)), "{bens:?}");
    let cleos = tries(Some("cleo"), &[(Q, Role::Viewer)]).await;
    assert!(matches!(cleos, Err(ProjectError::NotFound)), "{cleos:?}");
    let nowhere = [(P, Role::Viewer), ("33333333-0000-4000-8000-000000000003", Role::Viewer)];
    assert!(matches!(tries(None, &nowhere).await, Err(ProjectError::NotFound)));
    assert_eq!(bench.store.person_name("service:1").await.unwrap(), None, "nothing is half made");
    assert!(tries(None, &[(P, Role::Viewer), (Q, Role::Owner)]).await.is_ok());
}

pub(crate) async fn a_service_that_ended_reaches_nothing<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    accounts.make_service(&worker(1, &[(P, Role::Editor)]), None, at(0)).await.unwrap();
    accounts.end_service(Uuid::from_u128(1), None, at(5)).await.unwrap();
    assert_eq!(accounts.service_of(&hash("token 1"), at(6)).await.unwrap(), None);
    assert_eq!(role(&bench, "service:1").await, None);
    assert_eq!(accounts.ended_since(at(5)).await.unwrap(), [Ended::Credential(Uuid::from_u128(1))]);
    assert_eq!(bench.store.person_name("service:1").await.unwrap().as_deref(), Some("Worker"));
    let again = accounts.end_service(Uuid::from_u128(1), None, at(7)).await;
    assert!(matches!(again, Err(ProjectError::NotFound)));
}

async fn ids(accounts: &dyn AccountStore, of: Option<&str>) -> Vec<u128> {
    let services = accounts.services(of, at(1)).await.unwrap();
    let mut ids: Vec<u128> = services.iter().map(|service| service.id.as_u128()).collect();
    ids.sort_unstable();
    ids
}

pub(crate) async fn services_are_their_makers_and_their_owners<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    bench
        .outside(&format!(
            "UPDATE members SET role = 'owner' WHERE user_id = 'ben' AND project_id = '{Q}'"
        ))
        .await;
    for (n, projects, by) in [
        (1, vec![(P, Role::Editor)], Some("ada")),
        (2, vec![(P, Role::Editor), (Q, Role::Viewer)], Some("ada")),
        (3, vec![(Q, Role::Viewer)], None),
        (4, vec![], None),
    ] {
        accounts.make_service(&worker(n, &projects), by, at(0)).await.unwrap();
    }
    assert_eq!(ids(&*accounts, None).await, [1, 2, 3, 4]);
    assert_eq!(ids(&*accounts, Some("ada")).await, [1, 2, 3]);
    assert_eq!(ids(&*accounts, Some("ben")).await, [3]);
    let bens = accounts.end_service(Uuid::from_u128(2), Some("ben"), at(1)).await;
    assert!(matches!(bens, Err(ProjectError::NotFound)));
    accounts.end_service(Uuid::from_u128(3), Some("ben"), at(1)).await.unwrap();
    let of_ada = accounts.services(Some("ada"), at(1)).await.unwrap();
    let both = of_ada.iter().find(|service| service.id == Uuid::from_u128(2)).unwrap();
    assert_eq!((both.projects.len(), &*both.queues), (2, &["gpu".to_owned()][..]));
}

pub(crate) async fn whoever_leaves_is_ended_everywhere_and_named_nowhere<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let accounts = accounts(&bench);
    let new = worker(1, &[(P, Role::Editor)]);
    accounts.make_service(&new, Some("ada"), at(0)).await.unwrap();
    register(&*accounts, "ada").await;
    assert!(accounts.open_session(&session(7, "ada", "token", at(0)), at(0)).await.unwrap());
    accounts.part_with("ada", at(5)).await.unwrap();
    accounts.part_with("service:1", at(5)).await.unwrap();
    let ended = accounts.ended_since(at(4)).await.unwrap();
    for expected in [
        Ended::Person("ada".to_owned()),
        Ended::Credential(Uuid::from_u128(7)),
        Ended::Credential(Uuid::from_u128(1)),
    ] {
        assert!(ended.contains(&expected), "{expected:?} in {ended:?}");
    }
    assert_eq!(accounts.sessions("ada", at(6)).await.unwrap(), []);
    accounts.part_with("nobody", at(6)).await.unwrap();
}
