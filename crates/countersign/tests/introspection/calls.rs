//! How often the issuer is asked.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::mechanism::FailureLimit;
use countersign::rejection::Reason;
use countersign::testing::IssuerResponse;
use countersign::time::Timestamp;

use crate::support::{BUSY, Fixture, INACTIVE, NOW, Outcome, SECOND, accepted};

const THROTTLED: Outcome = Err((429, Reason::TooManyFailures));

#[tokio::test]
async fn answer_is_cached_for_a_minute() {
    let fixture = Fixture::new();
    let token = fixture.token();
    for _ in 0..100 {
        assert_eq!(fixture.send(&token).await, accepted());
    }
    fixture.clock.advance(Duration::from_millis(59_999));
    fixture.issuer.revoke(&token);
    assert_eq!(fixture.send(&token).await, accepted());
    assert_eq!(fixture.issuer.introspections(), 1);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.send(&token).await, INACTIVE);
    assert_eq!(fixture.issuer.introspections(), 2);
}

#[tokio::test]
async fn answer_is_not_cached_beyond_exp() {
    let fixture = Fixture::new();
    let token = fixture.token();
    fixture.issuer.set(&token, "exp", NOW.unix_seconds() + 5);
    assert_eq!(fixture.send(&token).await, accepted());
    fixture.clock.advance(Duration::from_millis(4_999));
    assert_eq!(fixture.send(&token).await, accepted());
    assert_eq!(fixture.issuer.introspections(), 1);
    fixture.clock.advance(Duration::from_millis(1));
    fixture.issuer.revoke(&token);
    assert_eq!(fixture.send(&token).await, INACTIVE);
    assert_eq!(fixture.issuer.introspections(), 2);
}

#[tokio::test]
async fn cache_can_be_shorter_or_off() {
    let fixture = Fixture::with(|builder| builder.cache_for(Duration::ZERO).build().unwrap());
    let token = fixture.token();
    for _ in 0..3 {
        assert_eq!(fixture.send(&token).await, accepted());
    }
    fixture.issuer.revoke(&token);
    assert_eq!(fixture.send(&token).await, INACTIVE);
    assert_eq!(fixture.issuer.introspections(), 4);
}

#[tokio::test]
async fn answer_from_the_future_of_a_clock_that_was_set_back_is_not_used() {
    let fixture = Fixture::new();
    let token = fixture.token();
    assert_eq!(fixture.send(&token).await, accepted());
    fixture
        .clock
        .set(Timestamp::from_unix_seconds(NOW.unix_seconds() - 10));
    fixture.issuer.revoke(&token);
    assert_eq!(fixture.send(&token).await, INACTIVE);
    // Nor does the older answer come back with the right time.
    fixture.clock.set(NOW);
    assert_eq!(fixture.send(&token).await, INACTIVE);
}

#[tokio::test]
async fn rejected_token_is_remembered_for_ten_seconds() {
    let fixture = Fixture::new();
    for _ in 0..100 {
        assert_eq!(fixture.send("garbage").await, INACTIVE);
    }
    assert_eq!(fixture.issuer.introspections(), 1);
    fixture.clock.advance(10 * SECOND);
    assert_eq!(fixture.send("garbage").await, INACTIVE);
    assert_eq!(fixture.issuer.introspections(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_tokens_at_the_same_time_cost_one_call() {
    let fixture = Fixture::new();
    let token = fixture.token();
    fixture.issuer.set_response(IssuerResponse::Never);
    let requests: Vec<_> = (0..100)
        .map(|_| tokio::spawn(fixture.send(&token)))
        .collect();
    while fixture.issuer.introspections() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.issuer.set_response(IssuerResponse::Document);
    for request in requests {
        assert_eq!(request.await.unwrap(), accepted());
    }
    assert_eq!(fixture.issuer.introspections(), 1);
}

#[tokio::test]
async fn request_that_is_cancelled_leaves_the_question_to_the_next() {
    let fixture = Fixture::new();
    let token = fixture.token();
    fixture.issuer.set_response(IssuerResponse::Never);
    let request = tokio::spawn(fixture.send(&token));
    while fixture.issuer.introspections() == 0 {
        tokio::task::yield_now().await;
    }
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    fixture.issuer.set_response(IssuerResponse::Document);
    assert_eq!(fixture.send(&token).await, accepted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_garbage_tokens_cost_fifty_calls_in_a_second_and_remove_no_good_token() {
    let fixture = Fixture::new();
    let good = fixture.token();
    assert_eq!(fixture.send(&good).await, accepted());
    let mut busy = 0;
    for batch in 0..100 {
        let requests: Vec<_> = (0..100)
            .map(|n| tokio::spawn(fixture.send(&format!("garbage-{batch}-{n}"))))
            .collect();
        for request in requests {
            match request.await.unwrap() {
                outcome if outcome == BUSY => busy += 1,
                outcome => assert_eq!(outcome, INACTIVE),
            }
        }
        assert_eq!(fixture.send(&good).await, accepted());
    }
    // One call was for the good token.
    assert_eq!(fixture.issuer.introspections(), 50);
    assert_eq!(busy, 10_000 - 49);
    fixture.clock.advance(SECOND);
    let new = fixture.token();
    assert_eq!(fixture.send(&new).await, accepted());
    assert_eq!(fixture.send(&good).await, accepted());
    assert_eq!(fixture.issuer.introspections(), 51);
}

#[tokio::test]
async fn garbage_of_one_network_leaves_half_of_the_budget_to_others() {
    let calls = NonZeroU32::new(10).unwrap();
    let fixture = Fixture::with(|builder| builder.calls_per_second(calls).build().unwrap());
    for n in 0..100 {
        let from = format!("2001:db8:1:{n:x}::1");
        let outcome = fixture.send_from(&format!("garbage-{n}"), &from).await;
        assert_eq!(outcome, if n < 5 { INACTIVE } else { BUSY });
    }
    assert_eq!(fixture.issuer.introspections(), 5);
    let token = fixture.token();
    assert_eq!(fixture.send_from(&token, "192.0.2.1").await, accepted());
}

#[tokio::test]
async fn address_with_too_many_rejected_tokens_has_to_wait_and_cached_tokens_pass() {
    let limit = FailureLimit::new(NonZeroU32::new(3).unwrap(), 60 * SECOND);
    let fixture = Fixture::with(|builder| builder.build().unwrap().failure_limit(limit));
    let good = fixture.token();
    assert_eq!(fixture.send_from(&good, "192.0.2.1").await, accepted());
    for n in 0..3 {
        // A token that is already known to be rejected costs no call, and is no further failure.
        for _ in 0..2 {
            let outcome = fixture
                .send_from(&format!("garbage-{n}"), "192.0.2.1")
                .await;
            assert_eq!(outcome, INACTIVE);
        }
    }
    let new = fixture.token();
    assert_eq!(fixture.send_from(&new, "192.0.2.1").await, THROTTLED);
    assert_eq!(fixture.send_from("more", "192.0.2.1").await, THROTTLED);
    assert_eq!(fixture.issuer.introspections(), 4);
    assert_eq!(fixture.send_from(&good, "192.0.2.1").await, accepted());
    assert_eq!(fixture.send_from(&new, "192.0.2.2").await, accepted());
    fixture.clock.advance(20 * SECOND);
    assert_eq!(fixture.send_from("more", "192.0.2.1").await, INACTIVE);
}
