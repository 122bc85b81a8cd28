//! Which requests a browser sends for a page of another site: it sends the password along that it was told,
//! whichever page asks it to.

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;

/// As browsers say by `Sec-Fetch-Site`, and those that do not know it by `Origin`. Programs send neither.
pub(super) fn is_cross_site(head: &Parts) -> bool {
    let mut sites = head.headers.get_all("sec-fetch-site").iter().peekable();
    if sites.peek().is_some() {
        return !sites.all(|site| site == "same-origin" || site == "none");
    }
    let host = host(head);
    let mut origins = head.headers.get_all(ORIGIN).iter();
    !origins.all(|origin| is_at(origin.as_bytes(), host))
}

/// Whether an origin is of this host and port. `null` is of none.
fn is_at(origin: &[u8], host: &[u8]) -> bool {
    let place = origin
        .strip_prefix(b"https://")
        .or_else(|| origin.strip_prefix(b"http://"));
    place.is_some_and(|place| !place.is_empty() && place.eq_ignore_ascii_case(host))
}

/// HTTP/2 has it in the target.
fn host(head: &Parts) -> &[u8] {
    let target = head.uri.authority().map(|host| host.as_str().as_bytes());
    let header = || head.headers.get(HOST).map(|host| host.as_bytes());
    target.or_else(header).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn judged(target: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_cross_site(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn an_origin_must_be_of_the_host_and_port_that_was_asked() {
        for (host, origin, cross_site) in [
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
            assert_eq!(judged("/", &headers), cross_site, "{host} {origin}");
        }
    }

    #[test]
    fn every_origin_must_be_and_a_target_with_a_host_wins() {
        let own = ("origin", "https://a.example");
        let other = ("origin", "https://b.example");
        assert!(judged("/", &[("host", "a.example"), own, other]));
        assert!(judged("/", &[own]));
        assert!(!judged("https://a.example/", &[own]));
        assert!(judged("https://b.example/", &[("host", "a.example"), own]));
    }

    #[test]
    fn what_a_browser_says_of_the_site_is_believed_before_the_origin() {
        let other = ("origin", "https://b.example");
        let host = ("host", "a.example");
        for (site, cross_site) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("", true),
        ] {
            let said = ("sec-fetch-site", site);
            assert_eq!(judged("/", &[host, said]), cross_site, "{site}");
            assert_eq!(judged("/", &[host, said, other]), cross_site, "{site}");
        }
        assert!(!judged("/", &[host]));
    }
}
