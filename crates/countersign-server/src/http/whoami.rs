use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign::time::Timestamp;
use countersign::{Id, Principal, Scopes};
use serde::Serialize;

use crate::command::output;

const HEADERS: [(HeaderName, &str); 2] = [
    (CONTENT_TYPE, "application/json"),
    (CACHE_CONTROL, "no-store"),
];

#[derive(Serialize)]
struct Whoami<'a> {
    subject: &'a str,
    scheme: &'a str,
    credential_id: Option<&'a Id>,
    account_id: Option<&'a Id>,
    environment_id: Option<&'a Id>,
    scopes: &'a Scopes,
    issuer: Option<&'a str>,
    session_id: Option<&'a Id>,
    #[serde(serialize_with = "output::maybe")]
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
