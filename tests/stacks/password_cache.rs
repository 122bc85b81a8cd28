//! The cache of verified passwords.

use std::time::Duration;

use countersign::directory::{Credential, Status};
use countersign::registry::Change;
use countersign::registry::backend::StoredSecret;
use countersign::rejection::Reason;
use http::StatusCode;

use crate::fixture::NOW;

use crate::password_fixture::{ADDRESS, PASSWORD, PasswordFixture, reason};

#[tokio::test]
async fn verified_password_is_not_hashed_again_and_a_wrong_one_is() {
    let fixture = PasswordFixture::new().await;
    for _ in 0..3 {
        assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
        assert_eq!(fixture.status(ADDRESS, "ALADDIN", PASSWORD).await, 200);
    }
    assert_eq!(fixture.passwords_hashed(), 1);
    for _ in 0..3 {
        assert_eq!(fixture.status(ADDRESS, "aladdin", "open barley").await, 401);
        assert_eq!(fixture.status(ADDRESS, "unknown", PASSWORD).await, 401);
        assert_eq!(fixture.status(ADDRESS, "unknown", "guess").await, 401);
    }
    assert_eq!(fixture.passwords_hashed(), 10);
}

#[tokio::test]
async fn cached_success_expires_after_five_minutes_and_when_the_clock_is_set_back() {
    let fixture = PasswordFixture::new().await;
    let second = Duration::from_secs(1);
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    fixture.clock.advance(second * 299);
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    assert_eq!(fixture.passwords_hashed(), 1);
    // The five minutes start when it is hashed; use does not extend them.
    fixture.clock.advance(second);
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    assert_eq!(fixture.passwords_hashed(), 2);
    fixture.clock.set(NOW);
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    assert_eq!(fixture.passwords_hashed(), 3);
}

#[tokio::test]
async fn changed_password_takes_effect_at_once() {
    let fixture = PasswordFixture::new().await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    let hash = fixture.hasher.hash("open barley").unwrap();
    fixture.change(Change::Password(hash)).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 401);
    assert_eq!(fixture.status(ADDRESS, "aladdin", "open barley").await, 200);
    assert_eq!(fixture.passwords_hashed(), 3);
}

#[tokio::test]
async fn suspended_user_is_rejected_and_activated_user_is_accepted_each_after_a_hash() {
    let fixture = PasswordFixture::new().await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    fixture.change(Change::Suspend).await;
    let rejected = fixture.authenticate(ADDRESS, "aladdin", PASSWORD).await;
    assert_eq!(reason(&rejected), Reason::CredentialSuspended);
    fixture.change(Change::Activate).await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    assert_eq!(fixture.passwords_hashed(), 3);
}

#[tokio::test]
async fn cached_success_has_the_current_scopes() {
    let fixture = PasswordFixture::new().await;
    let response = fixture.authenticate(ADDRESS, "aladdin", PASSWORD).await;
    assert_eq!(response.body(), "calls:read calls:write");
    fixture
        .change(Change::Scopes("calls:read".parse().unwrap()))
        .await;
    let response = fixture.authenticate(ADDRESS, "aladdin", PASSWORD).await;
    assert_eq!(response.body(), "calls:read");
}

#[tokio::test]
async fn cached_success_is_rejected_when_the_credential_is() {
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
        // Another password hash with the same generation.
        (
            |user| {
                let other = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
                user.secret = StoredSecret::Password(other.into());
            },
            Err(Reason::SecretWrong),
        ),
    ];
    for (case, (modify, expected)) in cases.into_iter().enumerate() {
        let fixture = PasswordFixture::new().await;
        assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
        fixture.modify(modify);
        let response = fixture.authenticate(ADDRESS, "aladdin", PASSWORD).await;
        match expected {
            Ok(()) => assert_eq!(response.status(), StatusCode::OK, "case {case}"),
            Err(expected) => {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "case {case}");
                assert_eq!(reason(&response), expected, "case {case}");
            }
        }
        // Every response takes as long as any other.
        assert_eq!(fixture.passwords_hashed(), 2, "case {case}");
    }
}

#[tokio::test]
async fn cached_success_is_unavailable_while_the_directory_is_stale() {
    let fixture = PasswordFixture::new().await;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 200);
    *fixture.directory.stale.lock().unwrap() = true;
    assert_eq!(fixture.status(ADDRESS, "aladdin", PASSWORD).await, 503);
}

// Okta's vulnerability of October 2024: its cache key was a bcrypt hash of id, name and password, and bcrypt uses only the
// first 72 bytes.

// RFC 7617 §2.1, RFC 8265 §4.2
#[tokio::test]
async fn password_is_the_same_in_both_normalization_forms_of_unicode() {
    let fixture = PasswordFixture::new().await;
    let (composed, decomposed) = ("s\u{e9}same", "se\u{301}same");
    for (name, set, presented) in [("a", composed, decomposed), ("b", decomposed, composed)] {
        fixture.add(name, set).await;
        let before = fixture.passwords_hashed();
        assert_eq!(fixture.status(ADDRESS, name, presented).await, 200);
        assert_eq!(fixture.status(ADDRESS, name, set).await, 200);
        assert_eq!(fixture.passwords_hashed() - before, 1);
        assert_eq!(fixture.status(ADDRESS, name, "sesame").await, 401);
    }
}
