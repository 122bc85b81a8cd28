use std::path::PathBuf;
use std::sync::Arc;

use super::RejectedUrl;
use crate::token::TrustError;

/// The reason why an issuer returned no keys, or no answer about a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The HTTP client failed: no connection, no TLS, or an incomplete response. Its error is in the log.
    #[error("the HTTP client failed")]
    Client,
    /// A document took longer than the time limit.
    #[error("the issuer took too long")]
    Timeout,
    /// The status was neither 200 nor, for a conditional request, 304. For introspection, 401 and 403 mean that the issuer does
    /// not accept the id and the secret of this service.
    #[error("the issuer answered {0}")]
    Status(u16),
    /// The issuer redirected. Redirects are not followed.
    #[error("the issuer redirected, and redirects are not followed")]
    Redirect,
    /// The document is longer than 256 KiB.
    #[error("the document is longer than 256 KiB")]
    TooLong,
    /// The issuer answered 304 to a request without `If-None-Match`.
    #[error("the issuer answered 304 to an unconditional request")]
    NotModified,
    /// The document is not a JWK set (RFC 7517 §5), or the metadata are malformed (RFC 8414 §3.2).
    #[error("the document is not of the expected form")]
    Malformed,
    /// The document contains more than 100 keys.
    #[error("the document contains more than 100 keys")]
    TooManyKeys,
    /// The document contains no usable key.
    #[error("the document contains no usable key")]
    NoUsableKey,
    /// The metadata are those of another issuer (RFC 8414 §3.3).
    #[error(
        "the metadata name the issuer `{found}`, and `{configured}` is configured: they must be equal to the letter"
    )]
    IssuerMismatch {
        /// The issuer in the metadata.
        found: Box<str>,
        /// The configured issuer.
        configured: Arc<str>,
    },
    /// The document is compressed, although the request asks for none.
    #[error("the issuer compressed the document, although `Accept-Encoding: identity` was sent")]
    Compressed,
    /// The file with the token for fetching cannot be read, or its content is not one token.
    #[error("the file with the token for fetching cannot be read, or is not one token")]
    TokenFile,
    /// The `jwks_uri` of the metadata is not a URL that keys may be fetched from.
    #[error("keys may not be fetched from the `jwks_uri` of the metadata")]
    UrlRejected,
    /// The HTTP client panicked.
    #[error("the HTTP client panicked")]
    Panicked,
    /// The runtime of the task has shut down. Keys are no longer fetched.
    #[error("the runtime has shut down")]
    Ended,
}

/// An error in the configuration of remote keys, or of the introspection of tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Documents may not be fetched from a URL.
    #[error(transparent)]
    Url(#[from] RejectedUrl),
    /// A trust domain has no URL of its keys.
    #[error("set the URL of the keys with `jwks_url`: trust domains have no discovery")]
    NoUrl,
    /// The file with the certificates of authorities cannot be read, or has none.
    #[error("cannot read certificates of authorities from {}: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What failed.
        reason: Box<str>,
    },
    /// There is no HTTP client.
    #[error("set an HTTP client, or enable the feature `http-client`")]
    NoClient,
    /// The default HTTP client has no root certificates.
    #[cfg(feature = "http-client")]
    #[error(transparent)]
    Roots(#[from] super::RootsError),
    /// The introspection endpoint, or the id and the secret for it, are not set.
    #[error(
        "set the endpoint with `introspection_url`, and the id and the secret of this service with `client_secret`"
    )]
    NoEndpoint,
    /// The time limit of introspection, or the lifetime of its cache, is out of range.
    #[error(
        "the time limit of introspection must be more than 0 s and at most 60 s, and answers are cached for at most 60 s"
    )]
    Introspection,
    /// There is no tokio runtime for the task.
    #[error("build it within a tokio runtime")]
    NoRuntime,
    /// A duration of the policy is zero, or they contradict each other.
    #[error(
        "the minimum interval must be at least 1 s, the ttl at least that, `max_stale` longer than the ttl and at \
         most 366 days, and the timeout more than 0 s and at most 60 s"
    )]
    Policy,
    /// The issuer cannot be trusted with this configuration.
    #[error(transparent)]
    Trust(#[from] TrustError),
}
