//! `countersign managed-token …`.

use clap::{Args, Subcommand};
use countersign::Id;
use countersign::directory::{CredentialKind, Status};
use countersign::registry::{Change, Page};
use serde_json::json;

use super::credential::{CredentialArg, FIELDS, ListArgs, creator};
use super::report::Report;
use super::subject::Subject;
use super::{CommandResult, Context};
use crate::config::value::reason;
use crate::error::CommandError;
use crate::ops::{CredentialResponse, Operations, OpsError};

const COLUMNS: &str =
    "id status created_by expires_at last_used_at updated_at account_id issuers reason scopes";

#[derive(Debug, Subcommand)]
pub(crate) enum ManagedTokenCommand {
    /// List managed tokens
    List(ListArgs),
    /// Show a managed token
    Show(CredentialArg<Id>),
    /// Suspend managed tokens: they are rejected until they are activated
    Suspend(SelectionArgs),
    /// Activate suspended managed tokens
    Activate(SelectionArgs),
    /// Revoke managed tokens for good
    Revoke {
        #[command(flatten)]
        selection: SelectionArgs,
        /// The reason, for the audit log
        #[arg(long, value_parser = reason)]
        reason: Option<String>,
    },
    /// Delete revoked managed tokens
    Delete(SelectionArgs),
}

/// Selects one managed token, or all that a credential created.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SelectionArgs {
    /// The id of the managed token
    id: Option<Id>,
    /// All managed tokens that this key or user created; it is named by its id, or by the user's name
    #[arg(long, value_name = "CREDENTIAL")]
    created_by: Option<String>,
}

pub(super) async fn run(context: &Context, command: ManagedTokenCommand) -> CommandResult {
    let operations = context.operations().await?;
    let (selection, change) = match command {
        ManagedTokenCommand::List(arguments) => {
            let tokens = list(operations, arguments.creator(operations).await?).await?;
            return report_list(&tokens, "there is no managed token");
        }
        ManagedTokenCommand::Show(token) => {
            let token = operations
                .show_credential(CredentialKind::Token, token.name)
                .await;
            return Report::of_fields(&token.map_err(error)?, FIELDS);
        }
        ManagedTokenCommand::Suspend(selection) => (selection, Change::Suspend),
        ManagedTokenCommand::Activate(selection) => (selection, Change::Activate),
        ManagedTokenCommand::Revoke { selection, reason } => (selection, Change::Revoke { reason }),
        ManagedTokenCommand::Delete(selection) => (selection, Change::Delete),
    };
    if let Some(id) = selection.id {
        let changed = operations.change_credential(CredentialKind::Token, id, change);
        return Report::of_fields(&changed.await.map_err(error)?, FIELDS);
    }
    let creator = match &selection.created_by {
        Some(name) => Some(creator(operations, name).await?),
        None => None,
    };
    let mut changed = Vec::new();
    for token in list(operations, creator).await? {
        if applies(&change, token.status) {
            let change = change.clone();
            let token = operations.change_credential(CredentialKind::Token, token.id, change);
            changed.push(token.await.map_err(error)?);
        }
    }
    report_list(
        &changed,
        "the credential has created no managed token that can be changed so",
    )
}

/// Lists all managed tokens, or those that a credential created.
async fn list(
    operations: &Operations,
    creator: Option<Id>,
) -> Result<Vec<CredentialResponse>, CommandError> {
    let page = operations.list_managed_tokens(creator, Page::all()).await?;
    Ok(page.managed_tokens)
}

/// Returns whether a token of this status can be changed so.
fn applies(change: &Change, status: Status) -> bool {
    match change {
        Change::Delete => status == Status::Revoked,
        _ => status != Status::Revoked,
    }
}

fn report_list(tokens: &[CredentialResponse], none: &str) -> CommandResult {
    Report::of_table(&json!({ "managed_tokens": tokens }), tokens, COLUMNS, none)
}

fn error(error: OpsError) -> CommandError {
    Subject::ManagedToken.error(error)
}
