//! Every failed authentication gets the same response, byte for byte, after the same number of look-ups and hashes.

use std::time::Duration;

use countersign::credentials::ClientAddress;
use countersign::registry::{Change, CreatedKey, NewKey, NewUser, Registry, Rotation};

use crate::fixture::{
    Fixture, KEY_SCOPES, NOW, PASSWORD, Presented, TestResponse, USER, WireKind, operator,
};

/// Keys that are rejected, each for another reason.
async fn rejected_keys(fixture: &Fixture) -> Vec<(&'static str, CreatedKey)> {
    let new = || NewKey::new("rejected", KEY_SCOPES.parse().unwrap());
    let revoke = || Change::Revoke { reason: None };
    let [unknown, wrong, suspended, revoked] = [
        fixture.create(new()).await,
        fixture.create(new()).await,
        fixture.create(new()).await,
        fixture.create(new()).await,
    ];
    fixture.change(&unknown.record, revoke()).await;
    fixture.change(&unknown.record, Change::Delete).await;
    // The first secret of this key is well-formed, but replaced.
    let operator = operator();
    let compromised = Rotation::Compromised;
    let rotated = fixture
        .registry
        .rotate(&operator, wrong.record.id, compromised);
    rotated.await.unwrap();
    fixture.change(&suspended.record, Change::Suspend).await;
    fixture.change(&revoked.record, revoke()).await;
    let end = NOW.plus(Duration::from_secs(10));
    let expired = fixture.create(new().expires_at(end)).await;
    fixture.clock.set(end);
    let elsewhere = new().allow_from("192.0.2.0/24".parse().unwrap());
    let elsewhere = fixture.create(elsewhere).await;
    vec![
        ("unknown", unknown),
        ("wrong secret", wrong),
        ("suspended", suspended),
        ("revoked", revoked),
        ("expired", expired),
        ("address not allowed", elsewhere),
    ]
}

/// Presents credentials; returns the response and the numbers of look-ups and of hashed passwords.
async fn present(
    fixture: &Fixture,
    wire: WireKind,
    presented: Presented<'_>,
) -> Option<(TestResponse, u64, u64)> {
    let mut request = wire.request_with(presented)?;
    let address = "198.51.100.1".parse().unwrap();
    request
        .extensions_mut()
        .insert(ClientAddress::Known(address));
    let before = (fixture.look_ups(), fixture.hasher.passwords_checked());
    let response = fixture.send(wire, request).await;
    Some((
        response,
        fixture.look_ups() - before.0,
        fixture.hasher.passwords_checked() - before.1,
    ))
}

#[tokio::test]
async fn rejected_keys_get_the_same_response_after_one_look_up() {
    let fixture = Fixture::new().await;
    let rejected = rejected_keys(&fixture).await;
    for wire in WireKind::ALL {
        let mut first: Option<TestResponse> = None;
        for (reason, key) in &rejected {
            let id = key.record.id.to_string();
            let (text, secret) = (key.issued.key.expose(), key.issued.secret.expose());
            for presented in [Presented::Key(text), Presented::Pair(&id, secret)] {
                let Some((response, look_ups, hashes)) = present(&fixture, wire, presented).await
                else {
                    continue;
                };
                assert_eq!(
                    (response.status.as_u16(), look_ups, hashes),
                    (401, 1, 0),
                    "{reason}"
                );
                let first = first.get_or_insert_with(|| TestResponse {
                    headers: response.headers.clone(),
                    body: response.body.clone(),
                    token: None,
                    ..response
                });
                assert_eq!(
                    response.header_lines(),
                    first.header_lines(),
                    "{wire:?}, {reason}"
                );
                assert_eq!(response.body, first.body, "{wire:?}, {reason}");
            }
        }
        assert!(first.is_some());
    }
}

#[tokio::test]
async fn rejected_users_get_the_same_response_after_one_hash() {
    for wire in [WireKind::Envelope, WireKind::Session] {
        let mut responses: Vec<(u16, Vec<String>, String, u64)> = Vec::new();
        for reason in ["unknown", "wrong password", "suspended", "revoked"] {
            let fixture = Fixture::new().await;
            let hash = fixture.hasher.hash("other").unwrap();
            let other = NewUser::new("other".parse().unwrap(), hash, KEY_SCOPES.parse().unwrap());
            fixture
                .registry
                .create_user(&operator(), other)
                .await
                .unwrap();
            match reason {
                "suspended" => fixture.change(&fixture.user, Change::Suspend).await,
                "revoked" => {
                    let revoke = Change::Revoke { reason: None };
                    fixture.change(&fixture.user, revoke).await;
                }
                _ => {}
            }
            let presented = match reason {
                "unknown" => Presented::User("unknown", PASSWORD),
                "wrong password" => Presented::User("other", PASSWORD),
                _ => Presented::User(USER, PASSWORD),
            };
            let (response, look_ups, hashes) = present(&fixture, wire, presented).await.unwrap();
            // One look-up for the cache of verified passwords, and one for the hash. A client with the right password of a
            // suspended or revoked user gets no more information from the third.
            let password_matches = matches!(reason, "suspended" | "revoked");
            assert_eq!(look_ups, if password_matches { 3 } else { 2 }, "{reason}");
            responses.push((
                response.status.as_u16(),
                response.header_lines(),
                response.body.clone(),
                hashes,
            ));
        }
        assert_eq!((responses[0].0, responses[0].3), (401, 1), "{wire:?}");

        assert!(
            responses.iter().all(|response| *response == responses[0]),
            "{responses:#?}"
        );
    }
}
