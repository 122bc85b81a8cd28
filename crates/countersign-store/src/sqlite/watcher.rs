use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::Connection;
use crate::error::Result;
use crate::files::FileIdentity;

/// Detects commits of other connections. It has one connection of its own, because `PRAGMA data_version` compares with
/// what the same connection saw before.
pub(crate) struct Watcher {
    options: SqliteConnectOptions,
    identity: FileIdentity,
    connection: Option<Connection>,
    /// The version of the data that was read with the connection.
    seen: Option<i64>,
}

impl Watcher {
    pub(super) const fn new(options: SqliteConnectOptions, identity: FileIdentity) -> Self {
        Self {
            options,
            identity,
            connection: None,
            seen: None,
        }
    }

    /// Takes the connection, which is a new one after a failure. The caller puts it back after success.
    pub(crate) async fn take(&mut self) -> Result<Connection> {
        // What SQLite reads from a file that has lost its name is outdated.
        self.identity.check()?;
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        self.seen = None;
        let connection = self.options.connect().await?;
        // Another file may have got the name just before.
        self.identity.check()?;
        Ok(connection)
    }

    /// Returns the version of the data if another connection has committed since the connection was put back with a
    /// version. This does not read the file while nothing changes. It must run outside of a transaction to see the present.
    pub(crate) async fn new_version(&self, connection: &mut Connection) -> Result<Option<i64>> {
        let version = fetch_scalar!(connection, "PRAGMA data_version");
        Ok(Some(version).filter(|version| self.seen != Some(*version)))
    }

    /// Puts the connection back, with which the data of a new version was read.
    pub(crate) fn put_back(&mut self, connection: Connection, read: Option<i64>) {
        self.connection = Some(connection);
        self.seen = read.or(self.seen);
    }

    pub(crate) async fn close(&mut self) -> Result<()> {
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }
}
