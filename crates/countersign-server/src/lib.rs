//! The reference server of countersign and its command line, `countersign`.
//!
//! It composes the libraries: the store of `countersign-store`, the token endpoints of `countersign-wire`, and the
//! authentication and minting of `countersign`, over hyper. This crate adds configuration, composition and the
//! process; applications that embed the libraries do not need it.
//!
//! The command line, except for `serve`, the configuration and the operations of administration are in `countersign-cli`.
//! The modules form layers: `logging`, `issuer`, `http`, and `serve` on top.

mod http;
mod issuer;
mod logging;
mod serve;
mod trust;

use std::io;
use std::process::ExitCode;

use countersign_cli::command::{self, Invocation};
use countersign_cli::config::Environment;
use countersign_cli::error::CommandError;
use tokio::runtime::{Builder, Runtime};

/// Runs the command that the process's arguments name. Returns 0 on success, 1 on failure and 2 on a usage error.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match command::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let environment = Environment::new(std::env::vars_os());
    let (connections, store) = match runtimes() {
        Ok(runtimes) => runtimes,
        Err(error) => return command::fail(&format!("cannot start threads: {error}")),
    };
    let code = match Invocation::new(arguments, environment, store.handle().clone()) {
        Ok(invocation) => connections
            .block_on(invoke(invocation))
            .unwrap_or_else(|error| command::fail(&error.to_string())),
        Err(code) => code,
    };
    // A second signal exits at once, without waiting for tasks that are still running.
    connections.shutdown_background();
    store.shutdown_background();
    code
}

/// Starts the log, and runs the command.
async fn invoke(invocation: Invocation) -> Result<ExitCode, CommandError> {
    let context = invocation.context();
    let log = logging::start(&context.config.log, invocation.default_log_filter())?;
    let Some(arguments) = invocation.serve() else {
        return invocation.run().await;
    };
    tokio::select! {
        served = serve::run(context, arguments) => served,
        () = log.report_lost_lines() => Ok(ExitCode::FAILURE),
    }
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
