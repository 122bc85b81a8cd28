//! The page of the figures, and its chart.

pub(crate) mod many_keys;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::figures::{Quantiles, millis};
use crate::measure::Results;

const WIDTH: f64 = 760.0;
const BAR: f64 = 18.0;
const LABELS: f64 = 330.0;

/// Writes the page and the chart into the folder of the documentation.
pub(crate) fn write(docs: &Path, results: &Results) {
    fs::write(docs.join("images/propagation.svg"), chart(results)).unwrap();
    let file = docs.join("propagation.md");
    let known = fs::read_to_string(&file).unwrap_or_default();
    let (_, many_keys) = split(&known);
    fs::write(&file, page(results) + many_keys).unwrap();
}

/// The heading of the last part of the page, which another command writes.
const MANY_KEYS: &str = "\n## Many keys\n";

/// Returns the page without its last part, and that part.
fn split(page: &str) -> (&str, &str) {
    page.split_at(page.find(MANY_KEYS).unwrap_or(page.len()))
}

/// Replaces the text of the last part of the page.
fn replace_many_keys(docs: &Path, text: &str) {
    let file = docs.join("propagation.md");
    let known = fs::read_to_string(&file).unwrap();
    let (page, _) = split(&known);
    fs::write(&file, [page, MANY_KEYS, text].concat()).unwrap();
}

fn page(results: &Results) -> String {
    let mut page = String::from(
        "# How fast a revocation reaches every node\n\n\
         [How a revocation reaches every node](distribution.md) has the protocol. This page has times, which this command measures, prints and writes \
         here:\n\n    cargo run --release -p countersign-propagation -- measure --write\n\n\
         It starts a PostgreSQL server that writes durably, and nodes on the same machine, and revokes API keys on one node, one at least a tenth of a second \
         after the other. The other nodes decide on requests with the same key every 0.5 ms, or every 2 ms if there are fifty; each of the two nodes also decides on 1,000 requests a \
         second with other keys, each of the fifty on 20. *Call to rejection* begins before the transaction of the revocation and ends with the rejection on the \
         last node; *commit to rejection* begins with the time of the commit in PostgreSQL; *return to receipt* begins when the call has returned. All nodes, the requests and PostgreSQL share the processors of the machine.\n\n",
    );
    let _ = writeln!(page, "{}\n", results.machine);
    let _ = writeln!(
        page,
        "A durable insert with a notification, from the call until another connection has the notification: {}.\n",
        results.durable_insert
    );
    page.push_str("![Commit to rejection](images/propagation.svg)\n\n");
    page.push_str("| p50 / p99 / greatest, in ms | revocations | call to rejection | commit to rejection | return to receipt | accepted after the receipt |\n|---|---|---|---|---|---|\n");
    for measured in &results.measured {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            measured.name,
            measured.revocations,
            cells(measured.from_call),
            cells(measured.from_commit),
            cells(measured.receipt),
            measured.accepted_late,
        );
    }
    page.push_str(
        "\nA node polls every 50 ms, and PostgreSQL wakes it when a change is committed, at most ten times a second. Revocations that follow each other faster, and those whose \
         notification is lost, wait for the next poll.\n\n## Faults\n\n",
    );
    let stopped = results.stopped;
    let _ = writeln!(
        page,
        "The database stopped for {} s, with `max_staleness` at 5 s: the nodes accepted requests for {} ms more, and answered 503 then. All decided again {} ms after the \
         restart.\n",
        stopped.outage.as_secs(),
        millis(stopped.accepted_for),
        millis(stopped.healed_after)
    );
    page.push_str("A node was stopped by SIGSTOP while another revoked a key, and continued after the receipt:\n\n| p50 / p99 / greatest, in ms | times | the revocation | return to receipt | continued to rejection | accepted after it continued |\n|---|---|---|---|---|---|\n");
    for frozen in &results.frozen {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            frozen.name,
            frozen.rounds,
            cells(frozen.revocation),
            cells(frozen.receipt),
            cells(frozen.healed_after),
            frozen.accepted
        );
    }
    page.push_str(
        "\nThe receipt waits until the view of the stopped node is stale, as the writer knows from its own clock, and the row of the node is removed. In the middle of a transaction, a stopped node holds the lock of all changes, \
         until PostgreSQL ends its transaction after 5 s.\n",
    );
    page
}

fn cells(times: Quantiles) -> String {
    format!(
        "{} / {} / {}",
        millis(times.p50),
        millis(times.p99),
        millis(times.max)
    )
}

/// Describes the machine, and what else it does at present.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "Measured on {count} processors ({model}), Linux. The load average was {load} at the beginning."
    )
}

/// Draws p50 and p99 of the commit to the rejection, with a logarithmic axis.
fn chart(results: &Results) -> String {
    let rows: Vec<_> = results
        .measured
        .iter()
        .flat_map(|measured| {
            let times = measured.from_commit;
            [
                (format!("{}, p50", measured.name), times.p50, "a"),
                ("p99".to_owned(), times.p99, "b"),
            ]
        })
        .collect();
    let height = BAR * (rows.len() as f64 + 2.0);
    let most = rows
        .iter()
        .map(|(_, time, _)| time.as_secs_f64())
        .fold(1e-3, f64::max);
    let length = |seconds: f64| {
        // The axis begins at 0.1 ms.
        let share = (seconds.max(2e-4) / 1e-4).ln() / (most / 1e-4).ln();
        (WIDTH - LABELS - 80.0) * share
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\">\n\
         <title>From the commit of a revocation to the rejection on the last node</title>\n<style>\n\
         text {{ font: 12px system-ui, sans-serif; fill: #1f2328 }} .a {{ fill: #0969da }} .b {{ fill: #8c959f }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .a {{ fill: #4493f8 }} .b {{ fill: #6e7681 }} }}\n</style>\n"
    );
    for (index, (name, time, class)) in rows.iter().enumerate() {
        let (top, length) = (BAR * index as f64, length(time.as_secs_f64()));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\n\
             <rect class=\"{class}\" x=\"{LABELS}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\"/>\n\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            LABELS - 8.0,
            top + 13.0,
            top + 2.0,
            BAR - 4.0,
            LABELS + length + 6.0,
            top + 13.0,
            millis(*time),
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LABELS}\" y=\"{}\">milliseconds, logarithmic</text>\n</svg>",
        BAR * (rows.len() as f64 + 1.2)
    );
    svg
}
