use std::borrow::Cow;

use bytes::Bytes;
use countersign::Scopes;
use countersign::credentials::Credentials;
use countersign::mint::{AccessToken, MintParameters};
use countersign::principal::PrimaryPrincipal;
use countersign::registry::SessionName;
use countersign::time::Timestamp;
use http::{Response, request};
use serde_json::Value;

use crate::{RequestId, ResponseBody};

/// One HTTP shape of "a primary credential for a bearer token": `read` and `write`, nothing else.
///
/// A wire owns neither authentication nor scopes, lifetimes or signing; it cannot reach the mint.
pub trait Wire: Send + Sync + 'static {
    /// Where it takes credentials from.
    fn source(&self) -> Source;

    /// Credentials from the headers, read again where this wire has a rule of its own for them. By
    /// default there is none.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when they break that rule.
    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, TokenError> {
        Ok(presented)
    }

    /// Reads the request. Whether its credentials are good is not asked yet.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when the body is not what this wire wants.
    fn read(&self, head: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError>;

    /// Writes the answer. `Cache-Control`, `x-request-id`, `Allow`, `Retry-After` and the rate limit's fields are
    /// set afterwards.
    fn write(&self, answer: TokenResponse<'_>, exchange: &RequestContext)
    -> Response<ResponseBody>;
}

/// Where a wire takes credentials from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// An API key in its header. Basic is not good here.
    ApiKeyHeader,
    /// An API key in its header, or Basic.
    Headers,
    /// Headers, or else the body.
    HeadersOrBody,
    /// The body alone. Headers are not consulted, so that clients that attach their stale token everywhere can
    /// recover.
    Body,
}

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub struct TokenRequest {
    /// Credentials in the body.
    pub credentials: Option<Credentials>,
    /// What is asked of the mint.
    pub parameters: MintParameters,
    /// The name of the session, where the mint is one of sessions.
    pub session: Option<SessionName>,
}

/// One request and its answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestContext {
    /// The request's id, which goes out as `x-request-id`.
    pub id: RequestId,
    /// When the answer leaves.
    pub now: Timestamp,
}

/// What a wire is to say.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a token was issued, or it was not")]
pub enum TokenResponse<'a> {
    /// A token was minted.
    Issued {
        /// The token.
        token: &'a AccessToken,
        /// For whom.
        principal: &'a PrimaryPrincipal,
    },
    /// None was.
    Denied(&'a TokenError),
}

/// Why no token was issued.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TokenError {
    /// There is nothing at this path.
    NotFound,
    /// The method is not POST.
    MethodNotAllowed,
    /// A bearer token was presented. It cannot mint another, whoever's it is.
    Chaining,
    /// Credentials were repeated or malformed, or there is more than one kind of them.
    Ambiguous,
    /// The body is not what the wire wants: these are its flaws, one at least.
    Invalid(Vec<FieldError>),
    /// The body is larger than the limit.
    PayloadTooLarge,
    /// The grant type is another.
    UnsupportedGrantType,
    /// The wire takes credentials from the body alone, and there are none.
    NoCredentials,
    /// The credentials are missing, or were judged bad: one answer for all of it.
    Unauthenticated,
    /// The lifetime asked for is out of range.
    InvalidLifetime,
    /// These scopes are not held, or not in the catalogue.
    InvalidScope(Scopes),
    /// The resource asked for is none of the issuer's audiences.
    InvalidTarget,
    /// Too much was tried, or minted.
    TooManyRequests(Throttled),
    /// The credentials were not judged. The number says in how many seconds to try again.
    Unavailable(u32),
    /// The fault is ours.
    Failed,
}

impl TokenError {
    /// The body has this one flaw.
    #[must_use]
    pub fn invalid(flaw: FieldError) -> Self {
        Self::Invalid(vec![flaw])
    }
}

/// What is wrong with one member of a body, or with the whole.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldError {
    /// The member, dotted; `body` for the whole.
    pub field: Cow<'static, str>,
    /// Which kind of flaw it is.
    pub code: FieldErrorCode,
    /// What is wanted instead. Nothing of the body is in it.
    pub message: Cow<'static, str>,
    /// The value, where it may be shown: never one that may be secret.
    pub rejected: Option<Value>,
}

impl FieldError {
    /// The flaw of a member.
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
            rejected: None,
        }
    }

    /// The same, showing the value.
    #[must_use]
    pub fn rejecting(mut self, value: Value) -> Self {
        self.rejected = Some(value);
        self
    }
}

/// The kinds of flaws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldErrorCode {
    /// Not what the media type says, a member twice, or not an object.
    Malformed,
    /// A member that is needed is not there.
    Missing,
    /// Of another type than it must be.
    InvalidType,
    /// Of the right type, and not among the values that it may have.
    OutOfRange,
    /// It asks for something that is not done here.
    UnsupportedValue,
}

/// Too much of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "draft-ietf-httpapi-ratelimit-headers: a policy, and when there is room"
)]
pub struct Throttled {
    /// In how many seconds to try again.
    pub retry_after: u32,
    /// The name of the limit.
    pub policy: &'static str,
    /// How much of it there is in so many seconds, where that is told.
    pub quota: Option<(u32, u32)>,
}
