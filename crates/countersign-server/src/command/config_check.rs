//! `countersign config check`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Output};
use crate::config::ConfigErrors;
use crate::error::CommandError;

#[derive(Serialize)]
struct CheckResponse {
    file: Option<String>,
    errors: Vec<String>,
}

/// Prints the result of reading the configuration.
pub(super) fn run(
    file: Option<PathBuf>,
    loaded: Result<(), ConfigErrors>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let file = file.map(|file| file.display().to_string());
    let (errors, status) = match loaded {
        Ok(()) => (Vec::new(), ExitCode::SUCCESS),
        Err(errors) => (errors.into_lines(), ExitCode::FAILURE),
    };
    if output == Output::Text && !errors.is_empty() {
        output::print_error(&errors.join("\n"));
        return Ok(status);
    }
    let text = match &file {
        Some(file) => format!("{file}: no errors"),
        None => "no configuration file: the defaults and the environment apply".to_owned(),
    };
    output.print(&CheckResponse { file, errors }, &text)?;
    Ok(status)
}
