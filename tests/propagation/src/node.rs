//! A node: a store that follows the database, and decides on requests.

use countersign::Secret;
use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::registry::{Caller, Change, NewKey, Registry as _};
use countersign::rejection::RejectionKind;
use countersign::{Id, Scopes};
use countersign_store::{MasterKey, Store, StoreOptions};
use futures_util::FutureExt as _;

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) struct Node {
    pub(crate) store: Store,
    authenticator: Authenticator,
}

/// A key, and its id.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: Id,
    pub(crate) secret: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Accepted,
    Rejected,
    /// 503: the view is not fresh.
    Undecided,
}

/// Returns the options of a node of this database.
pub(crate) fn options(url: &str) -> StoreOptions {
    let mut options = StoreOptions::new(url);
    options.master_key = MasterKey::Text(Secret::from(MASTER_KEY.to_owned()));
    options
}

impl Node {
    pub(crate) async fn open(options: StoreOptions) -> Self {
        let clock = options.clock.clone();
        let store = Store::open(options).await.unwrap();
        let authenticator = Authenticator::builder().primary(store.api_keys());
        Self {
            authenticator: authenticator.clock(clock).build().unwrap(),
            store,
        }
    }

    /// Decides on a request with a key, as the layer does.
    pub(crate) fn decide(&self, key: &Secret) -> Decision {
        let credentials = Credentials::key(key.clone());
        let decided = self
            .authenticator
            .authenticate(credentials, &RequestHead::empty());
        match decided.now_or_never().expect("keys need no waiting") {
            Ok(_) => Decision::Accepted,
            Err(rejection) => match rejection.kind() {
                RejectionKind::Invalid => Decision::Rejected,
                RejectionKind::Unavailable => Decision::Undecided,
                kind => panic!("{kind:?}"),
            },
        }
    }

    pub(crate) async fn create_key(&self) -> Key {
        self.try_create_key().await.unwrap()
    }

    /// Creates a key; `None` if the database cannot be written.
    pub(crate) async fn try_create_key(&self) -> Option<Key> {
        let scopes: Scopes = "calls:read".parse().unwrap();
        let caller = caller();
        let created = self.store.create_key(&caller, NewKey::new("key", scopes));
        let created = created.await.ok()?;
        Some(Key {
            id: created.record.id,
            secret: created.issued.key,
        })
    }

    /// Revokes a key. Returns whether the database has acknowledged it.
    pub(crate) async fn revoke(&self, id: Id) -> bool {
        let (caller, revoke) = (caller(), Change::Revoke { reason: None });
        self.store.change(&caller, id, revoke).await.is_ok()
    }
}

pub(crate) fn caller() -> Caller {
    Caller::operator("propagation")
}
