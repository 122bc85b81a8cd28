//! Attacks on a running server, and a long run under faults.
//!
//!     cargo run --release -p countersign-attacks -- window-zero
//!     cargo run --release -p countersign-attacks -- soak --minutes 30 --load 0.7
//!
//! Each command starts a server on the loopback with a temporary folder, attacks it, and prints memory, latencies and
//! statuses, and `PASS` or `FAIL` for each limit. The exit status is 1 if a limit was exceeded. The server is stopped at
//! the end, also after an error.

mod attacks;
mod http1;
mod http2;
mod measure;
mod message;
mod report;
mod server;
mod soak;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use attacks::{
    admin_flood, clock, csrf, growth, key_flood, lockout, many_connections, pipeline, reload,
    window_zero,
};
use report::Report;
use server::Binary;

/// The result of a step that the attack depends on.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Attack a server that this command starts, and check the limits that must hold.
#[derive(Parser)]
#[command(name = "countersign-attacks")]
struct Arguments {
    /// The server binary to attack; without it, `cargo build --release` builds one
    #[arg(long, global = true)]
    binary: Option<PathBuf>,
    /// The library libfaketime of the attacks that set the wall clock
    #[arg(
        long,
        global = true,
        default_value = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
    )]
    faketime: PathBuf,
    #[command(subcommand)]
    attack: Attack,
}

#[derive(Subcommand)]
enum Attack {
    /// Request large documents over HTTP/2 with a flow-control window of 0
    WindowZero(window_zero::Options),
    /// Pipeline requests over HTTP/1.1 and never read a response
    Pipeline(pipeline::Options),
    /// Hold more connections than the server has file descriptors
    ManyConnections(many_connections::Options),
    /// Flood the store with a key that has no useful scopes
    KeyFlood(key_flood::Options),
    /// Flood the administration with the key of a tenant's administrator
    AdminFlood(admin_flood::Options),
    /// Start the server with a wrong clock, and set the clock while it runs
    Clock(clock::Options),
    /// Send wrong passwords from many networks of one IPv6 /48
    Lockout(lockout::Options),
    /// Send requests as a browser does for a page of another site
    Csrf(csrf::Options),
    /// Repeat one revocation, and let managed tokens expire
    Growth(growth::Options),
    /// Replace the certificate and the configuration under load
    Reload(reload::Options),
    /// Load the server for a long time while faults happen
    Soak(soak::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut report = Report::default();
    let ended = tokio::select! {
        ended = run(arguments, &mut report) => ended,
        () = interruption() => Err("interrupted".into()),
    };
    match ended {
        Ok(()) if report.passed() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments, report: &mut Report) -> Outcome<()> {
    allow_descriptors()?;
    let binary = Binary::new(arguments.binary, arguments.faketime)?;
    match arguments.attack {
        Attack::WindowZero(options) => window_zero::run(&options, &binary, report).await,
        Attack::Pipeline(options) => pipeline::run(&options, &binary, report).await,
        Attack::ManyConnections(options) => many_connections::run(&options, &binary, report).await,
        Attack::KeyFlood(options) => key_flood::run(&options, &binary, report).await,
        Attack::AdminFlood(options) => admin_flood::run(&options, &binary, report).await,
        Attack::Clock(options) => clock::run(&options, &binary, report).await,
        Attack::Lockout(options) => lockout::run(&options, &binary, report).await,
        Attack::Csrf(options) => csrf::run(&options, &binary, report).await,
        Attack::Growth(options) => growth::run(&options, &binary, report).await,
        Attack::Reload(options) => reload::run(&options, &binary, report).await,
        Attack::Soak(options) => soak::run(&options, &binary, report).await,
    }
}

/// Raises the number of descriptors that this process may open to what the system allows: attackers have many.
fn allow_descriptors() -> Outcome<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Waits for SIGINT or SIGTERM. What runs is then dropped, which stops the server.
async fn interruption() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
