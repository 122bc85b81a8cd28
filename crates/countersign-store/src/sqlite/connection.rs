//! Connections: one that writes, some for look-ups and some for lists, one for long reads, and one that follows the change
//! log.

use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};
use tokio::sync::Mutex;

use super::{Connection, Transaction, Watcher};
use crate::error::{Result, StoreError, has_code};
use crate::files::{FileIdentity, private, sync_folder};

/// Older versions can damage a database if its log is reset while another connection writes.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
/// How long SQLite waits for the lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The primary result codes of SQLite for a locked database, and for a file that it cannot open.
const SQLITE_BUSY: i32 = 5;

/// How many look-ups run at once.
const READERS: u32 = 4;
/// How many requests look for their session at once.
const SESSION_READERS: u32 = 2;
/// How many lists are read at once.
const LIST_READERS: u32 = 2;

/// The connections of a store to its database file.
pub(crate) struct Database {
    writer: SqlitePool,
    /// Where changes wait before they wait for the writer, except for revocations.
    queue: Mutex<()>,
    reader: SqlitePool,
    /// Apart from look-ups, with which every change begins: every credential may open sessions, and hundreds may wait.
    session_reader: SqlitePool,
    /// Apart from look-ups, with which every revocation begins: they never wait for lists.
    list_reader: SqlitePool,
    long_reader: SqlitePool,
    identity: FileIdentity,
}

impl Database {
    /// Connects to the file, which it creates if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        create_file(path).map_err(|source| StoreError::file(path, source))?;
        Ok(Self {
            // SQLite allows one writer at a time. Waiting for this pool is fair, waiting for the lock is not.
            writer: pool(options(path), 1),
            queue: Mutex::default(),
            reader: pool(read_only(path), READERS),
            session_reader: pool(read_only(path), SESSION_READERS),
            list_reader: pool(read_only(path), LIST_READERS),
            // It may write to another file, which a backup does.
            long_reader: pool(options(path), 1),
            identity: FileIdentity::of(path)?,
        })
    }

    /// Begins a transaction that writes from its beginning: one that reads first may be unable to write later.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static>> {
        let _turn = self.queue.lock().await;
        self.begin_revocation().await
    }

    /// Begins a transaction that writes, before all others that wait in [`begin`](Self::begin) but the first.
    pub(crate) async fn begin_revocation(&self) -> Result<Transaction<'static>> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await;
        self.check(transaction)
    }

    /// Returns the connection that writes.
    pub(crate) async fn writer(&self) -> Result<PoolConnection<Sqlite>> {
        self.check(self.writer.acquire().await)
    }

    /// Returns a connection for look-ups.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.check(self.reader.acquire().await)
    }

    /// Returns a connection for lists and counts.
    pub(crate) async fn list_reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.check(self.list_reader.acquire().await)
    }

    /// Returns the connection for reading the whole database, for which only other long reads wait.
    pub(crate) async fn long_reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.check(self.long_reader.acquire().await)
    }

    /// Begins a transaction that looks for a session in the database as it is at one moment.
    pub(crate) async fn session_snapshot(&self) -> Result<Transaction<'static>> {
        self.check(self.session_reader.begin().await)
    }

    /// Begins a transaction that lists what is in the database at one moment.
    pub(crate) async fn list_snapshot(&self) -> Result<Transaction<'static>> {
        self.check(self.list_reader.begin().await)
    }

    pub(crate) fn watcher(&self, path: &Path) -> Watcher {
        Watcher::new(read_only(path), self.identity.clone())
    }

    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.session_reader.close().await;
        self.list_reader.close().await;
        self.long_reader.close().await;
        // Last: the last connection to close writes the log back into the file, which readers may not do.
        self.writer.close().await;
    }

    /// Checks that the file is still the one that was opened: what was acknowledged must be in the file that the next
    /// process opens. The check comes after the connection, which may be new, and before its error, which says less.
    fn check<T>(&self, connection: Result<T, sqlx::Error>) -> Result<T> {
        self.identity.check()?;
        connection.map_err(|error| StoreError::from(error).at(&self.identity.path))
    }
}

/// Creates the file before SQLite does, so that its log and its index inherit the file mode.
fn create_file(path: &Path) -> io::Result<()> {
    match private().open(path) {
        Ok(_) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // NORMAL loses acknowledged commits in a power failure.
        .synchronous(SqliteSynchronous::Full)
        // Fifty polls a second would fill a debug log.
        .disable_statement_logging()
}

fn read_only(path: &Path) -> SqliteConnectOptions {
    options(path).pragma("query_only", "ON")
}

fn pool(options: SqliteConnectOptions, connections: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        // When the disk fails, SQLite ends the transaction itself, and the driver still counts one: such a connection
        // could never begin another transaction, and nothing could be revoked.
        .before_acquire(|connection, _| {
            let lost = connection.is_in_transaction();
            Box::pin(async move { Ok(!lost) })
        })
        .connect_lazy_with(options)
}

pub(crate) async fn check_library(connection: &mut Connection) -> Result<()> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await?;
    if is_safe(&found) {
        Ok(())
    } else {
        Err(StoreError::SqliteTooOld(found))
    }
}

fn is_safe(version: &str) -> bool {
    let parts: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    parts.is_ok_and(|parts| parts.as_slice() >= OLDEST_SQLITE.as_slice())
}

/// Switches to the write-ahead log, which the file then uses for good.
pub(crate) async fn use_write_ahead_log(connection: &mut Connection) -> Result<()> {
    match switch_journal(connection, "PRAGMA journal_mode = WAL", BUSY_TIMEOUT).await? {
        mode if mode == "wal" => Ok(()),
        _ => Err(StoreError::NoWriteAheadLog),
    }
}

/// Changes the journal mode, and returns the mode that the database has then. SQLite does not wait for this lock
/// itself, which another process may hold that is starting or ending.
pub(super) async fn switch_journal(
    connection: &mut Connection,
    pragma: &'static str,
    timeout: Duration,
) -> Result<String, sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        let mode = sqlx::query_scalar(pragma).fetch_one(&mut *connection).await;
        match mode {
            Err(error) if is_busy(&error) && waited < timeout => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
            mode => return mode,
        }
    }
}

pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    has_code(error, SQLITE_BUSY)
}

/// Returns whether SQLite finds no fault in any page, index or reference.
pub(crate) async fn is_sound(connection: &mut Connection) -> Result<bool> {
    let result: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut *connection)
        .await?;
    let dangling = sqlx::query("PRAGMA foreign_key_check")
        .fetch_optional(connection)
        .await?;
    Ok(result == "ok" && dangling.is_none())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn library_is_rejected_if_it_is_older_than_the_repair_of_its_log() {
        for safe in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_version in ["3.51.2", "3.50.9", "3.7.0", "2.99.99", "", "new"] {
            assert!(!is_safe(unsafe_version), "{unsafe_version}");
        }
    }

    async fn database() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("countersign.db")).unwrap();
        let mut writer = database.writer().await.unwrap();
        use_write_ahead_log(&mut writer).await.unwrap();
        super::super::schema::create(&mut writer).await.unwrap();
        drop(writer);
        (folder, database)
    }

    #[tokio::test]
    async fn every_commit_is_synced_and_goes_through_the_log() {
        let (_folder, database) = database().await;
        let mut writer = database.writer().await.unwrap();
        let full: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut *writer)
            .await
            .unwrap();
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut *writer)
            .await
            .unwrap();
        let keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
            .fetch_one(&mut *writer)
            .await
            .unwrap();
        assert_eq!((full, mode.as_str(), keys), (2, "wal", 1));
    }

    #[tokio::test]
    async fn revocation_waits_for_the_first_of_many_changes_only() {
        let (_folder, database) = database().await;
        let database = Arc::new(database);
        let held = database.begin().await.unwrap();
        let (order, mut begun) = tokio::sync::mpsc::unbounded_channel();
        for is_revocation in [false, false, false, true] {
            let (database, order) = (Arc::clone(&database), order.clone());
            tokio::spawn(async move {
                let transaction = match is_revocation {
                    true => database.begin_revocation().await,
                    false => database.begin().await,
                };
                order.send(is_revocation).unwrap();
                transaction.unwrap().rollback().await.unwrap();
            });
        }
        // Now all of them wait, in this order.
        tokio::task::yield_now().await;
        held.rollback().await.unwrap();
        let mut order = Vec::new();
        while order.len() < 2 {
            order.extend(begun.recv().await);
        }
        assert_eq!(order, [false, true]);
    }

    #[tokio::test]
    async fn look_up_waits_for_no_list_and_no_session() {
        let (_folder, database) = database().await;
        let mut held = Vec::new();
        for _ in 0..LIST_READERS {
            held.push(database.list_snapshot().await.unwrap());
        }
        for _ in 0..SESSION_READERS {
            held.push(database.session_snapshot().await.unwrap());
        }
        assert!(database.list_reader.try_acquire().is_none());
        assert!(database.session_reader.try_acquire().is_none());
        database.reader().await.unwrap();
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let (_folder, database) = database().await;
        let delete = || sqlx::query("DELETE FROM issuers");
        assert!(delete().execute(&database.reader).await.is_err());
        assert!(delete().execute(&database.list_reader).await.is_err());
        assert!(delete().execute(&database.writer).await.is_ok());
    }
}
