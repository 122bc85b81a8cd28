//! Every kind of tampering with records, one by one.

use super::contents::{Contents, Row, forged};
use super::support::{Log, RECORDS, named, tampered};
use crate::audit::AuditRecord;

type Flip = fn(&mut Row);

#[tokio::test]
async fn records_are_neither_changed_nor_deleted_through_sql() {
    let mut log = Log::of(3).await;
    for (sql, refusal) in [
        (
            "UPDATE audit SET actor = 'x' WHERE number = 2",
            "never changed",
        ),
        (
            "UPDATE audit SET number = 9 WHERE number = 3",
            "never changed",
        ),
        ("DELETE FROM audit WHERE number = 3", "never deleted"),
        ("DELETE FROM audit", "never deleted"),
    ] {
        let error = log.execute(sql).await.unwrap_err().to_string();
        assert!(error.contains(refusal), "{sql}: {error}");
    }
    assert_eq!(log.broken(None).await, None);
}

#[tokio::test]
async fn verification_names_the_record_that_was_replaced_past_the_triggers() {
    let mut log = Log::of(3).await;
    // SQLite does not run the DELETE trigger for it.
    let sql = "INSERT OR REPLACE INTO audit SELECT number, at, 'x', request_id, action, account_id,
               entity, detail, mac FROM audit WHERE number = 2";
    log.execute(sql).await.unwrap();
    assert_eq!(log.broken(None).await, Some(2));
}

#[tokio::test]
async fn verification_names_the_record_of_which_a_bit_was_flipped_in_any_column() {
    let flips: [(&str, Flip); 8] = [
        ("at", |row| row.at ^= 1),
        ("actor", |row| row.actor[0] ^= 1),
        ("request_id", |row| row.request_id.as_mut().unwrap()[0] ^= 1),
        ("action", |row| row.action[0] ^= 1),
        ("account_id", |row| {
            row.account.as_mut().unwrap()[19] ^= 0x80
        }),
        ("entity", |row| row.entity.as_mut().unwrap()[0] ^= 1),
        ("detail", |row| row.detail[2] ^= 1),
        ("mac", |row| row.mac[31] ^= 1),
    ];
    for number in [1, 2, 7] {
        for (column, flip) in flips {
            let found = named(|log| flip(log.row(number))).await;
            assert_eq!(found, Some(number), "{column}");
        }
    }
}

#[tokio::test]
async fn verification_names_the_last_record_when_it_was_changed() {
    assert_eq!(named(|log| log.row(8).at += 1).await, Some(8));
    assert_eq!(named(|log| log.row(8).mac[0] ^= 1).await, Some(8));
}

#[tokio::test]
async fn verification_names_the_record_whose_text_is_no_longer_text() {
    assert_eq!(named(|log| log.row(4).actor[0] ^= 0x80).await, Some(4));
}

#[tokio::test]
async fn verification_names_the_record_with_an_equal_detail_in_other_bytes() {
    assert_eq!(
        named(|log| log.row(4).detail.insert(1, b' ')).await,
        Some(4)
    );
}

#[tokio::test]
async fn verification_names_the_record_in_which_null_became_an_empty_text_or_back() {
    let emptied = |log: &mut Contents| log.row(3).request_id = Some(Vec::new());
    assert_eq!(named(emptied).await, Some(3));
    assert_eq!(named(|log| log.row(4).request_id = None).await, Some(4));

    let mut log = Log::new().await;
    let entry = AuditRecord {
        request_id: Some(String::new()),
        ..AuditRecord::new("a", "b")
    };
    log.append(entry).await.unwrap();
    tampered(&mut log, |log| log.row(1).request_id = None).await;
    assert_eq!(log.broken(None).await, Some(1));
}

#[tokio::test]
async fn verification_names_the_record_whose_account_and_entity_were_swapped_or_removed() {
    let swapped = |log: &mut Contents| {
        let row = log.row(3);
        std::mem::swap(&mut row.account, &mut row.entity);
    };
    assert_eq!(named(swapped).await, Some(3));
    assert_eq!(named(|log| log.row(3).account = None).await, Some(3));
    // The fourth has only an entity.
    let moved = |log: &mut Contents| {
        let row = log.row(4);
        row.account = row.entity.take();
    };
    assert_eq!(named(moved).await, Some(4));
}

#[tokio::test]
async fn verification_names_the_record_with_a_letter_moved_to_the_next_column() {
    let moved = |log: &mut Contents| {
        let row = log.row(4);
        let letter = row.actor.pop().unwrap();
        row.request_id.as_mut().unwrap().insert(0, letter);
    };
    assert_eq!(named(moved).await, Some(4));
}

#[tokio::test]
async fn verification_names_the_first_the_middle_and_the_last_record_when_deleted() {
    for number in [1, 4, 8] {
        let found = named(|log| drop(log.rows.remove(&number))).await;
        assert_eq!(found, Some(number));
    }
    assert_eq!(named(|log| log.rows.clear()).await, Some(1));
}

#[tokio::test]
async fn verification_names_the_deleted_record_also_when_the_gap_was_closed() {
    for number in [1, 4, 8] {
        let closed = |log: &mut Contents| {
            log.rows.remove(&number);
            log.shift(number, -1);
        };
        assert_eq!(named(closed).await, Some(number));
    }
}

#[tokio::test]
async fn verification_names_the_first_of_two_swapped_records() {
    assert_eq!(named(|log| log.swap(3, 6)).await, Some(3));
    assert_eq!(named(|log| log.swap(7, 8)).await, Some(7));
}

#[tokio::test]
async fn verification_names_the_first_of_two_records_whose_contents_were_swapped() {
    let swapped = |log: &mut Contents| log.swap_without_macs(3, 6);
    assert_eq!(named(swapped).await, Some(3));
}

#[tokio::test]
async fn verification_names_the_position_to_which_a_record_was_copied() {
    for (place, shift) in [(9, 0), (4, 1), (1, 1), (0, 0), (-3, 0), (12, 0)] {
        let copied = |log: &mut Contents| {
            let copy = log.rows[&3].clone();
            log.shift(place, shift);
            log.rows.insert(place, copy);
        };
        assert_eq!(named(copied).await, Some(place));
    }
}

#[tokio::test]
async fn verification_names_the_inserted_forged_record() {
    for place in [1, 5, 8, 9] {
        let put_in = |log: &mut Contents| {
            let forged = forged(&log.rows[&2]);
            log.shift(place, 1);
            log.rows.insert(place, forged);
        };
        assert_eq!(named(put_in).await, Some(place));
        let replaced = |log: &mut Contents| {
            let forged = forged(&log.rows[&2]);
            log.rows.insert(place, forged);
        };
        assert_eq!(named(replaced).await, Some(place));
    }
}

/// Creates the table again without its constraints.
async fn unruled(log: &mut Log) {
    log.drop_triggers().await;
    log.execute(
        "CREATE TABLE other (number, at, actor, request_id, action, account_id, entity, detail, mac);
         INSERT INTO other SELECT * FROM audit; DROP TABLE audit; ALTER TABLE other RENAME TO audit",
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn verification_names_the_record_in_a_table_without_constraints() {
    for (sql, number) in [
        ("INSERT INTO audit SELECT * FROM audit WHERE number = 5", 5),
        ("UPDATE audit SET number = 2 WHERE number = 5", 2),
        ("UPDATE audit SET number = NULL WHERE number = 5", 1),
        ("UPDATE audit SET number = 'x' WHERE number = 5", 5),
        ("UPDATE audit SET number = 4.5 WHERE number = 5", 5),
        ("UPDATE audit SET at = CAST(at AS TEXT) WHERE number = 5", 5),
        (
            "UPDATE audit SET actor = CAST(actor AS BLOB) WHERE number = 5",
            5,
        ),
        (
            "UPDATE audit SET mac = substr(mac, 1, 31) WHERE number = 8",
            8,
        ),
        ("UPDATE audit SET mac = NULL WHERE number = 8", 8),
    ] {
        let mut log = Log::of(RECORDS).await;
        unruled(&mut log).await;
        assert_eq!(log.broken(None).await, None);
        log.execute(sql).await.unwrap();
        assert_eq!(log.broken(None).await, Some(number), "{sql}");
    }
}

#[tokio::test]
async fn verification_names_the_record_in_which_an_empty_text_or_a_zero_became_null() {
    for sql in [
        "UPDATE audit SET actor = NULL",
        "UPDATE audit SET action = NULL",
        "UPDATE audit SET at = NULL",
    ] {
        let mut log = Log::new().await;
        log.append_at(0, AuditRecord::new("", "")).await.unwrap();
        unruled(&mut log).await;
        log.execute(sql).await.unwrap();
        assert_eq!(log.broken(None).await, Some(1), "{sql}");
    }
}

#[tokio::test]
async fn verification_names_the_lower_of_the_old_and_new_number_of_a_record() {
    for (from, to, first) in [(4, 20, 4), (8, 9, 8), (4, 0, 0), (4, -1, -1)] {
        let moved = |log: &mut Contents| {
            let row = log.rows.remove(&from).unwrap();
            log.rows.insert(to, row);
        };
        assert_eq!(named(moved).await, Some(first));
    }
    assert_eq!(named(|log| log.shift(1, 1)).await, Some(1));
}

#[tokio::test]
async fn tampering_is_still_named_after_more_was_appended() {
    let mut log = Log::of(RECORDS).await;
    tampered(&mut log, |log| drop(log.rows.remove(&4))).await;
    log.append(AuditRecord::new("a", "b")).await.unwrap();
    assert_eq!(log.broken(None).await, Some(4));
}

#[tokio::test]
async fn verification_with_another_key_rejects_everything() {
    let mut log = Log::of(2).await;
    log.key = Log::new().await.key;
    assert_eq!(log.broken(None).await, Some(1));
}
