//! A client that does no harm.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Figures;
use crate::Outcome;
use crate::http1::Client;
use crate::message::Request;

/// The time between two requests, which do not wait for each other.
const PERIOD: Duration = Duration::from_millis(50);

/// A client that sends one request after another, each on a new connection, until it is stopped.
pub(crate) struct Bystander {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Figures>,
}

impl Bystander {
    pub(crate) fn start(client: Client, requests: Vec<Request>) -> Self {
        Self::start_every(PERIOD, client, requests)
    }

    pub(crate) fn start_every(period: Duration, client: Client, requests: Vec<Request>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(send_all(period, client, requests, stopped));
        Self { stop, task }
    }

    /// Waits for the last responses, and returns the figures.
    pub(crate) async fn stop(self) -> Outcome<Figures> {
        // An error means that the task has ended already; its result says why.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}

async fn send_all(
    period: Duration,
    client: Client,
    requests: Vec<Request>,
    mut stopped: oneshot::Receiver<()>,
) -> Figures {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sent = JoinSet::new();
    for request in requests.iter().cycle() {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        let request = request.clone();
        sent.spawn(async move {
            let begun = Instant::now();
            let result = client.send(&request).await;
            (result, begun.elapsed())
        });
    }
    let mut figures = Figures::default();
    while let Some(response) = sent.join_next().await {
        if let Ok((result, latency)) = response {
            figures.add(&result, latency);
        }
    }
    figures
}
