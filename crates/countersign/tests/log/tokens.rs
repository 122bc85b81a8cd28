//! Tokens and key sets that look like a wrong configuration.

use std::time::Duration;

use countersign::jose::{Algorithm, KeySet, SigningKey};
use countersign::random::SystemRandom;
use countersign::testing::{TestIssuer, TestToken};
use countersign::time::Clock as _;
use tracing::Level;

use crate::support::{Fixture, Log};

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

/// The token that a client gets this many seconds from now, of an issuer whose clock is 2 h behind that of the service.
fn issued_2_h_behind(fixture: &Fixture, seconds: i64) -> TestToken {
    let issued = fixture.clock.now().unix_seconds() - 7200 + seconds;
    let token = fixture.issuer.token().claim("iat", issued);
    token.claim("exp", issued + 300)
}

#[test]
fn clock_that_is_ahead_is_warned_of() {
    let fixture = Fixture::new();
    let new_tokens = || (0..10).map(|second| issued_2_h_behind(&fixture, second));
    let warnings = fixture.lines(Level::WARN, new_tokens(), None);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("token_expired") && warnings[0].contains("6897 s behind the clock"),
        "{warnings:?}"
    );
    assert!(fixture.lines(Level::WARN, new_tokens(), None).is_empty());
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.lines(Level::WARN, new_tokens(), None).len(), 1);
    let lines = fixture.lines(Level::DEBUG, [issued_2_h_behind(&fixture, 0)], None);
    let explained = |line: &String| line.contains("token_expired") && line.contains("behind the");
    assert!(lines.iter().any(explained), "{lines:?}");
}

#[test]
fn expired_tokens_of_ordinary_clients_are_not_warned_of() {
    let fixture = Fixture::new();
    // Clients that do not get a new token, and one that does once its own is expired, of a service with few requests.
    let (old, older) = (
        issued_2_h_behind(&fixture, 1),
        issued_2_h_behind(&fixture, 0),
    );
    for _ in 0..5 {
        let expired = fixture.issuer.token();
        fixture.clock.advance(Duration::from_secs(600));
        for token in [&older, &old, &older, &expired] {
            assert!(fixture.warnings(token.clone(), 100).is_empty());
        }
        let accepted = fixture.lines(Level::DEBUG, [fixture.issuer.token()], None);
        assert!(accepted.is_empty(), "{accepted:?}");
    }
    // Newer and newer ones, beside an accepted one in the last minute.
    fixture.clock.advance(Duration::from_secs(59));
    let newer = || (0..10).map(|second| issued_2_h_behind(&fixture, 600 + second));
    let lines = fixture.lines(Level::DEBUG, newer(), None);
    let is_warning = |line: &String| line.contains("WARN");
    assert!(
        !lines.is_empty() && !lines.iter().any(is_warning),
        "{lines:?}"
    );
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.lines(Level::WARN, newer(), None).len(), 1);
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
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let jwk = key
        .public_jwk()
        .unwrap()
        .replacen('{', r#"{"d":"AAAA","#, 1);
    let document = format!(r#"{{"keys":[{jwk}]}}"#);
    let warnings = Log::of(Level::WARN, || {
        for _ in 0..10 {
            assert_eq!(KeySet::from_jwks(&document).unwrap().0.len(), 1);
        }
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains(key.id()) && !warnings[0].contains("AAAA"),
        "{warnings:?}"
    );
}
