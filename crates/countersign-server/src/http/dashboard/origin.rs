//! Which pages may send requests: those of the dashboard itself.
//!
//! `SameSite=Strict` alone does not suffice: pages of other hosts and ports of the same site get the cookie added, too. The
//! origins in `cors_origins` may call the interfaces for programs, and not this one.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use countersign::credentials::ClientAddress;

use super::Dashboard;
use crate::http::admin::{AdminError, Result};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How a page of the dashboard was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// Over https.
    Tls,
    /// Over http, by a browser on the same machine.
    Loopback,
    /// Over http, by a network.
    Network,
}

/// Rejects requests that another page than one of the dashboard may have caused. A request that may change something must
/// name its origin (RFC 6454), which browsers always do.
pub(super) async fn require_own_page(
    State(dashboard): State<Dashboard>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let headers = request.headers();
    let is_own = match request.method().is_safe() {
        true => names_own_site(headers, &["same-origin", "none"]),
        false => {
            names_own_site(headers, &["same-origin"]) && transport(&dashboard, &request).is_some()
        }
    };
    match is_own {
        true => Ok(next.run(request).await),
        false => Err(AdminError::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "Only the pages of the dashboard may send this request.",
        )),
    }
}

/// Rejects a sign-in over plain http by a network, where others can read the credentials and the cookie. The credentials are
/// not looked at then.
pub(super) async fn require_confidential(
    State(dashboard): State<Dashboard>,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    match transport(&dashboard, &request) {
        Some(transport @ (Transport::Tls | Transport::Loopback)) => {
            request.extensions_mut().insert(transport);
            Ok(next.run(request).await)
        }
        _ => Err(AdminError::new(
            StatusCode::FORBIDDEN,
            "insecure_connection",
            "Over plain http, others can read the credentials: sign in over https, or on the machine of the server \
             at a loopback address.",
        )),
    }
}

/// Returns how the page of a request was loaded, by its one `Origin`; `None` if it is not a page of the dashboard.
fn transport(dashboard: &Dashboard, request: &Request) -> Option<Transport> {
    let mut origins = request.headers().get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return None;
    };
    let origin = origin.to_str().ok()?;
    let host = host(request.uri(), request.headers())?;
    let (scheme, authority) = origin.split_once("://")?;
    let is_public = dashboard.0.public_origin.as_deref() == Some(origin);
    if !is_public && !authority.eq_ignore_ascii_case(host) {
        return None;
    }
    let client = request.extensions().get::<ClientAddress>();
    let is_local = client
        .and_then(|client| client.ip())
        .is_some_and(|ip| ip.is_loopback());
    match scheme {
        "https" => Some(Transport::Tls),
        "http" if is_local && is_loopback(authority) => Some(Transport::Loopback),
        "http" => Some(Transport::Network),
        _ => None,
    }
}

/// Returns whether each `Sec-Fetch-Site` (W3C Fetch Metadata) is one of these. Old browsers send none.
fn names_own_site(headers: &HeaderMap, own: &[&str]) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.all(|site| own.iter().any(|own| site == own))
}

/// Returns the host and port of a request: HTTP/2 sends them in the target.
fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    let target = uri.authority().map(Authority::as_str);
    target.or_else(|| headers.get(HOST).map(HeaderValue::to_str)?.ok())
}

/// Returns whether only this machine is reached at a host, with a port or without one.
fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_are_loopback() {
        for (host, expected) in [
            ("localhost:8080", true),
            ("127.0.0.1:8080", true),
            ("127.8.8.8", true),
            ("[::1]:8080", true),
            ("localhost.example", false),
            ("127.0.0.1.example:8080", false),
            ("192.0.2.1:8080", false),
            ("0.0.0.0:8080", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }

    #[test]
    fn every_named_site_must_be_the_own_one() {
        let named = |sites: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for site in sites {
                headers.append(SEC_FETCH_SITE, HeaderValue::from_static(site));
            }
            names_own_site(&headers, &["same-origin"])
        };
        assert!(named(&[]));
        assert!(named(&["same-origin"]));
        for other in ["same-site", "cross-site", "none", ""] {
            assert!(!named(&[other]), "{other}");
            assert!(!named(&["same-origin", other]), "{other}");
        }
    }
}
