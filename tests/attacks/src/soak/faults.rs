//! Faults that happen to the server while it is under load.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Pid;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::oracle::Oracle;
use crate::Outcome;
use crate::http1::Client;
use crate::measure::Flood;
use crate::message::Request;
use crate::server::{Home, Server};

/// How long a fault lasts.
const DURATION: Duration = Duration::from_secs(3);
/// How long the consequences of a fault may last.
const AFTERMATH: Duration = Duration::from_secs(2);
/// A running server sees a new wall clock after a second.
const CLOCK_DELAY: Duration = Duration::from_millis(1500);
/// The offsets of the wall clock in seconds, one after another: 3 days, -1 day, 2 hours.
const OFFSETS: [i64; 3] = [259_200, -86_400, 7200];
const FLOOD: Flood = Flood {
    connections: 32,
    streams: 1,
    seconds: DURATION.as_secs(),
};

/// Injects one fault after another.
pub(super) struct Faults<'a> {
    pub(super) home: &'a Home<'a>,
    pub(super) server: Server,
    pub(super) pid: watch::Sender<Pid>,
    pub(super) oracle: Arc<Oracle>,
}

/// How often each fault happened.
#[derive(Default)]
pub(super) struct Counts {
    kills: usize,
    clocks: usize,
    disks: usize,
    floods: usize,
    /// How often the server ended by itself.
    pub(super) crashes: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kills,
            clocks,
            disks,
            floods,
            crashes: _,
        } = self;
        write!(
            f,
            "{kills} × SIGKILL, {clocks} × clock, {disks} × disk full, {floods} × flood"
        )
    }
}

impl Faults<'_> {
    /// Injects a fault in each period until `end`, and no SIGKILL after `last_kill`.
    pub(super) async fn run(
        &mut self,
        end: Instant,
        last_kill: Instant,
        period: Duration,
    ) -> Outcome<Counts> {
        let mut counts = Counts::default();
        let mut next = Instant::now() + period;
        for number in (0..4).cycle() {
            if next + DURATION + CLOCK_DELAY + AFTERMATH >= end {
                break;
            }
            sleep_until(next).await;
            next += period;
            self.oracle.fault_begins_or_ends();
            counts.crashes += self.restart_after_crash().await?;
            match number {
                0 if Instant::now() < last_kill => {
                    self.kill().await?;
                    counts.kills += 1;
                }
                1 => {
                    self.set_clock(counts.clocks).await?;
                    counts.clocks += 1;
                }
                2 => {
                    self.fill_disk().await?;
                    counts.disks += 1;
                }
                _ => {
                    self.flood().await?;
                    counts.floods += 1;
                }
            }
            sleep(AFTERMATH).await;
            self.oracle.fault_begins_or_ends();
        }
        sleep_until(end).await;
        counts.crashes += self.restart_after_crash().await?;
        Ok(counts)
    }

    /// Starts the server if it has ended by itself; returns how often that happened.
    async fn restart_after_crash(&mut self) -> Outcome<usize> {
        let Some(status) = self.server.ended()? else {
            return Ok(0);
        };
        println!(
            "the server ended by itself: {status}\n{}",
            self.home.log_end()
        );
        self.start().await?;
        Ok(1)
    }

    async fn start(&mut self) -> Outcome<()> {
        self.server = Server::start_at(self.home, self.server.address()).await?;
        self.pid.send_replace(self.server.pid());
        Ok(())
    }

    /// Kills the server, and starts it again at the same address.
    async fn kill(&mut self) -> Outcome<()> {
        self.server.kill().await?;
        self.start().await
    }

    async fn set_clock(&mut self, number: usize) -> Outcome<()> {
        let offset = OFFSETS.get(number % OFFSETS.len()).copied();
        self.oracle.clock_changes();
        self.home.set_clock(offset.unwrap_or_default())?;
        sleep(DURATION).await;
        self.home.set_clock(0)?;
        sleep(CLOCK_DELAY).await;
        self.oracle.clock_changes();
        Ok(())
    }

    async fn fill_disk(&mut self) -> Outcome<()> {
        self.server.set_disk_full(true)?;
        sleep(DURATION).await;
        // A server that has ended is started before the next fault.
        match self.server.ended()? {
            Some(_) => Ok(()),
            None => self.server.set_disk_full(false),
        }
    }

    /// Sends wrong keys, wrong passwords and malformed tokens.
    async fn flood(&mut self) -> Outcome<()> {
        let attacker = Client::at(self.server.address(), [127, 0, 0, 66].into());
        let make = |number: usize| {
            let request = Request::get("/whoami");
            match number % 3 {
                0 => request.header("x-api-key", &format!("wrong-{number}")),
                1 => request.basic(&format!("user-{number}"), "wrong"),
                _ => request.bearer(&format!("e30.e30.{number}")),
            }
        };
        FLOOD.run(attacker, make).await.map(drop)
    }
}
