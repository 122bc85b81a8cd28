use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

use super::{Access, Connection, Row, Statement, Watcher};
use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::sql::postgres;
use crate::sql::sqlite;

/// Where a database is.
pub(crate) enum Location {
    File(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Hosts),
}

/// The connections of a store to its database.
pub(crate) struct Database {
    pools: Pools,
    /// Where changes wait before they wait for the writer, except for revocations.
    queue: Mutex<()>,
}

enum Pools {
    Sqlite(sqlite::Pools),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Pools),
}

/// What a connection of a pool is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Write,
    /// Look-ups, with which every change begins.
    LookUp,
    /// Looking for a session, for which other look-ups never wait: every credential may open sessions, and hundreds may wait.
    Session,
    /// Lists and counts, for which look-ups never wait, either.
    List,
    /// Reading the whole database, for which only other long reads wait.
    ReadAll,
}

impl Database {
    /// Connects to the database.
    pub(crate) async fn open(location: &Location) -> Result<Self> {
        let pools = match location {
            Location::File(path) => Pools::Sqlite(sqlite::Pools::open(path).await?),
            #[cfg(feature = "postgres")]
            Location::Postgres(hosts) => Pools::Postgres(postgres::Pools::open(hosts).await?),
        };
        Ok(Self {
            pools,
            queue: Mutex::default(),
        })
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Connection> {
        let _turn = self.queue.lock().await;
        self.begin_revocation().await
    }

    /// Begins a transaction that writes, before all others that wait in [`begin`](Self::begin) but the first.
    pub(crate) async fn begin_revocation(&self) -> Result<Connection> {
        self.transaction(Purpose::Write, Access::Write).await
    }

    /// Begins a transaction that writes rows of this process only. With PostgreSQL, it does not wait for other processes, nor
    /// until it is durable.
    pub(crate) async fn begin_own(&self) -> Result<Connection> {
        self.transaction(Purpose::Write, Access::WriteOwn).await
    }

    /// Runs a statement that writes rows of this process only, as [`begin_own`](Self::begin_own) would, and returns how many it
    /// wrote. With PostgreSQL, it is one message in each direction.
    pub(crate) async fn write_own(&self, statement: Statement<'_>) -> Result<u64> {
        match &self.pools {
            Pools::Sqlite(_) => {
                let mut connection = self.begin_own().await?;
                let written = connection.execute(statement.0, statement.1).await?;
                connection.commit().await?;
                Ok(written)
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(pools) => pools.write_own(statement).await,
        }
    }

    /// Returns the rows of several queries, as they are at one moment.
    pub(crate) async fn read_together(&self, queries: &[Statement<'_>]) -> Result<Vec<Vec<Row>>> {
        let mut connection = match &self.pools {
            Pools::Sqlite(pools) => pools.acquire(Purpose::LookUp).await?,
            #[cfg(feature = "postgres")]
            Pools::Postgres(pools) => pools.acquire(Purpose::LookUp).await?,
        };
        connection.fetch_together(queries).await
    }

    /// Returns a connection for look-ups. They need not be of the same moment.
    pub(crate) async fn reader(&self) -> Result<Connection> {
        self.read(Purpose::LookUp).await
    }

    /// Returns a connection for lists and counts. They need not be of the same moment.
    pub(crate) async fn list_reader(&self) -> Result<Connection> {
        self.read(Purpose::List).await
    }

    /// Begins a transaction that looks for a session in the database as it is at one moment.
    pub(crate) async fn session_snapshot(&self) -> Result<Connection> {
        self.transaction(Purpose::Session, Access::Read).await
    }

    /// Begins a transaction that lists what is in the database at one moment.
    pub(crate) async fn list_snapshot(&self) -> Result<Connection> {
        self.transaction(Purpose::List, Access::Read).await
    }

    /// Begins a transaction that reads as much as there is.
    pub(crate) async fn long_snapshot(&self) -> Result<Connection> {
        self.transaction(Purpose::ReadAll, Access::ReadAll).await
    }

    /// Returns a connection to the database file itself, outside of a transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::SqliteOnly`] if the database is not a file, or that it cannot be opened.
    pub(crate) async fn file(&self, purpose: Purpose) -> Result<Connection> {
        match &self.pools {
            Pools::Sqlite(pools) => pools.acquire(purpose).await,
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => Err(crate::error::StoreError::SqliteOnly),
        }
    }

    /// Returns the shortest time between two looks for changes.
    pub(crate) const fn shortest_poll_period(&self) -> Duration {
        match self.pools {
            // An interval of zero panics.
            Pools::Sqlite(_) => Duration::from_millis(1),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => Duration::from_millis(50),
        }
    }

    /// Returns how many records one transaction changes that is not urgent, so that revocations do not wait for long.
    pub(crate) const fn batch(&self) -> usize {
        match self.pools {
            Pools::Sqlite(_) => 1000,
            // Each statement takes two journeys to the server and back.
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => 100,
        }
    }

    pub(crate) fn watcher(&self) -> Watcher {
        match &self.pools {
            Pools::Sqlite(pools) => Watcher::Sqlite(pools.watcher()),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pools) => Watcher::Postgres(pools.watcher()),
        }
    }

    /// Wakes a task after commits of other processes, as far as it learns of them. It does not end.
    pub(crate) async fn listen(&self, woken: &Notify) {
        match &self.pools {
            Pools::Sqlite(_) => {
                let _ = woken;
                std::future::pending().await
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(pools) => pools.listener().listen(woken).await,
        }
    }

    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite(pools) => pools.close().await,
            #[cfg(feature = "postgres")]
            Pools::Postgres(pools) => pools.close().await,
        }
    }

    async fn read(&self, purpose: Purpose) -> Result<Connection> {
        match &self.pools {
            Pools::Sqlite(pools) => pools.acquire(purpose).await,
            // A pooler may give each transaction another connection, and a statement is prepared in one message and run in
            // the next.
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => self.transaction(purpose, Access::Read).await,
        }
    }

    async fn transaction(&self, purpose: Purpose, access: Access) -> Result<Connection> {
        match &self.pools {
            Pools::Sqlite(pools) => pools.begin(purpose, access).await,
            #[cfg(feature = "postgres")]
            Pools::Postgres(pools) => {
                let mut connection = pools.acquire(purpose).await?;
                connection.begin(access).await?;
                Ok(connection)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn revocation_waits_for_the_first_of_many_changes_only() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("countersign.db"));
        let database = Arc::new(Database::open(&location).await.unwrap());
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
                drop(transaction.unwrap());
            });
        }
        // Now all of them wait, in this order.
        tokio::task::yield_now().await;
        drop(held);
        let mut order = Vec::new();
        while order.len() < 2 {
            order.extend(begun.recv().await);
        }
        assert_eq!(order, [false, true]);
    }
}
