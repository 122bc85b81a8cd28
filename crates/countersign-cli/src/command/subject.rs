use countersign::registry::{Conflict, RegistryError};

use super::token;
use crate::error::CommandError;
use crate::ops::OpsError;
use crate::schema::Rfc3339;

/// What a command is about, so that its error can name the command that lists such things.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    Key,
    User,
    Account,
    Environment,
    ManagedToken,
    /// A key or a user.
    Credential,
    Session,
    /// The account and environment of a new credential.
    Owner,
}

impl Subject {
    /// Converts the error of an operation on the subject.
    pub(super) fn error(self, error: OpsError) -> CommandError {
        let OpsError::Registry(registry) = &error else {
            return error.into();
        };
        let text = match (registry, self) {
            (RegistryError::NotFound, Self::Key) => {
                "there is no key of that id: `countersign key list` lists all keys"
            }
            (RegistryError::NotFound, Self::User) => {
                "there is no user of that name: `countersign user list` lists all users"
            }
            (RegistryError::NotFound, Self::ManagedToken) => {
                "there is no managed token of that id: `countersign managed-token list` lists all managed tokens"
            }
            (RegistryError::NotFound, Self::Credential) => {
                "there is no key or user of that id, and no user of that name: `countersign key list` and \
                 `countersign user list` list them"
            }
            (RegistryError::NotFound, Self::Session) => {
                "the credential has no such session: `countersign session list` lists its sessions"
            }
            (RegistryError::NotFound, Self::Account) => {
                "there is no account of that id: `countersign account list` lists all accounts"
            }
            (RegistryError::NotFound, Self::Environment | Self::Owner) => {
                "there is no such account, or it has no such environment: `countersign account list` and \
                 `countersign environment list` list them"
            }
            (RegistryError::Conflict(Conflict::Revoked), Self::Environment | Self::Owner) => {
                "that account is revoked, which is permanent: choose another one"
            }
            (RegistryError::NameTaken, Self::Account) => {
                "there is an account of that name already: choose another name"
            }
            (RegistryError::NameTaken, Self::Environment) => {
                "the account has an environment of that name already: choose another name"
            }
            (RegistryError::NameTaken, _) => {
                "there is a user of that name already: choose another name"
            }
            _ => return error.into(),
        };
        CommandError::new(text)
    }
}

impl From<OpsError> for CommandError {
    fn from(error: OpsError) -> Self {
        Self::new(match error {
            OpsError::Store(error) => return error.into(),
            OpsError::Registry(RegistryError::Conflict(conflict)) => conflict_text(conflict),
            OpsError::Registry(error) => error.to_string(),
            OpsError::IssuerNotFound(name) | OpsError::UnknownIssuer(name) => format!(
                "there is no issuer {name}: put [issuer.{name}] with its `url` into the configuration first, \
                 and name that file with --config"
            ),
            OpsError::AlgorithmConfigured {
                issuer,
                configured,
                wanted,
            } => format!(
                "`algorithm` in [issuer.{issuer}] is {configured}, and a server with this configuration could \
                 not start with a key for {wanted}: remove that line first, then rotate"
            ),
            OpsError::NoPublicKey(state) => format!(
                "the signing key is {state} and has no public part to print: a key is published until the last token that \
                 it signed has expired, and keys for HMAC never are"
            ),
            OpsError::InvalidToken(reason) => format!(
                "nothing was revoked, because this token is not valid with this configuration: {}",
                token::explanation(reason)
            ),
            OpsError::TokenUndecided => {
                "the token could not be verified at present: try again".to_owned()
            }
            OpsError::TokenNotIdentified => {
                "the token has no id: revoke its credential instead".to_owned()
            }
            OpsError::UnknownAuditState => {
                "the audit log could not be verified: run the version that wrote it".to_owned()
            }
            // A command may grant everything.
            OpsError::DefaultAccountRequired => "this is not permitted".to_owned(),
        })
    }
}

/// Returns what to do about a conflict on the command line.
fn conflict_text(conflict: Conflict) -> String {
    match conflict {
        Conflict::RotationUnderWay(until) => format!(
            "the key's previous secret works until {}: wait until then, or rotate with `--grace 0s` or \
             `--compromised`, which end the previous secrets",
            Rfc3339(until)
        ),
        Conflict::PepperMissing => {
            "the pepper of the key's present secret is not available: rotate with `--grace 0s`".to_owned()
        }
        Conflict::NoGraceForImported => {
            "an imported key ends when it is rotated: rotate with `--grace 0s`"
                .to_owned()
        }
        Conflict::DefaultAccount => {
            "the default account cannot be revoked, since it holds the server's operators: revoke its \
             credentials one by one"
                .to_owned()
        }
        conflict => conflict.to_string(),
    }
}
