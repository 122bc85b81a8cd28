use std::error::Error;
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
/// | | [`ours`](Self::own) | [`foreign`](Self::external) |
/// |---|---|---|
/// | `typ` | `at+jwt` | `at+jwt`, `JWT`, none |
/// | required claims | `iss sub aud exp iat jti client_id account cgn agn` | `iss sub aud exp` |
/// | scopes | patterns | opaque, from `scope` or `scp` |
/// | leeway | 0 s, at most 5 s | 30 s, at most 300 s |
/// | longest lifetime | 1 h | 24 h |
#[derive(Clone)]
pub struct TrustedIssuer {
    pub(super) url: Arc<str>,
    pub(super) audiences: Box<[Box<str>]>,
    pub(crate) keys: IssuerKeys,
    pub(super) origin: Origin,
    pub(super) leeway: i64,
    pub(super) max_lifetime: i64,
    /// The longest lifetime of its managed tokens, where these are accepted.
    pub(super) managed: Option<i64>,
}

#[derive(Clone)]
pub(super) enum Origin {
    /// Tokens that this crate minted. With a directory, those of a revoked credential are refused.
    Own(Option<Arc<dyn Directory>>),
    External,
}

impl TrustedIssuer {
    /// An issuer that mints with this crate.
    #[must_use]
    pub fn own(url: impl Into<Arc<str>>) -> TrustedIssuerBuilder {
        TrustedIssuerBuilder::new(url.into(), Origin::Own(None), Duration::ZERO, HOUR)
    }

    /// Any other issuer of signed access tokens.
    #[must_use]
    pub fn external(url: impl Into<Arc<str>>) -> TrustedIssuerBuilder {
        let leeway = Duration::from_secs(30);
        TrustedIssuerBuilder::new(url.into(), Origin::External, leeway, DAY)
    }

    /// Its URL, which is `iss` in its tokens, letter by letter.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
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
#[derive(Clone)]
pub struct TrustedIssuerBuilder {
    url: Arc<str>,
    audiences: Vec<Box<str>>,
    keys: IssuerKeys,
    origin: Origin,
    leeway: Duration,
    max_lifetime: Duration,
    managed: Option<Duration>,
}

impl TrustedIssuerBuilder {
    fn new(url: Arc<str>, origin: Origin, leeway: Duration, max_lifetime: Duration) -> Self {
        Self {
            url,
            audiences: Vec::new(),
            keys: KeySet::default().into(),
            origin,
            leeway,
            max_lifetime,
            managed: None,
        }
    }

    /// An audience that tokens may name (RFC 7519 §4.1.3). A token is accepted if it names one of them.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// The issuer's keys: a [`KeySet`], a [`SharedKeySet`](crate::jose::SharedKeySet) that somebody else replaces, or
    /// with the feature `remote` the issuer itself.
    #[must_use]
    pub fn keys(mut self, keys: impl Into<IssuerKeys>) -> Self {
        self.keys = keys.into();
        self
    }

    /// How far the clocks may differ.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest time from `iat` to `exp`, and from now to `exp`.
    #[must_use]
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.max_lifetime = max_lifetime;
        self
    }

    /// Accepts managed tokens (`typ` `api-token+jwt`) too, that live at most this long. They are judged by their
    /// records, so it takes a [`directory`](Self::directory) that has these: without one they are refused.
    #[must_use]
    pub fn managed_tokens(mut self, max_lifetime: Duration) -> Self {
        self.managed = Some(max_lifetime);
        self
    }

    /// Where to ask whether the credential behind a token of ours was revoked since. Foreign tokens
    /// have no such credential, and this does nothing for them.
    #[must_use]
    pub fn directory(mut self, directory: Arc<dyn Directory>) -> Self {
        if let Origin::Own(asked) = &mut self.origin {
            *asked = Some(directory);
        }
        self
    }

    /// The issuer.
    ///
    /// # Errors
    ///
    /// [`TrustError`] when tokens could be accepted that nobody meant to accept.
    pub fn build(self) -> Result<TrustedIssuer, TrustError> {
        let longest_leeway = match self.origin {
            Origin::Own(_) => Duration::from_secs(5),
            Origin::External => Duration::from_secs(300),
        };
        // Keys to come cannot be looked at. They are never HMAC secrets.
        let keys = self.keys.held();
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        if self.url.is_empty() {
            Err(TrustError::NoUrl)
        } else if self.audiences.is_empty() || self.audiences.iter().any(|a| a.is_empty()) {
            Err(TrustError::NoAudience)
        } else if keys.as_ref().is_some_and(|keys| keys.is_empty()) {
            Err(TrustError::NoKey)
        } else if keys.is_some_and(|keys| keys.has_hmac_and_public()) {
            Err(TrustError::MixedKeys)
        } else if self.leeway > longest_leeway {
            Err(TrustError::Leeway(longest_leeway))
        } else if [Some(self.max_lifetime), self.managed]
            .into_iter()
            .flatten()
            .any(|lifetime| lifetime.is_zero() || lifetime > DAY * 366)
        {
            Err(TrustError::MaxLifetime)
        } else {
            Ok(TrustedIssuer {
                url: self.url,
                audiences: self.audiences.into(),
                keys: self.keys.clone(),
                origin: self.origin,
                leeway: seconds(self.leeway),
                max_lifetime: seconds(self.max_lifetime),
                managed: self.managed.map(seconds),
            })
        }
    }
}

impl fmt::Debug for TrustedIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuerBuilder")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why an issuer cannot be trusted as described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustError {
    /// The URL is empty.
    NoUrl,
    /// There is no audience, or an empty one.
    NoAudience,
    /// There is no key.
    NoKey,
    /// HMAC secrets stand beside public keys (RFC 8725 §3.1).
    MixedKeys,
    /// The leeway is longer than this.
    Leeway(Duration),
    /// The longest lifetime is zero or over a year.
    MaxLifetime,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUrl => f.write_str("give the issuer's URL"),
            Self::NoAudience => f.write_str("give at least one audience, and no empty one"),
            Self::NoKey => f.write_str("give the issuer at least one key"),
            Self::MixedKeys => f.write_str("do not mix HMAC secrets and public keys"),
            Self::Leeway(longest) => {
                write!(f, "the leeway is at most {} s", longest.as_secs())
            }
            Self::MaxLifetime => f.write_str("the longest lifetime is 1 s to 366 days"),
        }
    }
}

impl Error for TrustError {}
