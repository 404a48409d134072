//! The keys by which the hub signs tokens of its own.
//!
//! One signs, all verify, so that keys can be changed without anybody having to sign in again: the
//! new key is put in front (or, in the hub's own folder, under a later name), and the old file goes
//! when its last token has expired. Running hubs read the files again now and then, and at once when
//! a token names a key that they do not know. A key's id is its thumbprint (RFC 7638).

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, ThumbprintHash},
};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    jwks::{KeySet, VerifyingKey},
    keyfiles,
};
use crate::config::AuthConfig;

/// The `typ` of the hub's own tokens.
pub(super) const TOKEN_KIND: &str = "at+jwt";

/// How long after an unknown key made the hub read the files no other one does.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// The hub's own keys. Cheap to clone.
#[derive(Clone)]
pub struct OwnKeys(Arc<Shared>);

struct Shared {
    issuer: String,
    audience: String,
    algorithms: Vec<Algorithm>,
    source: Source,
    loaded: RwLock<Arc<Loaded>>,
    /// When an unknown key made the hub read the files last.
    sought: Mutex<Option<Instant>>,
}

/// Where the keys are.
enum Source {
    Files(Vec<PathBuf>),
    Folder(PathBuf),
}

struct Loaded {
    signing: Signing,
    public: KeySet,
    ids: Vec<String>,
}

pub(super) struct Signing {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
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
        let loaded = self.0.loaded.read();
        write!(f, "OwnKeys({} signs as {})", loaded.signing.id, self.0.issuer)
    }
}

impl OwnKeys {
    /// Loads the keys that the settings name, or else those of the folder, where one is made if
    /// there is none. Two processes that begin at once end up with the same key.
    ///
    /// # Errors
    /// If a file cannot be read or holds no suitable key, or the folder cannot be written.
    pub fn load(auth: &AuthConfig, folder: &Path) -> Result<Self, KeyError> {
        let source = if auth.keys.is_empty() {
            keyfiles::make_if_none(folder)?;
            Source::Folder(folder.to_owned())
        } else {
            Source::Files(auth.keys.clone())
        };
        let loaded = source.load(&auth.algorithms)?;
        Ok(Self(Arc::new(Shared {
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            algorithms: auth.algorithms.clone(),
            source,
            loaded: RwLock::new(Arc::new(loaded)),
            sought: Mutex::default(),
        })))
    }

    /// Reads the files again. Where that fails, the keys that are known go on.
    ///
    /// # Errors
    /// If a file cannot be read or holds no suitable key, or none is left.
    pub fn reread(&self) -> Result<(), KeyError> {
        let shared = &*self.0;
        let loaded = shared.source.load(&shared.algorithms)?;
        let is_new = shared.loaded.read().ids != loaded.ids;
        if is_new {
            tracing::info!(
                signing = loaded.signing.id,
                keys = loaded.ids.len(),
                "the keys changed"
            );
            *shared.loaded.write() = Arc::new(loaded);
        }
        Ok(())
    }

    /// The key with this id for this algorithm; reads the files again if it is unknown, though not
    /// again and again.
    pub(super) async fn find(&self, id: &str, algorithm: Algorithm) -> Option<Arc<VerifyingKey>> {
        let known = self.0.loaded.read().public.find(Some(id), algorithm);
        if known.is_some() || !self.may_seek() {
            return known;
        }
        let keys = self.clone();
        let read = tokio::task::spawn_blocking(move || keys.reread()).await;
        if let Ok(Err(error)) = read {
            tracing::warn!(%error, "the keys cannot be read again");
        }
        self.0.loaded.read().public.find(Some(id), algorithm)
    }

    fn may_seek(&self) -> bool {
        let mut sought = self.0.sought.lock();
        let may = sought.is_none_or(|at| at.elapsed() >= COOL_DOWN);
        if may {
            *sought = Some(Instant::now());
        }
        may
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
        let loaded = Arc::clone(&self.0.loaded.read());
        let signing = &loaded.signing;
        let (iss, aud) = (&*self.0.issuer, &*self.0.audience);
        let claims = Claims { iss, aud, sub: user, name, sid: session, admin, iat: now, exp };
        let header = Header {
            typ: Some(TOKEN_KIND.to_owned()),
            kid: Some(signing.id.clone()),
            ..Header::new(signing.algorithm)
        };
        let token = jsonwebtoken::encode(&header, &claims, &signing.key)?;
        Ok(Issued { token, expires })
    }

    /// The keys that verify what was signed by any of these keys.
    #[must_use]
    pub fn public(&self) -> KeySet {
        self.0.loaded.read().public.clone()
    }
}

impl Source {
    fn load(&self, allowed: &[Algorithm]) -> Result<Loaded, KeyError> {
        let files = match self {
            Self::Files(files) => files.clone(),
            Self::Folder(folder) => keyfiles::newest_first(folder)?,
        };
        let read = |file: &PathBuf| read_key(file, allowed);
        let mut keys = files.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter();
        let (signing, jwk) = keys.next().ok_or(KeyError::NoKey)?;
        let (rest, jwks): (Vec<Signing>, Vec<Jwk>) = keys.unzip();
        let public: Vec<Jwk> = [jwk].into_iter().chain(jwks).collect();
        let ids = [&signing].into_iter().chain(&rest).map(|key| key.id.clone()).collect();
        Ok(Loaded { public: KeySet::of(&public, allowed), signing, ids })
    }
}

/// Reads a key that may sign by one of these algorithms.
pub(super) fn read_key(path: &Path, allowed: &[Algorithm]) -> Result<(Signing, Jwk), KeyError> {
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
    use super::{super::keyfiles::FIRST_KEY, *};
    use crate::config::Config;

    impl OwnKeys {
        fn signing_id(&self) -> String {
            self.0.loaded.read().signing.id.clone()
        }

        fn signing_algorithm(&self) -> Algorithm {
            self.0.loaded.read().signing.algorithm
        }
    }

    fn auth() -> AuthConfig {
        Config::load(None, []).unwrap().auth
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("a/keys");
        let first = OwnKeys::load(&auth(), &keys).unwrap();
        let again = OwnKeys::load(&auth(), &keys).unwrap();
        assert_eq!(first.signing_id(), again.signing_id());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&keys), 0o700);
        assert_eq!(mode(&keys.join(FIRST_KEY)), 0o600);
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
    }

    #[test]
    fn many_that_begin_at_once_share_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let load = || OwnKeys::load(&auth(), folder.path()).unwrap().signing_id();
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
        assert_ne!(new.signing_id(), old.signing_id());
        for id in [&old.signing_id(), &new.signing_id()] {
            assert!(new.public().find(Some(id), Algorithm::EdDSA).is_some());
        }
    }

    #[test]
    fn a_p256_key_signs_es256_if_the_settings_allow_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        fs::write(file.path(), pair.serialize_pem()).unwrap();
        let settings = AuthConfig { keys: vec![file.path().to_owned()], ..auth() };
        let keys = OwnKeys::load(&settings, Path::new("/nowhere")).unwrap();
        assert_eq!(keys.signing_algorithm(), Algorithm::ES256);
        assert!(keys.issue("ada", None, Duration::from_secs(60)).is_ok());
        let settings = AuthConfig { algorithms: vec![Algorithm::EdDSA], ..settings };
        let error = OwnKeys::load(&settings, Path::new("/nowhere")).unwrap_err();
        assert!(matches!(error, KeyError::Unsuitable { .. }), "{error}");
    }

    #[test]
    fn keys_that_are_put_there_later_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let keys = OwnKeys::load(&auth(), folder.path()).unwrap();
        let first = keys.signing_id();
        keyfiles::rotate(&auth(), folder.path(), Duration::from_mins(15)).unwrap();
        assert_eq!(keys.signing_id(), first);
        keys.reread().unwrap();
        assert_ne!(keys.signing_id(), first);
        assert!(keys.public().find(Some(&first), Algorithm::EdDSA).is_some());
        for file in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        assert!(matches!(keys.reread(), Err(KeyError::NoKey)));
        assert!(keys.issue("ada", None, Duration::from_mins(1)).is_ok());
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let settings = AuthConfig { keys: vec![file.path().to_owned()], ..auth() };
        let error = OwnKeys::load(&settings, Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.starts_with(&file.path().display().to_string()), "{error}");
    }
}
