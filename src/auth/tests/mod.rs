//! Tokens that are good, tokens that are attacks, keys that come and go, roles that change.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use serde_json::{Value, json};

use super::{OwnKeys, TokenError, Verifier};
use crate::config::{AuthConfig, Config, IssuerConfig};

mod access;
mod attacks;
mod fetching;
mod issuers;
mod tokens;

fn settings() -> AuthConfig {
    Config::load(None, []).unwrap().auth
}

/// A hub with one key of its own.
struct Hub {
    folder: tempfile::TempDir,
    keys: OwnKeys,
    verifier: Verifier,
}

impl Hub {
    fn new() -> Self {
        Self::with(&settings())
    }

    fn with(settings: &AuthConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = OwnKeys::load(settings, folder.path()).unwrap();
        let verifier = Verifier::new(settings, &keys).unwrap();
        Self { folder, keys, verifier }
    }

    /// The hub's private key, as only an insider has it.
    fn private_key(&self) -> EncodingKey {
        EncodingKey::from_ed_pem(&std::fs::read(self.folder.path().join("0001.pem")).unwrap())
            .unwrap()
    }

    fn token(&self) -> String {
        self.keys.issue("ada", Some("Ada"), Duration::from_secs(60)).unwrap().token
    }

    /// A token of the hub's own key with these changes of its claims; null removes one.
    fn token_with(&self, changes: &Value) -> String {
        let token = self.token();
        let (header, mut claims) = (part(&token, 0), part(&token, 1));
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        sign(&header, &claims, &self.private_key())
    }

    /// A token of the hub's own key with these changes of its header; null removes one.
    fn token_with_header(&self, changes: &Value) -> String {
        let token = self.token();
        let mut header = part(&token, 0);
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        sign(&header, &part(&token, 1), &self.private_key())
    }

    async fn verify(&self, token: &str) -> Result<super::Identity, TokenError> {
        self.verifier.verify(token).await
    }
}

/// A part of a token, decoded.
fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Signs any header and claims, as an attacker's own library would.
fn sign(header: &Value, claims: &Value, key: &EncodingKey) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let algorithm = header["alg"].as_str().unwrap().parse().unwrap();
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Another issuer with a key.
struct Idp {
    key: EncodingKey,
    jwk: Value,
    algorithm: Algorithm,
}

impl Idp {
    fn rsa(id: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let key = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self::new(id, key, Algorithm::RS256)
    }

    fn p256(id: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self::new(id, key, Algorithm::ES256)
    }

    fn new(id: &str, key: EncodingKey, algorithm: Algorithm) -> Self {
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Self { key, jwk: serde_json::to_value(jwk).unwrap(), algorithm }
    }

    fn header(&self) -> Value {
        json!({ "alg": format!("{:?}", self.algorithm), "kid": self.jwk["kid"], "typ": "JWT" })
    }

    fn token(&self) -> String {
        sign(&self.header(), &Self::claims(), &self.key)
    }

    fn claims() -> Value {
        json!({
            "iss": "https://idp", "aud": ["other", "hub"], "sub": "ada", "email": "ada@example.org",
            "name": " Ada\u{7} ", "exp": now() + 60, "iat": now(), "nbf": now(),
        })
    }
}

/// Settings with one other issuer, whose keys stand in this file.
fn trusting(file: &Path, algorithms: &[Algorithm]) -> AuthConfig {
    let issuer = IssuerConfig {
        issuer: "https://idp".to_owned(),
        audience: "hub".to_owned(),
        jwks_url: None,
        jwks_file: Some(PathBuf::from(file)),
        algorithms: algorithms.to_vec(),
        subject_claim: "sub".to_owned(),
        subject_prefix: String::new(),
        name_claim: "name".to_owned(),
        allow_private: false,
        ca_file: None,
        stale: Duration::from_hours(1),
    };
    AuthConfig { issuers: vec![issuer], ..settings() }
}

fn write_keys(file: &Path, keys: &[&Value]) {
    std::fs::write(file, json!({ "keys": keys }).to_string()).unwrap();
}
