use bytes::Bytes;
use countersign::mint::MintParameters;
use countersign::time::Precision;
use countersign::{Scope, Scopes};
use http::{Response, StatusCode, request};
use serde::Serialize;
use serde_json::Value;

use crate::json::{Json, Object, shown_member};
use crate::{
    FieldError, FieldErrorCode, RequestContext, ResponseBody, Source, TokenError, TokenRequest,
    TokenResponse, Wire, members, respond,
};

/// As many scopes as a token can have. More bad ones are not listed one by one.
const MAX_LISTED: usize = 256;

/// An API key in its header for a token of the scopes that are named (`POST /v1/auth/token`).
///
/// The body is `{"scope": ["calls:read", …]}` with one scope at least; one that is named twice counts once. A token
/// has no scope that was not asked for, and what the key does not hold is refused, never dropped.
///
/// # Errors
///
/// Always `{"timestamp":"…","status":400,"message":"…","errors":[{"field":"…","rejectedValue":…,"message":"…"}]}`.
/// `errors` is empty where there is nothing to list, and has one entry for each bad scope. `rejectedValue` is left out
/// where nothing was sent, and is `[redacted]` for what is named like a secret.
///
/// | status | when |
/// |---|---|
/// | 400 | the body is not what is wanted, or over 16 KiB; a scope is unknown, or not held by the key; two keys |
/// | 401 | there is no key, or it is not good, for whatever reason |
/// | 403 | a bearer, also beside a good key |
/// | 404, 405 | another path, another method |
/// | 429 | too many tokens; see `Retry-After` |
/// | 503 | the key was not judged; see `Retry-After` |
/// | 500 | the fault is the server's |
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
/// let ask = |body: &'static str| {
///     Request::post("/v1/auth/token")
///         .header("x-api-key", key.expose())
///         .body(Full::<Bytes>::from(body))
/// };
/// let issued = endpoint.clone().oneshot(ask(r#"{"scope":["calls:read"]}"#)?).await?;
/// assert_eq!(issued.status(), StatusCode::OK);
///
/// let refused = endpoint.oneshot(ask(r#"{"scope":["agents:read"]}"#)?).await?;
/// assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Scoped;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScopedToken))]
pub(crate) struct Issued<'a> {
    token: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScopedError))]
pub(crate) struct Denied<'a> {
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    timestamp: String,
    status: u16,
    message: &'a str,
    errors: Vec<Error<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScopedErrorEntry))]
struct Error<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_value: Option<Value>,
    message: &'a str,
}

impl Wire for Scoped {
    fn source(&self) -> Source {
        Source::ApiKeyHeader
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let mut body = Object::parse(body).map_err(TokenError::invalid)?;
        let scope = body.take_value("scope");
        let scope = scope.ok_or_else(|| TokenError::invalid(members::missing("scope")))?;
        let parameters = MintParameters::default().scopes(scopes(&scope)?);
        Ok(TokenRequest {
            parameters,
            ..TokenRequest::default()
        })
    }

    fn write(
        &self,
        answer: TokenResponse<'_>,
        exchange: &RequestContext,
    ) -> Response<ResponseBody> {
        match answer {
            TokenResponse::Issued { token, .. } => respond::json(
                StatusCode::OK,
                &Issued {
                    token: token.token.expose(),
                    expires_in: token.expires_in,
                    token_type: "Bearer",
                },
            ),
            TokenResponse::Denied(denial) => {
                // The document has no 413.
                let status = match denial {
                    TokenError::PayloadTooLarge => StatusCode::BAD_REQUEST,
                    denial => denial.status(),
                };
                let denied = Denied {
                    timestamp: exchange.now.to_rfc3339_with(Precision::Millis, 0),
                    status: status.as_u16(),
                    message: message(denial),
                    errors: errors(denial),
                };
                respond::json(status, &denied)
            }
        }
    }
}

/// The document's own words where it has some.
fn message(denial: &TokenError) -> &str {
    match denial {
        TokenError::Invalid(_) | TokenError::InvalidScope(_) => {
            "Invalid payload or unsupported scope"
        }
        TokenError::Unauthenticated => "Missing or invalid API key",
        TokenError::Chaining => "Bearer tokens cannot be used to mint another token",
        TokenError::TooManyRequests(_) => "Too Many Requests",
        denial => denial.message(),
    }
}

fn errors<'a>(denial: &'a TokenError) -> Vec<Error<'a>> {
    match denial {
        TokenError::Invalid(flaws) => {
            let error = |flaw: &'a FieldError| Error {
                field: &flaw.field,
                rejected_value: flaw.rejected.clone(),
                message: &flaw.message,
            };
            flaws.iter().map(error).collect()
        }
        TokenError::InvalidScope(scopes) => {
            let error = |scope: &'a str| Error {
                field: "scope",
                rejected_value: Some(Value::from(scope)),
                message: "the scope is not supported, or not held by the key",
            };
            scopes.iter().map(error).collect()
        }
        _ => Vec::new(),
    }
}

fn scopes(scope: &Json) -> Result<Scopes, TokenError> {
    let flaw = |code, message: &'static str| FieldError::new("scope", code, message);
    let Json::Array(items) = scope else {
        let flaw = flaw(
            FieldErrorCode::InvalidType,
            "scope must be a list of strings",
        );
        return Err(TokenError::invalid(
            flaw.rejecting(shown_member("scope", scope)),
        ));
    };
    if items.is_empty() {
        let flaw = flaw(
            FieldErrorCode::OutOfRange,
            "scope must name one scope at least",
        );
        return Err(TokenError::invalid(
            flaw.rejecting(shown_member("scope", scope)),
        ));
    }
    let mut texts: Vec<&str> = Vec::new();
    let mut flaws: Vec<FieldError> = Vec::new();
    for item in items {
        let bad = match item {
            Json::Text(text) => match text.expose().parse::<Scope>() {
                Ok(_) => {
                    texts.push(text.expose());
                    continue;
                }
                Err(invalid) => {
                    FieldError::new("scope", FieldErrorCode::OutOfRange, invalid.to_string())
                }
            },
            _ => flaw(FieldErrorCode::InvalidType, "a scope must be a string"),
        };
        let bad = bad.rejecting(shown_member("scope", item));
        if flaws.len() < MAX_LISTED && !flaws.contains(&bad) {
            flaws.push(bad);
        }
    }
    if !flaws.is_empty() {
        return Err(TokenError::Invalid(flaws));
    }
    Scopes::from_list(texts).map_err(|too_many| {
        let message = too_many.to_string();
        TokenError::invalid(FieldError::new(
            "scope",
            FieldErrorCode::OutOfRange,
            message,
        ))
    })
}
