//! The metrics count every authentication and every requirement, with labels that no request can choose.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::convert::Infallible;
use std::sync::Arc;

use countersign::AuthLayer;
use countersign::directory::MemoryDirectory;
use countersign::jose::KeySet;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic, Jwt};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::require::{claim, deny, issuer, predicate, primary, require, scope};
use countersign::testing::{TestIssuer, TestPrincipal};
use countersign::time::SystemClock;
use countersign::token::TrustedIssuer;
use http::{Request, Response};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

/// Runs a future with a recorder, and returns the counters as `name{labels}` with their values.
fn counted(run: impl Future<Output = ()>) -> Vec<(String, u64)> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || tokio_test::block_on(run));
    let mut counters: Vec<(String, u64)> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels = key
                .key()
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()));
            let labels = labels.collect::<Vec<_>>().join(" ");
            let DebugValue::Counter(count) = value else {
                panic!("not a counter: {labels}");
            };
            (format!("{}{{{labels}}}", key.key().name()), count)
        })
        .collect();
    counters.sort();
    counters
}

/// Sends requests with these headers to a service with API keys and Basic.
async fn send(requests: &[&[(&str, &str)]]) {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let table = Arc::clone(&directory);
    let registry = MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom).unwrap();
    let caller = Caller::operator("test");
    let new = NewKey::new("test", "calls:read".parse().unwrap());
    let key = registry.create_key(&caller, new).await.unwrap().issued.key;
    let new = NewKey::new("test", "other".parse().unwrap());
    let other = registry.create_key(&caller, new).await.unwrap().issued.key;
    let layer = AuthLayer::builder()
        .primary(ApiKeys::new(directory.clone(), peppers.clone()))
        .primary(Basic::new(directory, peppers))
        .build()
        .unwrap();
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(require(scope("calls:read")).unwrap())
        .service(service_fn(accept));
    for headers in requests {
        let mut request = Request::builder();
        for (name, value) in *headers {
            let value = value
                .replace("GOOD", key.expose())
                .replace("OTHER", other.expose());
            request = request.header(*name, value);
        }
        let request = request.body(()).unwrap();
        service.clone().oneshot(request).await.unwrap();
    }
}

async fn accept(_: Request<()>) -> Result<Response<()>, Infallible> {
    Ok(Response::new(()))
}

fn expected<const N: usize>(counters: [(&str, u64); N]) -> Vec<(String, u64)> {
    counters
        .map(|(name, count)| (name.to_owned(), count))
        .into()
}

#[test]
fn every_authentication_and_every_requirement_is_counted_by_outcome_scheme_and_reason() {
    let counters = counted(send(&[
        &[],
        &[("x-api-key", "GOOD")],
        &[("x-api-key", "GOOD")],
        &[("x-api-key", "OTHER")],
        &[("x-api-key", "canary")],
        &[("x-api-key", "GOOD"), ("authorization", "Basic canary")],
        &[("authorization", "Basic canary")],
    ]));
    let expected = expected([
        (
            "countersign_authentications_total{outcome=accepted scheme=api_key}",
            3,
        ),
        (
            "countersign_authentications_total{outcome=invalid reason=pair_malformed}",
            1,
        ),
        (
            "countersign_authentications_total{outcome=invalid reason=unselected}",
            1,
        ),
        (
            "countersign_authentications_total{outcome=malformed reason=several_credentials}",
            1,
        ),
        (
            "countersign_authentications_total{outcome=missing reason=no_credentials}",
            1,
        ),
        ("countersign_requirements_total{outcome=accepted}", 2),
        (
            "countersign_requirements_total{outcome=insufficient_scope reason=scope_missing}",
            1,
        ),
    ]);
    assert_eq!(counters, expected);
}

#[test]
fn tokens_and_unknown_schemes_are_counted_by_their_reasons() {
    let counters = counted(async {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        let (keys, _) = KeySet::from_jwks(&issuer.jwks()).unwrap();
        let trusted = TrustedIssuer::external(issuer.url());
        let trusted = trusted.audience(TestIssuer::AUDIENCE).keys(keys).build();
        let layer = AuthLayer::builder().mechanism(Jwt::new([trusted.unwrap()]));
        let layer = layer.build().unwrap().optional();
        let service = layer.layer(service_fn(accept));
        let token = || issuer.token();
        let long = "x".repeat(9000);
        let mut values = vec!["Digest canary".to_owned()];
        for token in [
            token(),
            token().claim("iss", "https://canary.example"),
            token().audience("canary"),
            token().header("typ", "logout+jwt"),
            token().key_id("canary"),
            token().claim("groups", long),
        ] {
            values.push(format!("Bearer {}", token.sign().unwrap()));
        }
        for value in values {
            let request = Request::get("/").header("authorization", value);
            let request = request.body(()).unwrap();
            service.clone().oneshot(request).await.unwrap();
        }
    });
    let name = |outcome: &str, detail: &str| {
        format!("countersign_authentications_total{{outcome={outcome} {detail}}}")
    };
    let rejected = [
        "audience_mismatch",
        "issuer_untrusted",
        "key_unknown",
        "token_too_long",
        "type_rejected",
    ];
    let rejected = rejected.map(|reason| (name("invalid", &format!("reason={reason}")), 1));
    let mut expected = vec![(name("accepted", "scheme=bearer"), 1)];
    expected.extend(rejected);
    expected.push((name("missing", "reason=scheme_unknown"), 1));
    assert_eq!(counters, expected);
}

#[test]
fn requirements_on_claims_issuers_and_predicates_are_counted_by_their_reasons() {
    let counters = counted(async {
        let ada = TestPrincipal::new("ada")
            .issuer("https://a.example")
            .claim("roles", ["reader"])
            .build();
        for requirement in [
            claim("roles").contains("reader") & issuer("https://a.example"),
            claim("roles").contains("canary"),
            issuer("https://canary.example"),
            predicate("confirmed", |_| false),
            primary(),
            deny(),
        ] {
            // Counted, whether it is met or not.
            let _ = requirement.check(&ada);
        }
    });
    let expected = expected([
        ("countersign_requirements_total{outcome=accepted}", 1),
        (
            "countersign_requirements_total{outcome=forbidden reason=confirmed}",
            1,
        ),
        (
            "countersign_requirements_total{outcome=forbidden reason=denied}",
            1,
        ),
        (
            "countersign_requirements_total{outcome=forbidden reason=issuer_required}",
            1,
        ),
        (
            "countersign_requirements_total{outcome=forbidden reason=primary_required}",
            1,
        ),
        (
            "countersign_requirements_total{outcome=insufficient_scope reason=claim_missing}",
            1,
        ),
    ]);
    assert_eq!(counters, expected);
}

#[test]
fn different_guesses_share_one_counter() {
    let guesses: Vec<String> = (0..300).map(|n| format!("canary{n}")).collect();
    let requests: Vec<[(&str, &str); 1]> = guesses
        .iter()
        .map(|guess| [("x-api-key", guess.as_str())])
        .collect();
    let requests: Vec<&[(&str, &str)]> = requests.iter().map(<[_; 1]>::as_slice).collect();
    let counters = counted(send(&requests));
    assert_eq!(counters.len(), 1, "{counters:?}");
    assert!(!format!("{counters:?}").contains("canary"));
}

#[cfg(all(feature = "testing", feature = "webhooks"))]
#[test]
fn webhooks_are_counted_by_outcome_provider_and_reason() {
    use countersign::Secret;
    use countersign::auth::WebhookLayer;
    use countersign::mechanism::webhook::WebhookVerifier;
    use countersign::time::Clock as _;
    use http_body_util::Full;

    let secret = Secret::from("whsec_5f3a9c1e7b2d4086a1c3e5f7".to_owned());
    let verifier = WebhookVerifier::stripe([secret]).unwrap();
    let layer = WebhookLayer::new(verifier.clone()).max_body(8);
    let service = ServiceBuilder::new()
        .layer(layer)
        .service(service_fn(|_| async {
            Ok::<_, Infallible>(Response::new(()))
        }));
    let send = async |headers: http::HeaderMap, body: &'static str| {
        let mut request = Request::new(Full::<&[u8]>::from(body.as_bytes()));
        *request.headers_mut() = headers;
        service.clone().oneshot(request).await.unwrap();
    };
    let sign = |body: &str| verifier.sign_for_test("", body.as_bytes(), SystemClock.now());
    let counters = counted(async {
        send(sign("canary"), "canary").await;
        send(sign("canary"), "Canary").await;
        send(sign("canary"), "too large canary").await;
        send(http::HeaderMap::new(), "canary").await;
    });
    let expected = [
        "countersign_authentications_total{outcome=accepted scheme=stripe}",
        "countersign_authentications_total{outcome=body_too_large reason=body_too_large}",
        "countersign_authentications_total{outcome=invalid reason=webhook_signature}",
        "countersign_authentications_total{outcome=missing reason=no_credentials}",
    ];
    assert_eq!(counters, expected.map(|name| (name.to_owned(), 1)));
}
