//! The hub's program: found, or built, and its commands run.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::process::Command;

use crate::error::LoadError;

/// Where `cargo build --release` puts the hub.
const BUILT: &str = "target/release/rowcast";

/// What an error shows of a command's output.
const LONGEST_OUTPUT: usize = 1_000;

/// The hub's program.
#[derive(Debug, Clone)]
pub(crate) struct HubBinary {
    path: PathBuf,
}

impl HubBinary {
    /// The program at `path`, or the one in `target/release`, which is built if it is missing.
    pub(crate) async fn find(path: Option<&Path>) -> Result<Self, LoadError> {
        if let Some(path) = path {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            let there = absolute.is_file();
            return if there {
                Ok(Self { path: absolute })
            } else {
                Err(LoadError::NoBinary(absolute))
            };
        }
        let built = workspace().join(BUILT);
        if !built.is_file() {
            build().await?;
        }
        if built.is_file() { Ok(Self { path: built }) } else { Err(LoadError::NoBinary(built)) }
    }

    /// The program as a command.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments).stdin(Stdio::null());
        command
    }
}

/// The folder of the workspace: the current one or one above it, else where this was built.
fn workspace() -> PathBuf {
    let current = std::env::current_dir().unwrap_or_default();
    let found = current.ancestors().find(|folder| folder.join("loadtest/Cargo.toml").is_file());
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    found.unwrap_or(compiled).to_owned()
}

async fn build() -> Result<(), LoadError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--package", "rowcast"]).current_dir(workspace());
    let status = cargo.status().await.map_err(LoadError::io("cannot run cargo"))?;
    if status.success() { Ok(()) } else { Err(LoadError::Build) }
}

/// Runs a command to its end and returns what it printed.
pub(crate) async fn printed(mut command: Command) -> Result<String, LoadError> {
    let name = format!("{:?}", command.as_std().get_program()).replace('"', "");
    let Output { status, stdout, stderr } =
        command.output().await.map_err(LoadError::io(format!("cannot run {name}")))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let arguments: Vec<_> = command.as_std().get_args().map(|one| one.to_string_lossy()).collect();
    let output =
        [stderr, stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let command = format!("{name} {}", arguments.join(" "));
    let output = output.trim().chars().take(LONGEST_OUTPUT).collect();
    Err(LoadError::Command { command, output })
}
