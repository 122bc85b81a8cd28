use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Which file was opened. SQLite goes on with it when its name is given to another file, or to none:
/// then nobody else sees what is written here, and what others write is not seen.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    path: PathBuf,
    identity: (u64, u64),
}

impl Opened {
    /// The file that has this name now.
    pub(crate) fn at(path: &Path) -> Result<Self, StoreError> {
        let identity = identity(path).map_err(|source| StoreError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            identity,
        })
    }

    /// That the name is still this file's.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match identity(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::File {
                path: self.path.clone(),
                source,
            }),
            _ => Err(StoreError::Replaced {
                path: self.path.clone(),
            }),
        }
    }
}

/// An inode's number is of its device.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}
