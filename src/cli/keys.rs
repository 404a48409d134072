//! `rowcast keys`: the keys that sign the hub's own tokens.

use std::{io::Write, path::PathBuf, time::Duration};

use clap::Subcommand;

use super::CommandError;
use crate::{
    auth::keyfiles::{self, KeyFile},
    config::Config,
};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a new key that signs from now on, and remove those whose last token has expired. Hubs
    /// that run take it up within seconds; copy it to nodes that have a folder of their own first
    Rotate,
    /// Print the keys, the one that signs first
    List,
}

/// How long tokens hold that nobody asked to hold longer.
pub(super) fn usual_life(config: &Config) -> Duration {
    config.accounts.access_life.max(config.auth.token_life)
}

/// Does it.
pub(super) fn run(
    config: &Config,
    asked: &KeysCommand,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    if !config.auth.keys.is_empty() {
        return Err(CommandError::NamedKeys);
    }
    let (folder, life) = (config.key_folder(), usual_life(config));
    match asked {
        KeysCommand::Rotate => {
            let rotated = keyfiles::rotate(&config.auth, &folder, life)?;
            writeln!(out, "{} signs from now on", rotated.made.display())?;
            for path in rotated.removed {
                writeln!(out, "{} was removed: its last token has expired", path.display())?;
            }
        }
        KeysCommand::List => {
            for key in keyfiles::list(&config.auth, &folder, life)? {
                writeln!(out, "{}", line(&key))?;
            }
        }
    }
    Ok(())
}

fn line(key: &KeyFile) -> String {
    let KeyFile { path, id, algorithm, needed_until } = key;
    let path: &PathBuf = path;
    let use_of = match needed_until {
        None => "signs".to_owned(),
        Some(until) => format!("verifies, needed until {until:.0}"),
    };
    format!("{}  {algorithm}  {id}  {use_of}", path.display())
}
