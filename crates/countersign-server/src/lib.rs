//! The reference server of countersign and its command line, `countersign`.
//!
//! It is the library, composed: records from `countersign-store`, the shapes of `countersign-wire`, and the
//! judging and minting of `countersign`, over hyper. What is here is configuration, composition and the
//! process; nothing of it is needed to use the library.

mod command;
mod config;
mod failure;
mod http;
mod issuer;
mod logging;
mod sessions;

use std::process::ExitCode;

use clap::Parser as _;

use crate::command::Arguments;
use crate::config::Environment;

/// Runs the command that the process's arguments name, and says how it went: 0 done, 1 not, 2 bad usage.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return command::explain(&error),
    };
    let environment = Environment::new(std::env::vars_os());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return command::fail(&format!("no threads can be had: {error}")),
    };
    let code = runtime.block_on(command::run(arguments, environment));
    // A second signal exits at once: whatever still runs is not waited for.
    runtime.shutdown_background();
    code
}
