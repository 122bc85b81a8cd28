use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, SqlitePool};

use super::connection::{is_busy, switch_journal};
use super::{Connection, Transaction};
use crate::error::{Result, StoreError};

/// How long to wait for other processes: long enough for a command to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection to a database that no other process may have open.
pub(crate) struct Exclusive {
    pool: SqlitePool,
    path: PathBuf,
}

impl Exclusive {
    pub(crate) fn new(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1);
        Self {
            pool: pool.idle_timeout(None).connect_lazy_with(options),
            path: path.to_owned(),
        }
    }

    pub(crate) async fn connection(&self) -> Result<PoolConnection<Sqlite>> {
        Ok(self.pool.acquire().await?)
    }

    /// Takes the write-ahead log out of use. SQLite does this only for the only connection, after it wrote the log back
    /// into the file.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if another process has the database open, or that the database cannot be read.
    pub(crate) async fn leave_write_ahead_log(&self, connection: &mut Connection) -> Result<()> {
        let mode = switch_journal(connection, "PRAGMA journal_mode = DELETE", BUSY_TIMEOUT).await;
        self.check_mode(&mode.map_err(|error| self.error(error))?)
    }

    /// Begins a transaction that writes from its beginning.
    ///
    /// # Errors
    ///
    /// As [`leave_write_ahead_log`](Self::leave_write_ahead_log).
    pub(crate) async fn begin(&self) -> Result<Transaction<'static>> {
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await;
        transaction.map_err(|error| self.error(error))
    }

    /// Checks that no other process has gone back to a write-ahead log in the meantime.
    pub(crate) async fn check_journal(&self, connection: &mut Connection) -> Result<()> {
        let mode: String = fetch_scalar!(connection, "PRAGMA journal_mode");
        self.check_mode(&mode)
    }

    pub(crate) async fn commit(&self, transaction: Transaction<'_>) -> Result<()> {
        transaction
            .commit()
            .await
            .map_err(|error| self.error(error))
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    fn check_mode(&self, mode: &str) -> Result<()> {
        match mode {
            "delete" => Ok(()),
            _ => Err(self.in_use()),
        }
    }

    fn error(&self, error: sqlx::Error) -> StoreError {
        if is_busy(&error) {
            self.in_use()
        } else {
            error.into()
        }
    }

    fn in_use(&self) -> StoreError {
        StoreError::InUse(self.path.clone())
    }
}
