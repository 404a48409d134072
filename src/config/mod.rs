//! Settings: commented defaults compiled in, a file above them, the environment above that.
//!
//! Only this module reads the environment. `rowcast.toml` beside it is at once the defaults, the
//! documentation of every setting, and the list of the shipped live tables. A setting that does not
//! exist, or that cannot be, is an error that names it, its source and what is expected.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod accounts;
mod address;
mod auth;
mod error;
mod http;
mod layer;
mod limits;
mod line;
mod rules;
mod seconds;
mod server;
mod sources;
mod store;
#[cfg(test)]
mod tests;

pub use accounts::{AccountsConfig, RegistrationPolicy};
pub use auth::{AuthConfig, IssuerConfig};
pub use error::{ConfigError, Problem};
pub use http::HttpConfig;
pub use limits::LimitsConfig;
pub use server::{Demo, DemoConfig, LogConfig, LogFormat, ServerConfig};
pub use store::{DatabaseKind, DatabaseUrl, StoreConfig};

use crate::store::{
    Declarations,
    declaration::{AccessDeclaration, TableDeclaration},
};

/// The commented defaults.
pub const DEFAULTS: &str = include_str!("rowcast.toml");

/// All settings of a hub, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it listens.
    pub server: ServerConfig,
    /// Its database.
    pub store: StoreConfig,
    /// How much of everything.
    pub limits: LimitsConfig,
    /// How much over HTTP.
    pub http: HttpConfig,
    /// Whose tokens it believes.
    pub auth: AuthConfig,
    /// Who has an account, and for how long people stay signed in.
    pub accounts: AccountsConfig,
    /// How it writes its log.
    pub log: LogConfig,
    /// Whether it makes a demo project.
    pub demo: DemoConfig,
    /// The live tables and who may reach their channels, shipped ones included.
    pub declarations: Declarations,
    /// What is broken on purpose.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<crate::planted::Bug>,
}

/// The settings as they stand in the sources.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    shipped_tables: bool,
    server: ServerConfig,
    store: StoreConfig,
    limits: LimitsConfig,
    http: HttpConfig,
    auth: AuthConfig,
    accounts: AccountsConfig,
    log: LogConfig,
    demo: DemoConfig,
    #[cfg(feature = "planted-bugs")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bug: Option<crate::planted::Bug>,
    #[serde(default)]
    tables: Vec<TableDeclaration>,
    #[serde(default)]
    access: Vec<AccessDeclaration>,
}

impl Config {
    /// The settings of the file, or of the one that `ROWCAST_CONFIG` names, or of `rowcast.toml` in
    /// the current folder if there is one; and above it of these variables.
    ///
    /// # Errors
    /// If a source cannot be read, or what it says cannot be.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let variables = variables.into_iter().collect();
        sources::Sources::gather(file, &variables)?.settle()
    }

    /// As [`Config::load`], with the variables of this process. Those that are not UTF-8 are none
    /// of ours.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn of_process(file: Option<&Path>) -> Result<Self, ConfigError> {
        let variables = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        Self::load(file, variables)
    }

    /// Where the keys are that the hub makes itself.
    #[must_use]
    pub fn key_folder(&self) -> PathBuf {
        let beside_database = || self.store.url.folder().join("rowcast-keys");
        self.auth.key_folder.clone().unwrap_or_else(beside_database)
    }

    /// The settings as a file that gives the same again, except for the passwords, which are hidden.
    ///
    /// # Errors
    /// If a setting cannot be written as TOML; that is a fault of ours.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(&Settings {
            shipped_tables: false,
            server: self.server.clone(),
            store: self.store.clone(),
            limits: self.limits.clone(),
            http: self.http.clone(),
            auth: self.auth.clone(),
            accounts: self.accounts.clone(),
            log: self.log.clone(),
            demo: self.demo.clone(),
            #[cfg(feature = "planted-bugs")]
            bug: self.bug,
            tables: self.declarations.tables.clone(),
            access: self.declarations.access.clone(),
        })
    }
}

/// Whether output may have colours: `NO_COLOR` is not set.
#[must_use]
pub fn colours_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|text| text.is_empty())
}
