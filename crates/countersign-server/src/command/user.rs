//! `countersign user …`.

use std::process::ExitCode;

use countersign::Secret;
use countersign::directory::{CredentialKind, UserName};
use countersign::registry::{Change, CredentialFilter, NewUser, Record, Registry as _};
use countersign_store::Store;
use serde::Serialize;

use super::arguments::{CreateUser, User};
use super::output::Output;
use super::shown::{self, Shown};
use super::{caller, open, password};
use crate::config::Config;
use crate::failure::{Failure, Subject};
use crate::issuer;

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
        User::Passwd { name, generate } => passwd(config, name, generate, output).await?,
        User::List => list(config, output).await?,
        User::Suspend { name } => change(config, name, Change::Suspend, output).await?,
        User::Activate { name } => change(config, name, Change::Activate, output).await?,
        User::Revoke { name, reason } => {
            change(config, name, Change::Revoke { reason }, output).await?;
        }
        User::Delete { name } => change(config, name, Change::Delete, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(config: &Config, output: Output) -> Result<(), Failure> {
    let store = open(config).await?;
    let listing = CredentialFilter::of(CredentialKind::User);
    let records = store.list(&caller(), listing).await?;
    store.close().await?;
    let users: Vec<_> = records.iter().map(Shown::from).collect();
    let text = match &*users {
        [] => {
            "there is no user: `countersign user create NAME --scopes SCOPES` makes one".to_owned()
        }
        users => shown::list(users),
    };
    output.print(&Listed { users }, &text)
}

async fn change(
    config: &Config,
    name: UserName,
    change: Change,
    output: Output,
) -> Result<(), Failure> {
    let store = open(config).await?;
    let record = change_named(&store, name, change).await?;
    store.close().await?;
    show(&record, None, output)
}

async fn create(config: &Config, new: CreateUser, output: Output) -> Result<(), Failure> {
    // Asked for before the database is touched: giving up leaves no trace.
    let password = password::new(new.generate)?;
    let hash = password::hash(&password)?;
    let store = open(config).await?;
    let issuers = issuer::named(&new.bound.issuers, config, &store).await?;
    let user = NewUser::new(new.name, hash, new.scopes)
        .owner(new.owner.into())
        .issuers(issuers);
    let record = store.create_user(&caller(), user).await;
    let record = record.map_err(|error| Subject::Owner.failure(error))?;
    store.close().await?;
    show(&record, new.generate.then_some(&password), output)
}

async fn passwd(
    config: &Config,
    name: UserName,
    generate: bool,
    output: Output,
) -> Result<(), Failure> {
    let password = password::new(generate)?;
    let hash = password::hash(&password)?;
    let store = open(config).await?;
    let record = change_named(&store, name, Change::Password(hash)).await?;
    store.close().await?;
    show(&record, generate.then_some(&password), output)
}

async fn change_named(store: &Store, name: UserName, change: Change) -> Result<Record, Failure> {
    let caller = caller();
    let failed = |error| Subject::User.failure(error);
    let user = store.find_user(&caller, name).await.map_err(failed)?;
    let changed = store.change(&caller, user.id, change).await;
    changed.map_err(failed)
}

fn show(record: &Record, made: Option<&Secret>, output: Output) -> Result<(), Failure> {
    let made = Made {
        user: Shown::from(record),
        password: made.map(Secret::expose),
    };
    let mut text = made.user.text();
    if let Some(password) = made.password {
        text = format!("{text}\npassword     {password}\n\nThe password is shown once.");
    }
    output.print(&made, &text)
}
