//! The server that is attacked: its binary, a folder for its files, and the process.

mod fixture;
mod home;
mod process;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
pub(crate) use fixture::Fixture;
pub(crate) use home::{Home, Key, text};
pub(crate) use process::{Server, descriptors, resident};

/// The server binary, and the library that fakes its clock.
pub(crate) struct Binary {
    server: PathBuf,
    faketime: PathBuf,
}

impl Binary {
    /// Uses the given binary, or builds one.
    pub(crate) fn new(given: Option<PathBuf>, faketime: PathBuf) -> Outcome<Self> {
        let server = match given {
            Some(path) => path.canonicalize()?,
            None => build()?,
        };
        Ok(Self { server, faketime })
    }

    fn faketime(&self) -> Outcome<&Path> {
        if !self.faketime.is_file() {
            let path = self.faketime.display();
            return Err(
                format!("{path} does not exist: install libfaketime, or set --faketime").into(),
            );
        }
        Ok(&self.faketime)
    }
}

fn build() -> Outcome<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--package", "countersign-server"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let messages = String::from_utf8(output.stdout)?;
    let messages = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    let mut binaries = messages.filter(|path| path.ends_with("countersign"));
    let errors = String::from_utf8_lossy(&output.stderr);
    Ok(binaries.next().ok_or(errors)?)
}
