//! What commands print: text or one JSON object on standard output, and errors on standard error.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::error::CommandError;
use crate::schema::Rfc3339;

/// The format that a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Text,
    Json,
}

impl Output {
    /// Prints `json` or `text`. Returns success.
    pub(super) fn print(self, json: &impl Serialize, text: &str) -> Result<ExitCode, CommandError> {
        match self {
            Self::Text => write(text)?,
            Self::Json => {
                let line = serde_json::to_string(json).map_err(|error| {
                    CommandError::new(format!("the response cannot be written as JSON: {error}"))
                })?;
                write(&line)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes `text` and a line break to standard output, and flushes it.
pub(super) fn write(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::new(format!("cannot write to standard output: {error}")))
}

/// Writes lines to standard error. A closed standard error is ignored.
pub(super) fn print_error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Formats a table with a header. Each column is as wide as its widest cell; empty columns are left out.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    lines: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines: Vec<_> = lines.into_iter().collect();
    let filled =
        |column: usize| move |line: &[String; N]| !line.get(column).is_none_or(String::is_empty);
    let used: Vec<bool> = (0..N)
        .map(|column| lines.iter().any(filled(column)))
        .collect();
    lines.insert(0, header.map(str::to_owned));
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            let columns = line.iter().zip(widths).zip(&used);
            let cells: Vec<_> = columns
                .filter(|(_, used)| **used)
                .map(|((cell, width), _)| format!("{cell:<width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

/// Formats one line for each name and value.
pub(super) fn fields(lines: &[(&str, String)]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|(name, value)| format!("{name:<12} {value}"))
        .collect();
    lines.join("\n")
}

/// Formats a timestamp that may be absent.
pub(super) fn or_never(timestamp: Option<Rfc3339>) -> String {
    timestamp.map_or_else(|| "never".to_owned(), |timestamp| timestamp.to_string())
}

/// Formats a value, or nothing.
pub(super) fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_column_is_left_out_and_the_others_are_aligned() {
        let lines = [["a", "", "c"], ["longer", "", "d"]].map(|line| line.map(str::to_owned));
        assert_eq!(
            table(["ID", "WHY", "NAME"], lines),
            "ID      NAME\na       c\nlonger  d"
        );
    }
}
