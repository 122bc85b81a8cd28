//! API keys and peppers are sent only where no network can read them.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::admin::{AdminError, Result};

/// Marks the requests of a connection that no network can read: over TLS, or from this machine. A proxy on this machine counts as
/// this machine.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Confidential(());

impl Confidential {
    pub(in crate::http) fn of(is_tls: bool, peer: IpAddr) -> Option<Self> {
        (is_tls || peer.to_canonical().is_loopback()).then_some(Self(()))
    }
}

/// Rejects requests over other connections.
pub(super) async fn require(request: Request, next: Next) -> Result<Response> {
    match request.extensions().get::<Confidential>() {
        Some(_) => Ok(next.run(request).await),
        None => Err(AdminError::new(
            StatusCode::FORBIDDEN,
            "insecure_connection",
            "API keys are sent only over https, or to the machine of the server at a loopback address.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn request_over_a_connection_that_is_not_confidential_is_403() {
        let routes = Router::new().fallback(async || "keys");
        let routes = routes.layer(middleware::from_fn(require));
        let loopback = IpAddr::from([127, 0, 0, 1]);
        for (connection, expected) in [
            (Confidential::of(false, loopback), StatusCode::OK),
            (None, StatusCode::FORBIDDEN),
        ] {
            let mut request = Request::new(Body::empty());
            if let Some(confidential) = connection {
                request.extensions_mut().insert(confidential);
            }
            let response = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), expected);
        }
    }

    #[test]
    fn only_tls_and_the_loopback_are_confidential() {
        for (is_tls, peer, expected) in [
            (true, "192.0.2.1", true),
            (false, "192.0.2.1", false),
            (false, "10.0.0.1", false),
            (false, "2001:db8::1", false),
            (false, "127.0.0.1", true),
            (false, "::1", true),
            (false, "::ffff:127.0.0.1", true),
            (false, "::ffff:192.0.2.1", false),
        ] {
            let marked = Confidential::of(is_tls, peer.parse().unwrap());
            assert_eq!(marked.is_some(), expected, "{is_tls} {peer}");
        }
    }
}
