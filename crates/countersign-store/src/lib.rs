#![doc = include_str!("../README.md")]
//!
//! # Guarantees
//!
//! 1. When a call returns, its changes are durable.
//! 2. The numbers of the change log are dense, and in the order of commits: a reader that has applied number *n* has missed
//!    no change below.
//! 3. Changes are in the view of this process before the call returns, and in the views of other processes after their next
//!    poll. A view that is older than [`StoreOptions::max_staleness`] is stale, and requests are rejected.
//! 4. After [`Store::wait_for_nodes`] has returned a complete receipt, no process decides without the changes that were made
//!    before. This needs no synchronized clocks and no notification that arrives.
//! 5. Secrets of API keys are never stored, only their digests. Other secrets are encrypted with the master key, each bound
//!    to its record.
//!
//! # Caveats
//!
//! A change that failed because of a disk error may turn out to have been made if the process is killed next: its bytes were
//! written, but were not known to be durable. The opposite never happens.
//!
//! A store does not use a database whose file was replaced or removed after it was opened: its view becomes stale, and
//! nothing is written. Close the store before you restore a backup, and open it again.
//!
//! By default, the master key is in the folder of the database. A backup of the database cannot be decrypted without the
//! key, and a thief of both can decrypt everything. Back up both, and store the backups separately.

#[macro_use]
mod sql;

mod access;
mod audit;
mod backup;
mod copy;
mod error;
mod feed;
mod files;
mod inspection;
mod issuers;
mod lifecycle;
mod maintenance;
mod nodes;
mod propagation;
mod records;
mod registry;
mod restore;
mod rotation;
mod secrets;
mod state;
mod store;
mod transaction;
mod verifiers;

pub use countersign::time::{BootClock, SystemBootClock};

pub use audit::{AuditRecord, Checkpoint, InvalidCheckpoint, Verified};
pub use error::StoreError;
pub use feed::{FeedContents, FeedCursor, FeedVerifier, KeyContents, KeyFilter};
pub use nodes::{Incomplete, Receipt};
pub use records::{Backup, KeyState, NodeList, NodeRecord, SessionRecord, SigningKeyRecord};
pub use restore::{NotReplayed, Restored};
pub use secrets::MasterKey;
pub use sql::Diagnosis;
pub use state::{StoreOptions, View, ViewContents, WhenStale};
pub use store::Store;
