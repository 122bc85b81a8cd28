//! `countersign master-key …`.

use std::process::ExitCode;

use countersign::Secret;
use countersign_store::{MasterKey as Source, StoreError};
use serde::Serialize;

use super::arguments::MasterKeyCommand;
use super::output::Output;
use super::{stdin, with_operations};
use crate::config::Config;
use crate::error::CommandError;
use crate::ops::Operations;

/// The most that is read: longer than any key.
const MAX_INPUT: u64 = 1024;

#[derive(Serialize)]
struct MasterKeyResponse {
    /// Where the key is kept: `file` or `environment`.
    kept_in: &'static str,
}

pub(super) async fn run(
    config: Config,
    command: MasterKeyCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let MasterKeyCommand::Rotate = command;
    // The new key is read and checked before the database is opened.
    let new = match config.store.master_key {
        Source::Text(_) => Some(read_key()?),
        _ => None,
    };
    with_operations(config, async |operations: &Operations| {
        let (store, caller) = (operations.store(), operations.caller());
        match new {
            None => {
                store.rotate_master_key(caller).await?;
                output.print(
                    &MasterKeyResponse { kept_in: "file" },
                    "The master key was replaced in its file, and running servers read it from there.\n\
                     It cannot decrypt earlier backups: make a backup now with `countersign backup FILE`, and \
                     copy the new key to where the old one is stored.",
                )
            }
            Some(new) => {
                store.rotate_master_key_to(caller, &new).await?;
                output.print(
                    &MasterKeyResponse {
                        kept_in: "environment",
                    },
                    "All secrets are encrypted with the new master key: set COUNTERSIGN_MASTER_KEY to it, and \
                     restart every server now, since a server with the old key fails as soon as it needs the \
                     key.\n\
                     The new key cannot decrypt earlier backups: make a backup with `countersign backup FILE`.",
                )
            }
        }
    })
    .await
}

/// Reads the new master key from standard input.
fn read_key() -> Result<Secret, CommandError> {
    let text = stdin::read_secret(MAX_INPUT, "new master key")?;
    match Source::from_text(text.clone()) {
        Ok(_) => Ok(text),
        Err(StoreError::MasterKeyMalformed) => Err(CommandError::new(
            "the new master key is malformed: write 32 random bytes in base64 to standard input, such as \
             `openssl rand -base64 32` prints",
        )),
        Err(error) => Err(error.into()),
    }
}
