//! The error that ends a command.

use countersign::auth::BuildError;
use countersign::jose::KeyError;
use countersign::mint::IssuerError;
use countersign_store::StoreError;

/// An error that ends a command: one line that says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{0}")]
    Text(String),
    #[error("{}", store_text(.0))]
    Store(#[from] StoreError),
    #[error("the authenticator cannot be built: {0}")]
    Authenticator(#[from] BuildError),
    #[error("the issuer cannot be built: {0}")]
    Issuer(#[from] IssuerError),
    #[error("the signing key cannot be used: {0}")]
    SigningKey(#[from] KeyError),
    #[error("the response cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl CommandError {
    pub fn new(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

fn store_text(error: &StoreError) -> String {
    match error {
        StoreError::MasterKeyMissing(path) => format!(
            "the master key `{}` is missing, and without it the secrets in the database cannot be read: put the file \
             back, or name its path with `master_key_file` in [store], or set COUNTERSIGN_MASTER_KEY to the key",
            path.display()
        ),
        error => error.to_string(),
    }
}
