//! Errors as `application/problem+json` (RFC 9457): `status`, `title`, `code` and `detail`.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign::registry::RegistryError;
use countersign::rejection::{Rejection, RejectionKind};
use countersign_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// By itself, for whoever was let in and is no more; the layers have their own.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"ApiKey realm="countersign""#);
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Seconds after which what was not done may be tried again.
const RETRY_SECONDS: u32 = 1;

/// Why something was not done. Nothing that the client sent is in it.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
}

/// For programs `code`, for people the rest.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct Shown<'a> {
    status: u16,
    title: &'a str,
    /// For programs. Some say all in their status.
    #[schema(required = false)]
    code: &'a str,
    detail: &'a str,
}

impl Problem {
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

    /// 400.
    pub(super) fn invalid(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404, the same for what does not exist and what is out of reach.
    pub(super) fn not_found() -> Self {
        Self::of_status(StatusCode::NOT_FOUND)
    }

    /// 413.
    pub(super) fn too_large() -> Self {
        Self::of_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// 401: the credentials were good when the request came, and are not any more.
    pub(super) fn lapsed() -> Self {
        Self::of_status(StatusCode::UNAUTHORIZED)
    }

    /// 500.
    pub(super) fn internal() -> Self {
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// 503: nothing was acknowledged.
    fn unavailable() -> Self {
        Self::of_status(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// 503: others were there before, and nothing was done.
    pub(super) fn busy() -> Self {
        let detail = "Too many passwords wait to be set. Nothing was done: try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    /// What a status says by itself.
    fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::UNAUTHORIZED => ("credentials_invalid", "The credentials are not valid."),
            StatusCode::NOT_FOUND => ("not_found", "There is no such thing."),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method_not_allowed",
                "`Allow` names the methods that there are.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The body is too large."),
            StatusCode::SERVICE_UNAVAILABLE => (
                "unavailable",
                "The records cannot be reached at present. Nothing was acknowledged: look whether it was \
                 done, and try again.",
            ),
            _ if status.is_client_error() => ("refused", "The request was refused."),
            _ => ("internal", "The server could not do it. Its log says why."),
        };
        Self::new(status, code, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let shown = Shown {
            status: self.status.as_u16(),
            title: self.status.canonical_reason().unwrap_or_default(),
            code: self.code,
            detail: &self.detail,
        };
        let json = serde_json::to_vec(&shown).unwrap_or_default();
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA_TYPE);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, CHALLENGE);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_SECONDS.into());
        }
        response
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let conflict =
            |code, text: &dyn ToString| Self::new(StatusCode::CONFLICT, code, text.to_string());
        match error {
            RegistryError::NotFound => Self::not_found(),
            RegistryError::CallerRevoked => Self::lapsed(),
            RegistryError::NameTaken => conflict("name_taken", &error),
            RegistryError::Conflict(why) => conflict(why.label(), &why),
            error => {
                tracing::error!(%error, "nothing was acknowledged");
                Self::unavailable()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, error.to_string());
        match error {
            StoreError::UnknownSigningKey | StoreError::UnknownIssuer { .. } => Self::not_found(),
            StoreError::RotationPending => conflict("rotation_pending"),
            StoreError::MixedAlgorithms => conflict("mixed_algorithms"),
            error => RegistryError::from(error).into(),
        }
    }
}

/// The body of a rejection by the layers that judge credentials. Status and challenge are theirs.
pub(super) fn of_rejection(rejection: &Rejection) -> Response<Body> {
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
    Problem::new(status, code, rejection.public_text()).into_response()
}

/// What every answer has in common. One that is an error and has no problem for a body, because no handler
/// was asked, gets one.
pub(super) async fn complete(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let mut response = if failed && response.headers().get(CONTENT_TYPE) != Some(&MEDIA_TYPE) {
        let (mut head, _) = response.into_parts();
        let (described, body) = Problem::of_status(status).into_response().into_parts();
        head.headers.remove(CONTENT_LENGTH);
        head.headers.extend(described.headers);
        Response::from_parts(head, body)
    } else {
        response
    };
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
