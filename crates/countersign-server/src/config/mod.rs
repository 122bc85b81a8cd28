//! The server's configuration: `countersign.toml`, the environment over it, flags over both.
//!
//! Nothing is ignored: what is unknown, of the wrong type or out of range is a [`Mistake`] with its line,
//! and all mistakes are reported at once.

mod environment;
mod issuers;
mod lifetimes;
mod mistake;
mod reader;
mod routes;
mod settings;
#[cfg(test)]
mod tests;
pub(crate) mod value;
mod wires;

use std::path::{Path, PathBuf};

pub(crate) use environment::Environment;
pub(crate) use issuers::{DEFAULT as DEFAULT_ISSUER, IssuerSettings};
pub(crate) use mistake::Mistakes;
pub(crate) use settings::Config;
pub(crate) use wires::WireSettings;

use mistake::{Mistake, Place};

/// The file that is read where none is named.
const FILE: &str = "countersign.toml";

/// Reads the file, if there is one, and the environment.
///
/// # Errors
///
/// [`Mistakes`]: all of them. A file that was named and cannot be read is one.
pub(crate) fn load(named: Option<&Path>, environment: Environment) -> Result<Config, Mistakes> {
    let path = named.unwrap_or_else(|| Path::new(FILE));
    let name = path.display().to_string();
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| of_file(&name, "not UTF-8"))?,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            String::new()
        }
        Err(error) => return Err(of_file(&name, &format!("cannot be read: {error}"))),
    };
    settings::read(name, &text, environment)
}

/// The file that [`load`] reads, if it is there.
pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
    let path = named.unwrap_or_else(|| Path::new(FILE));
    path.exists().then(|| path.to_owned())
}

fn of_file(name: &str, text: &str) -> Mistakes {
    Mistakes::sorted(vec![Mistake::new(Place::File(name.to_owned()), text)])
}
