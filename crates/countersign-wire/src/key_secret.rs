use bytes::Bytes;
use countersign::credentials::Credentials;
use countersign::directory::EnvironmentKind;
use countersign::time::Precision;
use countersign::{Id, Scopes};
use http::{Response, StatusCode, request};
use serde::Serialize;

use crate::error::TokenError;
use crate::json::Object;
use crate::response::{self, ResponseBody};
use crate::wire::{CredentialSource, RequestContext, TokenRequest, TokenResponse, Wire};

/// Exchanges the id and the secret of a key, in the body, for a token (`POST /generate-token`).
///
/// The body is `{"keyId":"…","secret":"…"}`. The response names the key's account as `businessId`, the kind of its
/// environment, and the token's scopes.
///
/// Headers are ignored, so that a client that attaches an expired token to every request can recover. A bearer token
/// without an id and a secret in the body gets 403.
///
/// # Errors
///
/// The body is `{"error":{"code":"…","message":"…"}}`:
///
/// | status | code | when |
/// |---|---|---|
/// | 400 | `BAD_REQUEST` | the body is not a JSON object, or has no `keyId` or `secret` |
/// | 401 | `UNAUTHORIZED` | the id or the secret is not valid, for any reason |
/// | 403 | `FORBIDDEN` | a bearer token, without an id and a secret |
/// | 403 | `CROSS_SITE` | a page of another site caused the request |
/// | 404, 405 | `NOT_FOUND`, `METHOD_NOT_ALLOWED` | another path, another method |
/// | 413 | `PAYLOAD_TOO_LARGE` | the body is over 16 KiB |
/// | 429 | `TOO_MANY_REQUESTS` | too many failures or tokens; see `Retry-After` |
/// | 503 | `UNAVAILABLE` | the credentials could not be checked; see `Retry-After` |
/// | 500 | `INTERNAL` | the server failed |
///
/// ```
/// # use std::sync::Arc;
/// # use bytes::Bytes;
/// # use countersign::auth::Authenticator;
/// # use countersign::directory::MemoryDirectory;
/// # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
/// # use countersign::jose::{Algorithm, SigningKey};
/// # use countersign::key::{Pepper, Peppers};
/// # use countersign::mint::{Issuer, Mint};
/// # use countersign::random::SystemRandom;
/// # use countersign::time::SystemClock;
/// # use http::{Request, StatusCode};
/// # use http_body_util::Full;
/// # use tower::ServiceExt;
/// use countersign::mechanism::Basic;
/// use countersign_wire::{KeySecret, TokenEndpoint};
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let new = NewKey::new("ci", "wallet:*".parse()?);
/// # let key = registry.create_key(&Caller::operator("me"), new).await?;
/// # let issuer = Issuer::builder("https://auth.example")
/// #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
/// #     .build()?;
/// # let mint = Mint::new(issuer, SystemClock, SystemRandom);
/// // The mechanism of `Authorization: Basic` also authenticates an id and a secret in a body.
/// let authenticator =
///     Authenticator::builder().primary(Basic::new(directory, peppers)).build()?;
/// let endpoint = TokenEndpoint::new(KeySecret::default(), authenticator, mint);
///
/// let request = |id: &str, secret: &str| {
///     let body = format!(r#"{{"keyId":"{id}","secret":"{secret}"}}"#);
///     Request::post("/generate-token").body(Full::<Bytes>::from(body))
/// };
/// let id = key.record.id.to_string();
/// let issued = endpoint.clone().oneshot(request(&id, key.issued.secret.expose())?).await?;
/// assert_eq!(issued.status(), StatusCode::OK);
///
/// let rejected = endpoint.oneshot(request(&id, "not its secret")?).await?;
/// assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KeySecret;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = KeySecretToken))]
pub(crate) struct KeySecretTokenResponse<'a> {
    token: &'a str,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    expires_at: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    business_id: Option<&'a Id>,
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(sandbox|production)$"))]
    environment: EnvironmentKind,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    scopes: &'a Scopes,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = KeySecretError))]
pub(crate) struct KeySecretErrorResponse {
    error: KeySecretErrorText,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct KeySecretErrorText {
    code: &'static str,
    message: String,
}

impl Wire for KeySecret {
    fn credential_source(&self) -> CredentialSource {
        CredentialSource::Body
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let pair = Object::parse(body)?.take_pair("keyId", "secret")?;
        Ok(TokenRequest {
            credentials: pair.map(|(id, secret)| Credentials::client(id, secret)),
            ..TokenRequest::default()
        })
    }

    fn write(&self, response: TokenResponse<'_>, _: &RequestContext) -> Response<ResponseBody> {
        match response {
            TokenResponse::Issued { token, principal } => response::json(
                StatusCode::OK,
                &KeySecretTokenResponse {
                    token: token.token.expose(),
                    expires_at: token.expires_at.to_rfc3339_with(Precision::Millis, 0),
                    business_id: principal.principal().account(),
                    environment: principal.environment_kind(),
                    scopes: &token.scopes,
                },
            ),
            TokenResponse::Error(error) => {
                let status = error.status();
                let error = error_text(error);
                response::json(status, &KeySecretErrorResponse { error })
            }
        }
    }
}

fn error_text(error: &TokenError) -> KeySecretErrorText {
    let code = match error {
        TokenError::NotFound => "NOT_FOUND",
        TokenError::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        TokenError::Chaining => "FORBIDDEN",
        TokenError::CrossSite => "CROSS_SITE",
        TokenError::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
        TokenError::Unauthenticated => "UNAUTHORIZED",
        TokenError::TooManyRequests(_) => "TOO_MANY_REQUESTS",
        TokenError::Unavailable(_) => "UNAVAILABLE",
        TokenError::Internal => "INTERNAL",
        _ => "BAD_REQUEST",
    };
    let message = match error {
        TokenError::NoCredentials => "keyId and secret are missing".to_owned(),
        TokenError::Unauthenticated => "keyId or secret is not valid".to_owned(),
        error => error.to_string(),
    };
    KeySecretErrorText { code, message }
}
