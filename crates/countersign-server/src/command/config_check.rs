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
    mistakes: Vec<String>,
}

/// Prints the result of reading the configuration.
pub(super) fn run(
    file: Option<PathBuf>,
    loaded: Result<(), ConfigErrors>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let file = file.map(|file| file.display().to_string());
    let mistakes: Vec<_> = match &loaded {
        Ok(()) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    };
    if output == Output::Text && loaded.is_err() {
        output::print_error(&mistakes.join("\n"));
        return Ok(ExitCode::FAILURE);
    }
    let text = match &file {
        Some(file) => format!("{file}: no mistakes"),
        None => "no configuration file: the defaults and the environment apply".to_owned(),
    };
    output.print(&CheckResponse { file, mistakes }, &text)?;
    Ok(match loaded {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}
