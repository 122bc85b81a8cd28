//! `countersign environment …`.

use std::process::ExitCode;

use countersign::registry::NewEnvironment;

use super::arguments::EnvironmentCommand;
use super::output::Output;
use super::subject::Subject;
use crate::error::CommandError;
use crate::ops::Operations;

const FIELDS: &str = "id name kind account_id created_at";
const COLUMNS: &str = "id kind account_id created_at name";

pub(super) async fn run(
    operations: &Operations,
    command: EnvironmentCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    match command {
        EnvironmentCommand::Create(new) => {
            let mut environment = NewEnvironment::new(new.name, new.kind.into());
            environment.account = new.account;
            let created = operations.create_environment(environment).await;
            let created = created.map_err(|error| Subject::Environment.error(error))?;
            output.print_fields(&created, FIELDS)
        }
        EnvironmentCommand::List { account } => {
            let list = operations.list_environments(account).await;
            let list = list.map_err(|error| Subject::Account.error(error))?;
            let none = "the account has no environment: `countersign environment create NAME --account ID` creates one";
            output.print_table(&list, &list.environments, COLUMNS, none)
        }
    }
}
