//! Recognizes requests that a browser sends for a page of another site. A browser adds the password that it has stored for
//! Basic, whichever page causes the request.

use std::sync::Arc;

use countersign::credentials::RequestHead;
use http::header::{HOST, ORIGIN};
use http::{HeaderName, HeaderValue};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may send requests that change something, such as `https://app.example`.
///
/// A service in front inserts them into the extensions of requests.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(Arc<[String]>);

impl AllowedOrigins {
    /// Creates the list. An origin is a scheme, a host, and a port unless it is the scheme's own (RFC 6454 §6.2).
    #[must_use]
    pub fn new(origins: impl IntoIterator<Item = String>) -> Self {
        Self(origins.into_iter().collect())
    }

    fn contains(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|allowed| origin == allowed.as_str())
    }
}

/// Returns whether a page of another site caused a request that may change something: by `Sec-Fetch-Site` (W3C Fetch
/// Metadata), else by `Origin` (RFC 6454). Programs send neither. The origin of the request itself, those in
/// [`AllowedOrigins`], and safe methods (RFC 9110 §9.2.1) are never cross-site.
#[must_use]
pub fn is_cross_site(head: &RequestHead<'_>) -> bool {
    if head.method.is_safe() {
        return false;
    }
    let origins = || head.headers.get_all(ORIGIN).iter();
    let allowed = head.extensions.get::<AllowedOrigins>();
    let is_allowed = |origin| allowed.is_some_and(|allowed| allowed.contains(origin));
    if origins().next().is_some() && origins().all(is_allowed) {
        return false;
    }
    let mut sites = head.headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        return !sites.all(|site| site == "same-origin" || site == "none");
    }
    let host = host(head);
    !origins().all(|origin| has_host(origin.as_bytes(), host))
}

/// Returns whether an origin has this host and port. `null` has none.
fn has_host(origin: &[u8], host: &[u8]) -> bool {
    let authority = origin
        .strip_prefix(b"https://")
        .or_else(|| origin.strip_prefix(b"http://"));
    authority.is_some_and(|authority| !authority.is_empty() && authority.eq_ignore_ascii_case(host))
}

/// Returns the host and port of the request: HTTP/2 sends them in the target.
fn host<'a>(head: &RequestHead<'a>) -> &'a [u8] {
    let target = head.uri.authority().map(|host| host.as_str().as_bytes());
    let header = || head.headers.get(HOST).map(HeaderValue::as_bytes);
    target.or_else(header).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, Request};

    fn cross_site(target: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_cross_site(&RequestHead::new(&request.body(()).unwrap()))
    }

    #[test]
    fn allowed_origin_and_safe_method_are_not_cross_site() {
        let request = |method: Method, origin: &str| {
            Request::builder()
                .method(method)
                .header("sec-fetch-site", "cross-site")
                .header("origin", origin)
                .extension(AllowedOrigins::new(["https://app.example".to_owned()]))
                .body(())
                .unwrap()
        };
        for (method, origin, expected) in [
            (Method::POST, "https://app.example", false),
            (Method::DELETE, "https://app.example:8443", true),
            (Method::POST, "http://app.example", true),
            (Method::POST, "null", true),
            (Method::GET, "https://b.example", false),
        ] {
            let request = request(method, origin);
            assert_eq!(
                is_cross_site(&RequestHead::new(&request)),
                expected,
                "{request:?}"
            );
        }
    }

    #[test]
    fn origin_must_have_the_host_and_port_of_the_request() {
        for (host, origin, expected) in [
            ("a.example", "https://a.example", false),
            ("A.example", "http://a.example", false),
            ("a.example:8080", "http://a.example:8080", false),
            ("[::1]:8080", "http://[::1]:8080", false),
            ("a.example", "https://a.example:8443", true),
            ("a.example:8443", "https://a.example", true),
            ("a.example", "https://b.a.example", true),
            ("a.example", "https://a.example.b.example", true),
            ("a.example", "https://b.example", true),
            ("a.example", "a.example", true),
            ("a.example", "", true),
            ("a.example", "null", true),
            ("null", "null", true),
            ("", "https://", true),
        ] {
            let headers = [("host", host), ("origin", origin)];
            assert_eq!(cross_site("/", &headers), expected, "{host} {origin}");
        }
    }

    #[test]
    fn every_origin_must_match_and_the_targets_host_wins() {
        let own = ("origin", "https://a.example");
        let other = ("origin", "https://b.example");
        assert!(cross_site("/", &[("host", "a.example"), own, other]));
        assert!(cross_site("/", &[own]));
        assert!(!cross_site("https://a.example/", &[own]));
        assert!(cross_site(
            "https://b.example/",
            &[("host", "a.example"), own]
        ));
    }

    #[test]
    fn sec_fetch_site_takes_precedence_over_the_origin() {
        let other = ("origin", "https://b.example");
        let host = ("host", "a.example");
        for (site, expected) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("", true),
        ] {
            let fetch_site = ("sec-fetch-site", site);
            assert_eq!(cross_site("/", &[host, fetch_site]), expected, "{site}");
            assert_eq!(
                cross_site("/", &[host, fetch_site, other]),
                expected,
                "{site}"
            );
        }
        assert!(!cross_site("/", &[host]));
    }
}
