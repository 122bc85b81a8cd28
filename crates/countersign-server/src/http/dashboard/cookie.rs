//! The cookie of a session.
//!
//! Over https it has the prefix `__Host-` (RFC 6265bis §4.1.3.2), so that neither plain http nor another host of the domain can
//! set it. Browsers differ in whether they accept `Secure` over http on the loopback, which no network can read: there, the
//! cookie has another name and lacks both. A session is found only by the cookie that it began with.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use countersign::Secret;

use super::origin::Transport;

const SECURE: &str = "__Host-countersign";
const LOOPBACK: &str = "countersign-loopback";

/// The cookies that a session can begin with.
pub(super) const TRANSPORTS: [Transport; 2] = [Transport::Tls, Transport::Loopback];

/// Returns the value of the cookie of this transport. A request with two of them has none: one of them is not the
/// server's.
pub(super) fn value(headers: &HeaderMap, transport: Transport) -> Option<Secret> {
    let mut values = headers.get_all(COOKIE).iter().flat_map(|header| {
        let pairs = header.to_str().unwrap_or_default().split(';');
        pairs.filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self::name(transport)).then_some(value)
        })
    });
    match (values.next(), values.next()) {
        (Some(value), None) => Some(Secret::from(value.to_owned())),
        _ => None,
    }
}

/// Returns the value of `Set-Cookie`. Without an id, the browser deletes the cookie.
pub(super) fn set(transport: Transport, id: Option<&Secret>) -> Option<HeaderValue> {
    let value = id.map_or("", Secret::expose);
    let age = if id.is_none() { "; Max-Age=0" } else { "" };
    let place = match transport {
        Transport::Tls => "; Secure; Path=/",
        Transport::Loopback | Transport::Network => "; Path=/dashboard",
    };
    let name = name(transport);
    let cookie = format!("{name}={value}{place}; HttpOnly; SameSite=Strict{age}");
    let mut cookie = HeaderValue::try_from(cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

const fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tls => SECURE,
        Transport::Loopback | Transport::Network => LOOPBACK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[&'static str], transport: Transport) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(COOKIE, HeaderValue::from_static(header));
        }
        value(&map, transport).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn cookie_is_found_among_others_and_only_by_its_own_name() {
        let headers = ["a=1; __Host-countersign=x; b=2", "countersign-loopback=y"];
        assert_eq!(found(&headers, Transport::Tls).as_deref(), Some("x"));
        assert_eq!(found(&headers, Transport::Loopback).as_deref(), Some("y"));
        assert_eq!(found(&["countersign=x"], Transport::Tls), None);
        assert_eq!(found(&["countersign-loopback=x"], Transport::Tls), None);
    }

    #[test]
    fn repeated_cookie_is_none() {
        for headers in [
            &["__Host-countersign=x; __Host-countersign=y"][..],
            &["__Host-countersign=x", "__Host-countersign=x"],
        ] {
            assert_eq!(found(headers, Transport::Tls), None);
        }
    }

    #[test]
    fn cookie_is_kept_from_scripts_and_other_sites_and_over_https_from_plain_http() {
        let id = Secret::from("x".to_owned());
        let set = |transport, id| set(transport, id).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            set(Transport::Tls, Some(&id)),
            "__Host-countersign=x; Secure; Path=/; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            set(Transport::Loopback, None),
            "countersign-loopback=; Path=/dashboard; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }
}
