//! What the log says where a configuration looks wrong: one warning a minute, for each kind.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::AuthLayer;
use countersign::jose::{Algorithm, KeySet, SigningKey};
use countersign::mechanism::Jwt;
use countersign::random::SystemRandom;
use countersign::testing::{FixedClock, TestIssuer, TestToken};
use countersign::time::{Clock as _, Timestamp};
use countersign::token::TrustedIssuer;
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Collects the warnings as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Sends tokens to a service that trusts an issuer, and returns the warnings.
struct Fixture {
    issuer: TestIssuer,
    clock: FixedClock,
    layer: AuthLayer,
}

impl Fixture {
    fn new() -> Self {
        let clock = FixedClock::at(Timestamp::from_unix_seconds(1_773_576_000));
        let issuer = TestIssuer::start(clock.clone()).unwrap();
        let trusted = TrustedIssuer::external(issuer.url())
            .audience(TestIssuer::AUDIENCE)
            .keys(KeySet::from_jwks(&issuer.jwks()).unwrap().0);
        let jwt = Jwt::new([trusted.build().unwrap()]);
        let layer = AuthLayer::builder()
            .mechanism(jwt)
            .clock(clock.clone())
            .build()
            .unwrap();
        Self {
            issuer,
            clock,
            layer,
        }
    }

    fn warnings(&self, token: TestToken, times: usize) -> Vec<String> {
        let log = Log::default();
        let service = self.layer.layer(service_fn(async |_: Request<()>| {
            Ok::<_, std::convert::Infallible>(Response::new(()))
        }));
        let value = format!("Bearer {}", token.sign().unwrap());
        tracing::subscriber::with_default(log.clone(), || {
            for _ in 0..times {
                let request = Request::get("/")
                    .header("authorization", &value)
                    .body(())
                    .unwrap();
                tokio_test::block_on(service.clone().oneshot(request)).unwrap();
            }
        });
        std::mem::take(&mut log.0.lock().unwrap())
    }
}

#[test]
fn tokens_of_another_issuer_or_audience_are_warned_of_once_a_minute() {
    let fixture = Fixture::new();
    let url = fixture.issuer.url();
    let slash = format!("{url}/");
    let wrong_issuer = || fixture.issuer.token().claim("iss", &slash);
    let warnings = fixture.warnings(wrong_issuer(), 100);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let text = &warnings[0];
    assert!(
        text.contains("issuer_untrusted") && text.contains(&slash) && text.contains(url),
        "{text}"
    );

    // Another kind has a warning of its own.
    let warnings = fixture.warnings(
        fixture.issuer.token().audience("https://other.example"),
        100,
    );
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let text = &warnings[0];
    assert!(
        text.contains("https://other.example") && text.contains(TestIssuer::AUDIENCE),
        "{text}"
    );

    assert!(fixture.warnings(wrong_issuer(), 100).is_empty());
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.warnings(wrong_issuer(), 100).len(), 1);
}

#[test]
fn wrong_tokens_beside_accepted_ones_are_not_warned_of() {
    let fixture = Fixture::new();
    assert!(fixture.warnings(fixture.issuer.token(), 1).is_empty());
    let wrong = || fixture.issuer.token().claim("iss", "https://other.example");
    assert!(fixture.warnings(wrong(), 100).is_empty());
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.warnings(wrong(), 100).len(), 1);
}

#[test]
fn clock_that_is_behind_is_warned_of() {
    let fixture = Fixture::new();
    let issued = fixture.clock.now().unix_seconds() + 120;
    let warnings = fixture.warnings(fixture.issuer.token().claim("iat", issued), 10);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("120 s ahead of the clock"),
        "{warnings:?}"
    );
}

#[test]
fn text_of_a_forged_token_is_shortened_and_escaped_in_the_log() {
    let fixture = Fixture::new();
    let forged = format!(
        "https://evil.example/\r\nadmin logged in {}",
        "x".repeat(5000)
    );
    let warnings = fixture.warnings(fixture.issuer.token().claim("iss", forged), 1);
    assert!(
        warnings[0].contains("\\r\\n") || warnings[0].contains("\\\\r\\\\n"),
        "{warnings:?}"
    );
    assert!(
        !warnings[0].contains('\n') && warnings[0].len() < 1000,
        "{warnings:?}"
    );
}

#[test]
fn private_key_in_a_jwk_is_warned_of_once_by_its_kid() {
    let log = Log::default();
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let jwk = key
        .public_jwk()
        .unwrap()
        .replacen('{', r#"{"d":"AAAA","#, 1);
    let document = format!(r#"{{"keys":[{jwk}]}}"#);
    tracing::subscriber::with_default(log.clone(), || {
        for _ in 0..10 {
            assert_eq!(KeySet::from_jwks(&document).unwrap().0.len(), 1);
        }
    });
    let warnings = log.0.lock().unwrap().clone();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains(key.id()) && !warnings[0].contains("AAAA"),
        "{warnings:?}"
    );
}
