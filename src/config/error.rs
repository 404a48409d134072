//! What is wrong with the settings, in words for whoever wrote them.

use std::{fmt, path::PathBuf};

use figment::error::Kind;

/// Why there are no settings to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings in {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{source_name} is not TOML: {message}")]
    Syntax {
        /// The file.
        source_name: String,
        /// Where and what.
        message: String,
    },
    /// Settings that cannot be; all of them, as far as they could be looked at.
    #[error("{}", lines(.0))]
    Wrong(Vec<Problem>),
}

/// One wrong setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, such as `limits.message_bytes`.
    pub setting: String,
    /// Where it was set, such as `rowcast.toml, line 7`.
    pub source: String,
    /// What it is and what is expected.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.setting, self.source, self.words)
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// What was found and what was expected.
pub(super) fn words(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            format!("is {found}; expected {}", plain(wanted))
        }
        Kind::InvalidLength(found, wanted) => {
            format!("has {found} items; expected {}", plain(wanted))
        }
        Kind::UnknownVariant(found, wanted) => {
            format!("is \"{found}\"; expected one of: {}", wanted.join(", "))
        }
        Kind::UnknownField(_, []) => "there is no such setting".to_owned(),
        Kind::UnknownField(_, wanted) => {
            format!("there is no such setting; there are: {}", wanted.join(", "))
        }
        Kind::MissingField(_) => "must be set".to_owned(),
        Kind::DuplicateField(name) => format!("`{name}` stands twice"),
        other => other.to_string(),
    }
}

/// What a type of Rust means in a settings file.
fn plain(wanted: &str) -> &str {
    match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "a boolean" => "true or false",
        "a string" => "text",
        "a sequence" => "a list",
        other => other.strip_prefix("struct ").map_or(other, |_| "a table of settings"),
    }
}
