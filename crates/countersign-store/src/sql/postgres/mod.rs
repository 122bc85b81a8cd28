//! What only PostgreSQL has: its connections, its locks and its schema. The statements are in `sql`.
//!
//! # Rules
//!
//! 1. One transaction writes at a time, whatever the node: it begins with a lock that it holds until its end. The rules read
//!    before they write, and the numbers of the change log must be in the order of commits. Only a node's own row is written
//!    without the lock.
//! 2. A transaction that a frozen node has left open is ended by the server, and the waiting ones go on.
//! 3. Every statement is part of a transaction, is unnamed, and changes no setting beyond its transaction, so that a pooler
//!    may give each transaction another connection. Statements that are sent in one message are a transaction. What each node does
//!    many times a second has prepared statements, on connections of its own: only while the listener has proven, by a connection
//!    to the same address, that there is no pooler.
//! 4. Every answer is waited for in limited time. A connection that has not answered is not used again.

mod hosts;
mod notifications;
mod pools;
pub(crate) mod schema;
mod script;
#[cfg(test)]
mod tests;
mod watcher;

pub(crate) use hosts::Hosts;
pub(crate) use notifications::{Listener, NOTIFY};
pub(crate) use pools::Pools;
pub(crate) use script::{Prepared, Whole, fetch_script, script};
pub(crate) use watcher::Watcher;

use std::time::Duration;

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;

use crate::error::{Result, StoreError};
use crate::sql::Access;

/// How long an answer is waited for: longer than a statement may take.
const ANSWER_TIME: Duration = Duration::from_secs(15);

/// Makes the commit of a transaction wait until it is durable, although the transaction began without.
pub(crate) const MAKE_DURABLE: &str = "
    SET LOCAL synchronous_commit TO DEFAULT;
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// Asks whether commits wait for a standby. If `synchronous_commit` is `off`, a transaction that writes sets it.
pub(crate) const WAITS_FOR_STANDBY: &str = "
    SELECT current_setting('synchronous_standby_names') <> '' AND current_setting('synchronous_commit') <> 'local'";

/// Returns the statements that begin a transaction.
///
/// A writer waits for the lock for longer than another one may be idle, so that it gets the lock of one that has frozen. The
/// lock is one of the server, not of a row: it also guards the creation of the tables. `synchronous_commit = off` would lose
/// acknowledged changes.
pub(crate) const fn begin_statement(access: Access) -> &'static str {
    match access {
        Access::Write => {
            "BEGIN;
             SET LOCAL lock_timeout = '8s';
             SET LOCAL statement_timeout = '10s';
             SET LOCAL idle_in_transaction_session_timeout = '5s';
             SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
             SELECT pg_advisory_xact_lock(7165062983217341043)"
        }
        Access::WriteOwn => {
            "BEGIN;
             SET LOCAL lock_timeout = '2s';
             SET LOCAL statement_timeout = '5s';
             SET LOCAL idle_in_transaction_session_timeout = '5s';
             SET LOCAL synchronous_commit = off"
        }
        Access::Read => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
             SET LOCAL statement_timeout = '10s';
             SET LOCAL idle_in_transaction_session_timeout = '30s'"
        }
        Access::ReadAll => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
             SET LOCAL statement_timeout = 0;
             SET LOCAL idle_in_transaction_session_timeout = '60s'"
        }
    }
}

/// Returns a query that leaves no prepared statement behind on the connection, which may be another one next time.
pub(crate) fn unnamed(query: Query<'_, Postgres, PgArguments>) -> Query<'_, Postgres, PgArguments> {
    query.persistent(false)
}

/// Waits for an answer of the server, in limited time.
pub(crate) async fn in_time<F: Future>(answer: F) -> Result<F::Output> {
    within(ANSWER_TIME, answer).await
}

async fn within<F: Future>(limit: Duration, answer: F) -> Result<F::Output> {
    let answer = tokio::time::timeout(limit, answer).await;
    answer.map_err(|_| StoreError::Database("the server has not answered in time".into()))
}
