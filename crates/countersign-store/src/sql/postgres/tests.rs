//! Locks and migrations, with connections to one database of several nodes.

use super::Hosts;
use super::schema::{self, Migration};
use crate::error::{Result, StoreError};
use crate::secrets::DatabaseAge;
use crate::sql::schema::VERSION;
use crate::sql::{Connection, Database, Location};

/// A node's connections to a database.
async fn node(url: &str) -> Database {
    let location = Location::Postgres(Hosts::parse(url).unwrap());
    Database::open(&location).await.unwrap()
}

#[tokio::test]
async fn transaction_of_a_node_that_does_nothing_is_ended_and_the_next_one_goes_on() {
    let url = countersign_test_postgres::new_database();
    let (frozen, other) = (node(&url).await, node(&url).await);
    let mut held = frozen.begin().await.unwrap();
    // The server waits for as long as a node may be idle, and for the lock longer.
    let mut begun = other.begin().await.unwrap();
    begun
        .execute("CREATE TABLE made (one BIGINT)", &[])
        .await
        .unwrap();
    begun.commit().await.unwrap();
    assert!(held.commit().await.is_err());
    drop(held);
    frozen.begin().await.unwrap();
}

#[tokio::test]
async fn caller_who_gives_up_while_waiting_for_the_lock_does_not_keep_it() {
    let url = countersign_test_postgres::new_database();
    let (holder, impatient) = (node(&url).await, node(&url).await);
    let held = holder.begin().await.unwrap();
    {
        let mut waiting = Box::pin(impatient.begin());
        let begun = async {
            // The lock is waited for once it is listed.
            loop {
                let mut reader = holder.reader().await.unwrap();
                let query =
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
                let waits: i64 = reader.fetch_scalar(query, &[]).await.unwrap();
                if waits > 0 {
                    break;
                }
            }
        };
        tokio::select! {
            _ = &mut waiting => panic!("the lock was held twice"),
            () = begun => {}
        }
    }
    drop(held);
    for node in [&holder, &impatient, &holder] {
        node.begin().await.unwrap();
    }
}

#[tokio::test]
async fn reader_sees_one_moment() {
    let url = countersign_test_postgres::new_database();
    let database = node(&url).await;
    let mut writer = database.begin().await.unwrap();
    schema::create(&mut writer).await.unwrap();
    writer.commit().await.unwrap();
    drop(writer);
    let query = "SELECT number FROM change_head";
    let mut snapshot = database.session_snapshot().await.unwrap();
    let before: i64 = snapshot.fetch_scalar(query, &[]).await.unwrap();
    let mut writer = database.begin().await.unwrap();
    writer
        .execute("UPDATE change_head SET number = 7", &[])
        .await
        .unwrap();
    writer.commit().await.unwrap();
    let after: i64 = snapshot.fetch_scalar(query, &[]).await.unwrap();
    assert_eq!((before, after), (0, 0));
    assert!(snapshot.execute("DELETE FROM changes", &[]).await.is_err());
}

async fn migrate(db: &mut Connection, version: i64, minimum_version: i64) -> Result<()> {
    let next = Migration {
        version,
        minimum_version,
        script: "ALTER TABLE accounts ADD COLUMN note TEXT".to_owned(),
    };
    schema::apply(db, [next]).await
}

#[tokio::test]
async fn newer_schema_is_used_until_its_minimum_version_is_newer() {
    let url = countersign_test_postgres::new_database();
    let database = node(&url).await;
    let mut writer = database.begin().await.unwrap();
    assert!(schema::inspect(&mut writer).await.unwrap() == DatabaseAge::New);
    schema::create(&mut writer).await.unwrap();
    migrate(&mut writer, VERSION + 1, VERSION).await.unwrap();
    // It is applied once.
    migrate(&mut writer, VERSION + 1, VERSION).await.unwrap();
    // The migrations of an older program change nothing.
    schema::create(&mut writer).await.unwrap();
    assert!(schema::inspect(&mut writer).await.is_ok());
    let raised = "UPDATE countersign_schema SET minimum_version = version";
    writer.execute(raised, &[]).await.unwrap();
    let error = schema::inspect(&mut writer).await.err().unwrap();
    assert!(matches!(error, StoreError::NewerSchema(_)), "{error}");
}
