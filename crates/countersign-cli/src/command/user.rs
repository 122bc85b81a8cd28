//! `countersign user …`.

use clap::{Args, Subcommand};
use countersign::Scopes;
use countersign::directory::{CredentialKind, PasswordHash, UserName};
use countersign::registry::Page;
use serde::Serialize;
use serde_json::json;

use super::credential::{COLUMNS, ChangeCommand, CredentialArg, FIELDS, ListArgs, PlacementArgs};
use super::password::NewPassword;
use super::report::{Report, fields};
use super::subject::Subject;
use super::{CommandResult, Context, file_entry};
use crate::error::CommandError;
use crate::ops::{CredentialResponse, OpsError};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user, with a password from a prompt or the first line of standard input
    Create(CreateUserArgs),
    /// Replace the password of a user, from a prompt or the first line of standard input; tokens from before
    /// become invalid
    Passwd {
        #[command(flatten)]
        user: CredentialArg<UserName>,
        #[command(flatten)]
        password: PasswordArg,
    },
    /// Hash a password from a prompt or the first line of standard input, and print the lines of the user for an htpasswd file and
    /// for the credentials file of a program; no database is needed
    Hash(HashUserArgs),
    /// List users
    List(ListArgs),
    #[command(flatten)]
    Change(ChangeCommand<UserName>),
}

#[derive(Debug, Args)]
pub(crate) struct CreateUserArgs {
    #[command(flatten)]
    user: CredentialArg<UserName>,
    /// The scopes of the user, separated by spaces
    #[arg(long)]
    scopes: Scopes,
    #[command(flatten)]
    placement: PlacementArgs,
    #[command(flatten)]
    password: PasswordArg,
}

#[derive(Debug, Args)]
pub(crate) struct HashUserArgs {
    #[command(flatten)]
    user: CredentialArg<UserName>,
    /// The scopes of the user, separated by spaces; an htpasswd file has none
    #[arg(long)]
    scopes: Scopes,
    #[command(flatten)]
    password: PasswordArg,
}

#[derive(Debug, Args)]
pub(crate) struct PasswordArg {
    /// Generate a password, and print it; it cannot be printed again
    #[arg(long)]
    generate: bool,
}

/// A user, and the password if the command generated it.
#[derive(Serialize)]
struct UserResponse<'a> {
    #[serde(flatten)]
    user: CredentialResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

pub(super) async fn run(context: &Context, command: UserCommand) -> CommandResult {
    // A password is read before the database is opened, so that a cancelled prompt leaves no file behind.
    match command {
        UserCommand::Create(new) => {
            let password = NewPassword::read(new.password.generate)?;
            let (owner, issuers) = (new.placement.owner(), &new.placement.issuers);
            let operations = context.operations().await?;
            let hash = password.hash();
            let created = operations.create_user(new.user.name, new.scopes, owner, issuers, hash);
            report(created.await, Subject::Owner, password.to_show())
        }
        UserCommand::Passwd { user, password } => {
            let password = NewPassword::read(password.generate)?;
            let operations = context.operations().await?;
            let user = operations.find_user(user.name).await.map_err(error)?;
            let changed = operations.set_password(user.id, password.hash()).await;
            report(changed, Subject::User, password.to_show())
        }
        UserCommand::Hash(new) => {
            let password = NewPassword::read(new.password.generate)?;
            let hash = password.hash().await.map_err(error)?;
            report_hash(&new, &hash, password.to_show())
        }
        UserCommand::List(list) => {
            let operations = context.operations().await?;
            let creator = list.creator(operations).await?;
            let users = operations.list_users(creator, Page::all()).await?.users;
            let none = match creator {
                None => {
                    "there is no user: `countersign user create NAME --scopes SCOPES` creates one"
                }
                Some(_) => "the credential has created no user",
            };
            Report::of_table(&json!({ "users": users }), &users, COLUMNS, none)
        }
        UserCommand::Change(change) => {
            let (name, change) = change.into_change();
            let operations = context.operations().await?;
            let user = operations.find_user(name).await.map_err(error)?;
            let changed = operations.change_credential(CredentialKind::User, user.id, change);
            report(changed.await, Subject::User, None)
        }
    }
}

fn error(error: OpsError) -> CommandError {
    Subject::User.error(error)
}

fn report(
    user: Result<CredentialResponse, OpsError>,
    subject: Subject,
    password: Option<&str>,
) -> CommandResult {
    let user = user.map_err(|error| subject.error(error))?;
    let text = fields(&user, FIELDS)?;
    let response = UserResponse { user, password };
    match password {
        None => Report::new(&response, text),
        Some(password) => Ok(
            Report::new(&response, format!("{text}\npassword       {password}"))?
                .with_note("The password is shown only once."),
        ),
    }
}

fn report_hash(new: &HashUserArgs, hash: &PasswordHash, password: Option<&str>) -> CommandResult {
    let (name, hash) = (new.user.name.as_str(), hash.expose());
    let entry = file_entry::entry("users", name, &new.scopes, ("password_hash", hash))?;
    let line = format!("{name}:{hash}");
    let text = format!(
        "This is the line of an htpasswd file:\n\n{line}\n\nThis is the entry in the credentials file of a program:\n\n{entry}"
    );
    let Some(password) = password else {
        return Report::new(&json!({ "htpasswd": line, "entry": entry }), text);
    };
    let response = json!({ "password": password, "htpasswd": line, "entry": entry });
    let text = format!("password       {password}\n\nThe password is shown only once. {text}");
    Report::new(&response, text)
}
