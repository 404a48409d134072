//! Verifies tokens: of the hub itself and of the issuers that the operator trusts.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use jsonwebtoken::{Validation, errors::ErrorKind};
use serde_json::{Map, Value};

use super::{
    Identity, OwnKeys, TokenError,
    fetch::{FetchError, Fetcher},
    is_user_id,
    jwks::VerifyingKey,
    keys::TOKEN_KIND,
    remote::{RemoteKeys, Source},
    revocations::Revocations,
    services::ServiceTokens,
    shown_name,
    token::{self, Claimed},
    verified::{Claims, VerifiedTokens},
};
use crate::config::{AuthConfig, IssuerConfig};

/// Turns tokens into identities.
#[derive(Debug)]
pub struct Verifier {
    issuers: HashMap<String, Issuer>,
    verified: VerifiedTokens,
    /// Tokens of services, and what ended before its time; `None` where no database is at hand.
    accounts: Option<(ServiceTokens, Arc<Revocations>)>,
}

/// Why an issuer of the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the keys of the issuer {issuer}: {error}")]
pub struct IssuerError {
    /// Which issuer.
    pub issuer: String,
    /// Why.
    pub error: FetchError,
}

#[derive(Debug)]
struct Issuer {
    name: Arc<str>,
    audience: String,
    leeway: Duration,
    subject_claim: String,
    subject_prefix: String,
    name_claim: String,
    kinds: &'static [Option<&'static str>],
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    Own(OwnKeys),
    Remote(Box<RemoteKeys>),
}

/// The types of token that are accepted of others: not every issuer says what its tokens are.
const KINDS: &[Option<&str>] = &[None, Some("jwt"), Some("at+jwt"), Some("application/at+jwt")];

impl Verifier {
    /// Trusts the hub's own keys and the issuers of the settings. Fetches nothing yet.
    ///
    /// # Errors
    /// If the URL or the certificates of an issuer cannot be used.
    pub fn new(auth: &AuthConfig, own: &OwnKeys) -> Result<Self, IssuerError> {
        let mut issuers = HashMap::from([(auth.issuer.clone(), Issuer::own(auth, own))]);
        for settings in &auth.issuers {
            let issuer = Issuer::other(auth, settings)
                .map_err(|error| IssuerError { issuer: settings.issuer.clone(), error })?;
            issuers.insert(settings.issuer.clone(), issuer);
        }
        Ok(Self { issuers, verified: VerifiedTokens::default(), accounts: None })
    }

    /// The same, which also takes tokens of services, and refuses what was ended.
    #[must_use]
    pub fn with_accounts(self, services: ServiceTokens, revocations: Arc<Revocations>) -> Self {
        Self { accounts: Some((services, revocations)), ..self }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// If it is not to be believed, has expired, or cannot be verified at present.
    pub async fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        let identity = match &self.accounts {
            Some((services, _)) if ServiceTokens::is_one(token) => services.find(token).await?,
            _ => self.verify_signed(token).await?,
        };
        if self.has_ended(&identity) { Err(TokenError::Revoked) } else { Ok(identity) }
    }

    /// Whether what this identity rests on has ended since its token was verified.
    #[must_use]
    pub fn has_ended(&self, identity: &Identity) -> bool {
        self.accounts.as_ref().is_some_and(|(_, revocations)| {
            revocations.has_ended(&identity.user, identity.session.as_deref())
        })
    }

    async fn verify_signed(&self, token: &str) -> Result<Identity, TokenError> {
        let claimed = token::read(token)?;
        let issuer = self.issuers.get(&claimed.issuer).ok_or(TokenError::UnknownIssuer)?;
        issuer.takes_kind(claimed.kind.as_deref())?;
        let key = issuer.key(&claimed).await?;
        let claims = match self.verified.find(token, &key) {
            Some(claims) => claims,
            None => {
                let claims: Claims = issuer.verified(token, &claimed, &key)?.into();
                self.verified.remember(token, key, Arc::clone(&claims));
                claims
            }
        };
        issuer.identity(&claims)
    }
}

impl Issuer {
    fn own(auth: &AuthConfig, keys: &OwnKeys) -> Self {
        Self {
            name: auth.issuer.as_str().into(),
            audience: auth.audience.clone(),
            leeway: auth.leeway,
            subject_claim: "sub".to_owned(),
            subject_prefix: String::new(),
            name_claim: "name".to_owned(),
            kinds: &[Some(TOKEN_KIND)],
            keys: Keys::Own(keys.clone()),
        }
    }

    fn other(auth: &AuthConfig, settings: &IssuerConfig) -> Result<Self, FetchError> {
        let source = match (&settings.jwks_file, &settings.jwks_url) {
            (Some(file), _) => Source::File(file.clone()),
            (None, Some(url)) => Source::Web(Box::new(Fetcher::new(
                url,
                settings.allow_private,
                settings.ca_file.as_deref(),
            )?)),
            (None, None) => return Err(FetchError::BadUrl),
        };
        let (name, algorithms) = (settings.issuer.clone(), settings.algorithms.clone());
        let keys = RemoteKeys::new(name, source, algorithms, settings.stale);
        Ok(Self {
            name: settings.issuer.as_str().into(),
            audience: settings.audience.clone(),
            leeway: auth.leeway,
            subject_claim: settings.subject_claim.clone(),
            subject_prefix: settings.subject_prefix.clone(),
            name_claim: settings.name_claim.clone(),
            kinds: KINDS,
            keys: Keys::Remote(Box::new(keys)),
        })
    }

    fn takes_kind(&self, kind: Option<&str>) -> Result<(), TokenError> {
        let kind = kind.map(str::to_ascii_lowercase);
        if self.kinds.contains(&kind.as_deref()) {
            Ok(())
        } else {
            Err(TokenError::Malformed("its `typ` is not that of an access token"))
        }
    }

    async fn key(&self, claimed: &Claimed) -> Result<Arc<VerifyingKey>, TokenError> {
        let id = claimed.key_id.as_deref();
        match &self.keys {
            // The hub's own tokens always name their key.
            Keys::Own(keys) => match id {
                Some(id) => keys.find(id, claimed.algorithm).await.ok_or(TokenError::UnknownKey),
                None => Err(TokenError::UnknownKey),
            },
            Keys::Remote(keys) => keys.find(id, claimed.algorithm).await,
        }
    }

    /// The claims, once signature, issuer, audience and times are right.
    fn verified(
        &self,
        token: &str,
        claimed: &Claimed,
        key: &VerifyingKey,
    ) -> Result<Map<String, Value>, TokenError> {
        let mut validation = Validation::new(claimed.algorithm);
        validation.leeway = self.leeway.as_secs().min(60);
        validation.validate_nbf = true;
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[&self.name]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        jsonwebtoken::decode(token, key.key(), &validation)
            .map(|data| data.claims)
            .map_err(|error| reason(error.kind()))
    }

    fn identity(&self, claims: &Map<String, Value>) -> Result<Identity, TokenError> {
        for claim in ["nbf", "iat"] {
            if claims.get(claim).is_some_and(|value| !value.is_number()) {
                return Err(TokenError::Claim(claim));
            }
        }
        let expires = claims.get("exp").and_then(instant).ok_or(TokenError::Claim("exp"))?;
        // On the second it names a token is over; the library would let it live through it.
        let over = Timestamp::now().duration_since(expires);
        if over.is_positive() && over.unsigned_abs() >= self.leeway {
            return Err(TokenError::Expired);
        }
        let subject = claims.get(&self.subject_claim).and_then(Value::as_str).unwrap_or("");
        let user = format!("{}{subject}", self.subject_prefix);
        if subject.is_empty() || !is_user_id(&user) {
            return Err(TokenError::Claim("sub"));
        }
        let name = claims.get(&self.name_claim).and_then(Value::as_str);
        let name = name.map(shown_name).filter(|name| !name.is_empty());
        let own = matches!(self.keys, Keys::Own(_));
        let session = claims.get("sid").and_then(Value::as_str).filter(|_| own).map(Arc::from);
        let admin = own && claims.get("admin") == Some(&Value::Bool(true));
        let issuer = Arc::clone(&self.name);
        let (is_service, queues) = (false, Arc::default());
        Ok(Identity {
            user: user.into(),
            name,
            expires,
            issuer,
            session,
            admin,
            is_service,
            queues,
        })
    }
}

/// A numeric date, whole seconds of it.
fn instant(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_i64().or_else(|| {
        let seconds = value.as_f64()?.floor();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast saturates; so far off is no date"
        )]
        Some(seconds as i64)
    })?;
    Timestamp::from_second(seconds).ok()
}

fn reason(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::InvalidIssuer => TokenError::Claim("iss"),
        ErrorKind::InvalidAudience => TokenError::Claim("aud"),
        ErrorKind::ImmatureSignature => TokenError::Claim("nbf"),
        ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
            TokenError::Claim(known(claim))
        }
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm | ErrorKind::Signing(_) => {
            TokenError::Forged
        }
        _ => TokenError::Malformed("its claims or its signature"),
    }
}

fn known(claim: &str) -> &'static str {
    let known = ["exp", "nbf", "aud", "iss", "sub"];
    known.into_iter().find(|name| *name == claim).unwrap_or("exp")
}
