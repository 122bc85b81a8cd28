//! Why something was not done.

use std::fmt;

use countersign::auth::BuildError;
use countersign::directory::RegistryError;
use countersign::jose::KeyError;
use countersign::mint::IssuerError;
use countersign_store::StoreError;

/// Why a command did not do what it was asked: one line that says what to do.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::MasterKeyMissing { path } => format!(
                "the master key `{}` is missing, and without it the database's secrets cannot be read: put \
                 the file back, or say where the key is with `master_key_file` in [store] or with \
                 COUNTERSIGN_MASTER_KEY",
                path.display()
            ),
            error => error.to_string(),
        })
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self(match error {
            RegistryError::NotFound => {
                "there is no key of that id: `countersign key list` shows all keys".to_owned()
            }
            RegistryError::NameTaken => {
                "there is a user of that name already: choose another".to_owned()
            }
            error => error.to_string(),
        })
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self(format!("the server cannot be put together: {error}"))
    }
}

impl From<IssuerError> for Failure {
    fn from(error: IssuerError) -> Self {
        Self(format!("the issuer cannot be set up: {error}"))
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self(format!("the signing key cannot be used: {error}"))
    }
}
