//! The processor instructions of authentication and minting, counted by callgrind and compared with `counts.txt`.
//!
//! ```text
//! cargo run --release -p countersign-instructions               # compares; exits with 1 if a path became more expensive
//! cargo run --release -p countersign-instructions -- --write    # writes the numbers
//! ```
//!
//! Instructions hardly depend on the machine and its load. Times do: `tests/performance` compares them within one run.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

mod callgrind;
mod paths;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        [] => callgrind::compare(),
        ["--write"] => callgrind::write(),
        ["--run", path, times] => {
            let mut run = paths::path(path).expect("a path of the list");
            run(times.parse().expect("a number"));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: countersign-instructions [--write]");
            ExitCode::from(2)
        }
    }
}
