//! The audit log: who did what, in the order of the changes.
//!
//! # Rules
//!
//! 1. A record is written in the transaction of the change that it describes: neither exists without the other.
//! 2. Each record carries a MAC over itself and the MAC of the record before it. The head carries one over the last
//!    record. Without the key, an attacker cannot change, remove, move or insert a record undetected.
//! 3. The key is in the database, encrypted under the master key. A thief of both can rewrite history, which only a
//!    [`Checkpoint`] that was stored elsewhere reveals.
//! 4. Nothing is appended to a chain whose end is not the one that was written, because the new end would cover up the
//!    change. Until the database is restored, actions that must be recorded fail.
//!
//! # Caveat
//!
//! A whole older database, head included, is a genuine chain. Only a [`Checkpoint`] reveals it.

mod chain;
mod checkpoint;
mod record;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use chain::{AuditKey, ChainEnd, ChainedRecord};
pub use checkpoint::{Checkpoint, InvalidCheckpoint};
pub use record::AuditRecord;
pub use verify::Verified;
pub(crate) use verify::Verifier;
