//! Builds what is measured: the server as its users build it, and the programs of this package.

use std::path::PathBuf;
use std::process::Command;

use crate::workspace;

pub(crate) fn build() {
    if cfg!(debug_assertions) {
        panic!("run it with --release");
    }
    for arguments in [
        &["--package", "countersign-server"][..],
        &[
            "--package",
            "countersign-performance",
            "--bin",
            "allocations",
        ],
    ] {
        let status = cargo()
            .args(["build", "--release"])
            .args(arguments)
            .status()
            .unwrap();
        assert!(status.success(), "cargo build {arguments:?} failed");
    }
}

pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// Returns the path of a program that was built, beside this one.
pub(crate) fn program(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}
