//! The feed as a directory.

use super::Feed;
use crate::directory::{Credential, Directory, StaleView, UserName};
use crate::id::Id;
use crate::key::KeyDigest;

impl Directory for Feed {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.view().credentials()?.credential(id)
    }

    fn user(&self, _: &UserName) -> Option<Credential> {
        None
    }

    fn has_users(&self) -> bool {
        false
    }

    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        self.view().credentials()?.imported_key(digest)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.view().lowest_generation(entity)
    }

    fn accepts_generation(&self, entity: &Id, generation: u32) -> bool {
        self.view().accepts_generation(entity, generation)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.view().is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        self.is_ready().then_some(()).ok_or(StaleView)
    }
}

/// The API keys of a feed. If it is followed without them, each key is rejected with 503: it might be valid.
pub(super) struct KeyDirectory(pub(super) Feed);

impl Directory for KeyDirectory {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.0.credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.0.user(name)
    }

    fn has_users(&self) -> bool {
        self.0.has_users()
    }

    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        self.0.imported_key(digest)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.0.lowest_generation(entity)
    }

    fn accepts_generation(&self, entity: &Id, generation: u32) -> bool {
        self.0.accepts_generation(entity, generation)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.0.is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        self.0.view().credentials().ok_or(StaleView)?;
        self.0.check_freshness()
    }
}
