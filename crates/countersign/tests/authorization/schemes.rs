//! `Authorization` headers with a scheme that no mechanism reads.

use std::convert::Infallible;
use std::sync::Arc;

use countersign::AuthLayer;
use countersign::auth::Authenticator;
use countersign::credentials::RequestHead;
use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::rejection::{ProblemDetails, Reason, Rejection};
use countersign::time::SystemClock;
use http::{HeaderMap, Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Authorization headers that no mechanism of [`layer`] reads.
const UNREAD: [&str; 6] = [
    "Garbage x",
    "Token a.b.c",
    "a.b.c",
    "Digest a=b",
    "Basic YTpi",
    "",
];

/// Returns a layer for tokens and API keys, and an API key.
async fn layer() -> (AuthLayer<ProblemDetails>, String) {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let table = Arc::clone(&directory);
    let registry = MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom);
    let new = NewKey::new("test", "calls:read".parse().unwrap());
    let created = registry
        .unwrap()
        .create_key(&Caller::operator("test"), new)
        .await;
    let layer = AuthLayer::builder()
        .mechanism(Jwt::new([]))
        .primary(ApiKeys::new(directory, peppers))
        .build()
        .unwrap()
        .reject_body(ProblemDetails);
    (layer, created.unwrap().issued.key.expose().to_owned())
}

/// Returns the status, the headers and the body of the response, and the reason of the rejection.
async fn send(
    layer: &AuthLayer<ProblemDetails>,
    headers: &[(&str, &str)],
) -> ((StatusCode, HeaderMap, String), Option<Reason>) {
    let service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let request = headers
        .iter()
        .fold(Request::get("/"), |request, (name, value)| {
            request.header(*name, *value)
        });
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let rejection = head.extensions.get::<Rejection>();
    let reason = rejection.map(Rejection::reason);
    ((head.status, head.headers, body), reason)
}

#[tokio::test]
async fn scheme_that_no_mechanism_reads_has_a_reason_of_its_own_and_the_response_of_no_credentials()
{
    let (layer, _) = layer().await;
    let (without, reason) = send(&layer, &[]).await;
    assert_eq!(without.0, StatusCode::UNAUTHORIZED);
    assert_eq!(reason, Some(Reason::NoCredentials));
    for value in UNREAD {
        let (response, reason) = send(&layer, &[("authorization", value)]).await;
        assert_eq!(reason, Some(Reason::SchemeUnknown), "{value}");
        assert_eq!(response, without, "{value}");
    }
}

#[tokio::test]
async fn api_key_is_accepted_beside_a_scheme_that_no_mechanism_reads() {
    let (layer, key) = layer().await;
    for layer in [layer.clone(), layer.optional()] {
        for value in UNREAD {
            let headers = [("authorization", value), ("x-api-key", &key)];
            let (response, reason) = send(&layer, &headers).await;
            assert_eq!((response.0, reason), (StatusCode::OK, None), "{value}");
        }
    }
}

#[tokio::test]
async fn services_without_a_layer_tell_an_unknown_scheme_from_no_credentials() {
    let authenticator = Authenticator::builder()
        .mechanism(Jwt::new([]))
        .build()
        .unwrap();
    let missing = authenticator.missing_credentials(&RequestHead::empty());
    assert_eq!(missing.reason(), Reason::NoCredentials);
    let request = Request::get("/")
        .header("authorization", "Digest a=b")
        .body(())
        .unwrap();
    let head = RequestHead::new(&request);
    assert!(authenticator.find_credentials(&head).unwrap().is_none());
    let unknown = authenticator.missing_credentials(&head);
    assert_eq!(unknown.reason(), Reason::SchemeUnknown);
    assert_eq!(unknown.challenges(), missing.challenges());
}
