use std::fmt;
use std::sync::Arc;

use super::{IssuanceSettings, MintError, MintParameters};
use crate::jose::{KeyError, SigningKey, SigningKeys};
use crate::time::Timestamp;
use crate::token::{TrustError, TrustedIssuer, TrustedIssuerBuilder};

/// An issuer of tokens: its URL, audiences, signing keys and settings. Cloning it copies a reference
/// count.
#[derive(Clone)]
pub struct Issuer(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) url: Arc<str>,
    pub(super) audiences: Vec<Box<str>>,
    pub(super) keys: SigningKeys,
    pub(super) settings: IssuanceSettings,
}

impl Issuer {
    /// Returns a builder. `url` becomes `iss` of the tokens, and their audience unless one is set.
    #[must_use]
    pub fn builder(url: impl Into<Arc<str>>) -> IssuerBuilder {
        IssuerBuilder {
            url: url.into(),
            audiences: Vec::new(),
            keys: None,
            settings: IssuanceSettings::default(),
        }
    }

    /// Returns the issuer's URL, which is `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Returns the settings of its tokens.
    #[must_use]
    pub fn settings(&self) -> &IssuanceSettings {
        &self.0.settings
    }

    /// Returns a builder of the verifying side of this issuer, with its audiences, its longest lifetime,
    /// and its keys, which follow later rotations.
    pub fn trusted(&self) -> TrustedIssuerBuilder {
        let trusted = TrustedIssuer::own(Arc::clone(&self.0.url))
            .keys(self.0.keys.key_set())
            .max_lifetime(self.0.settings.max_lifetime);
        self.0.audiences.iter().fold(trusted, |trusted, audience| {
            trusted.audience(audience.clone())
        })
    }

    /// Returns the JWK Set (RFC 7517 §5) that verifiers need at present, as JSON. It contains no HMAC
    /// secrets.
    #[must_use]
    pub fn jwks(&self) -> Arc<str> {
        self.0.keys.jwks()
    }
}

impl Inner {
    /// Returns the audience of a token: the requested one, or the first.
    pub(super) fn audience(&self, parameters: &MintParameters) -> Result<&str, MintError> {
        let mut audiences = self.audiences.iter().map(|audience| &**audience);
        match &parameters.resource {
            Some(resource) => audiences.find(|known| known == resource),
            None => audiences.next(),
        }
        .ok_or(MintError::Audience)
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

/// Builds an [`Issuer`].
#[derive(Clone, Debug)]
pub struct IssuerBuilder {
    url: Arc<str>,
    audiences: Vec<Box<str>>,
    keys: Option<Result<SigningKeys, KeyError>>,
    settings: IssuanceSettings,
}

impl IssuerBuilder {
    /// Adds an audience. A token gets the first one unless another is requested. Without any, the
    /// audience is the issuer's URL.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the only signing key.
    #[must_use]
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        let always = Timestamp::from_unix_millis(i64::MIN);
        self.keys = Some(SigningKeys::new([(key, always)]));
        self
    }

    /// Sets the signing keys, which replace one another over time.
    #[must_use]
    pub fn signing_keys(mut self, keys: SigningKeys) -> Self {
        self.keys = Some(Ok(keys));
        self
    }

    /// Sets the lifetimes and scopes of the tokens. Verifiers reject tokens that live longer.
    #[must_use]
    pub fn settings(mut self, settings: IssuanceSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    ///
    /// - [`IssuerError::NoKey`] if no signing key was set;
    /// - [`IssuerError::Key`] if a signing key has no usable public half;
    /// - [`IssuerError::Lifetime`] if the default lifetime is under a second or over the longest one;
    /// - [`IssuerError::Trust`] if no verifier could accept the tokens.
    pub fn build(self) -> Result<Issuer, IssuerError> {
        let keys = self.keys.ok_or(IssuerError::NoKey)?;
        let keys = keys.map_err(IssuerError::Key)?;
        self.settings.check()?;
        let mut audiences = self.audiences;
        if audiences.is_empty() {
            audiences.push((*self.url).into());
        }
        let issuer = Issuer(Arc::new(Inner {
            url: self.url,
            audiences,
            keys,
            settings: self.settings,
        }));
        // Minting tokens that no verifier could be built for is an error now, not at the first request.
        issuer.trusted().build().map_err(IssuerError::Trust)?;
        Ok(issuer)
    }
}

/// An error that prevents building an [`Issuer`], or changing the settings of a [`Mint`](super::Mint).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// No signing key was set.
    #[error("the issuer has no signing key; set one")]
    NoKey,
    /// The lifetime is under a second or over the longest lifetime, or the longest lifetime is over
    /// the issuer's.
    #[error("the lifetime must be at least 1 s and at most the longest lifetime")]
    Lifetime,
    /// The catalogue has scopes that are not in the issuer's.
    #[error("the catalogue has scopes that are not in the issuer's")]
    Catalogue,
    /// A signing key has no usable public half.
    #[error("the signing key cannot be used: {0}")]
    Key(KeyError),
    /// No verifier could be built for its tokens.
    #[error("no verifier could accept its tokens: {0}")]
    Trust(TrustError),
}
