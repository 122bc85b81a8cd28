//! The paths of countersign.

use std::hint::black_box;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::auth::{AuthLayer, AuthService};
use countersign::directory::{Credential, MemoryDirectory};
use countersign::jose::Algorithm;
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{Basic, Jwt};
use countersign::random::SystemRandom;
use countersign::registry::backend::StoredSecret;
use countersign::rejection::EmptyBody;
use countersign::{Id, Principal, Scopes};
use countersign_tests::MemoryCredentials;
use http::{Extensions, HeaderName, HeaderValue, Response};
use tower::{Layer as _, Service as _, ServiceExt as _};

use super::Make;
use super::material::{Material, SCOPES, bearer, jwt, token};
use crate::requests::{EmptyService, request, requests};
use crate::timing::Run;

const AUTHORIZATION: &str = "authorization";
const X_API_KEY: &str = "x-api-key";

pub(super) const BASE: [(&str, Make); 5] = [
    ("one Arc inserted into empty Extensions", |_, _| insertion()),
    ("inner service", |_, _| {
        let value = bearer(&token(Algorithm::Hs256));
        requests(EmptyService::<()>::new(), AUTHORIZATION, vec![value], 200)
    }),
    (
        "inner service, with the extensions of an accepted request",
        |_, _| extensions(),
    ),
    ("tower-http, one static token", |_, _| static_token()),
    ("countersign, nothing presented", |_, _| {
        let value = HeaderValue::from_static("a");
        requests(layer(jwt(Algorithm::Hs256)), "x-other", vec![value], 401)
    }),
];

pub(super) const BEARER: [(&str, Make); 2] = [
    ("countersign, no cache", |_, algorithm| {
        bearers(algorithm, |jwt| jwt.cache_bytes(0))
    }),
    ("countersign, cached", |_, algorithm| {
        bearers(algorithm, |jwt| jwt)
    }),
];

pub(super) const KEYS: [(&str, Make); 3] = [
    ("countersign, hot", |_, _| keys(1)),
    ("countersign, random of 10^6", |_, _| keys(1_000_000)),
    ("countersign, wrong checksum", |_, _| {
        let memory = MemoryCredentials::default();
        let key = memory.create_key(SCOPES).issued.key;
        let (rest, _) = key.expose().split_at(key.expose().len() - 6);
        let value = value(&format!("{rest}000000"));
        requests(key_layer(&memory), X_API_KEY, vec![value], 401)
    }),
];

pub(super) const BASIC: [(&str, Make); 2] = [
    ("countersign, id and secret of a key", |_, _| {
        let memory = MemoryCredentials::default();
        let key = memory.create_key(SCOPES);
        let pair = basic(&key.record.id.to_string(), key.issued.secret.expose());
        let layer = Basic::new(memory.directory.clone(), memory.peppers.clone());
        let layer = AuthLayer::builder().primary(layer).build().unwrap();
        let service = layer.layer(EmptyService::<()>::new());
        requests(service, AUTHORIZATION, vec![pair], 200)
    }),
    ("countersign, password verified before", |material, _| {
        password(material)
    }),
];

fn insertion() -> Run {
    let value = Arc::new(1_u8);
    Box::new(move |times| {
        for _ in 0..times {
            let mut extensions = Extensions::new();
            extensions.insert(Arc::clone(&value));
            black_box(&extensions);
        }
    })
}

/// What an accepted request cannot avoid: the principal and its scopes are request extensions.
fn extensions() -> Run {
    let name = HeaderName::from_static(AUTHORIZATION);
    let value = bearer(&token(Algorithm::Hs256));
    let scopes: Scopes = SCOPES.parse().unwrap();
    let principal = Principal::for_test(Id::from_bytes([1; 20]), scopes.clone());
    Box::new(move |times| {
        for _ in 0..times {
            let mut request = request(&name, &value);
            request.extensions_mut().insert(scopes.clone());
            request.extensions_mut().insert(principal.clone());
            black_box(&request);
            black_box(&Response::new(()));
        }
    })
}

#[expect(
    deprecated,
    reason = "tower-http marks it as too basic, which is what it is compared as"
)]
fn static_token() -> Run {
    use tower_http::validate_request::ValidateRequestHeaderLayer;

    let token = token(Algorithm::Hs256);
    let service = ValidateRequestHeaderLayer::bearer(&token).layer(EmptyService::<()>::new());
    requests(service, AUTHORIZATION, vec![bearer(&token)], 200)
}

fn layer(jwt: Jwt) -> AuthService<EmptyService<()>, EmptyBody> {
    let layer = AuthLayer::builder().mechanism(jwt).build().unwrap();
    layer.layer(EmptyService::new())
}

fn bearers(algorithm: Option<Algorithm>, configure: fn(Jwt) -> Jwt) -> Run {
    let algorithm = algorithm.unwrap();
    let value = bearer(&token(algorithm));
    requests(
        layer(configure(jwt(algorithm))),
        AUTHORIZATION,
        vec![value],
        200,
    )
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap()
}

fn key_layer(memory: &MemoryCredentials) -> AuthService<EmptyService<()>, EmptyBody> {
    let layer = AuthLayer::builder().primary(memory.api_keys()).build();
    layer.unwrap().layer(EmptyService::new())
}

fn keys(count: usize) -> Run {
    let memory = MemoryCredentials::default();
    let create = |_| value(memory.create_key(SCOPES).issued.key.expose());
    let keys = (0..count).map(create).collect();
    requests(key_layer(&memory), X_API_KEY, keys, 200)
}

fn basic(name: &str, secret: &str) -> HeaderValue {
    value(&format!(
        "Basic {}",
        STANDARD.encode(format!("{name}:{secret}"))
    ))
}

/// A user whose password is hashed at the first request, and found in the cache of verified passwords afterwards.
fn password(material: &Material) -> Run {
    let (layer, value) = password_layer();
    let mut service = layer.layer(EmptyService::<()>::new());
    let first = request(&HeaderName::from_static(AUTHORIZATION), &value);
    let response = material.block_on(async { service.ready().await.unwrap().call(first).await });
    assert_eq!(response.unwrap().status().as_u16(), 200);
    requests(service, AUTHORIZATION, vec![value], 200)
}

/// Returns a layer that accepts one user's password, and the credentials of that user.
pub(crate) fn password_layer() -> (AuthLayer, HeaderValue) {
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let password = "correct horse battery staple";
    let hash = hasher.hash(password).unwrap();
    let directory = Arc::new(MemoryDirectory::default());
    let (id, account) = (Id::from_bytes([1; 20]), Id::from_bytes([2; 20]));
    let secret = StoredSecret::Password(hash.expose().into());
    let user = Credential::new(id, account, SCOPES.parse().unwrap(), secret);
    directory.put_user("ada".parse().unwrap(), user);
    let peppers = MemoryCredentials::default().peppers;
    let mechanism = Basic::new(directory, peppers).passwords(hasher);
    let layer = AuthLayer::builder().primary(mechanism).build().unwrap();
    (layer, basic("ada", password))
}
