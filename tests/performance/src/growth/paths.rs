//! Paths whose cost may grow.

use std::sync::{Arc, Barrier};
use std::time::Instant;

use countersign::Id;
use countersign::auth::{AuthLayer, AuthService};
use countersign::directory::DenySet;
use countersign::jose::{Algorithm, KeySet, SigningKey};
use countersign::mechanism::Jwt;
use countersign::mint::{Issuer, Mint, MintRequest};
use countersign::random::SystemRandom;
use countersign::rejection::EmptyBody;
use countersign::time::{Clock as _, SystemClock};
use countersign::token::TrustedIssuer;
use countersign_tests::MemoryCredentials;
use http::HeaderValue;
use tower::Layer as _;

use crate::in_process::material::{ISSUER, SCOPES, bearer, jwt, mint, token};
use crate::requests::{EmptyService, requests};
use crate::timing::Run;

const ALGORITHM: Algorithm = Algorithm::Hs256;

fn layer(jwt: Jwt) -> AuthService<EmptyService<()>, EmptyBody> {
    let layer = AuthLayer::builder().mechanism(jwt).build().unwrap();
    layer.layer(EmptyService::new())
}

/// A token with the cache and without it.
fn both(jwt: &Jwt, token: &str) -> [Run; 2] {
    [jwt.clone(), jwt.clone().cache_bytes(0)]
        .map(|jwt| requests(layer(jwt), "authorization", vec![bearer(token)], 200))
}

pub(super) fn scopes(count: u64) -> [Run; 3] {
    let scopes: Vec<String> = (0..count).map(|n| format!("resource{n}:read")).collect();
    let scopes = scopes.join(" ");
    let (mint, request) = mint(ALGORITHM, &scopes);
    let token = mint.mint(&request).unwrap().token;
    let [cached, uncached] = both(&jwt(ALGORITHM), token.expose());
    let memory = MemoryCredentials::default();
    let key = memory.create_key(&scopes).issued.key;
    let service = AuthLayer::builder()
        .primary(memory.api_keys())
        .build()
        .unwrap();
    let service = service.layer(EmptyService::<()>::new());
    let key = HeaderValue::try_from(key.expose()).unwrap();
    [
        cached,
        uncached,
        requests(service, "x-api-key", vec![key], 200),
    ]
}

pub(super) fn signing_keys(count: u64) -> [Run; 2] {
    let generate = |_| SigningKey::generate(ALGORITHM, &SystemRandom).unwrap();
    let keys: Vec<SigningKey> = (0..count).map(generate).collect();
    let set = KeySet::new(keys.iter().map(|key| key.verifying_key().unwrap())).unwrap();
    let one = keys[keys.len() / 2].clone();
    let issuer = Issuer::builder(ISSUER).signing_key(one).build().unwrap();
    let (_, request) = mint(ALGORITHM, SCOPES);
    let token = Mint::new(issuer, SystemClock, SystemRandom)
        .mint(&request)
        .unwrap()
        .token;
    let trusted = TrustedIssuer::own(ISSUER).audience(ISSUER).keys(set);
    both(&Jwt::new([trusted.build().unwrap()]), token.expose())
}

pub(super) fn denials(count: u64) -> [Run; 2] {
    let denied = Arc::new(DenySet::default());
    let until = SystemClock
        .now()
        .plus(std::time::Duration::from_secs(86_400));
    for n in 0..count {
        denied.deny_below(id(n), 2, until);
    }
    let (mint, request) = mint(ALGORITHM, SCOPES);
    let trusted = mint.issuer().trusted().directory(denied).build().unwrap();
    let token = mint.mint(&request).unwrap().token;
    both(&Jwt::new([trusted]), token.expose())
}

/// Returns a distinct id for each number, whose first bytes are spread.
pub(super) fn id(number: u64) -> Id {
    let mut bytes = [7; 20];
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&spread.to_be_bytes());
    bytes[8..16].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

/// What threads that authenticate at the same time have in common.
#[derive(Clone, Copy)]
pub(super) enum Shared {
    /// One service, and so its cache, and one token.
    Service,
    /// Nothing: it shows what the machine itself gains by another core.
    Nothing,
}

/// Returns the requests with a cached token that several threads authenticate in a second.
pub(super) fn parallel(threads: usize, each: u64, shared: Shared) -> f64 {
    let (service, token) = (layer(jwt(ALGORITHM)), token(ALGORITHM));
    let barrier = Barrier::new(threads + 1);
    let begun = std::thread::scope(|scope| {
        for _ in 0..threads {
            let service = match shared {
                Shared::Service => service.clone(),
                Shared::Nothing => layer(jwt(ALGORITHM)),
            };
            // Each thread reads its requests from a buffer of its own, as connections do. The reference count of a common
            // buffer would be what the threads contend for.
            let (token, barrier) = (bearer(&token), &barrier);
            scope.spawn(move || {
                let mut run = requests(service, "authorization", vec![token], 200);
                barrier.wait();
                run(each);
            });
        }
        barrier.wait();
        Instant::now()
    });
    (threads as u64 * each) as f64 / begun.elapsed().as_secs_f64()
}

/// Returns a function that mints distinct tokens, and the mechanism that verifies them.
pub(super) fn distinct() -> (Mint, MintRequest, Jwt) {
    let (mint, request) = mint(ALGORITHM, SCOPES);
    (mint, request, jwt(ALGORITHM))
}
