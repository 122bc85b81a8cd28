//! What commands print on standard output: lines for people, or one JSON object.

use std::io::{self, Write as _};

use crate::failure::Failure;
use countersign::time::Timestamp;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Whom a command prints for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    People,
    Json,
}

impl Output {
    /// Prints `json` for programs, or the lines of `text` for people.
    pub(crate) fn print(self, json: &impl Serialize, text: &str) -> Result<(), Failure> {
        match self {
            Self::People => write(text),
            Self::Json => {
                let line = serde_json::to_string(json).map_err(|error| {
                    Failure::new(format!("the answer cannot be written: {error}"))
                })?;
                write(&line)
            }
        }
    }
}

/// Writes `text` and a line's end, and is heard at once.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(format!("standard output cannot be written: {error}")))
}

/// Writes lines to standard error. Where that is closed nobody listens, which is no reason to panic.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A moment as RFC 3339 in UTC.
#[must_use]
pub(crate) fn rfc3339(moment: Timestamp) -> String {
    let nanos = i128::from(moment.unix_millis()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        // Beyond the year 9999 RFC 3339 has no form; nothing is made that lives so long.
        .unwrap_or_else(|| "9999-12-31T23:59:59Z".to_owned())
}

/// `serialize_with` for moments.
pub(crate) fn moment<S: Serializer>(moment: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&rfc3339(*moment))
}

/// `serialize_with` for moments that may be never.
pub(crate) fn maybe<S: Serializer>(moment: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => s.serialize_some(&rfc3339(*moment)),
        None => s.serialize_none(),
    }
}

/// One line for each of `lines`, below one that says what is what. Columns are as wide as their widest; one in
/// which no line has anything is left out.
pub(crate) fn rows<const N: usize>(
    header: [&str; N],
    lines: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines: Vec<_> = lines.into_iter().collect();
    let said =
        |column: usize| move |line: &[String; N]| !line.get(column).is_none_or(String::is_empty);
    let used: Vec<bool> = (0..N)
        .map(|column| lines.iter().any(said(column)))
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

/// Lines of a name and a value.
pub(crate) fn table(lines: &[(&str, String)]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|(name, value)| format!("{name:<12} {value}"))
        .collect();
    lines.join("\n")
}

/// When something ends, for people.
pub(crate) fn until(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "never".to_owned(), rfc3339)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_773_576_000_123, "2026-03-15T12:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_unix_millis(millis)), text);
        }
    }

    #[test]
    fn column_in_which_nothing_is_said_is_left_out_and_the_others_line_up() {
        let lines = [["a", "", "c"], ["longer", "", "d"]].map(|line| line.map(str::to_owned));
        assert_eq!(
            rows(["ID", "WHY", "NAME"], lines),
            "ID      NAME\na       c\nlonger  d"
        );
    }
}
