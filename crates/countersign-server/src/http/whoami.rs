//! `/whoami`: shows who is calling.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign::{Id, Principal, Scopes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema::{self, Rfc3339};

const HEADERS: [(HeaderName, &str); 2] = [
    (CONTENT_TYPE, "application/json"),
    (CACHE_CONTROL, "no-store"),
];

/// The principal of the request.
#[derive(Serialize, ToSchema)]
pub(super) struct WhoamiResponse<'a> {
    subject: &'a str,
    scheme: &'a str,
    #[schema(value_type = Option<schema::Id>, required = true)]
    credential_id: Option<&'a Id>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    account_id: Option<&'a Id>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    environment_id: Option<&'a Id>,
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: &'a Scopes,
    #[schema(required = true)]
    issuer: Option<&'a str>,
    #[schema(value_type = Option<schema::Id>, required = true)]
    session_id: Option<&'a Id>,
    #[schema(required = true)]
    expires_at: Option<Rfc3339>,
}

/// Returns the principal of the request.
pub(super) async fn whoami(principal: Principal) -> Response {
    let response = WhoamiResponse {
        subject: principal.subject(),
        scheme: principal.scheme().as_str(),
        credential_id: principal.credential_id(),
        account_id: principal.account(),
        environment_id: principal.environment(),
        scopes: principal.scopes(),
        issuer: principal.issuer(),
        session_id: principal.session(),
        expires_at: principal.expires_at().map(Rfc3339),
    };
    match serde_json::to_vec(&response) {
        Ok(json) => (HEADERS, json).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
