//! New passwords of users.

use std::future::{Ready, ready};
use std::io::{self, IsTerminal as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::Secret;
use countersign::directory::PasswordHash;
use countersign::mechanism::password::{PasswordError, PasswordHasher};
use countersign::random::{Random as _, SystemRandom};
use zeroize::Zeroizing;

use super::input;
use crate::error::CommandError;
use crate::ops::OpsError;

/// A new password with its hash.
pub(super) struct NewPassword {
    hash: PasswordHash,
    password: Secret,
    generated: bool,
}

impl NewPassword {
    /// Generates a password, or reads it from a prompt or the first line of standard input.
    pub(super) fn read(generate: bool) -> Result<Self, CommandError> {
        let password = if generate {
            generate_secret()
        } else if io::stdin().is_terminal() {
            prompt()
        } else {
            read_line()
        }?;
        let invalid = |error: PasswordError| CommandError::new(error.to_string());
        let hasher = PasswordHasher::new(1, SystemRandom).map_err(invalid)?;
        let hash = hasher.hash(password.expose());
        Ok(Self {
            hash: hash.map_err(invalid)?,
            password,
            generated: generate,
        })
    }

    /// Returns the hash, as [`Operations`](crate::ops::Operations) await it.
    pub(super) fn hash(&self) -> Ready<Result<PasswordHash, OpsError>> {
        ready(Ok(self.hash.clone()))
    }

    /// Returns the password if it was generated: its user has not seen it yet.
    pub(super) fn to_show(&self) -> Option<&str> {
        self.generated.then(|| self.password.expose())
    }
}

/// Generates 192 random bits in 32 characters.
pub(super) fn generate_secret() -> Result<Secret, CommandError> {
    let mut bytes = Zeroizing::new([0; 24]);
    SystemRandom
        .fill(bytes.as_mut())
        .map_err(|error| CommandError::new(format!("cannot generate a password: {error}")))?;
    Ok(Secret::from(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

fn prompt() -> Result<Secret, CommandError> {
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map(Secret::from)
            .map_err(|error| CommandError::new(format!("cannot read the password: {error}")))
    };
    let password = ask("Password: ")?;
    let repeated = ask("Repeat the password: ")?;
    if password.expose() != repeated.expose() {
        return Err(CommandError::new("the two passwords differ: try again"));
    }
    Ok(password)
}

fn read_line() -> Result<Secret, CommandError> {
    let password = input::read_line(io::stdin().lock(), "password")?;
    if password.expose().is_empty() {
        return Err(CommandError::new(
            "no password came on standard input: write it there on one line, or generate one with --generate",
        ));
    }
    if password.expose().chars().any(char::is_control) {
        return Err(CommandError::new(
            "a password must not contain control characters: Basic cannot carry them",
        ));
    }
    Ok(password)
}
