//! What the log says of tokens with a wrong key, signature, time or audience.

use std::convert::Infallible;
use std::time::Duration;

use countersign::testing::{Flaw, TestIssuer};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracing::Level;

use crate::support::{Fixture, Log};

/// Sends a token some times, and returns the lines.
fn lines(fixture: &Fixture, level: Level, token: &str, times: usize) -> Vec<String> {
    let service = fixture.layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    Log::of(level, || {
        for _ in 0..times {
            let request = Request::get("/").header("authorization", format!("Bearer {token}"));
            let request = request.body(()).unwrap();
            tokio_test::block_on(service.clone().oneshot(request)).unwrap();
        }
    })
}

#[test]
fn unknown_key_is_warned_of_with_the_issuer_and_a_part_of_its_kid() {
    let fixture = Fixture::new();
    let key_id = format!("\"\u{7}{}", "k".repeat(200));
    let token = fixture.issuer.token().key_id(&key_id).sign().unwrap();
    let warnings = lines(&fixture, Level::WARN, &token, 10);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let line = &warnings[0];
    let shown = "k".repeat(62);
    for text in ["key_unknown", fixture.issuer.url(), "alg EdDSA", &shown] {
        assert!(line.contains(text), "{text}: {line}");
    }
    assert!(!line.contains(&format!("{shown}k")), "{line}");
    assert!(!line.contains('\u{7}'), "{line}");
}

#[test]
fn wrong_signature_is_warned_of_with_the_issuer_and_the_kid() {
    let fixture = Fixture::new();
    let token = fixture.issuer.flawed(Flaw::ClaimChanged).unwrap();
    let warnings = lines(&fixture, Level::WARN, &token, 10);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for text in ["signature_invalid", fixture.issuer.url(), "with kid"] {
        assert!(warnings[0].contains(text), "{text}: {warnings:?}");
    }
}

#[test]
fn wrong_signature_beside_accepted_tokens_is_explained_and_not_warned_of() {
    let fixture = Fixture::new();
    let token = fixture.issuer.token().sign().unwrap();
    assert!(lines(&fixture, Level::DEBUG, &token, 1).is_empty());
    let token = fixture.issuer.flawed(Flaw::ClaimChanged).unwrap();
    let lines = lines(&fixture, Level::DEBUG, &token, 1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    for text in ["DEBUG", "signature_invalid", fixture.issuer.url()] {
        assert!(lines[0].contains(text), "{text}: {lines:?}");
    }
}

#[test]
fn expired_token_is_explained_by_the_seconds_since_then_also_from_the_cache() {
    let fixture = Fixture::new();
    let token = fixture.issuer.token().sign().unwrap();
    // The second presentation puts it into the cache, and the third one finds it there.
    assert!(lines(&fixture, Level::DEBUG, &token, 3).is_empty());
    fixture.clock.advance(Duration::from_secs(3600 * 24));
    for _ in 0..2 {
        let lines = lines(&fixture, Level::DEBUG, &token, 1);
        assert_eq!(lines.len(), 1, "{lines:?}");
        for text in ["DEBUG", "token_expired", "exp is 86100 s behind the clock"] {
            assert!(lines[0].contains(text), "{text}: {lines:?}");
        }
    }
}

#[test]
fn audiences_of_a_token_are_listed_as_they_are_configured() {
    let fixture = Fixture::new();
    let several = ["https://a.example", "account"];
    let token = fixture.issuer.token().claim("aud", several).sign().unwrap();
    let warnings = lines(&fixture, Level::WARN, &token, 1);
    let expected = format!(
        r#"aud is ["https://a.example", "account"], and ["{}"] is configured"#,
        TestIssuer::AUDIENCE
    );
    // The subscriber of these tests quotes the explanation once.
    let expected = expected.escape_debug().to_string();
    assert!(warnings[0].contains(&expected), "{warnings:?}");
}

#[test]
fn many_and_long_audiences_of_a_forged_token_are_shortened_and_escaped() {
    let fixture = Fixture::new();
    let many = vec!["\u{7}".repeat(60); 12];
    let token = fixture.issuer.token().claim("aud", many).sign().unwrap();
    let warnings = lines(&fixture, Level::WARN, &token, 1);
    let line = &warnings[0];
    assert!(line.contains('…') && !line.contains('\u{7}'), "{line}");
    assert!(line.len() < 2500, "{}", line.len());
}
