use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Credential, CredentialKind, Denial, EnvironmentKind, Status};
use countersign::key::Pepper;

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
    /// The API keys that it learns; `None` if it learns none.
    pub keys: Option<KeyFilter>,
}

/// Which API keys a verifier learns.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the process that receives a question makes it of its parts"
)]
pub struct KeyFilter {
    /// The name of the issuer that they may use.
    pub issuer: Arc<str>,
    /// The account that they belong to; `None` for those of all accounts.
    pub account: Option<Id>,
    /// Whether they must belong to a sandbox.
    pub is_sandbox: bool,
    /// How many there may be.
    pub max: usize,
}

impl KeyFilter {
    /// Returns whether a verifier learns a credential.
    pub(crate) fn includes(&self, credential: &Credential) -> bool {
        credential.kind() == CredentialKind::Key
            && self
                .account
                .is_none_or(|account| credential.account == account)
            && (!self.is_sandbox || credential.environment_kind == EnvironmentKind::Sandbox)
            && credential.issuers.allow(&self.issuer)
    }

    /// Returns whether a verifier may learn that something has this id.
    pub(crate) fn concerns(&self, id: &Id) -> bool {
        let account = self.account.as_ref();
        account.is_none_or(|account| id.is_in_partition_of(account))
    }
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
#[derive(Clone, Debug)]
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
    /// The API keys; `None` if it learns none.
    pub keys: Option<KeyContents>,
}

/// The API keys that a verifier learns.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KeyContents {
    /// The keys of the whole state, or those that have changed, with the generation and the status of their accounts.
    pub keys: Vec<Credential>,
    /// The credentials that have changed and are not among its keys, or not any more.
    pub removed: Vec<Id>,
    /// The accounts that have changed.
    pub accounts: Vec<(Id, u32, Status)>,
    /// The peppers of the digests of the keys.
    pub peppers: Vec<Pepper>,
}
