//! Sets of public keys, each bound to the algorithms that suit its kind.

use std::sync::Arc;

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;

/// The most keys of one set that are looked at.
const MAX_KEYS: usize = 100;

/// The shortest shared secret, in characters of base64: 32 bytes.
const SHORTEST_SECRET: usize = 43;

/// A key and what it may verify.
#[derive(Clone)]
pub struct VerifyingKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifyingKey({:?} for {:?})", self.id, self.algorithms)
    }
}

impl VerifyingKey {
    /// The key as the library wants it.
    pub(super) fn key(&self) -> &DecodingKey {
        &self.key
    }
}

/// The keys of one issuer.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Arc<VerifyingKey>>);

/// A text that is no set of keys.
#[derive(Debug, thiserror::Error)]
#[error("this is no set of JSON Web Keys: {0}")]
pub struct BadKeySet(serde_json::Error);

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// The keys of a JWKS document that may verify one of these algorithms. Keys of other kinds, or
    /// that are not for signatures, are left out.
    ///
    /// # Errors
    /// If the text is no such document.
    pub fn parse(text: &[u8], allowed: &[Algorithm]) -> Result<Self, BadKeySet> {
        let set: RawSet = serde_json::from_slice(text).map_err(BadKeySet)?;
        let keys = set.keys.into_iter().take(MAX_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(Self(keys.filter_map(|key| usable(&key, allowed)).map(Arc::new).collect()))
    }

    /// The keys given.
    pub(super) fn of(keys: &[Jwk], allowed: &[Algorithm]) -> Self {
        Self(keys.iter().filter_map(|key| usable(key, allowed)).map(Arc::new).collect())
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key with this id for this algorithm. A token without an id is for the only key of its
    /// algorithm; if there are several, for none.
    #[must_use]
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<VerifyingKey>> {
        let mut suitable = self.0.iter().filter(|key| key.algorithms.contains(&algorithm));
        if id.is_some() {
            return suitable.find(|key| key.id.as_deref() == id).cloned();
        }
        let only = suitable.next()?;
        suitable.next().is_none().then(|| Arc::clone(only))
    }
}

fn usable(key: &Jwk, allowed: &[Algorithm]) -> Option<VerifyingKey> {
    let signs = key.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
    let named = key.common.key_algorithm.map(|algorithm| algorithm.to_string());
    let algorithms: Vec<Algorithm> = of_kind(&key.algorithm)
        .iter()
        .filter(|algorithm| allowed.contains(algorithm))
        .filter(|algorithm| named.as_ref().is_none_or(|name| *name == format!("{algorithm:?}")))
        .copied()
        .collect();
    if !signs || algorithms.is_empty() {
        return None;
    }
    let decoding = DecodingKey::from_jwk(key).ok()?;
    Some(VerifyingKey { id: key.common.key_id.clone(), algorithms, key: decoding })
}

/// The algorithms that a key of this kind can verify; kinds never share one.
fn of_kind(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512};
    use Algorithm::{RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::OctetKey(secret) if secret.value.len() >= SHORTEST_SECRET => {
            &[HS256, HS384, HS512]
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => &[EdDSA],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => &[ES256],
            EllipticCurve::P384 => &[ES384],
            _ => &[],
        },
        _ => &[],
    }
}
