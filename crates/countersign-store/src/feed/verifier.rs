use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::Denial;

/// A verifier that asks.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the process that receives a question makes it of its parts"
)]
pub struct FeedVerifier {
    /// A random id that the verifier has chosen at its start.
    pub id: Id,
    /// The credential with which it asks.
    pub credential: Id,
    /// The age up to which it uses an answer: at most [`StoreOptions::max_staleness`](crate::StoreOptions::max_staleness).
    pub max_staleness: Duration,
    /// How far it has applied the change log; `None` if it knows nothing.
    pub cursor: Option<FeedCursor>,
}

/// A place in the change log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the two parts make a place, whatever the version"
)]
pub struct FeedCursor {
    /// The name of the history that the number belongs to.
    pub history: Arc<str>,
    /// The number of the last change that was applied.
    pub applied: i64,
}

/// What a verifier learns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedContents {
    /// The name of the history that the numbers belong to. A restored backup and a promoted standby begin new ones.
    pub history: Arc<str>,
    /// The number of the last change before those in the answer; `None` if it contains the whole state.
    pub after: Option<i64>,
    /// The number of the last change in the log when the view was compared with the database.
    pub head: i64,
    /// How long ago that comparison began.
    pub age: Duration,
    /// The denials of the whole state, or those that have changed.
    pub denials: Vec<Denial>,
    /// The entities of which nothing is denied any more: their tokens have expired.
    pub removed: Vec<Id>,
}
