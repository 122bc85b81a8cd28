//! The headers of every response below `/dashboard`.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Response};

/// Everything comes from the server itself, nothing is inline, and no script can make markup of text (Trusted Types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];
/// Browsers prompt for a password on a challenge for Basic, and remember it.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Credentials realm="countersign""#);
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Adds the headers that keep a page from being framed, from sending its address elsewhere, and from running anything but
/// its own scripts.
pub(super) async fn secure(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if headers.contains_key(WWW_AUTHENTICATE) {
        headers.insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    // The pages and their files are compared with their `ETag` at each use, so that an upgrade takes effect at once.
    if headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN).is_some() {
        headers.insert(CACHE_CONTROL, NO_CACHE);
    }
    response
}
