//! Tokens whose signature was verified lately.
//!
//! A person's devices, and a device that reconnects, show the same token again and again, and its
//! signature is most of what verifying costs. What is remembered counts only for the very same bytes
//! and the very same key: whoever asks has looked the key up anew, so a key that was taken away
//! ends what it signed at once. Times, and what was ended early, are looked at every time.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::jwks::VerifyingKey;

/// Tokens that are remembered at most, some 500 bytes each.
const MOST: usize = 10_000;

/// The claims of a token.
pub(super) type Claims = Arc<Map<String, Value>>;

/// Claims by the digest of their token.
#[derive(Debug, Default)]
pub(super) struct VerifiedTokens(Mutex<HashMap<Digest, Verified>>);

/// Remembered instead of the token, which is a secret.
type Digest = [u8; 32];

#[derive(Debug)]
struct Verified {
    key: Arc<VerifyingKey>,
    claims: Claims,
}

impl VerifiedTokens {
    /// The claims of a token whose signature this key was found to have made.
    pub(super) fn find(&self, token: &str, key: &Arc<VerifyingKey>) -> Option<Claims> {
        let tokens = self.0.lock();
        let verified = tokens.get(&digest(token)).filter(|known| Arc::ptr_eq(&known.key, key))?;
        Some(Arc::clone(&verified.claims))
    }

    /// Remembers a token that this key has signed. When there are too many all are forgotten: they
    /// are verified once more.
    pub(super) fn remember(&self, token: &str, key: Arc<VerifyingKey>, claims: Claims) {
        let mut tokens = self.0.lock();
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(digest(token), Verified { key, claims });
    }
}

fn digest(token: &str) -> Digest {
    Sha256::digest(token).into()
}
