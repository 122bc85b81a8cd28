//! `countersign completions`.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde::Serialize;

use super::arguments::Arguments;
use super::output::Output;
use crate::error::CommandError;

#[derive(Serialize)]
struct CompletionsResponse<'a> {
    shell: String,
    script: &'a str,
}

pub(super) fn run(shell: Shell, output: Output) -> Result<ExitCode, CommandError> {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script);
    let response = CompletionsResponse {
        shell: shell.to_string(),
        script: &script,
    };
    output.print(&response, script.trim_end())
}
