//! Files on disk: read up to a limit, and told apart by their metadata.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use zeroize::Zeroizing;

/// Reads at most one byte more than the file may have.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    // Opening a pipe would wait for its writer.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ));
    }
    // Allocated once: growing would leave copies in memory.
    let length = metadata.len().min(most) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0)));
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tells one version of a file from another. Links on the path are followed, so that a link that leads elsewhere is another version.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// The device, the inode, and the time of the last change of the inode, which no program can set.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    /// Returns the stamp of a file; `None` if there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
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

/// The version of one or several files that was last read, by its stamps.
pub(crate) struct SeenVersion<S> {
    pub(crate) stamp: S,
    /// Whether it was read again later with the same stamp. Timestamps of files are coarse: a change right after the file
    /// was read first may have left the stamp as it was.
    is_settled: bool,
}

impl<S: PartialEq> SeenVersion<S> {
    /// Begins with a version whose stamp was read before the files: a change in between is then found later.
    pub(crate) const fn new(stamp: S) -> Self {
        Self {
            stamp,
            is_settled: false,
        }
    }

    /// Returns whether the files must be read again, which have this stamp at present.
    pub(crate) fn must_be_read(&mut self, stamp: S) -> bool {
        let is_same = stamp == self.stamp;
        if is_same && self.is_settled {
            return false;
        }
        *self = Self {
            stamp,
            is_settled: is_same,
        };
        true
    }
}
