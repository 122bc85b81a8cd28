//! What commands print on standard output: lines for people, or one JSON object.

use std::io::{self, Write as _};

use crate::failure::Failure;
use countersign::directory::{CredentialKind, Record, Status};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
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

/// A credential's record as commands show it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    id: Id,
    kind: CredentialKind,
    name: &'a str,
    account_id: Id,
    environment_id: Option<Id>,
    status: Status,
    scopes: &'a Scopes,
    generation: u32,
    #[serde(serialize_with = "moment")]
    created_at: Timestamp,
    #[serde(serialize_with = "maybe")]
    expires_at: Option<Timestamp>,
}

impl<'a> From<&'a Record> for Shown<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            id: record.id,
            kind: record.kind,
            name: &record.name,
            account_id: record.account_id,
            environment_id: record.environment_id,
            status: record.status,
            scopes: &record.scopes,
            generation: record.generation,
            created_at: record.created_at,
            expires_at: record.expires_at,
        }
    }
}

impl Shown<'_> {
    /// One line for each member.
    pub(crate) fn text(&self) -> String {
        let environment = self.environment_id.map(|id| id.to_string());
        let lines = [
            ("id", self.id.to_string()),
            ("name", self.name.to_owned()),
            ("status", status(self.status).to_owned()),
            ("scopes", self.scopes.to_string()),
            ("account", self.account_id.to_string()),
            (
                "environment",
                environment.unwrap_or_else(|| "none".to_owned()),
            ),
            ("generation", self.generation.to_string()),
            ("created", rfc3339(self.created_at)),
            ("expires", until(self.expires_at)),
        ];
        table(&lines)
    }

    fn cells(&self) -> [String; COLUMNS] {
        [
            self.id.to_string(),
            status(self.status).to_owned(),
            until(self.expires_at),
            self.name.to_owned(),
            self.scopes.to_string(),
        ]
    }
}

const COLUMNS: usize = 5;
const HEADER: [&str; COLUMNS] = ["ID", "STATUS", "EXPIRES", "NAME", "SCOPES"];

/// One line for each record, below one that says what is what. Columns are as wide as their widest.
pub(crate) fn rows(records: &[Shown<'_>]) -> String {
    let header = HEADER.map(str::to_owned);
    let lines: Vec<_> = std::iter::once(header)
        .chain(records.iter().map(Shown::cells))
        .collect();
    let mut widths = [0; COLUMNS];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            let cells: Vec<_> = line
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
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

fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Revoked => "revoked",
        // The enum may grow; its records are shown before this text learns of it.
        _ => "unknown",
    }
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
}
