//! Detection of changes that were not made through this crate.

use std::cmp::Ordering;

use super::chain::{AuditKey, ChainEnd, ChainedRecord, is_equal};
use super::checkpoint::Checkpoint;

/// The result of verifying the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verified {
    /// Every record is as it was written, and none is missing.
    Intact {
        /// The number of records.
        records: i64,
        /// The end of the log, to be stored elsewhere.
        checkpoint: Checkpoint,
    },
    /// The log was tampered with.
    Broken {
        /// The lowest number at which the log differs from what was written. All records below are genuine, and
        /// follow each other; after a rollback, the last of them may belong to the abandoned history.
        number: i64,
        /// What happened to that record, as the rest of a sentence that begins with its number.
        what: &'static str,
    },
}

const REMOVED: &str = "was removed";
const INSERTED: &str = "was inserted";
/// The cause is unknown: the record does not follow the one before it.
const CHANGED: &str = "was changed, moved or inserted";
const END_CHANGED: &str = "may be missing: the stored end of the log was changed or removed";
const OTHER_HISTORY: &str =
    "does not match the checkpoint: it, or a record before it, was rewritten";

/// Verifies a log, one record at a time.
pub(crate) struct Verifier<'a> {
    key: &'a AuditKey,
    /// The end of the log as it is stored beside the log.
    pub(crate) head: Option<Checkpoint>,
    since: Option<&'a Checkpoint>,
    /// The end of the records so far, all of which are genuine.
    pub(crate) end: ChainEnd,
}

impl<'a> Verifier<'a> {
    pub(crate) const fn new(key: &'a AuditKey, since: Option<&'a Checkpoint>) -> Self {
        Self {
            key,
            head: None,
            since,
            end: ChainEnd::GENESIS,
        }
    }

    /// Verifies the next record and its MAC. Of a record that cannot be read, one or both are `None`.
    pub(crate) fn next(
        &mut self,
        number: Option<i64>,
        record: Option<(ChainedRecord<'_>, &[u8])>,
    ) -> Result<(), Verified> {
        if self.end.number == ChainEnd::GENESIS.number {
            self.compare_with_checkpoint(1)?;
        }
        let expected = self.end.number.saturating_add(1);
        let number = number.unwrap_or(expected);
        match number.cmp(&expected) {
            Ordering::Less => return Err(broken(number, INSERTED)),
            Ordering::Greater if self.is_end() => return Err(broken(number, INSERTED)),
            Ordering::Greater => return Err(broken(expected, REMOVED)),
            Ordering::Equal => {}
        }
        let (record, mac) = record.ok_or(broken(number, CHANGED))?;
        let genuine = self.key.record_mac(&self.end.mac, &record);
        if !is_equal(&genuine, mac) {
            return Err(broken(number, CHANGED));
        }
        self.end = ChainEnd {
            number,
            mac: genuine,
        };
        self.compare_with_checkpoint(number)
    }

    /// Verifies the end of the log after the last record.
    pub(crate) fn finish(&self) -> Verified {
        let missing = self.end.number.saturating_add(1);
        let stored = self.head.as_ref().map(Checkpoint::number);
        let known = stored.max(self.since.map(Checkpoint::number));
        if let Err(broken) = self.compare_with_checkpoint(missing) {
            return broken;
        }
        if known.is_some_and(|known| known > self.end.number) {
            return broken(missing, REMOVED);
        }
        if !self.is_end() {
            return broken(missing, END_CHANGED);
        }
        Verified::Intact {
            records: self.end.number,
            checkpoint: Checkpoint::of(&self.end, self.key),
        }
    }

    fn is_end(&self) -> bool {
        self.head
            .as_ref()
            .is_some_and(|head| head.is_of(&self.end, self.key))
    }

    fn compare_with_checkpoint(&self, number: i64) -> Result<(), Verified> {
        match self.since {
            Some(since) if since.number == self.end.number && !since.is_of(&self.end, self.key) => {
                Err(broken(number, OTHER_HISTORY))
            }
            _ => Ok(()),
        }
    }
}

const fn broken(number: i64, what: &'static str) -> Verified {
    Verified::Broken { number, what }
}
