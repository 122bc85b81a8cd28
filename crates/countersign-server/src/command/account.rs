//! `countersign account …`.

use std::process::ExitCode;

use super::arguments::AccountCommand;
use super::output::{Output, fields, table};
use super::subject::Subject;
use crate::error::CommandError;
use crate::ops::{AccountListResponse, AccountResponse, Operations};

pub(super) async fn run(
    operations: &Operations,
    command: AccountCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let account = match command {
        AccountCommand::List => return list(&operations.list_accounts().await?, output),
        AccountCommand::Create { name } => operations.create_account(name).await,
        AccountCommand::Show { id } => operations.show_account(id).await,
        AccountCommand::Revoke { id } => operations.revoke_account(id).await,
    };
    let account = account.map_err(|error| Subject::Account.error(error))?;
    output.print(&account, &text(&account))
}

fn list(list: &AccountListResponse, output: Output) -> Result<ExitCode, CommandError> {
    let lines = list.accounts.iter().map(|account| {
        [
            account.id.to_string(),
            account.status.as_str().to_owned(),
            account.created_at.to_string(),
            account.name.clone(),
        ]
    });
    output.print(list, &table(["ID", "STATUS", "CREATED", "NAME"], lines))
}

fn text(account: &AccountResponse) -> String {
    fields(&[
        ("id", account.id.to_string()),
        ("name", account.name.clone()),
        ("status", account.status.as_str().to_owned()),
        ("generation", account.generation.to_string()),
        ("created", account.created_at.to_string()),
    ])
}
