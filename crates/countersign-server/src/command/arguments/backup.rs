use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign::time::Timestamp;
use countersign_store::Checkpoint;

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to create, which must not exist
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// A file that `countersign backup` created
    pub(crate) file: PathBuf,
    /// Accept that changes since this time, such as 2026-03-15T12:00:00Z, are lost, and leave credentials as they
    /// were in the backup; without this, all credentials are suspended if changes are lost
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse_rfc3339)]
    pub(crate) accept_loss_since: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no record of the audit log is changed or missing; exit 1 if one is
    Verify {
        /// A checkpoint that an earlier `audit verify` printed and you stored elsewhere; with it, a log that was
        /// replaced, or rolled back with the whole database, is detected, too
        #[arg(long, value_name = "N:MAC")]
        checkpoint: Option<Checkpoint>,
    },
    /// List the newest records of the audit log, newest first
    List {
        /// The largest number of records
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}
