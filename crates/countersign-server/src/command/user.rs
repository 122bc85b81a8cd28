//! `countersign user …`.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::Secret;
use countersign::directory::{
    Change, CredentialKind, Listing, NewUser, Registry as _, RegistryError, UserName,
};
use countersign::mechanism::password::PasswordHasher;
use countersign::random::{Random as _, SystemRandom};
use serde::Serialize;
use zeroize::Zeroizing;

use super::arguments::{CreateUser, User};
use super::output::{self, Output, Shown};
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;

#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    user: Shown<'a>,
    /// Only one that was made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

#[derive(Serialize)]
struct Listed<'a> {
    users: Vec<Shown<'a>>,
}

pub(super) async fn run(
    config: &Config,
    command: User,
    output: Output,
) -> Result<ExitCode, Failure> {
    match command {
        User::Create(new) => create(config, new, output).await?,
        User::List => list(config, output).await?,
        User::Revoke { name } => revoke(config, &name, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(config: &Config, output: Output) -> Result<(), Failure> {
    let store = open(config).await?;
    let records = store
        .list(&caller(), Listing::of(CredentialKind::User))
        .await?;
    store.close().await?;
    let users: Vec<_> = records.iter().map(Shown::from).collect();
    let text = match &*users {
        [] => {
            "there is no user: `countersign user create NAME --scopes SCOPES` makes one".to_owned()
        }
        users => output::rows(users),
    };
    output.print(&Listed { users }, &text)
}

async fn revoke(config: &Config, name: &UserName, output: Output) -> Result<(), Failure> {
    let store = open(config).await?;
    let found = store.find_user(&caller(), name.clone()).await;
    let user = found.map_err(|error| match error {
        RegistryError::NotFound => {
            Failure::new("there is no user of that name: `countersign user list` shows all users")
        }
        error => error.into(),
    })?;
    let change = Change::Revoke { reason: None };
    let record = store.change(&caller(), user.id, change).await?;
    store.close().await?;
    let shown = Shown::from(&record);
    output.print(&shown, &shown.text())
}

async fn create(config: &Config, new: CreateUser, output: Output) -> Result<(), Failure> {
    // Asked for before the database is touched: giving up leaves no trace.
    let password = password(&new)?;
    let hasher = PasswordHasher::new(1, &SystemRandom).map_err(of_hash)?;
    let password_hash = hasher
        .hash(password.expose(), &SystemRandom)
        .map_err(of_hash)?;
    let store = open(config).await?;
    let record = store
        .create_user(&caller(), NewUser::new(new.name, password_hash, new.scopes))
        .await?;
    store.close().await?;

    let made = Made {
        user: Shown::from(&record),
        password: new.generate.then(|| password.expose()),
    };
    let mut text = made.user.text();
    if let Some(password) = made.password {
        text = format!("{text}\npassword     {password}\n\nThe password is shown once.");
    }
    output.print(&made, &text)
}

fn password(new: &CreateUser) -> Result<Secret, Failure> {
    if new.generate {
        generated()
    } else if io::stdin().is_terminal() {
        prompted()
    } else {
        first_line()
    }
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
