//! What only SQLite has: its files, its locks and its schema. The statements are in `sql`.

pub(crate) mod backup;
mod exclusive;
mod pools;
pub(crate) mod replay;
pub(crate) mod schema;
mod watcher;

pub(crate) use exclusive::Exclusive;
pub(crate) use pools::{Pools, is_sound};
pub(crate) use watcher::Watcher;

/// Opens a new database in memory, with all tables.
#[cfg(test)]
pub(crate) async fn memory() -> crate::sql::Connection {
    schema::memory().await.unwrap()
}

/// Returns how SQLite runs a query, one step on each line.
#[cfg(test)]
pub(crate) async fn plan(db: &mut crate::sql::Connection, query: &str) -> String {
    let crate::sql::Connection::Sqlite(db) = db else {
        panic!("not SQLite");
    };
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
    let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explained)
        .fetch_all(&mut **db)
        .await
        .unwrap();
    let steps: Vec<_> = steps.into_iter().map(|(_, _, _, step)| step).collect();
    steps.join("\n")
}
