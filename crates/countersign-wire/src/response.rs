//! Responses: JSON bodies, and the headers that all wires have in common.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::error::{Throttled, TokenError};
use crate::request_id::RequestId;

/// The body of every response, whole and in memory.
pub type ResponseBody = http_body_util::Full<Bytes>;

/// draft-ietf-httpapi-ratelimit-headers.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Creates a response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = status;
    response
}

/// Creates a response with a JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<ResponseBody> {
    match serde_json::to_vec(body) {
        Ok(body) => json_text(status, body),
        Err(_) => json_text(StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    }
}

/// Creates a response whose body is this JSON.
pub(crate) fn json_text(status: StatusCode, json: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::new(json.into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Sets the headers of every response: `Cache-Control: no-store` and `x-request-id`.
pub(crate) fn set_common_headers(response: &mut Response<ResponseBody>, id: &RequestId) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RequestId::HEADER, id.to_header_value());
}

/// Sets the headers of an error. `allow` names the methods of the path.
pub(crate) fn set_error_headers(
    response: &mut Response<ResponseBody>,
    error: &TokenError,
    allow: &'static str,
) {
    let headers = response.headers_mut();
    match error {
        TokenError::MethodNotAllowed => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        TokenError::Unavailable(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        TokenError::TooManyRequests(throttled) => {
            let Throttled {
                retry_after,
                policy,
                quota,
            } = throttled;
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after));
            let limit = format!("\"{policy}\";r=0;t={retry_after}");
            headers.extend(HeaderValue::try_from(limit).map(|limit| (RATE_LIMIT, limit)));
            let policy = quota.map(|(quota, window)| format!("\"{policy}\";q={quota};w={window}"));
            let policy = policy.and_then(|policy| HeaderValue::try_from(policy).ok());
            headers.extend(policy.map(|policy| (RATE_LIMIT_POLICY, policy)));
        }
        _ => {}
    }
}

/// Adds `WWW-Authenticate` (RFC 9110 §15.5.2).
pub(crate) fn add_challenges(
    response: &mut Response<ResponseBody>,
    challenges: impl IntoIterator<Item = HeaderValue>,
) {
    for challenge in challenges {
        response.headers_mut().append(WWW_AUTHENTICATE, challenge);
    }
}
