use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;

/// What a handler answers.
pub(super) type Answer = Result<Response, Problem>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// 200 with a JSON object.
pub(super) fn json(body: &impl Serialize) -> Answer {
    let json = serde_json::to_vec(body).map_err(|_| Problem::internal())?;
    Ok(([(CONTENT_TYPE, JSON)], json).into_response())
}

/// 201 with the object that was made, and where it is from now on.
pub(super) fn created(location: String, body: &impl Serialize) -> Answer {
    let mut response = json(body)?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// 204.
pub(super) fn nothing() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}
