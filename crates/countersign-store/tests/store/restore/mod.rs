//! Backups in the place of the database.

mod lost;
mod refused;
mod replayed;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign::Id;
use countersign::directory::Status;
use countersign::registry::{Record, Registry as _};
use countersign::time::Timestamp;
use countersign_store::{Restored, Store, StoreError, Verified};

use crate::support::{Place, key, me};

/// The clock of every place stands still at this moment.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Restores `b.db`.
async fn restore(place: &Place) -> Result<Restored, StoreError> {
    Store::restore(&place.options(), &me(), &place.file("b.db"), None).await
}

async fn accept_loss(place: &Place, since: Timestamp) -> Result<Restored, StoreError> {
    Store::restore(&place.options(), &me(), &place.file("b.db"), Some(since)).await
}

/// A key, and then a backup, `b.db`.
async fn backed_up(place: &Place) -> (Store, Id) {
    let store = place.open().await;
    store.signing_keys("default", None).await.unwrap();
    let id = store.create_key(&me(), key("ci")).await.unwrap().record.id;
    store.backup(&me(), &place.file("b.db")).await.unwrap();
    (store, id)
}

async fn show(place: &Place, id: Id) -> Record {
    place.open().await.show(&me(), id).await.unwrap()
}

async fn status(place: &Place, id: Id) -> Status {
    show(place, id).await.status
}

#[track_caller]
fn records(verified: Verified) -> i64 {
    let records = match verified {
        Verified::Intact { records, .. } => Some(records),
        _ => None,
    };
    records.unwrap_or_else(|| unreachable!("{verified:?}"))
}

/// All rows of all tables.
async fn dump(place: &Place, name: &str) -> BTreeMap<String, Vec<String>> {
    let mut connection = place.intrude_into(name).await;
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

/// The files in the folder, sorted.
fn files(place: &Place) -> Vec<String> {
    let folder = fs::read_dir(place.file(".")).unwrap();
    let names = folder.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
