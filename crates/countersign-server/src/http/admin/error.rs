use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign::registry::RegistryError;
use countersign::rejection::{Rejection, RejectionKind};
use countersign_cli::ops::OpsError;
use countersign_store::StoreError;

use crate::http::problem::{self, ProblemDetails};

/// The challenge for credentials that were revoked while the request was processed.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"ApiKey realm="countersign""#);
const PROBLEM: HeaderValue = HeaderValue::from_static(problem::MEDIA_TYPE);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The result of a handler.
pub(in crate::http) type Result<T, E = AdminError> = std::result::Result<T, E>;

/// An error of `/admin/v1`. It contains nothing that the client sent.
#[derive(Debug)]
pub(crate) struct AdminError {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    /// The number of seconds after which the client may retry.
    retry_after: Option<u64>,
}

impl AdminError {
    pub(in crate::http) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }

    /// Returns 400.
    pub(in crate::http) fn invalid(
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Returns 500, and logs the cause.
    pub(in crate::http) fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        StatusCode::INTERNAL_SERVER_ERROR.into()
    }

    /// Returns 503 if too many requests of an expensive operation are processed. Nothing was changed.
    pub(in crate::http) fn busy(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    /// Sets the number of seconds after which the client may retry.
    pub(in crate::http) fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// Returns 429 for a credential that may send the next request after `wait`.
    pub(super) fn throttled(wait: Duration) -> Self {
        let detail =
            "These credentials send too many requests. Nothing was changed: try again later.";
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self {
            retry_after: Some(seconds.max(1)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)
        }
    }
}

/// Returns the error that a status means by itself. 404 is the same for what does not exist and for what the caller
/// cannot access.
impl From<StatusCode> for AdminError {
    fn from(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::UNAUTHORIZED => ("credentials_invalid", "The credentials are invalid."),
            StatusCode::NOT_FOUND => ("not_found", "Not found."),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method_not_allowed",
                "The method is not allowed here. `Allow` lists those that are.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The body is too large."),
            StatusCode::SERVICE_UNAVAILABLE => (
                "unavailable",
                "The database is unavailable, and a requested change may have been made: read the resource, and try \
                 again if it was not.",
            ),
            _ if status.is_client_error() => (
                "refused",
                "The request was rejected, for the reason that the status code names.",
            ),
            _ => (
                "internal",
                "An internal error occurred. The server's log describes it, with the `x-request-id` of this response.",
            ),
        };
        Self::new(status, code, detail)
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response<Body> {
        let problem = ProblemDetails::new(self.status, self.code, &self.detail);
        let json = serde_json::to_vec(&problem).unwrap_or_default();
        let challenge = (self.status == StatusCode::UNAUTHORIZED).then_some(CHALLENGE);
        let mut response = (self.status, [(CONTENT_TYPE, PROBLEM)], json).into_response();
        let headers = response.headers_mut();
        headers.extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
        let retry_after = self.retry_after.map(HeaderValue::from);
        headers.extend(retry_after.map(|seconds| (RETRY_AFTER, seconds)));
        response
    }
}

impl From<OpsError> for AdminError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::Registry(error) => error.into(),
            OpsError::Store(error) => error.into(),
            OpsError::IssuerNotFound(_) => StatusCode::NOT_FOUND.into(),
            OpsError::UnknownIssuer(_) => {
                Self::invalid("unknown_issuer", "The server has no issuer of this name.")
            }
            OpsError::DefaultAccountRequired => Self::new(
                StatusCode::FORBIDDEN,
                "default_account_required",
                "This concerns the whole server, and requires credentials of the account `default`.",
            ),
            OpsError::AlgorithmConfigured { .. } => Self::conflict(
                "algorithm_configured",
                "The configuration names another algorithm, and a server that reads it could not start: \
                 remove `algorithm` from the issuer's section first.",
            ),
            OpsError::NoPublicKey(_) => Self::conflict(
                "no_public_key",
                "The signing key is not published, or has no public part.",
            ),
            OpsError::InvalidToken(_) | OpsError::TokenNotIdentified => Self::invalid(
                "invalid_token",
                "`token` is not a valid token of this server.",
            ),
            OpsError::TokenUndecided => StatusCode::SERVICE_UNAVAILABLE.into(),
            OpsError::UnknownAuditState => {
                Self::internal(&"the state of the audit log is not known to this version")
            }
        }
    }
}

impl From<RegistryError> for AdminError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::NotFound => StatusCode::NOT_FOUND.into(),
            RegistryError::CallerRevoked => StatusCode::UNAUTHORIZED.into(),
            RegistryError::NotHeld(lacking) => {
                Self::new(StatusCode::FORBIDDEN, lacking.label(), lacking.message())
            }
            RegistryError::NameTaken => Self::conflict("name_taken", error.to_string()),
            RegistryError::Conflict(reason) => Self::conflict(reason.label(), reason.to_string()),
            error => {
                tracing::error!(%error, "the operation was not acknowledged");
                StatusCode::SERVICE_UNAVAILABLE.into()
            }
        }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownSigningKey | StoreError::UnknownIssuer(_) => {
                StatusCode::NOT_FOUND.into()
            }
            StoreError::RotationPending => Self::conflict("rotation_pending", error.to_string()),
            StoreError::MixedAlgorithms => Self::conflict("mixed_algorithms", error.to_string()),
            error => RegistryError::from(error).into(),
        }
    }
}

/// Renders the body of a rejection by the layers. They set its status and challenge.
pub(in crate::http) fn reject_body(rejection: &Rejection) -> Response<Body> {
    let code = match rejection.kind() {
        RejectionKind::Missing => "credentials_missing",
        RejectionKind::Malformed => "credentials_malformed",
        RejectionKind::Invalid => "credentials_invalid",
        RejectionKind::InsufficientScope => "scope_missing",
        RejectionKind::Forbidden => "primary_required",
        RejectionKind::TooManyRequests => "too_many_requests",
        RejectionKind::Unavailable => "unavailable",
        _ => "internal",
    };
    let status = rejection.kind().status();
    AdminError::new(status, code, rejection.public_text()).into_response()
}

/// Forbids caching, and gives error responses without problem details a body of their own. Such responses come from
/// the router, before any handler runs.
pub(in crate::http) async fn complete(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let mut response = if failed && response.headers().get(CONTENT_TYPE) != Some(&PROBLEM) {
        let (mut head, _) = response.into_parts();
        head.headers.remove(CONTENT_LENGTH);
        let mut described = AdminError::from(status).into_response();
        described.headers_mut().extend(head.headers);
        described
    } else {
        response
    };
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
