//! The memory and the descriptors of the server during an attack.

use std::time::Duration;

use rustix::process::Pid;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::Outcome;
use crate::server::{descriptors, resident};

const PERIOD: Duration = Duration::from_millis(50);

/// Observes a server until it is stopped.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Peaks>,
}

/// What a server used during an attack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peaks {
    /// Bytes.
    pub(crate) memory_before: u64,
    /// Bytes.
    pub(crate) memory: u64,
    pub(crate) descriptors_before: u64,
    pub(crate) descriptors: u64,
    pub(crate) descriptors_after: u64,
}

impl Watch {
    pub(crate) fn start(pid: Pid) -> Outcome<Self> {
        let memory = resident(pid).ok_or("the server has ended")?;
        let open = descriptors(pid).ok_or("the server has ended")?;
        let mut peaks = Peaks {
            memory_before: memory,
            memory,
            descriptors_before: open,
            descriptors: open,
            descriptors_after: open,
        };
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ticks = interval(PERIOD);
            loop {
                if let (Some(memory), Some(open)) = (resident(pid), descriptors(pid)) {
                    peaks.memory = peaks.memory.max(memory);
                    peaks.descriptors = peaks.descriptors.max(open);
                    peaks.descriptors_after = open;
                }
                tokio::select! {
                    _ = &mut stopped => return peaks,
                    _ = ticks.tick() => {}
                }
            }
        });
        Ok(Self { stop, task })
    }

    pub(crate) async fn stop(self) -> Outcome<Peaks> {
        // An error means that the task has ended already; its result says why.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}
