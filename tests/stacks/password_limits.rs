//! The limit on failed attempts (CWE-307).

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::directory::Status;
use countersign::mechanism::FailureLimit;
use countersign::registry::Change;
use countersign::registry::backend::StoredSecret;
use countersign::rejection::Reason;
use futures_util::future::join_all;
use http::StatusCode;

use crate::fixture::basic;

use crate::password_fixture::{ADDRESS, PASSWORD, PasswordFixture, limit_of_one, reason};

#[tokio::test]
async fn another_password_is_rejected_after_a_long_name_or_a_long_common_prefix() {
    let fixture = PasswordFixture::new().await;
    let long = "x".repeat(72);
    fixture.add("long", &format!("{long}a")).await;
    let name = "n".repeat(53);
    fixture.add(&name, PASSWORD).await;
    assert_eq!(
        fixture.status(ADDRESS, "long", &format!("{long}a")).await,
        200
    );
    assert_eq!(
        fixture.status(ADDRESS, "long", &format!("{long}b")).await,
        401
    );
    assert_eq!(fixture.status(ADDRESS, "long", &long).await, 401);
    assert_eq!(fixture.status(ADDRESS, &name, PASSWORD).await, 200);
    assert_eq!(fixture.status(ADDRESS, &name, "anything").await, 401);
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    // The cached success of one user does not apply to another with the same password.
    assert_eq!(fixture.passwords_hashed(), 6);
}

#[tokio::test]
async fn concurrent_requests_with_the_right_password_cost_one_hash_and_are_not_limited() {
    let fixture = PasswordFixture::new().await;
    let requests = (0..200).map(|_| fixture.status(ADDRESS, "aladdin", PASSWORD));
    assert!(join_all(requests).await.iter().all(|&status| status == 200));
    assert_eq!(fixture.passwords_hashed(), 1);
    fixture.fail(ADDRESS, 20).await;
}

// CWE-307: excessive authentication attempts.
#[tokio::test]
async fn password_is_rejected_without_a_hash_after_twenty_failures_even_if_it_is_right() {
    let fixture = PasswordFixture::new().await;
    fixture.fail(ADDRESS, 20).await;
    assert_eq!(fixture.passwords_hashed(), 20);
    for password in ["guess 21", PASSWORD] {
        let response = fixture.authenticate(ADDRESS, "aladdin", password).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "3");
        assert!(!response.headers().contains_key("www-authenticate"));
        assert_eq!(reason(&response), Reason::TooManyFailures);
    }
    assert_eq!(fixture.status(ADDRESS, "another-user", "x").await, 429);
    assert_eq!(fixture.passwords_hashed(), 20);
}

#[tokio::test]
async fn user_is_accepted_from_another_address_while_one_address_guesses() {
    let fixture = PasswordFixture::new().await;
    fixture.fail(ADDRESS, 20).await;
    assert_eq!(fixture.status("192.0.2.2", "aladdin", PASSWORD).await, 200);
    // The success is cached, but the first address is still rejected.
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 429);
    assert_eq!(fixture.status("192.0.2.2", "aladdin", PASSWORD).await, 200);
    assert_eq!(fixture.passwords_hashed(), 21);
}

#[tokio::test]
async fn cached_password_gets_the_same_response_as_a_wrong_one_while_the_limit_is_reached() {
    let fixture = PasswordFixture::new().await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    fixture.fail(ADDRESS, 20).await;
    for retry_after in ["3", "2", "1"] {
        let right = fixture.authenticate(ADDRESS, "aladdin", PASSWORD).await;
        let wrong = fixture.authenticate(ADDRESS, "aladdin", "x").await;
        assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(right.headers()["retry-after"], retry_after);
        assert_eq!(right.status(), wrong.status());
        assert_eq!(right.headers(), wrong.headers());
        assert_eq!(right.body(), wrong.body());
        assert_eq!(reason(&right), reason(&wrong));
        fixture.clock.advance(Duration::from_secs(1));
    }
    // One attempt is available again. A cached password needs it, but does not consume it.
    for _ in 0..3 {
        assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    }
    assert_eq!(fixture.passwords_hashed(), 21);
    assert_eq!(fixture.status(ADDRESS, "aladdin", "x").await, 401);
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 429);
}

// One attempt is available. Only one of the concurrent requests learns whether its password is right.
#[tokio::test]
async fn concurrent_guesses_and_a_cached_password_share_one_available_attempt() {
    let fixture = PasswordFixture::with(limit_of_one()).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    let mut wrong = tokio_test::task::spawn(fixture.attempt(ADDRESS, "x"));
    let mut right = tokio_test::task::spawn(fixture.attempt(ADDRESS, PASSWORD));
    let mut other = tokio_test::task::spawn(fixture.attempt(ADDRESS, "y"));
    tokio_test::assert_pending!(wrong.poll());
    tokio_test::assert_ready_eq!(right.poll(), 429);
    tokio_test::assert_ready_eq!(other.poll(), 429);
    assert_eq!(wrong.await, 401);
}

#[tokio::test]
async fn guess_that_another_address_is_hashing_needs_its_own_attempt() {
    let fixture = PasswordFixture::with(limit_of_one()).await;
    let mut elsewhere = tokio_test::task::spawn(fixture.attempt("192.0.2.2", PASSWORD));
    tokio_test::assert_pending!(elsewhere.poll());
    let mut wrong = tokio_test::task::spawn(fixture.attempt(ADDRESS, "x"));
    let mut right = tokio_test::task::spawn(fixture.attempt(ADDRESS, PASSWORD));
    tokio_test::assert_pending!(wrong.poll());
    tokio_test::assert_ready_eq!(right.poll(), 429);
    assert_eq!(elsewhere.await, 200);
    assert_eq!(wrong.await, 401);
}

#[tokio::test]
async fn same_password_from_many_addresses_costs_one_hash_and_one_attempt_for_each() {
    let fixture = PasswordFixture::with(limit_of_one()).await;
    let addresses: Vec<_> = (1..=50).map(|n| format!("192.0.2.{n}")).collect();
    let requests = async |password| {
        let statuses = addresses.iter().map(|from| fixture.attempt(from, password));
        join_all(statuses).await
    };
    assert_eq!(requests(PASSWORD).await, [200; 50]);
    assert_eq!(fixture.passwords_hashed(), 1);
    assert_eq!(requests("x").await, [401; 50]);
    assert_eq!(fixture.passwords_hashed(), 2);
    assert_eq!(requests("x").await, [429; 50]);
    assert_eq!(requests(PASSWORD).await, [429; 50]);
}

#[tokio::test]
async fn limited_address_is_rejected_while_another_address_waits_for_the_hash() {
    let fixture = PasswordFixture::new().await;
    fixture.fail(ADDRESS, 20).await;
    let mut elsewhere = tokio_test::task::spawn(fixture.status("192.0.2.2", "aladdin", PASSWORD));
    tokio_test::assert_pending!(elsewhere.poll());
    let mut here = tokio_test::task::spawn(fixture.status(ADDRESS, "aladdin", PASSWORD));
    tokio_test::assert_ready_eq!(here.poll(), 429);
    assert_eq!(elsewhere.await, 200);
}

#[tokio::test]
async fn concurrent_requests_with_one_wrong_password_cost_one_hash_and_each_counts_as_a_failure() {
    let fixture = PasswordFixture::new().await;
    let requests = (0..15).map(|_| fixture.status(ADDRESS, "aladdin", "x"));
    assert!(join_all(requests).await.iter().all(|&status| status == 401));
    assert_eq!(fixture.passwords_hashed(), 1);
    fixture.fail(ADDRESS, 5).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", "x").await, 429);
}

#[tokio::test]
async fn ipv6_addresses_of_one_64_share_their_failures() {
    let fixture = PasswordFixture::new().await;
    for n in 0..20 {
        fixture.fail(&format!("2001:db8::{n:x}"), 1).await;
    }
    assert_eq!(
        fixture.status("2001:db8::99", "aladdin", PASSWORD).await,
        429
    );
    assert_eq!(
        fixture.status("2001:db8:0:1::", "aladdin", PASSWORD).await,
        200
    );
}

#[tokio::test]
async fn valid_key_is_accepted_from_a_limited_address() {
    let fixture = PasswordFixture::new().await;
    fixture.fail(ADDRESS, 20).await;
    let key = fixture.key.issued.key.expose().as_bytes().to_vec();
    let response = fixture.send(Some(ADDRESS), "x-api-key", key).await;
    assert_eq!(response.status(), StatusCode::OK);
    let id = fixture.key.record.id.to_string();
    let secret = fixture.key.issued.secret.expose();
    assert_eq!(fixture.status(ADDRESS, &id, secret).await, 200);
}

#[tokio::test]
async fn rejected_keys_count_as_failures_and_are_not_limited() {
    let fixture = PasswordFixture::new().await;
    let id = fixture.key.record.id.to_string();
    let wrong = "0".repeat(43);
    for _ in 0..40 {
        assert_eq!(fixture.status(ADDRESS, &id, &wrong).await, 401);
    }
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 429);

    let key = fixture.key.issued.key.expose().as_bytes().to_vec();
    fixture.modify(|key| key.status = Status::Suspended);
    for _ in 0..40 {
        let response = fixture
            .send(Some("192.0.2.2"), "x-api-key", key.clone())
            .await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(fixture.status("192.0.2.2", "aladdin", PASSWORD).await, 429);
    // A malformed key does not count as a failure.
    for _ in 0..40 {
        let response = fixture.send(Some("192.0.2.3"), "x-api-key", b"cs_x".to_vec());
        assert_eq!(response.await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(fixture.status("192.0.2.3", "aladdin", "x").await, 401);
}

#[tokio::test]
async fn one_attempt_becomes_available_every_three_seconds() {
    let fixture = PasswordFixture::new().await;
    fixture.fail(ADDRESS, 20).await;
    for _ in 0..3 {
        fixture.clock.advance(Duration::from_millis(2999));
        let response = fixture.authenticate(ADDRESS, "aladdin", "x").await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "1");
        fixture.clock.advance(Duration::from_millis(1));
        assert_eq!(fixture.status(ADDRESS, "aladdin", "x").await, 401);
        assert_eq!(fixture.status(ADDRESS, "aladdin", "x").await, 429);
    }
    fixture.clock.advance(Duration::from_secs(60));
    fixture.fail(ADDRESS, 20).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", "x").await, 429);
}

// Concurrent requests cannot exceed the limit before the first failure is known.
#[tokio::test]
async fn of_a_thousand_concurrent_guesses_twenty_are_hashed() {
    let fixture = PasswordFixture::new().await;
    let requests = (0..1000).map(|n| {
        let fixture = &fixture;
        async move {
            fixture
                .status(ADDRESS, "aladdin", &format!("guess {n}"))
                .await
        }
    });
    let statuses = join_all(requests).await;
    let count = |status| statuses.iter().filter(|&&found| found == status).count();
    assert_eq!((count(401), count(429)), (20, 980));
    assert_eq!(fixture.passwords_hashed(), 20);
}

#[tokio::test]
async fn success_and_unavailable_authentication_consume_no_attempt() {
    let fixture = PasswordFixture::new().await;
    for generation in 0..30 {
        // The new generation requires a new hash.
        fixture.modify(move |user| user.generation = generation);
        assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    }
    assert_eq!(fixture.passwords_hashed(), 30);
    // A malformed stored hash makes authentication unavailable.
    fixture.modify(|user| user.secret = StoredSecret::Password("".into()));
    for _ in 0..30 {
        assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 503);
    }
    fixture.modify(|_| {});
    fixture.fail(ADDRESS, 20).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", "x").await, 429);
}

// Otherwise an attacker who counts the attempts could learn that the password of a suspended user is right.
#[tokio::test]
async fn right_password_of_a_suspended_user_counts_as_a_failure() {
    let fixture = PasswordFixture::new().await;
    fixture.change(Change::Suspend).await;
    for _ in 0..20 {
        assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 401);
    }
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 429);
}

#[tokio::test]
async fn attempt_that_is_dropped_while_it_is_hashed_counts_as_a_failure() {
    let fixture = PasswordFixture::new().await;
    for n in 0..20 {
        let password = format!("guess {n}");
        let mut attempt = tokio_test::task::spawn(fixture.status(ADDRESS, "aladdin", &password));
        tokio_test::assert_pending!(attempt.poll());
    }
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 429);
}

#[tokio::test]
async fn password_that_finds_no_place_in_the_queue_is_no_failure() {
    let burst = NonZeroU32::new(40).unwrap();
    let fixture = PasswordFixture::with(FailureLimit::new(burst, Duration::from_secs(60))).await;
    let guesses: Vec<_> = (0..40)
        .map(|n| fixture.attempt(ADDRESS, &format!("guess {n}")))
        .collect();
    let statuses = join_all(guesses).await;
    // One network has half of the 66 places.
    assert_eq!(statuses.iter().filter(|&&status| status == 503).count(), 7);
    fixture.fail(ADDRESS, 7).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", "another").await, 429);
}

#[tokio::test]
async fn user_is_accepted_while_an_ipv6_48_sends_wrong_passwords_from_many_64s() {
    let fixture = PasswordFixture::new().await;
    let mut flood: Vec<_> = (0..100)
        .map(|n| fixture.attempt(&format!("2001:db8:0:{n:x}00::1"), &format!("guess {n}")))
        .map(|attempt| tokio_test::task::spawn(tokio::task::unconstrained(attempt)))
        .collect();
    flood.retain_mut(|attempt| attempt.poll().is_pending());
    // One network has half of the 66 places, which hashes that have ended leave to others.
    assert!(flood.len() < 60, "{}", flood.len());
    let bystander = fixture.status("2001:db8:1::1", "aladdin", PASSWORD);
    let (status, _) = tokio::join!(bystander, join_all(flood));
    assert_eq!(status, 200);
}

// Otherwise an attacker that keeps the queue full could search the cache for right passwords, since others are 503.
#[tokio::test]
async fn cached_password_gets_the_same_response_as_a_wrong_one_after_many_that_found_no_place() {
    let fixture = PasswordFixture::new().await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    let hold = |n: u32| {
        let attempt = fixture.attempt(&format!("198.51.100.{n}"), &format!("held {n}"));
        let mut attempt = tokio_test::task::spawn(tokio::task::unconstrained(attempt));
        tokio_test::assert_pending!(attempt.poll());
        attempt
    };
    // Two hashes run and end. The others wait, because their futures are not polled.
    let mut held: Vec<_> = (0..66).map(hold).collect();
    for running in held.drain(..2) {
        assert_eq!(running.await, 401);
    }
    held.extend((66..68).map(hold));
    for n in 0..20 {
        assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
        let guess = format!("guess {n}");
        assert_eq!(fixture.status(ADDRESS, "aladdin", &guess).await, 503);
    }
    for password in [PASSWORD, "another"] {
        assert_eq!(fixture.status(ADDRESS, "aladdin", password).await, 503);
    }
    assert_eq!(fixture.status("192.0.2.2", "aladdin", PASSWORD).await, 200);
    drop(held);
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    fixture.fail(ADDRESS, 20).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", "another").await, 429);
}

// CVE-2026-47203: all spellings of a name share one limit.
#[tokio::test]
async fn user_name_has_a_lower_limit_than_an_address() {
    let burst = |n| NonZeroU32::new(n).unwrap();
    let limit = FailureLimit::new(burst(3), Duration::from_secs(60)).address_burst(burst(6));
    let fixture = PasswordFixture::with(limit).await;
    for name in ["aladdin", "ALADDIN", "Aladdin"] {
        assert_eq!(fixture.status(ADDRESS, name, "x").await, 401);
    }
    assert_eq!(fixture.status(ADDRESS, "aLADDIN", "x").await, 429);
    assert_eq!(fixture.status(ADDRESS, "unknown", "x").await, 401);
    assert_eq!(fixture.status("192.0.2.2", "aladdin", PASSWORD).await, 200);
}

// Failures are never counted by name alone, so that an attacker cannot lock a user out.
#[tokio::test]
async fn user_is_not_locked_out_when_addresses_are_unknown() {
    let fixture = PasswordFixture::new().await;
    for n in 0..40 {
        let value = basic("aladdin", &format!("guess {n}"));
        let response = fixture.send(None, "authorization", value).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    let right = basic("aladdin", PASSWORD);
    let response = fixture.send(None, "authorization", right).await;
    assert_eq!(response.status(), StatusCode::OK);
}
