//! Error bodies: `application/problem+json` (RFC 9457).

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of problem details.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Problem details (RFC 9457): `code` is for programs, `title` and `detail` are for people.
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemDetails<'a> {
    pub(super) status: u16,
    pub(super) title: &'a str,
    /// The error, for programs. Absent if the status says all.
    #[schema(required = false)]
    pub(super) code: &'a str,
    pub(super) detail: &'a str,
}

impl<'a> ProblemDetails<'a> {
    pub(super) fn new(status: StatusCode, code: &'a str, detail: &'a str) -> Self {
        Self {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or_default(),
            code,
            detail,
        }
    }
}
