//! Requests at a steady rate, each of which is compared with the oracle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::oracle::{KeySubjects, Oracle};
use super::random::Random;
use crate::Outcome;
use crate::http1::{Client, Reconnecting};
use crate::measure::Figures;
use crate::message::Request;

/// The pause after a failed connection, such as while the server starts.
const PAUSE: Duration = Duration::from_millis(20);

/// How far a connection may lag behind before it drops requests.
const MAX_LAG: Duration = Duration::from_millis(100);

/// The results of a load.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) figures: Figures,
    pub(super) slowest_in_peace: Duration,
    /// Requests outside of faults that were not answered, or answered by 429 or a server error.
    pub(super) undecided_in_peace: usize,
}

impl Loaded {
    fn merge(&mut self, other: Self) {
        self.figures.merge(other.figures);
        self.slowest_in_peace = self.slowest_in_peace.max(other.slowest_in_peace);
        self.undecided_in_peace += other.undecided_in_peace;
    }
}

/// Clients that present credentials.
pub(super) struct Load {
    pub(super) address: SocketAddr,
    pub(super) oracle: Arc<Oracle>,
    pub(super) connections: usize,
}

impl Load {
    /// Sends requests for `duration`, at most so many in a second.
    pub(super) async fn run(&self, per_second: f64, duration: Duration) -> Outcome<Loaded> {
        let end = Instant::now() + duration;
        let connections = u32::try_from(self.connections)?;
        let period = Duration::from_secs_f64(f64::from(connections) / per_second);
        let mut workers = JoinSet::new();
        for number in 0..connections {
            let worker = Worker {
                oracle: Arc::clone(&self.oracle),
                // Rejected credentials come from another address, whose failures are limited.
                good: Reconnecting::new(Client::at(self.address, [127, 0, 0, 2].into())),
                bad: Reconnecting::new(Client::at(self.address, [127, 0, 0, 3].into())),
                random: Random::new(number),
                loaded: Loaded::default(),
            };
            workers.spawn(worker.run(end, period));
        }
        let mut loaded = Loaded::default();
        while let Some(one) = workers.join_next().await {
            loaded.merge(one?);
        }
        Ok(loaded)
    }
}

struct Worker {
    oracle: Arc<Oracle>,
    good: Reconnecting,
    bad: Reconnecting,
    random: Random,
    loaded: Loaded,
}

impl Worker {
    async fn run(mut self, end: Instant, period: Duration) -> Loaded {
        let oracle = Arc::clone(&self.oracle);
        let mut next = Instant::now();
        loop {
            sleep_until(next).await;
            // After an outage, the rate stays the same.
            next = (next + period).max(Instant::now() - MAX_LAG);
            if Instant::now() >= end {
                return self.loaded;
            }
            let Some(subjects) = self.random.choose(&oracle.keys) else {
                return self.loaded;
            };
            self.present(&oracle, subjects).await;
        }
    }

    /// Presents one of a key's credentials, or one that was revoked, or mints a token.
    async fn present(&mut self, oracle: &Oracle, of_key: &KeySubjects) {
        let subject = match self.random.below(100) {
            0..45 => &of_key.token,
            45..75 => &of_key.key,
            75..80 => &of_key.pair,
            80..85 => &of_key.mint,
            85..95 => {
                let random = self.random.below(usize::MAX);
                if let Some((request, question)) = oracle.ask_revoked(random) {
                    let status = self.send(&request, false).await;
                    oracle.compare(&question, status);
                }
                return;
            }
            _ => {
                let unknown = Request::get("/whoami").header("x-api-key", "unknown");
                let status = self.send(&unknown, false).await;
                oracle.compare_unknown(status);
                return;
            }
        };
        let (request, question) = oracle.ask(subject);
        let status = self.send(&request, question.is_accepted()).await;
        oracle.compare(&question, status);
    }

    /// Sends a request; returns the status, or 0 without a response.
    async fn send(&mut self, request: &Request, good: bool) -> u16 {
        let peace = self.oracle.peace();
        let begun = Instant::now();
        let connection = if good { &mut self.good } else { &mut self.bad };
        let result = connection.send(request).await;
        let elapsed = begun.elapsed();
        self.loaded.figures.add(&result, elapsed);
        let status = result.as_ref().map_or(0, |response| response.status);
        if peace.is_some() && self.oracle.peace() == peace {
            self.loaded.slowest_in_peace = self.loaded.slowest_in_peace.max(elapsed);
            let undecided = status == 0 || status == 429 || status >= 500;
            self.loaded.undecided_in_peace += usize::from(undecided);
        }
        if result.is_err() {
            sleep(PAUSE).await;
        }
        status
    }
}
