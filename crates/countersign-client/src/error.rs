use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::BoxError;

/// The error of a request that got no token.
///
/// The request was not sent. [`retry_after`](Self::retry_after) tells when a token is requested again; until then,
/// requests without a valid token fail with the same error, and the token endpoint gets none.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no token: {kind}")]
pub struct TokenError {
    pub(crate) kind: TokenErrorKind,
    pub(crate) retry_after: Duration,
    #[source]
    pub(crate) source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl TokenError {
    pub(crate) fn new(kind: TokenErrorKind) -> Self {
        Self {
            kind,
            retry_after: Duration::ZERO,
            source: None,
        }
    }

    pub(crate) fn transport(error: BoxError) -> Self {
        Self {
            source: Some(Arc::from(error)),
            ..Self::new(TokenErrorKind::Transport)
        }
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> &TokenErrorKind {
        &self.kind
    }

    /// Returns how long no token is requested, from the time of the failure.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

/// The kind of a [`TokenError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The token endpoint rejected the credentials or the request. The code is that of RFC 6749 §5.2, if there is one.
    #[error("the token endpoint answered {status} ({}); check the credentials and the scopes", code.as_deref().unwrap_or("no code"))]
    Rejected {
        /// The status of the response.
        status: StatusCode,
        /// The member `error` of the response.
        code: Option<String>,
    },
    /// The token endpoint limits the requests of this client (429), or cannot answer now (5xx).
    #[error("the token endpoint answered {0}")]
    Unavailable(StatusCode),
    /// The token endpoint answered with a redirect, which is never followed.
    #[error(
        "the token endpoint answered with a redirect; configure the URL that it names, if you trust it"
    )]
    Redirect,
    /// The response is not a token response of the configured format.
    #[error("the response of the token endpoint has no bearer token in the configured format")]
    Malformed,
    /// The token has expired already, or expires within a second. Where responses have an absolute expiry and no header
    /// `Date`, this machine's clock may be ahead.
    #[error(
        "the token endpoint issued a token that has expired; check its lifetimes, and the clocks of both machines"
    )]
    Expired,
    /// The metadata of the issuer name another issuer (RFC 8414 §3.3), or a token endpoint that cannot be used.
    #[error("the metadata name another issuer, or a token endpoint without https")]
    Metadata,
    /// The format of the token endpoint has no scopes or no resource, or needs a scope.
    #[error("the format of the token endpoint cannot express the requested scopes or resource")]
    Inexpressible,
    /// The token endpoint did not answer within the time limit.
    #[error("the token endpoint did not answer in time")]
    Timeout,
    /// The HTTP client failed; the source says why.
    #[error("the token endpoint cannot be reached")]
    Transport,
}

impl TokenErrorKind {
    /// Returns the name in metrics.
    #[cfg(feature = "metrics")]
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Rejected { .. } => "rejected",
            Self::Unavailable(_) => "unavailable",
            Self::Redirect => "redirect",
            Self::Malformed => "malformed",
            Self::Expired => "expired",
            Self::Metadata => "metadata",
            Self::Inexpressible => "inexpressible",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
        }
    }
}
