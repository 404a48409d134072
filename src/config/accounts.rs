//! `[accounts]`: who may register, and how long people stay signed in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds::{days, minutes};

/// Accounts of people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsConfig {
    /// Who may register.
    pub registration: RegistrationPolicy,
    /// How long an access token holds.
    #[serde(rename = "access_minutes", with = "minutes")]
    pub access_life: Duration,
    /// How long somebody stays signed in who does not come back.
    #[serde(rename = "refresh_days", with = "days")]
    pub refresh_life: Duration,
    /// Passwords that are hashed at once; each takes 19 MiB and one core.
    pub hashing: u32,
    /// Attempts a minute, from one address, to sign in, register or use a code; 0: no limit.
    pub attempts_per_minute: u32,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationPolicy {
    /// Everybody.
    Open,
    /// Whoever has an invitation to a project.
    Invited,
    /// Nobody; accounts are made on the command line.
    Closed,
}
