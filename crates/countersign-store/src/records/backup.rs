use std::path::PathBuf;

use countersign::Id;
use countersign::time::Timestamp;

/// The contents of a backup.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Backup {
    /// The path of the backup.
    pub file: PathBuf,
    /// The number of the last change in it.
    pub change: i64,
    /// The history that the number belongs to.
    pub epoch: Id,
    /// The number of credentials in it.
    pub records: i64,
    /// The time of its last audited change. It may not contain later changes.
    pub taken_at: Timestamp,
}
