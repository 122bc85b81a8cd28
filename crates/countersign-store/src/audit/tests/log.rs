//! Appending to the log, reading it, and its MACs.

use countersign::random::SystemRandom;

use super::support::{ACCOUNT, ENTITY, Log, OTHER_ACCOUNT, sealer};
use crate::audit::chain::{AuditKey, ChainEnd, ChainedRecord, MacBytes};
use crate::audit::{AuditRecord, Checkpoint, InvalidCheckpoint, Verified};
use crate::error::StoreError;
use crate::secrets::SealContext;
use crate::sql;

fn hex(mac: MacBytes) -> String {
    mac.iter().map(|b| format!("{b:02x}")).collect()
}

fn sequential_key() -> AuditKey {
    let secret: Vec<u8> = (0..32).collect();
    AuditKey::new(&secret).unwrap()
}

#[test]
fn mac_of_a_record_is_hmac_sha256_over_length_prefixed_parts() {
    // Python: f = lambda b: struct.pack(">Q", len(b)) + b; i = lambda n: f(struct.pack(">q", n))
    // hmac.new(bytes(range(32)), f(b"audit/v1") + f(bytes([7])*32) + i(3) + i(1_800_000_000_123)
    //     + f(b"cli:root") + f(b"\1r-1") + f(b"key.revoke") + f(b"\1" + bytes([1])*20) + f(b"\0")
    //     + f(b'{"name":"ci"}'), "sha256").hexdigest()
    let record = ChainedRecord {
        number: 3,
        at: 1_800_000_000_123,
        actor: "cli:root",
        request_id: Some("r-1"),
        action: "key.revoke",
        account: Some(ACCOUNT.as_bytes()),
        entity: None,
        detail: r#"{"name":"ci"}"#,
    };
    assert_eq!(
        hex(sequential_key().record_mac(&[7; 32], &record)),
        "8291b4de62af7e2356e43a50b3ba8a3f96efc6aa7100d836c9047eb086808b7a"
    );
}

#[test]
fn mac_of_a_head_is_hmac_sha256_over_length_prefixed_parts() {
    // Python, as above: hmac.new(bytes(range(32)), f(b"audit-head/v1") + i(3) + f(bytes([7])*32), "sha256")
    let end = ChainEnd {
        number: 3,
        mac: [7; 32],
    };
    assert_eq!(
        hex(sequential_key().end_mac(&end)),
        "f4ac4cdaf9756704f69668b1bf6d08bf91f3fe3bad3b1d0d86c489d377d65b08"
    );
}

#[tokio::test]
async fn log_without_records_is_intact() {
    let mut log = Log::new().await;
    assert!(matches!(
        log.verify(None).await,
        Verified::Intact { records: 0, checkpoint } if checkpoint.number() == 0
    ));
}

#[tokio::test]
async fn log_of_appended_records_is_intact_and_contains_its_own_checkpoint() {
    let mut log = Log::of(20).await;
    let checkpoint = log.checkpoint().await;
    assert_eq!(checkpoint.number(), 20);
    log.append(AuditRecord::new("a", "b")).await.unwrap();
    let verified = log.verify(Some(&checkpoint)).await;
    assert!(matches!(verified, Verified::Intact { records: 21, .. }));
}

#[tokio::test]
async fn log_of_unusual_entries_is_intact() {
    let mut log = Log::new().await;
    for actor in ["", "\0", "\u{10ffff}", "a\0b", "'; DROP TABLE audit"] {
        let entry = AuditRecord {
            request_id: Some(actor.to_owned()),
            ..AuditRecord::new(actor, "")
                .with("ratio", 0.1)
                .with("\"", actor)
        };
        log.append(entry).await.unwrap();
    }
    assert_eq!(log.broken(None).await, None);
    let listed = sql::audit::list(&mut log.connection, None, None, 10).await;
    assert_eq!(listed.unwrap()[1].actor, "a\0b");
}

#[tokio::test]
async fn record_contains_all_values_of_its_entry() {
    let mut log = Log::new().await;
    let entry = AuditRecord {
        request_id: Some("r-1".to_owned()),
        account_id: Some(ACCOUNT),
        entity: Some(ENTITY),
        ..AuditRecord::new("cli:root", "key.create").with("name", "ci")
    };
    log.append(entry).await.unwrap();
    let listed = sql::audit::list(&mut log.connection, None, None, 10).await;
    assert_eq!(
        serde_json::to_value(listed.unwrap()).unwrap(),
        serde_json::json!([{
            "number": 1,
            "at": 1_800_000_000,
            "actor": "cli:root",
            "request_id": "r-1",
            "action": "key.create",
            "account_id": ACCOUNT,
            "entity": ENTITY,
            "detail": {"name": "ci"},
        }])
    );
}

#[tokio::test]
async fn records_are_listed_newest_first_by_account_and_page() {
    let mut log = Log::of(12).await;
    let mut numbers = async |account, before, limit| -> Vec<i64> {
        let listed = sql::audit::list(&mut log.connection, account, before, limit).await;
        listed.unwrap().iter().map(|record| record.number).collect()
    };
    assert_eq!(numbers(None, None, 3).await, [12, 11, 10]);
    assert_eq!(numbers(None, Some(3), 10).await, [2, 1]);
    assert_eq!(numbers(Some(&ACCOUNT), None, 2).await, [10, 6]);
    assert_eq!(numbers(Some(&ACCOUNT), Some(6), 2).await, [2]);
    assert_eq!(numbers(Some(&OTHER_ACCOUNT), Some(4), 9).await, [3, 1]);
    assert!(numbers(Some(&ENTITY), None, 9).await.is_empty());
}

#[tokio::test]
async fn key_is_created_once_and_decrypted_from_then_on() {
    let mut log = Log::of(3).await;
    let again = log.open_key(&sealer(1)).await;
    log.key = again.unwrap();
    assert_eq!(log.broken(None).await, None);
    assert_ne!(
        Log::new().await.checkpoint().await,
        Log::new().await.checkpoint().await
    );
}

#[tokio::test]
async fn key_is_not_decrypted_under_another_master_key_or_with_any_bit_flipped() {
    let mut log = Log::of(3).await;
    let other = log.open_key(&sealer(2)).await;
    assert!(matches!(other, Err(StoreError::Unseal(_))));
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM audit_head")
        .fetch_one(log.sqlite())
        .await
        .unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        sqlx::query("UPDATE audit_head SET sealed = ?")
            .bind(flipped)
            .execute(log.sqlite())
            .await
            .unwrap();
        let opened = log.open_key(&sealer(1)).await;
        assert!(matches!(opened, Err(StoreError::Unseal(_))), "bit {bit}");
    }
}

#[tokio::test]
async fn key_is_encrypted_in_its_own_context_and_not_stored_in_clear() {
    let mut log = Log::new().await;
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM audit_head")
        .fetch_one(log.sqlite())
        .await
        .unwrap();
    let context = SealContext::new("audit_head", &[], "the key");
    let secret = sealer(1).open(&context, &sealed).unwrap();
    assert_eq!(secret.len(), 32);
    assert!(!sealed.windows(32).any(|window| window == secret.as_slice()));
}

#[tokio::test]
async fn key_encrypted_again_is_decrypted_under_the_new_master_key_only_and_the_chain_stays() {
    let mut log = Log::of(3).await;
    let before = log.checkpoint().await;
    let (old, new) = (sealer(1), sealer(2));
    let wrong = log.reseal_key(&new, &old).await;
    assert!(matches!(wrong, Err(StoreError::Unseal(_))));
    let resealed = log.reseal_key(&old, &new).await;
    resealed.unwrap();
    let opened = log.open_key(&old).await;
    assert!(matches!(opened, Err(StoreError::Unseal(_))));
    let opened = log.open_key(&new).await;
    log.key = opened.unwrap();
    assert_eq!(log.checkpoint().await, before);
}

#[tokio::test]
async fn chain_is_not_created_again_when_its_head_was_removed() {
    let mut log = Log::new().await;
    let (key, sealed) = AuditKey::generate(&sealer(1), &SystemRandom).unwrap();
    let again = sql::audit::begin(&mut log.connection, &key, &sealed).await;
    assert!(again.is_err(), "there is one");
    log.execute("DELETE FROM audit_head").await.unwrap();
    let opened = log.open_key(&sealer(1)).await;
    assert!(matches!(opened, Err(StoreError::Corrupt(_))));
    let (old, new) = (sealer(1), sealer(2));
    let resealed = log.reseal_key(&old, &new).await;
    assert!(matches!(resealed, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn record_is_appended_with_the_rest_of_its_transaction_or_not_at_all() {
    let mut log = Log::of(3).await;
    log.execute("BEGIN IMMEDIATE").await.unwrap();
    log.append(AuditRecord::new("a", "b")).await.unwrap();
    log.execute("ROLLBACK").await.unwrap();
    assert!(matches!(
        log.verify(None).await,
        Verified::Intact { records: 3, .. }
    ));
}

#[tokio::test]
async fn verification_changes_nothing_and_ends_its_transaction() {
    let mut log = Log::of(3).await;
    let before = log.contents().await;
    log.verify(None).await;
    assert_eq!(log.contents().await, before);
    log.execute("BEGIN IMMEDIATE; COMMIT").await.unwrap();
}

#[test]
fn checkpoint_is_parsed_in_its_canonical_form_only() {
    let mac = "A".repeat(43);
    let text = format!("7:{mac}");
    assert_eq!(text.parse::<Checkpoint>().unwrap().to_string(), text);
    for other in [
        String::new(),
        "7".into(),
        "7:".into(),
        format!(":{mac}"),
        format!("-7:{mac}"),
        format!("+7:{mac}"),
        format!("07:{mac}"),
        format!(" 7:{mac}"),
        format!("7:{mac}A"),
        format!("7:{mac}="),
        format!("7:{}", &mac[1..]),
        format!("7:{}B", &mac[1..]),
        format!("9223372036854775808:{mac}"),
        format!("7:{mac}\n"),
    ] {
        assert_eq!(
            other.parse::<Checkpoint>(),
            Err(InvalidCheckpoint),
            "{other:?}"
        );
    }
}

#[tokio::test]
async fn log_of_several_pages_is_verified_as_a_whole() {
    let mut log = Log::of(2000).await;
    let intact = log.verify(None).await;
    assert!(matches!(intact, Verified::Intact { records: 2000, .. }));
    log.append(AuditRecord::new("a", "b")).await.unwrap();
    assert_eq!(log.broken(None).await, None);
    log.drop_triggers().await;
    for number in [2001, 2000, 1500, 1001, 1000] {
        let old = log.contents().await;
        let mut new = old.clone();
        new.row(number).at += 1;
        log.write(&old, &new).await;
        assert_eq!(log.broken(None).await, Some(number));
    }
}
