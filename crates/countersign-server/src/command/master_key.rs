//! `countersign master-key …`.

use std::io::{self, Read as _};
use std::process::ExitCode;

use countersign::Secret;
use countersign_store::{MasterKey as Source, StoreError};
use serde::Serialize;
use zeroize::Zeroizing;

use super::arguments::MasterKey;
use super::output::Output;
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;

/// Longer than any key; a mistaken file is not read to its end.
const LONGEST: u64 = 1024;

#[derive(Serialize)]
struct Rotated {
    /// Where it is kept: `file` or `environment`.
    kept_in: &'static str,
}

pub(super) async fn run(
    config: &Config,
    command: MasterKey,
    output: Output,
) -> Result<ExitCode, Failure> {
    let MasterKey::Rotate = command;
    let given = match config.store.master_key {
        Some(_) => Some(given()?),
        None => None,
    };
    let store = open(config).await?;
    let (kept_in, text) = match given {
        None => {
            store.rotate_master_key(&caller()).await?;
            (
                "file",
                "the master key was replaced in its file, and running servers take it from there.\n\
                 Backups from before do not open with it: make one now with `countersign backup FILE`, and \
                 copy the new key to where you keep copies of the old one.",
            )
        }
        Some(new) => {
            store.rotate_master_key_to(&caller(), &new).await?;
            (
                "environment",
                "everything is sealed under the new master key: set COUNTERSIGN_MASTER_KEY to it, and restart \
                 every server now, since those with the old one stop answering as soon as they need it.\n\
                 Backups from before do not open with it: make one with `countersign backup FILE`.",
            )
        }
    };
    output.print(&Rotated { kept_in }, text)?;
    store.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// The new master key, from standard input, looked at before anything is opened.
fn given() -> Result<Secret, Failure> {
    // Room for all of it at once: growing would leave copies of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    io::stdin()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(format!("the new master key cannot be read: {error}")))?;
    let text = Secret::from(text.trim().to_owned());
    match Source::from_text(text.clone()) {
        Ok(_) => Ok(text),
        Err(StoreError::MasterKeyMalformed) => Err(Failure::new(
            "the new master key is malformed: write 32 random bytes in base64 to standard input, such as \
             `openssl rand -base64 32` prints",
        )),
        Err(error) => Err(error.into()),
    }
}
