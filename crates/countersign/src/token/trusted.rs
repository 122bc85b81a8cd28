use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::IssuerKeys;
use crate::directory::Directory;
use crate::jose::KeySet;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// An issuer whose tokens are accepted: its URL, its keys, and the rules for its tokens.
///
/// | | [`own`](Self::own) | [`external`](Self::external) |
/// |---|---|---|
/// | `typ` | `at+jwt` | `at+jwt`, and `JWT` or none unless [`at_jwt_only`](TrustedIssuerBuilder::at_jwt_only) |
/// | required claims | `iss sub aud exp iat jti client_id account cgn agn` | `iss sub aud exp` |
/// | scopes | patterns | opaque, from `scope` or `scp` |
/// | leeway | 0 s, at most 5 s | 30 s, at most 300 s |
/// | longest lifetime | 1 h | 24 h |
#[derive(Clone)]
pub struct TrustedIssuer {
    pub(super) url: Arc<str>,
    pub(super) audiences: Vec<Box<str>>,
    pub(crate) keys: IssuerKeys,
    pub(super) origin: Origin,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Duration,
    pub(super) at_jwt_only: bool,
    /// The longest lifetime of managed tokens, if they are accepted.
    pub(super) managed: Option<Duration>,
}

#[derive(Clone)]
pub(super) enum Origin {
    /// Tokens that this crate minted. With a directory, tokens of revoked credentials are rejected.
    Own(Option<Arc<dyn Directory>>),
    External,
}

impl TrustedIssuer {
    /// Starts building an issuer whose tokens this crate mints.
    #[must_use]
    pub fn own(url: impl Into<Arc<str>>) -> TrustedIssuerBuilder {
        TrustedIssuerBuilder::new(url.into(), Origin::Own(None), Duration::ZERO, HOUR)
    }

    /// Starts building an external issuer, which signs access tokens by itself.
    #[must_use]
    pub fn external(url: impl Into<Arc<str>>) -> TrustedIssuerBuilder {
        let leeway = Duration::from_secs(30);
        TrustedIssuerBuilder::new(url.into(), Origin::External, leeway, DAY)
    }

    /// Returns the URL, which is equal to the `iss` of the tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the directory of an own issuer.
    pub(super) fn directory(&self) -> Option<&dyn Directory> {
        match &self.origin {
            Origin::Own(directory) => directory.as_deref(),
            Origin::External => None,
        }
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer")
            .field("url", &self.url)
            .field("audiences", &self.audiences)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// Builds a [`TrustedIssuer`].
#[derive(Clone, Debug)]
pub struct TrustedIssuerBuilder(TrustedIssuer);

impl TrustedIssuerBuilder {
    fn new(url: Arc<str>, origin: Origin, leeway: Duration, max_lifetime: Duration) -> Self {
        Self(TrustedIssuer {
            url,
            audiences: Vec::new(),
            keys: KeySet::default().into(),
            origin,
            leeway,
            max_lifetime,
            at_jwt_only: false,
            managed: None,
        })
    }

    /// Adds an audience (RFC 7519 §4.1.3). A token is accepted if it names one of them.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.0.audiences.push(audience.into());
        self
    }

    /// Sets the keys: a [`KeySet`], a [`SharedKeySet`](crate::jose::SharedKeySet), or with the feature `remote` keys
    /// that are fetched.
    #[must_use]
    pub fn keys(mut self, keys: impl Into<IssuerKeys>) -> Self {
        self.0.keys = keys.into();
        self
    }

    /// Sets how far the clocks may differ.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.0.leeway = leeway;
        self
    }

    /// Sets the longest time from `iat` to `exp`, and from now to `exp`.
    #[must_use]
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.0.max_lifetime = max_lifetime;
        self
    }

    /// Rejects tokens of an external issuer whose `typ` is not `at+jwt`, as RFC 9068 §4 demands. Without it, `JWT` and no
    /// `typ` are accepted too, because most identity providers write these into access tokens. With them, only the
    /// audience tells an access token from an ID token.
    #[must_use]
    pub fn at_jwt_only(mut self) -> Self {
        self.0.at_jwt_only = true;
        self
    }

    /// Accepts managed tokens (`typ` `api-token+jwt`) with at most this lifetime. They are checked against their
    /// records, so they are rejected without a [`directory`](Self::directory) that contains these.
    #[must_use]
    pub fn managed_tokens(mut self, max_lifetime: Duration) -> Self {
        self.0.managed = Some(max_lifetime);
        self
    }

    /// Sets the directory that knows whether the credential of an own token has been revoked since. It has no effect
    /// on an external issuer.
    #[must_use]
    pub fn directory(mut self, directory: Arc<dyn Directory>) -> Self {
        if let Origin::Own(own) = &mut self.0.origin {
            *own = Some(directory);
        }
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the URL, the audiences or the keys are missing, or the configuration is not secure.
    pub fn build(self) -> Result<TrustedIssuer, TrustError> {
        let issuer = self.0;
        let longest_leeway = match issuer.origin {
            Origin::Own(_) => Duration::from_secs(5),
            Origin::External => Duration::from_secs(300),
        };
        let mut lifetimes = [Some(issuer.max_lifetime), issuer.managed]
            .into_iter()
            .flatten();
        // Keys that are fetched cannot be checked here. They are never HMAC secrets.
        let keys = issuer.keys.held();
        if issuer.url.is_empty() {
            Err(TrustError::NoUrl)
        } else if issuer.audiences.is_empty() || issuer.audiences.iter().any(|a| a.is_empty()) {
            Err(TrustError::NoAudience)
        } else if keys.as_ref().is_some_and(|keys| keys.is_empty()) {
            Err(TrustError::NoKey)
        } else if keys.is_some_and(|keys| keys.has_hmac_and_public()) {
            Err(TrustError::MixedKeys)
        } else if issuer.leeway > longest_leeway {
            Err(TrustError::Leeway(longest_leeway))
        } else if lifetimes.any(|lifetime| lifetime.is_zero() || lifetime > DAY * 366) {
            Err(TrustError::MaxLifetime)
        } else {
            Ok(issuer)
        }
    }
}

/// An error in the configuration of a trusted issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The URL is empty.
    #[error("set the URL of the issuer")]
    NoUrl,
    /// There is no audience, or an empty one.
    #[error("set at least one audience, and no empty one")]
    NoAudience,
    /// There is no key.
    #[error("set at least one key of the issuer")]
    NoKey,
    /// HMAC secrets and public keys are mixed (RFC 8725 §3.1).
    #[error("do not mix HMAC secrets and public keys")]
    MixedKeys,
    /// The leeway is longer than this maximum.
    #[error("the leeway is at most {} s", .0.as_secs())]
    Leeway(Duration),
    /// The longest lifetime is zero or more than 366 days.
    #[error("the longest lifetime is 1 s to 366 days")]
    MaxLifetime,
}
