//! Recognizes requests that a browser sends for a page of another site. A browser adds the password that it has
//! stored for Basic, whichever page causes the request.

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;

/// Returns whether a page of another site caused the request: by `Sec-Fetch-Site` (W3C Fetch Metadata), else by
/// `Origin` (RFC 6454). Programs send neither.
pub(super) fn is_cross_site(head: &Parts) -> bool {
    let mut sites = head.headers.get_all("sec-fetch-site").iter().peekable();
    if sites.peek().is_some() {
        return !sites.all(|site| site == "same-origin" || site == "none");
    }
    let host = host(head);
    let mut origins = head.headers.get_all(ORIGIN).iter();
    !origins.all(|origin| has_host(origin.as_bytes(), host))
}

/// Returns whether an origin has this host and port. `null` has none.
fn has_host(origin: &[u8], host: &[u8]) -> bool {
    let authority = origin
        .strip_prefix(b"https://")
        .or_else(|| origin.strip_prefix(b"http://"));
    authority.is_some_and(|authority| !authority.is_empty() && authority.eq_ignore_ascii_case(host))
}

/// Returns the host and port of the request: HTTP/2 sends them in the target.
fn host(head: &Parts) -> &[u8] {
    let target = head.uri.authority().map(|host| host.as_str().as_bytes());
    let header = || head.headers.get(HOST).map(|host| host.as_bytes());
    target.or_else(header).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn cross_site(target: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_cross_site(&request.body(()).unwrap().into_parts().0)
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
