use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::entry::Entry;
use super::error::LineError;
use super::view::View;
use super::{FileError, htpasswd, toml};
use crate::disk::{self, Stamp};
use crate::scope::Scopes;
use crate::secret::Secret;

/// The longest file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// The longest line, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// Where credentials are read from.
pub(super) enum Source {
    Toml(PathBuf),
    /// All users have these scopes.
    Htpasswd(PathBuf, Scopes),
    /// The name and value of an environment variable.
    Variable(Box<str>, Secret),
}

impl Source {
    /// Reads and checks the credentials.
    pub(super) fn load(&self) -> Result<View, FileError> {
        match self {
            Self::Toml(path) => self.parse(&read(path)?, toml::parse),
            Self::Htpasswd(path, scopes) => {
                self.parse(&read(path)?, |text| htpasswd::parse(text, scopes))
            }
            Self::Variable(_, text) => self.parse(text.expose().as_bytes(), toml::parse),
        }
    }

    fn parse(
        &self,
        bytes: &[u8],
        parse: impl FnOnce(&str) -> Result<Vec<Entry>, LineError>,
    ) -> Result<View, FileError> {
        let in_line = |error: LineError| FileError::Line {
            origin: self.to_string().into(),
            line: error.line,
            reason: error.reason,
        };
        let text = decode(bytes).map_err(|reason| FileError::Content {
            origin: self.to_string().into(),
            reason,
        })?;
        check_lines(text).map_err(in_line)?;
        parse(text).and_then(View::of).map_err(in_line)
    }

    /// Returns what tells one version of the file from another; `None` if there is no file.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::Toml(path) | Self::Htpasswd(path, _) => Stamp::of(path),
            Self::Variable(..) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml(path) | Self::Htpasswd(path, _) => path.display().fmt(f),
            Self::Variable(name, _) => write!(f, "the environment variable `{name}`"),
        }
    }
}

/// Reads at most one byte more than a file may have.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    warn_if_writable(path);
    disk::read(path, MAX_FILE).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// Warns if every user of the machine can add credentials.
fn warn_if_writable(path: &Path) {
    #[cfg(all(feature = "tracing", unix))]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let metadata = std::fs::metadata(path);
        if metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o002 != 0) {
            let path = path.display();
            tracing::warn!(%path, "other users may change the credentials: `chmod o-w` the file");
        }
    }
    #[cfg(not(all(feature = "tracing", unix)))]
    let _ = path;
}

fn decode(bytes: &[u8]) -> Result<&str, &'static str> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err("longer than 1 MiB: split it, or use a database");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8: write it as UTF-8")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(
            "empty: `keys = []`, or a comment in an htpasswd file, says that there are no credentials",
        );
    }
    Ok(text)
}

fn check_lines(text: &str) -> Result<(), LineError> {
    let mut lines = (1..).zip(text.lines());
    match lines.find(|(_, line)| line.len() > MAX_LINE) {
        Some((line, _)) => Err(LineError::new(line, "longer than 64 KiB: break the line")),
        None => Ok(()),
    }
}
