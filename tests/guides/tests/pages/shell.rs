//! One shell for the commands of a page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::programs::programs;

/// The seconds that the commands of a page can take.
const TIMEOUT: &str = "300";
const LOOPBACK: &str = "127.0.0.1:";

/// The ports that the pages name, and free ports in their place, so that several pages can be run at the same time.
#[derive(Debug, Default)]
pub(crate) struct Ports(BTreeMap<u16, u16>);

impl Ports {
    /// Finds the ports of the loopback in each text.
    pub(crate) fn for_each<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Self> {
        let mut free = free_ports();
        let named = texts.map(named_ports);
        named
            .map(|named| Self(named.into_iter().zip(&mut free).collect()))
            .collect()
    }

    /// Replaces the ports in a text.
    pub(crate) fn replace(&self, text: &str) -> String {
        let mut replaced = text.to_owned();
        for (named, free) in &self.0 {
            replaced =
                replaced.replace(&format!("{LOOPBACK}{named}"), &format!("{LOOPBACK}{free}"));
        }
        replaced
    }
}

/// Returns the ports of the loopback in a text, and the port on which the server listens if no other is given.
fn named_ports(text: &str) -> BTreeSet<u16> {
    let mut named = BTreeSet::from([8080]);
    for (at, _) in text.match_indices(LOOPBACK) {
        let digits = text[at + LOOPBACK.len()..].chars();
        let digits: String = digits.take_while(char::is_ascii_digit).collect();
        named.extend(digits.parse::<u16>());
    }
    named
}

/// Returns ports of the loopback that no process listens on. They are below those that Linux gives to connections, so that
/// no other process gets one by chance, and differ between the processes of a test run.
fn free_ports() -> impl Iterator<Item = u16> {
    let first = (std::process::id() % 1000) as u16 * 12;
    let ports = (0..12_000).map(move |offset| 20_000 + (first + offset) % 12_000);
    ports.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// The result of the commands of a page.
#[derive(Debug)]
pub(crate) struct Run {
    /// The output of each script that was begun.
    pub(crate) outputs: Vec<String>,
    pub(crate) errors: String,
    pub(crate) success: bool,
}

/// Runs scripts one after the other in one shell, in an empty folder, until a command fails. Programs that they leave in the
/// background are ended. If they use `$DATABASE_URL` or `$EMPTY_DATABASE_URL`, each is the URL of an empty PostgreSQL database of its own.
pub(crate) fn run(scripts: &[String], ports: &Ports) -> Run {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("try");
    fs::create_dir(&folder).unwrap();
    let path = path_with_programs(&home.path().join("bin"));
    let mut script =
        String::from("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT\n");
    for part in scripts {
        script += &format!("printf '\\036'\n{part}\n");
    }
    let mut command = Command::new("timeout");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    for name in ["DATABASE_URL", "EMPTY_DATABASE_URL"] {
        if script.contains(&format!("${name}")) {
            command.env(name, countersign_test_postgres::new_database());
        }
    }
    let output = command
        .args([TIMEOUT, "bash", "-c", &ports.replace(&script)])
        .env("HOME", home.path())
        .env("PATH", path)
        .env("no_proxy", "*")
        .env(
            "COUNTERSIGN_SERVER__LISTEN",
            ports.replace("127.0.0.1:8080"),
        )
        .current_dir(&folder)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let outputs = printed.split('\u{1e}').skip(1);
    Run {
        outputs: outputs.map(str::to_owned).collect(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        success: output.status.success(),
    }
}

/// Links the programs into a folder, and returns `PATH` with it.
fn path_with_programs(folder: &Path) -> String {
    fs::create_dir(folder).unwrap();
    for (name, program) in programs() {
        symlink(program, folder.join(name)).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", folder.display())
}

#[test]
fn ports_on_a_page_are_replaced_by_free_ones() {
    let ports = Ports::for_each(["curl http://127.0.0.1:3000/calls 127.0.0.1:8081"].into_iter());
    let replaced =
        ports[0].replace("http://127.0.0.1:3000/a 127.0.0.1:8080 127.0.0.1:8081 127.0.0.1/8");
    assert!(replaced.ends_with(" 127.0.0.1/8"), "{replaced}");
    for named in ["3000", "8080", "8081"] {
        assert!(!replaced.contains(named), "{replaced}");
    }
}
