use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;

use super::key_source::{KeyFetch, KeySource, TokenRejection};
use crate::jose::{KeySet, SharedKeySet};
use crate::reason::Reason;

/// The keys of an issuer: a [`KeySet`], a [`SharedKeySet`] that another part of the program replaces,
/// or, with the feature `remote`, keys that are fetched from the issuer.
#[derive(Clone)]
pub struct IssuerKeys(Source);

#[derive(Clone)]
enum Source {
    Held(SharedKeySet),
    #[cfg_attr(
        not(feature = "remote"),
        expect(dead_code, reason = "keys are fetched with the feature `remote`")
    )]
    Fetched(Arc<dyn KeySource>),
}

impl IssuerKeys {
    /// Returns the keys to verify with.
    pub(super) fn load(&self, key_id: Option<&str>) -> Result<Guard<Arc<KeySet>>, TokenRejection> {
        let keys = match &self.0 {
            Source::Held(keys) => Some(keys.load()),
            Source::Fetched(keys) => keys.load(),
        };
        keys.ok_or_else(|| TokenRejection {
            key_fetch: self
                .source()
                .and_then(|keys| keys.fetch_missing(None, key_id)),
            ..Reason::KeysUnavailable.into()
        })
    }

    /// Returns the version of the keys to verify with, if there are any that are fresh enough.
    pub(super) fn version(&self) -> Option<u64> {
        match &self.0 {
            Source::Held(keys) => Some(keys.version()),
            Source::Fetched(keys) => keys.load().map(|keys| keys.version()),
        }
    }

    /// Returns the fetch that may bring a key that is not in `seen`.
    pub(super) fn fetch_missing(&self, seen: &KeySet, key_id: Option<&str>) -> Option<KeyFetch> {
        self.source()?.fetch_missing(Some(seen), key_id)
    }

    /// Returns the keys if they are held in memory, so that they can be checked when the issuer is built.
    pub(super) fn held(&self) -> Option<Guard<Arc<KeySet>>> {
        match &self.0 {
            Source::Held(keys) => Some(keys.load()),
            Source::Fetched(_) => None,
        }
    }

    /// Returns the source of keys that are fetched.
    pub(crate) fn source(&self) -> Option<&dyn KeySource> {
        match &self.0 {
            Source::Held(_) => None,
            Source::Fetched(keys) => Some(&**keys),
        }
    }

    /// Returns keys that are fetched.
    #[cfg(feature = "remote")]
    pub(crate) fn fetched(source: impl KeySource) -> Self {
        Self(Source::Fetched(Arc::new(source)))
    }
}

impl From<KeySet> for IssuerKeys {
    fn from(keys: KeySet) -> Self {
        Self(Source::Held(keys.into()))
    }
}

impl From<SharedKeySet> for IssuerKeys {
    fn from(keys: SharedKeySet) -> Self {
        Self(Source::Held(keys))
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Held(keys) => keys.fmt(f),
            Source::Fetched(keys) => keys.fmt(f),
        }
    }
}
