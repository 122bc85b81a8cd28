//! Counts instructions: each path runs twice under callgrind, and the difference is divided by the difference of the
//! repetitions, so that the start of the program does not count.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use crate::paths::PATHS;

const COUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.txt");
/// How many percent a path may become more expensive. Compilers and versions of the cryptographic library differ by less.
const TOLERANCE: u64 = 10;
/// How many instructions more are allowed in any case: the growth of tables and the allocator vary by so many from one
/// process to the next, which is more than [`TOLERANCE`] of the shortest paths.
const VARIATION: u64 = 500;
const FEW: u64 = 500;
const MANY: u64 = 2500;

pub(crate) fn write() -> ExitCode {
    let mut text = String::new();
    for path in PATHS {
        let counted = count(path);
        println!("{counted:>9}  {path}");
        writeln!(text, "{path} {counted}").unwrap();
    }
    fs::write(COUNTS, text).expect("counts.txt can be written");
    ExitCode::SUCCESS
}

pub(crate) fn compare() -> ExitCode {
    let text = fs::read_to_string(COUNTS).expect("counts.txt can be read");
    let known: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(path, counted)| (path, counted.parse().expect("a number in counts.txt")))
        .collect();
    let mut exceeded = false;
    println!("  counted   written  path");
    for path in PATHS {
        let (counted, written) = (count(path), known.get(path).copied().unwrap_or(0));
        let is_exceeded = counted > written + (written * TOLERANCE / 100).max(VARIATION);
        let mark = if is_exceeded {
            "  more than written"
        } else {
            ""
        };
        println!("{counted:>9} {written:>9}  {path}{mark}");
        exceeded |= is_exceeded;
    }
    if exceeded {
        println!("make the marked paths cheaper, or write the numbers with --write and say why");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn count(path: &str) -> u64 {
    let [few, many] = [FEW, MANY].map(|times| collected(path, times));
    many.saturating_sub(few) / (MANY - FEW)
}

/// Returns the instructions of a process that takes a path this many times.
fn collected(path: &str, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("the program has a path"))
        .args(["--run", path, &times.to_string()])
        .stdin(Stdio::null())
        .output()
        .expect("valgrind is installed");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{path}: {log}");
    let line = log.lines().find_map(|line| line.split_once("Collected : "));
    let (_, counted) = line.unwrap_or_else(|| panic!("callgrind reported no number: {log}"));
    counted.trim().parse().expect("a number of callgrind")
}
