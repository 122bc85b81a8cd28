use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::pools::{is_busy, switch_journal};
use crate::error::{Result, StoreError};
use crate::sql::{Access, Connection, Held};

/// How long to wait for other processes: long enough for a command to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection to a database that no other process may have open.
pub(crate) struct Exclusive {
    pub(crate) connection: Connection,
    path: PathBuf,
}

impl Exclusive {
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging();
        Ok(Self {
            connection: Connection::Sqlite(Held::Own(options.connect().await?)),
            path: path.to_owned(),
        })
    }

    /// Locks the database until the connection is closed: no process can write to it or use a log beside it.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if another process has the database open, or that the database cannot be read.
    pub(crate) async fn lock(&mut self) -> Result<()> {
        let db = &mut self.connection;
        let locked = async {
            // SQLite does this only for the only connection, after it wrote the log back into the file.
            let before = switch_journal(db, "PRAGMA journal_mode = DELETE", BUSY_TIMEOUT).await?;
            db.begin(Access::Write).await?;
            // Another process may have gone back to a log in the meantime.
            let now = db.fetch_scalar("PRAGMA journal_mode", &[]).await?;
            Ok([before, now])
        };
        match locked.await {
            Ok(modes) if modes.iter().all(|mode| mode == "delete") => Ok(()),
            Err(error) if !is_busy(&error) => Err(error),
            _ => Err(StoreError::InUse(self.path.clone())),
        }
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.connection.close().await
    }
}
