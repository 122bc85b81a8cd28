use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::FileError;
use super::loaded::LoadedFile;
use super::source::Source;
use crate::directory::Directory;
use crate::key::{Pepper, Peppers};
use crate::mechanism::ApiKeys;
#[cfg(feature = "passwords")]
use crate::mechanism::{Basic, password::PasswordHasher};
use crate::scope::Scopes;
use crate::secret::Secret;

/// The shortest interval between two looks at a file.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Credentials from a file or an environment variable. Clones, and the mechanisms that it creates, share them. The
/// [module](super) describes the file.
#[derive(Clone)]
pub struct FileCredentials(Arc<LoadedFile>);

impl FileCredentials {
    /// Reads credentials from a [TOML file](super#the-toml-file).
    ///
    /// # Errors
    ///
    /// - [`FileError::Unreadable`] if the file cannot be read;
    /// - [`FileError::Content`] if it is empty, too long or not UTF-8;
    /// - [`FileError::Line`] if a line is wrong.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        Self::load(Source::Toml(path.into()))
    }

    /// Reads users from an [htpasswd file](super#the-htpasswd-file), who all have these scopes.
    ///
    /// ```
    /// use countersign::file::FileCredentials;
    /// use countersign::Scopes;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("htpasswd");
    /// let bcrypt = "$2y$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    /// std::fs::write(&path, format!("ada:{bcrypt}\n"))?;
    /// assert!(FileCredentials::htpasswd(&path, "calls:read".parse()?).is_ok());
    ///
    /// std::fs::write(&path, format!("ada:{bcrypt}\nbob:$apr1$salt$hash\n"))?;
    /// let error = FileCredentials::htpasswd(&path, Scopes::none()).unwrap_err();
    /// assert!(error.to_string().contains("htpasswd:2: the hash is MD5 (apr1)"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`FileError::Unreadable`] if the file cannot be read;
    /// - [`FileError::Content`] if it is empty, too long or not UTF-8;
    /// - [`FileError::Line`] if a line is wrong.
    pub fn htpasswd(path: impl Into<PathBuf>, scopes: Scopes) -> Result<Self, FileError> {
        Self::load(Source::Htpasswd(path.into(), scopes))
    }

    /// Reads credentials from the value of an environment variable, which has the form of a [TOML file](super#the-toml-file).
    ///
    /// # Errors
    ///
    /// - [`FileError::Variable`] if the variable is not set, or is not UTF-8;
    /// - [`FileError::Content`] if it is empty or too long;
    /// - [`FileError::Line`] if a line of it is wrong.
    pub fn from_env(variable: &str) -> Result<Self, FileError> {
        match std::env::var(variable) {
            Ok(text) => Self::load(Source::Variable(variable.into(), Secret::from(text))),
            Err(_) => Err(FileError::Variable(variable.into())),
        }
    }

    fn load(source: Source) -> Result<Self, FileError> {
        Ok(Self(Arc::new(LoadedFile::open(source)?)))
    }

    /// Returns the mechanism for the keys: those of the form of [`key`](crate::key) with the prefix `cs`, and those of other
    /// systems.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys::new(self.directory(), peppers()).imported()
    }

    /// Returns the mechanism for the users, and for the ids and secrets of keys of the form of [`key`](crate::key).
    #[cfg(feature = "passwords")]
    #[must_use]
    pub fn basic(&self, hasher: PasswordHasher) -> Basic {
        Basic::new(self.directory(), peppers()).passwords(hasher)
    }

    /// Returns the directory of the credentials. An issuer that has it rejects the tokens of credentials that were removed from
    /// the file or changed in it. Do not give it to an issuer whose tokens are minted for the credentials of another file.
    #[must_use]
    pub fn directory(&self) -> Arc<dyn Directory> {
        Arc::clone(&self.0) as Arc<dyn Directory>
    }

    /// Reads the file again. This blocks the thread while the file is read. An environment variable is not read again.
    ///
    /// # Errors
    ///
    /// The error of the file, as [`open`](Self::open) and [`htpasswd`](Self::htpasswd) list them. The credentials from before
    /// stay in use then.
    pub fn reload(&self) -> Result<(), Arc<FileError>> {
        self.0.reload()
    }

    /// Reads the file again if its metadata have changed since it was last read. This blocks the thread while the file is read.
    ///
    /// # Errors
    ///
    /// The error of the last attempt to read the file, as for [`reload`](Self::reload).
    pub fn reload_if_changed(&self) -> Result<(), Arc<FileError>> {
        self.0.reload_if_changed()
    }

    /// Calls [`reload_if_changed`](Self::reload_if_changed) at this interval, at least 1 s. Spawn it on tokio's runtime:
    ///
    /// ```
    /// use countersign::file::{FileCredentials, FileError};
    /// use std::time::Duration;
    ///
    /// async fn keys() -> Result<FileCredentials, FileError> {
    ///     let file = FileCredentials::open("credentials.toml")?;
    ///     tokio::spawn(file.watch(Duration::from_secs(5)));
    ///     Ok(file)
    /// }
    /// # assert!(tokio_test::block_on(keys()).is_err());
    /// ```
    ///
    /// It ends when the last clone, mechanism and directory of these credentials has been dropped.
    pub fn watch(&self, interval: Duration) -> impl Future<Output = ()> + Send + use<> {
        let file = Arc::downgrade(&self.0);
        let interval = interval.max(MIN_INTERVAL);
        async move {
            loop {
                tokio::time::sleep(interval).await;
                let Some(file) = file.upgrade() else {
                    return;
                };
                // The error is logged, and kept for `check_ready`.
                let reload = move || drop(file.reload_if_changed());
                let _ = tokio::task::spawn_blocking(reload).await;
            }
        }
    }

    /// Returns the error of the last attempt to read the file, for a health check. The credentials from before stay in use, so
    /// report it as a degradation: all nodes have the same broken file, and if each of them stopped serving, none would be left.
    ///
    /// # Errors
    ///
    /// The error of the file, as for [`reload`](Self::reload).
    pub fn check_ready(&self) -> Result<(), Arc<FileError>> {
        self.0.last_result()
    }
}

/// The public pepper of the keys in files.
fn peppers() -> Peppers {
    Peppers::new(Pepper::of_files(), [])
}

impl fmt::Debug for FileCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FileCredentials({}, {} credentials)",
            self.0.source(),
            self.0.len()
        )
    }
}
