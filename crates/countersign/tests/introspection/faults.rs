//! Issuers that fail, and what is sent to them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::auth::AuthLayer;
use countersign::mechanism::OpaqueTokens;
use countersign::remote::{Fetch, FetchedBody};
use countersign::testing::{IssuerResponse, TestOpaqueIssuer};
use countersign::time::SystemClock;
use countersign::{BoxFuture, Secret};
use http::{Request, Response};

use crate::support::{FAILED, Fixture, accepted, asking, send};

#[tokio::test]
async fn issuer_that_cannot_be_asked_is_503_and_asked_again() {
    let elsewhere = TestOpaqueIssuer::start(SystemClock).unwrap();
    let timeout = Duration::from_millis(300);
    let fixture = Fixture::with(|builder| builder.timeout(timeout).build().unwrap());
    let token = fixture.token();
    for response in [
        IssuerResponse::Status(204),
        IssuerResponse::Status(304),
        IssuerResponse::Status(400),
        IssuerResponse::Status(401),
        IssuerResponse::Status(403),
        IssuerResponse::Status(404),
        IssuerResponse::Status(429),
        IssuerResponse::Status(500),
        IssuerResponse::Status(503),
        IssuerResponse::Redirect(elsewhere.introspection_url()),
        IssuerResponse::Body(" ".repeat(10 << 20)),
        IssuerResponse::Close,
        IssuerResponse::Never,
    ] {
        fixture.issuer.set_response(response.clone());
        assert_eq!(fixture.send(&token).await, FAILED, "{response:?}");
    }
    assert_eq!(elsewhere.introspections(), 0, "redirects are not followed");
    fixture.issuer.set_response(IssuerResponse::Document);
    assert_eq!(fixture.send(&token).await, accepted());
}

#[tokio::test]
async fn outage_does_not_affect_cached_tokens() {
    let fixture = Fixture::new();
    let token = fixture.token();
    assert_eq!(fixture.send(&token).await, accepted());
    fixture.issuer.set_response(IssuerResponse::Status(500));
    assert_eq!(fixture.send(&token).await, accepted());
    assert_eq!(fixture.send(&fixture.token()).await, FAILED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_tokens_share_a_failure_so_that_none_waits_longer_than_the_time_limit() {
    let timeout = Duration::from_millis(300);
    let fixture = Fixture::with(|builder| builder.timeout(timeout).build().unwrap());
    let token = fixture.token();
    fixture.issuer.set_response(IssuerResponse::Never);
    let requests: Vec<_> = (0..50)
        .map(|_| tokio::spawn(fixture.send(&token)))
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), FAILED);
    }
    let calls = fixture.issuer.introspections();
    assert!(calls < 50, "{calls} calls");
}

#[tokio::test]
async fn wrong_secret_of_this_service_is_503_and_not_401() {
    let issuer = TestOpaqueIssuer::start(SystemClock).unwrap();
    let wrong = Secret::from("wrong".to_owned());
    let tokens = asking(&issuer).client_secret(TestOpaqueIssuer::CLIENT_ID, &wrong);
    let tokens = tokens.build().unwrap();
    let layer = AuthLayer::builder().mechanism(tokens).build().unwrap();
    let token = issuer.issue().unwrap();
    assert_eq!(send(&layer, &token, None).await, FAILED);
    assert_eq!(issuer.introspections(), 1);
}

/// An HTTP client without a network, which records what it is to send.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Request<Vec<u8>>>>>);

impl Fetch for Recorder {
    fn send<'a>(
        &'a self,
        request: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn std::error::Error + Send + Sync>>> {
        self.0.lock().unwrap().push(request);
        Box::pin(async move {
            body.push(b"{\"active\":false}")?;
            Ok(Response::new(()))
        })
    }
}

// RFC 7662 §2.1, RFC 6749 §2.3.1.
#[tokio::test]
async fn request_is_a_form_with_the_token_and_the_client_secret_in_basic() {
    let recorder = Recorder::default();
    let tokens = OpaqueTokens::issuer("https://login.test")
        .introspection_url("https://login.test/introspect?a=b")
        .client_secret("id:1", &Secret::from("s%c ret".to_owned()))
        .audience("https://api.test")
        .client(recorder.clone())
        .build()
        .unwrap();
    let layer = AuthLayer::builder().mechanism(tokens).build().unwrap();
    let token = "a-b.c_d~e+f/g==";
    assert!(send(&layer, token, None).await.is_err());
    let requests = recorder.0.lock().unwrap();
    let [request] = &requests[..] else {
        panic!("{} requests", requests.len());
    };
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://login.test/introspect?a=b");
    let header = |name: &str| request.headers()[name].to_str().unwrap();
    // Python: base64.b64encode(b"id%3A1:s%25c%20ret")
    assert_eq!(header("authorization"), "Basic aWQlM0ExOnMlMjVjJTIwcmV0");
    assert!(request.headers()["authorization"].is_sensitive());
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(header("accept"), "application/json");
    assert_eq!(header("accept-encoding"), "identity");
    assert_eq!(
        String::from_utf8_lossy(request.body()),
        "token=a-b.c_d%7Ee%2Bf%2Fg%3D%3D&token_type_hint=access_token"
    );
}
