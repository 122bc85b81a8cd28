//! Tokens with unknown keys: how many fetches they cause, and which requests wait.

use std::time::Duration;

use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::remote::RefreshPolicy;
use countersign::testing::{Flaw, IssuerResponse, TestIssuer};
use countersign::time::{Clock as _, SystemClock};
use serde_json::Value;
use tokio_test::{assert_pending, task};

use crate::support::{Fixture, Harness, INTERVAL, MINUTE, UNKNOWN, pass, until};

/// Returns a token with this key id. Its signature is not verified.
fn with_key_id(template: &str, id: &str) -> String {
    let rest = template.split_once('.').unwrap().1;
    let header = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{id}"}}"#);
    format!("{}.{rest}", base64url(header.as_bytes()))
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn random_key_ids_cause_one_fetch_per_interval_and_delay_no_other_request() {
    const INTERVALS: u64 = 4;
    // Longer than the test takes, since the clock also advances in real time.
    let interval = MINUTE * 20;
    let policy = RefreshPolicy {
        minimum_interval: interval,
        ttl: interval * 10,
        ..RefreshPolicy::default()
    };
    let fixture = Fixture::loaded(policy).await;
    let valid = fixture.valid_token();
    let mut sent: u64 = 0;
    for round in 1..=INTERVALS {
        pass(interval).await;
        for _ in 0..100_000 / INTERVALS {
            sent += 1;
            let token = with_key_id(&valid, &format!("random-{sent}"));
            assert_eq!(fixture.harness.send(&token).await, UNKNOWN);
            if sent.is_multiple_of(1000) {
                assert!(fixture.harness.send_now(&valid).is_ok());
            }
        }
        assert_eq!(fixture.issuer.key_fetches(), 1 + round);
    }
    assert_eq!(sent, 100_000);
    assert_eq!(fixture.issuer.metadata_fetches(), 1);
    assert_eq!(fixture.harness.keys().status().keys, 2);
}

#[tokio::test]
async fn requests_with_a_new_key_share_one_fetch_and_those_with_a_known_key_do_not_wait() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    let old = fixture.valid_token();
    fixture.issuer.rotate().unwrap();
    let new = fixture.valid_token();
    fixture.issuer.set_keys_response(IssuerResponse::Never);
    pass(INTERVAL).await;

    let mut waiting: Vec<_> = (0..100)
        .map(|_| task::spawn(fixture.harness.send(&new)))
        .collect();
    for request in &mut waiting {
        assert_pending!(request.poll());
    }
    until(|| fixture.issuer.key_fetches() == 2).await;
    assert!(fixture.harness.send_now(&old).is_ok());
    // A token without a key id does not wait either.
    let nameless = fixture.issuer.flawed(Flaw::KeyIdMissing).unwrap();
    assert_eq!(fixture.harness.send_now(&nameless), UNKNOWN);

    fixture.issuer.set_keys_response(IssuerResponse::Document);
    for request in waiting {
        assert!(request.await.is_ok());
    }
    assert_eq!(fixture.issuer.key_fetches(), 2);
    assert!(fixture.harness.send_now(&new).is_ok());
}

#[tokio::test]
async fn at_most_a_thousand_requests_wait() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    let valid = fixture.valid_token();
    fixture.issuer.set_keys_response(IssuerResponse::Never);
    pass(INTERVAL).await;
    let mut waiting: Vec<_> = (0..1000)
        .map(|i| task::spawn(fixture.harness.send(&with_key_id(&valid, &i.to_string()))))
        .collect();
    for request in &mut waiting {
        assert_pending!(request.poll());
    }
    assert_eq!(
        fixture.harness.send_now(&with_key_id(&valid, "one-more")),
        UNKNOWN
    );
    assert!(fixture.harness.send_now(&valid).is_ok());

    // A dropped request makes room for another one.
    drop(waiting.pop());
    let mut next = task::spawn(fixture.harness.send(&with_key_id(&valid, "next")));
    assert_pending!(next.poll());
}

#[tokio::test]
async fn requests_wait_for_a_slow_issuer_and_its_scopes_are_opaque() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    fixture.issuer.rotate().unwrap();
    fixture
        .issuer
        .set_keys_response(IssuerResponse::Delayed(Duration::from_millis(50)));
    pass(INTERVAL).await;
    for (name, scopes) in [
        ("scope", "a b".into()),
        ("scp", Value::from(vec!["a", "b"])),
    ] {
        let token = fixture.issuer.token().claim(name, scopes).sign().unwrap();
        assert!(fixture.harness.send(&token).await.is_ok());
        let introspected = fixture
            .harness
            .jwt
            .introspect(&token, SystemClock.now())
            .unwrap();
        assert_eq!(introspected.scopes().as_str(), "a b");
    }
    assert_eq!(fixture.issuer.key_fetches(), 2);
}

#[tokio::test]
async fn requests_wait_no_longer_than_the_patience_for_an_issuer_that_hangs() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    let valid = fixture.valid_token();
    fixture.issuer.set_keys_response(IssuerResponse::Never);
    pass(INTERVAL).await;
    let unknown = with_key_id(&valid, "unknown");
    let mut waiting = task::spawn(fixture.harness.send(&unknown));
    assert_pending!(waiting.poll());
    until(|| fixture.issuer.key_fetches() == 2).await;
    assert_pending!(waiting.poll());

    pass(Duration::from_secs(2)).await;
    assert_eq!(waiting.await, UNKNOWN);
    // The fetch is still running, and no further request waits for it.
    assert_eq!(fixture.harness.keys().status().last_error, None);
    assert_eq!(
        fixture.harness.send_now(&with_key_id(&valid, "other")),
        UNKNOWN
    );
}

#[tokio::test]
async fn unknown_key_id_requests_another_fetch_after_the_minimum_interval() {
    let fixture = Fixture::loaded(RefreshPolicy {
        ttl: Duration::from_secs(3000),
        ..RefreshPolicy::default()
    })
    .await;
    let valid = fixture.valid_token();
    let gone = with_key_id(&valid, "gone");
    pass(INTERVAL).await;
    assert_eq!(fixture.harness.send(&gone).await, UNKNOWN);
    assert_eq!(fixture.issuer.key_fetches(), 2);
    pass(Duration::from_secs(28)).await;
    assert_eq!(fixture.harness.send_now(&gone), UNKNOWN);
    assert_eq!(
        fixture.issuer.key_fetches(),
        2,
        "the unknown id is remembered"
    );

    // A key that is published just after the fetch is rejected for at most this long.
    pass(Duration::from_secs(3)).await;
    assert_eq!(fixture.harness.send(&gone).await, UNKNOWN);
    assert_eq!(fixture.issuer.key_fetches(), 3);
}

#[tokio::test]
async fn tokens_request_no_fetch_after_one_has_failed() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    let valid = fixture.valid_token();
    fixture
        .issuer
        .set_keys_response(IssuerResponse::Status(500));
    fixture.harness.keys().refresh().await.unwrap_err();
    // The next attempt is due in 30 s plus at most a quarter.
    pass(Duration::from_secs(29)).await;
    assert_eq!(
        fixture.harness.send_now(&with_key_id(&valid, "unknown")),
        UNKNOWN
    );
    assert_eq!(fixture.issuer.key_fetches(), 2);
    pass(Duration::from_secs(9)).await;
    until(|| fixture.harness.keys().status().failures == 2).await;
    assert_eq!(fixture.issuer.key_fetches(), 3);
}

#[tokio::test]
async fn tokens_with_other_flaws_request_no_fetch() {
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    for flaw in Flaw::ALL.iter().filter(|flaw| **flaw != Flaw::KeyIdUnknown) {
        pass(INTERVAL).await;
        let rejected = fixture
            .harness
            .send_now(&fixture.issuer.flawed(*flaw).unwrap());
        assert_eq!(rejected, Err((401, flaw.reason())), "{flaw:?}");
        assert_eq!(
            fixture.harness.keys().status().fetches,
            fixture.issuer.key_fetches()
        );
        // A fetch for each flaw, so that the next one begins a minimum interval later.
        fixture.harness.keys().refresh().await.unwrap();
    }
    let flaws = Flaw::ALL.len() as u64 - 1;
    assert_eq!(
        fixture.issuer.key_fetches(),
        1 + flaws,
        "one refresh for each flaw"
    );
}

#[tokio::test]
async fn urls_in_a_token_are_never_fetched() {
    let canary = TestIssuer::start(SystemClock).unwrap();
    let fixture = Fixture::loaded(RefreshPolicy::default()).await;
    let valid = fixture.valid_token();
    let rest = valid.split_once('.').unwrap().1;
    for member in ["jku", "x5u"] {
        pass(INTERVAL).await;
        let url = canary.jwks_url();
        // The signature is that of another header.
        let header = fixture.issuer.token().header(member, url).header_json();
        let token = format!("{}.{rest}", base64url(header.as_bytes()));
        let rejected = fixture.harness.send_now(&token);
        assert_eq!(rejected, Err((401, Reason::SignatureInvalid)));
    }
    assert_eq!((canary.key_fetches(), fixture.issuer.key_fetches()), (0, 1));
}

#[tokio::test]
async fn keys_of_two_issuers_with_the_same_key_id_are_not_mixed() {
    let issuers = [0, 1].map(|_| TestIssuer::start(SystemClock).unwrap());
    for issuer in &issuers {
        let mut document: Value = serde_json::from_str(&issuer.jwks()).unwrap();
        document["keys"].as_array_mut().unwrap().truncate(1);
        document["keys"][0]["kid"] = "same".into();
        issuer.set_keys_response(IssuerResponse::Body(document.to_string()));
    }
    let trust = |issuer: &TestIssuer| {
        let trusted = Jwt::issuer(issuer.url()).audience(TestIssuer::AUDIENCE);
        trusted.trust().unwrap()
    };
    let harness = Harness::new(Jwt::new(issuers.iter().map(trust)));
    let [first, second] = &issuers;
    for (issuer, other) in [(first, second), (second, first)] {
        let own = issuer.token().key_id("same");
        assert!(harness.send(&own.clone().sign().unwrap()).await.is_ok());
        let forged = own.claim("iss", other.url()).sign().unwrap();
        let rejected = harness.send(&forged).await;
        assert_eq!(rejected, Err((401, Reason::SignatureInvalid)));
    }

    // A token requests a fetch from its own issuer only.
    pass(INTERVAL).await;
    let unknown = first.token().key_id("unknown").sign().unwrap();
    assert_eq!(harness.send(&unknown).await, UNKNOWN);
    assert_eq!((first.key_fetches(), second.key_fetches()), (2, 1));
}
