mod denied;

use std::time::Duration;

use bytes::Bytes;
use countersign::mint::MintParameters;
use countersign::time::Precision;
use http::{Response, StatusCode, request};
use serde::Serialize;

use crate::json::{Json, Object};
use crate::{
    FieldError, FieldErrorCode, RequestContext, ResponseBody, Source, TokenError, TokenRequest,
    TokenResponse, Wire, json, respond,
};
use denied::{Error, errors, words};

/// An API key or Basic for a token, every answer in one envelope (`POST /auth/token`).
///
/// The body may be absent, or `{"expireAfter": seconds}`; a `grant_type` of `client_credentials` may stand beside it.
///
/// # Errors
///
/// Always the envelope with `"status":"ERROR"` and `"data":null`. `errors`, a list of `{"field","code","message"}`, is
/// there with `INVALID_REQUEST` alone:
///
/// | status | type | when |
/// |---|---|---|
/// | 400 | `INVALID_REQUEST` | `MALFORMED_JSON`, `INVALID_TYPE`, `OUT_OF_RANGE`, `UNSUPPORTED_VALUE`, `MULTIPLE_CREDENTIALS` |
/// | 401 | `UNAUTHORIZED` | the credentials are missing, or not good, for whatever reason |
/// | 403 | `TOKEN_CHAINING_NOT_ALLOWED` | a bearer, also beside a good key |
/// | 404, 405 | `NOT_FOUND`, `METHOD_NOT_ALLOWED` | another path, another method |
/// | 413 | `INVALID_REQUEST` | `PAYLOAD_TOO_LARGE`: the body is over 16 KiB |
/// | 429 | `RATE_LIMIT_EXCEEDED` | too many failures, or too many tokens; see `Retry-After` |
/// | 503 | `SERVICE_UNAVAILABLE` | the credentials were not judged; see `Retry-After` |
/// | 500 | `INTERNAL_ERROR` | the fault is the server's |
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
/// let ask = |body: &'static str| {
///     Request::post("/auth/token")
///         .header("x-api-key", key.expose())
///         .body(Full::<Bytes>::from(body))
/// };
/// let http = endpoint(Envelope::default());
/// let issued = http.clone().oneshot(ask("")?).await?;
/// assert_eq!(issued.status(), StatusCode::OK);
///
/// let too_long = r#"{"expireAfter":3601}"#;
/// let refused = http.oneshot(ask(too_long)?).await?;
/// assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
///
/// // For clients that look at the envelope alone.
/// let enveloped = endpoint(Envelope::default().error_status(ErrorStatus::Envelope));
/// let refused = enveloped.oneshot(ask(too_long)?).await?;
/// assert_eq!(refused.status(), StatusCode::OK);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    error_status: ErrorStatus,
}

/// Where an [`Envelope`] tells of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "in both, or in one of them")]
pub enum ErrorStatus {
    /// In the HTTP status, and in the envelope.
    #[default]
    Http,
    /// In the envelope: the HTTP status of `INVALID_REQUEST`, `SERVICE_UNAVAILABLE` and `INTERNAL_ERROR` is 200.
    Envelope,
}

impl Envelope {
    /// The same, telling of errors there.
    #[must_use]
    pub const fn error_status(mut self, error_status: ErrorStatus) -> Self {
        self.error_status = error_status;
        self
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Envelope))]
pub(crate) struct Enveloped<'a> {
    status: &'static str,
    r#type: &'static str,
    message: &'static str,
    #[cfg_attr(feature = "openapi", schema(required = true))]
    data: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    errors: Vec<Error<'a>>,
    transaction_id: &'a str,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    processed_at: String,
    billable: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = EnvelopeToken))]
struct Data<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

impl Wire for Envelope {
    fn source(&self) -> Source {
        Source::Headers
    }

    fn read(&self, _: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let mut body = if body.is_empty() {
            Object::default()
        } else {
            match json::parse(body).map_err(TokenError::invalid)? {
                Json::Null => Object::default(),
                body => body.into_object().map_err(TokenError::invalid)?,
            }
        };
        let lifetime = lifetime(&mut body);
        let grant = grant_type(&mut body);
        match (lifetime, grant) {
            (Ok(lifetime), Ok(())) => {
                let mut parameters = MintParameters::default();
                parameters.lifetime = lifetime;
                Ok(TokenRequest {
                    parameters,
                    ..TokenRequest::default()
                })
            }
            (lifetime, grant) => {
                let flaws = [lifetime.err(), grant.err()];
                Err(TokenError::Invalid(flaws.into_iter().flatten().collect()))
            }
        }
    }

    fn write(
        &self,
        answer: TokenResponse<'_>,
        exchange: &RequestContext,
    ) -> Response<ResponseBody> {
        let mut envelope = Enveloped {
            status: "OK",
            r#type: "SUCCESS",
            message: "Token generated successfully.",
            data: None,
            errors: Vec::new(),
            transaction_id: exchange.id.as_str(),
            processed_at: exchange.now.to_rfc3339_with(Precision::Seconds, -6),
            billable: false,
        };
        match answer {
            TokenResponse::Issued { token, .. } => {
                envelope.data = Some(Data {
                    access_token: token.token.expose(),
                    token_type: "Bearer",
                    expires_in: token.expires_in,
                });
                respond::json(StatusCode::OK, &envelope)
            }
            TokenResponse::Denied(denial) => {
                envelope.status = "ERROR";
                (envelope.r#type, envelope.message) = words(denial);
                envelope.errors = errors(denial);
                respond::json(self.status(denial), &envelope)
            }
        }
    }
}

impl Envelope {
    fn status(&self, denial: &TokenError) -> StatusCode {
        let told_inside = matches!(
            words(denial).0,
            "INVALID_REQUEST" | "SERVICE_UNAVAILABLE" | "INTERNAL_ERROR"
        );
        if told_inside && self.error_status == ErrorStatus::Envelope {
            StatusCode::OK
        } else {
            denial.status()
        }
    }
}

/// `expireAfter`, in seconds. Whether that is too long is the mint's to say.
fn lifetime(body: &mut Object) -> Result<Option<Duration>, FieldError> {
    let Some(value) = body.take_value(EXPIRE_AFTER) else {
        return Ok(None);
    };
    match value.seconds() {
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
        Err(FieldErrorCode::OutOfRange) => Err(FieldError::new(
            EXPIRE_AFTER,
            FieldErrorCode::OutOfRange,
            OUT_OF_RANGE,
        )),
        Err(code) => {
            let message = "expireAfter must be an integer number of seconds";
            Err(FieldError::new(EXPIRE_AFTER, code, message))
        }
    }
}

const EXPIRE_AFTER: &str = "expireAfter";
const OUT_OF_RANGE: &str = "expireAfter must be between 1 and the longest lifetime";

fn grant_type(body: &mut Object) -> Result<(), FieldError> {
    match body.take_text("grant_type")? {
        Some(grant) if grant.expose() != "client_credentials" => Err(FieldError::new(
            "grant_type",
            FieldErrorCode::UnsupportedValue,
            TokenError::UnsupportedGrantType.message().to_owned(),
        )),
        _ => Ok(()),
    }
}
