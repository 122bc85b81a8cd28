//! `countersign`: the reference server and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign_server::run()
}
