//! A running server process.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use super::Home;
use crate::Outcome;

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(30);
/// The usual limit of file descriptors, and the signal of a full disk ignored, so that writing fails instead.
const PREPARATION: &str = "ulimit -Sn 1024; trap '' XFSZ;";

/// A running `countersign serve`, which is killed on drop.
pub(crate) struct Server {
    child: Child,
    pid: Pid,
    address: SocketAddr,
    /// Kept open, so that the server can print.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server on a free port of the loopback, and waits until it listens.
    pub(crate) async fn start(home: &Home<'_>) -> Outcome<Self> {
        Self::start_at(home, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts a server at this address, and waits until it listens.
    pub(crate) async fn start_at(home: &Home<'_>, address: SocketAddr) -> Outcome<Self> {
        let listen = address.to_string();
        let arguments = ["serve", "--config", "countersign.toml", "--listen", &listen];
        let log = File::options().append(true).create(true).open(home.log())?;
        let mut child = home
            .command_after(PREPARATION, &arguments)?
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut output = BufReader::new(output).lines();
        let line = timeout(START, output.next_line()).await??;
        let address = line
            .as_deref()
            .and_then(|line| line.strip_prefix("listening on "))
            .and_then(|url| url.split_once("://"))
            .map(|(_, address)| address)
            .ok_or_else(|| format!("the server did not start: {}", home.log_end()))?
            .parse()?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(Self {
            pid: pid.ok_or("the server has ended")?,
            child,
            address,
            _output: output,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Stops the server with SIGTERM, and waits until it has ended.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        kill_process(self.pid, Signal::TERM)?;
        let status = timeout(STOP, self.child.wait()).await??;
        if !status.success() {
            return Err(format!("the server ended with {status}").into());
        }
        Ok(())
    }

    /// Kills the server with SIGKILL, and waits until it has ended.
    pub(crate) async fn kill(&mut self) -> Outcome<()> {
        Ok(self.child.kill().await?)
    }

    /// Returns how the server ended, if it has ended by itself.
    pub(crate) fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Makes every write to a file fail, as on a full disk, or lets them succeed again.
    pub(crate) fn set_disk_full(&self, full: bool) -> Outcome<()> {
        let limit = Rlimit {
            current: full.then_some(0),
            maximum: None,
        };
        prlimit(Some(self.pid), Resource::Fsize, limit)?;
        Ok(())
    }
}

/// Returns the resident memory of a process in bytes.
pub(crate) fn resident(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns the number of file descriptors that a process has open.
pub(crate) fn descriptors(pid: Pid) -> Option<u64> {
    let entries = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).ok()?;
    entries.count().try_into().ok()
}
