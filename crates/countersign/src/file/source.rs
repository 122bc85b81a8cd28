use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::entry::Entry;
use super::error::LineError;
use super::view::View;
use super::{FileError, htpasswd, toml};
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
    let read = || {
        // Opening a pipe would wait for its writer.
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        warn_if_writable(path, &metadata);
        // Allocated once: growing would leave copies in memory.
        let length = metadata.len().min(MAX_FILE) + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0)));
        File::open(path)?
            .take(MAX_FILE + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// Warns if every user of the machine can add credentials.
fn warn_if_writable(path: &Path, metadata: &fs::Metadata) {
    #[cfg(all(feature = "tracing", unix))]
    {
        use std::os::unix::fs::PermissionsExt as _;

        if metadata.permissions().mode() & 0o002 != 0 {
            let path = path.display();
            tracing::warn!(%path, "other users may change the credentials: `chmod o-w` the file");
        }
    }
    #[cfg(not(all(feature = "tracing", unix)))]
    let _ = (path, metadata);
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

/// Tells one version of a file from another. Links on the path are followed, so that a link that leads elsewhere is another version.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// The device, the inode, and the time of the last change of the inode, which no program can set.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;

        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            #[cfg(unix)]
            inode: (
                metadata.dev(),
                metadata.ino(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ),
        })
    }
}
