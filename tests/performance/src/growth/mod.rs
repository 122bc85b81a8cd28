//! How cost grows with keys, scopes, signing keys, denials and cores.

mod database;
pub(crate) mod memory;
mod paths;

use std::process::Command;

pub(crate) use database::opening;
use paths::Shared;
use serde_json::Value;

use crate::report::{Part, Table};
use crate::timing::{Run, median, medians};
use crate::{Effort, versions};

pub(crate) fn measure(effort: Effort) -> Part {
    let mut tables = keys(effort);
    tables.push(scopes(effort));
    tables.push(signing_keys(effort));
    tables.push(denials(effort));
    tables.push(cores(effort));
    tables.push(tokens(effort));
    tables.extend(database::measure(effort));
    let mut part = Part::new("growth", tables);
    part.versions = ["papaya", "quick_cache", "sqlx", "libsqlite3-sys"]
        .map(versions::package)
        .into();
    part
}

/// Writes a number as the power of ten that it is, or as it is.
pub(crate) fn label(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ if 10_u64.pow(number.ilog10()) == number => format!("10^{}", number.ilog10()),
        _ => number.to_string(),
    }
}

/// Runs this program to measure memory, and returns the lines that it prints.
fn memory(subject: &str, count: u64) -> Vec<Value> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command
        .args(["memory", subject, &count.to_string()])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{subject}: {errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn keys(effort: Effort) -> Vec<Table> {
    let mut time = Table::new(
        "keys",
        "API keys in memory",
        "An API key in a process with this many, one of a thousand that are used.",
        &["ns"],
    )
    .lines();
    let mut bytes = Table::new(
        "bytes",
        "Memory of API keys",
        "Resident memory, divided by the keys: without names and networks, with four scopes.",
        &["bytes a key"],
    );
    for line in memory("keys", effort.of(10_000_000, 100_000)) {
        let name = label(line["keys"].as_u64().unwrap());
        time.row(&name, vec![line["ns"].as_f64()]);
        bytes.row(&name, vec![line["bytes"].as_f64()]);
    }
    vec![time, bytes]
}

fn tokens(effort: Effort) -> Table {
    let count = effort.of(10_000_000, 100_000);
    let note = format!(
        "The resident memory of a process with the default cache, after 10,000 tokens and after {} (HS256), each presented once.",
        label(count)
    );
    let columns = ["MiB before", "MiB after"];
    let mut table = Table::new("tokens", "Floods of distinct tokens", &note, &columns);
    for (subject, name) in [
        ("valid-tokens", "countersign, valid"),
        ("invalid-tokens", "countersign, invalid"),
    ] {
        let line = memory(subject, count).pop().unwrap();
        let mib = |name: &str| line[name].as_f64().map(|bytes| bytes / f64::from(1 << 20));
        table.row(name, vec![mib("before"), mib("after")]);
    }
    table
}

/// Makes a table with a row for each number and a column for each path.
fn grown<const N: usize>(
    mut table: Table,
    numbers: &[u64],
    make: fn(u64) -> [Run; N],
    effort: Effort,
) -> Table {
    let mut runs: Vec<Run> = numbers.iter().flat_map(|&number| make(number)).collect();
    let times = medians(&mut runs, effort.of(40, 5));
    for (number, times) in numbers.iter().zip(times.chunks(N)) {
        table.row(&label(*number), times.iter().copied().map(Some).collect());
    }
    table.lines()
}

fn scopes(effort: Effort) -> Table {
    let columns = ["bearer, cached, ns", "bearer, no cache, ns", "API key, ns"];
    let note = "HS256 tokens and API keys with this many scopes.";
    let table = Table::new("scopes", "Scopes", note, &columns);
    grown(table, &[1, 4, 16, 64], paths::scopes, effort)
}

fn signing_keys(effort: Effort) -> Table {
    let columns = ["bearer, cached, ns", "bearer, no cache, ns"];
    let note = "An issuer with this many HS256 keys, of which one signed the token.";
    let table = Table::new("signing-keys", "Signing keys", note, &columns);
    grown(table, &[1, 10, 100, 1000], paths::signing_keys, effort)
}

fn denials(effort: Effort) -> Table {
    let columns = ["bearer, cached, ns", "bearer, no cache, ns"];
    let note = "A directory with this many denied credentials.";
    let table = Table::new("denials", "Denials", note, &columns);
    grown(
        table,
        &[0, 1000, 10_000, 100_000, 1_000_000],
        paths::denials,
        effort,
    )
}

pub(crate) fn cores(effort: Effort) -> Table {
    let note = "Requests with a cached bearer token that this many threads authenticate at the same time, in millions a \
        second: with one service and one token, and with a service for each thread.";
    let columns = ["million requests/s", "nothing shared, million requests/s"];
    let mut table = Table::new("cores", "Cores", note, &columns);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = effort.of(500_000, 50_000);
    let ways = [Shared::Service, Shared::Nothing];
    let rows: Vec<(usize, Shared)> = (1..=cores)
        .flat_map(|threads| ways.map(|shared| (threads, shared)))
        .collect();
    let mut samples = vec![Vec::new(); rows.len()];
    for _ in 0..effort.of(9, 1) {
        for ((threads, shared), samples) in rows.iter().zip(&mut samples) {
            samples.push(paths::parallel(*threads, each, *shared) / 1e6);
        }
    }
    let mut medians = samples.iter_mut().map(|samples| Some(median(samples)));
    for threads in 1..=cores {
        table.row(
            &threads.to_string(),
            medians.by_ref().take(ways.len()).collect(),
        );
    }
    table
}
