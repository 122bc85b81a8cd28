use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign::time::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Debug, Subcommand)]
pub(crate) enum Pepper {
    /// Make a new one; what is kept of keys is made anew as they are used
    Rotate,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MasterKey {
    /// Replace it in its file, and seal everything anew; backups from before do not open any more. If it is in
    /// COUNTERSIGN_MASTER_KEY, the new one comes from standard input
    Rotate,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where to; there must be no such file
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// What `backup` made
    pub(crate) file: PathBuf,
    /// Where what changed after the backup is lost, leave credentials as they were in it, also those that may have
    /// been revoked since this moment, such as 2026-03-15T12:00:00Z; otherwise all are suspended
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) accept_loss_since: Option<Timestamp>,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "expected a moment such as 2026-03-15T12:00:00Z".to_owned())?;
    let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
    // RFC 3339 ends with the year 9999.
    i64::try_from(millis)
        .map(Timestamp::from_unix_millis)
        .map_err(|_| "out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_with_their_offset() {
        for (text, millis) in [
            ("2026-03-15T12:00:00Z", 1_773_576_000_000),
            ("2026-03-15T12:00:00.123Z", 1_773_576_000_123),
            ("2026-03-15T13:00:00+01:00", 1_773_576_000_000),
        ] {
            let moment = moment(text).unwrap();
            assert_eq!(moment.unix_millis(), millis, "{text}");
        }
        for bad in ["", "now", "2026-03-15", "2026-03-15T12:00:00", "1773576000"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
