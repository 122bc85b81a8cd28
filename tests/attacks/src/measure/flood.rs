//! Requests as fast as the server answers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Figures;
use crate::Outcome;
use crate::http1::Client;
use crate::http2::Http2Connection;
use crate::message::Request;

/// The pause after a failed connection, so that a closed port does not occupy the processor.
const PAUSE: Duration = Duration::from_millis(100);

/// Requests over HTTP/2, as many at the same time as there are streams on all connections.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Flood {
    /// The number of connections
    #[arg(long, default_value_t = 100)]
    pub(crate) connections: usize,
    /// The number of requests at the same time on each connection
    #[arg(long, default_value_t = 64)]
    pub(crate) streams: usize,
    /// The duration in seconds
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
}

/// Makes the request of a number.
type Make = Arc<dyn Fn(usize) -> Request + Send + Sync>;

impl Flood {
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Sends requests. Each response is followed by the next request, which `make` makes from its number.
    pub(crate) async fn run(
        self,
        client: Client,
        make: impl Fn(usize) -> Request + Send + Sync + 'static,
    ) -> Outcome<Figures> {
        let (make, number): (Make, _) = (Arc::new(make), Arc::new(AtomicUsize::new(0)));
        let end = Instant::now() + self.duration();
        let mut connections = JoinSet::new();
        for _ in 0..self.connections {
            let sender = Sender {
                make: Arc::clone(&make),
                number: Arc::clone(&number),
                end,
            };
            connections.spawn(sender.connect(client, self.streams));
        }
        let mut figures = Figures::default();
        while let Some(one) = connections.join_next().await {
            figures.merge(one?);
        }
        Ok(figures)
    }
}

#[derive(Clone)]
struct Sender {
    make: Make,
    number: Arc<AtomicUsize>,
    end: Instant,
}

impl Sender {
    /// Opens a connection for `streams` requests at the same time, and another one when it has ended.
    async fn connect(self, client: Client, streams: usize) -> Figures {
        let mut figures = Figures::default();
        while Instant::now() < self.end {
            let begun = Instant::now();
            match Http2Connection::open(client).await {
                Ok(connection) => {
                    let mut running = JoinSet::new();
                    for _ in 0..streams {
                        running.spawn(self.clone().send(connection.clone()));
                    }
                    for stream in running.join_all().await {
                        figures.merge(stream);
                    }
                }
                Err(error) => figures.add(&Err(error), begun.elapsed()),
            }
            sleep(PAUSE).await;
        }
        figures
    }

    /// Sends one request after another, until one fails.
    async fn send(self, connection: Http2Connection) -> Figures {
        let mut figures = Figures::default();
        let mut failed = false;
        while !failed && Instant::now() < self.end {
            let request = (self.make)(self.number.fetch_add(1, Ordering::Relaxed));
            let begun = Instant::now();
            let result = connection.send(&request).await;
            failed = result.is_err();
            figures.add(&result, begun.elapsed());
        }
        figures
    }
}
