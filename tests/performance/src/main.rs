//! Measures what authentication and minting cost, beside other programs and libraries. See `docs/performance.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign_performance::run()
}
