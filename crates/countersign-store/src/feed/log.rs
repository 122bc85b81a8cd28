//! The end of the change log, in memory.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign::Id;
use tokio::sync::watch;

use super::FeedCursor;
use super::members::Members;
use crate::records::ChangedEntity;
use crate::sql::changes::LogHead;

/// How many changes are kept. A verifier that lacks more reads the whole state.
const MAX_CHANGES: usize = 65_536;

/// What the follower has read of the change log, for verifiers, and the verifiers that this process answers.
pub(crate) struct FeedLog {
    state: Mutex<State>,
    /// Says that there are changes.
    changed: watch::Sender<()>,
}

struct State {
    tail: Tail,
    members: Members,
}

/// The changes after a number.
struct Tail {
    /// The name of the history: the epoch, and the timeline of the database server.
    history: Arc<str>,
    /// The same without what marks that the end of the log was lost.
    base: String,
    epoch: Option<Id>,
    /// The number of the change before the first one that is kept.
    start: i64,
    changes: VecDeque<ChangedEntity>,
}

impl Tail {
    fn head(&self) -> i64 {
        let count = i64::try_from(self.changes.len()).unwrap_or(i64::MAX);
        self.start.saturating_add(count)
    }

    /// Returns the entities that have changed after a cursor, or `None` if that is not known.
    fn after(&self, cursor: &FeedCursor) -> Option<HashSet<ChangedEntity>> {
        let skipped = self.skipped(cursor)?;
        Some(self.changes.iter().skip(skipped).copied().collect())
    }

    /// Returns how many of the changes are not after a cursor, or `None` if some of those after it are not known.
    fn skipped(&self, cursor: &FeedCursor) -> Option<usize> {
        if *cursor.history != *self.history || cursor.applied > self.head() {
            return None;
        }
        usize::try_from(cursor.applied.checked_sub(self.start)?).ok()
    }
}

/// What the follower has read.
pub(crate) enum Read {
    /// All records.
    Everything {
        /// Whether the log ended at a higher number before, in the same epoch: its end was lost.
        is_cut: bool,
    },
    /// The changes after what it had read before, in their order.
    Changes(Vec<ChangedEntity>),
}

/// What is known at one moment.
pub(crate) struct Position {
    pub(crate) history: Arc<str>,
    pub(crate) head: i64,
    /// The entities that have changed after a cursor; `None` if the whole state is needed.
    pub(crate) changed: Option<HashSet<ChangedEntity>>,
}

impl FeedLog {
    pub(crate) fn new() -> Self {
        let tail = Tail {
            history: "".into(),
            base: String::new(),
            epoch: None,
            start: 0,
            changes: VecDeque::new(),
        };
        Self {
            state: Mutex::new(State {
                tail,
                members: Members::default(),
            }),
            changed: watch::Sender::new(()),
        }
    }

    /// Takes notice of what is in the view now. `timeline` is that of the database server, if it has one. Call it before the view
    /// becomes fresh by it.
    pub(crate) fn follow(&self, head: &LogHead, read: Read, timeline: Option<&str>) {
        let mut state = self.lock();
        let State { tail, members } = &mut *state;
        match read {
            Read::Changes(changes) => {
                for change in changes {
                    if let ChangedEntity::Node(id) = change {
                        members.unlist(&id);
                    }
                    if tail.changes.len() == MAX_CHANGES {
                        tail.changes.pop_front();
                        tail.start += 1;
                    }
                    tail.changes.push_back(change);
                }
            }
            Read::Everything { is_cut } => {
                let base = match timeline {
                    Some(timeline) => format!("{}-{timeline}", head.epoch),
                    None => head.epoch.to_string(),
                };
                if is_cut {
                    // Numbers are used twice.
                    tail.history = format!("{base}-cut{}", head.number).into();
                } else if tail.base != base {
                    tail.history = base.as_str().into();
                }
                tail.base = base;
                tail.epoch = Some(head.epoch);
                tail.start = head.number;
                tail.changes.clear();
                // Marks may have been among what was not read.
                members.unlist_all();
            }
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Waits until there are changes after a cursor, or the history is another one.
    pub(crate) async fn wait_after(&self, cursor: &FeedCursor) {
        let mut changed = self.changed.subscribe();
        let is_current = || {
            let state = self.lock();
            *state.tail.history == *cursor.history && state.tail.head() == cursor.applied
        };
        while is_current() {
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// Returns whether the changes after a cursor are known.
    pub(crate) fn knows_after(&self, cursor: &FeedCursor) -> bool {
        self.lock().tail.skipped(cursor).is_some()
    }

    /// Returns the epoch and the number that a cursor acknowledges, if its history is the present one.
    pub(crate) fn acknowledged(&self, cursor: &FeedCursor) -> Option<(Id, i64)> {
        let state = self.lock();
        let is_present = *state.tail.history == *cursor.history;
        let epoch = state.tail.epoch.filter(|_| is_present)?;
        Some((epoch, cursor.applied.min(state.tail.head())))
    }

    /// Returns what to tell a verifier, if its row was there, not leaving, in the comparison that began at `compared_at`.
    pub(crate) fn position(
        &self,
        verifier: &Id,
        cursor: Option<&FeedCursor>,
        compared_at: Duration,
    ) -> Option<Position> {
        let state = self.lock();
        state
            .members
            .is_listed(verifier, compared_at)
            .then(|| Position {
                history: Arc::clone(&state.tail.history),
                head: state.tail.head(),
                changed: cursor.and_then(|cursor| state.tail.after(cursor)),
            })
    }

    pub(crate) fn members<T>(&self, f: impl FnOnce(&mut Members) -> T) -> T {
        f(&mut self.lock().members)
    }

    /// Nothing panics while it is locked, so that a poisoned state would be consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Id = Id::from_bytes([1; 20]);

    fn head(number: i64) -> LogHead {
        LogHead {
            epoch: EPOCH,
            number,
            oldest: 1,
        }
    }

    fn denial(byte: u8) -> ChangedEntity {
        ChangedEntity::Denial(Id::from_bytes([byte; 20]))
    }

    fn cursor(log: &FeedLog, applied: i64) -> FeedCursor {
        let history = Arc::clone(&log.lock().tail.history);
        FeedCursor { history, applied }
    }

    fn after(log: &FeedLog, cursor: &FeedCursor) -> Option<usize> {
        log.lock().tail.after(cursor).map(|changes| changes.len())
    }

    #[test]
    fn changes_after_a_cursor_are_known_from_where_the_log_was_read() {
        let log = FeedLog::new();
        log.follow(&head(5), Read::Everything { is_cut: false }, None);
        log.follow(&head(7), Read::Changes(vec![denial(1), denial(2)]), None);
        for (applied, known) in [
            (4, None),
            (5, Some(2)),
            (6, Some(1)),
            (7, Some(0)),
            (8, None),
        ] {
            let found = after(&log, &cursor(&log, applied));
            assert_eq!(found, known, "{applied}");
        }
        let other = FeedCursor {
            history: "other".into(),
            applied: 7,
        };
        assert_eq!(after(&log, &other), None);
        assert_eq!(log.acknowledged(&other), None);
        assert_eq!(log.acknowledged(&cursor(&log, 6)), Some((EPOCH, 6)));
    }

    #[test]
    fn history_changes_with_the_epoch_the_timeline_and_a_log_whose_end_was_lost() {
        let log = FeedLog::new();
        let history = || log.lock().tail.history.to_string();
        let everything = |is_cut| Read::Everything { is_cut };
        log.follow(&head(5), everything(false), Some("00000001"));
        let first = history();
        log.follow(&head(9), everything(false), Some("00000001"));
        assert_eq!(history(), first, "the log was too old");
        log.follow(&head(9), everything(false), Some("00000002"));
        let second = history();
        assert_ne!(second, first);
        log.follow(&head(8), everything(true), Some("00000002"));
        let third = history();
        assert_ne!(third, second);
        log.follow(&head(8), everything(false), Some("00000002"));
        assert_eq!(history(), third, "it stays another history");
    }

    #[test]
    fn only_the_last_changes_are_kept() {
        let log = FeedLog::new();
        log.follow(&head(0), Read::Everything { is_cut: false }, None);
        let many = vec![denial(1); MAX_CHANGES + 1];
        log.follow(&head(65_537), Read::Changes(many), None);
        assert_eq!(after(&log, &cursor(&log, 0)), None);
        assert_eq!(after(&log, &cursor(&log, 1)), Some(1));
    }
}
