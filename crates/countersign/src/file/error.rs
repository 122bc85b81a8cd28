use std::fmt::Display;
use std::io;
use std::path::PathBuf;

/// An error in the credentials of a file or an environment variable. It repeats none of its values, because any of them may be
/// a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The environment variable is not set, or is not UTF-8.
    #[error(
        "the environment variable `{0}` is not set, or is not UTF-8: set it to credentials in TOML"
    )]
    Variable(Box<str>),
    /// The file as a whole cannot be used.
    #[error("{origin}: {reason}")]
    Content {
        /// The path of the file, or the name of the variable.
        origin: Box<str>,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// A line is wrong.
    #[error("{origin}:{line}: {reason}")]
    Line {
        /// The path of the file, or the name of the variable.
        origin: Box<str>,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        reason: Box<str>,
    },
}

/// An error in a line of a text.
#[derive(Debug)]
pub(super) struct LineError {
    pub(super) line: usize,
    pub(super) reason: Box<str>,
}

impl LineError {
    pub(super) fn new(line: usize, reason: impl Display) -> Self {
        let reason = reason.to_string().into();
        Self { line, reason }
    }
}
