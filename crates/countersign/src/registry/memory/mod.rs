//! A directory and a registry without a database.
//!
//! ```
//! use countersign::directory::{Directory, MemoryDirectory, Status};
//! use countersign::registry::{Caller, Change, MemoryRegistry, NewKey, Registry};
//! use countersign::key::{Pepper, Peppers};
//! use countersign::random::SystemRandom;
//! use countersign::time::SystemClock;
//! use std::sync::Arc;
//!
//! # tokio_test::block_on(async {
//! let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
//! let directory = Arc::new(MemoryDirectory::default());
//! let registry = MemoryRegistry::new(Arc::clone(&directory), peppers, SystemClock, SystemRandom)?;
//!
//! let me = Caller::operator("me");
//! let key = registry.create_key(&me, NewKey::new("ci", "calls:read".parse()?)).await?;
//! assert!(directory.credential(&key.record.id).is_some());
//!
//! registry.change(&me, key.record.id, Change::Revoke { reason: None }).await?;
//! assert_eq!(directory.credential(&key.record.id).unwrap().status, Status::Revoked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod credentials;
mod managed;
mod sessions;

pub use credentials::MemoryRegistry;
