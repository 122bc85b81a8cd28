//! Measurements: latencies and statuses of clients, memory and descriptors of the server.

mod bystander;
mod figures;
mod flood;
mod watch;

pub(crate) use bystander::Bystander;
pub(crate) use figures::Figures;
pub(crate) use flood::Flood;
pub(crate) use watch::{Peaks, Watch};

use crate::report::{Report, milliseconds};
use std::time::Duration;

/// How long a client that does no harm may wait for a response during an attack.
const BYSTANDER_LIMIT: Duration = Duration::from_secs(1);
/// How much the resident memory may grow during an attack.
const MEMORY_LIMIT: u64 = 64 << 20;

/// Reports the requests of a bystander, and checks that all succeeded in time.
pub(crate) fn check_bystander(figures: &Figures, report: &mut Report) {
    report.figure("bystander", figures);
    let slowest = figures.slowest();
    report.check(
        "the bystander's requests succeed",
        figures.all_have("200"),
        figures.statuses(),
    );
    report.check(
        "the bystander waits less than 1 s",
        slowest < BYSTANDER_LIMIT,
        milliseconds(slowest),
    );
}

/// Reports memory and descriptors, and checks that the memory grew by less than 64 MiB.
pub(crate) fn check_memory(peaks: &Peaks, report: &mut Report) {
    use crate::report::mebibytes;
    report.figure(
        "resident memory",
        format!(
            "{} before, {} at most",
            mebibytes(peaks.memory_before),
            mebibytes(peaks.memory)
        ),
    );
    report.figure(
        "descriptors",
        format!(
            "{} before, {} at most, {} at the end",
            peaks.descriptors_before, peaks.descriptors, peaks.descriptors_after
        ),
    );
    let growth = peaks.memory.saturating_sub(peaks.memory_before);
    report.check(
        "the memory grows by less than 64 MiB",
        growth < MEMORY_LIMIT,
        mebibytes(growth),
    );
}
