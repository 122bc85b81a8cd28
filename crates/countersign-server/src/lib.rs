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

use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

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
    let (connections, store) = match runtimes() {
        Ok(runtimes) => runtimes,
        Err(error) => return command::fail(&format!("cannot start threads: {error}")),
    };
    let code = connections.block_on(command::run(arguments, environment, store.handle().clone()));
    // A second signal exits at once, without waiting for tasks that are still running.
    connections.shutdown_background();
    store.shutdown_background();
    code
}

/// Starts the runtime of the connections, and that of the store.
fn runtimes() -> io::Result<(Runtime, Runtime)> {
    let connections = Builder::new_multi_thread().enable_all().build()?;
    let store = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("store")
        .enable_all()
        .build()?;
    Ok((connections, store))
}
