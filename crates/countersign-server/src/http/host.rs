//! The header `Host` (RFC 9112 §3.2).

use axum::extract::Request;
use axum::http::Version;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// Returns whether the request has a valid `Host`, and no second one. Only HTTP/1.1 requires it.
pub(super) fn is_valid(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() != Version::HTTP_11,
        (Some(host), None) => host.is_empty() || is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// Returns whether this is a host, with a port or without one.
fn is_host(text: &[u8]) -> bool {
    is_plain(text) || is_authority(text)
}

/// Returns whether this is a name or an IPv4 address, with a port or without one, which nearly all hosts are.
fn is_plain(text: &[u8]) -> bool {
    let colon = text.iter().position(|byte| *byte == b':');
    let (name, port) = text.split_at(colon.unwrap_or(text.len()));
    let is_in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    !name.is_empty() && name.iter().all(is_in_name) && is_port(port.get(1..).unwrap_or_default())
}

/// Returns whether these are digits of a number of 16 bits, or nothing.
fn is_port(digits: &[u8]) -> bool {
    let digit = |byte: &u8| u32::from(byte.wrapping_sub(b'0'));
    let value = |digits: &[u8]| digits.iter().fold(0, |sum, byte| sum * 10 + digit(byte));
    let is_short = digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit);
    is_short && value(digits) <= u32::from(u16::MAX)
}

fn is_authority(text: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(text) else {
        return false;
    };
    let (text, host) = (authority.as_str(), authority.host());
    let port = text.strip_prefix(host).unwrap_or("no port");
    port.is_empty() || port == ":" || authority.port_u16().is_some() && port.starts_with(':')
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn valid(version: Version, hosts: &[&str]) -> bool {
        let mut request = Request::get("/").version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        is_valid(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn http_1_1_requires_exactly_one_host() {
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(valid(version, &["a.example"]));
            assert_eq!(valid(version, &[]), version != Version::HTTP_11);
            assert!(!valid(version, &["a.example", "a.example"]));
            assert!(!valid(version, &["a.example", "b.example"]));
        }
    }

    #[test]
    fn host_must_be_a_host_with_an_optional_port() {
        for host in [
            "",
            "a.example",
            "a.example:80",
            "a.example:",
            "127.0.0.1:8080",
            "127.0.0.1:65535",
            "a.example:000080",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(valid(Version::HTTP_11, &[host]), "{host}");
        }
        for host in [
            "a b",
            "a/b",
            "http://a.example",
            "user@a.example",
            "user@a.example:80",
            "a.example:x",
            "a.example:65536",
            "a.example:99999",
            "a.example:4294967376",
            "a.example:80:80",
            "[::1",
            "a.example?",
            "a, b",
        ] {
            assert!(!valid(Version::HTTP_11, &[host]), "{host}");
        }
    }
}
