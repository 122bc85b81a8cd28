use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Database, SqlSafeStr as _};
use sqlx_core::transaction::TransactionManager as _;

#[cfg(feature = "postgres")]
use crate::sql::postgres::Prepared;

/// A connection of its owner, or one of a pool, to which it returns when it is dropped.
pub(crate) enum Held<D: Database> {
    Own(D::Connection),
    /// One of its owner to the server itself, without a pooler between: statements stay prepared. It is not used after an error.
    #[cfg(feature = "postgres")]
    Direct(D::Connection, Prepared),
    Pooled(Pooled<D>),
}

/// A connection of a pool. A transaction that is open when it is dropped has no effect.
pub(crate) struct Pooled<D: Database> {
    connection: PoolConnection<D>,
    /// A statement has no answer yet. What the connection does is unknown: it may wait for a lock, or hold it.
    is_waiting: bool,
}

impl<D: Database> Held<D> {
    /// Begins a transaction.
    pub(super) async fn begin(&mut self, statement: &'static str) -> sqlx::Result<()> {
        D::TransactionManager::begin(self, Some(statement.into_sql_str())).await
    }

    /// Commits the transaction.
    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        D::TransactionManager::commit(self).await
    }

    /// Returns the statements that are prepared, if they stay so.
    #[cfg(feature = "postgres")]
    pub(super) const fn prepared(&mut self) -> Option<&mut Prepared> {
        match self {
            Self::Direct(_, prepared) => Some(prepared),
            _ => None,
        }
    }

    /// Notes whether a statement has no answer yet. A connection of a pool is closed if it is dropped then.
    #[cfg(feature = "postgres")]
    pub(super) const fn set_waiting(&mut self, is_waiting: bool) {
        if let Self::Pooled(pooled) = self {
            pooled.is_waiting = is_waiting;
        }
    }
}

impl<D: Database> From<PoolConnection<D>> for Held<D> {
    fn from(connection: PoolConnection<D>) -> Self {
        Self::Pooled(Pooled {
            connection,
            is_waiting: false,
        })
    }
}

impl<D: Database> Deref for Held<D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        match self {
            Self::Own(connection) => connection,
            #[cfg(feature = "postgres")]
            Self::Direct(connection, _) => connection,
            Self::Pooled(pooled) => &pooled.connection,
        }
    }
}

impl<D: Database> DerefMut for Held<D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        match self {
            Self::Own(connection) => connection,
            #[cfg(feature = "postgres")]
            Self::Direct(connection, _) => connection,
            Self::Pooled(pooled) => &mut pooled.connection,
        }
    }
}

impl<D: Database> Drop for Pooled<D> {
    fn drop(&mut self) {
        match self.is_waiting {
            true => self.connection.close_on_drop(),
            false => D::TransactionManager::start_rollback(&mut self.connection),
        }
    }
}
