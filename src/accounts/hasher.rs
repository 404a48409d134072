//! Passwords: Argon2id with 19 MiB, two passes, one lane, away from the threads that serve sockets.
//!
//! So many are hashed at once, a few more wait in line, and the rest are sent away to come back
//! later. Where there is no password to compare with, the same work is done for nothing, so that
//! the time does not tell.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;

use super::AccountError;

/// Memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Those who may wait, for each who is served.
const LINE: u32 = 16;

/// Nobody's password, with the cost that everybody's has.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cm93Y2FzdC1ub2JvZHk\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password as it is hashed: the same signs are the same password, however a keyboard composes them.
fn composed(password: &str) -> String {
    password.nfc().collect()
}

/// Hashes and compares passwords.
#[derive(Debug)]
pub struct Hasher {
    slots: Arc<Semaphore>,
    line: Arc<Semaphore>,
    done: AtomicU64,
}

/// How a password compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the one.
    pub fits: bool,
    /// Whether it was hashed at another cost than passwords are now.
    pub outdated: bool,
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Hasher {
    /// Hashes so many at once.
    #[must_use]
    pub fn new(slots: u32) -> Self {
        let room = |places: u32| Arc::new(Semaphore::new(usize::try_from(places).unwrap_or(1)));
        let line = slots.saturating_mul(LINE);
        Self { slots: room(slots), line: room(line.max(slots)), done: AtomicU64::new(0) }
    }

    /// How many passwords were hashed or compared so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// [`AccountError::Full`].
    pub async fn hash(&self, password: &str) -> Result<String, AccountError> {
        let password = composed(password);
        let hash = move || argon2().hash_password(password.as_bytes());
        match self.work(hash).await? {
            Ok(hash) => Ok(PasswordHash::to_string(&hash)),
            Err(error) => Err(AccountError::Internal(error.to_string())),
        }
    }

    /// Whether this is the password of that hash. Without a hash it never is, and takes as long.
    ///
    /// # Errors
    /// [`AccountError::Full`].
    pub async fn compare(
        &self,
        password: &str,
        hash: Option<&str>,
    ) -> Result<Verdict, AccountError> {
        let (password, is_somebodys) = (composed(password), hash.is_some());
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let mut verdict = self.work(move || compare(&password, &hash)).await?;
        verdict.fits &= is_somebodys;
        Ok(verdict)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let permits = self.wait().await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            // Also when nobody waits for it any more, the work takes its place until it is done.
            drop(permits);
            done
        });
        working.await.map_err(|error| AccountError::Internal(error.to_string()))
    }

    async fn wait(&self) -> Result<[OwnedSemaphorePermit; 2], AccountError> {
        let place = Arc::clone(&self.line).try_acquire_owned().map_err(|_| AccountError::Full)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        Ok([place, slot.map_err(|_| AccountError::Full)?])
    }
}

fn compare(password: &str, hash: &str) -> Verdict {
    let Ok(hash) = PasswordHash::new(hash) else {
        return compare(password, NOBODY);
    };
    let fits = argon2().verify_password(password.as_bytes(), &hash).is_ok();
    let outdated = !Params::try_from(&hash)
        .is_ok_and(|params| (params.m_cost(), params.t_cost(), params.p_cost()) == COST);
    Verdict { fits, outdated }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_hash_alone() {
        let hasher = Hasher::new(1);
        let hash = hasher.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash("correct horse").await.unwrap());
        let fits = Verdict { fits: true, outdated: false };
        assert_eq!(hasher.compare("correct horse", Some(&hash)).await.unwrap(), fits);
        assert!(!hasher.compare("correct hors", Some(&hash)).await.unwrap().fits);
    }

    #[tokio::test]
    async fn without_a_password_the_same_work_is_done() {
        let parsed = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&parsed).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), COST);
        let hasher = Hasher::new(1);
        for hash in [None, Some("no hash at all"), Some(NOBODY)] {
            let before = hasher.done();
            assert!(!hasher.compare("", hash).await.unwrap().fits);
            assert_eq!(hasher.done(), before + 1);
        }
    }

    #[tokio::test]
    async fn a_cheaper_hash_is_outdated() {
        let cheap = Params::new(1024, 1, 1, None).unwrap();
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
        let hash: PasswordHash = cheap.hash_password(b"correct horse").unwrap();
        let verdict = Hasher::new(1).compare("correct horse", Some(&hash.to_string())).await;
        assert_eq!(verdict.unwrap(), Verdict { fits: true, outdated: true });
    }

    #[tokio::test]
    async fn who_finds_the_line_full_is_sent_away() {
        let hasher = Hasher::new(1);
        let line = Arc::clone(&hasher.line).try_acquire_many_owned(LINE).unwrap();
        assert!(matches!(hasher.hash("correct horse").await, Err(AccountError::Full)));
        drop(line);
        assert!(hasher.hash("correct horse").await.is_ok());
    }
}
