use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tokio::sync::Mutex;

use super::{Hosts, Listener, Prepared, Watcher, Whole, in_time, script};
use crate::error::Result;
use crate::sql::{Connection, Purpose, Statement};

/// How many look-ups run at once. A server has a hundred connections by default, and there may be many nodes.
const READERS: u32 = 2;
/// How long to wait for a connection: longer than the ones before may wait for the lock of another node.
const ACQUIRE_TIME: Duration = Duration::from_secs(15);
/// How long an unused connection stays open.
const IDLE_TIME: Duration = Duration::from_secs(120);

/// The connections of a store to the primary.
pub(crate) struct Pools(Arc<Primary>);

/// Which of the servers is the primary, and the connections to it.
pub(super) struct Primary {
    hosts: Hosts,
    connections: ArcSwap<Connections>,
}

struct Connections {
    host: usize,
    /// Whether there is no pooler between.
    is_direct: AtomicBool,
    /// Writes rows of this process only, whatever the writer waits for. A pool would ask the server before and after each use
    /// whether the connection is alive.
    own: Mutex<Option<(PgConnection, Prepared)>>,
    writer: PgPool,
    reader: PgPool,
    session_reader: PgPool,
    list_reader: PgPool,
    long_reader: PgPool,
}

impl Pools {
    /// Connects to the primary.
    pub(crate) async fn open(hosts: &Hosts) -> Result<Self> {
        let (host, _) = hosts.connect(0).await?;
        let connections = Connections::new(host, &hosts.options(host));
        Ok(Self(Arc::new(Primary {
            hosts: hosts.clone(),
            connections: ArcSwap::from_pointee(connections),
        })))
    }

    /// Returns a connection that is in no transaction.
    pub(crate) async fn acquire(&self, purpose: Purpose) -> Result<Connection> {
        let connections = self.0.connections.load_full();
        let pool = match purpose {
            Purpose::Write => &connections.writer,
            Purpose::LookUp => &connections.reader,
            Purpose::Session => &connections.session_reader,
            Purpose::List => &connections.list_reader,
            Purpose::ReadAll => &connections.long_reader,
        };
        Ok(Connection::Postgres(pool.acquire().await?.into()))
    }

    /// Runs a statement that writes rows of this process only, and returns how many it wrote.
    pub(crate) async fn write_own(&self, statement: Statement<'_>) -> Result<u64> {
        let connections = self.0.connections.load_full();
        let mut own = connections.own.lock().await;
        // After a failure, and if the caller gives up, it is not put back.
        let (mut connection, mut prepared) = match own.take() {
            Some(own) => own,
            None => {
                let options = self.0.hosts.options(connections.host);
                (in_time(options.connect()).await??, Prepared::default())
            }
        };
        let stays = connections.is_direct.load(Ordering::Relaxed);
        let prepares = stays.then_some(&mut prepared);
        let script = script(Some(Whole::WriteOwn), &[statement], prepares);
        let script = sqlx::raw_sql(AssertSqlSafe(script));
        let written = in_time(script.execute(&mut connection)).await??;
        *own = Some((connection, prepared));
        Ok(written.rows_affected())
    }

    pub(crate) fn watcher(&self) -> Watcher {
        Watcher::new(Arc::clone(&self.0))
    }

    pub(crate) fn listener(&self) -> Listener {
        Listener::new(Arc::clone(&self.0))
    }

    pub(crate) async fn close(&self) {
        self.0.connections.load_full().close().await;
    }
}

impl Primary {
    /// Connects to the primary. If it is another server than before, all pools connect to it from now on.
    pub(super) async fn connect(&self) -> Result<PgConnection> {
        let before = self.connections.load_full();
        let (host, connection) = self.hosts.connect(before.host).await?;
        if host != before.host {
            let connections = Connections::new(host, &self.hosts.options(host));
            let before = self.connections.swap(Arc::new(connections));
            // The server may not answer any more.
            tokio::spawn(async move { before.close().await });
        }
        Ok(connection)
    }

    /// Returns whether there is no pooler between.
    pub(super) fn is_direct(&self) -> bool {
        self.connections.load().is_direct.load(Ordering::Relaxed)
    }

    /// Notes whether there is no pooler between, if `host` is still the primary.
    pub(super) fn set_direct(&self, host: usize, is_direct: bool) {
        let connections = self.connections.load();
        if connections.host == host {
            connections.is_direct.store(is_direct, Ordering::Relaxed);
        }
    }

    /// Returns which of the servers is the primary, and how to connect to it.
    pub(super) fn options(&self) -> (usize, PgConnectOptions) {
        let host = self.connections.load().host;
        (host, self.hosts.options(host))
    }
}

impl Connections {
    fn new(host: usize, options: &PgConnectOptions) -> Self {
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIME)
                .idle_timeout(IDLE_TIME)
                .connect_lazy_with(options.clone())
        };
        Self {
            host,
            is_direct: AtomicBool::new(false),
            own: Mutex::default(),
            writer: pool(1),
            reader: pool(READERS),
            session_reader: pool(1),
            list_reader: pool(1),
            long_reader: pool(1),
        }
    }

    async fn close(&self) {
        drop(self.own.lock().await.take());
        self.reader.close().await;
        self.session_reader.close().await;
        self.list_reader.close().await;
        self.long_reader.close().await;
        self.writer.close().await;
    }
}
