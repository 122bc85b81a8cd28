//! Counts of allocations and instructions, by other processes.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;

use crate::{Effort, build};

/// The repetitions of the two runs under callgrind. The difference is what counts, so that the start does not.
const FEW: u64 = 20;
const MANY: u64 = 120;

/// Returns the allocations of each path.
pub(super) fn allocations(names: &[&str]) -> BTreeMap<String, f64> {
    // Preparing a million keys takes seconds, and their allocations are those of one key.
    let names = names.iter().filter(|name| !name.contains("10^6"));
    let output = Command::new(build::program("allocations"))
        .args(names)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let count = |line: &str| {
        let (count, name) = line.split_once('\t').unwrap();
        (name.to_owned(), count.parse().unwrap())
    };
    lines.lines().map(count).collect()
}

/// Returns the instructions of each path, or `None` without valgrind.
pub(super) fn instructions(names: &[&str], effort: Effort) -> Option<BTreeMap<String, f64>> {
    Command::new("valgrind").arg("--version").output().ok()?;
    let names: Vec<&str> = match effort.quick {
        true => names
            .iter()
            .copied()
            .filter(|name| name.contains("HS256"))
            .collect(),
        false => names.to_vec(),
    };
    let waiting = Mutex::new(names);
    let counted = Mutex::new(BTreeMap::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let Some(name) = waiting.lock().unwrap().pop() else {
                        return;
                    };
                    let [few, many] = [FEW, MANY].map(|times| collected(name, times));
                    let count = (many.saturating_sub(few)) as f64 / (MANY - FEW) as f64;
                    counted.lock().unwrap().insert(name.to_owned(), count);
                }
            });
        }
    });
    counted.into_inner().ok()
}

/// Returns the instructions of a process that takes a path this many times.
fn collected(path: &str, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["take", path, &times.to_string()])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{path}: {log}");
    let line = log.lines().find_map(|line| line.split_once("Collected : "));
    let (_, counted) = line.unwrap_or_else(|| panic!("callgrind reported no number: {log}"));
    counted.trim().parse().unwrap()
}
