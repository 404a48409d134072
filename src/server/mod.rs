//! Builds the parts of a hub and runs them until it is told to stop.

use crate::config::Config;

/// Why the hub does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The parts that serve are not in this build.
    #[error("this build serves nothing")]
    Absent,
}

/// Serves until the process is told to stop.
///
/// # Errors
/// If a part cannot be built, or fails.
#[expect(clippy::unused_async, reason = "serving waits; this build has nothing to wait for")]
pub async fn run(_config: Config) -> Result<(), ServeError> {
    Err(ServeError::Absent)
}
