//! Logs go to standard error: text on a terminal, JSON otherwise.

use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `default_filter` counts where no filter is chosen.
pub(crate) fn start(format: Option<Format>, filter: Option<&str>, default_filter: &str) {
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { Format::Text } else { Format::Json });
    let filter = filter.unwrap_or(default_filter);
    // The configuration has checked it: what does not parse is not written here.
    let filter = EnvFilter::builder().parse_lossy(filter);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal);
    match format {
        Format::Text => tracing::subscriber::set_global_default(lines.finish()),
        Format::Json => tracing::subscriber::set_global_default(
            lines
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .finish(),
        ),
    }
    // Fails only where a subscriber is set already, whose choice then stands.
    .unwrap_or_default();
    std::panic::set_hook(Box::new(panicked));
}

/// Says where, and not what: the text of a panic may quote the bytes that caused it.
fn panicked(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, "panicked: this is a mistake in the program");
}
