use bytes::Bytes;
use countersign::Secret;
use countersign::credentials::Credentials;
use countersign::registry::SessionName;
use http::{Response, StatusCode, request};
use serde::Serialize;

use crate::error::{FieldError, FieldErrorCode, TokenError};
use crate::json::Object;
use crate::oauth::{OAuthErrorResponse, error_code};
use crate::response::{self, ResponseBody};
use crate::wire::{CredentialSource, RequestContext, TokenRequest, TokenResponse, Wire};

/// Exchanges an API key, a user's password or client credentials for the token of a session (`POST /auth/login`).
///
/// The body has `api_key`, or `username` and `password`, or `client_id` and `client_secret`. It may have a `session_id`
/// chosen by the client, 1 to 128 visible ASCII characters. With a [`SessionMint`](countersign::mint::SessionMint), the
/// endpoint returns the same token while it is valid; another `session_id` gets another token.
///
/// Headers are ignored, so that a client that attaches an expired token to every request can recover. A bearer token
/// without credentials in the body gets 403. A user name in the form of an id is no user's.
///
/// # Errors
///
/// The body is `{"error":"…","error_description":"…"}`:
///
/// | status | error | when |
/// |---|---|---|
/// | 400 | `invalid_request` | the body is not a JSON object, or its credentials are missing, incomplete, or of two kinds |
/// | 400 | `invalid_scope` | the credentials hold a scope that is not in the catalogue |
/// | 401 | `invalid_client` | the credentials are not valid, for any reason |
/// | 403 | `unauthorized_client` | a bearer token, without credentials |
/// | 403 | `cross_site` | a page of another site caused the request |
/// | 404, 405 | `not_found`, `method_not_allowed` | another path, another method |
/// | 413 | `invalid_request` | the body is over 16 KiB |
/// | 429 | `rate_limited` | too many failures, tokens or live sessions; see `Retry-After` |
/// | 503 | `temporarily_unavailable` | the credentials could not be checked; see `Retry-After` |
/// | 500 | `server_error` | the server failed |
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
pub(crate) struct SessionTokenResponse<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

impl Wire for Session {
    fn credential_source(&self) -> CredentialSource {
        CredentialSource::Body
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let mut body = Object::parse(body)?;
        let session = session_name(&mut body);
        let key = body.take_text("api_key").map_err(TokenError::from);
        let mut pair = |id, secret, credentials: fn(Secret, Secret) -> Credentials| {
            let pair = body.take_pair(id, secret)?;
            Ok(pair.map(|(id, secret)| credentials(id, secret)))
        };
        let kinds = [
            key.map(|key| key.map(Credentials::key)),
            pair("username", "password", Credentials::user),
            pair("client_id", "client_secret", Credentials::client),
        ];
        let mut kinds = kinds.into_iter().filter_map(Result::transpose);
        let credentials = kinds.next().transpose();
        if kinds.next().is_some() {
            return Err(TokenError::Ambiguous);
        }
        Ok(TokenRequest {
            credentials: credentials?,
            session: session?,
            ..TokenRequest::default()
        })
    }

    fn write(&self, response: TokenResponse<'_>, _: &RequestContext) -> Response<ResponseBody> {
        match response {
            TokenResponse::Issued { token, .. } => response::json(
                StatusCode::OK,
                &SessionTokenResponse {
                    access_token: token.token.expose(),
                    expires_in: token.expires_in,
                    token_type: "Bearer",
                },
            ),
            TokenResponse::Error(error) => error_response(error, message(error)),
        }
    }
}

fn message(error: &TokenError) -> String {
    match error {
        TokenError::NoCredentials => format!(
            "{error}: send api_key, or username and password, or client_id and client_secret"
        ),
        error => error.to_string(),
    }
}

/// Writes an error of this wire with this description.
pub(crate) fn error_response(
    error: &TokenError,
    error_description: String,
) -> Response<ResponseBody> {
    let body = OAuthErrorResponse {
        error: match error {
            TokenError::NotFound => "not_found",
            TokenError::MethodNotAllowed => "method_not_allowed",
            TokenError::TooManyRequests(_) => "rate_limited",
            error => error_code(error),
        },
        error_description,
    };
    response::json(error.status(), &body)
}

/// What is wrong with a `session_id`.
pub(crate) const INVALID_NAME: &str = "session_id must be 1 to 128 visible ASCII characters";

fn session_name(body: &mut Object) -> Result<Option<SessionName>, FieldError> {
    let name = body.take_text("session_id")?;
    let name = name.map(|name| name.expose().parse()).transpose();
    name.map_err(|_| FieldError::new("session_id", FieldErrorCode::OutOfRange, INVALID_NAME))
}
