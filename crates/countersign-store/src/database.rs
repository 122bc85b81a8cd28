//! Connections: one that writes, one that reads, and the follower's own.

use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use crate::error::StoreError;
use crate::master_key::{private, sync_folder};

/// Older ones can damage a database whose log is reset while another connection writes.
const OLDEST: [u32; 3] = [3, 51, 3];
/// How long SQLite waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);
/// SQLite's primary result code for it.
const SQLITE_BUSY: i32 = 5;

/// Makes the file, if there is none, before SQLite does: its log and its index inherit the mode.
pub(crate) fn create_file(path: &Path) -> Result<(), StoreError> {
    let made = match private().open(path) {
        Ok(_) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    made.map_err(|source| StoreError::File {
        path: path.to_owned(),
        source,
    })
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // NORMAL loses acknowledged commits when the power goes.
        .synchronous(SqliteSynchronous::Full)
        // Ten polls a second would fill a debug log.
        .disable_statement_logging()
}

fn read_only(path: &Path) -> SqliteConnectOptions {
    options(path).pragma("query_only", "ON")
}

/// The one connection that writes. SQLite takes one writer at a time: waiting here is fair, waiting
/// for its lock is not.
pub(crate) fn writer(path: &Path) -> SqlitePool {
    single(options(path))
}

/// The connection for lists and look-ups.
pub(crate) fn reader(path: &Path) -> SqlitePool {
    single(read_only(path))
}

/// How the follower connects. Not a pool: what `PRAGMA data_version` says is of one connection.
pub(crate) fn follower(path: &Path) -> SqliteConnectOptions {
    read_only(path)
}

fn single(options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // When the disk fails, SQLite ends the transaction itself, and the driver goes on counting
        // one: such a connection could never begin another, and nothing could be revoked.
        .before_acquire(|connection, _| {
            let lost = connection.is_in_transaction();
            Box::pin(async move { Ok(!lost) })
        })
        .connect_lazy_with(options)
}

pub(crate) async fn check_library(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await?;
    if is_sound(&found) {
        Ok(())
    } else {
        Err(StoreError::SqliteTooOld { found })
    }
}

fn is_sound(version: &str) -> bool {
    let parts: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    parts.is_ok_and(|parts| parts.as_slice() >= OLDEST.as_slice())
}

/// Switches to the write-ahead log, once for the life of the file.
pub(crate) async fn keep_log(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL")
            .fetch_one(&mut *connection)
            .await;
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(StoreError::NoWriteAheadLog),
            // SQLite does not wait for this one lock: another process is starting, too.
            Err(error) if is_busy(&error) && waited < BUSY => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_rejected_when_older_than_the_repair_of_its_log() {
        for sound in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(is_sound(sound), "{sound}");
        }
        for unsound in ["3.51.2", "3.50.9", "3.7.0", "2.99.99", "", "new"] {
            assert!(!is_sound(unsound), "{unsound}");
        }
    }
}
