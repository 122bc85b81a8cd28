//! security.md rows 63 to 66 and 71: passwords that were right lately, and limits on guessing them.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::directory::{Credential, Status, StoredSecret};
use countersign::mechanism::FailureLimit;
use countersign::random::SystemRandom;
use countersign::registry::Change;
use countersign::rejection::Reason;
use futures_util::future::join_all;
use http::StatusCode;

use crate::fixture::{NOW, basic};

use crate::house::{HOME, House, RIGHT, limit_of_one, reason};

#[tokio::test]
async fn password_that_was_right_is_not_hashed_again_and_a_wrong_one_is() {
    let house = House::new().await;
    for _ in 0..3 {
        assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
        assert_eq!(house.status(HOME, "ALADDIN", RIGHT).await, 200);
    }
    assert_eq!(house.hashes(), 1);
    for _ in 0..3 {
        assert_eq!(house.status(HOME, "aladdin", "open barley").await, 401);
        assert_eq!(house.status(HOME, "nobody", RIGHT).await, 401);
        assert_eq!(house.status(HOME, "nobody", "nobody's").await, 401);
    }
    assert_eq!(house.hashes(), 10);
}

#[tokio::test]
async fn success_is_forgotten_after_five_minutes_and_when_the_clock_steps_back() {
    let house = House::new().await;
    let second = Duration::from_secs(1);
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    house.clock.advance(second * 299);
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    assert_eq!(house.hashes(), 1);
    // Five minutes after it was hashed, however often it was used meanwhile.
    house.clock.advance(second);
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    assert_eq!(house.hashes(), 2);
    house.clock.set(NOW);
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    assert_eq!(house.hashes(), 3);
}

#[tokio::test]
async fn changed_password_is_judged_anew_at_once() {
    let house = House::new().await;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    let hash = house.hasher.hash("open barley", &SystemRandom).unwrap();
    house.change(Change::Password(hash)).await;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 401);
    assert_eq!(house.status(HOME, "aladdin", "open barley").await, 200);
    assert_eq!(house.hashes(), 3);
}

#[tokio::test]
async fn suspended_user_is_refused_by_a_hash_and_activated_one_is_let_in_by_another() {
    let house = House::new().await;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    house.change(Change::Suspend).await;
    let refused = house.sign_in(HOME, "aladdin", RIGHT).await;
    assert_eq!(reason(&refused), Reason::CredentialSuspended);
    house.change(Change::Activate).await;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    assert_eq!(house.hashes(), 3);
}

#[tokio::test]
async fn scopes_of_a_remembered_success_are_those_of_now() {
    let house = House::new().await;
    let response = house.sign_in(HOME, "aladdin", RIGHT).await;
    assert_eq!(response.body(), "calls:read calls:write");
    house
        .change(Change::Scopes("calls:read".parse().unwrap()))
        .await;
    let response = house.sign_in(HOME, "aladdin", RIGHT).await;
    assert_eq!(response.body(), "calls:read");
}

#[tokio::test]
async fn remembered_success_lets_nobody_in_whom_the_credential_does_not() {
    type Case = (fn(&mut Credential), Result<(), Reason>);
    let cases: [Case; 6] = [
        (|user| user.generation += 1, Ok(())),
        (
            |user| user.status = Status::Suspended,
            Err(Reason::CredentialSuspended),
        ),
        (
            |user| user.status = Status::Revoked,
            Err(Reason::CredentialRevoked),
        ),
        (
            |user| user.expires_at = Some(NOW),
            Err(Reason::CredentialExpired),
        ),
        (
            |user| user.allow_from = "198.51.100.0/24".parse().unwrap(),
            Err(Reason::AddressNotAllowed),
        ),
        // Another hash at the same generation, of a password that is not known.
        (
            |user| {
                let other = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
                user.secret = StoredSecret::Password(other.into());
            },
            Err(Reason::SecretWrong),
        ),
    ];
    for (case, (doctor, expected)) in cases.into_iter().enumerate() {
        let house = House::new().await;
        assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
        house.doctor(doctor);
        let response = house.sign_in(HOME, "aladdin", RIGHT).await;
        match expected {
            Ok(()) => assert_eq!(response.status(), StatusCode::OK, "case {case}"),
            Err(expected) => {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "case {case}");
                assert_eq!(reason(&response), expected, "case {case}");
            }
        }
        // Whatever the answer, it took as long as any.
        assert_eq!(house.hashes(), 2, "case {case}");
    }
}

#[tokio::test]
async fn remembered_success_is_not_vouched_for_by_a_stale_directory() {
    let house = House::new().await;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    *house.directory.stale.lock().unwrap() = true;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 503);
}

// Row 63: Okta's cache, keyed by a bcrypt hash of id, name and password, looked at the first 72 bytes.
#[tokio::test]
async fn no_long_name_and_no_long_beginning_lets_another_password_in() {
    let house = House::new().await;
    let long = "x".repeat(72);
    house.add("long", &format!("{long}a")).await;
    let name = "n".repeat(53);
    house.add(&name, RIGHT).await;
    assert_eq!(house.status(HOME, "long", &format!("{long}a")).await, 200);
    assert_eq!(house.status(HOME, "long", &format!("{long}b")).await, 401);
    assert_eq!(house.status(HOME, "long", &long).await, 401);
    assert_eq!(house.status(HOME, &name, RIGHT).await, 200);
    assert_eq!(house.status(HOME, &name, "anything").await, 401);
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    // One user's success is not another's, whose password is the same.
    assert_eq!(house.hashes(), 6);
}

#[tokio::test]
async fn crowd_with_one_right_password_costs_one_hash_and_is_not_limited() {
    let house = House::new().await;
    let crowd = (0..200).map(|_| house.status(HOME, "aladdin", RIGHT));
    assert!(join_all(crowd).await.iter().all(|&status| status == 200));
    assert_eq!(house.hashes(), 1);
    house.fail(HOME, 20).await;
}

// Row 71.
#[tokio::test]
async fn password_is_refused_unhashed_after_twenty_failures_even_if_it_is_right() {
    let house = House::new().await;
    house.fail(HOME, 20).await;
    assert_eq!(house.hashes(), 20);
    for password in ["guess 21", RIGHT] {
        let response = house.sign_in(HOME, "aladdin", password).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "3");
        assert!(!response.headers().contains_key("www-authenticate"));
        assert_eq!(reason(&response), Reason::TooManyFailures);
    }
    assert_eq!(house.status(HOME, "somebody-else", "x").await, 429);
    assert_eq!(house.hashes(), 20);
}

#[tokio::test]
async fn user_can_sign_in_from_elsewhere_while_one_address_guesses() {
    let house = House::new().await;
    house.fail(HOME, 20).await;
    assert_eq!(house.status("192.0.2.2", "aladdin", RIGHT).await, 200);
    // Remembered now, and refused from there all the same.
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 429);
    assert_eq!(house.status("192.0.2.2", "aladdin", RIGHT).await, 200);
    assert_eq!(house.hashes(), 21);
}

#[tokio::test]
async fn right_password_is_not_told_from_a_wrong_one_when_the_bucket_is_full_also_when_it_was_right_lately()
 {
    let house = House::new().await;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    house.fail(HOME, 20).await;
    for retry_after in ["3", "2", "1"] {
        let right = house.sign_in(HOME, "aladdin", RIGHT).await;
        let wrong = house.sign_in(HOME, "aladdin", "x").await;
        assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(right.headers()["retry-after"], retry_after);
        assert_eq!(right.status(), wrong.status());
        assert_eq!(right.headers(), wrong.headers());
        assert_eq!(right.body(), wrong.body());
        assert_eq!(reason(&right), reason(&wrong));
        house.clock.advance(Duration::from_secs(1));
    }
    // There is room for one again. What is remembered needs it, and does not take it.
    for _ in 0..3 {
        assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    }
    assert_eq!(house.hashes(), 21);
    assert_eq!(house.status(HOME, "aladdin", "x").await, 401);
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 429);
}

// Each has found room when it came. Only one of them is told whether it is right.
#[tokio::test]
async fn guesses_that_came_at_once_are_not_told_from_what_was_right_lately_by_the_room_for_one() {
    let house = House::with(limit_of_one()).await;
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    let mut wrong = tokio_test::task::spawn(house.attempt(HOME, "x"));
    let mut right = tokio_test::task::spawn(house.attempt(HOME, RIGHT));
    let mut other = tokio_test::task::spawn(house.attempt(HOME, "y"));
    tokio_test::assert_pending!(wrong.poll());
    tokio_test::assert_ready_eq!(right.poll(), 429);
    tokio_test::assert_ready_eq!(other.poll(), 429);
    assert_eq!(wrong.await, 401);
}

#[tokio::test]
async fn guess_that_another_address_has_hashed_needs_room_of_its_own() {
    let house = House::with(limit_of_one()).await;
    let mut elsewhere = tokio_test::task::spawn(house.attempt("192.0.2.2", RIGHT));
    tokio_test::assert_pending!(elsewhere.poll());
    let mut wrong = tokio_test::task::spawn(house.attempt(HOME, "x"));
    let mut right = tokio_test::task::spawn(house.attempt(HOME, RIGHT));
    tokio_test::assert_pending!(wrong.poll());
    tokio_test::assert_ready_eq!(right.poll(), 429);
    assert_eq!(elsewhere.await, 200);
    assert_eq!(wrong.await, 401);
}

#[tokio::test]
async fn same_password_from_many_addresses_costs_one_hash_and_each_of_them_its_room() {
    let house = House::with(limit_of_one()).await;
    let addresses: Vec<_> = (1..=50).map(|n| format!("192.0.2.{n}")).collect();
    let crowd = async |password| {
        let statuses = addresses.iter().map(|from| house.attempt(from, password));
        join_all(statuses).await
    };
    assert_eq!(crowd(RIGHT).await, [200; 50]);
    assert_eq!(house.hashes(), 1);
    assert_eq!(crowd("x").await, [401; 50]);
    assert_eq!(house.hashes(), 2);
    assert_eq!(crowd("x").await, [429; 50]);
    assert_eq!(crowd(RIGHT).await, [429; 50]);
}

#[tokio::test]
async fn address_out_of_room_profits_from_no_hash_that_another_waits_for() {
    let house = House::new().await;
    house.fail(HOME, 20).await;
    let mut elsewhere = tokio_test::task::spawn(house.status("192.0.2.2", "aladdin", RIGHT));
    tokio_test::assert_pending!(elsewhere.poll());
    let mut here = tokio_test::task::spawn(house.status(HOME, "aladdin", RIGHT));
    tokio_test::assert_ready_eq!(here.poll(), 429);
    assert_eq!(elsewhere.await, 200);
}

#[tokio::test]
async fn crowd_with_one_wrong_password_costs_one_hash_and_every_one_counts() {
    let house = House::new().await;
    let crowd = (0..15).map(|_| house.status(HOME, "aladdin", "x"));
    assert!(join_all(crowd).await.iter().all(|&status| status == 401));
    assert_eq!(house.hashes(), 1);
    house.fail(HOME, 5).await;
    assert_eq!(house.status(HOME, "aladdin", "x").await, 429);
}

#[tokio::test]
async fn ipv6_neighbours_share_their_failures() {
    let house = House::new().await;
    for n in 0..20 {
        house.fail(&format!("2001:db8::{n:x}"), 1).await;
    }
    assert_eq!(house.status("2001:db8::99", "aladdin", RIGHT).await, 429);
    assert_eq!(house.status("2001:db8:0:1::", "aladdin", RIGHT).await, 200);
}

#[tokio::test]
async fn valid_key_passes_from_an_address_that_is_out_of_room() {
    let house = House::new().await;
    house.fail(HOME, 20).await;
    let key = house.key.issued.key.expose().as_bytes().to_vec();
    let answer = house.ask(Some(HOME), "x-api-key", key).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let id = house.key.record.id.to_string();
    let secret = house.key.issued.secret.expose();
    assert_eq!(house.status(HOME, &id, secret).await, 200);
}

#[tokio::test]
async fn keys_that_are_refused_count_and_are_not_limited_themselves() {
    let house = House::new().await;
    let id = house.key.record.id.to_string();
    let wrong = "0".repeat(43);
    for _ in 0..40 {
        assert_eq!(house.status(HOME, &id, &wrong).await, 401);
    }
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 429);

    let key = house.key.issued.key.expose().as_bytes().to_vec();
    house.doctor(|key| key.status = Status::Suspended);
    for _ in 0..40 {
        let answer = house.ask(Some("192.0.2.2"), "x-api-key", key.clone()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(house.status("192.0.2.2", "aladdin", RIGHT).await, 429);
    // A key that is not even well-formed was never judged.
    for _ in 0..40 {
        let answer = house.ask(Some("192.0.2.3"), "x-api-key", b"cs_x".to_vec());
        assert_eq!(answer.await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(house.status("192.0.2.3", "aladdin", "x").await, 401);
}

#[tokio::test]
async fn room_for_one_guess_comes_back_every_three_seconds() {
    let house = House::new().await;
    house.fail(HOME, 20).await;
    for _ in 0..3 {
        house.clock.advance(Duration::from_millis(2999));
        let response = house.sign_in(HOME, "aladdin", "x").await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "1");
        house.clock.advance(Duration::from_millis(1));
        assert_eq!(house.status(HOME, "aladdin", "x").await, 401);
        assert_eq!(house.status(HOME, "aladdin", "x").await, 429);
    }
    house.clock.advance(Duration::from_secs(60));
    house.fail(HOME, 20).await;
    assert_eq!(house.status(HOME, "aladdin", "x").await, 429);
}

// Rows 64 and 71, F22: no crowd gets past the limit before its first failure is known.
#[tokio::test]
async fn thousand_guesses_at_once_are_twenty() {
    let house = House::new().await;
    let crowd = (0..1000).map(|n| {
        let house = &house;
        async move { house.status(HOME, "aladdin", &format!("guess {n}")).await }
    });
    let answers = join_all(crowd).await;
    let count = |status| answers.iter().filter(|&&answer| answer == status).count();
    assert_eq!((count(401), count(429)), (20, 980));
    assert_eq!(house.hashes(), 20);
}

#[tokio::test]
async fn success_and_what_was_not_judged_take_no_room() {
    let house = House::new().await;
    for generation in 0..30 {
        // Each time it must be hashed.
        house.doctor(move |user| user.generation = generation);
        assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 200);
    }
    assert_eq!(house.hashes(), 30);
    // A hash that cannot be read: never judged.
    house.doctor(|user| user.secret = StoredSecret::Password("".into()));
    for _ in 0..30 {
        assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 503);
    }
    house.doctor(|_| {});
    house.fail(HOME, 20).await;
    assert_eq!(house.status(HOME, "aladdin", "x").await, 429);
}

// Else whoever counts how often it may guess learns that a suspended user's password is right.
#[tokio::test]
async fn right_password_of_a_suspended_user_counts_as_any_wrong_one() {
    let house = House::new().await;
    house.change(Change::Suspend).await;
    for _ in 0..20 {
        assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 401);
    }
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 429);
}

#[tokio::test]
async fn attempt_that_is_given_up_while_it_is_hashed_counts() {
    let house = House::new().await;
    for n in 0..20 {
        let password = format!("guess {n}");
        let mut attempt = tokio_test::task::spawn(house.status(HOME, "aladdin", &password));
        tokio_test::assert_pending!(attempt.poll());
    }
    assert_eq!(house.status(HOME, "aladdin", RIGHT).await, 429);
}

// Row 66: one canonical form for the limit too; row 71: by address and name.
#[tokio::test]
async fn guess_that_there_was_no_room_to_hash_counts() {
    let burst = NonZeroU32::new(40).unwrap();
    let house = House::with(FailureLimit::new(burst, Duration::from_secs(60))).await;
    let guesses: Vec<_> = (0..40)
        .map(|n| house.attempt(HOME, &format!("guess {n}")))
        .collect();
    let answers = join_all(guesses).await;
    // Two are hashed, and 32 wait.
    assert_eq!(answers.iter().filter(|&&status| status == 503).count(), 6);
    assert_eq!(house.status(HOME, "aladdin", "another").await, 429);
}

#[tokio::test]
async fn name_has_less_room_than_an_address_that_many_share() {
    let burst = |n| NonZeroU32::new(n).unwrap();
    let limit = FailureLimit::new(burst(3), Duration::from_secs(60)).address_burst(burst(6));
    let house = House::with(limit).await;
    for name in ["aladdin", "ALADDIN", "Aladdin"] {
        assert_eq!(house.status(HOME, name, "x").await, 401);
    }
    assert_eq!(house.status(HOME, "aLADDIN", "x").await, 429);
    assert_eq!(house.status(HOME, "nobody", "x").await, 401);
    assert_eq!(house.status("192.0.2.2", "aladdin", RIGHT).await, 200);
}

// Row 71: never by id alone.
#[tokio::test]
async fn nobody_is_locked_out_where_addresses_are_not_known() {
    let house = House::new().await;
    for n in 0..40 {
        let value = basic("aladdin", &format!("guess {n}"));
        let answer = house.ask(None, "authorization", value).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let right = basic("aladdin", RIGHT);
    let answer = house.ask(None, "authorization", right).await;
    assert_eq!(answer.status(), StatusCode::OK);
}
