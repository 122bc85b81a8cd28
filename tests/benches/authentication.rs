//! The costs of authentication and minting, of the cryptographic primitive alone, and of jsonwebtoken, in one run.
//! Compare ratios, not times: `cargo bench -p countersign-tests`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aws_lc_rs::signature::{ED25519, KeyPair as _, ParsedPublicKey};
use countersign::auth::AuthLayer;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::Jwt;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::time::SystemClock;
use countersign::{Id, PrimaryPrincipal};
use countersign_tests::{EmptyService, MemoryCredentials};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Extensions, HeaderName, HeaderValue, Request, Response};
use tower::{Layer as _, Service};

const URL: &str = "https://auth.example";

/// Creates a request whose header value is a slice of a shared buffer, as hyper's are. Every benchmark includes this cost,
/// because requests that were created in advance would be cold in the cache.
fn request(name: &'static str, value: &HeaderValue) -> Request<()> {
    let mut request = Request::new(());
    let name = HeaderName::from_static(name);
    request.headers_mut().insert(name, value.clone());
    request
}

fn respond<S: Service<Request<()>, Response = Response<()>, Error = Infallible>>(
    service: &mut S,
    request: Request<()>,
) -> u16 {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let future = pin!(service.call(request));
    match future.poll(&mut cx) {
        Poll::Ready(Ok(response)) => response.status().as_u16(),
        _ => 0,
    }
}

fn baseline(c: &mut Criterion) {
    c.bench_function("insert one Arc into empty Extensions", |b| {
        let value = Arc::new(1u8);
        b.iter(|| {
            let mut extensions = Extensions::new();
            extensions.insert(Arc::clone(&value));
            black_box(extensions)
        });
    });
}

fn bearers(c: &mut Criterion) {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Rs256,
    ] {
        let key = SigningKey::generate(algorithm, &SystemRandom).unwrap();
        let issuer = Issuer::builder(URL)
            .signing_key(key.clone())
            .build()
            .unwrap();
        let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom);
        let scopes = "calls:read calls:write campaigns:read agents:read"
            .parse()
            .unwrap();
        let principal = PrimaryPrincipal::for_test(Id::from_bytes([1; 20]), scopes);
        let mint_request = MintRequest::new(principal, MintParameters::default());
        let token = mint.mint(&mint_request).unwrap().token.expose().to_owned();
        let (message, signature) = token.rsplit_once('.').unwrap();

        let mut group = c.benchmark_group(algorithm.as_str());
        let jwt = Jwt::new([issuer.trusted().build().unwrap()]);
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let request = || request("authorization", &bearer);
        for (name, jwt) in [
            ("layer", jwt.clone().cache_bytes(0)),
            ("layer, cached", jwt),
        ] {
            let layer = AuthLayer::builder().mechanism(jwt).build().unwrap();
            let mut service = layer.layer(EmptyService);
            assert_eq!(respond(&mut service, request()), 200);
            group.bench_function(name, |b| {
                b.iter(|| respond(&mut service, request()));
            });
        }
        group.bench_function("inner service alone", |b| {
            b.iter(|| respond(&mut EmptyService, request()));
        });
        group.bench_function("mint", |b| b.iter(|| mint.mint(&mint_request).unwrap()));

        let secret = key.to_secret_bytes().unwrap();
        let (name, decoding, encoding) = jsonwebtoken_keys(algorithm, &key, &secret);
        let mut validation = jsonwebtoken::Validation::new(name);
        validation.set_issuer(&[URL]);
        validation.set_audience(&[URL]);
        group.bench_function("jsonwebtoken decode", |b| {
            b.iter(|| {
                jsonwebtoken::decode::<serde_json::Value>(&token, &decoding, &validation).unwrap()
            });
        });
        let claims: serde_json::Value = jsonwebtoken::decode(&token, &decoding, &validation)
            .unwrap()
            .claims;
        let header = jsonwebtoken::Header::new(name);
        group.bench_function("jsonwebtoken encode", |b| {
            b.iter(|| jsonwebtoken::encode(&header, &claims, &encoding).unwrap());
        });
        raw(
            &mut group,
            algorithm,
            &secret,
            message.as_bytes(),
            signature,
        );
        group.finish();
    }
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// The cryptographic primitive alone, with a prepared key.
fn raw(group: &mut Group<'_>, algorithm: Algorithm, secret: &[u8], message: &[u8], encoded: &str) {
    use aws_lc_rs::{hmac, signature as aws};
    use base64::Engine as _;

    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(encoded)
        .unwrap();
    let public = match algorithm {
        Algorithm::Hs256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            group.bench_function("raw verify", |b| {
                b.iter(|| hmac::verify(&key, message, &signature).unwrap());
            });
            group.bench_function("raw sign", |b| b.iter(|| hmac::sign(&key, message)));
            return;
        }
        Algorithm::EdDsa => {
            let pair = aws::Ed25519KeyPair::from_pkcs8_maybe_unchecked(secret).unwrap();
            group.bench_function("raw sign", |b| b.iter(|| pair.sign(message)));
            ParsedPublicKey::new(&ED25519, pair.public_key()).unwrap()
        }
        Algorithm::Es256 => {
            let signing = &aws::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = aws::EcdsaKeyPair::from_pkcs8(signing, secret).unwrap();
            let random = aws_lc_rs::rand::SystemRandom::new();
            group.bench_function("raw sign", |b| {
                b.iter(|| pair.sign(&random, message).unwrap())
            });
            ParsedPublicKey::new(&aws::ECDSA_P256_SHA256_FIXED, pair.public_key()).unwrap()
        }
        _ => {
            let pair = aws::RsaKeyPair::from_pkcs8(secret).unwrap();
            let random = aws_lc_rs::rand::SystemRandom::new();
            group.bench_function("raw sign", |b| {
                let mut out = vec![0; pair.public_modulus_len()];
                b.iter(|| {
                    pair.sign(&aws::RSA_PKCS1_SHA256, &random, message, &mut out)
                        .unwrap()
                });
            });
            ParsedPublicKey::new(&aws::RSA_PKCS1_2048_8192_SHA256, pair.public_key()).unwrap()
        }
    };
    group.bench_function("raw verify", |b| {
        b.iter(|| public.verify_sig(message, &signature).unwrap());
    });
}

/// Returns the keys for jsonwebtoken.
fn jsonwebtoken_keys(
    algorithm: Algorithm,
    key: &SigningKey,
    secret: &[u8],
) -> (
    jsonwebtoken::Algorithm,
    jsonwebtoken::DecodingKey,
    jsonwebtoken::EncodingKey,
) {
    use jsonwebtoken::{Algorithm as Name, DecodingKey, EncodingKey};

    let public = || {
        let jwk = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
        DecodingKey::from_jwk(&jwk).unwrap()
    };
    match algorithm {
        Algorithm::Hs256 => (
            Name::HS256,
            DecodingKey::from_secret(secret),
            EncodingKey::from_secret(secret),
        ),
        Algorithm::EdDsa => (Name::EdDSA, public(), EncodingKey::from_ed_der(secret)),
        Algorithm::Es256 => (Name::ES256, public(), EncodingKey::from_ec_der(secret)),
        _ => (
            Name::RS256,
            public(),
            EncodingKey::from_rsa_der(&pkcs1(secret)),
        ),
    }
}

/// Returns the `RSAPrivateKey` inside PKCS #8: the last field, after 26 bytes of version and algorithm.
fn pkcs1(pkcs8: &[u8]) -> Vec<u8> {
    pkcs8.get(26..).unwrap().to_vec()
}

fn keys(c: &mut Criterion) {
    let memory = MemoryCredentials::default();
    let value = |key: &str| HeaderValue::try_from(key).unwrap();
    let create = || memory.create_key("calls:read").issued.key;
    let key = value(create().expose());
    let many: Vec<HeaderValue> = (0..100_000).map(|_| value(create().expose())).collect();
    let mut service = AuthLayer::builder()
        .primary(memory.api_keys())
        .build()
        .unwrap()
        .layer(EmptyService);
    let mut group = c.benchmark_group("API key");
    assert_eq!(respond(&mut service, request("x-api-key", &key)), 200);
    group.bench_function("hot", |b| {
        let request = || request("x-api-key", &key);
        b.iter(|| respond(&mut service, request()));
    });
    group.bench_function("random of 10^5", |b| {
        let mut next = 0;
        let mut request = || {
            next = (next + 7919) % many.len();
            request("x-api-key", many.get(next).unwrap())
        };
        b.iter(|| respond(&mut service, request()));
    });
    let mut forged = create().expose().to_owned();
    forged.pop();
    let forged = value(&(forged + "-"));
    group.bench_function("wrong checksum", |b| {
        let request = || request("x-api-key", &forged);
        b.iter(|| respond(&mut service, request()));
    });
    group.bench_function("inner service alone", |b| {
        let request = || request("x-api-key", &key);
        b.iter(|| respond(&mut EmptyService, request()));
    });
    group.finish();
}

criterion_group!(benches, baseline, bearers, keys);
criterion_main!(benches);
