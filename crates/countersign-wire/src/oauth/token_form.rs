//! The requests of introspection and revocation: a form with a token, from a client that authenticates as at the token
//! endpoint (RFC 7662 §2.1, RFC 7009 §2.1).

use countersign::Principal;
use countersign::auth::Authenticator;
use countersign::mechanism::Jwt;
use countersign::principal::PrimaryPrincipal;
use countersign::rejection::{Reason, RejectionKind};
use countersign::time::{Clock, Timestamp};
use http::{Request, Response};

use super::{error_response, required, take_client};
use crate::authenticate::{EndpointAuthenticator, RequestError, count};
use crate::body::PendingBody;
use crate::credential_limit::CredentialLimit;
use crate::error::TokenError;
use crate::form::Form;
use crate::response::ResponseBody;
use crate::wire::CredentialSource;

/// Authenticates the client, and verifies the token in the form.
#[derive(Clone)]
pub(crate) struct TokenFormEndpoint {
    authenticator: EndpointAuthenticator,
    jwt: Jwt,
    pub(super) limit: Option<CredentialLimit>,
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
            limit: None,
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.authenticator.clock()
    }

    /// Authenticates the client, and verifies the token in the form with `verify`. `token_type_hint` is ignored, since there is one type
    /// of token.
    pub(super) async fn read(
        &self,
        request: Request<PendingBody>,
        verify: impl FnOnce(&Jwt, &str, Timestamp) -> Result<Principal, Reason>,
    ) -> Result<TokenForm, RequestError> {
        let authenticated = self.authenticator.authenticate(request, |head, body| {
            let mut form = Form::parse(&head.headers, body)?;
            let token = required("token", form.take("token"))?;
            Ok((take_client(&mut form)?, token))
        });
        let (client, token) = authenticated.await?;
        count(self.limit.as_ref(), client.principal(), self.clock())?;
        let token = match verify(&self.jwt, token.expose(), self.clock().now()) {
            Ok(principal) => Some(principal),
            Err(reason) if reason.kind() == RejectionKind::Unavailable => {
                return Err(TokenError::Unavailable(1).into());
            }
            Err(_) => None,
        };
        Ok(TokenForm { client, token })
    }

    pub(crate) fn error_response(&self, error: RequestError) -> Response<ResponseBody> {
        self.authenticator
            .error_response(error, "POST", error_response)
    }
}
