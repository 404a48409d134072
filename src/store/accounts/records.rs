//! What goes in and comes out.

use std::fmt;

use jiff::Timestamp;
use rowcast_protocol::Role;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::super::StoreError;

/// The SHA-256 of a secret with enough chance in it that nobody guesses it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

/// Somebody with an id, and perhaps a name for a new row of `users`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id.
    pub id: String,
    /// What others see; the id if there is none.
    pub name: Option<String>,
}

/// A person who is to have an account.
#[derive(Clone)]
pub struct NewAccount {
    /// The person's id; a row of `users` with it may be there.
    pub user: String,
    /// The e-mail address as it was given.
    pub email: String,
    /// What others see.
    pub name: String,
    /// The password's hash; `None`: no password lets anybody in.
    pub password: Option<String>,
    /// Whether this is an administrator.
    pub admin: bool,
    /// The code of an invitation; it must be good.
    pub invitation: Option<Hash>,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// There is an account.
    Done(Account),
    /// Somebody has this e-mail address already.
    EmailTaken,
    /// The invitation is unknown, over or withdrawn.
    NoInvitation,
}

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The person's id.
    pub user: String,
    /// What others see.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The password's hash.
    pub password: Option<String>,
    /// Whether this is an administrator.
    pub admin: bool,
    /// Whether it was closed.
    pub closed: bool,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewAccount({})", self.user)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.user)
    }
}

/// From where somebody came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The address.
    pub address: String,
    /// What the program calls itself.
    pub agent: String,
}

/// A session to begin, or its next refresh token.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The session; not looked at where the refresh token tells.
    pub id: Uuid,
    /// The person; not looked at where the refresh token tells.
    pub user: String,
    /// The refresh token.
    pub token: Hash,
    /// When the session ends if the token is not used.
    pub expires: Timestamp,
    /// From where.
    pub client: Client,
    /// The hash that the person's password was compared with: another one has taken its place if
    /// the password was changed meanwhile, and then no session begins. `None`: proved otherwise.
    pub proof: Option<String>,
}

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// When the person signed in.
    pub created: Timestamp,
    /// When its refresh token was last used.
    pub used: Timestamp,
    /// From where that was.
    pub client: Client,
}

/// What a refresh token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfSession {
    /// The session, which may be over.
    pub session: Uuid,
    /// Whose it is.
    pub user: String,
    /// Whether the token was used up: whoever has it may have found it.
    pub used: bool,
}

/// What became of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The next one counts now.
    Done {
        /// The session.
        session: Uuid,
        /// Whose.
        account: Account,
    },
    /// Somebody else was just let through with it.
    Raced,
    /// It was used before: the session has ended.
    Reused {
        /// The session.
        session: Uuid,
    },
    /// It is unknown, or its session or account is over.
    Unknown,
}

/// Something whose tokens are no good any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// A session or a service token.
    Credential(Uuid),
    /// A person whose account was closed.
    Person(String),
}

/// A service to make.
#[derive(Debug, Clone)]
pub struct NewService {
    /// The token's id.
    pub id: Uuid,
    /// The id among people.
    pub user: String,
    /// What others see.
    pub name: String,
    /// The token.
    pub token: Hash,
    /// The projects it may reach, and as what.
    pub projects: Vec<(Uuid, Role)>,
    /// The queues it may work on.
    pub queues: Vec<String>,
    /// When the token ends.
    pub expires: Option<Timestamp>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The token's id.
    pub id: Uuid,
    /// The id among people.
    pub user: String,
    /// What others see.
    pub name: String,
    /// The projects it may reach now, and as what.
    pub projects: Vec<(Uuid, Role)>,
    /// The queues it may work on.
    pub queues: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When the token ends.
    pub expires: Option<Timestamp>,
}

/// A project, as one member has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The member's role.
    pub role: Role,
    /// When it was made, as the wire has it.
    pub created: String,
}

/// A member of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person's id.
    pub user: String,
    /// What others see.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// An invitation to make.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// Its id.
    pub id: Uuid,
    /// To where.
    pub project: Uuid,
    /// As what.
    pub role: Role,
    /// For whom: the address as it was given. Such a link works once. `None`: for everybody.
    pub email: Option<String>,
    /// Its code.
    pub code: Hash,
    /// Until when.
    pub expires: Timestamp,
}

/// An invitation that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// As what.
    pub role: Role,
    /// For whom, if it is for one alone.
    pub email: Option<String>,
    /// Who made it.
    pub by: Person,
    /// When it was made.
    pub created: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

/// A project as an invitation names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectName {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// Where an invitation leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// To which project.
    pub project: ProjectName,
    /// As what; of a member, the role there is now.
    pub role: Role,
    /// The name of whoever made it.
    pub by: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Why a project was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The database cannot do it now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such project, or nothing of that name in it, for this person.
    #[error("there is no such thing here, or it is not for you")]
    NotFound,
    /// The person's role does not allow it.
    #[error("only an owner of the project may do that")]
    Forbidden,
    /// Nobody here is that person.
    #[error("there is no such person")]
    UnknownPerson,
    /// The person belongs to it already.
    #[error("this person is a member already")]
    AlreadyMember,
    /// Nobody would own it any more.
    #[error("a project keeps at least one owner; make somebody else an owner first")]
    LastOwner,
}
