use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::source::Source;
use super::view::View;
use super::{FileError, ids};
use crate::directory::{Credential, Directory, StaleView, UserName};
use crate::disk::{SeenVersion, Stamp};
use crate::id::Id;
use crate::key::KeyDigest;

/// The generation of the account of all credentials.
const ACCOUNT_GENERATION: u32 = 1;

/// The credentials that were last read from a source without an error.
pub(super) struct LoadedFile {
    source: Source,
    view: ArcSwap<View>,
    /// The error of the last attempt to read them.
    error: ArcSwapOption<FileError>,
    seen: Mutex<SeenVersion<Option<Stamp>>>,
}

impl LoadedFile {
    pub(super) fn open(source: Source) -> Result<Self, FileError> {
        let seen = SeenVersion::new(source.stamp());
        Ok(Self {
            view: ArcSwap::from_pointee(source.load()?),
            source,
            error: ArcSwapOption::empty(),
            seen: Mutex::new(seen),
        })
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the number of credentials.
    pub(super) fn len(&self) -> usize {
        self.view.load().len()
    }

    pub(super) fn last_result(&self) -> Result<(), Arc<FileError>> {
        self.error.load_full().map_or(Ok(()), Err)
    }

    pub(super) fn reload(&self) -> Result<(), Arc<FileError>> {
        let mut seen = self.seen();
        *seen = SeenVersion::new(self.source.stamp());
        self.load()
    }

    pub(super) fn reload_if_changed(&self) -> Result<(), Arc<FileError>> {
        let mut seen = self.seen();
        match seen.must_be_read(self.source.stamp()) {
            true => self.load(),
            false => self.last_result(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, SeenVersion<Option<Stamp>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Result<(), Arc<FileError>> {
        let result = self.source.load().map_err(Arc::new);
        let error = result.as_ref().err().cloned();
        let failed = self.error.swap(error);
        let replaced = match result {
            Ok(view) => Ok(self.view.swap(Arc::new(view))),
            Err(error) => Err(error),
        };
        self.log(&replaced, failed.as_deref());
        replaced.map(drop)
    }

    /// Logs what has changed. An error is logged once, and not for every attempt.
    fn log(&self, replaced: &Result<Arc<View>, Arc<FileError>>, failed: Option<&FileError>) {
        #[cfg(feature = "tracing")]
        match replaced {
            Ok(replaced) => {
                let (from, view) = (&self.source, self.view.load());
                let (new, ended) = (
                    view.count_missing_in(replaced),
                    replaced.count_missing_in(&view),
                );
                if new + ended > 0 || failed.is_some() {
                    let credentials = view.len();
                    tracing::info!(%from, credentials, new, ended, "credentials reloaded");
                }
            }
            Err(error) if failed.is_some_and(|failed| failed.to_string() == error.to_string()) => {}
            Err(error) => {
                tracing::warn!(%error, "credentials not reloaded; those from before stay in use");
            }
        }
        #[cfg(not(feature = "tracing"))]
        let _ = (replaced, failed);
    }
}

impl Directory for LoadedFile {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.view.load().credential(id).cloned()
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.view.load().user(name).cloned()
    }

    /// Files are never written.
    fn stores_password_upgrades(&self) -> bool {
        false
    }

    fn costliest_password(&self) -> Option<Arc<str>> {
        self.view.load().costliest_password().cloned()
    }

    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        self.view.load().whole_key(digest).cloned()
    }

    /// Tokens of a credential that the file no longer has are denied by a generation that none has.
    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        if *entity == ids::ACCOUNT {
            return Some(ACCOUNT_GENERATION);
        }
        let present = self
            .view
            .load()
            .credential(entity)
            .map(|found| found.generation);
        present.or_else(|| ids::is_of_file(entity).then_some(u32::MAX))
    }

    fn accepts_generation(&self, entity: &Id, generation: u32) -> bool {
        if *entity == ids::ACCOUNT {
            return generation == ACCOUNT_GENERATION;
        }
        match self.view.load().credential(entity) {
            Some(found) => found.generation == generation,
            // Sessions, and credentials of other directories.
            None => !ids::is_of_file(entity),
        }
    }

    fn is_denied(&self, _issuer: &str, _token: &Id) -> bool {
        false
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces the file by one with so many users, as if that left its stamp as it was.
    fn change(file: &LoadedFile, users: usize) {
        let Source::Htpasswd(path, _) = &file.source else {
            panic!("the source is an htpasswd file");
        };
        let hash = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";
        let lines = (0..users).map(|number| format!("user{number}:{hash}\n"));
        std::fs::write(path, lines.collect::<String>()).unwrap();
        file.seen().stamp = file.source.stamp();
    }

    #[test]
    fn file_is_read_once_more_with_the_same_stamp_and_then_only_with_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        std::fs::write(&path, "# none").unwrap();
        let source = Source::Htpasswd(path, crate::Scopes::none());
        let file = LoadedFile::open(source).unwrap();
        change(&file, 1);
        file.reload_if_changed().unwrap();
        assert_eq!(file.len(), 1);
        change(&file, 2);
        file.reload_if_changed().unwrap();
        assert_eq!(
            file.len(),
            1,
            "the file was read although it had not changed"
        );
        file.seen().stamp = None;
        file.reload_if_changed().unwrap();
        assert_eq!(file.len(), 2);
        change(&file, 3);
        file.reload_if_changed().unwrap();
        assert_eq!(file.len(), 3);
    }
}
