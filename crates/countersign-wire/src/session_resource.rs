use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign::auth::Authenticator;
use countersign::principal::PrimaryPrincipal;
use countersign::random::SystemRandom;
use countersign::registry::{Caller, SessionName, SessionSelector, Sessions};
use countersign::time::{Clock, Precision, SystemClock};
use countersign::{BoxFuture, Id};
use http::{Method, Request, Response, StatusCode, request};
use serde::Serialize;
use tower_service::Service;

use crate::finish::{finish, finish_denied};
use crate::front::{self, Refused, not_done};
use crate::oauth::form::{Form, flaw};
use crate::{FieldErrorCode, RequestId, ResponseBody, TokenError, path, respond, session};

/// A caller's sessions, those of the `session` wire ([`Session`](crate::Session)): which there are, and their end.
///
/// | request | answer |
/// |---|---|
/// | `GET` | 200 `{"sessions":[{"id","session_id","issued_at","expires_at"}]}`, oldest first |
/// | `DELETE /{id}` | 204: the session of this id, its token's `sid`, has ended |
/// | `DELETE ?session_id={name}` | 204: those of this name, which the client chose, have ended |
///
/// The token of an ended session is refused from then on, and the next login mints anew. The caller is whoever the
/// primary credential in the headers says, and reaches the sessions of that credential alone: another's do not exist
/// for it. Bodies are not looked at.
///
/// Mount it with axum's `nest_service`, which takes the path away before it calls. Where requests come with their
/// whole path, say with [`mounted_at`](Self::mounted_at) where that begins.
///
/// # Errors
///
/// Always `{"error":"…","error_description":"…"}`, as the wire has them:
///
/// | status | error | when |
/// |---|---|---|
/// | 400 | `invalid_request` | two credentials; no session is named, or two are, or not by a name that one can have |
/// | 401 | `invalid_client` | the credentials are missing or not good, for whatever reason |
/// | 403 | `unauthorized_client` | a bearer, valid or not |
/// | 404 | `not_found` | the caller has no such session |
/// | 405 | `method_not_allowed` | another method |
/// | 429 | `rate_limited` | too many failures; see `Retry-After` |
/// | 503 | `temporarily_unavailable` | the credentials were not judged; see `Retry-After` |
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
/// # use http_body_util::BodyExt;
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
///     let request = Request::get("/auth/sessions").header(name, value).body(());
///     sessions.clone().oneshot(request.unwrap())
/// };
/// let listed = list("x-api-key", key.expose()).await?;
/// assert_eq!(listed.into_body().collect().await?.to_bytes(), r#"{"sessions":[]}"#);
///
/// let refused = list("authorization", "Bearer whatever").await?;
/// assert_eq!(refused.status(), StatusCode::FORBIDDEN);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SessionResource {
    authenticator: Authenticator,
    sessions: Arc<dyn Sessions>,
    clock: Arc<dyn Clock>,
    mounted_at: Arc<str>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Sessions))]
pub(crate) struct Listed {
    sessions: Vec<Shown>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Session))]
struct Shown {
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
    /// Judges callers by `authenticator`, at the system's clock.
    #[must_use]
    pub fn new(authenticator: Authenticator, sessions: Arc<dyn Sessions>) -> Self {
        Self {
            authenticator,
            sessions,
            clock: Arc::new(SystemClock),
            mounted_at: "".into(),
        }
    }

    /// The path that requests begin with; by default none, as behind `nest_service`.
    #[must_use]
    pub fn mounted_at(mut self, path: impl Into<Arc<str>>) -> Self {
        self.mounted_at = path.into();
        self
    }

    /// The clock that says which sessions live; by default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    async fn respond(&self, head: &request::Parts, id: RequestId) -> Response<ResponseBody> {
        let rest = path::below(head.uri.path(), &self.mounted_at);
        let outcome = match rest {
            Some("") => self.all(head, &id).await,
            Some(named) if !named.contains('/') => self.one(head, named, &id).await,
            _ => Err(TokenError::NotFound.into()),
        };
        let mut response = outcome.unwrap_or_else(|Refused { denial, rejection }| {
            let mut response = refuse(&denial, rest);
            if let Some(rejection) = rejection {
                response.extensions_mut().insert(rejection);
            }
            response
        });
        finish(&mut response, &id);
        response
    }

    async fn all(
        &self,
        head: &request::Parts,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, Refused> {
        match head.method {
            Method::GET => {
                let principal = front::admit_headers(&self.authenticator, head).await?;
                self.list(&principal, id).await
            }
            Method::DELETE => {
                let principal = front::admit_headers(&self.authenticator, head).await?;
                let which = named_in_query(head.uri.query())?;
                self.end(&principal, SessionSelector::Named(which), id)
                    .await
            }
            _ => Err(TokenError::MethodNotAllowed.into()),
        }
    }

    async fn one(
        &self,
        head: &request::Parts,
        named: &str,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, Refused> {
        if head.method != Method::DELETE {
            return Err(TokenError::MethodNotAllowed.into());
        }
        let principal = front::admit_headers(&self.authenticator, head).await?;
        if Form::of_query(head.uri.query())?.take(NAME).is_some() {
            let message = "a session is named by its id or by its session_id, not by both";
            return Err(flaw(NAME, FieldErrorCode::OutOfRange, message).into());
        }
        // What is no id is no session's.
        let session = named.parse().map_err(|_| TokenError::NotFound)?;
        self.end(&principal, SessionSelector::Id(session), id).await
    }

    async fn list(
        &self,
        principal: &PrimaryPrincipal,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, Refused> {
        let (caller, credential) = caller(principal.principal(), id)?;
        let now = self.clock.now();
        let sessions = self.sessions.list_sessions(&caller, credential, now).await;
        let sessions = sessions.map_err(|error| not_done(&error))?;
        let shown = sessions.into_iter().map(|session| Shown {
            id: session.id,
            session_id: session.name.map(|name| name.as_str().to_owned()),
            issued_at: session.issued_at.to_rfc3339_with(Precision::Seconds, 0),
            expires_at: session.expires_at.to_rfc3339_with(Precision::Seconds, 0),
        });
        let sessions = shown.collect();
        Ok(respond::json(StatusCode::OK, &Listed { sessions }))
    }

    async fn end(
        &self,
        principal: &PrimaryPrincipal,
        which: SessionSelector,
        id: &RequestId,
    ) -> Result<Response<ResponseBody>, Refused> {
        let (caller, credential) = caller(principal.principal(), id)?;
        let ended = self.sessions.end_sessions(&caller, credential, which).await;
        ended.map_err(|error| not_done(&error))?;
        let mut response = Response::new(ResponseBody::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

#[cfg(feature = "openapi")]
impl SessionResource {
    /// A refusal as it goes out.
    pub(crate) fn refusal(&self, denial: &TokenError) -> Response<ResponseBody> {
        let mut response = refuse(denial, Some(""));
        finish(&mut response, &self.own_request_id());
        response
    }

    /// The id of a request that nobody sent.
    pub(crate) fn own_request_id(&self) -> RequestId {
        RequestId::new(self.clock.now(), &SystemRandom)
    }
}

/// In the words of the wire whose sessions they are. `rest` is the path below the resource's own.
fn refuse(denial: &TokenError, rest: Option<&str>) -> Response<ResponseBody> {
    let sentence = match denial {
        TokenError::NotFound => "there is no such session",
        TokenError::MethodNotAllowed => "this method is not for this path",
        TokenError::Failed => "the server failed",
        denial => denial.message(),
    };
    let mut response = session::deny(denial, sentence);
    let allow = match rest {
        Some("") => "GET, DELETE",
        _ => "DELETE",
    };
    finish_denied(&mut response, denial, allow);
    response
}

/// The parameter that names a session as its client does.
const NAME: &str = "session_id";

fn named_in_query(query: Option<&str>) -> Result<SessionName, TokenError> {
    let Some(name) = Form::of_query(query)?.take(NAME) else {
        let message = "name the session: by its id in the path, or by its session_id";
        return Err(flaw(NAME, FieldErrorCode::Missing, message));
    };
    let message = "session_id must be 1 to 128 visible ASCII characters";
    let name = name.expose().parse();
    name.map_err(|_| flaw(NAME, FieldErrorCode::OutOfRange, message))
}

fn caller(principal: &countersign::Principal, id: &RequestId) -> Result<(Caller, Id), TokenError> {
    let (Some(credential), Some(account)) = (principal.credential_id(), principal.account()) else {
        // What a mechanism of the user's own accepts without a credential has no sessions.
        return Err(TokenError::Unauthenticated);
    };
    let caller = Caller::of_account(principal.subject(), *account)
        .authenticated_as(principal)
        .with_request_id(id.clone());
    Ok((caller, *credential))
}

impl<B: Send + 'static> Service<Request<B>> for SessionResource {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let this = self.clone();
        let id = RequestId::of(&request, &*this.clock, &SystemRandom);
        let (head, _) = request.into_parts();
        Box::pin(async move { Ok(this.respond(&head, id).await) })
    }
}

impl fmt::Debug for SessionResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionResource")
            .field("mounted_at", &self.mounted_at)
            .finish_non_exhaustive()
    }
}
