//! The requests of introspection and revocation: an authenticated client, and a form with a token.

use std::sync::Arc;

use bytes::Bytes;
use countersign::Principal;
use countersign::Secret;
use countersign::auth::Authenticator;
use countersign::credentials::Credentials;
use countersign::mechanism::Jwt;
use countersign::principal::PrimaryPrincipal;
use countersign::random::SystemRandom;
use countersign::rejection::RejectionKind;
use countersign::time::{Clock, SystemClock};
use http::{Request, Response, request};
use http_body::Body;

use super::{decode_client, error_response, required, take_client};
use crate::authenticate::{EndpointAuthenticator, RequestError, RequestReader};
use crate::body;
use crate::error::TokenError;
use crate::form::Form;
use crate::request_id::RequestId;
use crate::response::{ResponseBody, set_common_headers};
use crate::wire::CredentialSource;

/// Authenticates the client, and verifies the token in the form.
#[derive(Clone)]
pub(crate) struct TokenFormEndpoint {
    authenticator: EndpointAuthenticator,
    jwt: Jwt,
    clock: Arc<dyn Clock>,
}

/// A request with a token.
pub(super) struct TokenForm {
    pub(super) client: PrimaryPrincipal,
    /// The principal of the token; `None` if the token would be rejected, for any reason.
    pub(super) token: Option<Principal>,
}

impl TokenFormEndpoint {
    pub(super) fn new(authenticator: Authenticator, jwt: Jwt) -> Self {
        let source = CredentialSource::HeadersOrBody;
        Self {
            authenticator: EndpointAuthenticator::new(authenticator, source),
            jwt,
            clock: Arc::new(SystemClock),
        }
    }

    pub(super) fn set_clock(&mut self, clock: impl Clock) {
        self.clock = Arc::new(clock);
    }

    pub(super) fn request_id<B>(&self, request: &Request<B>) -> RequestId {
        RequestId::of(request, &*self.clock, &SystemRandom)
    }

    #[cfg(feature = "openapi")]
    pub(crate) fn new_request_id(&self) -> RequestId {
        RequestId::new(self.clock.now(), &SystemRandom)
    }

    #[cfg(feature = "openapi")]
    pub(crate) const fn credential_source(&self) -> CredentialSource {
        self.authenticator.source()
    }

    pub(super) async fn read<B>(&self, request: Request<B>) -> Result<TokenForm, RequestError>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let authenticated =
            self.authenticator
                .authenticate(&TokenFormReader, body::DEFAULT_LIMIT, request);
        let (client, token) = authenticated.await?;
        let token = match self.jwt.introspect(token.expose(), self.clock.now()) {
            Ok(principal) => Some(principal),
            Err(reason) if reason.kind() == RejectionKind::Unavailable => {
                return Err(TokenError::Unavailable(1).into());
            }
            Err(_) => None,
        };
        Ok(TokenForm { client, token })
    }

    pub(crate) fn finish(
        &self,
        result: Result<Response<ResponseBody>, RequestError>,
        id: &RequestId,
    ) -> Response<ResponseBody> {
        let mut response = result.unwrap_or_else(|error| {
            let mut response = error_response(&error.error);
            self.authenticator
                .complete_error(&mut response, error, "POST");
            response
        });
        set_common_headers(&mut response, id);
        response
    }
}

/// Clients authenticate as at the token endpoint (RFC 7662 §2.1, RFC 7009 §2.1).
struct TokenFormReader;

impl RequestReader for TokenFormReader {
    type Parameters = Secret;

    fn read_credentials(&self, credentials: Credentials) -> Result<Credentials, TokenError> {
        decode_client(credentials)
    }

    /// Ignores `token_type_hint`, since there is one type of token.
    fn read(
        &self,
        head: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Secret), TokenError> {
        let mut form = Form::parse(&head.headers, body)?;
        let token = required("token", form.take("token"))?;
        Ok((take_client(&mut form)?, token))
    }
}
