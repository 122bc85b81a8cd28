//! The master key: where it is, and how it is replaced.
//!
//! A rotation survives a crash at any point:
//!
//! 1. The new key is written to `<file>.next`, durably.
//! 2. One transaction encrypts all secrets again.
//! 3. `<file>.next` is renamed to `<file>`.
//!
//! After a crash between 2 and 3, the key in `<file>` does not decrypt the database, but the key in `<file>.next` does:
//! the next process that opens the database renames it. After a crash before 2, `<file>.next` decrypts nothing, and
//! the next rotation overwrites it. Files are renamed only while the database is locked for writing, so that no
//! rotation removes a key that another one needs.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::Secret;
use countersign::random::Random;
use zeroize::Zeroizing;

use super::Sealer;
use crate::error::StoreError;
use crate::files::{publish, recreate, sync_folder, with_suffix};

/// The name of the file where none was configured.
const FILE_NAME: &str = "countersign.key";
/// The suffix of the file with the next key during a rotation.
const NEXT: &str = ".next";
/// Longer than any key. A file that was named by mistake is not read to its end.
const MAX_LENGTH: u64 = 1024;
/// Random keys have about 30 distinct bytes. A key with fewer than this is a placeholder.
const MIN_DISTINCT_BYTES: usize = 8;
const GROUP_AND_OTHERS: u32 = 0o077;

/// Where the master key comes from: 32 bytes in base64.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MasterKey {
    /// The file `countersign.key` in the folder of the database. The store creates it for a new database.
    BesideDatabase,
    /// Another file. The store creates it for a new database.
    File(PathBuf),
    /// The key itself, which the caller has read elsewhere.
    Text(Secret),
}

impl MasterKey {
    /// Checks `text`, and returns it as a master key.
    ///
    /// # Errors
    ///
    /// [`StoreError::MasterKeyMalformed`], which does not contain the text.
    pub fn from_text(text: Secret) -> Result<Self, StoreError> {
        parse(text.expose().as_bytes())?;
        Ok(Self::Text(text))
    }
}

/// Whether the database existed before it was opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatabaseAge {
    New,
    Existing,
}

/// Finds and replaces the master key of a database.
pub(crate) struct MasterKeySource {
    pub(crate) key: MasterKey,
    /// The file of the database, for which a master key is created. It is given to every node otherwise.
    pub(crate) database: Option<PathBuf>,
    pub(crate) random: Arc<dyn Random>,
}

/// Where the master key is, if not beside the database.
enum Place<'a> {
    File(PathBuf),
    Text(&'a Secret),
}

/// Decides whether a key is the one that the database is encrypted with.
pub(crate) type KeyCheck<'a> = dyn Fn(&Sealer) -> bool + Sync + 'a;

impl MasterKeySource {
    /// Returns the master key. For a new database without one, it creates the key, which is durable when this returns:
    /// the first commit must not outlive the key that it depends on.
    pub(crate) fn find(&self, age: DatabaseAge) -> Result<Sealer, StoreError> {
        let path = match self.place()? {
            Place::File(path) => path,
            Place::Text(text) => return parse(text.expose().as_bytes()),
        };
        match read(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::file(&path, error))
            }
            Err(_) if age == DatabaseAge::Existing || self.database.is_none() => {
                Err(StoreError::MasterKeyMissing(path))
            }
            Err(_) => {
                let text = self.generate()?;
                write(&path, &text)?;
                parse(text.expose().as_bytes())
            }
        }
    }

    /// Returns the file of the key, or its text. Links are followed: replacing a link would leave the old key where it was.
    fn place(&self) -> Result<Place<'_>, StoreError> {
        let path = match (&self.key, &self.database) {
            (MasterKey::Text(text), _) => return Ok(Place::Text(text)),
            (MasterKey::File(path), _) => path.clone(),
            (MasterKey::BesideDatabase, Some(database)) => database.with_file_name(FILE_NAME),
            (MasterKey::BesideDatabase, None) => return Err(StoreError::MasterKeyNotGiven),
        };
        Ok(Place::File(resolve_links(path)))
    }

    pub(crate) fn is_file(&self) -> bool {
        !matches!(self.key, MasterKey::Text(_))
    }

    /// Returns the text of a new random key.
    pub(crate) fn generate(&self) -> Result<Secret, StoreError> {
        let mut key = Zeroizing::new([0; 32]);
        self.random.fill(key.as_mut())?;
        // Allocated once: growing would leave copies of the key in memory.
        let mut text = String::with_capacity(64);
        STANDARD.encode_string(key.as_ref(), &mut text);
        Ok(Secret::from(text))
    }

    /// Returns `present` if the database is encrypted with it. Otherwise finishes a rotation that a crash interrupted,
    /// if there was one. Call it in a write transaction.
    pub(crate) fn settle(
        &self,
        present: Sealer,
        check: &KeyCheck<'_>,
    ) -> Result<Sealer, StoreError> {
        if check(&present) {
            return Ok(present);
        }
        // If neither key fits, the error is about the present one, which is the one that users know.
        Ok(self.finish_rotation(check)?.unwrap_or(present))
    }

    /// Returns the key that the database is encrypted with after another process rotated it. Leaves the files as they
    /// are, because readers hold no lock.
    pub(crate) fn find_rotated(&self, check: &KeyCheck<'_>) -> Result<Sealer, StoreError> {
        let present = || self.find(DatabaseAge::Existing).map(Some);
        // Between two attempts, the other process may rename the file.
        for attempt in [present(), self.find_next(), present()] {
            if let Some(found) = attempt?
                && check(&found)
            {
                return Ok(found);
            }
        }
        Err(StoreError::MasterKeyRotated)
    }

    /// Writes the next key to its file, if the present one is in a file.
    pub(crate) fn write_next(&self, text: &Secret) -> Result<(), StoreError> {
        match self.place()? {
            Place::File(path) => write(&with_suffix(&path, NEXT), text),
            Place::Text(_) => Ok(()),
        }
    }

    /// Renames the file of the next key to that of the present one, if the database is encrypted with the next one.
    /// Returns that key. Call it in a write transaction.
    pub(crate) fn finish_rotation(
        &self,
        check: &KeyCheck<'_>,
    ) -> Result<Option<Sealer>, StoreError> {
        let (Place::File(path), Some(next)) = (self.place()?, self.find_next()?) else {
            return Ok(None);
        };
        if !check(&next) {
            return Ok(None);
        }
        fs::rename(with_suffix(&path, NEXT), &path)
            .and_then(|()| sync_folder(&path))
            .map_err(|source| StoreError::file(&path, source))?;
        Ok(Some(next))
    }

    fn find_next(&self) -> Result<Option<Sealer>, StoreError> {
        let Place::File(path) = self.place()? else {
            return Ok(None);
        };
        let path = resolve_links(with_suffix(&path, NEXT));
        match read(&path) {
            Ok(text) => Ok(parse(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::file(&path, error)),
        }
    }
}

/// Parses the text of a master key.
pub(crate) fn parse(text: &[u8]) -> Result<Sealer, StoreError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LENGTH as usize));
    // Editors of Windows write a byte order mark at the beginning of a file.
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    STANDARD
        .decode_vec(text.trim_ascii(), &mut bytes)
        .map_err(|_| StoreError::MasterKeyMalformed)?;
    let key: Result<&[u8; 32], _> = bytes.as_slice().try_into();
    key.ok()
        .filter(|key| looks_random(key))
        .and_then(Sealer::new)
        .ok_or(StoreError::MasterKeyMalformed)
}

fn looks_random(key: &[u8; 32]) -> bool {
    let distinct: std::collections::BTreeSet<_> = key.iter().collect();
    distinct.len() >= MIN_DISTINCT_BYTES
}

/// Follows links to the file that they end at, even if that file does not exist yet.
fn resolve_links(mut path: PathBuf) -> PathBuf {
    // No operating system follows more links than this: they form a circle.
    for _ in 0..40 {
        match (fs::canonicalize(&path), fs::read_link(&path)) {
            (Ok(file), _) => return file,
            (Err(_), Ok(target)) => path = path.with_file_name("").join(target),
            (Err(_), Err(_)) => break,
        }
    }
    path
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Allocated once: growing would leave copies of the key in memory.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_LENGTH as usize + 1));
    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & GROUP_AND_OTHERS != 0 {
        tracing::warn!(
            path = %path.display(),
            "other users may use the master key: `chmod 600` the file"
        );
    }
    file.take(MAX_LENGTH).read_to_end(&mut text)?;
    Ok(text)
}

/// Writes a master key durably to a file that only its owner can read. A crash leaves the whole key there, or nothing.
fn write(path: &Path, text: &Secret) -> Result<(), StoreError> {
    let write = || {
        let draft = with_suffix(path, ".new");
        let mut file = recreate(&draft)?;
        file.write_all(text.expose().trim_ascii().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        publish(&draft, path)
    };
    write().map_err(|source| StoreError::file(path, source))
}
