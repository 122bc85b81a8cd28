use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;

use super::NotAccepted;
use crate::jose::{KeySet, SharedKeySet};
use crate::rejection::Reason;
#[cfg(feature = "remote")]
use crate::remote::RemoteKeys;

/// Where an issuer's keys come from: a [`KeySet`], a [`SharedKeySet`] that somebody else replaces, or with the
/// feature `remote` the issuer itself.
#[derive(Clone)]
pub struct IssuerKeys(Source);

#[derive(Clone)]
enum Source {
    Held(SharedKeySet),
    #[cfg(feature = "remote")]
    Remote(RemoteKeys),
}

impl IssuerKeys {
    /// The keys to judge by.
    pub(super) fn load(&self, key_id: Option<&str>) -> Result<Guard<Arc<KeySet>>, NotAccepted> {
        #[cfg(not(feature = "remote"))]
        let _ = key_id;
        match &self.0 {
            Source::Held(keys) => Ok(keys.load()),
            #[cfg(feature = "remote")]
            Source::Remote(keys) => keys.load().ok_or_else(|| without(keys, None, key_id)),
        }
    }

    /// What becomes of a token whose key is not among `seen`.
    pub(super) fn without(&self, seen: &KeySet, key_id: Option<&str>) -> NotAccepted {
        #[cfg(not(feature = "remote"))]
        let _ = (seen, key_id);
        match &self.0 {
            Source::Held(_) => NotAccepted::Refused(Reason::KeyUnknown),
            #[cfg(feature = "remote")]
            Source::Remote(keys) => without(keys, Some(seen), key_id),
        }
    }

    /// The keys that are here for good: a set of them that is to be checked before it is used.
    pub(super) fn held(&self) -> Option<Guard<Arc<KeySet>>> {
        match &self.0 {
            Source::Held(keys) => Some(keys.load()),
            #[cfg(feature = "remote")]
            Source::Remote(_) => None,
        }
    }

    #[cfg(feature = "remote")]
    pub(super) fn remote(&self) -> Option<&RemoteKeys> {
        match &self.0 {
            Source::Held(_) => None,
            Source::Remote(keys) => Some(keys),
        }
    }
}

#[cfg(feature = "remote")]
fn without(keys: &RemoteKeys, seen: Option<&KeySet>, key_id: Option<&str>) -> NotAccepted {
    match keys.without(seen, key_id) {
        Ok(flight) => NotAccepted::Awaits(flight),
        Err(reason) => NotAccepted::Refused(reason),
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

#[cfg(feature = "remote")]
impl From<RemoteKeys> for IssuerKeys {
    fn from(keys: RemoteKeys) -> Self {
        Self(Source::Remote(keys))
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Held(keys) => keys.fmt(f),
            #[cfg(feature = "remote")]
            Source::Remote(keys) => keys.fmt(f),
        }
    }
}
