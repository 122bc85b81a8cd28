//! What happened in all runs.

use crate::clock::Moment;
use crate::faults::KINDS;
use crate::rules::Complete;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statistics {
    pub(crate) runs: u64,
    /// Events: messages, timers and faults. The claim is checked after each.
    pub(crate) steps: u64,
    pub(crate) changes: u64,
    pub(crate) acknowledged: u64,
    pub(crate) elapsed: u64,
    pub(crate) faults: [u64; KINDS.len()],
    /// Copies of messages that were lost, and that were doubled.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// From the commit to the complete receipt.
    pub(crate) latencies: Vec<Moment>,
}

impl Statistics {
    pub(crate) fn receipt(&mut self, complete: Complete, latency: Moment) {
        match complete {
            Complete::Acknowledged => self.acknowledged += 1,
            Complete::Elapsed => self.elapsed += 1,
        }
        self.latencies.push(latency);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.steps += other.steps;
        self.changes += other.changes;
        self.acknowledged += other.acknowledged;
        self.elapsed += other.elapsed;
        for (sum, count) in self.faults.iter_mut().zip(other.faults) {
            *sum += count;
        }
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.latencies.extend(other.latencies);
    }

    pub(crate) fn print(&mut self) {
        println!(
            "{} seeds, {} steps, {} changes",
            self.runs, self.steps, self.changes
        );
        println!(
            "complete receipts: {} acknowledged by all nodes, {} elapsed",
            self.acknowledged, self.elapsed
        );
        self.latencies.sort_unstable();
        if let Some(last) = self.latencies.len().checked_sub(1) {
            let at = |percent| self.latencies[last * percent / 100] / 1_000;
            println!(
                "from commit to complete receipt, with faults: p50 {} ms, p90 {} ms, max {} ms",
                at(50),
                at(90),
                at(100)
            );
        }
        println!("messages lost {}, doubled {}", self.lost, self.doubled);
        for (kind, count) in KINDS.iter().zip(self.faults) {
            println!("  {count:7} {kind}");
        }
    }
}
