//! Files that only their owner can read, and names that survive a power failure.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Returns the options that create a file which only its owner can read and write.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

/// Creates an empty private file in place of one that a crash may have left: an attacker could have created that one,
/// readable by everyone.
pub(crate) fn recreate(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => private().open(path),
    }
}

/// Renames a complete file. Its contents and its new name are durable when this returns.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    sync_folder(to)
}

/// Makes the name of a new file as durable as its contents.
pub(crate) fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(folder(of))?.sync_all()
}

fn folder(of: &Path) -> &Path {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Returns the path with `suffix` appended to the file name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Identifies the file that was opened. SQLite keeps using that file after another file gets its name: changes made
/// here would then be invisible to other processes, and theirs here.
#[derive(Clone, Debug)]
pub(crate) struct FileIdentity {
    pub(crate) path: PathBuf,
    /// An inode number is unique on its device only.
    device_and_inode: (u64, u64),
}

impl FileIdentity {
    /// Returns the identity of the file that has this name now.
    pub(crate) fn of(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_owned(),
            device_and_inode: identify(path).map_err(|source| StoreError::file(path, source))?,
        })
    }

    /// Returns an error if the name belongs to another file now, or to none.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match identify(&self.path) {
            Ok(found) if found == self.device_and_inode => Ok(()),
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::file(&self.path, source))
            }
            _ => Err(StoreError::FileReplaced(self.path.clone())),
        }
    }
}

fn identify(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}
