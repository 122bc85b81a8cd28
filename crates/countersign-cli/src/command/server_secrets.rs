//! `countersign pepper …` and `countersign master-key …`.

use clap::Subcommand;
use countersign::Secret;
use countersign_store::{MasterKey, StoreError};
use serde_json::json;

use super::report::Report;
use super::{CommandResult, Context, input};
use crate::error::CommandError;

/// The most that is read: longer than any key.
const MAX_INPUT: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum PepperCommand {
    /// Create a new pepper for the digests of API keys; the digest of an existing key is replaced when the key is
    /// used next
    Rotate,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Replace the master key in its file, and encrypt all secrets with the new one; backups from before need the
    /// old one. A key in COUNTERSIGN_MASTER_KEY is replaced by the one on standard input
    Rotate,
}

pub(super) async fn rotate_pepper(context: &Context) -> CommandResult {
    let operations = context.operations().await?;
    let rotated = operations.store().rotate_pepper(operations.caller());
    let version = rotated.await?;
    let text = format!(
        "pepper version {version} is in use: the digest of each key is replaced when the key is used next"
    );
    Report::new(&json!({ "version": version }), text)
}

pub(super) async fn rotate_master_key(context: &Context) -> CommandResult {
    // The new key is read and checked before the database is opened.
    let new = match context.config.store.master_key {
        MasterKey::Text(_) => Some(read_key()?),
        _ => None,
    };
    let operations = context.operations().await?;
    let (store, caller) = (operations.store(), operations.caller());
    let Some(new) = new else {
        store.rotate_master_key(caller).await?;
        return Report::new(
            &json!({ "kept_in": "file" }),
            "The master key was replaced in its file, and running servers read it from there.\n\
             It cannot decrypt earlier backups: make a backup now with `countersign backup FILE`, and copy the new \
             key to where the old one is stored.",
        );
    };
    store.rotate_master_key_to(caller, &new).await?;
    Report::new(
        &json!({ "kept_in": "environment" }),
        "All secrets are encrypted with the new master key: set COUNTERSIGN_MASTER_KEY to it, and restart every \
         server now, since a server with the old key fails as soon as it needs the key.\n\
         The new key cannot decrypt earlier backups: make a backup with `countersign backup FILE`.",
    )
}

/// Reads the new master key from standard input.
fn read_key() -> Result<Secret, CommandError> {
    let text = input::read_secret(MAX_INPUT, "new master key")?;
    match MasterKey::from_text(text.clone()) {
        Ok(_) => Ok(text),
        Err(StoreError::MasterKeyMalformed) => Err(CommandError::new(
            "the new master key is malformed: write 32 random bytes in base64 to standard input, such as \
             `openssl rand -base64 32` prints",
        )),
        Err(error) => Err(error.into()),
    }
}
