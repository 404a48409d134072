//! `[server]`: where the hub listens and whom it trusts. `[demo]` and `[log]` as well.

use std::{net::SocketAddr, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{address, seconds::seconds};

/// Where the hub listens, and what it believes about who connects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// The address and port for HTTP and WebSocket.
    #[serde(deserialize_with = "address::listen")]
    pub listen: SocketAddr,
    /// How browsers reach the hub, `scheme://host[:port]`; absent: by an address, or on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Origins of other sites whose pages may connect, compared as whole texts. A page of the hub's
    /// own origin always may.
    pub origins: Vec<String>,
    /// Worker threads; 0: one for each core.
    pub workers: usize,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "address::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// How long a stopping hub takes to send its clients away.
    #[serde(rename = "drain_seconds", with = "seconds")]
    pub drain: Duration,
}

/// How the log is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// For whom.
    pub format: LogFormat,
    /// The least level, such as `info`, or directives such as `info,rowcast::commit=debug`.
    pub level: String,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people, in colour on a terminal.
    People,
    /// One JSON object a line.
    Json,
}

/// The demo project with two demo people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DemoConfig {
    /// When there is one.
    pub enabled: Demo,
}

/// When there is a demo project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "DemoSetting", into = "DemoSetting")]
pub enum Demo {
    /// When the database is new and the hub listens on this machine alone, for itself and not for a proxy.
    Auto,
    /// When the database is new.
    On,
    /// Never.
    Off,
}

impl Demo {
    /// Whether a hub like this makes a demo project in a database that was just created.
    /// The links to it are for this machine alone in any case.
    #[must_use]
    pub fn wanted(self, server: &ServerConfig) -> bool {
        let behind_proxy = server.public_url.is_some() || !server.trusted_proxies.is_empty();
        match self {
            Self::Auto => server.listen.ip().is_loopback() && !behind_proxy,
            Self::On => true,
            Self::Off => false,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "expected true, false or \"auto\"")]
enum DemoSetting {
    Truth(bool),
    Word(DemoWord),
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum DemoWord {
    Auto,
    True,
    False,
}

impl From<DemoSetting> for Demo {
    fn from(setting: DemoSetting) -> Self {
        match setting {
            DemoSetting::Truth(true) | DemoSetting::Word(DemoWord::True) => Self::On,
            DemoSetting::Truth(false) | DemoSetting::Word(DemoWord::False) => Self::Off,
            DemoSetting::Word(DemoWord::Auto) => Self::Auto,
        }
    }
}

impl From<Demo> for DemoSetting {
    fn from(demo: Demo) -> Self {
        match demo {
            Demo::On => Self::Truth(true),
            Demo::Off => Self::Truth(false),
            Demo::Auto => Self::Word(DemoWord::Auto),
        }
    }
}
