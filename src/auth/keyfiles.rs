//! The files of the folder where the hub keeps the keys that it makes: one key a file, the last by
//! name signs. Beside a key that has signed a long-lived token stands a note until when it is needed.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::keys::{KeyError, read_key};
use crate::config::AuthConfig;

/// The file of the key that the hub makes for itself.
pub(super) const FIRST_KEY: &str = "0001.pem";

/// A key of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// The key's id.
    pub id: String,
    /// Its algorithm.
    pub algorithm: String,
    /// When its last token has expired; `None`: it signs.
    pub needed_until: Option<Timestamp>,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The new file, whose key signs from now on.
    pub made: PathBuf,
    /// Files whose time was over.
    pub removed: Vec<PathBuf>,
}

/// Makes a new key that signs from now on, and removes those whose last token has expired. `life`:
/// how long tokens hold that nobody asked to hold longer.
///
/// # Errors
/// If the folder cannot be read or written.
pub fn rotate(auth: &AuthConfig, folder: &Path, life: Duration) -> Result<Rotated, KeyError> {
    let known = list(auth, folder, life)?;
    let made = folder.join(next_name(known.first().map(|key| &*key.path)));
    make(folder, &made)?;
    let now = Timestamp::now();
    let over = known.into_iter().filter(|key| key.needed_until.is_some_and(|until| until < now));
    let removed: Vec<PathBuf> = over.map(|key| key.path).collect();
    for path in &removed {
        fs::remove_file(path).map_err(|error| KeyError::Io { path: path.clone(), error })?;
        let _ = fs::remove_file(note(path));
    }
    Ok(Rotated { made, removed })
}

/// The keys of the folder, the one that signs first.
///
/// # Errors
/// If a file cannot be read or holds no suitable key.
pub fn list(auth: &AuthConfig, folder: &Path, life: Duration) -> Result<Vec<KeyFile>, KeyError> {
    let mut keys = Vec::new();
    let mut replaced: Option<Timestamp> = None;
    for path in newest_first(folder)? {
        let (signing, _) = read_key(&path, &auth.algorithms)?;
        let needed_until = replaced.map(|at| noted(&path).max(at + life + auth.leeway));
        replaced = Some(made_at(&path)?);
        let algorithm = format!("{:?}", signing.algorithm);
        keys.push(KeyFile { id: signing.id, algorithm, needed_until, path });
    }
    Ok(keys)
}

/// Notes that the key that signs is needed until a token of an unusual life has expired.
///
/// # Errors
/// If the note cannot be written.
pub fn keep_until(folder: &Path, expires: Timestamp) -> Result<(), KeyError> {
    let Some(path) = newest_first(folder)?.into_iter().next() else { return Ok(()) };
    let until = noted(&path).max(expires);
    let note = note(&path);
    fs::write(&note, format!("{until}\n")).map_err(|error| KeyError::Io { path: note, error })
}

fn note(key: &Path) -> PathBuf {
    key.with_extension("until")
}

fn noted(key: &Path) -> Timestamp {
    let text = fs::read_to_string(note(key)).unwrap_or_default();
    text.trim().parse().unwrap_or(Timestamp::MIN)
}

/// A file that was copied later counts as made later; then its predecessor is merely kept longer.
fn made_at(path: &Path) -> Result<Timestamp, KeyError> {
    let at = |error| KeyError::Io { path: path.to_owned(), error };
    let made = fs::metadata(path).and_then(|file| file.modified()).map_err(at)?;
    Timestamp::try_from(made).map_err(|error| at(io::Error::other(error)))
}

/// A name that stands after this one.
fn next_name(last: Option<&Path>) -> String {
    let stem = last.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    match stem.map(|stem| (stem.parse::<u32>(), stem)) {
        None => FIRST_KEY.to_owned(),
        Some((Ok(number), stem)) if number < 9999 && stem.len() == 4 => {
            format!("{:04}.pem", number + 1)
        }
        Some((_, stem)) => format!("{stem}0.pem"),
    }
}

/// The files of a folder, the newest first; none if there is no folder.
pub(super) fn newest_first(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    pem_files(folder).map_err(|error| KeyError::Io { path: folder.to_owned(), error })
}

/// Makes the first key if there is none. If another process was first, its key stays.
pub(super) fn make_if_none(folder: &Path) -> Result<(), KeyError> {
    if !newest_first(folder)?.is_empty() {
        return Ok(());
    }
    match make(folder, &folder.join(FIRST_KEY)) {
        Err(KeyError::Io { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => {
            tracing::info!(folder = %folder.display(), "made a key to sign tokens with");
            made
        }
    }
}

fn pem_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let files: Result<Vec<PathBuf>, _> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = files?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pem"));
    files.sort_unstable_by(|one, other| other.cmp(one));
    Ok(files)
}

/// Whether the folder has a key.
#[must_use]
pub fn has_one(folder: &Path) -> bool {
    pem_files(folder).is_ok_and(|files| !files.is_empty())
}

/// Makes a key that nobody else on this machine can read. Nobody sees half a file.
fn make(folder: &Path, file: &Path) -> Result<(), KeyError> {
    let at = |error| KeyError::Io { path: folder.to_owned(), error };
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::NoKey)?;
    let document = pair.to_pkcs8v1().map_err(|_| KeyError::NoKey)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at)?;
    let draft = folder.join(format!(".{}.draft", uuid::Uuid::new_v4()));
    write_private(&draft, &pem(document.as_ref())).map_err(at)?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft).map_err(at)?;
    linked.map_err(at)
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn pem(document: &[u8]) -> String {
    let text = STANDARD.encode(document);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{auth::OwnKeys, config::Config};

    const LIFE: Duration = Duration::from_mins(15);

    fn auth() -> AuthConfig {
        Config::load(None, []).unwrap().auth
    }

    fn folder_with_a_key() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        OwnKeys::load(&auth(), folder.path()).unwrap();
        folder
    }

    #[test]
    fn after_a_rotation_the_new_key_signs_and_the_old_one_stays_while_its_tokens_live() {
        let folder = folder_with_a_key();
        let rotated = rotate(&auth(), folder.path(), LIFE).unwrap();
        assert_eq!(rotated.made, folder.path().join("0002.pem"));
        assert!(rotated.removed.is_empty());
        let keys = list(&auth(), folder.path(), LIFE).unwrap();
        assert_eq!(keys[0].needed_until, None);
        let until = keys[1].needed_until.unwrap();
        assert!(until > Timestamp::now() + Duration::from_mins(14), "{until}");
        // With tokens that live for no time at all, the old ones' time is over.
        let none = AuthConfig { leeway: Duration::ZERO, ..auth() };
        let rotated = rotate(&none, folder.path(), Duration::ZERO).unwrap();
        assert_eq!(rotated.removed, [folder.path().join("0001.pem")]);
    }

    #[test]
    fn a_key_that_signed_a_long_lived_token_stays_that_long() {
        let folder = folder_with_a_key();
        let expires = Timestamp::now() + Duration::from_hours(24);
        keep_until(folder.path(), expires).unwrap();
        keep_until(folder.path(), Timestamp::now()).unwrap();
        rotate(&auth(), folder.path(), LIFE).unwrap();
        let keys = list(&auth(), folder.path(), LIFE).unwrap();
        assert_eq!(keys[1].needed_until, Some(expires));
    }

    #[test]
    fn the_name_of_a_new_key_stands_after_all_others() {
        for (last, next) in [
            (None, "0001.pem"),
            (Some("0001.pem"), "0002.pem"),
            (Some("9999.pem"), "99990.pem"),
            (Some("main.pem"), "main0.pem"),
            (Some("7.pem"), "70.pem"),
        ] {
            assert_eq!(next_name(last.map(Path::new)), next);
            assert!(last.is_none_or(|last| last < next));
        }
    }
}
