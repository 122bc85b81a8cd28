//! Restoring backups.

mod lost;
mod rejected;
mod replayed;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign::Id;
use countersign::directory::Status;
use countersign::registry::{Record, Registry as _};
use countersign::time::Timestamp;
use countersign_store::{Restored, Store, StoreError, Verified};

use crate::support::{TestFolder, new_key, operator};

/// The time of the clock in all tests.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Restores `b.db`.
async fn restore(folder: &TestFolder) -> Result<Restored, StoreError> {
    Store::restore(&folder.options(), &operator(), &folder.file("b.db"), None).await
}

async fn accept_loss(folder: &TestFolder, since: Timestamp) -> Result<Restored, StoreError> {
    Store::restore(
        &folder.options(),
        &operator(),
        &folder.file("b.db"),
        Some(since),
    )
    .await
}

/// Creates a key, and then the backup `b.db`.
async fn backed_up(folder: &TestFolder) -> (Store, Id) {
    let store = folder.open().await;
    store.signing_keys("default", None).await.unwrap();
    let id = store
        .create_key(&operator(), new_key("ci"))
        .await
        .unwrap()
        .record
        .id;
    store
        .backup(&operator(), &folder.file("b.db"))
        .await
        .unwrap();
    (store, id)
}

async fn show(folder: &TestFolder, id: Id) -> Record {
    folder.open().await.show(&operator(), id).await.unwrap()
}

async fn status(folder: &TestFolder, id: Id) -> Status {
    show(folder, id).await.status
}

#[track_caller]
fn records(verified: Verified) -> i64 {
    let records = match verified {
        Verified::Intact { records, .. } => Some(records),
        _ => None,
    };
    records.unwrap_or_else(|| unreachable!("{verified:?}"))
}

/// Returns all rows of all tables.
async fn dump(folder: &TestFolder, name: &str) -> BTreeMap<String, Vec<String>> {
    let mut connection = folder.connect_to(name).await;
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT t.name, group_concat('quote(\"' || c.name || '\")', ' || '' '' || ')
         FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'
         GROUP BY t.name",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut dump = BTreeMap::new();
    for (table, columns) in tables {
        let query = format!("SELECT {columns} AS row FROM {table} ORDER BY row");
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        dump.insert(table, rows);
    }
    dump
}

/// Returns the names of the files in the folder, sorted.
fn files(folder: &TestFolder) -> Vec<String> {
    let folder = fs::read_dir(folder.file(".")).unwrap();
    let names = folder.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
