//! security.md 1d, rows 67 to 69: API keys.

use crate::fixture::{Fixture, get, text};
use crate::stack;

// Rows 67 and 68; CVE-2026-27840.
#[tokio::test]
async fn garbage_keys_are_refused_without_a_look_up() {
    let fixture = Fixture::new().await;
    let key = fixture.key.issued.key.expose();
    let mut typo = key.to_owned();
    let last = typo.pop().unwrap();
    typo.push(if last == '0' { '1' } else { '0' });
    let cut = &key[..key.len() - 1];
    let longer = format!("{key}0");
    let upper = key.to_uppercase();
    let foreign = key.replacen("cs_", "xy_", 1);
    let garbage = [
        cut,
        &longer,
        &upper,
        &typo,
        &foreign,
        "cs_",
        "cs",
        "",
        "x",
        &fixture.token,
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let before = fixture.watched.look_ups();
        for key in garbage {
            let answer = running
                .send(get("/", &[("x-api-key", key.as_bytes())]))
                .await;
            assert_eq!(answer.status.as_u16(), 401);
            assert_eq!(answer.challenges(), [r#"ApiKey realm="countersign""#]);
        }
        assert_eq!(fixture.watched.look_ups(), before);
    }
}

// Row 69: one answer, byte for byte.
#[tokio::test]
async fn unknown_wrong_revoked_and_expired_keys_get_one_answer() {
    let fixture = Fixture::new().await;
    let never_issued = {
        let id = countersign::Id::from_bytes([9; 20]);
        let prefix = countersign::key::KeyPrefix::default();
        countersign::key::generate(&prefix, &id, &countersign::random::SystemRandom).unwrap()
    };
    // The right form and checksum, one key's id with another's secret.
    let crossed = countersign::key::generate(
        &countersign::key::KeyPrefix::default(),
        &fixture.other.record.id,
        &countersign::random::SystemRandom,
    )
    .unwrap();
    let bad = [
        text(&never_issued.key),
        text(&crossed.key),
        text(&fixture.revoked.issued.key),
        text(&fixture.expired.issued.key),
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let mut answers = Vec::new();
        for key in bad {
            let before = fixture.watched.look_ups();
            answers.push(
                running
                    .send(get("/", &[("x-api-key", key)]))
                    .await
                    .timeless(),
            );
            assert_eq!(fixture.watched.look_ups(), before + 1, "the same work");
        }
        assert_eq!(answers[0].status.as_u16(), 401);
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}
