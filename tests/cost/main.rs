//! Counts the allocations of an accepted request. In addition to those of two request extensions and one response extension,
//! an API key costs one (the principal), and a token at most four more.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign::auth::AuthLayer;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::{Jwt, Mechanism};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::time::SystemClock;
use countersign::{Id, PrimaryPrincipal, Principal, Scopes};
use countersign_tests::{EmptyService, MemoryCredentials};
use http::{Extensions, HeaderName, HeaderValue, Request};
use tower::{Layer as _, Service};

const SCOPES: &str = "calls:read calls:write agents:read campaigns:*";

fn scopes() -> Scopes {
    SCOPES.parse().unwrap()
}

/// The allocations of two request extensions and one response extension of these types.
fn extensions() -> u64 {
    let principal = Principal::for_test(Id::from_bytes([1; 20]), scopes());
    let scopes = scopes();
    allocations(|| {
        let mut extensions = Extensions::new();
        extensions.insert(scopes.clone());
        extensions.insert(principal.clone());
        let mut extensions = Extensions::new();
        extensions.insert(principal.clone());
    })
}

fn allocations(f: impl FnOnce()) -> u64 {
    allocation_counter::measure(f).count_total
}

/// The allocations of one accepted request, the second of its kind.
fn accepted(layer: &AuthLayer, name: &'static str, value: &str) -> u64 {
    let mut service = layer.layer(EmptyService);
    let mut counted = 0;
    for _ in 0..2 {
        let mut request = Request::new(());
        let value = HeaderValue::try_from(value).unwrap();
        // A slice of a shared buffer, as hyper's header values are: a clone increments a reference count.
        let _shared = value.clone();
        request
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
        counted = allocations(|| {
            let mut cx = Context::from_waker(Waker::noop());
            let future = pin!(service.call(request));
            match future.poll(&mut cx) {
                Poll::Ready(Ok(response)) => assert_eq!(response.status(), 200),
                _ => panic!("the request waited or was rejected"),
            }
        });
    }
    counted
}

fn token(algorithm: Algorithm) -> (impl Mechanism, String) {
    let key = SigningKey::generate(algorithm, &SystemRandom).unwrap();
    let issuer = Issuer::builder("https://auth.example")
        .signing_key(key)
        .build()
        .unwrap();
    let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom);
    let principal = PrimaryPrincipal::for_test(Id::from_bytes([1; 20]), scopes());
    let token = mint
        .mint(&MintRequest::new(principal, MintParameters::default()))
        .unwrap();
    let jwt = Jwt::new([issuer.trusted().build().unwrap()]);
    (jwt, format!("Bearer {}", token.token.expose()))
}

#[test]
fn accepted_key_allocates_its_principal_and_the_extensions() {
    let memory = MemoryCredentials::default();
    let key = memory.create_key(SCOPES).issued.key;
    let layer = AuthLayer::builder()
        .primary(memory.api_keys())
        .build()
        .unwrap();
    assert_eq!(
        accepted(&layer, "x-api-key", key.expose()),
        extensions() + 1
    );
}

#[test]
fn accepted_token_allocates_at_most_four_more_than_the_extensions() {
    // Only HMAC is verified without allocations: aws-lc-rs allocates when it verifies other signatures.
    let (jwt, token) = token(Algorithm::Hs256);
    let layer = AuthLayer::builder().mechanism(jwt).build().unwrap();
    let (counted, allowed) = (accepted(&layer, "authorization", &token), extensions() + 4);
    assert!(
        counted <= allowed,
        "{counted} allocations, {allowed} are allowed"
    );
}
