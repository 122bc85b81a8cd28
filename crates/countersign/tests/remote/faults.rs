//! Issuers that fail or are malicious.

use std::time::Duration;

use countersign::rejection::Reason;
use countersign::remote::{FetchError, RefreshPolicy};
use countersign::testing::{Flaw, IssuerResponse, TestIssuer};
use countersign::time::SystemClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Fixture, Harness, MINUTE, UNAVAILABLE, UNKNOWN, pass, until};

const HOUR: Duration = Duration::from_secs(3600);

/// Invalid answers of an issuer, and their errors. Redirects lead to `elsewhere`.
fn bad_answers(elsewhere: &TestIssuer) -> Vec<(IssuerResponse, FetchError)> {
    let many: Vec<String> = (0..10_000).map(|i| format!(r#"{{"kid":"{i}"}}"#)).collect();
    let too_many: Vec<String> = (0..101).map(|i| format!(r#"{{"kid":"{i}"}}"#)).collect();
    let list = |keys: &str| IssuerResponse::Body(format!(r#"{{"keys":[{keys}]}}"#));
    let secret = r#"{"kty":"oct","alg":"HS256","k":"NXQ4UWsyblYwY1h3N0xyOW1CNHlIZjFzSmQ2Z0FlM1o"}"#;
    vec![
        (IssuerResponse::Body(String::new()), FetchError::Malformed),
        (IssuerResponse::Body("<html>".into()), FetchError::Malformed),
        (IssuerResponse::Body("[]".into()), FetchError::Malformed),
        (IssuerResponse::Body("{}".into()), FetchError::Malformed),
        (
            IssuerResponse::Body(r#"{"keys":{}}"#.into()),
            FetchError::Malformed,
        ),
        (
            IssuerResponse::Body(r#"{"keys":[],"keys":[]}"#.into()),
            FetchError::Malformed,
        ),
        (list(""), FetchError::NoUsableKey),
        (list(secret), FetchError::NoUsableKey),
        (list(&too_many.join(",")), FetchError::TooManyKeys),
        (list(&many.join(",")), FetchError::TooManyKeys),
        (
            IssuerResponse::Body(" ".repeat(10 << 20)),
            FetchError::TooLong,
        ),
        (IssuerResponse::Status(204), FetchError::Status(204)),
        (IssuerResponse::Status(304), FetchError::NotModified),
        (IssuerResponse::Status(404), FetchError::Status(404)),
        (IssuerResponse::Status(500), FetchError::Status(500)),
        (
            IssuerResponse::Redirect(elsewhere.jwks_url()),
            FetchError::Redirect,
        ),
        (IssuerResponse::Close, FetchError::Client),
        (IssuerResponse::Never, FetchError::Timeout),
    ]
}

fn short_timeout() -> RefreshPolicy {
    RefreshPolicy {
        timeout: Duration::from_millis(300),
        ..RefreshPolicy::default()
    }
}

#[tokio::test]
async fn invalid_answers_leave_the_last_valid_keys_in_use() {
    let elsewhere = TestIssuer::start(SystemClock).unwrap();
    let fixture = Fixture::loaded(short_timeout()).await;
    let keys = fixture.harness.keys();
    for (answer, error) in bad_answers(&elsewhere) {
        // 304 is a valid answer once there is a document.
        if answer == IssuerResponse::Status(304) {
            continue;
        }
        fixture.issuer.set_keys_response(answer);
        assert_eq!(keys.refresh().await, Err(error.clone()));
        assert!(
            fixture.harness.send_now(&fixture.valid_token()).is_ok(),
            "{error}"
        );
        let unknown = fixture.issuer.flawed(Flaw::KeyIdUnknown).unwrap();
        assert_eq!(fixture.harness.send_now(&unknown), UNKNOWN, "{error}");
        assert_eq!(keys.status().last_error, Some(error.clone()));
        // The issuer recovers.
        fixture.issuer.set_keys_response(IssuerResponse::Document);
        assert_eq!(keys.refresh().await, Ok(()));
        assert_eq!(keys.status().failures, 0);
    }
    assert_eq!(elsewhere.key_fetches(), 0, "no redirect was followed");
}

#[tokio::test]
async fn tokens_get_503_until_the_first_keys_are_fetched() {
    let elsewhere = TestIssuer::start(SystemClock).unwrap();
    for (answer, error) in bad_answers(&elsewhere) {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        issuer.set_keys_response(answer);
        let trusted =
            countersign::mechanism::Jwt::issuer(issuer.url()).audience(TestIssuer::AUDIENCE);
        let harness = Harness::new(trusted.refresh(short_timeout()).build().unwrap());
        let token = issuer.token().sign().unwrap();
        assert_eq!(harness.send(&token).await, UNAVAILABLE, "{error}");
        assert_eq!(harness.keys().status().last_error, Some(error.clone()));
        assert!(!harness.jwt.is_ready());
        // Checks that need no keys come first.
        let expired = issuer.flawed(Flaw::Expired).unwrap();
        assert_eq!(harness.send_now(&expired), Err((401, Reason::TokenExpired)));

        issuer.set_keys_response(IssuerResponse::Document);
        assert_eq!(harness.keys().refresh().await, Ok(()));
        assert!(harness.jwt.is_ready());
        assert!(harness.send_now(&token).is_ok());
    }
    assert_eq!(elsewhere.key_fetches(), 0, "no redirect was followed");
}

#[tokio::test]
async fn keys_of_a_failing_issuer_are_valid_until_max_stale_and_tokens_get_503_then() {
    let fixture = Fixture::loaded(RefreshPolicy {
        max_stale: HOUR,
        ..RefreshPolicy::default()
    })
    .await;
    let token = fixture.issuer.token().lifetime(20 * HOUR).sign().unwrap();
    fixture
        .issuer
        .set_keys_response(IssuerResponse::Status(500));
    pass(HOUR - MINUTE).await;
    assert!(fixture.harness.send_now(&token).is_ok());
    pass(MINUTE).await;
    until(|| fixture.harness.keys().status().failures > 0).await;
    assert_eq!(fixture.harness.send(&token).await, UNAVAILABLE);
    assert!(!fixture.harness.jwt.is_ready());

    fixture.issuer.set_keys_response(IssuerResponse::Document);
    fixture.harness.keys().refresh().await.unwrap();
    assert!(fixture.harness.send_now(&token).is_ok());
}

#[tokio::test]
async fn not_modified_confirms_the_current_keys() {
    let fixture = Fixture::loaded(RefreshPolicy {
        max_stale: HOUR,
        ..RefreshPolicy::default()
    })
    .await;
    let token = fixture.issuer.token().lifetime(20 * HOUR).sign().unwrap();
    for round in 1..=3 {
        pass(HOUR - MINUTE).await;
        let fetched = fixture.issuer.keys_not_modified();
        fixture.harness.keys().refresh().await.unwrap();
        assert!(fixture.issuer.keys_not_modified() > fetched, "{round}");
        assert!(fixture.harness.send_now(&token).is_ok(), "{round}");
    }
    assert_eq!(fixture.harness.keys().status().keys, 2);
}

#[tokio::test]
async fn withdrawn_key_is_rejected_after_the_next_fetch() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    let old = fixture.valid_token();
    fixture.issuer.rotate().unwrap();
    fixture.harness.keys().refresh().await.unwrap();
    assert!(
        fixture.harness.send_now(&old).is_ok(),
        "the old key is still published"
    );
    fixture.issuer.rotate().unwrap();
    fixture.issuer.withdraw();
    fixture.harness.keys().refresh().await.unwrap();
    assert_eq!(fixture.harness.send_now(&old), UNKNOWN);
    assert!(fixture.harness.send_now(&fixture.valid_token()).is_ok());
}

#[tokio::test]
async fn unusable_keys_are_skipped_and_counted() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    let others = r#"{"keys":[
        {"kty":"AKP","kid":"pq","alg":"ML-DSA-44","pub":"AAAA"},
        {"kty":"oct","kid":"s","alg":"HS256","k":"NXQ4UWsyblYwY1h3N0xyOW1CNHlIZjFzSmQ2Z0FlM1o"},
        {"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB"},
        {},7,"#;
    let document = fixture.issuer.jwks().replacen(r#"{"keys":["#, others, 1);
    fixture
        .issuer
        .set_keys_response(IssuerResponse::Body(document));
    fixture.harness.keys().refresh().await.unwrap();
    let status = fixture.harness.keys().status();
    assert_eq!((status.keys, status.skipped), (2, 5));
    assert!(fixture.harness.send_now(&fixture.valid_token()).is_ok());
}

#[tokio::test]
async fn slow_document_is_abandoned_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut bytes = 0;
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while stream.write_all(b" ").await.is_ok() {
            bytes += 1;
            pace.tick().await;
        }
        bytes
    });
    let keys = countersign::remote::RemoteKeys::jwks(&url)
        .policy(short_timeout())
        .start()
        .unwrap();
    until(|| keys.status().last_error.is_some()).await;
    assert_eq!(keys.status().last_error, Some(FetchError::Timeout));
    assert!(
        server.await.unwrap() > 1,
        "the server sent bytes until then"
    );
}
