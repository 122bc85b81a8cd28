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
