//! `[http]`: how much one caller of the API may ask for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds::seconds;

/// How much one caller of the API may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Bytes of the body of one request.
    pub body_bytes: usize,
    /// Bytes of large bodies, of requests and of answers that were not read yet, of all connections.
    pub unread_bytes: usize,
    /// How long an answer may take.
    #[serde(rename = "timeout_seconds", with = "seconds")]
    pub timeout: Duration,
    /// Requests a second of one person, averaged; 0: no limit.
    pub person_per_second: u32,
    /// Requests that one person may send at once after a pause.
    pub person_burst: u32,
    /// Requests a second from one address, averaged; 0: no limit.
    pub address_per_second: u32,
    /// Requests that may come from one address at once after a pause.
    pub address_burst: u32,
}
