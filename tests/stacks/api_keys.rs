//! API keys.

use crate::fixture::{Fixture, get, text};
use crate::stack;

// CVE-2026-27840.
#[tokio::test]
async fn malformed_keys_are_rejected_without_a_look_up() {
    let fixture = Fixture::new().await;
    let key = fixture.key.issued.key.expose();
    let mut typo = key.to_owned();
    let last = typo.pop().unwrap();
    typo.push(if last == '0' { '1' } else { '0' });
    let cut = &key[..key.len() - 1];
    let longer = format!("{key}0");
    let upper = key.to_uppercase();
    let other_prefix = key.replacen("cs_", "xy_", 1);
    let malformed = [
        cut,
        &longer,
        &upper,
        &typo,
        &other_prefix,
        "cs_",
        "cs",
        "",
        "x",
        &fixture.token,
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let before = fixture.directory.look_ups();
        for key in malformed {
            let response = running
                .send(get("/", &[("x-api-key", key.as_bytes())]))
                .await;
            assert_eq!(response.status.as_u16(), 401);
            assert_eq!(response.challenges(), [r#"ApiKey realm="countersign""#]);
        }
        assert_eq!(fixture.directory.look_ups(), before);
    }
}

// The response does not reveal whether a key exists (CWE-204).
#[tokio::test]
async fn unknown_wrong_revoked_and_expired_keys_get_the_same_response() {
    let fixture = Fixture::new().await;
    let never_issued = {
        let id = countersign::Id::from_bytes([9; 20]);
        let prefix = countersign::key::KeyPrefix::default();
        countersign::key::generate(&prefix, &id, &countersign::random::SystemRandom).unwrap()
    };
    // Well-formed, with the id of one key and the secret of another.
    let crossed = countersign::key::generate(
        &countersign::key::KeyPrefix::default(),
        &fixture.other.record.id,
        &countersign::random::SystemRandom,
    )
    .unwrap();
    let rejected = [
        text(&never_issued.key),
        text(&crossed.key),
        text(&fixture.revoked.issued.key),
        text(&fixture.expired.issued.key),
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let mut responses = Vec::new();
        for key in rejected {
            let before = fixture.directory.look_ups();
            responses.push(
                running
                    .send(get("/", &[("x-api-key", key)]))
                    .await
                    .without_date(),
            );
            assert_eq!(fixture.directory.look_ups(), before + 1, "the same work");
        }
        assert_eq!(responses[0].status.as_u16(), 401);
        assert!(responses.iter().all(|response| *response == responses[0]));
    }
}

/// Values of `Authorization` with the scheme of the challenge.
fn with_scheme(key: &str) -> [Vec<u8>; 4] {
    ["ApiKey ", "apikey ", "APIKEY ", "ApiKey   "].map(|scheme| [scheme, key].concat().into_bytes())
}

#[tokio::test]
async fn key_is_accepted_with_the_scheme_that_the_challenge_names() {
    let fixture = Fixture::new().await;
    let key = fixture.key.issued.key.expose();
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for value in with_scheme(key) {
            let response = running
                .send(get("/primary", &[("authorization", &value)]))
                .await;
            assert_eq!(response.status.as_u16(), 200, "{}", stack.name);
        }
        let scoped = running.send(get("/scoped", &[("authorization", &with_scheme(key)[0])]));
        assert_eq!(scoped.await.status.as_u16(), 403, "{}", stack.name);
    }
}

#[tokio::test]
async fn key_with_the_scheme_is_rejected_as_in_the_header() {
    let fixture = Fixture::new().await;
    let key = fixture.key.issued.key.expose();
    let upper = key.to_uppercase();
    let longer = format!("{key}0");
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let before = fixture.directory.look_ups();
        for malformed in [
            &key[..key.len() - 1],
            &upper,
            &longer,
            "cs_",
            "x",
            &fixture.token,
        ] {
            for value in with_scheme(malformed) {
                let response = running.send(get("/", &[("authorization", &value)])).await;
                assert_eq!(response.status.as_u16(), 401, "{malformed}");
                assert_eq!(response.challenges(), [r#"ApiKey realm="countersign""#]);
            }
        }
        assert_eq!(fixture.directory.look_ups(), before, "nothing is looked up");
        let mut responses = Vec::new();
        for key in [&fixture.revoked, &fixture.expired] {
            for header in [("authorization", true), ("x-api-key", false)] {
                let key = key.issued.key.expose();
                let value = if header.1 {
                    format!("ApiKey {key}")
                } else {
                    key.to_owned()
                };
                let response = running.send(get("/", &[(header.0, value.as_bytes())]));
                responses.push(response.await.without_date());
            }
        }
        assert_eq!(responses[0].status.as_u16(), 401);
        assert!(responses.iter().all(|response| *response == responses[0]));
    }
}

// RFC 9110 §5.3, §11.6.2.
#[tokio::test]
async fn key_with_the_scheme_beside_other_credentials_is_malformed() {
    let fixture = Fixture::new().await;
    let key = fixture.key.issued.key.expose();
    let [value, ..] = with_scheme(key);
    let bearer = crate::fixture::bearer(&fixture.token);
    let joined = [&value[..], b", ", &value].concat();
    let two_words = [&value[..], b" ", key.as_bytes()].concat();
    let quoted = format!("ApiKey \"{key}\"").into_bytes();
    let cases: [&[(&str, &[u8])]; 9] = [
        &[("authorization", &value), ("x-api-key", key.as_bytes())],
        &[("x-api-key", b"cs_bad"), ("authorization", &value)],
        &[
            ("authorization", b"ApiKey cs_bad"),
            ("x-api-key", key.as_bytes()),
        ],
        &[("authorization", &value), ("authorization", &value)],
        &[("authorization", &value), ("authorization", &bearer)],
        &[("authorization", &joined)],
        &[("authorization", &two_words)],
        &[("authorization", &quoted)],
        &[("authorization", b"ApiKey")],
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let before = fixture.directory.look_ups();
        for (i, headers) in cases.iter().enumerate() {
            let response = running.send(get("/", headers)).await;
            assert_eq!(response.status.as_u16(), 400, "case {i} on {}", stack.name);
        }
        assert_eq!(fixture.directory.look_ups(), before, "nothing is looked up");
    }
}
