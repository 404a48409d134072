//! The log: lines for people or JSON for machines, on standard error.
//!
//! Identifiers are fields. Tokens, message bodies and field values are never logged; control
//! characters in what is logged are escaped.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt};

use crate::config::{LogConfig, LogFormat, colours_allowed};

/// Begins to log as the settings say. If this process logs already, it goes on as it does.
///
/// # Errors
/// If the level is none.
pub fn init(log: &LogConfig) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(&log.level)?;
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    let begun = match log.format {
        LogFormat::People => lines
            .compact()
            .with_target(false)
            .with_ansi(io::stderr().is_terminal() && colours_allowed())
            .try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    };
    if begun.is_err() {
        tracing::debug!("this process logs already");
    }
    Ok(())
}
