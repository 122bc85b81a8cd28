use std::sync::Arc;

use countersign::Id;
use countersign::auth::Authenticator;
use countersign::registry::{Caller, SessionSelector, Sessions};
use countersign::time::{Clock, Precision};
use http::{Method, Request, Response, StatusCode, request};
use serde::Serialize;

use crate::authenticate::{EndpointAuthenticator, RequestError, caller_of, count};
use crate::body::PendingBody;
use crate::credential_limit::CredentialLimit;
use crate::error::{FieldErrorCode, TokenError};
use crate::form::Form;
use crate::path;
use crate::request_id::RequestId;
use crate::response::{self, ResponseBody};
use crate::service::{Endpoint, impl_service};
use crate::session::{self, INVALID_NAME};
use crate::wire::CredentialSource;

/// Lists and ends the caller's sessions, those of the wire [`Session`](crate::Session).
///
/// | request | response |
/// |---|---|
/// | `GET` | 200 `{"sessions":[{"id","session_id","issued_at","expires_at"}]}`, oldest first |
/// | `DELETE /{id}` | 204: the session of this id, its token's `sid`, has ended |
/// | `DELETE ?session_id={name}` | 204: the sessions of this name, chosen by the client, have ended |
///
/// The token of an ended session is rejected, and the next login mints a new one. Callers authenticate with a primary
/// credential in the headers, and see the sessions of that credential alone. Bodies are ignored.
///
/// Mount it with axum's `nest_service`, which removes the path before it calls the service. If requests have their whole
/// path, set where it begins with [`mounted_at`](Self::mounted_at).
///
/// # Errors
///
/// The body is `{"error":"…","error_description":"…"}`, as that of the wire:
///
/// | status | error | when |
/// |---|---|---|
/// | 400 | `invalid_request` | two credentials; no session is named, or two are, or the name is invalid |
/// | 401 | `invalid_client` | the credentials are missing or not valid, for any reason |
/// | 403 | `unauthorized_client` | a bearer token, valid or not |
/// | 403 | `cross_site` | a `DELETE` that a page of another site caused |
/// | 404 | `not_found` | the caller has no such session |
/// | 405 | `method_not_allowed` | another method |
/// | 429 | `rate_limited` | too many failures or requests; see `Retry-After` |
/// | 503 | `temporarily_unavailable` | the credentials could not be checked; see `Retry-After` |
///
/// ```
/// # use std::sync::Arc;
/// # use countersign::auth::Authenticator;
/// # use countersign::directory::MemoryDirectory;
/// # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
/// # use countersign::key::{Pepper, Peppers};
/// # use countersign::mechanism::ApiKeys;
/// # use countersign::random::SystemRandom;
/// # use countersign::time::SystemClock;
/// # use http::{Request, StatusCode};
/// # use bytes::Bytes;
/// # use http_body_util::{BodyExt, Full};
/// # use tower::ServiceExt;
/// use countersign_wire::SessionResource;
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let registry = Arc::new(registry);
/// # let new = NewKey::new("ci", "calls:read".parse()?);
/// # let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
/// # let authenticator =
/// #     Authenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
/// let sessions = SessionResource::new(authenticator, registry).mounted_at("/auth/sessions");
/// let list = |name: &'static str, value: &str| {
///     let request = Request::get("/auth/sessions").header(name, value).body(Full::<Bytes>::default());
///     sessions.clone().oneshot(request.unwrap())
/// };
/// let listed = list("x-api-key", key.expose()).await?;
/// assert_eq!(listed.into_body().collect().await?.to_bytes(), r#"{"sessions":[]}"#);
///
/// let rejected = list("authorization", "Bearer whatever").await?;
/// assert_eq!(rejected.status(), StatusCode::FORBIDDEN);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SessionResource {
    authenticator: EndpointAuthenticator,
    sessions: Arc<dyn Sessions>,
    mounted_at: Arc<str>,
    limit: Option<CredentialLimit>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Sessions))]
pub(crate) struct SessionsResponse {
    sessions: Vec<SessionResponse>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Session))]
struct SessionResponse {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    id: Id,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    session_id: Option<String>,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    issued_at: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    expires_at: String,
}

impl SessionResource {
    /// Creates the resource.
    #[must_use]
    pub fn new(authenticator: Authenticator, sessions: Arc<dyn Sessions>) -> Self {
        Self {
            authenticator: EndpointAuthenticator::new(authenticator, CredentialSource::Headers),
            sessions,
            mounted_at: "".into(),
            limit: None,
        }
    }

    /// Sets the path that requests begin with. By default it is empty, as behind `nest_service`.
    #[must_use]
    pub fn mounted_at(mut self, path: impl Into<Arc<str>>) -> Self {
        self.mounted_at = path.into();
        self
    }

    /// Sets the limit on the requests of each credential.
    #[must_use]
    pub fn limit(mut self, limit: CredentialLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Responds to a request that failed. `allow` names the methods of the path.
    pub(crate) fn error_response(
        &self,
        error: RequestError,
        allow: &'static str,
    ) -> Response<ResponseBody> {
        let write = |error: &_| session::error_response(error, message(error));
        self.authenticator.error_response(error, allow, write)
    }

    async fn list(
        &self,
        head: &request::Parts,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, RequestError> {
        let (caller, credential) = self.caller(head, id).await?;
        let now = self.authenticator.clock().now();
        let sessions = self.sessions.list_sessions(&caller, credential, now).await;
        let sessions = sessions.map_err(|error| TokenError::from(&error))?;
        let sessions = sessions.into_iter().map(|session| SessionResponse {
            id: session.id,
            session_id: session.name.map(|name| name.as_str().to_owned()),
            issued_at: session.issued_at.to_rfc3339_with(Precision::Seconds, 0),
            expires_at: session.expires_at.to_rfc3339_with(Precision::Seconds, 0),
        });
        let sessions = sessions.collect();
        Ok(response::json(
            StatusCode::OK,
            &SessionsResponse { sessions },
        ))
    }

    /// Ends the session of this id, or if it is empty, those of the name in the query.
    async fn end(
        &self,
        head: &request::Parts,
        session: &str,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, RequestError> {
        let (caller, credential) = self.caller(head, id).await?;
        let error = |code, message| Err(TokenError::field(NAME, code, message).into());
        let selector = match (session, Form::parse_query(head.uri.query())?.take(NAME)) {
            ("", Some(name)) => match name.expose().parse() {
                Ok(name) => SessionSelector::Named(name),
                Err(_) => return error(FieldErrorCode::OutOfRange, INVALID_NAME),
            },
            ("", None) => {
                let message = "name the session: by its id in the path, or by its session_id";
                return error(FieldErrorCode::Missing, message);
            }
            (_, Some(_)) => {
                let message = "a session is named by its id or by its session_id, not by both";
                return error(FieldErrorCode::OutOfRange, message);
            }
            (id, None) => SessionSelector::Id(id.parse().map_err(|_| TokenError::NotFound)?),
        };
        let ended = self.sessions.end_sessions(&caller, credential, selector);
        ended.await.map_err(|error| TokenError::from(&error))?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    /// Authenticates the caller, and returns its credential.
    async fn caller(
        &self,
        head: &request::Parts,
        id: &RequestId,
    ) -> Result<(Caller, Id), RequestError> {
        let principal = self.authenticator.authenticate_headers(head).await?;
        let principal = principal.principal();
        count(self.limit.as_ref(), principal, self.clock())?;
        // A principal of a custom mechanism may have no credential, and then has no sessions.
        let credential = principal.credential_id().copied();
        let caller = caller_of(principal, id).zip(credential);
        Ok(caller.ok_or(TokenError::Unauthenticated)?)
    }
}

impl Endpoint for SessionResource {
    fn clock(&self) -> &dyn Clock {
        self.authenticator.clock()
    }

    async fn respond(
        &self,
        request: Request<PendingBody>,
        id: &RequestId,
    ) -> Response<ResponseBody> {
        let (head, _) = request.into_parts();
        let rest =
            path::below(head.uri.path(), &self.mounted_at).filter(|rest| !rest.contains('/'));
        let result = match (rest, &head.method) {
            (Some(""), &Method::GET) => self.list(&head, id).await,
            (Some(session), &Method::DELETE) => self.end(&head, session, id).await,
            (Some(_), _) => Err(TokenError::MethodNotAllowed.into()),
            (None, _) => Err(TokenError::NotFound.into()),
        };
        let allow = match rest {
            Some("") => "GET, DELETE",
            _ => "DELETE",
        };
        result.unwrap_or_else(|error| self.error_response(error, allow))
    }
}

/// Returns a sentence for the client.
pub(crate) fn message(error: &TokenError) -> String {
    match error {
        TokenError::NotFound => "the credential has no such session".to_owned(),
        TokenError::MethodNotAllowed => "the method is not one of those in Allow".to_owned(),
        error => error.to_string(),
    }
}

/// The query parameter with the name of a session.
const NAME: &str = "session_id";

impl_service!(SessionResource);
