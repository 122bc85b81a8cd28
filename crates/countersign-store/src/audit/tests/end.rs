//! Tampering with the end of the log: truncation, another head, a whole older log.

use super::contents::{Contents, HeadRow, forged};
use super::support::{Log, RECORDS, named, tampered};
use crate::audit::{AuditRecord, Checkpoint, Verified};
use crate::error::StoreError;

#[tokio::test]
async fn verification_names_the_first_removed_record_when_the_log_was_truncated() {
    assert_eq!(named(|log| drop(log.rows.split_off(&6))).await, Some(6));
}

#[tokio::test]
async fn verification_names_the_first_removed_record_when_the_log_was_truncated_and_the_head_moved()
{
    let cut = |log: &mut Contents| {
        log.rows.split_off(&6);
        log.head().number = 5;
    };
    assert_eq!(named(cut).await, Some(6));
    let cut = |log: &mut Contents| {
        log.rows.split_off(&6);
        log.head().number = 5;
        log.head().mac = log.rows[&5].mac.clone();
    };
    assert_eq!(named(cut).await, Some(6));
    let cut = |log: &mut Contents| {
        log.rows.split_off(&6);
        log.head = None;
    };
    assert_eq!(named(cut).await, Some(6));
}

#[tokio::test]
async fn verification_names_the_record_after_the_last_when_only_the_head_was_changed() {
    assert_eq!(named(|log| log.head().mac[31] ^= 1).await, Some(9));
    assert_eq!(named(|log| log.head().number = 7).await, Some(9));
    assert_eq!(named(|log| log.head().number = 9).await, Some(9));
    assert_eq!(named(|log| log.head().number = -1).await, Some(9));
    assert_eq!(named(|log| log.head = None).await, Some(9));
}

/// Returns a log, and its head and checkpoint of five records ago.
async fn rolled_back() -> (Log, HeadRow, Checkpoint) {
    let mut log = Log::of(3).await;
    let head = log.contents().await.head.unwrap();
    for _ in 0..5 {
        log.append(AuditRecord::new("a", "b")).await.unwrap();
    }
    let checkpoint = log.checkpoint().await;
    (log, head, checkpoint)
}

#[tokio::test]
async fn verification_finds_an_old_head_that_was_restored() {
    let (mut log, old, _) = rolled_back().await;
    tampered(&mut log, |log| log.head = Some(old)).await;
    assert_eq!(log.broken(None).await, Some(9));
}

#[tokio::test]
async fn verification_finds_a_log_cut_together_with_its_head_by_the_checkpoint_alone() {
    let (mut log, old, checkpoint) = rolled_back().await;
    tampered(&mut log, |log| {
        log.rows.split_off(&4);
        log.head = Some(old);
    })
    .await;
    assert_eq!(log.broken(None).await, None);
    assert_eq!(log.broken(Some(&checkpoint)).await, Some(4));

    // It grows beyond the checkpoint again, with another history.
    for _ in 0..6 {
        log.append(AuditRecord::new("a", "c")).await.unwrap();
    }
    assert_eq!(log.broken(None).await, None);
    assert_eq!(log.broken(Some(&checkpoint)).await, Some(8));
}

#[tokio::test]
async fn verification_names_what_comes_before_the_checkpoints_own_complaint() {
    let (mut log, _, checkpoint) = rolled_back().await;
    tampered(&mut log, |log| log.row(2).at += 1).await;
    assert_eq!(log.broken(Some(&checkpoint)).await, Some(2));
}

#[tokio::test]
async fn verification_finds_a_log_begun_anew_by_any_checkpoint_of_the_old() {
    let empty = Log::new().await.checkpoint().await;
    let full = Log::of(5).await.checkpoint().await;
    let mut log = Log::of(5).await;
    assert_eq!(log.broken(Some(&empty)).await, Some(1));
    assert_eq!(log.broken(Some(&full)).await, Some(5));
}

#[tokio::test]
async fn nothing_is_appended_to_a_log_whose_end_was_changed() {
    let changes: [fn(&mut Contents); 7] = [
        |log| drop(log.rows.remove(&8)),
        |log| log.rows.clear(),
        |log| log.row(8).mac[0] ^= 1,
        |log| log.head().mac[0] ^= 1,
        |log| log.head().number -= 1,
        |log| log.head = None,
        |log| {
            let forged = forged(&log.rows[&8]);
            log.rows.insert(9, forged);
        },
    ];
    for change in changes {
        let mut log = Log::of(RECORDS).await;
        tampered(&mut log, change).await;
        let refused = log.append(AuditRecord::new("a", "b")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))));
        assert!(matches!(log.verify(None).await, Verified::Broken { .. }));
    }
}

#[tokio::test]
async fn verification_finds_a_record_of_an_abandoned_history() {
    let mut log = Log::of(4).await;
    log.drop_triggers().await;
    let fork = log.contents().await;
    log.append(AuditRecord::new("a", "b")).await.unwrap();
    let abandoned = log.contents().await;
    log.write(&abandoned, &fork).await;
    for _ in 0..3 {
        log.append(AuditRecord::new("a", "c")).await.unwrap();
    }
    let present = log.contents().await;
    let mut replaced = present.clone();
    replaced.rows.insert(5, abandoned.rows[&5].clone());
    log.write(&present, &replaced).await;
    // Both fifth records follow the fourth: only the sixth shows which of them was before it.
    assert_eq!(log.broken(None).await, Some(6));
}
