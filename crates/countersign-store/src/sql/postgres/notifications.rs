//! Notifications of commits. They carry no data, and only make a node read the change log earlier than it would anyway.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;

use super::pools::Primary;
use super::within;
use crate::error::{Result, StoreError};

/// Notifies all nodes at the commit of the transaction, unless they were notified less than a tenth of a second ago.
/// PostgreSQL commits transactions that notify one after the other, and wakes every node each time. The clock may be wrong.
pub(crate) const NOTIFY: &str = "
    WITH due AS (
        UPDATE notified SET at = clock.ms
        FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) AS clock
        WHERE abs(clock.ms - at) >= 100
        RETURNING 1
    )
    SELECT pg_notify('countersign', '') FROM due";

const CHANNEL: &str = "countersign";
/// A parameter of the connection that has no meaning, and its value.
const MARK: [&str; 2] = ["countersign.listens", "directly"];
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long an answer is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// How often the listener looks whether another server is the primary.
const LOOK_PERIOD: Duration = Duration::from_secs(10);

/// Listens for notifications, with a connection of its own.
pub(crate) struct Listener {
    primary: Arc<Primary>,
}

impl Listener {
    pub(super) const fn new(primary: Arc<Primary>) -> Self {
        Self { primary }
    }

    /// Wakes a task after each notification. It does not end: it connects again after every failure.
    pub(crate) async fn listen(&self, woken: &Notify) {
        let mut pause = FIRST_PAUSE;
        loop {
            let (host, options) = self.primary.options();
            let Err(error) = self.try_listen(host, options, woken, &mut pause).await;
            self.primary.set_direct(host, false);
            tracing::debug!(%error, "notifications do not arrive; the change log is polled");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Does this until it fails. Sets the pause back once it listens.
    async fn try_listen(
        &self,
        host: usize,
        options: PgConnectOptions,
        woken: &Notify,
        pause: &mut Duration,
    ) -> Result<Infallible> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.options([(MARK[0], MARK[1])]));
        let mut listener = within(ANSWER_TIME, PgListener::connect_with(&pool)).await??;
        listener.eager_reconnect(false);
        // A pooler in transaction mode loses notifications. It refuses or ignores the parameter.
        let mark = sqlx::query_scalar("SELECT current_setting('countersign.listens', true)");
        let mark: Option<String> = within(ANSWER_TIME, mark.fetch_one(&mut listener)).await??;
        if mark.as_deref() != Some(MARK[1]) {
            return Err(StoreError::Database("it is a pooler".into()));
        }
        within(ANSWER_TIME, listener.listen(CHANNEL)).await??;
        *pause = FIRST_PAUSE;
        self.primary.set_direct(host, true);
        // There may have been notifications before.
        woken.notify_one();
        loop {
            match tokio::time::timeout(LOOK_PERIOD, listener.try_recv()).await {
                Ok(Ok(Some(_))) => woken.notify_one(),
                Ok(Ok(None)) => {
                    return Err(StoreError::Database("the connection was closed".into()));
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(_) if self.primary.options().0 == host => {}
                Err(_) => return Err(StoreError::Standby),
            }
        }
    }
}
