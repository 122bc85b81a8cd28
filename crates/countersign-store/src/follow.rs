//! Keeps the view as the database is, whoever writes to it.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::ConnectOptions as _;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::error::StoreError;
use crate::opened::Opened;
use crate::record::{Stored, select_credentials};
use crate::view::View;

/// Reads the change log and applies it. Whoever holds it is the only one that changes the view.
pub(crate) struct Follower {
    options: SqliteConnectOptions,
    opened: Opened,
    connection: Option<SqliteConnection>,
    /// What `PRAGMA data_version` said on this connection when the log was last read.
    seen: Option<i64>,
    /// Every change up to this number is in the view. `None`: nothing was read yet.
    applied: Option<i64>,
    closed: bool,
    view: Arc<View>,
}

impl Follower {
    pub(crate) fn new(options: SqliteConnectOptions, opened: Opened, view: Arc<View>) -> Self {
        Self {
            options,
            opened,
            connection: None,
            seen: None,
            applied: None,
            closed: false,
            view,
        }
    }

    /// Compares the view with the database, and reads what it lacks.
    pub(crate) async fn poll(&mut self) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        // Before the comparison: the view is at least as fresh as this.
        let began = self.view.since_boot();
        // What SQLite says of a file that has lost its name is true, and worth nothing.
        self.opened.check()?;
        // Put back only after success. A new connection has no `seen`, so that it reads the log.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.seen = None;
                let connection = self.options.connect().await?;
                // The name may have gone to another file just before.
                self.opened.check()?;
                connection
            }
        };
        // Outside a transaction, where it answers for the present. It changes with every commit of
        // another connection, and costs no reading of the file while there is none.
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut connection)
            .await?;
        if self.seen != Some(version) {
            self.read(&mut connection).await?;
            self.seen = Some(version);
        }
        self.connection = Some(connection);
        self.view.compared(began);
        Ok(())
    }

    /// Reads what is above `applied`, or everything, from one snapshot.
    async fn read(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let mut snapshot = connection.begin().await?;
        let head: i64 = sqlx::query_scalar("SELECT number FROM change_head")
            .fetch_one(&mut *snapshot)
            .await?;
        let query = match self.applied {
            None => sqlx::query(select_credentials!("")),
            Some(applied) => sqlx::query(select_credentials!(
                "JOIN changes ON changes.entity = c.id \
                 WHERE changes.number > ? ORDER BY changes.number"
            ))
            .bind(applied),
        };
        // All of them before the first is applied: a view is never half way between two states.
        let changed: Vec<Stored> = query
            .fetch(&mut *snapshot)
            .map_err(StoreError::from)
            .and_then(|row| std::future::ready(Stored::read(&row)))
            .try_collect()
            .await?;
        snapshot.commit().await?;
        // Numbers are dense: a change that was not read, or a log that is shorter than it was, shows.
        let read = i64::try_from(changed.len()).unwrap_or(i64::MAX);
        if self.applied.is_some_and(|applied| head - applied != read) {
            return Err(StoreError::Corrupt {
                what: "the change log has a gap",
            });
        }
        for stored in changed {
            stored.put_into(&self.view.table)?;
        }
        self.applied = Some(head);
        Ok(())
    }

    /// Applies a change that this process has just committed.
    ///
    /// One that was already read is left alone, since the view may know a later one of the same
    /// record by now. Changes of others may be missing below it; then the next poll reads it again.
    pub(crate) fn apply(&mut self, number: i64, stored: Stored) -> Result<(), StoreError> {
        let applied = self.applied.unwrap_or(0);
        if number > applied {
            stored.put_into(&self.view.table)?;
        }
        if number == applied + 1 {
            self.applied = Some(number);
        }
        Ok(())
    }

    pub(crate) async fn close(&mut self) -> Result<(), StoreError> {
        self.closed = true;
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }
}
