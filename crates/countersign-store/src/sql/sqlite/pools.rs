//! Connections: one that writes, some for look-ups and some for lists, one for long reads, and one that follows the change
//! log.

use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use super::{Watcher, schema};
use crate::error::{Result, StoreError, has_code};
use crate::files::{FileIdentity, private, sync_folder};
use crate::sql::{Access, Connection, Purpose};

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
pub(crate) struct Pools {
    writer: SqlitePool,
    reader: SqlitePool,
    session_reader: SqlitePool,
    list_reader: SqlitePool,
    long_reader: SqlitePool,
    identity: FileIdentity,
}

impl Pools {
    /// Connects to the file, which it creates if it does not exist, and checks that it can be used.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        create_file(path).map_err(|source| StoreError::file(path, source))?;
        let pools = Self {
            // SQLite allows one writer at a time. Waiting for this pool is fair, waiting for the lock is not.
            writer: pool(options(path), 1),
            reader: pool(read_only(path), READERS),
            session_reader: pool(read_only(path), SESSION_READERS),
            list_reader: pool(read_only(path), LIST_READERS),
            // It may write to another file, which a backup does.
            long_reader: pool(options(path), 1),
            identity: FileIdentity::of(path)?,
        };
        let mut writer = pools.acquire(Purpose::Write).await?;
        check_library(&mut writer).await?;
        // Before the write-ahead log is used: the database of another application is left alone.
        schema::inspect(&mut writer).await?;
        use_write_ahead_log(&mut writer).await?;
        drop(writer);
        Ok(pools)
    }

    /// Returns a connection that is in no transaction.
    pub(crate) async fn acquire(&self, purpose: Purpose) -> Result<Connection> {
        let acquired = self.pool(purpose).acquire().await;
        self.check(acquired.map_err(StoreError::from))
            .map(|connection| Connection::Sqlite(connection.into()))
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self, purpose: Purpose, access: Access) -> Result<Connection> {
        let begun = async {
            let acquired = self.pool(purpose).acquire().await?;
            let mut connection = Connection::Sqlite(acquired.into());
            connection.begin(access).await?;
            Ok::<_, StoreError>(connection)
        };
        self.check(begun.await)
    }

    const fn pool(&self, purpose: Purpose) -> &SqlitePool {
        match purpose {
            Purpose::Write => &self.writer,
            Purpose::LookUp => &self.reader,
            Purpose::Session => &self.session_reader,
            Purpose::List => &self.list_reader,
            Purpose::ReadAll => &self.long_reader,
        }
    }

    pub(crate) fn watcher(&self) -> Watcher {
        Watcher::new(read_only(&self.identity.path), self.identity.clone())
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
    fn check<T>(&self, connection: Result<T>) -> Result<T> {
        self.identity.check()?;
        connection.map_err(|error| error.at(&self.identity.path))
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
        // SQLite runs on a thread of its own, which waits for its reader after so many rows.
        .row_buffer_size(512)
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

async fn check_library(connection: &mut Connection) -> Result<()> {
    let found: String = fetch_scalar!(connection, "SELECT sqlite_version()");
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
async fn use_write_ahead_log(connection: &mut Connection) -> Result<()> {
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
) -> Result<String> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match connection.fetch_scalar(pragma, &[]).await {
            Err(error) if is_busy(&error) && waited < timeout => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
            mode => return mode,
        }
    }
}

pub(super) fn is_busy(error: &StoreError) -> bool {
    let StoreError::Database(source) = error else {
        return false;
    };
    let error = source.downcast_ref();
    error.is_some_and(|error| has_code(error, SQLITE_BUSY))
}

/// Returns whether SQLite finds no fault in any page, index or reference.
pub(crate) async fn is_sound(connection: &mut Connection) -> Result<bool> {
    let result: String = fetch_scalar!(connection, "PRAGMA integrity_check(1)");
    let dangling = connection.fetch_optional("PRAGMA foreign_key_check", &[]);
    let dangling = dangling.await?;
    Ok(result == "ok" && dangling.is_none())
}

#[cfg(test)]
mod tests {
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

    async fn pools() -> (tempfile::TempDir, Pools) {
        let folder = tempfile::tempdir().unwrap();
        let pools = Pools::open(&folder.path().join("countersign.db"))
            .await
            .unwrap();
        let mut writer = pools.acquire(Purpose::Write).await.unwrap();
        schema::create(&mut writer).await.unwrap();
        drop(writer);
        (folder, pools)
    }

    #[tokio::test]
    async fn every_commit_is_synced_and_goes_through_the_log() {
        let (_folder, pools) = pools().await;
        let mut writer = pools.acquire(Purpose::Write).await.unwrap();
        let full: i64 = writer
            .fetch_scalar("PRAGMA synchronous", &[])
            .await
            .unwrap();
        let mode: String = writer
            .fetch_scalar("PRAGMA journal_mode", &[])
            .await
            .unwrap();
        let keys: i64 = writer
            .fetch_scalar("PRAGMA foreign_keys", &[])
            .await
            .unwrap();
        assert_eq!((full, mode.as_str(), keys), (2, "wal", 1));
    }

    #[tokio::test]
    async fn look_up_waits_for_no_list_and_no_session() {
        let (_folder, pools) = pools().await;
        let mut held = Vec::new();
        for _ in 0..LIST_READERS {
            held.push(pools.begin(Purpose::List, Access::Read).await.unwrap());
        }
        for _ in 0..SESSION_READERS {
            held.push(pools.begin(Purpose::Session, Access::Read).await.unwrap());
        }
        assert!(pools.list_reader.try_acquire().is_none());
        assert!(pools.session_reader.try_acquire().is_none());
        pools.acquire(Purpose::LookUp).await.unwrap();
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let (_folder, pools) = pools().await;
        let delete = || sqlx::query("DELETE FROM issuers");
        assert!(delete().execute(&pools.reader).await.is_err());
        assert!(delete().execute(&pools.list_reader).await.is_err());
        assert!(delete().execute(&pools.writer).await.is_ok());
    }
}
