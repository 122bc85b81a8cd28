//! The reference server of countersign and its command line, `countersign`.
//!
//! It composes the libraries: the store of `countersign-store`, the token endpoints of `countersign-wire`, and the
//! authentication and minting of `countersign`, over hyper. This crate adds configuration, composition and the
//! process; applications that embed the libraries do not need it.
//!
//! The modules form layers: configuration, `issuer`, `ops` (what can be administrated), `http`, and
//! `command` on top.

mod command;
mod config;
mod error;
mod http;
mod issuer;
mod logging;
mod ops;
mod schema;
mod trust;

use std::process::ExitCode;

use clap::Parser as _;

use crate::command::Arguments;
use crate::config::Environment;

/// Runs the command that the process's arguments name. Returns 0 on success, 1 on failure and 2 on a usage error.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return command::print_usage(&error),
    };
    let environment = Environment::new(std::env::vars_os());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return command::fail(&format!("cannot start threads: {error}")),
    };
    let code = runtime.block_on(command::run(arguments, environment));
    // A second signal exits at once, without waiting for tasks that are still running.
    runtime.shutdown_background();
    code
}
