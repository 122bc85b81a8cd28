//! Why something was not done.

use std::fmt;

use countersign::auth::BuildError;
use countersign::jose::KeyError;
use countersign::mint::IssuerError;
use countersign::registry::{Conflict, RegistryError};
use countersign_store::StoreError;

use crate::command::output::rfc3339;

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
            RegistryError::Conflict(conflict) => advice(conflict),
            error => error.to_string(),
        })
    }
}

/// What a command was about, so that its failure can say where to look.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Key,
    User,
    Account,
    Environment,
    /// A key or a user.
    Credential,
    Session,
    /// Of something new.
    Owner,
}

impl Subject {
    /// Why a registry did nothing about it.
    pub(crate) fn failure(self, error: RegistryError) -> Failure {
        let text = match (error, self) {
            (RegistryError::NotFound, Self::Key) => {
                "there is no key of that id: `countersign key list` shows all keys"
            }
            (RegistryError::NotFound, Self::User) => {
                "there is no user of that name: `countersign user list` shows all users"
            }
            (RegistryError::NotFound, Self::Credential) => {
                "there is no key or user of that id, and no user of that name: `countersign key list` and \
                 `countersign user list` show all of them"
            }
            (RegistryError::NotFound, Self::Session) => {
                "it has no such session: `countersign session list` shows all of them"
            }
            (RegistryError::NotFound, Self::Account) => {
                "there is no account of that id: `countersign account list` shows all accounts"
            }
            (RegistryError::NotFound, Self::Environment | Self::Owner) => {
                "there is no such account, or no such environment of it: `countersign account list` and \
                 `countersign environment list` show all of them"
            }
            (RegistryError::Conflict(Conflict::Revoked), Self::Environment | Self::Owner) => {
                "that account is revoked, which is for good: choose another"
            }
            (RegistryError::NameTaken, Self::Account) => {
                "there is an account of that name already: choose another"
            }
            (RegistryError::NameTaken, Self::Environment) => {
                "the account has an environment of that name already: choose another"
            }
            (RegistryError::NameTaken, _) => "there is a user of that name already: choose another",
            (error, _) => return error.into(),
        };
        Failure::new(text)
    }
}

/// What to do on the command line.
fn advice(conflict: Conflict) -> String {
    match conflict {
        Conflict::RotationUnderWay(until) => format!(
            "its previous secret works beside the present one until {}: wait until then, or rotate with \
             `--grace 0s` or `--compromised`, which end both",
            rfc3339(until)
        ),
        Conflict::PepperMissing => {
            "the pepper of its present secret is not known here: rotate with `--grace 0s`"
                .to_owned()
        }
        Conflict::DefaultAccount => {
            "the default account cannot be revoked, since the server's own operators \
                                     are there: revoke its credentials one by one"
                .to_owned()
        }
        conflict => conflict.to_string(),
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
