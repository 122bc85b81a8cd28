//! A long run under load, in which faults happen every few seconds. Each response is compared with what the acknowledged
//! changes require.

mod changes;
mod faults;
mod load;
mod oracle;
mod random;
mod samples;
mod subject;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::Outcome;
use crate::report::{Report, milliseconds};
use crate::server::{Binary, Home, Server};
use changes::Changes;
use faults::Faults;
use load::Load;
use oracle::Oracle;
use samples::Samples;

/// The load mints more tokens for a credential than the server allows without this setting.
const CONFIGURATION: &str = "[limits]\nmints = { per = \"1m\", burst = 1000000 }\n";
/// How long the capacity is measured.
const MEASUREMENT: Duration = Duration::from_secs(5);
/// The most by which the memory may grow in a minute, in bytes.
const MEMORY_SLOPE: f64 = 256.0 * 1024.0;
/// The most by which the number of descriptors may grow in a minute.
const DESCRIPTOR_SLOPE: f64 = 1.0;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The duration in minutes
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// The part of the measured capacity that is used
    #[arg(long, default_value_t = 0.7)]
    load: f64,
    /// The seconds from one fault to the next
    #[arg(long, default_value_t = 10)]
    fault_every: u64,
    /// The number of keys
    #[arg(long, default_value_t = 40)]
    keys: usize,
    /// The number of connections of the load
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let home = Home::with_clock(binary, CONFIGURATION)?;
    let operators = [
        home.create_key("operator", "*").await?,
        home.create_key("operator", "*").await?,
    ];
    let server = Server::start(&home).await?;
    let address = server.address();
    let oracle = Arc::new(Oracle::new(options.keys));
    let mut changes = Changes::new(address, operators, Arc::clone(&oracle));
    changes.create_all().await?;

    report.title("Capacity");
    let load = Load {
        address,
        oracle: Arc::clone(&oracle),
        connections: options.connections,
    };
    let measured = load.run(f64::INFINITY, MEASUREMENT).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let capacity = measured.figures.count() as f64 / MEASUREMENT.as_secs_f64();
    let per_second = capacity * options.load;
    report.figure("requests in a second", format!("{capacity:.0}"));
    report.figure("responses", &measured.figures);

    let (minutes, fault_every) = (options.minutes, Duration::from_secs(options.fault_every));
    report.title(&format!(
        "{minutes} minutes with {per_second:.0} requests in a second, a fault every {fault_every:?}"
    ));
    let duration = Duration::from_secs_f64(minutes * 60.0);
    let end = Instant::now() + duration;
    // In the last third, one process runs to the end, so that the slopes of its memory and descriptors can be seen.
    let last_kill = Instant::now() + duration.mul_f64(2.0 / 3.0);
    let (pid, observed) = watch::channel(server.pid());
    let mut faults = Faults {
        home: &home,
        server,
        pid,
        oracle: Arc::clone(&oracle),
    };
    let (loaded, changed, samples, counts) = tokio::join!(
        load.run(per_second, duration),
        changes.run(end),
        Samples::take(end, observed),
        faults.run(end, last_kill, fault_every),
    );
    let (loaded, counts) = (loaded?, counts?);
    report.figure("faults", &counts);
    report.figure("changes", changed);
    report.figure("responses", &loaded.figures);
    report.figure(
        "slowest outside of faults",
        milliseconds(loaded.slowest_in_peace),
    );
    report.figure("undecided outside of faults", loaded.undecided_in_peace);
    for wrong in oracle.wrong() {
        report.figure("wrong or internal error", wrong);
    }
    report.check(
        "no decision is wrong",
        oracle.wrong_count() == 0,
        format!("{} of {}", oracle.wrong_count(), oracle.decisions()),
    );
    report.check(
        "the server does not end by itself",
        counts.crashes == 0,
        counts.crashes,
    );
    let errors = loaded.figures.with_status("500");
    report.check("there is no internal error", errors == 0, errors);
    samples.check(MEMORY_SLOPE, DESCRIPTOR_SLOPE, report);
    faults.server.stop().await?;
    let (succeeded, output) = home.try_run(&["audit", "verify"]).await?;
    report.check("`audit verify` succeeds", succeeded, output.trim());
    let (_, output) = home.try_run(&["doctor"]).await?;
    // The newest records were written while the clock was ahead, which `doctor` reports.
    let faults = output.lines().filter(|line| line.starts_with("fail"));
    let faults: Vec<_> = faults.filter(|line| !line.contains(" clock ")).collect();
    report.check(
        "`doctor` finds no fault but the clock",
        faults.is_empty(),
        faults.join("; "),
    );
    Ok(())
}
