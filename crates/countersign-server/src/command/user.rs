//! `countersign user …`.

use std::future::ready;
use std::process::ExitCode;

use countersign::directory::{CredentialKind, UserName};
use countersign::registry::Change;
use serde::Serialize;
use serde_json::json;

use super::arguments::{CreateUserArgs, UserCommand};
use super::credential::{COLUMNS, FIELDS};
use super::output::{Output, fields};
use super::password::NewPassword;
use super::subject::Subject;
use super::with_operations;
use crate::config::Config;
use crate::error::CommandError;
use crate::ops::{CredentialResponse, Operations, OpsError};

/// A user, and the password if the command generated it.
#[derive(Serialize)]
struct UserResponse<'a> {
    #[serde(flatten)]
    user: CredentialResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

pub(super) async fn run(
    config: Config,
    command: UserCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let (name, change) = match command {
        UserCommand::Create(new) => return create(config, new, output).await,
        UserCommand::Passwd { name, generate } => {
            return set_password(config, name, generate, output).await;
        }
        UserCommand::List => return list(config, output).await,
        UserCommand::Suspend { name } => (name, Change::Suspend),
        UserCommand::Activate { name } => (name, Change::Activate),
        UserCommand::Revoke { name, reason } => (name, Change::Revoke { reason }),
        UserCommand::Delete { name } => (name, Change::Delete),
    };
    with_operations(config, async |operations: &Operations| {
        let user = operations.find_user(name).await.map_err(error)?;
        let changed = operations.change_credential(CredentialKind::User, user.id, change);
        print(changed.await.map_err(error)?, None, output)
    })
    .await
}

async fn list(config: Config, output: Output) -> Result<ExitCode, CommandError> {
    with_operations(config, async |operations: &Operations| {
        let list = operations.list_users(None, u32::MAX).await?;
        let none = "there is no user: `countersign user create NAME --scopes SCOPES` creates one";
        output.print_table(&json!({ "users": list.users }), &list.users, COLUMNS, none)
    })
    .await
}

async fn create(
    config: Config,
    new: CreateUserArgs,
    output: Output,
) -> Result<ExitCode, CommandError> {
    // The password is read before the database is opened, so that a cancelled prompt leaves no file behind.
    let password = NewPassword::read(new.generate)?;
    with_operations(config, async |operations: &Operations| {
        let hash = ready(Ok::<_, OpsError>(password.hash.clone()));
        let owner = new.owner.into();
        let created = operations.create_user(new.name, new.scopes, owner, &new.bound.issuers, hash);
        let created = created.await.map_err(|error| Subject::Owner.error(error))?;
        print(created, password.to_show(), output)
    })
    .await
}

async fn set_password(
    config: Config,
    name: UserName,
    generate: bool,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let password = NewPassword::read(generate)?;
    with_operations(config, async |operations: &Operations| {
        let user = operations.find_user(name).await.map_err(error)?;
        let hash = ready(Ok::<_, OpsError>(password.hash.clone()));
        let changed = operations.set_password(user.id, hash).await;
        print(changed.map_err(error)?, password.to_show(), output)
    })
    .await
}

fn error(error: OpsError) -> CommandError {
    Subject::User.error(error)
}

fn print(
    user: CredentialResponse,
    password: Option<&str>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let mut text = fields(&user, FIELDS)?;
    if let Some(password) = password {
        text = format!("{text}\npassword       {password}\n\nThe password is shown only once.");
    }
    output.print(&UserResponse { user, password }, &text)
}
