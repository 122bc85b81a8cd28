use std::str::FromStr;

use crate::secret::Secret;

/// The Argon2id hash of a password as a PHC string: `$argon2id$v=…$m=…,t=…,p=…$<salt>$<hash>`.
///
/// The type prevents that a password is stored in place of its hash.
///
/// ```
/// use countersign::directory::PasswordHash;
///
/// assert!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA".parse::<PasswordHash>().is_ok());
/// assert!("correct horse battery staple".parse::<PasswordHash>().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// Returns the PHC string, for a store. It does not authenticate, but guesses can be tested with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for PasswordHash {
    type Err = InvalidPasswordHash;

    fn from_str(text: &str) -> Result<Self, InvalidPasswordHash> {
        let mut parts = text.split('$');
        let is_argon2id = parts.next() == Some("") && parts.next() == Some("argon2id");
        let is_complete = parts.clone().count() == 4 && parts.all(|part| !part.is_empty());
        if is_argon2id && is_complete {
            Ok(Self(Secret::from(text.to_owned())))
        } else {
            Err(InvalidPasswordHash)
        }
    }
}

/// The text is not the PHC string of an Argon2id hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hash must have the form $argon2id$v=…$m=…,t=…,p=…$<salt>$<hash>")]
pub struct InvalidPasswordHash;
