//! What verifiers without the database follow: the feed.
//!
//! A verifier asks over HTTP. A process with a store answers from its view, and says which change was the last one in it, and how long
//! ago the view was compared with the database. A verifier is a node (see [`nodes`](crate::nodes)) whose row other processes write:
//! those that answer it.
//!
//! # Rules
//!
//! T is the bound that the verifier and this process agree on, which is in the row. The other rules are those of nodes.
//!
//! 1. The view of a verifier is fresh until T − a after it sent a question, on its own clock. a is the age in the answer: the time on
//!    the clock of this process from the beginning of a comparison of its view with the database until a moment after the question
//!    arrived. The answer contains everything up to the head of the log in that comparison.
//! 2. A process answers only from a comparison that began after it had written the row of the verifier, and in which it has not found
//!    that the row was marked as leaving. If it was, the process writes the row again before it answers.
//! 3. The cursor of a question is an acknowledgement: the verifier has applied everything up to it.
//!
//! The API keys in an answer are those of the view, too. A record is sent as it is, which may be later than the change that names
//! it, and a later answer contains it again.
//!
//! # Claim
//!
//! That of [`nodes`](crate::nodes) holds for verifiers. Let a verifier decide at a time t because of an answer from a comparison whose
//! read of the database happened at a time r. The comparison began before r. So r is at most a before the moment in rule 1 on the
//! clock of the process, that moment is after the question was sent, and t is at most T − a after that on the clock of the
//! verifier. With clocks whose rates differ by at most ρ from the true one, at most a / (1 − ρ) + (T − a) / (1 − ρ) = T / (1 − ρ) of
//! real time has passed between r and t. The row was there at r, not marked as leaving: it was written before, and a mark is a change
//! in the log that the comparison would have found. The rest of the argument is that for nodes.
//!
//! A verifier may ask several processes in turn. Each writes the row before it answers, so that rule 2 holds for each answer. A row
//! that one process writes with an older cursor than another one makes a receipt later, and never earlier.

mod log;
mod members;
mod verifier;

pub use verifier::{FeedContents, FeedCursor, FeedVerifier, KeyContents, KeyFilter};

pub(crate) use log::{FeedLog, Read};
pub(crate) use members::{Due, TooMany};
