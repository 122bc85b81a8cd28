//! The records that the store adds to those of `countersign`, and their rules, whatever the database.

mod backup;
mod change;
mod idempotency;
mod node;
mod session;
mod signing_key;

pub use backup::Backup;
pub(crate) use change::ChangedEntity;
pub(crate) use idempotency::StoredAnswer;
pub use node::{NodeList, NodeRecord};
pub use session::SessionRecord;
pub(crate) use session::StoredSession;
pub use signing_key::{KeyState, SigningKeyRecord};
pub(crate) use signing_key::{StoredSigningKey, assign_states, signing_key_context};
