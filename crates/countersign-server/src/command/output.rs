//! What commands print: text or one JSON object on standard output, and errors on standard error.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::error::CommandError;

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
                let line = serde_json::to_string(json).map_err(|error| not_json(&error))?;
                write(&line)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints a response as JSON, or these members of it, separated by spaces, as text.
    pub(super) fn print_fields(
        self,
        response: &impl Serialize,
        members: &str,
    ) -> Result<ExitCode, CommandError> {
        self.print(response, &fields(response, members)?)
    }

    /// Prints a list as JSON, or these members of its items as a table, or `none` if there are no items.
    pub(super) fn print_table<T: Serialize>(
        self,
        list: &impl Serialize,
        items: &[T],
        members: &str,
        none: &str,
    ) -> Result<ExitCode, CommandError> {
        match items {
            [] => self.print(list, none),
            items => self.print(list, &table(items, members)?),
        }
    }
}

/// Returns the text for a member that is null or empty.
fn absent(member: &str) -> &'static str {
    match member {
        "expires_at" | "last_used_at" => "never",
        "allow_from" => "anywhere",
        "issuers" => "all",
        "environment_id" | "scopes" => "none",
        _ => "",
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        // The value's own text escapes control characters.
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            members.collect::<Vec<_>>().join(" ")
        }
        value => value.to_string(),
    }
}

/// Formats one line for each member. Members that are absent are left out, unless a word says what that means.
pub(super) fn fields(response: &impl Serialize, members: &str) -> Result<String, CommandError> {
    let response = serde_json::to_value(response).map_err(|error| not_json(&error))?;
    let lines = members.split(' ').filter_map(|member| {
        let value = response.get(member).map(text).unwrap_or_default();
        let value = if value.is_empty() {
            absent(member)
        } else {
            &value
        };
        (!value.is_empty()).then(|| format!("{:<14} {value}", member.replace('_', " ")))
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Formats a table with a header. Each column is as wide as its widest cell; a column in which every cell is absent is
/// left out.
fn table<T: Serialize>(items: &[T], members: &str) -> Result<String, CommandError> {
    let items = items.iter().map(serde_json::to_value);
    let items = items
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| not_json(&error))?;
    let mut lines = vec![String::new(); items.len() + 1];
    for member in members.split(' ') {
        let cells = items.iter().map(|item| item.get(member).map(text));
        let mut cells: Vec<_> = cells.map(Option::unwrap_or_default).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        for cell in cells.iter_mut().filter(|cell| cell.is_empty()) {
            *cell = absent(member).to_owned();
        }
        cells.insert(0, member.replace('_', " ").to_uppercase());
        let width = cells.iter().map(|cell| cell.chars().count()).max();
        let width = width.unwrap_or_default();
        for (line, cell) in lines.iter_mut().zip(cells) {
            line.push_str(&format!("{cell:<width$}  "));
        }
    }
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    Ok(lines.join("\n"))
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

fn not_json(error: &serde_json::Error) -> CommandError {
    CommandError::new(format!("the response cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MEMBERS: &str = "id reason expires_at names";

    #[test]
    fn empty_column_is_left_out_and_the_others_are_aligned() {
        let items = [
            json!({ "id": "a", "reason": null, "expires_at": null, "names": ["c", "d"] }),
            json!({ "id": "longer", "expires_at": "now", "names": { "e": "\n" } }),
        ];
        assert_eq!(
            table(&items, MEMBERS).unwrap(),
            "ID      EXPIRES AT  NAMES\na       never       c d\nlonger  now         e=\"\\n\""
        );
    }

    #[test]
    fn absent_member_is_left_out_or_replaced_by_a_word() {
        let response = json!({ "id": 1, "reason": "", "names": [] });
        assert_eq!(
            fields(&response, MEMBERS).unwrap(),
            "id             1\nexpires at     never"
        );
    }
}
