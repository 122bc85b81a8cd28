use bytes::Bytes;
use countersign::credentials::Credentials;
use countersign::directory::EnvironmentKind;
use countersign::mint::MintParameters;
use countersign::time::Precision;
use countersign::{Id, Scopes};
use http::{Response, StatusCode, request};
use serde::Serialize;

use crate::json::Object;
use crate::{
    RequestContext, ResponseBody, Source, TokenError, TokenRequest, TokenResponse, Wire, respond,
};

/// A key's id and secret, in the body, for a token (`POST /generate-token`).
///
/// The body is `{"keyId":"…","secret":"…"}`. The answer tells whose the key is: its account as `businessId`, the
/// kind of its environment, and the token's scopes.
///
/// Headers are not consulted, so that a client that attaches its expired token to every request can recover. A
/// bearer without a key pair in the body gets 403.
///
/// # Errors
///
/// Always `{"error":{"code":"…","message":"…"}}`:
///
/// | status | code | when |
/// |---|---|---|
/// | 400 | `BAD_REQUEST` | the body is no JSON object, or lacks `keyId` or `secret` |
/// | 401 | `UNAUTHORIZED` | the pair is not good, for whatever reason |
/// | 403 | `FORBIDDEN` | a bearer, and no pair |
/// | 404, 405 | `NOT_FOUND`, `METHOD_NOT_ALLOWED` | another path, another method |
/// | 413 | `PAYLOAD_TOO_LARGE` | the body is over 16 KiB |
/// | 429 | `TOO_MANY_REQUESTS` | too many failures, or too many tokens; see `Retry-After` |
/// | 503 | `UNAVAILABLE` | the pair was not judged; see `Retry-After` |
/// | 500 | `INTERNAL` | the fault is the server's |
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
/// // The same mechanism that judges `Authorization: Basic` judges pairs from bodies.
/// let authenticator =
///     Authenticator::builder().primary(Basic::new(directory, peppers)).build()?;
/// let endpoint = TokenEndpoint::new(KeySecret::default(), authenticator, mint);
///
/// let ask = |id: &str, secret: &str| {
///     let body = format!(r#"{{"keyId":"{id}","secret":"{secret}"}}"#);
///     Request::post("/generate-token").body(Full::<Bytes>::from(body))
/// };
/// let id = key.record.id.to_string();
/// let issued = endpoint.clone().oneshot(ask(&id, key.issued.secret.expose())?).await?;
/// assert_eq!(issued.status(), StatusCode::OK);
///
/// let refused = endpoint.oneshot(ask(&id, "not its secret")?).await?;
/// assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KeySecret;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = KeyPairToken))]
pub(crate) struct Issued<'a> {
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = KeyPairError))]
pub(crate) struct Denied<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = KeyPairErrorText))]
struct Error<'a> {
    code: &'static str,
    message: &'a str,
}

impl Wire for KeySecret {
    fn source(&self) -> Source {
        Source::Body
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let mut body = Object::parse(body).map_err(TokenError::invalid)?;
        let pair = body
            .take_pair("keyId", "secret")
            .map_err(TokenError::Invalid)?;
        Ok(TokenRequest {
            credentials: pair.map(|(id, secret)| Credentials::client(id, secret)),
            parameters: MintParameters::default(),
            session: None,
        })
    }

    fn write(&self, answer: TokenResponse<'_>, _: &RequestContext) -> Response<ResponseBody> {
        match answer {
            TokenResponse::Issued { token, principal } => respond::json(
                StatusCode::OK,
                &Issued {
                    token: token.token.expose(),
                    expires_at: token.expires_at.to_rfc3339_with(Precision::Millis, 0),
                    business_id: principal.principal().account(),
                    environment: principal.environment_kind(),
                    scopes: &token.scopes,
                },
            ),
            TokenResponse::Denied(denial) => {
                let (code, message) = words(denial);
                let error = Error { code, message };
                respond::json(denial.status(), &Denied { error })
            }
        }
    }
}

fn words(denial: &TokenError) -> (&'static str, &str) {
    let code = match denial {
        TokenError::NotFound => "NOT_FOUND",
        TokenError::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        TokenError::Chaining => "FORBIDDEN",
        TokenError::NoCredentials => return ("BAD_REQUEST", "keyId and secret are missing"),
        TokenError::Ambiguous
        | TokenError::Invalid(_)
        | TokenError::UnsupportedGrantType
        | TokenError::InvalidLifetime
        | TokenError::InvalidScope(_)
        | TokenError::InvalidTarget => "BAD_REQUEST",
        TokenError::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
        TokenError::Unauthenticated => return ("UNAUTHORIZED", "keyId or secret is not valid"),
        TokenError::TooManyRequests(_) => "TOO_MANY_REQUESTS",
        TokenError::Unavailable(_) => "UNAVAILABLE",
        TokenError::Failed => "INTERNAL",
    };
    (code, denial.message())
}
