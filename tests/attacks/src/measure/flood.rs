//! Requests as fast as the server answers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Figures;
use crate::Outcome;
use crate::http1::{Client, Reconnecting, Request};

/// The pause after a failed connection, so that a closed port does not occupy the processor.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends requests on `connections` connections for `duration`. Each response is followed by the next request, which
/// `make` makes from its number.
pub(crate) async fn flood(
    client: Client,
    connections: usize,
    duration: Duration,
    make: impl Fn(usize) -> Request + Send + Sync + 'static,
) -> Outcome<Figures> {
    let (make, number) = (Arc::new(make), Arc::new(AtomicUsize::new(0)));
    let end = Instant::now() + duration;
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let (make, number) = (Arc::clone(&make), Arc::clone(&number));
        workers.spawn(async move {
            let mut connection = Reconnecting::new(client);
            let mut figures = Figures::default();
            while Instant::now() < end {
                let request = make(number.fetch_add(1, Ordering::Relaxed));
                let begun = Instant::now();
                let result = connection.send(&request).await;
                figures.add(&result, begun.elapsed());
                if result.is_err() {
                    sleep(PAUSE).await;
                }
            }
            figures
        });
    }
    let mut figures = Figures::default();
    while let Some(one) = workers.join_next().await {
        figures.merge(one?);
    }
    Ok(figures)
}
