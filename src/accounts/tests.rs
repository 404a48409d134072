//! Signing in, on a real database: who is let in, and what the others cost.

use std::{sync::Arc, time::Duration};

use rowcast_protocol::Role;
use tokio::sync::Notify;

use super::*;
use crate::{
    config::{Config, RegistrationPolicy},
    store,
};

const PASSWORD: &str = "correct horse";

/// Accounts on a database of their own.
struct Desk {
    accounts: Accounts,
    verifier: crate::auth::Verifier,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn open(registration: RegistrationPolicy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("rowcast.db").display());
        let config = Config::load(None, [("DATABASE_URL".to_owned(), url)]).unwrap();
        store::migrate(&config).await.unwrap();
        let store = store::open(&config).await.unwrap().accounts();
        let keys = OwnKeys::load(&config.auth, &config.key_folder()).unwrap();
        let ended = Arc::new(Revocations::new(Arc::clone(&store), Duration::from_mins(15)));
        let services = crate::auth::ServiceTokens::new(Arc::clone(&store));
        let verifier = crate::auth::Verifier::new(&config.auth, &keys).unwrap();
        let verifier = verifier.with_accounts(services, Arc::clone(&ended));
        let settings =
            AccountsConfig { registration, attempts_per_minute: 0, ..config.accounts.clone() };
        let accounts = Accounts::new(store, keys, settings, ended, Arc::new(Notify::new()));
        Self { accounts, verifier, _folder: folder }
    }

    async fn registers(&self, name: &str) -> SignedIn {
        self.accounts.register(&person(name), &from()).await.unwrap()
    }

    /// How many passwords are hashed while somebody tries to sign in.
    async fn work(&self, email: &str, password: &str) -> (u64, Result<SignedIn, AccountError>) {
        let before = self.accounts.0.hasher.done();
        let outcome = self.accounts.sign_in(email, password, &from()).await;
        (self.accounts.0.hasher.done() - before, outcome)
    }
}

fn person(name: &str) -> NewPerson {
    let (email, password) = (format!("{name}@example.org"), PASSWORD.to_owned());
    NewPerson { email, password, name: name.to_owned(), invitation: None }
}

fn from() -> Origin {
    Origin { network: Network::of(std::net::Ipv4Addr::LOCALHOST.into()), client: Client::default() }
}

#[tokio::test]
async fn whoever_is_not_let_in_costs_the_same_work() {
    let desk = Desk::open(RegistrationPolicy::Open).await;
    desk.registers("ada").await;
    desk.registers("bob").await;
    let store = Arc::clone(&desk.accounts.0.store);
    operator::close(&*store, "bob@example.org").await.unwrap();
    operator::create(&*store, "cleo@example.org", "Cleo", false).await.unwrap();
    for (email, password) in [
        ("ada@example.org", "wrong password"),
        ("nobody@example.org", PASSWORD),
        ("bob@example.org", PASSWORD),
        ("cleo@example.org", PASSWORD),
        ("no address", ""),
    ] {
        let (work, outcome) = desk.work(email, password).await;
        assert!(matches!(outcome, Err(AccountError::WrongPassword)), "{email}: {outcome:?}");
        assert_eq!(work, 1, "{email}");
    }
    let (work, outcome) = desk.work("ADA@example.org ", PASSWORD).await;
    assert!(outcome.is_ok());
    assert_eq!(work, 1);
}

#[tokio::test]
async fn a_cheap_hash_is_replaced_when_its_person_signs_in() {
    use argon2::password_hash::{PasswordHasher as _, phc::PasswordHash};
    let desk = Desk::open(RegistrationPolicy::Open).await;
    let ada = desk.registers("ada").await.person;
    let cheap = argon2::Params::new(1024, 1, 1, None).unwrap();
    let cheap = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, cheap);
    let hash: PasswordHash = cheap.hash_password(PASSWORD.as_bytes()).unwrap();
    let store = &desk.accounts.0.store;
    store.set_password(&ada.id, &hash.to_string(), None, Timestamp::now()).await.unwrap();
    assert_eq!(desk.work("ada@example.org", PASSWORD).await.0, 2);
    let now = store.account(&ada.id).await.unwrap().unwrap().password.unwrap();
    assert!(now.contains("m=19456,t=2,p=1"), "{now}");
    assert_eq!(desk.work("ada@example.org", PASSWORD).await.0, 1);
}

#[tokio::test]
async fn nobody_registers_where_it_is_closed_and_nothing_is_hashed_for_it() {
    for (policy, expected) in [
        (RegistrationPolicy::Closed, "nobody can register"),
        (RegistrationPolicy::Invited, "needs an invitation"),
    ] {
        let desk = Desk::open(policy).await;
        let error = desk.accounts.register(&person("ada"), &from()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(desk.accounts.0.hasher.done(), 0);
    }
}

#[tokio::test]
async fn a_token_says_its_session_and_ends_with_it() {
    let desk = Desk::open(RegistrationPolicy::Open).await;
    let signed_in = desk.registers("ada").await;
    let who = desk.verifier.verify(&signed_in.access).await.unwrap();
    assert_eq!((&*who.user, who.name.as_deref()), (&*signed_in.person.id, Some("ada")));
    assert!(who.session.is_some() && !who.admin && who.queues.is_empty());
    assert_eq!(desk.accounts.profile(&who).await.unwrap(), signed_in.person);
    desk.accounts.sign_out(None, Some(&who)).await.unwrap();
    let verdict = desk.verifier.verify(&signed_in.access).await;
    assert_eq!(verdict, Err(crate::auth::TokenError::Revoked));
    let again = desk.accounts.refresh(&signed_in.refresh, &from()).await;
    assert!(matches!(again, Err(AccountError::SessionOver)));
}

#[tokio::test]
async fn a_services_token_says_its_queues_until_it_ends() {
    let desk = Desk::open(RegistrationPolicy::Open).await;
    let signed_in = desk.registers("ada").await;
    let mut ada = desk.verifier.verify(&signed_in.access).await.unwrap();
    let project = desk.accounts.make_project("Vega", &ada).await.unwrap();
    let (projects, queues) = (vec![(project.id, Role::Editor)], vec!["gpu".to_owned()]);
    let name = "Worker".to_owned();
    let wanted = services::Wanted { name, projects, queues, expires: None };
    let refused = desk.accounts.make_service(wanted.clone(), &ada).await;
    assert!(matches!(refused, Err(AccountError::Forbidden(_))));
    ada.admin = true;
    let (service, token) = desk.accounts.make_service(wanted, &ada).await.unwrap();
    let worker = desk.verifier.verify(&token).await.unwrap();
    assert_eq!((&*worker.user, &*worker.queues), (&*service.user, &["gpu".to_owned()][..]));
    assert_eq!(worker.expires, Timestamp::MAX);
    desk.accounts.end_service(service.id, &ada).await.unwrap();
    assert!(desk.verifier.verify(&token).await.is_err());
}
