//! `[auth]`: whose tokens the hub believes.

use std::{path::PathBuf, time::Duration};

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};

use super::seconds::{minutes, seconds};

/// The hub's own tokens, and the issuers it believes besides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// The name by which the hub signs its own tokens.
    pub issuer: String,
    /// For whom its own tokens are.
    pub audience: String,
    /// The algorithms that its own keys may have: `EdDSA`, `ES256`.
    pub algorithms: Vec<Algorithm>,
    /// How long its own tokens hold.
    #[serde(rename = "token_minutes", with = "minutes")]
    pub token_life: Duration,
    /// How long a socket may go on after its token expired.
    #[serde(rename = "grace_seconds", with = "seconds")]
    pub grace: Duration,
    /// How much the clocks of issuers may differ from ours.
    #[serde(rename = "leeway_seconds", with = "seconds")]
    pub leeway: Duration,
    /// Files with private keys (PEM, PKCS #8). The first signs, all verify. Empty: the keys in
    /// `key_folder`, where one is made if there is none.
    pub keys: Vec<PathBuf>,
    /// The folder of the keys that the hub makes itself; the last by name signs, all verify.
    /// Absent: `rowcast-keys` beside the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_folder: Option<PathBuf>,
    /// Others whose tokens are believed.
    #[serde(default)]
    pub issuers: Vec<IssuerConfig>,
}

/// An issuer whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    /// The claim `aud` that its tokens must have for this hub.
    pub audience: String,
    /// Where its public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// A file with its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// The algorithms it may use. `HS…` never stands beside others.
    pub algorithms: Vec<Algorithm>,
    /// The claim with the person's id.
    #[serde(default = "sub")]
    pub subject_claim: String,
    /// Put before the claim to make the id of a person here, so that two issuers cannot name the
    /// same person by accident.
    #[serde(default)]
    pub subject_prefix: String,
    /// The claim with the name that others see.
    #[serde(default = "name")]
    pub name_claim: String,
    /// Whether its keys may be fetched from an address that is not public, and without TLS.
    #[serde(default)]
    pub allow_private: bool,
    /// Certificates (PEM) that are trusted when its keys are fetched, instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long its keys are used although they cannot be fetched again.
    #[serde(rename = "stale_minutes", with = "minutes", default = "a_day")]
    pub stale: Duration,
}

fn sub() -> String {
    "sub".to_owned()
}

fn name() -> String {
    "name".to_owned()
}

const fn a_day() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}
