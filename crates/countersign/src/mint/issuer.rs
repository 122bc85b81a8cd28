use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::jose::{KeyError, SigningKey, SigningKeys};
use crate::scope::Scopes;
use crate::time::Timestamp;
use crate::token::{TrustError, TrustedIssuer, TrustedIssuerBuilder};

/// Who mints: URL, audiences, signing key, and the terms of its tokens. Cloning it copies a reference
/// count.
#[derive(Clone)]
pub struct Issuer(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) url: Arc<str>,
    pub(super) audiences: Vec<Box<str>>,
    pub(super) keys: SigningKeys,
    pub(super) terms: IssuanceSettings,
}

impl Issuer {
    /// Starts building one. `url` becomes `iss`, and the audience unless one is given.
    #[must_use]
    pub fn builder(url: impl Into<Arc<str>>) -> IssuerBuilder {
        IssuerBuilder {
            url: url.into(),
            audiences: Vec::new(),
            keys: None,
            terms: IssuanceSettings::default(),
        }
    }

    /// Its URL, which is `iss` in its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The terms of its tokens.
    #[must_use]
    pub fn terms(&self) -> &IssuanceSettings {
        &self.0.terms
    }

    /// The same issuer as the verifying side sees it: its audiences, its keys also after they were rotated,
    /// its longest lifetime.
    #[must_use]
    pub fn trusted(&self) -> TrustedIssuerBuilder {
        let trusted = TrustedIssuer::own(Arc::clone(&self.0.url))
            .keys(self.0.keys.key_set())
            .max_lifetime(self.0.terms.max_lifetime);
        self.0.audiences.iter().fold(trusted, |trusted, audience| {
            trusted.audience(audience.clone())
        })
    }

    /// The JWK set (RFC 7517 §5) that verifiers need at present, in JSON. HMAC secrets are not in it.
    #[must_use]
    pub fn jwks(&self) -> Arc<str> {
        self.0.keys.jwks()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("url", &self.0.url)
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}

/// How long tokens live, and which scopes they may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuanceSettings {
    /// The lifetime of a token that asks for none.
    pub lifetime: Duration,
    /// The longest lifetime that can be asked for.
    pub max_lifetime: Duration,
    /// The scopes that tokens may have; empty: any. Who asks for none asks for all that it holds.
    pub catalogue: Scopes,
}

impl Default for IssuanceSettings {
    /// An hour, at most an hour, any scope.
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            lifetime: hour,
            max_lifetime: hour,
            catalogue: Scopes::none(),
        }
    }
}

impl IssuanceSettings {
    pub(super) fn check(&self) -> Result<(), IssuerError> {
        if self.lifetime < Duration::from_secs(1) || self.lifetime > self.max_lifetime {
            return Err(IssuerError::Lifetime);
        }
        Ok(())
    }
}

/// Builds an [`Issuer`].
#[derive(Clone, Debug)]
pub struct IssuerBuilder {
    url: Arc<str>,
    audiences: Vec<Box<str>>,
    keys: Option<Result<SigningKeys, KeyError>>,
    terms: IssuanceSettings,
}

impl IssuerBuilder {
    /// An audience of its tokens. The first is the one that tokens get unless another is asked for; by
    /// default the issuer's URL.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// The one key to sign with.
    #[must_use]
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        let always = Timestamp::from_unix_millis(i64::MIN);
        self.keys = Some(SigningKeys::new([(key, always)]));
        self
    }

    /// Keys to sign with, one after another.
    #[must_use]
    pub fn signing_keys(mut self, keys: SigningKeys) -> Self {
        self.keys = Some(Ok(keys));
        self
    }

    /// The terms of its tokens. Verifiers refuse tokens that live longer than these allow.
    #[must_use]
    pub fn terms(mut self, terms: IssuanceSettings) -> Self {
        self.terms = terms;
        self
    }

    /// The issuer.
    ///
    /// # Errors
    ///
    /// [`IssuerError`] when nobody could verify its tokens, or a lifetime makes no sense.
    pub fn build(self) -> Result<Issuer, IssuerError> {
        let keys = self.keys.ok_or(IssuerError::NoKey)?;
        let keys = keys.map_err(IssuerError::Key)?;
        self.terms.check()?;
        let mut audiences = self.audiences;
        if audiences.is_empty() {
            audiences.push((*self.url).into());
        }
        let issuer = Issuer(Arc::new(Inner {
            url: self.url,
            audiences,
            keys,
            terms: self.terms,
        }));
        // Whatever a verifier would refuse to be built with, no token should be minted for.
        issuer.trusted().build().map_err(IssuerError::Trust)?;
        Ok(issuer)
    }
}

/// Why an issuer cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerError {
    /// There is no signing key.
    NoKey,
    /// The lifetime is under a second or over the longest lifetime, or that is over the issuer's.
    Lifetime,
    /// A catalogue has scopes that are not in the issuer's.
    Catalogue,
    /// The signing key has no usable verifying half.
    Key(KeyError),
    /// No verifier could be built for its tokens.
    Trust(TrustError),
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("give the issuer a signing key"),
            Self::Lifetime => f.write_str("a lifetime is 1 s to the longest lifetime"),
            Self::Catalogue => f.write_str("the catalogue has scopes that are not in the issuer's"),
            Self::Key(error) => write!(f, "the signing key cannot be used: {error}"),
            Self::Trust(error) => write!(f, "no verifier could accept its tokens: {error}"),
        }
    }
}

impl Error for IssuerError {}
