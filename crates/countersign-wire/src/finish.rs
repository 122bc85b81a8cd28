//! What every answer gets, whatever shape it has.

use http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response};

use crate::{RequestId, ResponseBody, Throttled, TokenError};

/// draft-ietf-httpapi-ratelimit-headers.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// An answer is nobody's to keep, and has its request's id.
pub(crate) fn finish(response: &mut Response<ResponseBody>, id: &RequestId) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RequestId::HEADER, id.to_header_value());
}

/// What a refusal says in headers, in every shape alike. `allow` names the methods that there are.
pub(crate) fn finish_denied(
    response: &mut Response<ResponseBody>,
    denial: &TokenError,
    allow: &'static str,
) {
    let headers = response.headers_mut();
    match denial {
        TokenError::MethodNotAllowed => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        TokenError::Unavailable(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        TokenError::TooManyRequests(throttled) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(throttled.retry_after));
            let Throttled {
                retry_after,
                policy,
                quota,
            } = throttled;
            let limit = format!("\"{policy}\";r=0;t={retry_after}");
            headers.extend(HeaderValue::try_from(limit).map(|limit| (RATE_LIMIT, limit)));
            let policy = quota.map(|(quota, window)| format!("\"{policy}\";q={quota};w={window}"));
            let policy = policy.and_then(|policy| HeaderValue::try_from(policy).ok());
            headers.extend(policy.map(|policy| (RATE_LIMIT_POLICY, policy)));
        }
        _ => {}
    }
}
