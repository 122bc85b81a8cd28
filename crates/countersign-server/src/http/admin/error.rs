use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign::registry::RegistryError;
use countersign::rejection::{Rejection, RejectionKind};
use countersign_store::StoreError;

use crate::http::problem::{self, ProblemDetails};
use crate::ops::OpsError;

/// The challenge for credentials that were revoked while the request was processed.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"ApiKey realm="countersign""#);
const PROBLEM: HeaderValue = HeaderValue::from_static(problem::MEDIA_TYPE);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The number of seconds after which a client may retry.
const RETRY_SECONDS: u32 = 1;

/// An error of `/admin/v1`. It contains nothing that the client sent.
#[derive(Debug)]
pub(crate) struct AdminError {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
}

impl AdminError {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
        }
    }

    /// Returns 400.
    pub(super) fn invalid(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    fn forbidden(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// Returns 404, the same for what does not exist and for what the caller cannot access.
    pub(super) fn not_found() -> Self {
        Self::of_status(StatusCode::NOT_FOUND)
    }

    /// Returns 413.
    pub(super) fn too_large() -> Self {
        Self::of_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// Returns 401 for credentials that were valid when the request came, and no longer are.
    pub(super) fn revoked() -> Self {
        Self::of_status(StatusCode::UNAUTHORIZED)
    }

    /// Returns 500, and logs the cause.
    pub(super) fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns 503 if too many requests wait for their password to be hashed. Nothing was changed.
    pub(super) fn busy() -> Self {
        let detail = "Too many passwords are being set. Nothing was changed: try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    /// Returns the error that a status means by itself.
    fn of_status(status: StatusCode) -> Self {
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
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, CHALLENGE);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_SECONDS.into());
        }
        response
    }
}

impl From<OpsError> for AdminError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::Registry(error) => error.into(),
            OpsError::Store(error) => error.into(),
            OpsError::IssuerNotFound(_) => Self::not_found(),
            OpsError::UnknownIssuer(_) => {
                Self::invalid("unknown_issuer", "The server has no issuer of this name.")
            }
            OpsError::DefaultAccountRequired => Self::forbidden(
                "default_account_required",
                "This concerns the whole server, and requires credentials of the account `default`.",
            ),
            OpsError::AlgorithmConfigured { .. } => Self::new(
                StatusCode::CONFLICT,
                "algorithm_configured",
                "The configuration names another algorithm, and a server that reads it could not start: \
                 remove `algorithm` from the issuer's section first.",
            ),
            OpsError::InvalidToken(_) | OpsError::TokenNotIdentified => Self::invalid(
                "invalid_token",
                "`token` is not a valid token of this server.",
            ),
            OpsError::TokenUndecided => Self::of_status(StatusCode::SERVICE_UNAVAILABLE),
            OpsError::UnknownAuditState => {
                Self::internal(&"the state of the audit log is not known to this version")
            }
        }
    }
}

impl From<RegistryError> for AdminError {
    fn from(error: RegistryError) -> Self {
        let conflict = |code, text: String| Self::new(StatusCode::CONFLICT, code, text);
        match error {
            RegistryError::NotFound => Self::not_found(),
            RegistryError::CallerRevoked => Self::revoked(),
            RegistryError::NotHeld(lacking) => Self::forbidden(lacking.label(), lacking.message()),
            RegistryError::NameTaken => conflict("name_taken", error.to_string()),
            RegistryError::Conflict(reason) => conflict(reason.label(), reason.to_string()),
            error => {
                tracing::error!(%error, "the operation was not acknowledged");
                Self::of_status(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, error.to_string());
        match error {
            StoreError::UnknownSigningKey | StoreError::UnknownIssuer(_) => Self::not_found(),
            StoreError::RotationPending => conflict("rotation_pending"),
            StoreError::MixedAlgorithms => conflict("mixed_algorithms"),
            error => RegistryError::from(error).into(),
        }
    }
}

/// Renders the body of a rejection by the layers. They set its status and challenge.
pub(super) fn reject_body(rejection: &Rejection) -> Response<Body> {
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
pub(super) async fn complete(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let mut response = if failed && response.headers().get(CONTENT_TYPE) != Some(&PROBLEM) {
        let (mut head, _) = response.into_parts();
        let (described, body) = AdminError::of_status(status).into_response().into_parts();
        head.headers.remove(CONTENT_LENGTH);
        head.headers.extend(described.headers);
        Response::from_parts(head, body)
    } else {
        response
    };
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
