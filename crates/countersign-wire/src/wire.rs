use bytes::Bytes;
use countersign::credentials::Credentials;
use countersign::mint::{AccessToken, MintParameters};
use countersign::principal::PrimaryPrincipal;
use http::{Response, request};

use crate::ResponseBody;

/// One HTTP shape of "a primary credential for a bearer token": `read` and `write`, nothing else.
///
/// A wire owns neither authentication nor scopes, lifetimes or signing; it cannot reach the mint.
pub trait Wire: Send + Sync + 'static {
    /// Credentials from the headers, read again where this wire has a rule of its own for them. By
    /// default there is none.
    ///
    /// # Errors
    ///
    /// [`Denial`] when they break that rule.
    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, Denial> {
        Ok(presented)
    }

    /// Reads the request. Whether its credentials are good is not asked yet.
    ///
    /// # Errors
    ///
    /// [`Denial`] when the body is not what this wire wants.
    fn read(&self, head: &request::Parts, body: &Bytes) -> Result<Submission, Denial>;

    /// Writes the answer. `Cache-Control`, `Allow` and `Retry-After` are set afterwards.
    fn write(&self, answer: Answer<'_>) -> Response<ResponseBody>;
}

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// Credentials in the body.
    pub credentials: Option<Credentials>,
    /// What is asked of the mint.
    pub parameters: MintParameters,
}

/// What a wire is to say.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a token was issued, or it was not")]
pub enum Answer<'a> {
    /// A token was minted.
    Issued {
        /// The token.
        token: &'a AccessToken,
        /// For whom.
        principal: &'a PrimaryPrincipal,
    },
    /// None was.
    Denied(Denial),
}

/// Why no token was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// The method is not POST.
    MethodNotAllowed,
    /// A bearer token was presented. It cannot mint another, whoever's it is.
    Chaining,
    /// Credentials were repeated or malformed, or there is more than one kind of them.
    Ambiguous,
    /// The body is not what the wire wants. The text says what is, and holds nothing of the body.
    InvalidRequest(&'static str),
    /// The body is larger than the limit.
    PayloadTooLarge,
    /// The grant type is another.
    UnsupportedGrantType,
    /// The credentials are missing, or were judged bad: one answer for all of it.
    Unauthenticated,
    /// The lifetime asked for is out of range.
    InvalidLifetime,
    /// A scope asked for is malformed, not held, or not in the catalogue.
    InvalidScope,
    /// The resource asked for is none of the issuer's audiences.
    InvalidTarget,
    /// Nothing was judged, since there were too many failures. The number says in how many seconds to try again.
    TooManyRequests(u32),
    /// The credentials were not judged. The number says in how many seconds to try again.
    Unavailable(u32),
    /// The fault is ours.
    Failed,
}
