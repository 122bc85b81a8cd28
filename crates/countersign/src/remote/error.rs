use std::error::Error;
use std::fmt;

use super::UrlError;
use crate::token::TrustError;

/// Why a fetch brought no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// The HTTP client failed: no connection, no TLS, or no whole response. Its error is in the log.
    Client,
    /// It took too long.
    Timeout,
    /// The status was neither 200 nor, where that makes sense, 304.
    Status(u16),
    /// A redirect came. None is followed.
    Redirect,
    /// The document is longer than 256 KiB.
    TooLong,
    /// A 304 came, and nothing had been sent that could be unmodified.
    NotModified,
    /// The document is not what it should be: a JWK set (RFC 7517 §5), or metadata (RFC 8414 §3.2).
    Malformed,
    /// There are more than 100 keys.
    TooManyKeys,
    /// There is no key that can be used.
    NoUsableKey,
    /// The metadata are those of another issuer (RFC 8414 §3.3).
    IssuerMismatch,
    /// The metadata's `jwks_uri` may not be fetched from.
    UrlRefused,
    /// The HTTP client panicked.
    Panicked,
    /// The runtime that the task was on has ended: nothing is fetched any more.
    Ended,
}

impl FetchError {
    /// The error's name in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Timeout => "timeout",
            Self::Status(_) => "status",
            Self::Redirect => "redirect",
            Self::TooLong => "too_long",
            Self::NotModified => "not_modified",
            Self::Malformed => "malformed",
            Self::TooManyKeys => "too_many_keys",
            Self::NoUsableKey => "no_usable_key",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::UrlRefused => "url_refused",
            Self::Panicked => "panicked",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "the HTTP client failed",
            Self::Timeout => "the issuer took too long",
            Self::Status(status) => return write!(f, "the issuer answered {status}"),
            Self::Redirect => "the issuer redirected, and no redirect is followed",
            Self::TooLong => "the document is longer than 256 KiB",
            Self::NotModified => "a 304 came without cause",
            Self::Malformed => "the document is not of the expected form",
            Self::TooManyKeys => "there are more than 100 keys",
            Self::NoUsableKey => "no key can be used",
            Self::IssuerMismatch => "the metadata name another issuer",
            Self::UrlRefused => "`jwks_uri` may not be fetched from",
            Self::Panicked => "the HTTP client panicked",
            Self::Ended => "the runtime has ended",
        })
    }
}

impl Error for FetchError {}

/// Why keys cannot be fetched as described.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteError {
    /// A URL may not be fetched from.
    Url(UrlError),
    /// There is no HTTP client: give one, or turn the feature `http-client` on.
    NoClient,
    /// The default client has no roots.
    #[cfg(feature = "http-client")]
    Roots(super::RootsError),
    /// There is no tokio runtime here for the task.
    NoRuntime,
    /// A time of the policy is zero, or they contradict each other.
    Policy,
    /// The issuer cannot be trusted as described.
    Trust(TrustError),
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::NoClient => {
                f.write_str("give an HTTP client, or turn the feature `http-client` on")
            }
            #[cfg(feature = "http-client")]
            Self::Roots(error) => error.fmt(f),
            Self::NoRuntime => f.write_str("build it within a tokio runtime"),
            Self::Policy => f.write_str(
                "the minimum interval is 1 s or more, the ttl no shorter, `max_stale` longer than that; the \
                 timeout is over 0 s and 60 s at most",
            ),
            Self::Trust(error) => error.fmt(f),
        }
    }
}

impl Error for RemoteError {}

impl From<UrlError> for RemoteError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl From<TrustError> for RemoteError {
    fn from(error: TrustError) -> Self {
        Self::Trust(error)
    }
}
