//! `countersign pepper …`.

use std::process::ExitCode;

use serde::Serialize;

use super::arguments::PepperCommand;
use super::output::Output;
use crate::error::CommandError;
use crate::ops::Operations;

#[derive(Serialize)]
struct PepperResponse {
    version: u32,
}

pub(super) async fn run(
    operations: &Operations,
    command: PepperCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let PepperCommand::Rotate = command;
    let version = operations
        .store()
        .rotate_pepper(operations.caller())
        .await?;
    let text = format!(
        "pepper version {version} is in use: the digest of each key is replaced when the key is used next"
    );
    output.print(&PepperResponse { version }, &text)
}
