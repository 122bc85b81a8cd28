use std::borrow::Cow;

use bytes::Bytes;
use countersign::mint::MintParameters;
use countersign::time::Precision;
use countersign::{Scope, Scopes};
use http::{Response, StatusCode, request};
use serde::Serialize;
use serde_json::Value;

use crate::error::{FieldError, FieldErrorCode, TokenError};
use crate::fields::missing;
use crate::json::{Json, Object, public_member};
use crate::response::{self, ResponseBody};
use crate::wire::{CredentialSource, RequestContext, TokenRequest, TokenResponse, Wire};

/// As many scopes as a token can have. Further invalid scopes are not listed.
const MAX_ERRORS: usize = 256;

/// Exchanges an API key in its header for a token with the scopes that the body names (`POST /v1/auth/token`).
///
/// The body is `{"scope": ["calls:read", …]}` with at least one scope; a repeated scope counts once. A scope that the key
/// does not hold is an error; no scope is dropped silently.
///
/// # Errors
///
/// The body is `{"timestamp":"…","status":400,"message":"…","errors":[{"field":"…","rejectedValue":…,"message":"…"}]}`.
/// `errors` is empty, or has one entry for each invalid scope. `rejectedValue` is absent if the field is, and `[redacted]`
/// if the field is named like a secret.
///
/// | status | when |
/// |---|---|
/// | 400 | the body is invalid or over 16 KiB; a scope is unknown, or not held by the key; two keys |
/// | 401 | the key is missing or not valid, for any reason |
/// | 403 | a bearer token, even beside a valid key; a request that a page of another site caused |
/// | 404, 405 | another path, another method |
/// | 429 | too many tokens; see `Retry-After` |
/// | 503 | the key could not be checked; see `Retry-After` |
/// | 500 | the server failed |
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
/// # use http_body_util::Full;
/// # use tower::ServiceExt;
/// use countersign_wire::{Scoped, TokenEndpoint};
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let issuer = Issuer::builder("https://auth.example")
/// #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
/// #     .build()?;
/// # let mint = Mint::new(issuer, SystemClock, SystemRandom);
/// # let authenticator =
/// #     Authenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
/// let new = NewKey::new("ci", "calls:*".parse()?);
/// let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
/// let endpoint = TokenEndpoint::new(Scoped::default(), authenticator, mint);
///
/// let request = |body: &'static str| {
///     Request::post("/v1/auth/token")
///         .header("x-api-key", key.expose())
///         .body(Full::<Bytes>::from(body))
/// };
/// let issued = endpoint.clone().oneshot(request(r#"{"scope":["calls:read"]}"#)?).await?;
/// assert_eq!(issued.status(), StatusCode::OK);
///
/// let rejected = endpoint.oneshot(request(r#"{"scope":["agents:read"]}"#)?).await?;
/// assert_eq!(rejected.status(), StatusCode::BAD_REQUEST);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Scoped;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScopedToken))]
pub(crate) struct ScopedTokenResponse<'a> {
    token: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScopedError))]
pub(crate) struct ScopedErrorResponse<'a> {
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    timestamp: String,
    status: u16,
    message: Cow<'static, str>,
    errors: Vec<ScopedErrorEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct ScopedErrorEntry<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_value: Option<Value>,
    message: &'a str,
}

impl Wire for Scoped {
    fn credential_source(&self) -> CredentialSource {
        CredentialSource::ApiKeyHeader
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let scope = Object::parse(body)?.take_value(SCOPE);
        let scopes = scopes(&scope.ok_or_else(|| missing(SCOPE))?).map_err(TokenError::Invalid)?;
        Ok(TokenRequest {
            parameters: MintParameters::default().scopes(scopes),
            ..TokenRequest::default()
        })
    }

    fn write(
        &self,
        response: TokenResponse<'_>,
        context: &RequestContext,
    ) -> Response<ResponseBody> {
        let error = match response {
            TokenResponse::Issued { token, .. } => {
                let body = ScopedTokenResponse {
                    token: token.token.expose(),
                    expires_in: token.expires_in,
                    token_type: "Bearer",
                };
                return response::json(StatusCode::OK, &body);
            }
            TokenResponse::Error(error) => error,
        };
        // This format has no 413.
        let status = match error {
            TokenError::PayloadTooLarge => StatusCode::BAD_REQUEST,
            error => error.status(),
        };
        let body = ScopedErrorResponse {
            timestamp: context.now.to_rfc3339_with(Precision::Millis, 0),
            status: status.as_u16(),
            message: message(error),
            errors: errors(error),
        };
        response::json(status, &body)
    }
}

/// Returns the sentence that this format prescribes, if there is one.
fn message(error: &TokenError) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        TokenError::Invalid(_) | TokenError::InvalidScope(_) => {
            "Invalid payload or unsupported scope"
        }
        TokenError::Unauthenticated => "Missing or invalid API key",
        TokenError::Chaining => "Bearer tokens cannot be used to mint another token",
        TokenError::TooManyRequests(_) => "Too Many Requests",
        error => return error.to_string().into(),
    })
}

fn errors(error: &TokenError) -> Vec<ScopedErrorEntry<'_>> {
    match error {
        TokenError::Invalid(errors) => errors
            .iter()
            .map(|error| ScopedErrorEntry {
                field: &error.field,
                rejected_value: error.rejected_value.clone(),
                message: &error.message,
            })
            .collect(),
        TokenError::InvalidScope(scopes) => scopes
            .iter()
            .map(|scope| ScopedErrorEntry {
                field: SCOPE,
                rejected_value: Some(Value::from(scope)),
                message: "the scope is not supported, or not held by the key",
            })
            .collect(),
        _ => Vec::new(),
    }
}

const SCOPE: &str = "scope";

fn scopes(list: &Json) -> Result<Scopes, Vec<FieldError>> {
    let error = |code, message: String, value| {
        FieldError::new(SCOPE, code, message).with_rejected_value(public_member(SCOPE, value))
    };
    let Json::Array(items) = list else {
        let message = "scope must be a list of strings".to_owned();
        return Err(vec![error(FieldErrorCode::InvalidType, message, list)]);
    };
    if items.is_empty() {
        let message = "scope must name one scope at least".to_owned();
        return Err(vec![error(FieldErrorCode::OutOfRange, message, list)]);
    }
    let mut scopes: Vec<&str> = Vec::new();
    let mut errors: Vec<FieldError> = Vec::new();
    for item in items {
        let invalid = match item.as_text().map(|text| (text, text.parse::<Scope>())) {
            Some((text, Ok(_))) => {
                scopes.push(text);
                continue;
            }
            Some((_, Err(invalid))) => error(FieldErrorCode::OutOfRange, invalid.to_string(), item),
            None => {
                let message = "a scope must be a string".to_owned();
                error(FieldErrorCode::InvalidType, message, item)
            }
        };
        if errors.len() < MAX_ERRORS && !errors.contains(&invalid) {
            errors.push(invalid);
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Scopes::from_list(scopes).map_err(|too_many| {
        let code = FieldErrorCode::OutOfRange;
        vec![FieldError::new(SCOPE, code, too_many.to_string())]
    })
}
