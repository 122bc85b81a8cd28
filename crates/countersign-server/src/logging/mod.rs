//! Logs go to standard error: text on a terminal, JSON otherwise.

mod format;
mod queue;
mod request;

use std::io::{self, IsTerminal as _, Stderr, Write};
use std::panic::PanicHookInfo;
use std::time::Duration;

use countersign_cli::config::{LogFormat, LogSettings};
use countersign_cli::error::CommandError;
use metrics::counter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::format::Line;
use self::queue::Queue;
pub(crate) use self::request::{for_request, in_request, request_id};

/// How often lost lines are looked for.
const LOOK_FOR_LOST: Duration = Duration::from_secs(60);

/// The log of the process. The lines that wait are written when it is dropped.
pub(crate) struct Log {
    queue: Queue,
}

/// Starts logging, with `default_filter` if no filter is configured.
///
/// # Errors
///
/// Returns an error if the thread that writes the log cannot be started.
pub(crate) fn start(settings: &LogSettings, default_filter: &str) -> Result<Log, CommandError> {
    let terminal = io::stderr().is_terminal();
    let by_default = if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    };
    let format = settings.format.unwrap_or(by_default);
    // The configuration has parsed the filter already.
    let filter = settings
        .filter
        .as_deref()
        .unwrap_or(default_filter)
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let queue = Queue::start(io::stderr());
    let queue =
        queue.map_err(|error| CommandError::new(format!("cannot start threads: {error}")))?;
    let line = match format {
        LogFormat::Text => Line::Text(fmt::format().with_ansi(terminal)),
        LogFormat::Json => Line::Json,
    };
    let lines = fmt::layer()
        .event_format(line)
        .with_writer(Output {
            queue: queue.clone(),
        })
        // These errors would be printed to standard error, which panics if the log cannot be written: on a full disk,
        // the server would abort.
        .log_internal_errors(false)
        .with_ansi(terminal);
    let registry = tracing_subscriber::registry().with(filter).with(lines);
    // Fails only if a subscriber is set already, which then stays.
    let _ = registry.try_init();
    std::panic::set_hook(Box::new(log_panic));
    Ok(Log { queue })
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Log {
    /// Logs how many lines were lost, once a minute.
    pub(crate) async fn report_lost_lines(&self) {
        let mut known = 0;
        loop {
            tokio::time::sleep(LOOK_FOR_LOST).await;
            let lost = self.queue.lost();
            counter!("countersign_log_lines_lost_total").absolute(lost);
            if lost > known {
                tracing::warn!(
                    lines = lost - known,
                    "lines of the log were lost: it cannot be written as fast"
                );
                known = lost;
            }
        }
    }
}

/// Writes warnings and errors at once, and gives all other lines to a thread of its own, so that no request waits for them.
struct Output {
    queue: Queue,
}

/// Where one line is written.
enum Destination<'a> {
    Queue(&'a Queue),
    AtOnce(Stderr),
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Destination<'a>;

    fn make_writer(&'a self) -> Destination<'a> {
        Destination::Queue(&self.queue)
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Destination<'a> {
        match *metadata.level() <= Level::WARN {
            true => Destination::AtOnce(io::stderr()),
            false => self.make_writer(),
        }
    }
}

impl Write for Destination<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Queue(queue) => {
                // The subscriber writes each line as a whole.
                queue.push(bytes);
                Ok(bytes.len())
            }
            Self::AtOnce(stderr) => stderr.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Queue(_) => Ok(()),
            Self::AtOnce(stderr) => stderr.flush(),
        }
    }
}

/// Logs where a panic happened, without its message: that may quote the input that caused it.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, "panicked; please report this bug");
}
