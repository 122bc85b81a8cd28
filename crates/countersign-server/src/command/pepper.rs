//! `countersign pepper …`.

use std::process::ExitCode;

use serde::Serialize;

use super::arguments::Pepper;
use super::output::Output;
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;

#[derive(Serialize)]
struct Rotated {
    version: u32,
}

pub(super) async fn run(
    config: &Config,
    command: Pepper,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Pepper::Rotate = command;
    let store = open(config).await?;
    let version = store.rotate_pepper(&caller()).await?;
    let text = format!(
        "version {version} is in use: what is kept of keys is made anew with it as they are used"
    );
    output.print(&Rotated { version }, &text)?;
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}
