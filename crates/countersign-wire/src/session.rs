use bytes::Bytes;
use countersign::Secret;
use countersign::credentials::Credentials;
use countersign::mint::MintParameters;
use countersign::registry::SessionName;
use http::{Response, StatusCode, request};
use serde::Serialize;

use crate::json::Object;
use crate::{
    FieldError, FieldErrorCode, RequestContext, ResponseBody, Source, TokenError, TokenRequest,
    TokenResponse, Wire, respond,
};

/// Any primary credential, in the body, for the token of a session (`POST /auth/login`).
///
/// The body has one of `api_key`, `username` with `password`, or `client_id` with `client_secret`. A `session_id` of
/// the client's own, 1 to 128 visible ASCII characters, is optional. Mounted over a
/// [`SessionMint`](countersign::mint::SessionMint), the same token comes back while it is valid; another
/// `session_id` gets another one.
///
/// Headers are not consulted, so that a client that attaches its expired token to every request can recover. A
/// bearer without credentials in the body gets 403. A user name that has the form of an id names no user.
///
/// # Errors
///
/// Always `{"error":"…","error_description":"…"}`:
///
/// | status | error | when |
/// |---|---|---|
/// | 400 | `invalid_request` | the body is no JSON object, has no credentials, half of a pair, or two kinds of them |
/// | 400 | `invalid_scope` | the credentials hold a scope that is not in the catalogue |
/// | 401 | `invalid_client` | the credentials are not good, for whatever reason |
/// | 403 | `unauthorized_client` | a bearer, and no credentials |
/// | 404, 405 | `not_found`, `method_not_allowed` | another path, another method |
/// | 413 | `invalid_request` | the body is over 16 KiB |
/// | 429 | `rate_limited` | too many failures, tokens or live sessions; see `Retry-After` |
/// | 503 | `temporarily_unavailable` | the credentials were not judged; see `Retry-After` |
/// | 500 | `server_error` | the fault is the server's |
///
/// ```
/// # use std::sync::Arc;
/// # use bytes::Bytes;
/// # use countersign::auth::Authenticator;
/// # use countersign::directory::MemoryDirectory;
/// # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
/// # use countersign::jose::{Algorithm, SigningKey};
/// # use countersign::key::{Pepper, Peppers};
/// # use countersign::mechanism::ApiKeys;
/// # use countersign::mint::{Issuer, Mint};
/// # use countersign::random::SystemRandom;
/// # use countersign::time::SystemClock;
/// # use http::{Request, StatusCode};
/// # use http_body_util::{BodyExt, Full};
/// # use tower::ServiceExt;
/// use countersign::mint::SessionMint;
/// use countersign_wire::{Session, TokenEndpoint};
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let registry = Arc::new(registry);
/// # let new = NewKey::new("ci", "calls:read".parse()?);
/// # let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
/// # let issuer = Issuer::builder("https://auth.example")
/// #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
/// #     .build()?;
/// # let mint = Mint::new(issuer, SystemClock, SystemRandom);
/// # let authenticator =
/// #     Authenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
/// let mint = SessionMint::new(mint, registry);
/// let endpoint = TokenEndpoint::new(Session::default(), authenticator, mint);
///
/// let log_in = async |key: &str| {
///     let body = format!(r#"{{"api_key":"{key}","session_id":"worker-7"}}"#);
///     let request = Request::post("/auth/login").body(Full::<Bytes>::from(body)).unwrap();
///     let (head, body) = endpoint.clone().oneshot(request).await.unwrap().into_parts();
///     let body = body.collect().await.unwrap().to_bytes();
///     let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
///     (head.status, body["access_token"].clone())
/// };
/// let (status, token) = log_in(key.expose()).await;
/// assert_eq!(status, StatusCode::OK);
/// let (_, again) = log_in(key.expose()).await;
/// assert_eq!(token, again);
///
/// let (status, _) = log_in("not a key").await;
/// assert_eq!(status, StatusCode::UNAUTHORIZED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Session;

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SessionToken))]
pub(crate) struct Issued<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SessionError))]
pub(crate) struct Denied<'a> {
    error: &'static str,
    error_description: &'a str,
}

impl Wire for Session {
    fn source(&self) -> Source {
        Source::Body
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let mut body = Object::parse(body).map_err(TokenError::invalid)?;
        let session = session_name(&mut body);
        let mut kinds = [
            key(&mut body),
            pair(&mut body, ["username", "password"], Credentials::user),
            pair(
                &mut body,
                ["client_id", "client_secret"],
                Credentials::client,
            ),
        ]
        .into_iter()
        .filter_map(Result::transpose);
        let credentials = kinds.next().transpose();
        if kinds.next().is_some() {
            return Err(TokenError::Ambiguous);
        }
        Ok(TokenRequest {
            credentials: credentials.map_err(TokenError::Invalid)?,
            parameters: MintParameters::default(),
            session: session.map_err(TokenError::invalid)?,
        })
    }

    fn write(&self, answer: TokenResponse<'_>, _: &RequestContext) -> Response<ResponseBody> {
        match answer {
            TokenResponse::Issued { token, .. } => respond::json(
                StatusCode::OK,
                &Issued {
                    access_token: token.token.expose(),
                    expires_in: token.expires_in,
                    token_type: "Bearer",
                },
            ),
            TokenResponse::Denied(denial) => deny(denial, denial.message()),
        }
    }
}

/// A denial in this wire's words, and in a sentence for whom it is.
pub(crate) fn deny(denial: &TokenError, error_description: &str) -> Response<ResponseBody> {
    respond::json(
        denial.status(),
        &Denied {
            error: error(denial),
            error_description,
        },
    )
}

/// What one kind of credentials comes to: there are none, or they have flaws.
type Kind = Result<Option<Credentials>, Vec<FieldError>>;

fn key(body: &mut Object) -> Kind {
    let key = body.take_text("api_key").map_err(|flaw| vec![flaw])?;
    Ok(key.map(Credentials::key))
}

fn pair(
    body: &mut Object,
    [id, secret]: [&'static str; 2],
    credentials: fn(Secret, Secret) -> Credentials,
) -> Kind {
    let pair = body.take_pair(id, secret)?;
    Ok(pair.map(|(id, secret)| credentials(id, secret)))
}

fn session_name(body: &mut Object) -> Result<Option<SessionName>, FieldError> {
    let Some(name) = body.take_text("session_id")? else {
        return Ok(None);
    };
    let name = name.expose().parse().map_err(|_| {
        let message = "session_id must be 1 to 128 visible ASCII characters";
        FieldError::new("session_id", FieldErrorCode::OutOfRange, message)
    });
    name.map(Some)
}

fn error(denial: &TokenError) -> &'static str {
    match denial {
        TokenError::NotFound => "not_found",
        TokenError::MethodNotAllowed => "method_not_allowed",
        TokenError::Chaining => "unauthorized_client",
        TokenError::Ambiguous
        | TokenError::Invalid(_)
        | TokenError::PayloadTooLarge
        | TokenError::NoCredentials
        | TokenError::UnsupportedGrantType
        | TokenError::InvalidLifetime
        | TokenError::InvalidTarget => "invalid_request",
        TokenError::Unauthenticated => "invalid_client",
        TokenError::InvalidScope(_) => "invalid_scope",
        TokenError::TooManyRequests(_) => "rate_limited",
        TokenError::Unavailable(_) => "temporarily_unavailable",
        TokenError::Failed => "server_error",
    }
}
