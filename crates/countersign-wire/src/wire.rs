use bytes::Bytes;
use countersign::Secret;
use countersign::credentials::{Carrier, Credentials};
use countersign::mint::{AccessToken, MintParameters};
use countersign::principal::PrimaryPrincipal;
use countersign::registry::SessionName;
use countersign::time::Timestamp;
use http::{Response, request};

use crate::error::TokenError;
use crate::request_id::RequestId;
use crate::response::ResponseBody;

/// One HTTP format for exchanging a primary credential for a bearer token.
///
/// A wire reads requests and writes responses. Authentication, scopes, lifetimes and signing are those of the
/// [`TokenEndpoint`](crate::TokenEndpoint); a wire cannot reach the mint. The [front page](crate) has an example.
pub trait Wire: Clone + Send + Sync + 'static {
    /// Returns where requests carry their credentials.
    fn credential_source(&self) -> CredentialSource;

    /// Reads a request. Credentials in its body are returned, and not authenticated.
    ///
    /// # Errors
    ///
    /// Returns a [`TokenError`] if the request does not have the format of this wire.
    fn read(&self, head: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError>;

    /// Writes a response. The endpoint then sets `Cache-Control`, `x-request-id`, `WWW-Authenticate`, `Allow`,
    /// `Retry-After` and the fields of the rate limit.
    fn write(
        &self,
        response: TokenResponse<'_>,
        context: &RequestContext,
    ) -> Response<ResponseBody>;
}

/// Where requests carry their credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// An API key in its header or in `Authorization: ApiKey`. Basic and client certificates are ignored.
    ApiKeyHeader,
    /// An API key in its header or in `Authorization: ApiKey`, Basic, or otherwise the certificate of the client.
    Headers,
    /// As [`Headers`](Self::Headers), but the body before the certificate, as OAuth clients authenticate (RFC 6749 §2.3.1): the id and the secret in Basic are
    /// form-encoded.
    HeadersOrBody,
    /// The body. Headers are ignored, so that clients that attach an expired token to every request can recover.
    Body,
}

impl CredentialSource {
    /// Returns whether requests may carry credentials in this carrier, other than bearer tokens.
    pub(crate) fn accepts(self, carrier: &Carrier) -> bool {
        match carrier {
            Carrier::Cookie(_) => false,
            Carrier::BodyKey | Carrier::BodyClient | Carrier::BodyUser => self == Self::Body,
            header if self == Self::ApiKeyHeader => {
                ![Carrier::BASIC, Carrier::BEARER, Carrier::ClientCertificate].contains(header)
            }
            header => self != Self::Body && *header != Carrier::BEARER,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wires create it from its default"
)]
pub struct TokenRequest {
    /// The credentials in the body.
    pub credentials: Option<Credentials>,
    /// The client that a body without credentials names. It must be the one that the headers authenticate.
    pub client_id: Option<Secret>,
    /// The requested properties of the token.
    pub parameters: MintParameters,
    /// The name of the session, for a mint of sessions.
    pub session: Option<SessionName>,
}

/// The id of a request, and the time of its response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestContext {
    /// The request's id, which the response carries as `x-request-id`.
    pub id: RequestId,
    /// The time of the response.
    pub now: Timestamp,
}

/// The result of a request, for a wire to write.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a token was issued, or it was not")]
pub enum TokenResponse<'a> {
    /// A token was issued.
    Issued {
        /// The token.
        token: &'a AccessToken,
        /// The principal that it was issued to.
        principal: &'a PrimaryPrincipal,
    },
    /// No token was issued.
    Error(&'a TokenError),
}
