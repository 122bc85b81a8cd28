//! `countersign account …`.

use std::process::ExitCode;

use super::arguments::AccountCommand;
use super::output::Output;
use super::subject::Subject;
use crate::error::CommandError;
use crate::ops::Operations;

const FIELDS: &str = "id name status generation created_at";
const COLUMNS: &str = "id status created_at name";

pub(super) async fn run(
    operations: &Operations,
    command: AccountCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let account = match command {
        AccountCommand::List => {
            let list = operations.list_accounts().await?;
            return output.print_table(&list, &list.accounts, COLUMNS, "there is no account");
        }
        AccountCommand::Create { name } => operations.create_account(name).await,
        AccountCommand::Show { id } => operations.show_account(id).await,
        AccountCommand::Revoke { id } => operations.revoke_account(id).await,
    };
    let account = account.map_err(|error| Subject::Account.error(error))?;
    output.print_fields(&account, FIELDS)
}
