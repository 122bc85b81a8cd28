//! Who may use a file, for the message of an error.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Describes who may use a file and its folder, and who this process is.
pub(crate) fn describe_access(path: &Path) -> String {
    let describe = |path: &Path| match fs::metadata(path) {
        Ok(found) => format!(
            "belongs to user {} with mode {:04o}",
            found.uid(),
            found.mode() & 0o7777
        ),
        Err(error) => format!("cannot be read: {error}"),
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    format!(
        "it {}, its folder {}, and this process runs as user {}",
        describe(path),
        describe(folder),
        rustix::process::geteuid().as_raw()
    )
}
