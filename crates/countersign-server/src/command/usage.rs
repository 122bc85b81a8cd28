use std::error::Error as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::output;

const BAD_USAGE: u8 = 2;
/// How long a word may be that is repeated to whoever typed it.
const LONGEST_WORD: usize = 20;

/// Prints what clap has to say: help, the version, or why the command line is not understood (exit 2).
///
/// Whatever was typed where a value belongs may be a key or a database's password, and errors end up in
/// logs: it is not repeated.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let text = error.render().to_string();
        return match output::write(text.trim_end()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => super::fail(&failure.to_string()),
        };
    }
    let text = of_value(error).unwrap_or_else(|| of_usage(error));
    output::complain(text.trim_end());
    ExitCode::from(BAD_USAGE)
}

/// What a bad value should have been.
fn of_value(error: &clap::Error) -> Option<String> {
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
        "countersign: the value of {argument} is not usable: {expected}"
    ))
}

fn is_empty(value: Option<&ContextValue>) -> bool {
    matches!(value, Some(ContextValue::String(text)) if text.is_empty())
}

/// A command or flag that is merely misspelt is worth showing; a long word may be anything.
fn of_usage(error: &clap::Error) -> String {
    let mut text = error.render().to_string();
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if error.kind() == ErrorKind::MissingRequiredArgument {
            continue;
        }
        if let Some(ContextValue::String(word)) = error.get(kind)
            && word.len() > LONGEST_WORD
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

    fn shown(arguments: &[&str]) -> String {
        let line = std::iter::once(&"countersign").chain(arguments);
        let error = Arguments::try_parse_from(line).unwrap_err();
        of_value(&error).unwrap_or_else(|| of_usage(&error))
    }

    #[test]
    fn what_was_typed_as_a_value_is_not_repeated() {
        for line in [
            &["key", "show", KEY][..],
            &[KEY],
            &["key", "list", KEY],
            &["key", "list", "--database", "postgres://me:canary@db"],
            &["--database=postgres://me:canary@db"],
            &["--unknown=canary"],
            &["--log-format", "canary"],
            &["token", "inspect", KEY, KEY],
        ] {
            assert!(!shown(line).contains("canary"), "{}", shown(line));
        }
    }

    #[test]
    fn what_is_expected_and_what_is_misspelt_are_shown() {
        for (line, part) in [
            (&["key", "show", "x"][..], "not an id"),
            (&["key", "show", "x"], "<ID>"),
            (&["--log-format", "x"], "expected one of text, json"),
            (&["serve", "--listen", "x"], "--listen <ADDR>"),
            (&["kye"], "kye"),
            (&["serve", "--listn"], "--listn"),
            (&["key", "create", "--name", "a"], "--scopes <SCOPES>"),
        ] {
            assert!(shown(line).contains(part), "{}", shown(line));
        }
    }

    #[test]
    fn a_bad_value_is_one_line() {
        for line in [
            &["key", "create", "--name", "a", "--scopes", "no scope!"][..],
            &["--log-format", "xml"],
        ] {
            assert_eq!(shown(line).lines().count(), 1);
        }
    }
}
