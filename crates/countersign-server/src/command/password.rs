//! Passwords from people.

use std::io::{self, IsTerminal as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::Secret;
use countersign::directory::PasswordHash;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::{Random as _, SystemRandom};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// A new password, made here or asked for.
pub(super) fn new(generate: bool) -> Result<Secret, Failure> {
    if generate {
        generated()
    } else if io::stdin().is_terminal() {
        prompted()
    } else {
        first_line()
    }
}

/// What is kept of it.
pub(super) fn hash(password: &Secret) -> Result<PasswordHash, Failure> {
    let hasher = PasswordHasher::new(1, &SystemRandom).map_err(of_hash)?;
    hasher
        .hash(password.expose(), &SystemRandom)
        .map_err(of_hash)
}

/// 192 random bits in 32 characters.
fn generated() -> Result<Secret, Failure> {
    let mut bytes = Zeroizing::new([0; 24]);
    SystemRandom
        .fill(bytes.as_mut())
        .map_err(|error| Failure::new(format!("no password can be made: {error}")))?;
    Ok(Secret::from(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

fn prompted() -> Result<Secret, Failure> {
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map(Secret::from)
            .map_err(|error| Failure::new(format!("the password cannot be read: {error}")))
    };
    let password = ask("Password: ")?;
    let again = ask("Again: ")?;
    if password.expose() != again.expose() {
        return Err(Failure::new("the two passwords differ: try again"));
    }
    Ok(password)
}

fn first_line() -> Result<Secret, Failure> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("the password cannot be read: {error}")))?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    let password = line.strip_suffix('\r').unwrap_or(line);
    if password.is_empty() {
        return Err(Failure::new(
            "no password came on standard input: write it there on one line, or let --generate make one",
        ));
    }
    if password.chars().any(char::is_control) {
        return Err(Failure::new(
            "a password has no control characters: Basic could not carry it",
        ));
    }
    Ok(Secret::from(password.to_owned()))
}

fn of_hash(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
