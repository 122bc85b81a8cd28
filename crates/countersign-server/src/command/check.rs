//! `countersign config check`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Output};
use crate::config::Mistakes;
use crate::failure::Failure;

#[derive(Serialize)]
struct Checked {
    file: Option<String>,
    mistakes: Vec<String>,
}

/// Says what reading the configuration came to.
pub(super) fn run(
    file: Option<PathBuf>,
    loaded: Result<(), Mistakes>,
    output: Output,
) -> Result<ExitCode, Failure> {
    let file = file.map(|file| file.display().to_string());
    let (mistakes, code) = match loaded {
        Ok(()) => (Vec::new(), ExitCode::SUCCESS),
        Err(found) => (
            found.iter().map(ToString::to_string).collect(),
            ExitCode::FAILURE,
        ),
    };
    if output == Output::People && !mistakes.is_empty() {
        output::complain(&mistakes.join("\n"));
        return Ok(code);
    }
    let text = match &file {
        Some(file) => format!("{file}: no mistakes"),
        None => "no configuration file: the defaults and the environment hold".to_owned(),
    };
    output.print(&Checked { file, mistakes }, &text)?;
    Ok(code)
}
