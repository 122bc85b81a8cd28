//! What commands print: text or one JSON object on standard output, and errors on standard error.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use super::node;
use crate::error::CommandError;
use crate::ops::ReceiptResponse;

/// The result of a command, which is printed as JSON with `--json`, else as text.
#[derive(Debug)]
pub struct Report {
    json: String,
    text: String,
    failed: bool,
    /// Whether the text is an error message.
    is_error: bool,
}

impl Report {
    /// Reports success with this response, and with this text.
    ///
    /// # Errors
    ///
    /// Returns an error if the response cannot be written as JSON.
    pub fn new(response: &impl Serialize, text: impl Into<String>) -> Result<Self, CommandError> {
        Ok(Self {
            json: serde_json::to_string(response)?,
            text: text.into(),
            failed: false,
            is_error: false,
        })
    }

    /// Reports a response with these members of it as text, separated by spaces.
    pub(super) fn of_fields(
        response: &impl Serialize,
        members: &str,
    ) -> Result<Self, CommandError> {
        Self::new(response, fields(response, members)?)
    }

    /// Reports a list with these members of its items as a table, or with `none` if there are no items.
    pub(super) fn of_table<T: Serialize>(
        list: &impl Serialize,
        items: &[T],
        members: &str,
        none: &str,
    ) -> Result<Self, CommandError> {
        match items {
            [] => Self::new(list, none),
            items => Self::new(list, table(items, members)?),
        }
    }

    /// Adds a paragraph to the text.
    pub(super) fn with_note(mut self, note: &str) -> Self {
        self.text = format!("{}\n\n{note}", self.text);
        self
    }

    /// Reports failure if a condition holds.
    pub(super) fn failed_if(mut self, failed: bool) -> Self {
        self.failed = failed;
        self
    }

    /// Reports failure. The text is an error message.
    pub(super) fn into_error(mut self) -> Self {
        (self.failed, self.is_error) = (true, true);
        self
    }

    /// Prints the JSON or the text. Returns the exit status.
    ///
    /// # Errors
    ///
    /// Returns an error if standard output cannot be written.
    pub fn print(&self, json: bool) -> Result<ExitCode, CommandError> {
        match json {
            true => write(&self.json)?,
            false => self.print_text()?,
        }
        Ok(self.exit_code())
    }

    /// Prints the same, then waits for the receipt of the change that the command has made, and prints that: a secret that was
    /// created is not lost if the command is interrupted while it waits.
    pub(super) async fn print_with_receipt(
        &self,
        json: bool,
        receipt: impl Future<Output = ReceiptResponse>,
    ) -> Result<ExitCode, CommandError> {
        if json {
            // Every response is an object.
            let members = self.json.strip_suffix('}').unwrap_or_default();
            let comma = if members.ends_with('{') { "" } else { "," };
            print(format_args!("{members}"))?;
            let receipt = serde_json::to_string(&receipt.await)?;
            write(&format!("{comma}\"receipt\":{receipt}}}"))?;
        } else {
            self.print_text()?;
            if let Some(text) = node::describe(&receipt.await) {
                write(&format!("\n{text}"))?;
            }
        }
        Ok(self.exit_code())
    }

    fn print_text(&self) -> Result<(), CommandError> {
        match self.is_error {
            true => print_error(&self.text),
            false => write(&self.text)?,
        }
        Ok(())
    }

    const fn exit_code(&self) -> ExitCode {
        match self.failed {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
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
    let response = serde_json::to_value(response)?;
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
    let items = items.collect::<Result<Vec<_>, _>>()?;
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
///
/// # Errors
///
/// Returns an error if standard output cannot be written.
pub fn write(text: &str) -> Result<(), CommandError> {
    print(format_args!("{text}\n"))
}

/// Writes to standard output, and flushes it. A reader that has read enough, such as `head`, closes it, which is no error.
fn print(text: fmt::Arguments<'_>) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::new(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Writes lines to standard error. A closed standard error is ignored.
pub fn print_error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
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
