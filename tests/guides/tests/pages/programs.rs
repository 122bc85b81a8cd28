//! The programs that the commands on the pages start.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// The packages and the names of their programs.
const PROGRAMS: &[(&str, &str)] = &[
    ("countersign-server", "countersign"),
    ("first-service", "first-service"),
];

/// The paths of the programs, which are built once with their default features.
static PATHS: LazyLock<Vec<(&str, PathBuf)>> = LazyLock::new(|| {
    let built = PROGRAMS.iter();
    built
        .map(|(package, name)| (*name, build(package, name)))
        .collect()
});

/// Returns the name and the path of each program.
pub(crate) fn programs() -> &'static [(&'static str, PathBuf)] {
    &PATHS
}

fn build(package: &str, name: &str) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--package", package, "--bin", name])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let messages = String::from_utf8(built.stdout).unwrap();
    let executable = messages
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&built.stderr)))
}
