//! The response of a token endpoint to credentials that a mechanism throttles.

use countersign::auth::Authenticator;
use countersign::dangerous::AssertPrimary;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mint::{Issuer, Mint};
use countersign::random::SystemRandom;
use countersign::rejection::{Reason, Rejection};
use countersign::testing::FixedClock;
use countersign_tests::ThrottlingMechanism;
use countersign_wire::{OAuth, TokenEndpoint};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use tower::ServiceExt as _;

use crate::fixture::{FORM, GRANT, NOW, URL};

#[tokio::test]
async fn throttled_client_gets_slow_down_with_retry_after() {
    let clock = FixedClock::at(NOW);
    let authenticator = Authenticator::builder()
        .primary(AssertPrimary(ThrottlingMechanism))
        .clock(clock.clone())
        .build()
        .unwrap();
    let issuer = Issuer::builder(URL)
        .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
        .build()
        .unwrap();
    let mint = Mint::new(issuer, clock, SystemRandom);
    let endpoint = TokenEndpoint::new(OAuth::default(), authenticator, mint);
    let request = Request::post("/oauth/token")
        .header("content-type", FORM)
        .header("x-badge", "7")
        .body(Full::new(Bytes::from(GRANT)))
        .unwrap();
    let response = endpoint.oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(!response.headers().contains_key("www-authenticate"));
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.reason(), Reason::TooManyFailures);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        body,
        r#"{"error":"slow_down","error_description":"too many authentications failed: try again after the seconds in Retry-After"}"#
    );
}
