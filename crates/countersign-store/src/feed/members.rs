//! The verifiers that this process answers, and what it has written into their rows.

use std::collections::HashMap;
use std::time::Duration;

use countersign::Id;
use countersign::time::Timestamp;

use super::FeedVerifier;
use crate::nodes::RENEWAL;
use crate::records::NodeRecord;

/// How many verifiers this process answers at most, and how many of one credential.
const MAX_VERIFIERS: usize = 1000;
const MAX_OF_CREDENTIAL: usize = 100;
/// After how long without a question a verifier is forgotten. Its row is removed as that of a node.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Members {
    by_id: HashMap<Id, Member>,
    /// How often a row was found to be leaving, or may have been.
    marks: u64,
}

struct Member {
    credential: Id,
    record: NodeRecord,
    /// When this process knew that the row was there, by its monotonic clock; `None` if the row must be written anew.
    listed_since: Option<Duration>,
    /// The acknowledgement in the row, and when it was written.
    written: Option<((Option<Id>, i64), Duration)>,
    asked_at: Duration,
}

impl Member {
    fn acknowledged(&self) -> (Option<Id>, i64) {
        (self.record.epoch, self.record.applied)
    }

    /// Returns what must be written into the row.
    fn due(&self, now: Duration) -> Due {
        let is_written = |(acknowledged, at): ((Option<Id>, i64), Duration)| {
            let is_recent = now.saturating_sub(at) < RENEWAL || self.asked_at <= at;
            acknowledged == self.acknowledged() && is_recent
        };
        match self.listed_since {
            None => Due::Registration,
            Some(_) if self.written.is_some_and(is_written) => Due::Nothing,
            Some(_) => Due::Acknowledgement,
        }
    }
}

/// What must be written into the row of a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Soon, for receipts.
    Acknowledgement,
    /// Before the verifier is answered.
    Registration,
}

/// A row to write, and whether it is a new one.
pub(crate) struct Row {
    pub(crate) record: NodeRecord,
    pub(crate) is_new: bool,
}

/// There are too many verifiers.
pub(crate) struct TooMany;

impl Members {
    /// Takes notice of a question. Returns what must be written into the row of the verifier.
    pub(crate) fn ask(
        &mut self,
        verifier: &FeedVerifier,
        acknowledged: Option<(Id, i64)>,
        (now, date): (Duration, Timestamp),
    ) -> Result<Due, TooMany> {
        self.by_id
            .retain(|_, member| now.saturating_sub(member.asked_at) < FORGOTTEN_AFTER);
        // Verifiers of different credentials have different rows, so that none can acknowledge for another one.
        let known = self.by_id.get(&verifier.id);
        let is_of_other = known.is_some_and(|known| known.credential != verifier.credential);
        let of_credential = self.by_id.values();
        let of_credential = of_credential.filter(|one| one.credential == verifier.credential);
        let is_full =
            self.by_id.len() >= MAX_VERIFIERS || of_credential.count() >= MAX_OF_CREDENTIAL;
        if is_of_other || (known.is_none() && is_full) {
            return Err(TooMany);
        }
        let member = self.by_id.entry(verifier.id).or_insert_with(|| Member {
            credential: verifier.credential,
            record: NodeRecord {
                id: verifier.id,
                name: format!("verifier of {}", verifier.credential),
                is_leaving: false,
                applied: 0,
                view_age: Duration::ZERO,
                seen_at: date,
                started_at: date,
                max_staleness: verifier.max_staleness,
                serves_stale: false,
                registration: 0,
                epoch: None,
            },
            listed_since: None,
            written: None,
            asked_at: now,
        });
        if member.record.max_staleness < verifier.max_staleness {
            member.record.max_staleness = verifier.max_staleness;
            member.listed_since = None;
        }
        (member.asked_at, member.record.seen_at) = (now, date);
        member.record.epoch = acknowledged.map(|(epoch, _)| epoch);
        member.record.applied = acknowledged.map_or(0, |(_, applied)| applied);
        Ok(member.due(now))
    }

    /// Returns the rows that must be written, in the order of their ids, so that two processes that write the same rows do not wait
    /// for each other; and the number of marks so far.
    pub(crate) fn unwritten(&self, now: Duration) -> (Vec<Row>, u64) {
        let due = self.by_id.values();
        let due = due.filter(|member| member.due(now) != Due::Nothing);
        let mut rows: Vec<_> = due
            .map(|member| Row {
                record: member.record.clone(),
                is_new: member.due(now) == Due::Registration,
            })
            .collect();
        rows.sort_by_key(|row| row.record.id);
        (rows, self.marks)
    }

    /// Takes notice of rows that were written and committed before `now`. A row that was written anew counts only if no row was found
    /// to be leaving since: that mark might be one of the new row.
    pub(crate) fn written(&mut self, rows: &[Row], marks: u64, now: Duration) {
        let is_unmarked = self.marks == marks;
        for row in rows {
            let Some(member) = self.by_id.get_mut(&row.record.id) else {
                continue;
            };
            if row.is_new && is_unmarked {
                member.listed_since = Some(now);
            }
            member.written = Some(((row.record.epoch, row.record.applied), now));
        }
    }

    /// Returns whether the row was there, not leaving, in the comparison that began at `compared_at`.
    pub(crate) fn is_listed(&self, verifier: &Id, compared_at: Duration) -> bool {
        let member = self.by_id.get(verifier);
        let since = member.and_then(|member| member.listed_since);
        since.is_some_and(|since| since <= compared_at)
    }

    pub(crate) fn unlist(&mut self, node: &Id) {
        if let Some(member) = self.by_id.get_mut(node) {
            member.listed_since = None;
            self.marks += 1;
        }
    }

    pub(crate) fn unlist_all(&mut self) {
        for member in self.by_id.values_mut() {
            member.listed_since = None;
        }
        self.marks += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const SECOND: Duration = Duration::from_secs(1);
    const EPOCH: Id = Id::from_bytes([7; 20]);

    fn verifier(id: u8, credential: u8) -> FeedVerifier {
        FeedVerifier {
            id: Id::from_bytes([id; 20]),
            credential: Id::from_bytes([credential; 20]),
            max_staleness: 5 * SECOND,
            cursor: None,
            keys: None,
        }
    }

    fn ask(members: &mut Members, verifier: &FeedVerifier, applied: i64, now: u32) -> Due {
        let asked = members.ask(verifier, Some((EPOCH, applied)), (SECOND * now, NOW));
        asked.ok().unwrap()
    }

    fn write(members: &mut Members, now: u32) {
        let (rows, marks) = members.unwritten(SECOND * now);
        members.written(&rows, marks, SECOND * now);
    }

    #[test]
    fn verifier_is_registered_before_it_is_answered_and_acknowledges_later() {
        let (mut members, one) = (Members::default(), verifier(1, 1));
        assert_eq!(ask(&mut members, &one, 3, 100), Due::Registration);
        assert!(!members.is_listed(&one.id, SECOND * 100));
        write(&mut members, 101);
        assert!(
            !members.is_listed(&one.id, SECOND * 100),
            "compared earlier"
        );
        assert!(members.is_listed(&one.id, SECOND * 101));
        assert_eq!(ask(&mut members, &one, 3, 102), Due::Nothing);
        assert_eq!(ask(&mut members, &one, 4, 103), Due::Acknowledgement);
        write(&mut members, 103);
        assert_eq!(ask(&mut members, &one, 4, 104), Due::Nothing);
        assert_eq!(
            ask(&mut members, &one, 4, 113),
            Due::Acknowledgement,
            "renewal"
        );
    }

    #[test]
    fn row_that_is_leaving_is_written_anew() {
        let (mut members, one) = (Members::default(), verifier(1, 1));
        ask(&mut members, &one, 3, 100);
        write(&mut members, 100);
        members.unlist(&one.id);
        assert!(!members.is_listed(&one.id, SECOND * 200));
        assert_eq!(ask(&mut members, &one, 3, 101), Due::Registration);
    }

    #[test]
    fn row_that_may_have_been_marked_while_it_was_written_does_not_count() {
        let (mut members, one) = (Members::default(), verifier(1, 1));
        ask(&mut members, &one, 3, 100);
        let (rows, marks) = members.unwritten(SECOND * 100);
        members.unlist_all();
        members.written(&rows, marks, SECOND * 101);
        assert!(!members.is_listed(&one.id, SECOND * 200));
        assert_eq!(ask(&mut members, &one, 3, 102), Due::Registration);
    }

    #[test]
    fn longer_bound_is_registered_before_it_is_granted() {
        let (mut members, mut one) = (Members::default(), verifier(1, 1));
        ask(&mut members, &one, 3, 100);
        write(&mut members, 100);
        one.max_staleness = 6 * SECOND;
        assert_eq!(ask(&mut members, &one, 3, 101), Due::Registration);
        let (rows, _) = members.unwritten(SECOND * 101);
        assert_eq!(rows[0].record.max_staleness, 6 * SECOND);
    }

    #[test]
    fn verifiers_of_a_credential_and_of_a_process_are_limited_until_they_are_forgotten() {
        let mut members = Members::default();
        let numbered = |number: usize, credential: u8| {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            FeedVerifier {
                id: Id::from_bytes(bytes),
                ..verifier(0, credential)
            }
        };
        for number in 0..MAX_OF_CREDENTIAL {
            ask(&mut members, &numbered(number, 1), 0, 100);
        }
        let one_more = numbered(MAX_OF_CREDENTIAL, 1);
        let at = |seconds: u32| (SECOND * seconds, NOW);
        assert!(members.ask(&one_more, None, at(100)).is_err());
        ask(&mut members, &numbered(0, 1), 0, 100);
        assert!(
            members.ask(&numbered(0, 2), None, at(100)).is_err(),
            "the id of another one"
        );
        assert!(members.ask(&one_more, None, at(160)).is_ok());
        let mut members = Members::default();
        for number in 0..MAX_VERIFIERS {
            let credential = u8::try_from(number / MAX_OF_CREDENTIAL).unwrap();
            ask(&mut members, &numbered(number, credential), 0, 100);
        }
        let another = numbered(MAX_VERIFIERS, 200);
        assert!(members.ask(&another, None, at(100)).is_err());
    }
}
