//! The error that ends a command.

use std::fmt;

use countersign::auth::BuildError;
use countersign::jose::KeyError;
use countersign::mint::IssuerError;
use countersign_store::StoreError;

/// An error that ends a command: one line that says what is wrong and what to do.
#[derive(Debug)]
pub(crate) struct CommandError(String);

impl CommandError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::MasterKeyMissing(path) => format!(
                "the master key `{}` is missing, and without it the secrets in the database cannot be read: \
                 put the file back, or name its path with `master_key_file` in [store], or set \
                 COUNTERSIGN_MASTER_KEY to the key",
                path.display()
            ),
            error => error.to_string(),
        })
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        Self(format!("the authenticator cannot be built: {error}"))
    }
}

impl From<IssuerError> for CommandError {
    fn from(error: IssuerError) -> Self {
        Self(format!("the issuer cannot be built: {error}"))
    }
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        Self(format!("the signing key cannot be used: {error}"))
    }
}
