//! Issuers that fail, and that mean no good.

use std::time::Duration;

use countersign::rejection::Reason;
use countersign::remote::{FetchError, RefreshPolicy};
use countersign::testing::{Flaw, IssuerResponse, TestIssuer};
use countersign::time::SystemClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Gate, MINUTE, Stand, UNAVAILABLE, UNKNOWN, pass, until};

const HOUR: Duration = Duration::from_secs(3600);

/// What an issuer may answer instead of keys, and what that is called. Redirects lead to `elsewhere`.
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

fn hasty() -> RefreshPolicy {
    RefreshPolicy::default().timeout(Duration::from_millis(300))
}

#[tokio::test]
async fn whatever_comes_instead_of_keys_leaves_the_last_good_ones_in_use() {
    let elsewhere = TestIssuer::start(SystemClock).unwrap();
    let stand = Stand::loaded(hasty()).await;
    let keys = stand.gate.keys();
    for (answer, error) in bad_answers(&elsewhere) {
        // 304 is an answer to whoever has a document.
        if answer == IssuerResponse::Status(304) {
            continue;
        }
        stand.issuer.set_keys_response(answer);
        assert_eq!(keys.refresh().await, Err(error));
        assert!(stand.gate.at_once(&stand.good()).is_ok(), "{error}");
        let unknown = stand.issuer.flawed(Flaw::KeyIdUnknown).unwrap();
        assert_eq!(stand.gate.at_once(&unknown), UNKNOWN, "{error}");
        assert_eq!(keys.status().last_error, Some(error));
        // It flaps.
        stand.issuer.set_keys_response(IssuerResponse::Document);
        assert_eq!(keys.refresh().await, Ok(()));
        assert_eq!(keys.status().failures, 0);
    }
    assert_eq!(elsewhere.key_fetches(), 0, "no redirect was followed");
}

#[tokio::test]
async fn keys_that_were_never_loaded_are_503_until_they_come() {
    let elsewhere = TestIssuer::start(SystemClock).unwrap();
    for (answer, error) in bad_answers(&elsewhere) {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        issuer.set_keys_response(answer);
        let trusted =
            countersign::mechanism::Jwt::issuer(issuer.url()).audience(TestIssuer::AUDIENCE);
        let gate = Gate::new(trusted.refresh(hasty()).build().unwrap());
        let token = issuer.token().sign().unwrap();
        assert_eq!(gate.send(&token).await, UNAVAILABLE, "{error}");
        assert_eq!(gate.keys().status().last_error, Some(error));
        assert!(!gate.jwt.is_ready());
        // What the keys are not needed for is judged.
        let expired = issuer.flawed(Flaw::Expired).unwrap();
        assert_eq!(gate.at_once(&expired), Err((401, Reason::TokenExpired)));

        issuer.set_keys_response(IssuerResponse::Document);
        assert_eq!(gate.keys().refresh().await, Ok(()));
        assert!(gate.jwt.is_ready());
        assert!(gate.at_once(&token).is_ok());
    }
    assert_eq!(elsewhere.key_fetches(), 0, "no redirect was followed");
}

#[tokio::test]
async fn keys_of_an_issuer_that_cannot_be_reached_are_good_until_max_stale_and_then_503() {
    let stand = Stand::loaded(RefreshPolicy::default().max_stale(HOUR)).await;
    let token = stand.issuer.token().lifetime(20 * HOUR).sign().unwrap();
    stand.issuer.set_keys_response(IssuerResponse::Status(500));
    pass(HOUR - MINUTE).await;
    assert!(stand.gate.at_once(&token).is_ok());
    pass(MINUTE).await;
    until(|| stand.gate.keys().status().failures > 0).await;
    assert_eq!(stand.gate.send(&token).await, UNAVAILABLE);
    assert!(!stand.gate.jwt.is_ready());

    stand.issuer.set_keys_response(IssuerResponse::Document);
    stand.gate.keys().refresh().await.unwrap();
    assert!(stand.gate.at_once(&token).is_ok());
}

#[tokio::test]
async fn issuer_that_says_not_modified_vouches_for_the_keys_that_are_there() {
    let stand = Stand::loaded(RefreshPolicy::default().max_stale(HOUR)).await;
    let token = stand.issuer.token().lifetime(20 * HOUR).sign().unwrap();
    for round in 1..=3 {
        pass(HOUR - MINUTE).await;
        let fetched = stand.issuer.keys_not_modified();
        stand.gate.keys().refresh().await.unwrap();
        assert!(stand.issuer.keys_not_modified() > fetched, "{round}");
        assert!(stand.gate.at_once(&token).is_ok(), "{round}");
    }
    assert_eq!(stand.gate.keys().status().keys, 2);
}

#[tokio::test]
async fn withdrawn_key_is_refused_from_the_next_document_on() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    let old = stand.good();
    stand.issuer.rotate().unwrap();
    stand.gate.keys().refresh().await.unwrap();
    assert!(stand.gate.at_once(&old).is_ok(), "it is published still");
    stand.issuer.rotate().unwrap();
    stand.issuer.withdraw();
    stand.gate.keys().refresh().await.unwrap();
    assert_eq!(stand.gate.at_once(&old), UNKNOWN);
    assert!(stand.gate.at_once(&stand.good()).is_ok());
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_skipped_and_counted() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    let others = r#"{"keys":[
        {"kty":"AKP","kid":"pq","alg":"ML-DSA-44","pub":"AAAA"},
        {"kty":"oct","kid":"s","alg":"HS256","k":"NXQ4UWsyblYwY1h3N0xyOW1CNHlIZjFzSmQ2Z0FlM1o"},
        {"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB"},
        {},7,"#;
    let document = stand.issuer.jwks().replacen(r#"{"keys":["#, others, 1);
    stand
        .issuer
        .set_keys_response(IssuerResponse::Body(document));
    stand.gate.keys().refresh().await.unwrap();
    let status = stand.gate.keys().status();
    assert_eq!((status.keys, status.skipped), (2, 5));
    assert!(stand.gate.at_once(&stand.good()).is_ok());
}

#[tokio::test]
async fn document_of_a_byte_now_and_then_is_given_up_at_the_deadline() {
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
        .policy(hasty())
        .start()
        .unwrap();
    until(|| keys.status().last_error.is_some()).await;
    assert_eq!(keys.status().last_error, Some(FetchError::Timeout));
    assert!(server.await.unwrap() > 1, "it was alive all the time");
}
