//! The keys by which the hub signs tokens of its own.
//!
//! One signs, all verify, so that keys can be changed without anybody having to sign in again: the
//! new key is put in front (or, in the hub's own folder, under a later name), and the old file goes
//! when its last token has expired. A key's id is its thumbprint (RFC 7638).

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, ThumbprintHash},
};
use serde::Serialize;

use super::jwks::KeySet;
use crate::config::AuthConfig;

/// The `typ` of the hub's own tokens.
pub(super) const TOKEN_KIND: &str = "at+jwt";

/// The file of the key that the hub makes for itself.
const FIRST_KEY: &str = "0001.pem";

/// The hub's own keys.
pub struct OwnKeys {
    issuer: String,
    audience: String,
    signing: Signing,
    public: KeySet,
}

struct Signing {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// Why there are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or a folder cannot be read or written.
    #[error("cannot use the key {}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file holds no key that may sign.
    #[error(
        "{} holds no private key for {allowed:?} (PEM, PKCS #8, such as \
         `openssl genpkey -algorithm ed25519` writes)",
        path.display()
    )]
    Unsuitable {
        /// The file.
        path: PathBuf,
        /// What the settings allow.
        allowed: Vec<Algorithm>,
    },
    /// No new key could be made.
    #[error("the system makes no key")]
    NoKey,
    /// A token could not be signed.
    #[error("cannot sign a token: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// A token of the hub's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// What a token of the hub's own is to say.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// The person.
    pub user: &'a str,
    /// What others see.
    pub name: Option<&'a str>,
    /// The session that it belongs to.
    pub session: Option<&'a str>,
    /// Whether the person is an admin of the hub.
    pub admin: bool,
    /// How long it holds from now on.
    pub life: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    admin: bool,
    iat: i64,
    exp: i64,
}

impl std::fmt::Debug for OwnKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnKeys({} signs as {}, {:?})", self.signing.id, self.issuer, self.public)
    }
}

impl OwnKeys {
    /// Loads the keys that the settings name, or else those of the folder, where one is made if
    /// there is none. Two processes that begin at once end up with the same key.
    ///
    /// # Errors
    /// If a file cannot be read or holds no suitable key, or the folder cannot be written.
    pub fn load(auth: &AuthConfig, folder: &Path) -> Result<Self, KeyError> {
        let files = if auth.keys.is_empty() { own_files(folder)? } else { auth.keys.clone() };
        let read = |file: &PathBuf| read_key(file, &auth.algorithms);
        let mut keys = files.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter();
        let (signing, jwk) = keys.next().ok_or(KeyError::NoKey)?;
        let public: Vec<Jwk> = [jwk].into_iter().chain(keys.map(|(_, jwk)| jwk)).collect();
        Ok(Self {
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            signing,
            public: KeySet::of(&public, &auth.algorithms),
        })
    }

    /// Signs a token for a person, which holds from now on for this long.
    ///
    /// # Errors
    /// If the key does not sign.
    pub fn issue(
        &self,
        user: &str,
        name: Option<&str>,
        life: Duration,
    ) -> Result<Issued, KeyError> {
        self.sign(Grant { user, name, session: None, admin: false, life })
    }

    /// Signs a token that says this.
    ///
    /// # Errors
    /// If the key does not sign.
    pub fn sign(&self, grant: Grant<'_>) -> Result<Issued, KeyError> {
        let Grant { user, name, session, admin, life } = grant;
        let now = Timestamp::now().as_second();
        let exp = now.saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
        let expires = Timestamp::from_second(exp).unwrap_or(Timestamp::MAX);
        let exp = expires.as_second();
        let (iss, aud) = (&*self.issuer, &*self.audience);
        let claims = Claims { iss, aud, sub: user, name, sid: session, admin, iat: now, exp };
        let header = Header {
            typ: Some(TOKEN_KIND.to_owned()),
            kid: Some(self.signing.id.clone()),
            ..Header::new(self.signing.algorithm)
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing.key)?;
        Ok(Issued { token, expires })
    }

    /// The keys that verify what was signed by any of these keys.
    #[must_use]
    pub fn public(&self) -> &KeySet {
        &self.public
    }
}

/// The files of the hub's own folder, the newest first; makes one if there is none.
fn own_files(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let at = |error| KeyError::Io { path: folder.to_owned(), error };
    let found = pem_files(folder).map_err(at)?;
    if !found.is_empty() {
        return Ok(found);
    }
    make_key(folder)?;
    tracing::info!(folder = %folder.display(), "made a key to sign tokens with");
    pem_files(folder).map_err(at)
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

/// Makes a key that nobody else on this machine can read. If another process was first, its key
/// stays.
fn make_key(folder: &Path) -> Result<(), KeyError> {
    let at = |error| KeyError::Io { path: folder.to_owned(), error };
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::NoKey)?;
    let document = pair.to_pkcs8v1().map_err(|_| KeyError::NoKey)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at)?;
    let draft = folder.join(format!(".{}.draft", uuid::Uuid::new_v4()));
    write_private(&draft, &pem(document.as_ref())).map_err(at)?;
    let linked = fs::hard_link(&draft, folder.join(FIRST_KEY));
    fs::remove_file(&draft).map_err(at)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(error)),
        _ => Ok(()),
    }
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

fn read_key(path: &Path, allowed: &[Algorithm]) -> Result<(Signing, Jwk), KeyError> {
    let at = |error| KeyError::Io { path: path.to_owned(), error };
    let text = fs::read(path).map_err(at)?;
    if fs::metadata(path).map_err(at)?.permissions().mode() & 0o007 != 0 {
        tracing::warn!(key = %path.display(), "everybody on this machine can read this key");
    }
    signing_key(&text)
        .filter(|(signing, _)| allowed.contains(&signing.algorithm))
        .ok_or_else(|| KeyError::Unsuitable { path: path.to_owned(), allowed: allowed.to_owned() })
}

fn signing_key(text: &[u8]) -> Option<(Signing, Jwk)> {
    let (algorithm, key) = EncodingKey::from_ed_pem(text)
        .map(|key| (Algorithm::EdDSA, key))
        .or_else(|_| EncodingKey::from_ec_pem(text).map(|key| (Algorithm::ES256, key)))
        .ok()?;
    let mut jwk = Jwk::from_encoding_key(&key, algorithm).ok()?;
    let id = jwk.thumbprint(ThumbprintHash::SHA256).ok()?;
    jwk.common.key_id = Some(id.clone());
    Some((Signing { id, algorithm, key }, jwk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn auth() -> AuthConfig {
        Config::load(None, []).unwrap().auth
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("a/keys");
        let first = OwnKeys::load(&auth(), &keys).unwrap();
        let again = OwnKeys::load(&auth(), &keys).unwrap();
        assert_eq!(first.signing.id, again.signing.id);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&keys), 0o700);
        assert_eq!(mode(&keys.join(FIRST_KEY)), 0o600);
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
    }

    #[test]
    fn many_that_begin_at_once_share_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let load = || OwnKeys::load(&auth(), folder.path()).unwrap().signing.id;
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }

    #[test]
    fn the_last_key_by_name_signs_and_all_verify() {
        let folder = tempfile::tempdir().unwrap();
        let old = OwnKeys::load(&auth(), folder.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        OwnKeys::load(&auth(), other.path()).unwrap();
        fs::copy(other.path().join(FIRST_KEY), folder.path().join("0002.pem")).unwrap();
        let new = OwnKeys::load(&auth(), folder.path()).unwrap();
        assert_ne!(new.signing.id, old.signing.id);
        for id in [&old.signing.id, &new.signing.id] {
            assert!(new.public.find(Some(id), Algorithm::EdDSA).is_some());
        }
    }

    #[test]
    fn a_p256_key_signs_es256_if_the_settings_allow_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        fs::write(file.path(), pair.serialize_pem()).unwrap();
        let settings = AuthConfig { keys: vec![file.path().to_owned()], ..auth() };
        let keys = OwnKeys::load(&settings, Path::new("/nowhere")).unwrap();
        assert_eq!(keys.signing.algorithm, Algorithm::ES256);
        assert!(keys.issue("ada", None, Duration::from_secs(60)).is_ok());
        let settings = AuthConfig { algorithms: vec![Algorithm::EdDSA], ..settings };
        let error = OwnKeys::load(&settings, Path::new("/nowhere")).unwrap_err();
        assert!(matches!(error, KeyError::Unsuitable { .. }), "{error}");
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let settings = AuthConfig { keys: vec![file.path().to_owned()], ..auth() };
        let error = OwnKeys::load(&settings, Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.starts_with(&file.path().display().to_string()), "{error}");
    }
}
