//! What a token says about itself before anything of it is believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};

use super::TokenError;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// The longest key id that is looked up, in bytes.
const MAX_KEY_ID: usize = 256;

/// By what a token wants to be verified: only ever used to select among trusted keys.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) issuer: String,
}

#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

/// Reads a token's own words, unverified.
pub(super) fn read(token: &str) -> Result<Claimed, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed("it is longer than 8 KiB"));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Malformed("it has not three parts"));
    };
    let header: Header = decoded(header, TokenError::Malformed("its header"))?;
    let issuer: Issuer = decoded(claims, TokenError::Claim("iss"))?;
    if header.crit.is_some() {
        return Err(TokenError::Malformed("it wants an extension that is not known here"));
    }
    if header.kid.as_ref().is_some_and(|id| id.len() > MAX_KEY_ID) {
        return Err(TokenError::UnknownKey);
    }
    Ok(Claimed { algorithm: header.alg, key_id: header.kid, kind: header.typ, issuer: issuer.iss })
}

fn decoded<T: DeserializeOwned>(part: &str, error: TokenError) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| error.clone())?;
    serde_json::from_slice(&bytes).map_err(|_| error)
}
