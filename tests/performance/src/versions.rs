//! Where and with what was measured.

use std::fs;
use std::process::Command;

use time::OffsetDateTime;

const LOCK: &str = include_str!("../../../Cargo.lock");

/// Returns the date and time in UTC, to the minute.
pub(crate) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let (hour, minute, _) = now.to_hms();
    format!("{} {hour:02}:{minute:02} UTC", now.date())
}

/// Returns the processor, the number of its cores, and the operating system.
pub(crate) fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find(|line| line.starts_with("model name"));
    let processor = processor
        .and_then(|line| line.split(": ").nth(1))
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let system = output("uname", &["-s", "-r"]).unwrap_or_default();
    format!("{processor}, {cores} cores, {}", system.trim())
}

/// Returns a package with its locked versions.
pub(crate) fn package(name: &str) -> String {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let versions = LOCK.match_indices(&entry);
    let versions = versions.filter_map(|(at, _)| LOCK[at + entry.len()..].split('"').next());
    format!("{name} {}", versions.collect::<Vec<_>>().join(" and "))
}

pub(crate) fn rust() -> String {
    let version = output("rustc", &["--version"]).unwrap_or_default();
    version
        .split('(')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Returns the line that a program prints about its version.
pub(crate) fn program(program: &str, arguments: &[&str]) -> Option<String> {
    let text = output(program, arguments)?;
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    Some(line.trim().to_owned())
}

/// Returns this name with the version that a program prints, such as `Envoy 1.40.0`.
pub(crate) fn named(name: &str, program_file: &str, argument: &str) -> Option<String> {
    let line = program(program_file, &[argument])?;
    let mut numbers = line.split(|c: char| !c.is_ascii_digit() && c != '.');
    let version = numbers.find(|number| number.matches('.').count() == 2)?;
    Some(format!("{name} {version}"))
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}
