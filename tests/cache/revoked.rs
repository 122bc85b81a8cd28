//! A cached token is rejected as soon as it would be rejected without the cache.

use std::time::Duration;

use countersign::directory::Directory as _;
use countersign::jose::Algorithm::EdDsa;
use countersign::registry::{Change, Registry as _};
use countersign::rejection::Reason;
use countersign::time::{Clock as _, Timestamp};

use crate::fixture::{Fixture, LEEWAY, Presented, START, cache_in, now};

#[test]
fn signature_of_a_token_is_verified_twice_and_then_found_in_the_cache() {
    let fixture = Fixture::new(EdDsa);
    let token = fixture.token(&fixture.key());
    let signatures = [1, 1, 0, 0].map(|expected| {
        let presented = fixture.present(&token);
        assert_eq!(presented.reason(), None);
        (presented.signatures, expected)
    });
    assert!(
        signatures
            .iter()
            .all(|(counted, expected)| counted == expected),
        "{signatures:?}"
    );
}

#[test]
fn cached_token_is_rejected_after_it_was_denied() {
    let fixture = Fixture::new(EdDsa);
    let key = fixture.key();
    let (token, other) = (fixture.token(&key), fixture.token(&key));
    let principal = fixture.cache(&token);
    fixture.cache(&other);
    fixture.deny(&principal).unwrap();
    fixture.assert_rejected(&token, Reason::TokenRevoked);
    assert_eq!(fixture.present(&token).signatures, 0);
    assert_eq!(fixture.present(&other).reason(), None);
}

#[test]
fn cached_token_is_rejected_after_its_session_has_ended() {
    let fixture = Fixture::new(EdDsa);
    let key = fixture.key();
    let [token, other] = ["a", "b"].map(|name| fixture.session_token(&key, name).unwrap());
    let principal = fixture.cache(&token);
    fixture.cache(&other);
    fixture.end_session(&principal).unwrap();
    fixture.assert_rejected(&token, Reason::Superseded);
    assert_eq!(fixture.present(&other).reason(), None);
}

#[test]
fn cached_token_is_rejected_after_its_credential_was_revoked_or_suspended_or_narrowed() {
    let narrowed = "calls:read".parse().unwrap();
    for change in [
        Change::Revoke { reason: None },
        Change::Suspend,
        Change::Scopes(narrowed),
    ] {
        let fixture = Fixture::new(EdDsa);
        let (key, other) = (fixture.key(), fixture.key());
        let tokens = [fixture.token(&key), fixture.token(&other)];
        tokens.iter().for_each(|token| drop(fixture.cache(token)));
        fixture.change(key.record.id, change).unwrap();
        fixture.assert_rejected(&tokens[0], Reason::Superseded);
        assert_eq!(fixture.present(&tokens[1]).reason(), None);
    }
}

#[test]
fn cached_token_stays_rejected_after_its_credential_was_activated_again() {
    let fixture = Fixture::new(EdDsa);
    let key = fixture.key();
    let token = fixture.token(&key);
    fixture.cache(&token);
    fixture.change(key.record.id, Change::Suspend).unwrap();
    fixture.change(key.record.id, Change::Activate).unwrap();
    fixture.assert_rejected(&token, Reason::Superseded);
}

#[test]
fn cached_token_is_rejected_after_its_account_was_revoked() {
    let fixture = Fixture::new(EdDsa);
    let (key, other) = (fixture.key(), fixture.key());
    let tokens = [fixture.token(&key), fixture.token(&other)];
    tokens.iter().for_each(|token| drop(fixture.cache(token)));
    let revoked = fixture
        .registry
        .revoke_account(&fixture.operator, key.account.id);
    now(revoked).unwrap();
    fixture.assert_rejected(&tokens[0], Reason::Superseded);
    assert_eq!(fixture.present(&tokens[1]).reason(), None);
}

#[test]
fn cached_token_is_rejected_after_its_signing_key_was_withdrawn() {
    let fixture = Fixture::new(EdDsa);
    let token = fixture.token(&fixture.key());
    fixture.cache(&token);
    fixture.rotate_signing_key(None, EdDsa);
    fixture.assert_rejected(&token, Reason::KeyUnknown);
}

#[test]
fn cached_token_is_verified_again_after_a_key_was_added() {
    let fixture = Fixture::new(EdDsa);
    let token = fixture.token(&fixture.key());
    fixture.cache(&token);
    let old = fixture.signing.signing_at(fixture.clock.now());
    fixture.rotate_signing_key(old, EdDsa);
    let signatures = [1, 0].map(|expected| (fixture.present(&token).signatures, expected));
    assert!(
        signatures
            .iter()
            .all(|(counted, expected)| counted == expected),
        "{signatures:?}"
    );
}

#[test]
fn cached_token_is_rejected_when_it_expires_and_before_it_begins() {
    let fixture = Fixture::new(EdDsa);
    let lifetime = Duration::from_secs(60);
    let token = fixture.token_for(&fixture.key(), lifetime);
    fixture.cache(&token);
    let end = START.plus(lifetime).plus(LEEWAY);
    fixture
        .clock
        .set(Timestamp::from_unix_millis(end.unix_millis() - 1));
    assert_eq!(fixture.present(&token).reason(), None);
    fixture.clock.set(end);
    fixture.assert_rejected(&token, Reason::TokenExpired);
    // A clock that was set back makes it valid again, with the cache and without it.
    fixture.clock.set(START);
    fixture.cache(&token);
    let early = START.unix_millis() - 2001;
    fixture.clock.set(Timestamp::from_unix_millis(early));
    fixture.assert_rejected(&token, Reason::NotYetValid);
}

#[test]
fn cached_token_is_rejected_while_the_view_is_stale() {
    let fixture = Fixture::new(EdDsa);
    let key = fixture.key();
    let (_, managed) = fixture.managed_token(&key).unwrap();
    let tokens = [fixture.token(&key), managed];
    tokens.iter().for_each(|token| drop(fixture.cache(token)));
    fixture.directory.go_stale();
    for token in &tokens {
        fixture.assert_rejected(token, Reason::DirectoryStale);
        assert_eq!(fixture.present(token).signatures, 0);
    }
}

#[test]
fn cached_token_is_rejected_under_another_configuration_of_its_issuer() {
    let fixture = Fixture::new(EdDsa);
    let token = fixture.token_for(&fixture.key(), Duration::from_secs(3600));
    fixture.cache(&token);
    let same = fixture.other(|issuer| issuer);
    let shorter = fixture.other(|issuer| issuer.max_lifetime(Duration::from_secs(3599)));
    for _ in 0..3 {
        cache_in(&same, &token);
        let presented = Presented::to(&shorter, &token);
        assert_eq!(presented.reason(), Some(Reason::LifetimeTooLong));
    }
}

#[test]
fn cached_managed_token_is_decided_by_its_record() {
    let fixture = Fixture::new(EdDsa);
    let (record, token) = fixture.managed_token(&fixture.key()).unwrap();
    assert_eq!(fixture.cache(&token).scopes().as_str(), "calls:read");
    let narrowed = Change::Scopes("calls:read:own".parse().unwrap());
    fixture.change(record.id, narrowed).unwrap();
    let presented = fixture.present(&token);
    assert_eq!(presented.signatures, 0);
    assert_eq!(
        presented.result.unwrap().scopes().as_str(),
        "calls:read:own"
    );
    for (change, reason) in [
        (Change::Suspend, Reason::CredentialSuspended),
        (Change::Revoke { reason: None }, Reason::CredentialRevoked),
        (Change::Delete, Reason::CredentialUnknown),
    ] {
        fixture.change(record.id, change).unwrap();
        fixture.assert_rejected(&token, reason);
    }
}

#[test]
fn cached_managed_token_is_accepted_only_from_the_networks_of_its_record() {
    let fixture = Fixture::new(EdDsa);
    let (record, token) = fixture.managed_token(&fixture.key()).unwrap();
    fixture.cache(&token);
    let table = &fixture.directory.table;
    let mut credential = table.credential(&record.id).unwrap();
    credential.allow_from = "192.0.2.0/24".parse().unwrap();
    table.put(credential);
    fixture.assert_rejected(&token, Reason::AddressNotAllowed);
    for (address, reason) in [
        ("192.0.2.1", None),
        ("198.51.100.1", Some(Reason::AddressNotAllowed)),
    ] {
        let presented = fixture.present_from(&token, address);
        assert_eq!((presented.reason(), presented.signatures), (reason, 0));
    }
}
