use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Connection, Transaction};
use crate::error::Result;
use crate::files::FileIdentity;

/// Detects commits of other connections. It has one connection of its own, because `PRAGMA data_version` compares with
/// what the same connection saw before.
pub(crate) struct Watcher {
    options: SqliteConnectOptions,
    identity: FileIdentity,
    watched: Option<Watched>,
}

/// The connection, and the last commit that was read with it.
pub(crate) struct Watched {
    connection: Connection,
    seen: Option<i64>,
}

impl Watcher {
    pub(super) const fn new(options: SqliteConnectOptions, identity: FileIdentity) -> Self {
        Self {
            options,
            identity,
            watched: None,
        }
    }

    /// Takes the connection, which is a new one after a failure. The caller puts it back after success.
    pub(crate) async fn take(&mut self) -> Result<Watched> {
        // What SQLite reads from a file that has lost its name is outdated.
        self.identity.check()?;
        if let Some(watched) = self.watched.take() {
            return Ok(watched);
        }
        let connection = self.options.connect().await?;
        // Another file may have got the name just before.
        self.identity.check()?;
        Ok(Watched {
            connection,
            seen: None,
        })
    }

    pub(crate) fn put_back(&mut self, watched: Watched) {
        self.watched = Some(watched);
    }

    pub(crate) async fn close(&mut self) -> Result<()> {
        match self.watched.take() {
            Some(watched) => Ok(watched.connection.close().await?),
            None => Ok(()),
        }
    }
}

impl Watched {
    /// Returns the version of the data if another connection has committed since [`set_seen`](Self::set_seen). This
    /// does not read the file while nothing changes. It must run outside of a transaction to see the present.
    pub(crate) async fn new_version(&mut self) -> Result<Option<i64>> {
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut self.connection)
            .await?;
        Ok((self.seen != Some(version)).then_some(version))
    }

    pub(crate) const fn set_seen(&mut self, version: i64) {
        self.seen = Some(version);
    }

    /// Begins a transaction that reads the database as it is at one moment.
    pub(crate) async fn snapshot(&mut self) -> Result<Transaction<'_>> {
        Ok(self.connection.begin().await?)
    }
}
