//! How long the server takes to compile from an empty folder.

use std::time::Instant;

use crate::report::{Part, Table};
use crate::{Effort, build, versions};

pub(crate) fn measure(_: Effort) -> Part {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let status = build::cargo()
        .args([
            "build",
            "--release",
            "--package",
            "countersign-server",
            "--locked",
        ])
        .env("CARGO_TARGET_DIR", folder.path())
        .status()
        .unwrap();
    assert!(status.success(), "the server does not compile");
    let seconds = begun.elapsed().as_secs_f64();
    let mut table = Table::new(
        "cold-build",
        "Cold build",
        "`cargo build --release -p countersign-server` with an empty target folder and downloaded packages.",
        &["seconds"],
    );
    table.row("countersign-server", vec![Some(seconds)]);
    let mut part = Part::new("cold-build", vec![table]);
    part.versions = vec![versions::rust()];
    part
}
