//! wires.md, "same answer for every failed authentication": one answer, byte for byte, for the same work.

use std::time::Duration;

use countersign::credentials::ClientAddress;
use countersign::random::SystemRandom;
use countersign::registry::{Change, CreatedKey, NewKey, NewUser, Registry, Rotation};

use crate::fixture::{Answer, Fixture, HELD, NOW, PASSWORD, Presented, USER, Wired, me};

/// Keys that are refused, each for another reason.
async fn refused(fixture: &Fixture) -> Vec<(&'static str, CreatedKey)> {
    let new = || NewKey::new("refused", HELD.parse().unwrap());
    let revoke = || Change::Revoke { reason: None };
    let [unknown, wrong, suspended, revoked] = [
        fixture.create(new()).await,
        fixture.create(new()).await,
        fixture.create(new()).await,
        fixture.create(new()).await,
    ];
    fixture.change(&unknown.record, revoke()).await;
    fixture.change(&unknown.record, Change::Delete).await;
    // What it was issued with first is a secret of good form that is not its own any more.
    let me = me();
    let compromised = Rotation::Compromised;
    let rotated = fixture.registry.rotate(&me, wrong.record.id, compromised);
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

async fn tried(
    fixture: &Fixture,
    wired: Wired,
    presented: Presented<'_>,
) -> Option<(Answer, u64, u64)> {
    let mut request = wired.ask(presented)?;
    let address = "198.51.100.1".parse().unwrap();
    request.extensions_mut().insert(ClientAddress(address));
    let before = (fixture.look_ups(), fixture.hasher.passwords_checked());
    let answer = fixture.send(wired, request).await;
    Some((
        answer,
        fixture.look_ups() - before.0,
        fixture.hasher.passwords_checked() - before.1,
    ))
}

#[tokio::test]
async fn refused_keys_get_one_answer_for_one_look_up() {
    let fixture = Fixture::new().await;
    let refused = refused(&fixture).await;
    for wired in Wired::ALL {
        let mut first: Option<Answer> = None;
        for (why, key) in &refused {
            let id = key.record.id.to_string();
            let (text, secret) = (key.issued.key.expose(), key.issued.secret.expose());
            for presented in [Presented::Key(text), Presented::Pair(&id, secret)] {
                let Some((answer, look_ups, hashes)) = tried(&fixture, wired, presented).await
                else {
                    continue;
                };
                assert_eq!(
                    (answer.status.as_u16(), look_ups, hashes),
                    (401, 1, 0),
                    "{why}"
                );
                let first = first.get_or_insert_with(|| Answer {
                    headers: answer.headers.clone(),
                    body: answer.body.clone(),
                    token: None,
                    ..answer
                });
                assert_eq!(answer.head(), first.head(), "{wired:?}, {why}");
                assert_eq!(answer.body, first.body, "{wired:?}, {why}");
            }
        }
        assert!(first.is_some());
    }
}

#[tokio::test]
async fn refused_users_get_one_answer_for_one_hash() {
    for wired in [Wired::Envelope, Wired::Session] {
        let mut answers: Vec<(u16, Vec<String>, String, u64)> = Vec::new();
        for why in ["unknown", "wrong password", "suspended", "revoked"] {
            let fixture = Fixture::new().await;
            let hash = fixture.hasher.hash("other", &SystemRandom).unwrap();
            let other = NewUser::new("other".parse().unwrap(), hash, HELD.parse().unwrap());
            fixture.registry.create_user(&me(), other).await.unwrap();
            match why {
                "suspended" => fixture.change(&fixture.user, Change::Suspend).await,
                "revoked" => {
                    let revoke = Change::Revoke { reason: None };
                    fixture.change(&fixture.user, revoke).await;
                }
                _ => {}
            }
            let presented = match why {
                "unknown" => Presented::User("nobody", PASSWORD),
                "wrong password" => Presented::User("other", PASSWORD),
                _ => Presented::User(USER, PASSWORD),
            };
            let (answer, look_ups, hashes) = tried(&fixture, wired, presented).await.unwrap();
            // Who knows the password of a user that is refused learns no more than that.
            let knows = matches!(why, "suspended" | "revoked");
            assert_eq!(look_ups, if knows { 2 } else { 1 }, "{why}");
            answers.push((
                answer.status.as_u16(),
                answer.head(),
                answer.body.clone(),
                hashes,
            ));
        }
        assert_eq!((answers[0].0, answers[0].3), (401, 1), "{wired:?}");

        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:#?}"
        );
    }
}
