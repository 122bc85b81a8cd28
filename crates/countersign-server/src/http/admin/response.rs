use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::AdminError;

/// The result of a handler.
pub(super) type HandlerResult = Result<Response, AdminError>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Returns 200 with a JSON object.
pub(super) fn json(body: &impl Serialize) -> HandlerResult {
    let json = serde_json::to_vec(body).map_err(|error| AdminError::internal(&error))?;
    Ok(([(CONTENT_TYPE, JSON)], json).into_response())
}

/// Returns 201 with the created object. `path` is its location below `/admin/v1`.
pub(super) fn created(path: &str, body: &impl Serialize) -> HandlerResult {
    let mut response = json(body)?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::try_from(format!("{}{path}", super::PATH)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Returns 204.
pub(super) fn no_content() -> HandlerResult {
    Ok(StatusCode::NO_CONTENT.into_response())
}
