//! Who somebody is, and what they may do in a channel.
//!
//! [`verifier`] turns a token into an [`Identity`]; only tokens of [`services`] are looked up in the
//! database, all others are refused by what [`revocations`] knows. [`keys`] holds the keys by which
//! the hub signs tokens of its own, [`keyfiles`] their files; [`jwks`], [`remote`] and [`fetch`] get the public keys
//! of other issuers. [`access`] answers which role a person has in a channel, and [`codes`] lets
//! two demo people in without a password, on this machine alone.
//!
//! Nothing in a token chooses how it is verified: its `alg`, `kid` and `iss` only select among keys
//! that the operator trusts, each bound to algorithms of its own kind. `jku`, `x5u`, `x5c` and `jwk`
//! in a header are never looked at.

use std::sync::Arc;

use jiff::Timestamp;
use rowcast_protocol::{ChannelName, ErrorCode};

pub mod access;
pub mod codes;
pub mod fetch;
pub mod jwks;
pub mod keyfiles;
pub mod keys;
pub mod remote;
pub mod revocations;
pub mod services;
#[cfg(test)]
mod tests;
mod token;
mod verified;
pub mod verifier;

pub use access::{Access, Looked, REMEMBERED};
pub use codes::{DemoCodes, DemoPerson};
pub use keys::OwnKeys;
pub use revocations::Revocations;
pub use services::ServiceTokens;
pub use verifier::Verifier;

/// Somebody whose token was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The person's id, usable in `user:{id}`.
    pub user: Arc<str>,
    /// The name in the token, if there is one.
    pub name: Option<String>,
    /// When the token ends, without leeway.
    pub expires: Timestamp,
    /// Who issued the token.
    pub issuer: Arc<str>,
    /// What must not have ended for the token to be good: the session of one of the hub's own
    /// tokens, the id of a service's.
    pub session: Option<Arc<str>>,
    /// Whether this is an admin of the hub; only the hub's own tokens say so.
    pub admin: bool,
    /// Whether this is a service, which reaches what it was made for and nothing else.
    pub is_service: bool,
    /// The queues that a service may work on.
    pub queues: Arc<[String]>,
}

/// Why a token is not accepted. The words are for whoever sent it and never hold the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token of the expected form.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// Nobody here trusts its issuer.
    #[error("the token's issuer is not trusted here")]
    UnknownIssuer,
    /// Its issuer has no key with this id for this algorithm.
    #[error("the token names a key or an algorithm that its issuer does not use")]
    UnknownKey,
    /// The signature is of another key or of other content.
    #[error("the token's signature is wrong")]
    Forged,
    /// A claim is missing, of a wrong type or of a wrong value.
    #[error("the token's claim `{0}` is missing or wrong")]
    Claim(&'static str),
    /// It was good and has ended.
    #[error("the token has expired")]
    Expired,
    /// Its session, its service or its person's account has ended.
    #[error("the token's session has ended")]
    Revoked,
    /// The database cannot say at present whether a service's token is good.
    #[error("tokens of services cannot be looked up at present")]
    Unavailable,
    /// The issuer's keys cannot be had at present.
    #[error("the keys of the token's issuer cannot be fetched at present")]
    KeysUnavailable,
}

impl TokenError {
    /// What a client is told.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Expired => ErrorCode::TokenExpired,
            Self::KeysUnavailable | Self::Unavailable => ErrorCode::Unavailable,
            Self::Malformed(_)
            | Self::UnknownIssuer
            | Self::UnknownKey
            | Self::Forged
            | Self::Revoked
            | Self::Claim(_) => ErrorCode::Unauthorized,
        }
    }
}

/// The most characters of a name that are shown.
pub const NAME_LENGTH: usize = 100;

/// Whether a sign has no place in a name: control characters, breaks of lines, and what changes the direction
/// of the text around it.
#[must_use]
pub fn is_unfit_for_names(sign: char) -> bool {
    let breaks = matches!(sign, '\u{2028}' | '\u{2029}');
    sign.is_control() || breaks || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name that came from elsewhere, fit to be shown and to stand in a token: without signs that are unfit,
/// and not endless.
#[must_use]
pub fn shown_name(name: &str) -> String {
    let fit = |sign: &char| !is_unfit_for_names(*sign);
    name.trim().chars().filter(fit).take(NAME_LENGTH).collect()
}

/// Whether a text can be a person's id: it must fit into `user:{id}`.
#[must_use]
pub fn is_user_id(id: &str) -> bool {
    ChannelName::new(&format!("user:{id}")).is_ok()
}
