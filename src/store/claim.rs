//! One hub for one SQLite file: two would number the same entries. The hub that runs holds a lock on a file
//! beside the database, which says where it listens; the system takes the lock away when the process ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::StoreError;
use crate::config::{Config, DatabaseKind};

/// Held while a hub runs.
#[derive(Debug)]
pub struct Claim {
    _lock: Option<File>,
}

/// Claims the database for a hub that listens here. On PostgreSQL many hubs may share one.
///
/// # Errors
/// [`StoreError::Unfit`] if another hub runs on it.
pub fn claim(config: &Config, address: SocketAddr) -> Result<Claim, StoreError> {
    let Some(path) = beside(config) else { return Ok(Claim { _lock: None }) };
    let options = OpenOptions::new().read(true).write(true).create(true).mode(0o600).clone();
    // Where no file can be made the database says so itself, in its own words.
    let Ok(mut file) = options.open(&path) else { return Ok(Claim { _lock: None }) };
    match file.try_lock() {
        Ok(()) => {
            let _unsaid = file.set_len(0).and_then(|()| write!(file, "{address}"));
            Ok(Claim { _lock: Some(file) })
        }
        Err(TryLockError::WouldBlock) => Err(StoreError::Unfit(format!(
            "another hub runs on {} (it listens on {}); a SQLite file has one hub: stop that one, or use \
             PostgreSQL, which many share",
            config.store.url,
            read(&path).unwrap_or_default()
        ))),
        // File systems without locks are left to the operator.
        Err(TryLockError::Error(_)) => Ok(Claim { _lock: None }),
    }
}

/// Where the hub listens that runs on this SQLite file, if there is one.
#[must_use]
pub fn running_at(config: &Config) -> Option<SocketAddr> {
    let path = beside(config)?;
    let file = File::open(&path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read(&path)?.parse().ok(),
        _ => None,
    }
}

fn beside(config: &Config) -> Option<PathBuf> {
    let Some(DatabaseKind::Sqlite(file)) = config.store.url.kind() else { return None };
    // One file has one place, by whatever links it is reached.
    let file = file.canonicalize().unwrap_or_else(|_| file.clone());
    let mut name = file.file_name()?.to_owned();
    name.push("-hub");
    Some(file.with_file_name(name))
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).and_then(|mut file| file.read_to_string(&mut text)).ok()?;
    Some(text)
}
