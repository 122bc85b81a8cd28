//! Tokens with keys that nobody knows: what they cost, and whom.

use std::time::Duration;

use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::remote::RefreshPolicy;
use countersign::testing::{Flaw, IssuerResponse, TestIssuer};
use countersign::time::{Clock as _, SystemClock};
use serde_json::Value;
use tokio_test::{assert_pending, task};

use crate::support::{Gate, INTERVAL, Stand, UNKNOWN, pass, until};

/// A token of this key id. Its signature is never looked at.
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
async fn hundred_thousand_random_key_ids_cost_one_fetch_an_interval_and_nobody_else_a_wait() {
    const INTERVALS: u64 = 4;
    let stand = Stand::loaded(RefreshPolicy::default().ttl(Duration::from_secs(3000))).await;
    let good = stand.good();
    let mut sent: u64 = 0;
    for interval in 1..=INTERVALS {
        pass(INTERVAL).await;
        for _ in 0..100_000 / INTERVALS {
            sent += 1;
            let token = with_key_id(&good, &format!("random-{sent}"));
            assert_eq!(stand.gate.send(&token).await, UNKNOWN);
            if sent.is_multiple_of(1000) {
                assert!(stand.gate.at_once(&good).is_ok());
            }
        }
        assert_eq!(stand.issuer.key_fetches(), 1 + interval);
    }
    assert_eq!(sent, 100_000);
    assert_eq!(stand.issuer.metadata_fetches(), 1);
    assert_eq!(stand.gate.keys().status().keys, 2);
}

#[tokio::test]
async fn requests_with_a_new_key_wait_together_for_one_fetch_and_known_keys_do_not_wait() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    let old = stand.good();
    stand.issuer.rotate().unwrap();
    let new = stand.good();
    stand.issuer.set_keys_response(IssuerResponse::Never);
    pass(INTERVAL).await;

    let mut waiting: Vec<_> = (0..100)
        .map(|_| task::spawn(stand.gate.send(&new)))
        .collect();
    for request in &mut waiting {
        assert_pending!(request.poll());
    }
    until(|| stand.issuer.key_fetches() == 2).await;
    assert!(stand.gate.at_once(&old).is_ok());
    // Neither does a token that no document can help.
    let nameless = stand.issuer.flawed(Flaw::KeyIdMissing).unwrap();
    assert_eq!(stand.gate.at_once(&nameless), UNKNOWN);

    stand.issuer.set_keys_response(IssuerResponse::Document);
    for request in waiting {
        assert!(request.await.is_ok());
    }
    assert_eq!(stand.issuer.key_fetches(), 2);
    assert!(stand.gate.at_once(&new).is_ok());
}

#[tokio::test]
async fn more_than_a_thousand_requests_do_not_wait() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    let good = stand.good();
    stand.issuer.set_keys_response(IssuerResponse::Never);
    pass(INTERVAL).await;
    let mut waiting: Vec<_> = (0..1000)
        .map(|i| task::spawn(stand.gate.send(&with_key_id(&good, &i.to_string()))))
        .collect();
    for request in &mut waiting {
        assert_pending!(request.poll());
    }
    assert_eq!(stand.gate.at_once(&with_key_id(&good, "one-more")), UNKNOWN);
    assert!(stand.gate.at_once(&good).is_ok());

    // Whoever gives up makes room.
    drop(waiting.pop());
    let mut next = task::spawn(stand.gate.send(&with_key_id(&good, "next")));
    assert_pending!(next.poll());
}

#[tokio::test]
async fn issuer_that_is_slow_is_waited_for_and_its_scopes_are_letters() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    stand.issuer.rotate().unwrap();
    stand
        .issuer
        .set_keys_response(IssuerResponse::Delayed(Duration::from_millis(50)));
    pass(INTERVAL).await;
    for (name, scopes) in [
        ("scope", "a b".into()),
        ("scp", Value::from(vec!["a", "b"])),
    ] {
        let token = stand.issuer.token().claim(name, scopes).sign().unwrap();
        assert!(stand.gate.send(&token).await.is_ok());
        let introspected = stand
            .gate
            .jwt
            .introspect(&token, SystemClock.now())
            .unwrap();
        assert_eq!(introspected.scopes().as_str(), "a b");
    }
    assert_eq!(stand.issuer.key_fetches(), 2);
}

#[tokio::test]
async fn nobody_waits_longer_than_the_patience_for_an_issuer_that_hangs() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    let good = stand.good();
    stand.issuer.set_keys_response(IssuerResponse::Never);
    pass(INTERVAL).await;
    let unknown = with_key_id(&good, "unknown");
    let mut waiting = task::spawn(stand.gate.send(&unknown));
    assert_pending!(waiting.poll());
    until(|| stand.issuer.key_fetches() == 2).await;
    assert_pending!(waiting.poll());

    pass(Duration::from_secs(2)).await;
    assert_eq!(waiting.await, UNKNOWN);
    // The fetch is under way still, and nobody begins to wait for it.
    assert_eq!(stand.gate.keys().status().last_error, None);
    assert_eq!(stand.gate.at_once(&with_key_id(&good, "other")), UNKNOWN);
}

#[tokio::test]
async fn key_id_that_the_issuer_has_not_asks_again_after_the_minimum_interval() {
    let stand = Stand::loaded(RefreshPolicy::default().ttl(Duration::from_secs(3000))).await;
    let good = stand.good();
    let gone = with_key_id(&good, "gone");
    pass(INTERVAL).await;
    assert_eq!(stand.gate.send(&gone).await, UNKNOWN);
    assert_eq!(stand.issuer.key_fetches(), 2);
    pass(Duration::from_secs(28)).await;
    assert_eq!(stand.gate.at_once(&gone), UNKNOWN);
    assert_eq!(stand.issuer.key_fetches(), 2, "it is remembered");

    // A key that is published the moment after it was asked for is not shut out for longer than this.
    pass(Duration::from_secs(3)).await;
    assert_eq!(stand.gate.send(&gone).await, UNKNOWN);
    assert_eq!(stand.issuer.key_fetches(), 3);
}

#[tokio::test]
async fn tokens_ask_for_no_fetch_after_one_has_failed() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    let good = stand.good();
    stand.issuer.set_keys_response(IssuerResponse::Status(500));
    stand.gate.keys().refresh().await.unwrap_err();
    // 30 s until the next attempt, and a quarter of that at most: it comes by itself.
    pass(Duration::from_secs(29)).await;
    assert_eq!(stand.gate.at_once(&with_key_id(&good, "unknown")), UNKNOWN);
    assert_eq!(stand.issuer.key_fetches(), 2);
    pass(Duration::from_secs(9)).await;
    until(|| stand.gate.keys().status().failures == 2).await;
    assert_eq!(stand.issuer.key_fetches(), 3);
}

#[tokio::test]
async fn flaws_other_than_an_unknown_key_id_ask_for_nothing() {
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    for flaw in Flaw::ALL.iter().filter(|flaw| **flaw != Flaw::KeyIdUnknown) {
        pass(INTERVAL).await;
        let refused = stand.gate.at_once(&stand.issuer.flawed(*flaw).unwrap());
        assert_eq!(refused, Err((401, flaw.reason())), "{flaw:?}");
        assert_eq!(
            stand.gate.keys().status().fetches,
            stand.issuer.key_fetches()
        );
        // Those that come by themselves, so that the next flaw begins a minimum interval after one.
        stand.gate.keys().refresh().await.unwrap();
    }
    let flaws = Flaw::ALL.len() as u64 - 1;
    assert_eq!(
        stand.issuer.key_fetches(),
        1 + flaws,
        "one each, and it was ordered"
    );
}

#[tokio::test]
async fn issuer_s_keys_are_found_nowhere_in_a_token() {
    let canary = TestIssuer::start(SystemClock).unwrap();
    let stand = Stand::loaded(RefreshPolicy::default()).await;
    let good = stand.good();
    let rest = good.split_once('.').unwrap().1;
    for (member, url) in [("jku", canary.jwks_url()), ("x5u", canary.jwks_url())] {
        pass(INTERVAL).await;
        let header = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"new","{member}":"{url}"}}"#);
        let token = format!("{}.{rest}", base64url(header.as_bytes()));
        let refused = stand.gate.at_once(&token);
        assert_eq!(refused, Err((401, Reason::HeaderUnsupported)));
    }
    assert_eq!((canary.key_fetches(), stand.issuer.key_fetches()), (0, 1));
}

#[tokio::test]
async fn two_issuers_with_one_key_id_never_mix_their_keys() {
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
    let gate = Gate::new(Jwt::new(issuers.iter().map(trust)));
    let [first, second] = &issuers;
    for (issuer, other) in [(first, second), (second, first)] {
        let own = issuer.token().key_id("same");
        assert!(gate.send(&own.clone().sign().unwrap()).await.is_ok());
        let forged = own.claim("iss", other.url()).sign().unwrap();
        let refused = gate.send(&forged).await;
        assert_eq!(refused, Err((401, Reason::SignatureInvalid)));
    }

    // What one issuer's tokens ask for, it is asked for, and the other is not.
    pass(INTERVAL).await;
    let unknown = first.token().key_id("unknown").sign().unwrap();
    assert_eq!(gate.send(&unknown).await, UNKNOWN);
    assert_eq!((first.key_fetches(), second.key_fetches()), (2, 1));
}
