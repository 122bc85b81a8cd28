//! What only PostgreSQL has: nodes that share a database, rights, and connections that end.

use std::fs;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Directory as _, Status};
use countersign::registry::{Registry as _, RegistryError};
use countersign_store::{MasterKey, Store, StoreError, StoreOptions, Verified};
use countersign_test_postgres::{Cluster, Pooler};

use crate::service::{Service, clock};
use crate::support::{REVOKE, TestFolder, new_key, operator};

#[tokio::test]
async fn key_of_one_node_is_revoked_on_another() {
    let folder = TestFolder::postgres();
    let (here, there) = (folder.open().await, folder.open().await);
    let created = here.create_key(&operator(), new_key("ci")).await.unwrap();
    let id = created.record.id;
    there.catch_up().await.unwrap();
    let status = |store: &Store| store.directory().credential(&id).unwrap().status;
    assert_eq!(status(&there), Status::Active);
    there.change(&operator(), id, REVOKE).await.unwrap();
    here.catch_up().await.unwrap();
    assert_eq!(status(&here), Status::Revoked);
    here.verify_audit(None).await.unwrap();
}

#[tokio::test]
async fn nodes_that_start_at_once_create_the_first_records_once() {
    let folder = TestFolder::postgres();
    let (a, b, c) = tokio::join!(folder.open(), folder.open(), folder.open());
    assert_eq!(a.default_account(), b.default_account());
    assert_eq!(a.default_account(), c.default_account());
    for table in [
        "SELECT count(*) FROM accounts",
        "SELECT count(*) FROM issuers",
        "SELECT count(*) FROM peppers",
        "SELECT count(*) FROM state",
    ] {
        assert_eq!(folder.count(table).await, 1, "{table}");
    }
}

#[tokio::test]
async fn changes_of_many_nodes_at_once_have_dense_numbers_and_an_intact_audit_log() {
    let folder = TestFolder::postgres();
    let mut tasks = Vec::new();
    for node in 0..4 {
        let store = folder.open().await;
        tasks.push(tokio::spawn(async move {
            for i in 0..5 {
                let key = new_key(&format!("{node}-{i}"));
                let created = store.create_key(&operator(), key).await.unwrap();
                store
                    .change(&operator(), created.record.id, REVOKE)
                    .await
                    .unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let store = folder.open().await;
    let dense = "SELECT count(*) FROM changes WHERE number <= (SELECT number FROM change_head)";
    assert_eq!(folder.count(dense).await, 40);
    assert_eq!(folder.count("SELECT max(number) FROM changes").await, 40);
    let verified = store.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Intact { records: 40, .. }));
}

#[tokio::test]
async fn logins_at_the_same_instant_on_two_nodes_get_the_same_token() {
    let (folder, clock) = (TestFolder::postgres(), clock());
    let here = Service::open(&folder, &clock).await;
    let there = Service::open(&folder, &clock).await;
    let key = here.create_key("ci").await;
    there.store.catch_up().await.unwrap();
    let (one, other) = tokio::join!(
        here.open_session(&key, Some("phone")),
        there.open_session(&key, Some("phone"))
    );
    assert_eq!(one.unwrap().token.expose(), other.unwrap().token.expose());
    assert_eq!(folder.count("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn master_key_is_never_created() {
    let folder = TestFolder::postgres();
    fs::remove_file(folder.file("countersign.key")).unwrap();
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyMissing(_)), "{error}");
    assert!(!folder.file("countersign.key").exists());
    let mut options = folder.options();
    options.master_key = MasterKey::BesideDatabase;
    let error = Store::open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKeyNotGiven), "{error}");
}

#[tokio::test]
async fn another_master_key_than_that_of_the_database_is_rejected() {
    let folder = TestFolder::postgres();
    folder.open().await.close().await.unwrap();
    let mut options = folder.options();
    let other = TestFolder::postgres();
    options.master_key = other.options().master_key;
    let error = Store::open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::Unseal(_)), "{error}");
}

#[tokio::test]
async fn role_without_rights_to_create_tables_serves_after_a_migration() {
    let folder = TestFolder::postgres();
    let role = format!("node_{}", std::process::id());
    let connect = async |sql: String| {
        let mut connection = folder.connect_to_postgres().await;
        let script = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        script.execute(&mut connection).await.unwrap();
    };
    connect(format!("CREATE ROLE {role} LOGIN")).await;
    let mut limited = folder.options();
    limited.url = limited.url.replace("postgres@", &format!("{role}@"));
    let error = Store::open(limited.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotMigrated), "{error}");

    Store::migrate(&folder.options()).await.unwrap();
    Store::migrate(&folder.options()).await.unwrap();
    let tables = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO";
    connect(format!("{tables} {role}")).await;
    let store = Store::open(limited).await.unwrap();
    store.create_key(&operator(), new_key("ci")).await.unwrap();
    store.close().await.unwrap();
    connect(format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn store_connects_again_after_the_server_ended_its_connections() {
    let folder = TestFolder::postgres();
    let store = folder.open().await;
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    folder
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    // The connection of the follower finds out when it is used.
    assert!(store.catch_up().await.is_err());
    store.catch_up().await.unwrap();
    store
        .change(&operator(), created.record.id, REVOKE)
        .await
        .unwrap();
}

#[tokio::test]
async fn audit_log_cannot_be_changed_or_emptied() {
    let folder = TestFolder::postgres();
    let store = folder.open().await;
    store.create_key(&operator(), new_key("ci")).await.unwrap();
    let mut connection = folder.connect_to_postgres().await;
    for sql in [
        "DELETE FROM audit",
        "UPDATE audit SET actor = ''",
        "TRUNCATE audit",
    ] {
        let done = sqlx::raw_sql(sql).execute(&mut connection).await;
        assert!(done.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn database_in_which_other_tables_have_the_same_names_is_left_alone() {
    let folder = TestFolder::postgres();
    folder.execute("CREATE TABLE sessions (id BIGINT)").await;
    let error = Store::open(folder.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::UnrelatedDatabase), "{error}");
}

#[tokio::test]
async fn tools_of_postgres_back_up_the_database() {
    let folder = TestFolder::postgres();
    let store = folder.open().await;
    let file = folder.file("backup");
    let error = store.backup(&operator(), &file).await.unwrap_err();
    assert!(matches!(error, StoreError::SqliteOnly), "{error}");
    assert!(!file.exists());
    store.close().await.unwrap();
    let restored = Store::restore(&folder.options(), &operator(), &file, None).await;
    assert!(matches!(restored.unwrap_err(), StoreError::SqliteOnly));
}

#[tokio::test]
async fn server_that_does_not_answer_is_an_error_that_does_not_tell_the_password() {
    let folder = TestFolder::postgres();
    let mut options = folder.options();
    options.url = "postgres://me:swordfish@127.0.0.1:1/auth".to_owned();
    let error = Store::open(options.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error}");
    assert!(!format!("{error:?} {error} {options:?}").contains("swordfish"));
    let elsewhere = StoreOptions::new("postgres://me:swordfish@db.example/auth?sslmode=require");
    let error = elsewhere.check_url().unwrap_err();
    assert!(matches!(error, StoreError::InsecureUrl), "{error}");
    assert!(!format!("{error:?} {error} {elsewhere:?}").contains("swordfish"));
}

#[tokio::test]
async fn name_that_postgres_cannot_store_is_an_error_and_changes_nothing() {
    let folder = TestFolder::postgres();
    let store = folder.open().await;
    let created = store.create_key(&operator(), new_key("nul\0")).await;
    assert!(matches!(created, Err(RegistryError::Unavailable(_))));
    store.create_key(&operator(), new_key("ci")).await.unwrap();
    assert_eq!(folder.count("SELECT number FROM change_head").await, 1);
}

#[tokio::test]
async fn nodes_behind_a_pooler_in_transaction_mode_share_its_connections() {
    let folder = TestFolder::postgres();
    let direct = folder.options();
    let pooler = Pooler::start(&direct.url);
    let mut pooled = direct.clone();
    pooled.url = pooler.url().to_owned();
    let nodes = [
        Store::open(pooled.clone()).await.unwrap(),
        Store::open(pooled.clone()).await.unwrap(),
        Store::open(pooled).await.unwrap(),
    ];
    let mut tasks = Vec::new();
    for store in nodes.clone() {
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
                let id = created.record.id;
                store.show(&operator(), id).await.unwrap();
                store.change(&operator(), id, REVOKE).await.unwrap();
                store.list_audit(&operator(), None, 10).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let node = Store::open(direct).await.unwrap();
    let verified = node.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Intact { records: 30, .. }));
    assert_eq!(folder.count("SELECT number FROM change_head").await, 30);
    for store in nodes {
        store.catch_up().await.unwrap();
        store.verify_audit(None).await.unwrap();
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn node_follows_the_standby_that_becomes_the_primary() {
    let folder = TestFolder::postgres();
    let primary = Cluster::temporary();
    let standby = primary.standby();
    let mut options = folder.options();
    options.url = standby.url("postgres");
    let error = Store::open(options.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Standby), "{error}");
    let (one, other) = (primary.port(), standby.port());
    options.url = format!("postgres://postgres@127.0.0.1:{other},127.0.0.1:{one}/postgres");
    let store = Store::open(options).await.unwrap();
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let id = created.record.id;
    store.change(&operator(), id, REVOKE).await.unwrap();
    assert!(store.wait_for_nodes(Duration::ZERO).await.durable);

    primary.crash();
    assert!(store.catch_up().await.is_err());
    standby.promote();
    store.catch_up().await.unwrap();
    let view = store.directory();
    assert_eq!(view.credential(&id).unwrap().status, Status::Revoked);
    assert_eq!(view.lowest_generation(&id), Some(2));
    store
        .create_key(&operator(), new_key("next"))
        .await
        .unwrap();
    let verified = store.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Intact { records: 3, .. }));
    let receipt = store.wait_for_nodes(Duration::ZERO).await;
    assert!(receipt.is_complete() && !receipt.durable, "{receipt:?}");
}

/// Makes changes until a node that polls once an hour has seen one. It is woken ten times a second at most.
async fn seen(writer: &Store, node: &Store, id: Id, status: Status) {
    let view = node.directory();
    let seen = async {
        while view.credential(&id).map(|found| found.status) != Some(status) {
            // The connection may have been ended.
            let _ = writer.create_key(&operator(), new_key("other")).await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, seen).await.unwrap();
}

const LISTENING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN %'";

#[tokio::test]
async fn node_is_woken_by_a_commit_also_after_its_listening_connection_was_ended() {
    let folder = TestFolder::postgres();
    let writer = folder.open().await;
    let mut options = folder.options();
    options.poll_period = Some(Duration::from_secs(3600));
    let node = Store::open(options).await.unwrap();
    for _ in 0..2 {
        let created = writer.create_key(&operator(), new_key("ci")).await.unwrap();
        let id = created.record.id;
        // The node reads the log once when it begins to listen, and then only when it is woken.
        seen(&writer, &node, id, Status::Active).await;
        writer.change(&operator(), id, REVOKE).await.unwrap();
        seen(&writer, &node, id, Status::Revoked).await;
        assert_eq!(folder.count(LISTENING).await, 1);
        folder
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND query LIKE 'LISTEN %'",
            )
            .await;
    }
    node.close().await.unwrap();
}

#[tokio::test]
async fn node_behind_a_pooler_does_not_listen_and_follows_all_the_same() {
    let folder = TestFolder::postgres();
    let pooler = Pooler::start(&folder.options().url);
    let mut pooled = folder.options();
    pooled.url = pooler.url().to_owned();
    pooled.poll_period = Some(Duration::from_millis(50));
    let writer = folder.open().await;
    let node = Store::open(pooled).await.unwrap();
    for _ in 0..10 {
        let created = writer.create_key(&operator(), new_key("ci")).await.unwrap();
        seen(&writer, &node, created.record.id, Status::Active).await;
        assert_eq!(folder.count(LISTENING).await, 0);
    }
    node.close().await.unwrap();
}

#[tokio::test]
async fn key_that_was_revoked_after_a_backup_does_not_work_after_its_restore() {
    let folder = TestFolder::postgres();
    let store = folder.open().await;
    let follower = folder.open().await;
    let kept = store
        .create_key(&operator(), new_key("kept"))
        .await
        .unwrap();
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    let (kept, id) = (kept.record.id, created.record.id);
    store.change(&operator(), id, REVOKE).await.unwrap();
    follower.catch_up().await.unwrap();
    store.close().await.unwrap();
    // What a restore of an earlier state leaves behind.
    folder
        .execute(
            "DELETE FROM changes WHERE number = 3; UPDATE change_head SET number = 2; DELETE FROM denials;
             UPDATE credentials SET status = 'active', generation = 1",
        )
        .await;
    let store = folder.open().await;
    let restored = store.begin_history(&operator(), None).await.unwrap();
    assert_eq!(restored.suspended, 2);
    follower.catch_up().await.unwrap();
    for store in [&store, &follower] {
        let view = store.directory();
        for id in [kept, id] {
            assert_eq!(view.credential(&id).unwrap().status, Status::Suspended);
            assert_eq!(view.lowest_generation(&id), Some(2));
        }
    }
    store.verify_audit(None).await.unwrap();
}
