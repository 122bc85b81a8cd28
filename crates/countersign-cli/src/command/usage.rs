//! Usage errors and help.

use std::error::Error as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::report;

const BAD_USAGE: u8 = 2;
/// The longest mistyped word that an error repeats.
const MAX_WORD: usize = 20;

/// Prints help, the version, or why the command line is not understood (exit 2).
///
/// An invalid value is not repeated: it may be a key or a password of a database, and errors end up in logs.
pub(super) fn print_usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let text = error.render().to_string();
        return match report::write(text.trim_end()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => super::fail(&error.to_string()),
        };
    }
    let text = value_error(error).unwrap_or_else(|| usage_error(error));
    report::print_error(text.trim_end());
    ExitCode::from(BAD_USAGE)
}

/// Returns what a value should have been.
fn value_error(error: &clap::Error) -> Option<String> {
    let argument = error.get(ContextKind::InvalidArg)?;
    let expected = match (error.kind(), error.get(ContextKind::ValidValue)) {
        (ErrorKind::ValueValidation, _) => error.source()?.to_string(),
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(known)))
            if !is_empty(error.get(ContextKind::InvalidValue)) =>
        {
            format!("expected one of {}", known.join(", "))
        }
        _ => return None,
    };
    Some(format!(
        "countersign: the value of {argument} is invalid: {expected}"
    ))
}

fn is_empty(value: Option<&ContextValue>) -> bool {
    matches!(value, Some(ContextValue::String(text)) if text.is_empty())
}

/// Returns clap's own text. A misspelt command or flag is shown, but a long word is redacted: it may be a secret.
fn usage_error(error: &clap::Error) -> String {
    let mut text = error.render().to_string();
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if error.kind() == ErrorKind::MissingRequiredArgument {
            continue;
        }
        if let Some(ContextValue::String(word)) = error.get(kind)
            && word.len() > MAX_WORD
        {
            text = text.replace(word.as_str(), "[redacted]");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Arguments;
    use clap::Parser as _;

    const KEY: &str = "cs_013xrzp12g3nqk8n7f8f9jbg8d18q7tm_canary";

    fn printed(arguments: &[&str]) -> String {
        let line = std::iter::once(&"countersign").chain(arguments);
        let error = Arguments::try_parse_from(line).unwrap_err();
        value_error(&error).unwrap_or_else(|| usage_error(&error))
    }

    #[test]
    fn invalid_value_is_not_repeated() {
        for line in [
            &["key", "show", KEY][..],
            &[KEY],
            &["key", "list", KEY],
            &["key", "list", "--database", "mysql://me:canary@db"],
            &["--database=mysql://me:canary@db"],
            &["--unknown=canary"],
            &["--log-format", "canary"],
            &["token", "inspect", KEY, KEY],
        ] {
            assert!(!printed(line).contains("canary"), "{}", printed(line));
        }
    }

    #[test]
    fn expected_value_and_misspelt_word_are_printed() {
        for (line, part) in [
            (&["key", "show", "x"][..], "not an id"),
            (&["key", "show", "x"], "<ID>"),
            (&["--log-format", "x"], "expected one of text, json"),
            (&["serve", "--listen", "x"], "--listen <ADDR>"),
            (&["kye"], "kye"),
            (&["serve", "--listn"], "--listn"),
            (&["key", "create", "--name", "a"], "--scopes <SCOPES>"),
        ] {
            assert!(printed(line).contains(part), "{}", printed(line));
        }
    }

    #[test]
    fn error_about_a_value_is_one_line() {
        for line in [
            &["key", "create", "--name", "a", "--scopes", "no scope!"][..],
            &["--log-format", "xml"],
        ] {
            assert_eq!(printed(line).lines().count(), 1);
        }
    }
}
