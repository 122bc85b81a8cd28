//! The errors of requests for tokens, with the status and the sentence that the wires have in common.

use std::borrow::Cow;
use std::fmt;

use countersign::Scopes;
use countersign::mint::MintError;
use countersign::registry::{IdempotencyKey, RegistryError};
use countersign::rejection::{Reason, Rejection, RejectionKind};
use http::StatusCode;
use serde_json::Value;

/// The reason why a request obtained no token. It is displayed as a sentence for the client, which repeats nothing of the
/// request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The path is not that of an endpoint.
    #[error("there is nothing at this path")]
    NotFound,
    /// The method is not POST.
    #[error("the method must be POST")]
    MethodNotAllowed,
    /// The request has a bearer token, which cannot be exchanged for another one.
    #[error(
        "the request has a bearer token in Authorization or in a cookie: remove it, and send an API key or client credentials"
    )]
    Chaining,
    /// A page of another site caused the request.
    #[error("a page of another site caused this request: send it from a page of this server")]
    CrossSite,
    /// Credentials are repeated or malformed, or there are several kinds of them.
    #[error("the credentials are malformed, repeated, or of several kinds: send exactly one")]
    Ambiguous,
    /// The body is not valid. There is at least one error, and the first one is displayed.
    #[error("{}", .0.first().map_or("the request is not valid", |error| &error.message))]
    Invalid(Vec<FieldError>),
    /// The body is larger than the limit.
    #[error("the body is too large")]
    PayloadTooLarge,
    /// The grant type is not `client_credentials`.
    #[error("grant_type must be client_credentials")]
    UnsupportedGrantType,
    /// The wire reads credentials from the body alone, and the body has none.
    #[error("the body has no credentials")]
    NoCredentials,
    /// The credentials are missing or were rejected, for any reason.
    #[error("authentication failed")]
    Unauthenticated,
    /// The requested lifetime is out of range.
    #[error("the requested lifetime is out of range")]
    InvalidLifetime,
    /// These requested scopes are not held by the credential, or not in the catalogue.
    #[error("a scope is malformed, not held by the credential, or not in the issuer's catalogue")]
    InvalidScope(Scopes),
    /// The requested resource is not an audience of the issuer.
    #[error("resource is not an audience of this issuer")]
    InvalidTarget,
    /// A rate limit is exceeded.
    #[error("{0}")]
    TooManyRequests(Throttled),
    /// The credentials could not be checked. Try again in this number of seconds.
    #[error("the service is temporarily unavailable: try again after the seconds in Retry-After")]
    Unavailable(u32),
    /// The server failed.
    #[error("the server failed: report the x-request-id of this response to its operator")]
    Internal,
}

impl TokenError {
    /// Creates the error of a body that has one error in one field.
    pub(crate) fn field(
        field: &'static str,
        code: FieldErrorCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        FieldError::new(field, code, message).into()
    }

    /// Returns the HTTP status, for wires whose format has no other one.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::CrossSite | Self::Chaining => StatusCode::FORBIDDEN,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<FieldError> for TokenError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl From<Throttled> for TokenError {
    fn from(throttled: Throttled) -> Self {
        Self::TooManyRequests(throttled)
    }
}

impl From<&Rejection> for TokenError {
    fn from(rejection: &Rejection) -> Self {
        let retry_after = rejection.retry_after().unwrap_or(1);
        match rejection.kind() {
            RejectionKind::Malformed => Self::Ambiguous,
            RejectionKind::Missing | RejectionKind::Invalid => Self::Unauthenticated,
            RejectionKind::TooManyRequests => Self::TooManyRequests(Throttled {
                retry_after,
                policy: "failed-authentications",
                quota: None,
            }),
            RejectionKind::Unavailable => Self::Unavailable(retry_after),
            RejectionKind::Forbidden if rejection.reason() == Reason::CrossSite => Self::CrossSite,
            _ => Self::Internal,
        }
    }
}

impl From<MintError> for TokenError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Lifetime => Self::InvalidLifetime,
            MintError::Scope(scopes) => Self::InvalidScope(scopes),
            MintError::Audience => Self::InvalidTarget,
            MintError::Expired => Self::Unauthenticated,
            // The clock is behind: the keys sign once it is right.
            MintError::NoKey => Self::Unavailable(1),
            _ => Self::Internal,
        }
    }
}

impl From<&RegistryError> for TokenError {
    fn from(error: &RegistryError) -> Self {
        match error {
            RegistryError::NotFound => Self::NotFound,
            RegistryError::CallerRevoked => Self::Unauthenticated,
            RegistryError::TooManyIdempotencyKeys => Self::TooManyRequests(Throttled {
                retry_after: 3600,
                policy: "idempotency-keys",
                quota: Some((IdempotencyKey::MAX_PER_CALLER, 24 * 3600)),
            }),
            // The store asked for the response to remember, and the mint failed to make it.
            RegistryError::Unavailable(source) => match source.downcast_ref::<MintError>() {
                Some(MintError::NoKey) | None => Self::Unavailable(1),
                Some(_) => Self::Internal,
            },
            _ => Self::Internal,
        }
    }
}

/// An error in one field of a body, or in the whole body.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldError {
    /// The path of the field, joined by dots; `body` for the whole body.
    pub field: Cow<'static, str>,
    /// The kind of error.
    pub code: FieldErrorCode,
    /// What the field must be. The message repeats nothing of the body.
    pub message: Cow<'static, str>,
    /// The value that was rejected, if the response may show it: never one that may be secret.
    pub rejected_value: Option<Value>,
}

impl FieldError {
    /// Creates the error of a field.
    #[must_use]
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: FieldErrorCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            field: field.into(),
            code,
            message: message.into(),
            rejected_value: None,
        }
    }

    /// Sets the value to show.
    #[must_use]
    pub fn with_rejected_value(mut self, value: Value) -> Self {
        self.rejected_value = Some(value);
        self
    }
}

/// The kind of a [`FieldError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldErrorCode {
    /// The body does not have its media type's form, has a member twice, or is not an object.
    Malformed,
    /// A required field is missing.
    Missing,
    /// The value has the wrong type.
    InvalidType,
    /// The value has the right type, and is not one of those allowed.
    OutOfRange,
    /// The value requests something that the endpoint does not support.
    UnsupportedValue,
}

/// A rate limit that is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "draft-ietf-httpapi-ratelimit-headers: a policy, and when to try again"
)]
pub struct Throttled {
    /// The number of seconds after which to try again.
    pub retry_after: u32,
    /// The name of the limit.
    pub policy: &'static str,
    /// The number of requests allowed in a number of seconds, if the client may know.
    pub quota: Option<(u32, u32)>,
}

/// A sentence for the client, which names the limit.
impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.policy {
            "failed-authentications" => "too many authentications failed: ",
            "mints" | "writes" | "introspections" => "too many requests with this credential: ",
            "sessions" => "the credential has too many sessions: end one, or ",
            "idempotency-keys" => "the credential used too many idempotency keys: send no key, or ",
            _ => "too many requests: ",
        })?;
        f.write_str("try again after the seconds in Retry-After")
    }
}
