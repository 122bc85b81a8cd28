use futures_util::TryStreamExt as _;
#[cfg(feature = "postgres")]
use sqlx::postgres::Postgres;
use sqlx::sqlite::Sqlite;
use sqlx::{Connection as _, SqlSafeStr};

use super::held::Held;
use super::row::{Readable, Row};
use super::value::{Value, bind};
use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::sql::postgres;

/// Waits for the answer of PostgreSQL. Until it has come, the connection is not to be used for anything else, even if the
/// caller gives up.
#[cfg(feature = "postgres")]
macro_rules! answered {
    ($db:ident, $query:expr) => {{
        $db.set_waiting(true);
        let answer = postgres::in_time($query).await?;
        let is_answered = match &answer {
            Ok(_) => true,
            Err(error) => error.as_database_error().is_some(),
        };
        $db.set_waiting(!is_answered);
        answer?
    }};
}

/// A statement, and the values of its parameters.
pub(crate) type Statement<'q> = (&'static str, &'q [Value<'q>]);

/// A connection to a database of either kind.
pub(crate) enum Connection {
    Sqlite(Held<Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Held<Postgres>),
}

/// What a transaction does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads what is in the database at one moment, within seconds.
    Read,
    /// It reads as much as there is.
    ReadAll,
    /// It writes, and is the only one that does, whatever the process.
    Write,
    /// It writes rows that no other process writes, and on which no other transaction depends. With PostgreSQL, a crash of the
    /// server may undo it after its commit, unless it is [made durable](Connection::make_durable).
    WriteOwn,
}

impl Connection {
    /// Begins a transaction. If the connection belongs to a pool, the transaction has no effect unless it is
    /// [committed](Self::commit) before the connection is dropped.
    pub(crate) async fn begin(&mut self, access: Access) -> Result<()> {
        match self {
            Self::Sqlite(db) => {
                let statement = match access {
                    // A transaction that reads first may be unable to write later.
                    Access::Write | Access::WriteOwn => "BEGIN IMMEDIATE",
                    Access::Read | Access::ReadAll => "BEGIN",
                };
                db.begin(statement).await?;
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => {
                db.set_waiting(true);
                // After an error, a transaction may be open all the same: the connection is not used again.
                postgres::in_time(db.begin(postgres::begin_statement(access))).await??;
                db.set_waiting(false);
            }
        }
        Ok(())
    }

    /// Commits the transaction.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(db) => db.commit().await?,
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => answered!(db, db.commit()),
        }
        Ok(())
    }

    /// Notifies the processes that [listen](super::Database::listen) when the transaction is committed. Call it in a transaction
    /// that changes the log.
    pub(crate) async fn notify(&mut self) -> Result<()> {
        match self {
            // A look at an unchanged file costs next to nothing.
            Self::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.run_script(postgres::NOTIFY).await,
        }
    }

    /// Makes the commit of a transaction of [`Access::WriteOwn`] wait until it is durable.
    pub(crate) async fn make_durable(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.run_script(postgres::MAKE_DURABLE).await,
        }
    }

    /// Returns whether commits wait for a standby, or there can be none.
    pub(crate) async fn commits_survive_failover(&mut self) -> Result<bool> {
        match self {
            Self::Sqlite(_) => Ok(true),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.fetch_scalar(postgres::WAITS_FOR_STANDBY, &[]).await,
        }
    }

    /// Runs a statement, and returns how many rows it wrote.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: &[Value<'_>],
    ) -> Result<u64> {
        match self {
            Self::Sqlite(db) => {
                let query = bind::<Sqlite>(sql, values);
                Ok(query.execute(&mut **db).await?.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => {
                let query = postgres::unnamed(bind::<Postgres>(sql, values));
                Ok(answered!(db, query.execute(&mut **db)).rows_affected())
            }
        }
    }

    /// Returns the row of a query, if it has one.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>> {
        match self {
            Self::Sqlite(db) => {
                let query = bind::<Sqlite>(sql, values);
                let row = query.fetch_optional(&mut **db).await?;
                Ok(row.map(Row::Sqlite))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => {
                let query = postgres::unnamed(bind::<Postgres>(sql, values));
                let row = answered!(db, query.fetch_optional(&mut **db));
                Ok(row.map(Row::Postgres))
            }
        }
    }

    /// Returns the row that a query always has.
    pub(crate) async fn fetch_one(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Row> {
        let row = self.fetch_optional(sql, values).await?;
        Ok(row.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// Returns the value that a query always has.
    pub(crate) async fn fetch_scalar<T: for<'r> Readable<'r>>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<T> {
        Ok(self.fetch_one(sql, values).await?.scalar()?)
    }

    /// Returns the rows of a query.
    pub(crate) async fn fetch_all(
        &mut self,
        sql: impl SqlSafeStr,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(db) => {
                let query = bind::<Sqlite>(sql, values);
                let rows = query.fetch_all(&mut **db).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => {
                let query = postgres::unnamed(bind::<Postgres>(sql, values));
                let rows = answered!(db, query.fetch_all(&mut **db));
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Returns the rows of several queries, as they are at one moment: in the transaction that has begun, or else in one of their
    /// own. With PostgreSQL, it is one message in each direction.
    pub(crate) async fn fetch_together(
        &mut self,
        queries: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>> {
        match self {
            Self::Sqlite(db) => {
                let is_own = !db.is_in_transaction();
                if is_own {
                    self.begin(Access::Read).await?;
                }
                let mut rows = Vec::with_capacity(queries.len());
                for (sql, values) in queries {
                    rows.push(self.fetch_all(*sql, values).await?);
                }
                if is_own {
                    self.commit().await?;
                }
                Ok(rows)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => {
                // One query is answered from one moment by itself.
                let is_own = queries.len() > 1 && !db.is_in_transaction();
                let whole = is_own.then_some(postgres::Whole::Read);
                let script = postgres::script(whole, queries, db.prepared());
                Ok(answered!(
                    db,
                    postgres::fetch_script(db, script, queries.len())
                ))
            }
        }
    }

    /// Calls a function for each row of a query, without having all of them in memory.
    pub(crate) async fn for_each(
        &mut self,
        sql: &'static str,
        mut f: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(db) => {
                let mut rows = bind::<Sqlite>(sql, &[]).fetch(&mut **db);
                while let Some(row) = rows.try_next().await? {
                    f(&Row::Sqlite(row))?;
                }
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => {
                db.set_waiting(true);
                let mut rows = postgres::unnamed(bind::<Postgres>(sql, &[])).fetch(&mut **db);
                while let Some(row) = postgres::in_time(rows.try_next()).await?? {
                    f(&Row::Postgres(row))?;
                }
                drop(rows);
                db.set_waiting(false);
            }
        }
        Ok(())
    }

    /// Runs several statements, without parameters.
    pub(crate) async fn run_script(&mut self, sql: impl SqlSafeStr) -> Result<()> {
        match self {
            Self::Sqlite(db) => _ = sqlx::raw_sql(sql).execute(&mut **db).await?,
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => _ = answered!(db, sqlx::raw_sql(sql).execute(&mut **db)),
        }
        Ok(())
    }

    /// Closes a connection that belongs to no pool, or returns it to its pool.
    pub(crate) async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(Held::Own(db)) => db.close().await?,
            #[cfg(feature = "postgres")]
            Self::Postgres(Held::Own(db) | Held::Direct(db, _)) => {
                postgres::in_time(db.close()).await??;
            }
            _ => {}
        }
        Ok(())
    }
}
