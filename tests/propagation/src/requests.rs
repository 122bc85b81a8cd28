//! Requests to nodes at a fixed rate, with keys that are valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::node::{Decision, Key, Node};

/// A thread that sends requests to all nodes in turn.
pub(crate) struct Requests {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Decided>,
}

/// What the nodes have decided.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decided {
    pub(crate) accepted: usize,
    /// Valid keys that were rejected.
    pub(crate) rejected: usize,
    pub(crate) undecided: usize,
    /// When the last request was accepted before the first that was not decided, and when the first was not.
    pub(crate) last_accepted: Option<Instant>,
    pub(crate) first_undecided: Option<Instant>,
}

impl Requests {
    /// Begins to send `rate` requests a second to each node.
    pub(crate) fn begin(nodes: &[Arc<Node>], keys: Vec<Key>, rate: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (nodes, stopped) = (nodes.to_vec(), Arc::clone(&stop));
        let count = u32::try_from(nodes.len()).unwrap();
        let period = Duration::from_secs(1) / (rate * count);
        let thread = thread::spawn(move || {
            let (mut decided, mut due) = (Decided::default(), Instant::now());
            for (node, key) in nodes.iter().cycle().zip(keys.iter().cycle()) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                due += period;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                decided.count(node.decide(&key.secret));
            }
            decided
        });
        Self { stop, thread }
    }

    pub(crate) fn end(self) -> Decided {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Decided {
    fn count(&mut self, decision: Decision) {
        match decision {
            Decision::Accepted => {
                self.accepted += 1;
                if self.first_undecided.is_none() {
                    self.last_accepted = Some(Instant::now());
                }
            }
            Decision::Rejected => self.rejected += 1,
            Decision::Undecided => {
                self.undecided += 1;
                self.first_undecided.get_or_insert_with(Instant::now);
            }
        }
    }
}
