use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign::time::Timestamp;
use countersign::{Id, Principal, Scopes};
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::values;
use crate::command::output;

const HEADERS: [(HeaderName, &str); 2] = [
    (CONTENT_TYPE, "application/json"),
    (CACHE_CONTROL, "no-store"),
];

#[derive(Serialize, ToSchema)]
pub(super) struct Whoami<'a> {
    subject: &'a str,
    scheme: &'a str,
    #[schema(value_type = Option<values::Id>, required = true)]
    credential_id: Option<&'a Id>,
    #[schema(value_type = Option<values::Id>, required = true)]
    account_id: Option<&'a Id>,
    #[schema(value_type = Option<values::Id>, required = true)]
    environment_id: Option<&'a Id>,
    #[schema(value_type = Vec<values::Scope>)]
    scopes: &'a Scopes,
    #[schema(required = true)]
    issuer: Option<&'a str>,
    #[schema(value_type = Option<values::Id>, required = true)]
    session_id: Option<&'a Id>,
    #[serde(serialize_with = "output::maybe")]
    #[schema(value_type = Option<values::Moment>, required = true)]
    expires_at: Option<Timestamp>,
}

/// Says who is calling.
pub(super) async fn whoami(principal: Principal) -> Response {
    let whoami = Whoami {
        subject: principal.subject(),
        scheme: principal.scheme().as_str(),
        credential_id: principal.credential_id(),
        account_id: principal.account(),
        environment_id: principal.environment(),
        scopes: principal.scopes(),
        issuer: principal.issuer(),
        session_id: principal.session(),
        expires_at: principal.expires_at(),
    };
    match serde_json::to_vec(&whoami) {
        Ok(json) => (HEADERS, json).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
