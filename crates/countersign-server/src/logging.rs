//! Logs go to standard error: text on a terminal, JSON otherwise.

use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The format of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging, with `default_filter` if no filter is configured.
pub(crate) fn start(format: Option<Format>, filter: Option<&str>, default_filter: &str) {
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { Format::Text } else { Format::Json });
    // The configuration has parsed the filter already.
    let filter = EnvFilter::builder().parse_lossy(filter.unwrap_or(default_filter));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // These errors would be printed to standard error, which panics if the log cannot be written: on a full disk,
        // the server would abort.
        .log_internal_errors(false)
        .with_ansi(terminal);
    match format {
        Format::Text => lines.try_init(),
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init(),
    }
    // Fails only if a subscriber is set already, which then stays.
    .unwrap_or_default();
    std::panic::set_hook(Box::new(log_panic));
}

/// Logs where a panic happened, without its message: that may quote the input that caused it.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, "panicked; please report this bug");
}
