//! Claims that do not fit the type of an extractor.

use std::convert::Infallible;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts as _;
use axum_core::response::IntoResponse as _;
use countersign::extract::Claims;
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracing::Level;

use crate::support::{Fixture, Log};

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "it is never read")]
struct User {
    employee: u32,
}

async fn handler(request: Request<()>) -> Result<Response<Body>, Infallible> {
    let mut parts = request.into_parts().0;
    let claims = Claims::<User>::from_request_parts(&mut parts, &()).await;
    Ok(claims.map_or_else(
        |rejection| rejection.into_response(),
        |_| Response::default(),
    ))
}

#[test]
fn claims_that_do_not_fit_are_warned_of_once_a_minute_without_their_values() {
    let fixture = Fixture::new();
    let service = fixture.layer.layer(service_fn(handler));
    let token = fixture.issuer.token().subject("ada");
    let token = token.claim("employee", "Ada Lovelace").sign().unwrap();
    let lines = Log::of(Level::DEBUG, || {
        for _ in 0..10 {
            let request = Request::get("/").header("authorization", format!("Bearer {token}"));
            let request = request.body(()).unwrap();
            let response = tokio_test::block_on(service.clone().oneshot(request)).unwrap();
            assert_eq!(response.status(), 403);
        }
    });
    assert_eq!(lines.len(), 10, "{lines:?}");
    let warnings: Vec<_> = lines.iter().filter(|l| l.starts_with("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for text in ["claims_unfit", "employee", "string, expected u32"] {
        assert!(warnings[0].contains(text), "{text}: {warnings:?}");
    }
    assert!(
        lines.iter().all(|line| !line.contains("Lovelace")),
        "{lines:?}"
    );
}
