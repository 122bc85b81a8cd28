//! Durable records for countersign: credentials, issuers and sealed keys in SQLite, and a view of them
//! in memory that answers every request without touching the disk.
//!
//! ```
//! use countersign::directory::{Directory, Status};
//! use countersign::registry::{Caller, Change, NewKey, Registry};
//! use countersign_store::{Store, StoreOptions};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}/countersign.db", folder.path().display());
//! let store = Store::open(StoreOptions::new(url)).await?;
//! let directory = store.directory();
//!
//! let me = Caller::operator("me");
//! let new = NewKey::new("ci", "calls:read".parse()?);
//! let key = store.create_key(&me, new).await?;
//! assert_eq!(directory.credential(&key.record.id).unwrap().status, Status::Active);
//!
//! store.change(&me, key.record.id, Change::Revoke { reason: None }).await?;
//! assert_eq!(directory.credential(&key.record.id).unwrap().status, Status::Revoked);
//! store.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Rules
//!
//! 1. What a call has acknowledged is durable: SQLite's write-ahead log with `synchronous = FULL`.
//! 2. A change is one transaction: the record, its entry in the audit, and the next number of the change
//!    log. Numbers are dense and in the order of commits, so a reader at *n* has missed nothing below.
//! 3. Changes made here are in the view before the call returns. Changes of other processes on the
//!    same file arrive with [`Store::follow`], which somebody must spawn: a view that nobody
//!    refreshes refuses to check_freshness once it is older than [`StoreOptions::max_staleness`].
//! 4. Peppers, private keys, the tokens of sessions and answers that may be asked for again are sealed under the
//!    master key before they reach the database, each bound to its record. Secrets of API keys are never stored,
//!    only their digests.
//!
//! # Caveats
//!
//! A change that was refused because the disk failed may turn out to have been made when the process
//! is killed next: its bytes were written, only not known to be safe. Never the other way round.
//!
//! A database whose file is replaced or removed under an open store is refused from then on: the view
//! grows stale, and nothing is written. Close the store before you restore a backup, and open it again.
//!
//! The master key lies beside the database by default. A backup of the one without the other cannot
//! be read; a thief of both can read everything.

mod accounts;
mod answers;
mod audit;
mod backup;
mod credentials;
mod database;
mod denials;
mod diagnosis;
mod error;
mod first_start;
mod follow;
mod ground;
mod history;
mod issuers;
mod managed;
mod master_key;
mod master_key_rotation;
mod opened;
mod options;
mod pepper_rotation;
mod record;
mod registry;
mod restore;
mod seal;
mod sessions;
mod signing_keys;
mod since_boot;
mod store;
mod upkeep;
mod view;
mod writing;

pub use audit::{AuditEntry, AuditRecord, Checkpoint, InvalidCheckpoint, Verified};
pub use backup::Backup;
pub use diagnosis::Diagnosis;
pub use error::StoreError;
pub use follow::ViewContents;
pub use options::{MasterKey, StoreOptions};
pub use restore::{NotReplayed, Restored};
pub use signing_keys::{KeyState, SigningKeyRecord};
pub use since_boot::{BootClock, SinceBoot};
pub use store::Store;
pub use view::View;
