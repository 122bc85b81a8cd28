//! `countersign environment …`.

use std::process::ExitCode;

use countersign::registry::NewEnvironment;

use super::arguments::EnvironmentCommand;
use super::output::{Output, fields, table};
use super::subject::Subject;
use crate::error::CommandError;
use crate::ops::{EnvironmentListResponse, EnvironmentResponse, Operations};

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
            output.print(&created, &text(&created))
        }
        EnvironmentCommand::List { account } => {
            let list = operations.list_environments(account).await;
            print_list(
                &list.map_err(|error| Subject::Account.error(error))?,
                output,
            )
        }
    }
}

fn print_list(list: &EnvironmentListResponse, output: Output) -> Result<ExitCode, CommandError> {
    let lines = list.environments.iter().map(|environment| {
        [
            environment.id.to_string(),
            environment.kind.as_str().to_owned(),
            environment.account_id.to_string(),
            environment.created_at.to_string(),
            environment.name.clone(),
        ]
    });
    let text = if list.environments.is_empty() {
        "the account has no environment: `countersign environment create NAME --account ID` creates one"
            .to_owned()
    } else {
        table(["ID", "KIND", "ACCOUNT", "CREATED", "NAME"], lines)
    };
    output.print(list, &text)
}

fn text(environment: &EnvironmentResponse) -> String {
    fields(&[
        ("id", environment.id.to_string()),
        ("name", environment.name.clone()),
        ("kind", environment.kind.as_str().to_owned()),
        ("account", environment.account_id.to_string()),
        ("created", environment.created_at.to_string()),
    ])
}
