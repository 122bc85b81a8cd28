//! `countersign credential …`.

use clap::{Args, Subcommand};
use countersign::registry::Change;
use serde_json::json;

use super::credential::creator;
use super::report::Report;
use super::subject::Subject;
use super::{CommandResult, Context};
use crate::config::value::reason;

const COLUMNS: &str =
    "id kind status created_by created_at last_used_at account_id reason name scopes";

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// List the keys, users and managed tokens that a key or user created, and what these created in turn
    List(CreatorArg),
    /// Revoke all of them for good, with their tokens; rotate or revoke the key or user itself first
    Revoke {
        #[command(flatten)]
        creator: CreatorArg,
        /// The reason, for the audit log
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreatorArg {
    /// The key or user that created them; it is named by its id, or by the user's name
    #[arg(long, value_name = "CREDENTIAL")]
    created_by: String,
}

pub(super) async fn run(context: &Context, command: CredentialCommand) -> CommandResult {
    let operations = context.operations().await?;
    let (argument, revoke, none) = match command {
        CredentialCommand::List(creator) => {
            (creator, None, "the credential has created no credential")
        }
        CredentialCommand::Revoke { creator, reason } => (
            creator,
            Some(Change::Revoke { reason }),
            "the credential has created no credential that is not revoked",
        ),
    };
    let creator = creator(operations, &argument.created_by).await?;
    let created = operations.list_created(creator, revoke.as_ref()).await;
    let created = created.map_err(|error| Subject::Credential.error(error))?;
    Report::of_table(&json!({ "credentials": created }), &created, COLUMNS, none)
}
