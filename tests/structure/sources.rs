//! Access to source files: those of a crate on disk, or a small sample tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The source files of one crate, by path relative to `src`.
#[derive(Debug)]
pub(crate) enum Sources {
    Directory(PathBuf),
    Sample(BTreeMap<String, String>),
}

impl Sources {
    /// Returns the sources of a crate in `crates`.
    pub(crate) fn of_crate(name: &str) -> Self {
        Self::Directory(repository().join("crates").join(name).join("src"))
    }

    /// Returns a tree with these files.
    pub(crate) fn sample(files: &[(&str, &str)]) -> Self {
        let files = files.iter();
        Self::Sample(
            files
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    /// Returns the text of a file, or `None` if there is no such file.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        match self {
            Self::Directory(root) => fs::read_to_string(root.join(path)).ok(),
            Self::Sample(files) => files.get(path).cloned(),
        }
    }
}

/// Returns the root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
