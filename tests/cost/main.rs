//! The allocations of a request and of a token, against numbers that are written here. They are those of a request whose
//! header values are shared, as hyper's are, in addition to those of two request extensions.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign::auth::AuthLayer;
use countersign::directory::{Credential, MemoryDirectory};
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::{Basic, Jwt, Mechanism};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::backend::{KeyDigest, KeyDigests, SecretDigest, StoredSecret};
use countersign::require::{require, scope};
use countersign::time::SystemClock;
use countersign::{Id, PrimaryPrincipal, Principal, Scopes};
use countersign_tests::{EmptyService, MemoryCredentials, basic};
use http::{Extensions, HeaderName, HeaderValue, Request, Response};
use tower::{Layer, Service};

const SCOPES: &str = "calls:read calls:write agents:read campaigns:*";
/// The identity of a stored credential.
const STORED_CREDENTIAL: u64 = 1;
/// The payload, its reference count, the scopes and the identity. Only HMAC is verified without allocations: aws-lc-rs
/// allocates when it verifies other signatures.
const VERIFIED_TOKEN: u64 = 4;
const CACHED_TOKEN: u64 = 0;
/// The claims and the token.
const MINTED_TOKEN: u64 = 2;
/// Nothing is presented, garbage, and a token with a wrong signature: its payload, the reference count, the scopes and the
/// identity, and the explanation.
const REJECTED: [u64; 3] = [6, 6, 14];
/// In a table of which a third is used.
const BYTES_OF_A_KEY: i64 = 156;

fn scopes() -> Scopes {
    SCOPES.parse().unwrap()
}

/// The allocations of two request extensions of these types.
fn extensions() -> u64 {
    let principal = Principal::for_test(Id::from_bytes([1; 20]), scopes());
    let scopes = scopes();
    allocations(|| {
        let mut extensions = Extensions::new();
        extensions.insert(scopes.clone());
        extensions.insert(principal.clone());
    })
}

fn allocations(f: impl FnOnce()) -> u64 {
    allocation_counter::measure(f).count_total
}

/// Sends requests with a credential, and returns the allocations of the last one.
fn count<L>(layer: &L, requests: usize, header: Option<(&'static str, &str)>, status: u16) -> u64
where
    L: Layer<EmptyService>,
    L::Service: Service<Request<()>, Response = Response<()>>,
{
    let mut service = layer.layer(EmptyService);
    let mut counted = 0;
    for _ in 0..requests {
        let mut request = Request::new(());
        // A slice of a shared buffer, as hyper's header values are: a clone increments a reference count.
        let value = header.map(|(_, value)| HeaderValue::try_from(value).unwrap());
        let _shared = value.clone();
        if let (Some((name, _)), Some(value)) = (header, value) {
            let name = HeaderName::from_static(name);
            request.headers_mut().insert(name, value);
        }
        counted = allocations(|| {
            let mut cx = Context::from_waker(Waker::noop());
            let future = pin!(service.call(request));
            match future.poll(&mut cx) {
                Poll::Ready(Ok(response)) => assert_eq!(response.status(), status),
                _ => panic!("the request waited or failed"),
            }
        });
    }
    counted
}

fn accepted(layer: &AuthLayer, requests: usize, name: &'static str, value: &str) -> u64 {
    count(layer, requests, Some((name, value)), 200) - extensions()
}

fn layer(mechanism: impl Mechanism) -> AuthLayer {
    AuthLayer::builder().mechanism(mechanism).build().unwrap()
}

fn minting(algorithm: Algorithm) -> (Mint, MintRequest) {
    let key = SigningKey::generate(algorithm, &SystemRandom).unwrap();
    let issuer = Issuer::builder("https://auth.example").signing_key(key);
    let mint = Mint::new(issuer.build().unwrap(), SystemClock, SystemRandom);
    let principal = PrimaryPrincipal::for_test(Id::from_bytes([1; 20]), scopes());
    (mint, MintRequest::new(principal, MintParameters::default()))
}

fn token(algorithm: Algorithm) -> (Jwt, String) {
    let (mint, request) = minting(algorithm);
    let token = mint.mint(&request).unwrap().token;
    let jwt = Jwt::new([mint.issuer().trusted().build().unwrap()]);
    (jwt, format!("Bearer {}", token.expose()))
}

#[test]
fn accepted_key_allocates_its_identity() {
    let memory = MemoryCredentials::default();
    let issued = memory.create_key(SCOPES);
    let keys = AuthLayer::builder().primary(memory.api_keys());
    let counted = accepted(
        &keys.build().unwrap(),
        2,
        "x-api-key",
        issued.issued.key.expose(),
    );
    assert_eq!(counted, STORED_CREDENTIAL);

    let basics = Basic::new(memory.directory.clone(), memory.peppers.clone());
    let pair = basic(&issued.record.id.to_string(), issued.issued.secret.expose());
    let basics = AuthLayer::builder().primary(basics).build().unwrap();
    assert_eq!(
        accepted(&basics, 2, "authorization", &pair),
        STORED_CREDENTIAL
    );
}

#[test]
fn cached_token_allocates_nothing() {
    for algorithm in [Algorithm::Hs256, Algorithm::EdDsa, Algorithm::Es256] {
        let (jwt, token) = token(algorithm);
        let counted = accepted(&layer(jwt), 3, "authorization", &token);
        assert_eq!(counted, CACHED_TOKEN, "{algorithm}");
    }
}

#[test]
fn token_that_is_not_cached_allocates_its_claims_scopes_and_identity() {
    let (jwt, token) = token(Algorithm::Hs256);
    let counted = accepted(&layer(jwt.cache_bytes(0)), 2, "authorization", &token);
    assert_eq!(counted, VERIFIED_TOKEN);
}

#[test]
fn first_presentation_of_a_token_allocates_as_much_as_without_a_cache() {
    let (mint, request) = minting(Algorithm::Hs256);
    let issuer = || mint.issuer().trusted().build().unwrap();
    let counted = [Jwt::new([issuer()]), Jwt::new([issuer()]).cache_bytes(0)].map(|jwt| {
        let layer = layer(jwt);
        let mut counted = 0;
        for _ in 0..3 {
            let token = mint.mint(&request).unwrap().token;
            let token = format!("Bearer {}", token.expose());
            counted = accepted(&layer, 1, "authorization", &token);
        }
        counted
    });
    assert_eq!(counted, [VERIFIED_TOKEN; 2]);
}

/// Rejections allocate their response: the challenges, the headers and the rejection among its extensions.
#[test]
fn rejected_request_allocates_its_response() {
    let (jwt, token) = token(Algorithm::Hs256);
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(43));
    let layer = layer(jwt);
    let counted = [None, Some("Bearer garbage"), Some(&*forged)].map(|value| {
        let header = value.map(|value| ("authorization", value));
        count(&layer, 2, header, 401)
    });
    assert_eq!(counted, REJECTED);
}

#[test]
fn requirement_that_is_met_allocates_nothing() {
    let (jwt, token) = token(Algorithm::Hs256);
    let (layer, required) = (layer(jwt), require(scope("calls:write")).unwrap());
    let plain = accepted(&layer, 3, "authorization", &token);
    let stack = tower::ServiceBuilder::new().layer(layer).layer(required);
    let counted = count(&stack, 3, Some(("authorization", &token)), 200) - extensions();
    assert_eq!(counted, plain);
}

#[test]
fn mint_allocates_the_claims_and_the_token() {
    let (mint, request) = minting(Algorithm::Hs256);
    let mut counted = 0;
    for _ in 0..2 {
        counted = allocations(|| drop(mint.mint(&request).unwrap()));
    }
    assert_eq!(counted, MINTED_TOKEN);
}

/// The table and the records, without names. Each key has a text of scopes of its own when it is inserted.
#[test]
fn api_key_occupies_few_bytes_in_memory() {
    const KEYS: u32 = 20_000;
    let mut table = None;
    let measured = allocation_counter::measure(|| {
        let directory = MemoryDirectory::default();
        for n in 0..KEYS {
            let mut id = [0; 20];
            id[..4].copy_from_slice(&n.to_be_bytes());
            let digest = SecretDigest::from_bytes([7; 32]);
            let digest = KeyDigest { pepper: 1, digest };
            let secret = StoredSecret::Key(KeyDigests::new(digest, None));
            let account = Id::from_bytes([1; 20]);
            directory.put(Credential::new(
                Id::from_bytes(id),
                account,
                scopes(),
                secret,
            ));
        }
        table = Some(directory);
    });
    let bytes = measured.bytes_current / i64::from(KEYS);
    assert!(bytes <= BYTES_OF_A_KEY, "{bytes} bytes");
    drop(table);
}
