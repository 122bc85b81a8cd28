use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use countersign::time::Precision;
use http::{Response, StatusCode, request};
use serde::Serialize;

use crate::error::{FieldError, FieldErrorCode, TokenError};
use crate::json::{self, Json, Object};
use crate::response::{self, ResponseBody};
use crate::wire::{CredentialSource, RequestContext, TokenRequest, TokenResponse, Wire};

/// Exchanges an API key or Basic for a token; every response is an envelope (`POST /auth/token`).
///
/// The body may be absent, or `{"expireAfter": seconds}`. A `grant_type` of `client_credentials` is accepted.
///
/// # Errors
///
/// The envelope has `"status":"ERROR"` and `"data":null`. With `INVALID_REQUEST` it also has `errors`, a list of
/// `{"field","code","message"}`:
///
/// | status | type | when |
/// |---|---|---|
/// | 400 | `INVALID_REQUEST` | `MALFORMED_JSON`, `INVALID_TYPE`, `OUT_OF_RANGE`, `UNSUPPORTED_VALUE`, `MULTIPLE_CREDENTIALS` |
/// | 401 | `UNAUTHORIZED` | the credentials are missing or not valid, for any reason |
/// | 403 | `TOKEN_CHAINING_NOT_ALLOWED` | a bearer token, even beside a valid key |
/// | 403 | `CROSS_SITE` | a page of another site caused the request |
/// | 404, 405 | `NOT_FOUND`, `METHOD_NOT_ALLOWED` | another path, another method |
/// | 413 | `INVALID_REQUEST` | `PAYLOAD_TOO_LARGE`: the body is over 16 KiB |
/// | 429 | `RATE_LIMIT_EXCEEDED` | too many failures or tokens; see `Retry-After` |
/// | 503 | `SERVICE_UNAVAILABLE` | the credentials could not be checked; see `Retry-After` |
/// | 500 | `INTERNAL_ERROR` | the server failed |
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
/// use countersign_wire::{Envelope, ErrorStatus, TokenEndpoint};
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let new = NewKey::new("ci", "calls:read".parse()?);
/// # let key = registry.create_key(&Caller::operator("me"), new).await?.issued.key;
/// # let issuer = Issuer::builder("https://auth.example")
/// #     .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
/// #     .build()?;
/// # let mint = Mint::new(issuer, SystemClock, SystemRandom);
/// # let authenticator =
/// #     Authenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
/// let endpoint = |wire| TokenEndpoint::new(wire, authenticator.clone(), mint.clone());
/// let request = |body: &'static str| {
///     Request::post("/auth/token")
///         .header("x-api-key", key.expose())
///         .body(Full::<Bytes>::from(body))
/// };
/// let http = endpoint(Envelope::default());
/// let issued = http.clone().oneshot(request("")?).await?;
/// assert_eq!(issued.status(), StatusCode::OK);
///
/// let too_long = r#"{"expireAfter":3601}"#;
/// let rejected = http.oneshot(request(too_long)?).await?;
/// assert_eq!(rejected.status(), StatusCode::BAD_REQUEST);
///
/// // For clients that read the envelope alone.
/// let enveloped = endpoint(Envelope::default().error_status(ErrorStatus::Envelope));
/// let rejected = enveloped.oneshot(request(too_long)?).await?;
/// assert_eq!(rejected.status(), StatusCode::OK);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    error_status: ErrorStatus,
}

/// Where an [`Envelope`] reports errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "in both, or in one of them")]
pub enum ErrorStatus {
    /// In the HTTP status and in the envelope.
    #[default]
    Http,
    /// In the envelope: `INVALID_REQUEST`, `SERVICE_UNAVAILABLE` and `INTERNAL_ERROR` have the HTTP status 200.
    Envelope,
}

impl Envelope {
    /// Sets where errors are reported.
    #[must_use]
    pub const fn error_status(mut self, error_status: ErrorStatus) -> Self {
        self.error_status = error_status;
        self
    }

    fn status(&self, kind: &str, error: &TokenError) -> StatusCode {
        let in_envelope = matches!(
            kind,
            "INVALID_REQUEST" | "SERVICE_UNAVAILABLE" | "INTERNAL_ERROR"
        );
        if in_envelope && self.error_status == ErrorStatus::Envelope {
            StatusCode::OK
        } else {
            error.status()
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Envelope))]
pub(crate) struct EnvelopeResponse<'a> {
    status: &'static str,
    r#type: &'static str,
    message: &'static str,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    data: Option<EnvelopeToken<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    errors: Vec<EnvelopeError<'a>>,
    transaction_id: &'a str,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    processed_at: String,
    billable: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct EnvelopeToken<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct EnvelopeError<'a> {
    field: &'a str,
    code: &'static str,
    message: Cow<'a, str>,
}

impl Wire for Envelope {
    fn credential_source(&self) -> CredentialSource {
        CredentialSource::Headers
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let json = match body.as_ref() {
            [] => Json::Null,
            body => json::parse(body)?,
        };
        let mut body = match json {
            Json::Null => Object::default(),
            json => json.into_object()?,
        };
        match (lifetime(&mut body), check_grant_type(&mut body)) {
            (Ok(lifetime), Ok(())) => {
                let mut request = TokenRequest::default();
                request.parameters.lifetime = lifetime;
                Ok(request)
            }
            (lifetime, grant_type) => {
                let errors = [lifetime.err(), grant_type.err()];
                Err(TokenError::Invalid(errors.into_iter().flatten().collect()))
            }
        }
    }

    fn write(
        &self,
        response: TokenResponse<'_>,
        context: &RequestContext,
    ) -> Response<ResponseBody> {
        let mut envelope = EnvelopeResponse {
            status: "OK",
            r#type: "SUCCESS",
            message: "Token generated successfully.",
            data: None,
            errors: Vec::new(),
            transaction_id: context.id.as_str(),
            processed_at: context.now.to_rfc3339_with(Precision::Seconds, -6),
            billable: false,
        };
        match response {
            TokenResponse::Issued { token, .. } => {
                envelope.data = Some(EnvelopeToken {
                    access_token: token.token.expose(),
                    token_type: "Bearer",
                    expires_in: token.expires_in,
                });
                response::json(StatusCode::OK, &envelope)
            }
            TokenResponse::Error(error) => {
                let (kind, message) = type_and_message(error);
                envelope.status = "ERROR";
                envelope.r#type = kind;
                envelope.message = message;
                envelope.errors = errors(error);
                response::json(self.status(kind, error), &envelope)
            }
        }
    }
}

const EXPIRE_AFTER: &str = "expireAfter";
const EXPIRE_AFTER_RANGE: &str =
    "expireAfter must be from 1 to the maximum lifetime in seconds: omit it for the default";

/// Reads `expireAfter`, in seconds. The mint checks its range.
fn lifetime(body: &mut Object) -> Result<Option<Duration>, FieldError> {
    let Some(value) = body.take_value(EXPIRE_AFTER) else {
        return Ok(None);
    };
    value
        .seconds()
        .map(|seconds| Some(Duration::from_secs(seconds)))
        .map_err(|code| {
            let message = match code {
                FieldErrorCode::OutOfRange => EXPIRE_AFTER_RANGE,
                _ => "expireAfter must be an integer number of seconds",
            };
            FieldError::new(EXPIRE_AFTER, code, message)
        })
}

fn check_grant_type(body: &mut Object) -> Result<(), FieldError> {
    match body.take_text("grant_type")? {
        Some(grant_type) if grant_type.expose() != "client_credentials" => Err(FieldError::new(
            "grant_type",
            FieldErrorCode::UnsupportedValue,
            TokenError::UnsupportedGrantType.to_string(),
        )),
        _ => Ok(()),
    }
}

fn type_and_message(error: &TokenError) -> (&'static str, &'static str) {
    match error {
        TokenError::NotFound => ("NOT_FOUND", "There is nothing at this path."),
        TokenError::MethodNotAllowed => ("METHOD_NOT_ALLOWED", "The method must be POST."),
        TokenError::CrossSite => ("CROSS_SITE", "A page of another site caused this request."),
        TokenError::Chaining => (
            "TOKEN_CHAINING_NOT_ALLOWED",
            "The request has a bearer token in Authorization or in a cookie. Remove it, and send an API key or Basic \
             credentials.",
        ),
        TokenError::Unauthenticated => ("UNAUTHORIZED", "Invalid credentials"),
        TokenError::TooManyRequests(throttled) => (
            "RATE_LIMIT_EXCEEDED",
            match throttled.policy {
                "failed-authentications" => {
                    "Too many authentications failed. Try again after the seconds in Retry-After."
                }
                _ => "Too many requests. Try again after the seconds in Retry-After.",
            },
        ),
        TokenError::Unavailable(_) => (
            "SERVICE_UNAVAILABLE",
            "The service is temporarily unavailable. Try again later.",
        ),
        TokenError::Internal => (
            "INTERNAL_ERROR",
            "The server failed. Report the transactionId to its operator.",
        ),
        _ => ("INVALID_REQUEST", "The request is not valid."),
    }
}

/// Returns the entries of `errors`, which only `INVALID_REQUEST` has.
fn errors(error: &TokenError) -> Vec<EnvelopeError<'_>> {
    let (field, code, message) = match error {
        TokenError::Invalid(errors) => {
            let entries = errors.iter().map(|error| EnvelopeError {
                field: &error.field,
                code: code_name(error.code),
                message: error.message.as_ref().into(),
            });
            return entries.collect();
        }
        TokenError::Ambiguous => (
            "credentials",
            "MULTIPLE_CREDENTIALS",
            error.to_string().into(),
        ),
        TokenError::PayloadTooLarge => ("body", "PAYLOAD_TOO_LARGE", error.to_string().into()),
        TokenError::InvalidLifetime => (EXPIRE_AFTER, "OUT_OF_RANGE", EXPIRE_AFTER_RANGE.into()),
        // Requests of this wire name no scopes: these are the credential's own.
        TokenError::InvalidScope(_) => {
            let message = "the credentials hold a scope that is not in the issuer's catalogue";
            ("credentials", "UNSUPPORTED_VALUE", message.into())
        }
        _ => return Vec::new(),
    };
    vec![EnvelopeError {
        field,
        code,
        message,
    }]
}

fn code_name(code: FieldErrorCode) -> &'static str {
    match code {
        FieldErrorCode::Malformed => "MALFORMED_JSON",
        FieldErrorCode::InvalidType => "INVALID_TYPE",
        FieldErrorCode::OutOfRange => "OUT_OF_RANGE",
        FieldErrorCode::Missing => "MISSING",
        FieldErrorCode::UnsupportedValue => "UNSUPPORTED_VALUE",
    }
}
