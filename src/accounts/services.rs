//! Services: programs with a token of their own, which reach the projects and queues it names.

use jiff::Timestamp;
use rowcast_protocol::Role;
use uuid::Uuid;

use super::{AccountError, Accounts, checks, checks::Fault};
use crate::{
    auth::{Identity, ServiceTokens},
    store::accounts::{Hash, NewService, Service},
};

/// The most projects, and the most queues, of one service.
const MOST: usize = 100;

/// What a service is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What others see.
    pub name: String,
    /// The projects it may reach, and as what.
    pub projects: Vec<(Uuid, Role)>,
    /// The queues it may work on.
    pub queues: Vec<String>,
    /// When its token ends.
    pub expires: Option<Timestamp>,
}

impl Wanted {
    /// The service, and its token, which is shown once.
    ///
    /// # Errors
    /// [`AccountError::Invalid`].
    pub fn checked(self) -> Result<(NewService, String), AccountError> {
        let name = checks::name("name", &self.name, 100)?;
        let mut projects: Vec<Uuid> = self.projects.iter().map(|(id, _)| *id).collect();
        projects.sort_unstable();
        projects.dedup();
        if projects.len() != self.projects.len() || projects.len() > MOST {
            return Err(invalid("projects", format!("must be at most {MOST}, each named once")));
        }
        let plain = |queue: &String| {
            (1..=64).contains(&queue.len())
                && queue.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if self.queues.len() > MOST || !self.queues.iter().all(plain) {
            let words = "must be names of letters, digits and . _ -, 64 at most";
            return Err(invalid("queues", words.to_owned()));
        }
        let id = Uuid::now_v7();
        let token = ServiceTokens::generate();
        let service = NewService {
            id,
            user: format!("service:{}", id.simple()),
            name,
            token: Hash::of(&token),
            projects: self.projects,
            queues: self.queues,
            expires: self.expires,
        };
        Ok((service, token))
    }
}

fn invalid(field: &'static str, words: String) -> AccountError {
    AccountError::Invalid(Fault { field, words })
}

/// Whose services somebody may deal with; `None`: everybody's.
fn scope(who: &Identity) -> Option<&str> {
    (!who.admin).then_some(&*who.user)
}

impl Accounts {
    /// Makes a service. Its token is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] for those who do not own all of its projects, or want queues, and
    /// are no administrators, and for services.
    pub async fn make_service(
        &self,
        wanted: Wanted,
        by: &Identity,
    ) -> Result<(Service, String), AccountError> {
        Self::is_a_person(by)?;
        if !by.admin && (!wanted.queues.is_empty() || wanted.projects.is_empty()) {
            let words = "only an administrator makes tokens for queues, or for no project at all";
            return Err(AccountError::Forbidden(words));
        }
        let (service, token) = wanted.checked()?;
        let now = Timestamp::now();
        let made = if by.admin {
            self.0.store.make_service(&service, None, now).await?
        } else {
            self.0.store.make_service(&service, Some(&by.user), now).await?
        };
        self.wrote();
        Ok((made, token))
    }

    /// The services that somebody may deal with.
    ///
    /// # Errors
    /// If the database cannot be read now.
    pub async fn services(&self, who: &Identity) -> Result<Vec<Service>, AccountError> {
        Ok(self.0.store.services(scope(who), Timestamp::now()).await?)
    }

    /// Ends a service; its sockets are closed.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] if there is no such service for this person.
    pub async fn end_service(&self, id: Uuid, by: &Identity) -> Result<(), AccountError> {
        self.0.store.end_service(id, scope(by), Timestamp::now()).await?;
        self.0.revocations.end(id);
        self.wrote();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        let (name, queues) = ("Worker".to_owned(), vec!["gpu.large".to_owned()]);
        Wanted { name, projects: vec![(Uuid::nil(), Role::Editor)], queues, expires: None }
    }

    #[test]
    fn a_services_id_fits_into_a_channels_name_and_its_token_begins_as_they_do() {
        let (service, token) = wanted().checked().unwrap();
        assert!(crate::auth::is_user_id(&service.user), "{}", service.user);
        assert!(token.starts_with("rcs_") && token.len() == 47, "{token}");
        assert_eq!(service.token, Hash::of(&token));
    }

    #[test]
    fn strange_scopes_are_refused() {
        let field = |wanted: Wanted| match wanted.checked() {
            Err(AccountError::Invalid(fault)) => fault.field,
            other => panic!("{other:?}"),
        };
        let twice = vec![(Uuid::nil(), Role::Editor), (Uuid::nil(), Role::Viewer)];
        assert_eq!(field(Wanted { projects: twice, ..wanted() }), "projects");
        for queue in ["", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(field(Wanted { queues: vec![queue.to_owned()], ..wanted() }), "queues");
        }
        assert_eq!(field(Wanted { name: " ".to_owned(), ..wanted() }), "name");
    }
}
