//! Recognizes requests that a browser sends for a page of another site. A browser adds its cookies, and the password that it
//! has stored for Basic, whichever page causes the request.

use std::sync::Arc;

use http::header::{HOST, ORIGIN, UPGRADE};
use http::{HeaderName, HeaderValue};

use super::RequestHead;

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
///
/// ```
/// use countersign::credentials::{RequestHead, is_cross_site};
/// use http::Request;
///
/// let post = |origin: &str| {
///     let request = Request::post("/calls").header("host", "api.example").header("origin", origin);
///     is_cross_site(&RequestHead::new(&request.body(()).unwrap()))
/// };
/// assert!(!post("https://api.example"));
/// assert!(post("https://other.example"));
/// ```
#[must_use]
pub fn is_cross_site(head: &RequestHead<'_>) -> bool {
    !head.method.is_safe() && site(head) == Site::Other
}

/// Returns whether a page of another site may have caused a request that may change something, or opens a WebSocket, whose
/// messages may. A request that does not name its site may be one, since a browser that sends neither header adds its cookies
/// all the same.
pub(crate) fn may_be_cross_site(head: &RequestHead<'_>) -> bool {
    (!head.method.is_safe() || opens_websocket(head)) && site(head) != Site::Own
}

/// Returns whether a request that may change something, or opens a WebSocket, names another site. Programs name none.
pub(crate) fn names_other_site(head: &RequestHead<'_>) -> bool {
    (!head.method.is_safe() || opens_websocket(head)) && site(head) == Site::Other
}

/// The site of the page that caused a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Site {
    /// The origin of the request itself, an allowed one, or a user without a page.
    Own,
    Other,
    /// The request does not say.
    Unknown,
}

fn site(head: &RequestHead<'_>) -> Site {
    let own_if = |own| if own { Site::Own } else { Site::Other };
    let origins = || head.headers.get_all(ORIGIN).iter();
    let has_origin = origins().next().is_some();
    let allowed = head.extensions.get::<AllowedOrigins>();
    let is_allowed = |origin| allowed.is_some_and(|allowed| allowed.contains(origin));
    if has_origin && origins().all(is_allowed) {
        return Site::Own;
    }
    let mut sites = head.headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        return own_if(sites.all(|site| site == "same-origin" || site == "none"));
    }
    let host = host(head);
    match has_origin {
        true => own_if(origins().all(|origin| has_host(origin.as_bytes(), host))),
        false => Site::Unknown,
    }
}

/// Returns whether a request opens a WebSocket (RFC 6455 §4.1). Over HTTP/2 its method is CONNECT (RFC 8441), which is not
/// safe.
fn opens_websocket(head: &RequestHead<'_>) -> bool {
    let is_websocket = |protocol: &[u8]| {
        let name = protocol.split(|&byte| byte == b'/').next();
        name.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    };
    let mut values = head.headers.get_all(UPGRADE).iter();
    values.any(|value| {
        let mut protocols = value.as_bytes().split(|&byte| byte == b',');
        protocols.any(is_websocket)
    })
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

    #[test]
    fn request_with_a_cookie_must_name_its_site_if_it_may_change_something() {
        let head = |method: Method, headers: &[(&str, &str)]| {
            let mut request = Request::builder()
                .method(method)
                .header("host", "a.example");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            may_be_cross_site(&RequestHead::new(&request.body(()).unwrap()))
        };
        let own = ("origin", "https://a.example");
        let other = ("origin", "https://b.example");
        for upgrade in ["websocket", "WebSocket", "h2c, websocket", "websocket/13"] {
            let upgrade = ("upgrade", upgrade);
            assert!(head(Method::GET, &[upgrade]), "{upgrade:?}");
            assert!(head(Method::GET, &[upgrade, other]), "{upgrade:?}");
            assert!(!head(Method::GET, &[upgrade, own]), "{upgrade:?}");
        }
        assert!(!head(Method::GET, &[("upgrade", "h2c")]));
        assert!(!head(Method::GET, &[other]));
        for method in [Method::POST, Method::DELETE, Method::CONNECT] {
            assert!(head(method.clone(), &[]), "{method}");
            assert!(head(method.clone(), &[other]), "{method}");
            assert!(head(method.clone(), &[("origin", "null")]), "{method}");
            assert!(head(method.clone(), &[("sec-fetch-site", "same-site")]));
            assert!(!head(method.clone(), &[("sec-fetch-site", "same-origin")]));
            assert!(!head(method.clone(), &[own]), "{method}");
        }
    }
}
