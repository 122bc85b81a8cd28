use super::Connection;
use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::sql::postgres;
use crate::sql::sqlite;

/// Detects commits of other connections. It has one connection of its own.
pub(crate) enum Watcher {
    Sqlite(sqlite::Watcher),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Watcher),
}

/// What has happened since the database was read last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    Nothing,
    /// There may be changes.
    Changes,
    /// Another server took the place of the one that was read: it may have lost changes.
    Failover,
}

impl Watcher {
    /// Takes the connection, which is a new one after a failure. The caller puts it back after success.
    pub(crate) async fn take(&mut self) -> Result<Connection> {
        match self {
            Self::Sqlite(watcher) => watcher.take().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(watcher) => watcher.take().await,
        }
    }

    /// Compares the database with what was read when the connection was put back last. It must run outside of a transaction
    /// to see the present.
    pub(crate) async fn news(&mut self, connection: &mut Connection) -> Result<News> {
        match self {
            Self::Sqlite(watcher) => watcher.news(connection).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(watcher) => watcher.news(connection).await,
        }
    }

    /// Returns the timeline of the server that the news were read from, if it has one.
    pub(crate) fn timeline(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            #[cfg(feature = "postgres")]
            Self::Postgres(watcher) => watcher.timeline(),
        }
    }

    /// Puts the connection back, with which the news were read.
    pub(crate) fn put_back(&mut self, connection: Connection) {
        match self {
            Self::Sqlite(watcher) => watcher.put_back(connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(watcher) => watcher.put_back(connection),
        }
    }

    pub(crate) async fn close(&mut self) -> Result<()> {
        let connection = match self {
            Self::Sqlite(watcher) => watcher.connection.take(),
            #[cfg(feature = "postgres")]
            Self::Postgres(watcher) => watcher.connection.take(),
        };
        match connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}
