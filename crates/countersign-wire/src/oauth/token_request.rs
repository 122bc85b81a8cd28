//! What introspection and revocation have in common: a client that sends a form with a token in it.

use std::sync::Arc;

use bytes::Bytes;
use countersign::auth::Authenticator;
use countersign::credentials::Credentials;
use countersign::mechanism::Jwt;
use countersign::principal::PrimaryPrincipal;
use countersign::random::SystemRandom;
use countersign::rejection::RejectionKind;
use countersign::time::{Clock, SystemClock};
use countersign::{Principal, Secret};
use http::{Request, Response, request};
use http_body::Body;

use super::{Form, OAuth, form};
use crate::finish::{finish, finish_denied};
use crate::front::{self, Reading, Refused};
use crate::{FieldErrorCode, RequestId, ResponseBody, Source, TokenError, Wire as _};

/// Far more than a token and credentials take.
const BODY_LIMIT: usize = 16 * 1024;

/// Judges who asks, and the token asked about.
#[derive(Clone)]
pub(crate) struct TokenRequests {
    wire: OAuth,
    authenticator: Authenticator,
    jwt: Jwt,
    clock: Arc<dyn Clock>,
}

/// Who asks, about what.
pub(super) struct TokenForm {
    pub(super) client: PrimaryPrincipal,
    /// `None` when the token would be refused, for whatever reason.
    pub(super) token: Option<Principal>,
}

impl TokenRequests {
    pub(super) fn new(authenticator: Authenticator, jwt: Jwt) -> Self {
        Self {
            wire: OAuth::default(),
            authenticator,
            jwt,
            clock: Arc::new(SystemClock),
        }
    }

    pub(super) fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    pub(super) fn request_id<B>(&self, request: &Request<B>) -> RequestId {
        RequestId::of(request, &*self.clock, &SystemRandom)
    }

    /// The id of a request that nobody sent.
    #[cfg(feature = "openapi")]
    pub(crate) fn own_request_id(&self) -> RequestId {
        RequestId::new(self.clock.now(), &SystemRandom)
    }

    #[cfg(feature = "openapi")]
    pub(crate) fn source(&self) -> Source {
        self.wire.source()
    }

    pub(super) async fn read<B>(&self, request: Request<B>) -> Result<TokenForm, Refused>
    where
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let reading = PendingRequest(&self.wire);
        let admitted = front::admit(&reading, &self.authenticator, BODY_LIMIT, request);
        let (client, token) = admitted.await?;
        let token = match self.jwt.introspect(token.expose(), self.clock.now()) {
            Ok(principal) => Some(principal),
            // What was not judged is neither good nor bad.
            Err(reason) if reason.kind() == RejectionKind::Unavailable => {
                return Err(TokenError::Unavailable(1).into());
            }
            Err(_) => None,
        };
        Ok(TokenForm { client, token })
    }

    pub(crate) fn answer(
        &self,
        outcome: Result<Response<ResponseBody>, Refused>,
        id: &RequestId,
    ) -> Response<ResponseBody> {
        let mut response = outcome.unwrap_or_else(|Refused { denial, rejection }| {
            let mut response = self.wire.deny(&denial);
            finish_denied(&mut response, &denial, "POST");
            if let Some(rejection) = rejection {
                response.extensions_mut().insert(rejection);
            }
            response
        });
        finish(&mut response, id);
        response
    }
}

/// Clients authenticate as at the token endpoint (RFC 7662 §2.1, RFC 7009 §2.1).
struct PendingRequest<'a>(&'a OAuth);

impl Reading for PendingRequest<'_> {
    type Asked = Secret;

    fn source(&self) -> Source {
        self.0.source()
    }

    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, TokenError> {
        self.0.read_credentials(presented)
    }

    /// `token_type_hint` is not looked at: there is one kind of tokens to look for.
    fn read(
        &self,
        head: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Asked), TokenError> {
        let mut form = Form::parse(&head.headers, body)?;
        let Some(token) = form.take("token") else {
            return Err(form::flaw(
                "token",
                FieldErrorCode::Missing,
                "token is missing",
            ));
        };
        Ok((form.take_client()?, token))
    }
}
